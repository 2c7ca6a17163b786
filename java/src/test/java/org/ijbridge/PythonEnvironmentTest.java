package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PythonEnvironmentTest {

	private static final String REMEDY = ": install it with \"pip install ijbridge\", run \"ijbridge install-fiji\" with " +
		"this ImageJ's folder, or set the environment variable IJBRIDGE_PYTHON to that Python's full path, then start " +
		"ImageJ again.";

	@TempDir
	private Path folder;
	private String first;
	private String second;
	private String third;
	private String fourth;

	@BeforeEach
	void makeFiles() throws IOException {
		first = Files.createFile(folder.resolve("first python")).toString();
		second = Files.createFile(folder.resolve("second")).toString();
		third = Files.createFile(folder.resolve("third")).toString();
		fourth = Files.createFile(folder.resolve("fourth")).toString();
	}

	@Test
	void whatAPersonSetGoesBeforeTheInstallation() throws BridgeException, IOException {
		final File settings = settings("python=" + escaped(fourth));
		check(first, PythonEnvironment.choose(first, second, third, settings, null));
		check(second, PythonEnvironment.choose(null, second, third, settings, null));
		check(third, PythonEnvironment.choose("", " ", third, settings, null));
		check(fourth, PythonEnvironment.choose("", " ", null, settings, new File(first)));
		check(first, PythonEnvironment.choose("", "", "", settings("python="), new File(first)));
	}

	@Test
	void theSettingsAreUtf8() throws BridgeException, IOException {
		final Path python = Files.createFile(folder.resolve("Pythön für alle µ"));
		final File settings = settings("# a remark\npython=" + escaped(python.toString()) + "\n");
		check(python.toString(), PythonEnvironment.choose("", "", "", settings, null));
	}

	@Test
	void noPythonIsSaidWithHowToGetOne() throws BridgeException, IOException {
		for (final File settings : new File[] { null, new File(folder.toFile(), "absent"), settings("python=\n") }) {
			final PythonEnvironment none = PythonEnvironment.choose(null, "", null, settings, null);
			assertNull(none.python());
			assertEquals("", none.notice());
			assertEquals("No Python with ijbridge found" + REMEDY, none.none("").getMessage());
		}
	}

	@Test
	void aPreferenceOrARecordThatNamesNoPythonIsPassedOverAndSaid() throws BridgeException, IOException {
		final String preference = "ImageJ's preference ijbridge.python names \"/no/python\", which does not exist";
		final PythonEnvironment next = PythonEnvironment.choose("", "/no/python", third, null, null);
		assertEquals(new File(third), next.python());
		assertEquals(preference + ": the Python " + third + " is taken instead.", next.notice());

		final File settings = settings("python=/gone/python");
		final PythonEnvironment none = PythonEnvironment.choose("", "/no/python", "", settings, null);
		assertNull(none.python());
		assertEquals(preference + ", the file " + settings + " names \"/gone/python\", which does not exist, and no other " +
			"Python with ijbridge is found" + REMEDY, none.none("").getMessage());
		final String recorded = PythonEnvironment.choose("", "", "", settings, null).none("").getMessage();
		assertTrue(recorded.startsWith("The file " + settings + " names \"/gone/python\""), recorded);
	}

	@Test
	void whatIsSetForThisSessionAndNamesNoPythonIsAnError() throws IOException {
		final File settings = settings("python=" + escaped(fourth));
		assertEquals("The environment variable IJBRIDGE_PYTHON names \"/no/python\", which does not exist: set it to the " +
			"full path of a Python that has ijbridge (\"pip install ijbridge\"), then start ImageJ again.", assertThrows(
				BridgeException.class, () -> PythonEnvironment.choose("", "", "/no/python", settings, null)).getMessage());
		assertEquals("The system property ijbridge.python names \"" + folder + "\", which is a folder: set it to the full " +
			"path of a Python that has ijbridge (\"pip install ijbridge\"), then start ImageJ again.", assertThrows(
				BridgeException.class, () -> PythonEnvironment.choose(folder.toString(), "", "", settings, null)).getMessage());
	}

	@Test
	void settingsThatCannotBeReadAreSaid() throws IOException {
		final File settings = settings("");
		Files.write(settings.toPath(), new byte[] { 'p', 'y', (byte) 0xff, '\n' });
		final String sentence = assertThrows(BridgeException.class,
			() -> PythonEnvironment.choose("", "", "", settings, null)).getMessage();
		assertTrue(sentence.startsWith("The file " + settings + " cannot be read ("), sentence);
		assertTrue(sentence.endsWith("): run \"ijbridge install-fiji\" with this ImageJ's folder again."), sentence);
	}

	private static void check(final String python, final PythonEnvironment found) {
		assertEquals(new File(python), found.python());
		assertEquals("", found.notice());
	}

	private File settings(final String text) throws IOException {
		final Path file = folder.resolve("IJBridge.properties");
		return Files.write(file, text.getBytes(StandardCharsets.UTF_8)).toFile();
	}

	private static String escaped(final String path) {
		return path.replace("\\", "\\\\");
	}
}
