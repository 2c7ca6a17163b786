package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogFileTest {

	@TempDir
	private Path folder;
	private String before;
	private Path log;

	@BeforeEach
	void writeElsewhere() {
		before = System.getProperty("ijbridge.log");
		log = folder.resolve("not there yet").resolve("a.log");
		System.setProperty("ijbridge.log", log.toString());
	}

	@AfterEach
	void writeWhereItWas() {
		if (before == null) System.clearProperty("ijbridge.log");
		else System.setProperty("ijbridge.log", before);
	}

	private static String read(final Path file) throws IOException {
		return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
	}

	@Test
	void aFailureIsWrittenWithBothTraces() throws IOException {
		final BridgeException failure = new BridgeException("It failed \u00b5.", "Traceback of Python");
		LogFile.write("It failed \u00b5.", failure);
		final String text = read(log);
		assertTrue(text.contains("ERROR It failed \u00b5.") && text.contains("Traceback of Python") && text.contains(
			"at org.ijbridge.LogFileTest"), text);
	}

	@Test
	void nobodyElseMayReadIt() throws IOException {
		assumeTrue(FileSystems.getDefault().supportedFileAttributeViews().contains("posix"), "files here have no owner");
		LogFile.write("first");
		assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(log)));
		assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(log.getParent())));
	}

	@Test
	void aLogThatIsTooLongIsKeptOnceBesideTheNewOne() throws IOException {
		LogFile.write("first");
		final StringBuilder much = new StringBuilder();
		for (int i = 0; i < 150_000; i++) much.append("12345678");
		LogFile.write(much.toString());
		LogFile.write("third");
		assertTrue(read(log.resolveSibling("a.log.1")).contains("first"));
		assertEquals(1, read(log).split("\\R").length);
		assertFalse(read(log).contains("first"));
	}

	@Test
	void aLogThatCannotBeWrittenStopsNothing() throws IOException {
		Files.createDirectories(log.getParent());
		Files.createDirectory(log);
		final PrintStream console = System.err;
		final ByteArrayOutputStream said = new ByteArrayOutputStream();
		System.setErr(new PrintStream(said, true));
		try {
			LogFile.write("an entry");
		}
		finally {
			System.setErr(console);
		}
		assertTrue(said.toString().contains("an entry"), said.toString());
	}
}
