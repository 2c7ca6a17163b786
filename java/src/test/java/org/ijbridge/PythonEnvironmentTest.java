package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PythonEnvironmentTest {

	@TempDir
	private Path folder;
	private String first;
	private String second;
	private String third;

	@BeforeEach
	void makeFiles() throws IOException {
		first = Files.createFile(folder.resolve("first python")).toString();
		second = Files.createFile(folder.resolve("second")).toString();
		third = Files.createFile(folder.resolve("third")).toString();
	}

	@Test
	void theSessionGoesBeforeThePreferenceAndThatBeforeTheEnvironment() throws BridgeException {
		assertEquals(new File(first), PythonEnvironment.choose(first, second, third));
		assertEquals(new File(second), PythonEnvironment.choose(null, second, third));
		assertEquals(new File(third), PythonEnvironment.choose("", " ", third));
	}

	@Test
	void noPythonIsSaidWithHowToGetOne() {
		assertEquals("No Python with ijbridge found: install it with \"pip install ijbridge\" and set the environment " +
			"variable IJBRIDGE_PYTHON to that Python's full path, then start ImageJ again.",
			assertThrows(BridgeException.class, () -> PythonEnvironment.choose(null, "", null)).getMessage());
	}

	@Test
	void aPythonThatIsNotThereIsSaidWithWhereItWasSet() {
		assertEquals("The Python \"/no/python\", set by the environment variable IJBRIDGE_PYTHON, does not exist: set it " +
			"to the full path of a Python that has ijbridge (\"pip install ijbridge\"), then start ImageJ again.",
			assertThrows(BridgeException.class, () -> PythonEnvironment.choose("", "", "/no/python")).getMessage());
	}

	@Test
	void aFolderIsNoPython() {
		final String sentence = assertThrows(BridgeException.class,
			() -> PythonEnvironment.choose("", folder.toString(), "")).getMessage();
		assertEquals("The Python \"" + folder + "\", set by ImageJ's preference ijbridge.python, is a folder: set it to " +
			"the full path of a Python that has ijbridge (\"pip install ijbridge\"), then start ImageJ again.", sentence);
	}
}
