package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelPathTest {

	@TempDir
	private Path imagej;

	@BeforeEach
	void makeModels() throws IOException {
		Files.createDirectories(imagej.resolve("models/folder net"));
		Files.createFile(imagej.resolve("models/zipped.zip"));
	}

	@Test
	void aPathThatExistsIsMadeAbsolute() {
		final String path = imagej.resolve("models/zipped.zip").toString();
		assertEquals(path, ModelPath.find(path, "/elsewhere"));
	}

	@Test
	void aNameIsFoundInTheModelsFolder() {
		assertEquals(imagej.resolve("models/folder net").toString(), ModelPath.find("folder net", imagej.toString()));
		assertEquals(imagej.resolve("models/zipped.zip").toString(), ModelPath.find("zipped", imagej.toString()));
	}

	@Test
	void whatIsNotFoundIsPassedOn() {
		assertEquals("nothing", ModelPath.find("nothing", imagej.toString()));
		assertEquals("nothing", ModelPath.find("nothing", null));
		assertEquals("/no/such", ModelPath.find("/no/such", imagej.toString()));
	}
}
