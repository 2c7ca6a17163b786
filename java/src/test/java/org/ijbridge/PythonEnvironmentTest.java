package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
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

	private static final String NONE = "No Python with ijbridge found: install it with \"pip install ijbridge\", run " +
		"\"ijbridge install-fiji\" with this ImageJ's folder, or set the environment variable IJBRIDGE_PYTHON to that " +
		"Python's full path, then start ImageJ again.";

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
		assertEquals(new File(first), PythonEnvironment.choose(first, second, third, settings));
		assertEquals(new File(second), PythonEnvironment.choose(null, second, third, settings));
		assertEquals(new File(third), PythonEnvironment.choose("", " ", third, settings));
		assertEquals(new File(fourth), PythonEnvironment.choose("", " ", null, settings));
	}

	@Test
	void theSettingsAreUtf8() throws BridgeException, IOException {
		final Path python = Files.createFile(folder.resolve("Pythön für alle µ"));
		final File settings = settings("# a remark\npython=" + escaped(python.toString()) + "\n");
		assertEquals(python.toFile(), PythonEnvironment.choose("", "", "", settings));
	}

	@Test
	void noPythonIsSaidWithHowToGetOne() throws IOException {
		for (final File settings : new File[] { null, new File(folder.toFile(), "absent"), settings("python=\n") }) {
			assertEquals(NONE, assertThrows(BridgeException.class,
				() -> PythonEnvironment.choose(null, "", null, settings)).getMessage());
		}
	}

	@Test
	void aPythonThatIsNotThereIsSaidWithWhereItWasSet() throws IOException {
		assertEquals("The Python \"/no/python\", set by the environment variable IJBRIDGE_PYTHON, does not exist: set it " +
			"to the full path of a Python that has ijbridge (\"pip install ijbridge\"), then start ImageJ again.",
			assertThrows(BridgeException.class, () -> PythonEnvironment.choose("", "", "/no/python", null)).getMessage());
		final File settings = settings("python=/no/python");
		assertEquals("The Python \"/no/python\", set by the file " + settings + ", does not exist: run \"ijbridge " +
			"install-fiji\" with this ImageJ's folder again, or set the environment variable IJBRIDGE_PYTHON to the full path " +
			"of a Python that has ijbridge, then start ImageJ again.",
			assertThrows(BridgeException.class, () -> PythonEnvironment.choose("", "", "", settings)).getMessage());
	}

	@Test
	void aFolderIsNoPython() {
		final String sentence = assertThrows(BridgeException.class,
			() -> PythonEnvironment.choose("", folder.toString(), "", null)).getMessage();
		assertEquals("The Python \"" + folder + "\", set by ImageJ's preference ijbridge.python, is a folder: set it to " +
			"the full path of a Python that has ijbridge (\"pip install ijbridge\"), then start ImageJ again.", sentence);
	}

	@Test
	void settingsThatCannotBeReadAreSaid() throws IOException {
		final File settings = settings("");
		Files.write(settings.toPath(), new byte[] { 'p', 'y', (byte) 0xff, '\n' });
		final String sentence = assertThrows(BridgeException.class,
			() -> PythonEnvironment.choose("", "", "", settings)).getMessage();
		assertTrue(sentence.startsWith("The file " + settings + " cannot be read ("), sentence);
		assertTrue(sentence.endsWith("): run \"ijbridge install-fiji\" with this ImageJ's folder again."), sentence);
	}

	private File settings(final String text) throws IOException {
		final Path file = folder.resolve("IJBridge.properties");
		return Files.write(file, text.getBytes(StandardCharsets.UTF_8)).toFile();
	}

	private static String escaped(final String path) {
		return path.replace("\\", "\\\\");
	}
}
