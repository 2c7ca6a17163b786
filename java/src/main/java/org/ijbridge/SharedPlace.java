package org.ijbridge;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apposed.appose.SharedMemory;

/** A place where blocks can lie, and how much room there is. */
final class SharedPlace {

	/** Where Linux keeps shared memory: a file system of its own, 64 MB in most containers. */
	private static final File LINUX_MEMORY = new File("/dev/shm");

	/** One line of what Linux tells of memory. */
	private static final Pattern LINE = Pattern.compile("(?m)^(\\w+):? +(\\d{1,15})( kB)?$");

	private final File folder;

	/** @param folder where files can be made; null for memory that is in no folder */
	SharedPlace(final File folder) {
		this.folder = folder;
	}

	/** The places of this machine, the best first: memory, then the temporary folder. */
	static List<SharedPlace> all() {
		final SharedPlace temporary = new SharedPlace(new File(System.getProperty("java.io.tmpdir")));
		final boolean linux = System.getProperty("os.name").startsWith("Linux");
		return Arrays.asList(new SharedPlace(linux ? LINUX_MEMORY : null), temporary);
	}

	/** Bytes that can be had at this time; what is in no folder does not tell. */
	long free() {
		if (folder == null) return Long.MAX_VALUE;
		final long room = folder.getUsableSpace();
		return folder.equals(LINUX_MEMORY) ? Math.min(room, freeMemory()) : room;
	}

	/** @throws IOException where there is no room; then nothing is left there */
	Storage make(final long size) throws IOException {
		return folder == null ? new NamedMemory(size) : new MappedFile(folder, size, folder.equals(LINUX_MEMORY));
	}

	/**
	 * Shared memory with a name, as Appose makes it, in this place: that of {@link #all} that comes first.
	 *
	 * @throws IOException where there is no room, which its message says; then nothing is left there
	 */
	SharedMemory reserveNamed(final long size) throws IOException {
		final long free = free();
		if (size > free) throw new IOException(megabytes(free) + " are free in " + this);
		final SharedMemory memory = NamedMemory.create(size);
		if (folder == null) return memory;
		boolean complete = false;
		try (RandomAccessFile file = new RandomAccessFile(new File(folder, memory.name()), "rw")) {
			MappedFile.reserve(file, size);
			complete = true;
			return memory;
		}
		finally {
			if (!complete) memory.close();
		}
	}

	/** Bytes, as messages say them. */
	static String megabytes(final long bytes) {
		return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
	}

	/** What is in /dev/shm is memory, however large it claims to be: beyond what is free, the system ends processes. */
	private static long freeMemory() {
		final long free = 1024 * line("MemAvailable", text("/proc/meminfo"), Long.MAX_VALUE / 1024);
		final String limit = text("/sys/fs/cgroup/memory.max");
		final String used = text("/sys/fs/cgroup/memory.current");
		if (!limit.matches("\\d{1,18}") || !used.matches("\\d{1,18}")) return free;
		// Files that are only kept in memory for the next who reads them make room.
		final String kinds = text("/sys/fs/cgroup/memory.stat");
		final long kept = Math.max(0, line("file", kinds, 0) - line("shmem", kinds, 0));
		return Math.min(free, Math.max(0, Long.parseLong(limit) - Long.parseLong(used) + kept));
	}

	private static long line(final String name, final String text, final long otherwise) {
		final Matcher line = LINE.matcher(text);
		while (line.find()) if (line.group(1).equals(name)) return Long.parseLong(line.group(2));
		return otherwise;
	}

	private static String text(final String path) {
		final Path file = Paths.get(path);
		try {
			return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).trim();
		}
		catch (final IOException notThere) {
			return "";
		}
	}

	@Override
	public String toString() {
		return folder == null ? "shared memory" : folder.getPath();
	}
}
