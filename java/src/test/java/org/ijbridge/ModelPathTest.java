package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
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

	private List<File> folders() {
		return Arrays.asList(imagej.resolve("models").toFile(), imagej.resolve("more").toFile());
	}

	@Test
	void aPathThatExistsIsMadeAbsolute() {
		final String path = imagej.resolve("models/zipped.zip").toString();
		assertEquals(path, ModelPath.find(path, Collections.emptyList()));
	}

	@Test
	void aNameIsFoundInTheModelsFolder() {
		assertEquals(imagej.resolve("models/folder net").toString(), ModelPath.find("folder net", folders()));
		assertEquals(imagej.resolve("models/zipped.zip").toString(), ModelPath.find("zipped", folders()));
	}

	@Test
	void whatIsNotFoundIsPassedOn() {
		assertEquals("nothing", ModelPath.find("nothing", folders()));
		assertEquals("nothing", ModelPath.find("nothing", Collections.emptyList()));
		assertEquals("/no/such", ModelPath.find("/no/such", folders()));
	}

	@Test
	void aNameIsFoundInAnotherFolderToo() throws IOException {
		Files.createDirectories(imagej.resolve("more/other"));
		assertEquals(imagej.resolve("more/other").toString(), ModelPath.find("other", folders()));
	}

	@Test
	void whatLiesInAFolderOfModelsIsCalledByItsName() throws IOException {
		assertEquals("zipped", shortest("models/zipped.zip"));
		assertEquals("folder net", shortest("models/folder net"));
		Files.createFile(imagej.resolve("elsewhere.zip"));
		assertEquals(imagej.resolve("elsewhere.zip").toString(), shortest("elsewhere.zip"));
	}

	@Test
	void aNameThatStandsForAnotherModelIsNotUsed() throws IOException {
		Files.createDirectories(imagej.resolve("models/zipped"));
		assertEquals("zipped.zip", shortest("models/zipped.zip"));
		Files.createDirectories(imagej.resolve("more/zipped"));
		assertEquals(imagej.resolve("more/zipped").toString(), shortest("more/zipped"));
	}

	@Test
	void theCatalogHasWhatIsInTheFoldersThenWhatWasUsed() throws IOException {
		Files.createFile(imagej.resolve("models/notes.txt"));
		Files.createDirectories(imagej.resolve("models/.hidden"));
		Files.createFile(imagej.resolve("elsewhere.zip"));
		final String elsewhere = imagej.resolve("elsewhere.zip").toString();
		assertEquals(Arrays.asList("folder net", "zipped", elsewhere),
			ModelCatalog.find(folders(), Arrays.asList(elsewhere, "zipped", "gone", elsewhere)));
	}

	private String shortest(final String path) {
		return ModelPath.shortest(imagej.resolve(path).toString(), folders());
	}
}
