package org.ijbridge;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.EnumSet;
import java.util.Set;

/**
 * The file that holds what is too long for a sentence: traces of Java and Python, and what the worker writes to its
 * standard error. The user alone may read it.
 * <p>
 * It lies at {@code <user home>/.ijbridge/ijbridge.log}, or where the system property {@code ijbridge.log} says. Above
 * {@value #LIMIT} bytes it is renamed to {@code ijbridge.log.1}, which replaces the one before.
 * </p>
 */
final class LogFile {

	private static final long LIMIT = 1_000_000;

	private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");

	private static final Set<StandardOpenOption> APPENDED = EnumSet.of(StandardOpenOption.CREATE, StandardOpenOption.APPEND);

	private LogFile() {}

	/** Where the log lies, whether or not it exists by now. */
	static File file() {
		final String elsewhere = System.getProperty("ijbridge.log");
		if (elsewhere != null && !elsewhere.isEmpty()) return new File(elsewhere);
		return new File(new File(System.getProperty("user.home"), ".ijbridge"), "ijbridge.log");
	}

	/** Appends one entry with the time. A log that cannot be written never stops the run that it would tell of. */
	static synchronized void write(final String entry) {
		final Path path = file().toPath().toAbsolutePath();
		try {
			Files.createDirectories(path.getParent(), forTheUser("rwx------"));
			if (Files.exists(path) && Files.size(path) > LIMIT) {
				final Path older = path.resolveSibling(path.getFileName() + ".1");
				Files.move(path, older, StandardCopyOption.REPLACE_EXISTING);
			}
			final String line = LocalDateTime.now().format(TIME) + " " + entry.trim() + System.lineSeparator();
			try (SeekableByteChannel file = Files.newByteChannel(path, APPENDED, forTheUser("rw-------"))) {
				final ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
				while (bytes.hasRemaining()) file.write(bytes);
			}
		}
		catch (final IOException | SecurityException unwritable) {
			System.err.println("[ijbridge] " + path + " cannot be written (" + unwritable + "): " + entry);
		}
	}

	/** What a file or folder is made with: where the system knows whose a file is, nobody else may read it. */
	private static FileAttribute<?>[] forTheUser(final String permissions) {
		if (!FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) return new FileAttribute<?>[0];
		return new FileAttribute<?>[] { PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions)) };
	}

	/** Appends a failure with everything that is known of it. */
	static void write(final String sentence, final Throwable failure) {
		final StringWriter text = new StringWriter();
		text.append("ERROR ").append(sentence).append(System.lineSeparator());
		if (failure instanceof BridgeException) text.append(((BridgeException) failure).remoteTrace());
		text.append(System.lineSeparator());
		failure.printStackTrace(new PrintWriter(text, true));
		write(text.toString());
	}
}
