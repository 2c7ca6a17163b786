package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedBlockTest {

	@TempDir
	Path folder;

	private static List<SharedBlock> made(final SharedPlace place, final long... sizes) throws BridgeException {
		return SharedBlock.create(Arrays.asList(Arrays.stream(sizes).boxed().toArray(Long[]::new)), Collections
			.singletonList(place));
	}

	private static String file(final SharedBlock block) {
		return (String) block.reference().get("file");
	}

	private String[] left() {
		return folder.toFile().list();
	}

	@Test
	void aBlockRefusesWhatLiesOutsideIt() throws BridgeException {
		try (SharedBlock block = made(new SharedPlace(folder.toFile()), 10).get(0)) {
			assertThrows(IndexOutOfBoundsException.class, () -> block.buffer(4, 7));
			assertThrows(IndexOutOfBoundsException.class, () -> block.buffer(-1, 2));
			assertThrows(IndexOutOfBoundsException.class, () -> block.buffer(0, Pixels.CHUNK + 1));
		}
	}

	@Test
	void aFileHasItsWholeRoomBeforeAnybodyWritesIntoIt() throws Exception {
		final long size = 3_000_001;
		try (SharedBlock block = made(new SharedPlace(folder.toFile()), size).get(0)) {
			final Path path = Paths.get(file(block));
			assertEquals(size, Files.size(path));
			assumeTrue(Files.getFileStore(folder).supportsFileAttributeView("unix"));
			final Process stat = new ProcessBuilder("stat", "-L", "-c", "%b %B", path.toString()).start();
			final byte[] said = new byte[100];
			final String[] blocks = new String(said, 0, stat.getInputStream().read(said)).trim().split(" ");
			assertTrue(Long.parseLong(blocks[0]) * Long.parseLong(blocks[1]) >= size, String.join(" ", blocks));
		}
	}

	@Test
	void whatIsWrittenBeyondTwoGibibytesIsReadThereByAnother() throws Exception {
		final long size = (5L << 30) / 2 + 7;
		final SharedPlace memory = SharedPlace.all().get(0);
		assumeTrue(new File("/proc/self/fd").isDirectory() && memory.free() > 2 * size, memory + " is small");
		try (SharedBlock block = made(memory, size).get(0)) {
			final long[] places = { 0, (1L << 30) - 2, (2L << 30) - 2, size - 4 };
			for (int i = 0; i < places.length; i++) {
				block.buffer(places[i], 4).put(new byte[] { 1, 2, 3, (byte) i });
			}
			try (java.io.RandomAccessFile other = new java.io.RandomAccessFile(file(block), "r")) {
				for (int i = 0; i < places.length; i++) {
					final byte[] there = new byte[4];
					other.seek(places[i]);
					other.readFully(there);
					assertArrayEquals(new byte[] { 1, 2, 3, (byte) i }, there);
				}
			}
		}
	}

	@Test
	void onLinuxABlockHasNoNameThatCouldBeLeftBehind() throws Exception {
		assumeTrue(new File("/proc/self/fd").isDirectory());
		try (SharedBlock block = made(new SharedPlace(folder.toFile()), 10).get(0)) {
			assertEquals(0, left().length);
			assertTrue(Files.readSymbolicLink(Paths.get(file(block))).toString().endsWith(" (deleted)"));
		}
	}

	@Test
	void aClosedBlockIsGone() throws Exception {
		final List<SharedBlock> blocks = made(new SharedPlace(folder.toFile()), 10, 20);
		assertTrue(new File(file(blocks.get(1))).exists());
		PixelBlock.closeAll(blocks);
		PixelBlock.closeAll(blocks);
		assertFalse(new File(file(blocks.get(0))).exists());
		assertFalse(new File(file(blocks.get(1))).exists());
		assertEquals(0, left().length);
	}

	@Test
	void theFirstPlaceWithRoomForAllIsTaken() throws Exception {
		final SharedPlace nowhere = new SharedPlace(new File(folder.toFile(), "nowhere"));
		final List<SharedBlock> blocks = SharedBlock.create(Arrays.asList(10L, 20L), Arrays.asList(nowhere,
			new SharedPlace(folder.toFile())));
		assertEquals(20, blocks.get(1).size());
		PixelBlock.closeAll(blocks);
	}

	@Test
	void moreThanThereIsAnywhereIsRefusedWithAllPlacesAndSizes() {
		final SharedPlace place = new SharedPlace(folder.toFile());
		final SharedPlace nowhere = new SharedPlace(new File(folder.toFile(), "nowhere"));
		final long needed = folder.toFile().getUsableSpace() * 2;
		final String sentence = assertThrows(BridgeException.class,
			() -> SharedBlock.create(Collections.singletonList(needed), Arrays.asList(nowhere, place))).getMessage();
		assertTrue(sentence.matches("The image and its result need [0-9.]+ MB to be shared with Python, but 0.0 MB are " +
			"free in .*nowhere and [0-9.]+ MB are free in " + folder + ": .*"), sentence);
		assertEquals(0, left().length);
	}
}
