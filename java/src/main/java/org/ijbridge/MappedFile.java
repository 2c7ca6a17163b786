package org.ijbridge;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A file that is mapped into memory, of any size. In {@code /dev/shm}, which is a file system in memory, it is what Linux
 * has for shared memory; in the temporary folder it takes its place where that is too small.
 * <p>
 * All its bytes are written before anybody maps it. A file that is only made as long as it shall be takes no room, and
 * whoever then writes into a mapping that has no room behind it is ended by the system (SIGBUS). Written at once it
 * costs nothing more: the pages must be made at some time, which by writing into a mapping takes twice as long.
 * </p>
 * <p>
 * In memory, its pages are mapped before anybody writes into them, here and in the worker: sixteen at a time, where
 * writing maps them one by one (measured: 1 GB is copied in 0.06 s after 0.1 s of mapping, else in 0.35 s). On a disk that
 * would only read them.
 * </p>
 * <p>
 * On Linux the file has no name: it is deleted while it is open, and the worker opens it by what {@code /proc} shows
 * of this process. So the system frees it with the last process that holds it, however that ends. Elsewhere it has a
 * name until it is released, and the worker deletes it where ImageJ died.
 * </p>
 */
final class MappedFile implements Storage {

	private static final int ZEROS = 1 << 20;

	/** Bytes from the start of one mapping to that of the next: with what it reaches further, Java's buffers hold it. */
	private static final long STEP = 1L << 30;

	private final RandomAccessFile file;
	private final File named;
	private final String path;
	private final long size;
	private final boolean inMemory;

	/** One for each {@link #STEP}, reaching on into the next, so that each window lies in one of them. */
	private final MappedByteBuffer[] parts;

	/**
	 * @param folder where the file is made
	 * @param size in bytes, at least 1
	 * @param inMemory whether that folder is one in memory
	 * @throws IOException where there is no room; then nothing is left there
	 */
	MappedFile(final File folder, final long size, final boolean inMemory) throws IOException {
		this.size = size;
		this.inMemory = inMemory;
		final File made = Files.createTempFile(folder.toPath(), "ijbridge-", ".pixels").toFile();
		boolean complete = false;
		RandomAccessFile opened = null;
		try {
			opened = new RandomAccessFile(made, "rw");
			final String link = linkTo(made);
			named = link != null && made.delete() ? null : made;
			path = named == null ? link : made.getPath();
			reserve(opened, size);
			parts = map(opened.getChannel(), size);
			if (inMemory) for (final MappedByteBuffer part : parts) part.load();
			file = opened;
			complete = true;
		}
		finally {
			if (!complete) {
				if (opened != null) opened.close();
				made.delete();
			}
		}
	}

	/** Takes the room for a file; not by a channel, which an interrupt of the thread would close. */
	static void reserve(final RandomAccessFile file, final long size) throws IOException {
		final byte[] zeros = new byte[(int) Math.min(size, ZEROS)];
		for (long written = 0; written < size; written += zeros.length) {
			file.write(zeros, 0, (int) Math.min(zeros.length, size - written));
		}
	}

	private static MappedByteBuffer[] map(final FileChannel channel, final long size) throws IOException {
		final MappedByteBuffer[] parts = new MappedByteBuffer[(int) ((size - 1) / STEP) + 1];
		for (int i = 0; i < parts.length; i++) {
			final long start = i * STEP;
			parts[i] = channel.map(FileChannel.MapMode.READ_WRITE, start, Math.min(size - start, STEP + Pixels.CHUNK));
		}
		return parts;
	}

	/** What other processes of this user open an open file by, whether or not it has a name; null but on Linux. */
	private static String linkTo(final File open) throws IOException {
		final Path descriptors = Paths.get("/proc/self/fd");
		if (!Files.isDirectory(descriptors)) return null;
		final Path wanted = open.toPath().toRealPath();
		try (DirectoryStream<Path> links = Files.newDirectoryStream(descriptors)) {
			for (final Path link : links) {
				if (!wanted.equals(target(link))) continue;
				return "/proc/" + new File("/proc/self").getCanonicalFile().getName() + "/fd/" + link.getFileName();
			}
		}
		return null;
	}

	/** Null for one that another thread has closed since. */
	private static Path target(final Path link) {
		try {
			return Files.readSymbolicLink(link);
		}
		catch (final IOException closed) {
			return null;
		}
	}

	@Override
	public ByteBuffer buffer(final long offset, final int length) {
		final ByteBuffer window = parts[(int) (offset / STEP)].duplicate();
		window.position((int) (offset % STEP));
		window.limit(window.position() + length);
		return window.slice().order(ByteOrder.nativeOrder());
	}

	@Override
	public Map<String, Object> reference() {
		final Map<String, Object> reference = new LinkedHashMap<>();
		reference.put("file", path);
		reference.put("size", size);
		reference.put("in_memory", inMemory);
		return reference;
	}

	@Override
	public boolean isNamed() {
		return named != null;
	}

	@Override
	public void release() {
		// Else Java keeps them, and with them the room, until it happens to collect garbage.
		for (final MappedByteBuffer part : parts) unmap(part);
		try {
			file.close();
		}
		catch (final IOException failure) {
			LogFile.write("a shared file was not closed", failure);
		}
		if (named != null && !named.delete()) {
			LogFile.write("the shared file " + named + " could not be deleted");
			named.deleteOnExit();
		}
	}

	/** By what Java has for itself only: from version 9 on, and before. */
	private static void unmap(final MappedByteBuffer part) {
		try {
			final Class<?> unsafe = Class.forName("sun.misc.Unsafe");
			final Field one = unsafe.getDeclaredField("theUnsafe");
			one.setAccessible(true);
			unsafe.getMethod("invokeCleaner", ByteBuffer.class).invoke(one.get(null), part);
		}
		catch (final NoSuchMethodException java8) {
			clean(part);
		}
		catch (final ReflectiveOperationException | RuntimeException failure) {
			LogFile.write("a shared file stays mapped until Java collects it", failure);
		}
	}

	private static void clean(final MappedByteBuffer part) {
		try {
			final Method cleaner = part.getClass().getMethod("cleaner");
			cleaner.setAccessible(true);
			final Object found = cleaner.invoke(part);
			found.getClass().getMethod("clean").invoke(found);
		}
		catch (final ReflectiveOperationException | RuntimeException failure) {
			LogFile.write("a shared file stays mapped until Java collects it", failure);
		}
	}
}
