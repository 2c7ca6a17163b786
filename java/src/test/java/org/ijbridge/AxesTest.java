package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.IJ;
import ij.ImagePlus;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AxesTest {

	private static List<Long> sizes(final long... sizes) {
		return LongStream.of(sizes).boxed().collect(Collectors.toList());
	}

	@ParameterizedTest
	@CsvSource({ "1,1,1,yx", "1,1,3,cyx", "1,5,1,zyx", "7,1,1,tyx", "1,5,3,zcyx", "7,5,1,tzyx", "7,5,3,tzcyx" })
	void axesOfOneEntryAreNotSentButThePlaneAlwaysIs(final int t, final int z, final int c, final String letters) {
		assertEquals(letters, Axes.sent(t, z, c, 1, 1).letters());
	}

	@Test
	void theShapeIsSlowestFirst() {
		assertEquals(sizes(7, 5, 3, 20, 30), Axes.sent(7, 5, 3, 20, 30).shape());
		assertEquals(sizes(20, 30), Axes.sent(1, 1, 1, 20, 30).shape());
	}

	/** ImageJ itself says which slice shows a channel, a z and a time. */
	@Test
	void aSliceIsWhereImageJHasIt() {
		final ImagePlus image = IJ.createHyperStack("h", 4, 3, 2, 5, 7, 8);
		final Axes axes = Axes.of(image);
		for (int t = 0; t < 7; t++) for (int z = 0; z < 5; z++) for (int c = 0; c < 2; c++) {
			assertEquals(image.getStackIndex(c + 1, z + 1, t + 1), axes.slice(t, z, c));
		}
	}

	@Test
	void aPlaneLiesWhereTheArrayHasIt() throws BridgeException {
		assertEquals((1 * 5 + 4) * 3 + 2, Axes.told("tzcyx", sizes(7, 5, 3, 20, 30)).plane(1, 4, 2));
		assertEquals((2 * 5 + 4) * 7 + 1, Axes.told("cztyx", sizes(3, 5, 7, 20, 30)).plane(1, 4, 2));
		assertEquals(2, Axes.told("cyx", sizes(3, 20, 30)).plane(0, 0, 2));
		assertEquals(0, Axes.told("yx", sizes(20, 30)).plane(0, 0, 0));
	}

	@Test
	void anRgbImageHasThreeChannels() {
		final Axes axes = Axes.of(IJ.createImage("c", "RGB", 30, 20, 4));
		assertEquals("zcyx", axes.letters());
		assertEquals(sizes(4, 3, 20, 30), axes.shape());
	}

	@ParameterizedTest
	@ValueSource(strings = { "xy", "yxc", "bcyx", "ccyx", "y", "", "zy", "iyx" })
	void axesThatNoImageHasAreRefused(final String letters) {
		final List<Long> shape = Collections.nCopies(letters.length(), 2L);
		final BridgeException refusal = assertThrows(BridgeException.class, () -> Axes.told(letters, shape));
		assertTrue(refusal.getMessage().contains("axes \"" + letters + "\""), refusal.getMessage());
	}

	@Test
	void aShapeThatDoesNotFitItsAxesIsRefused() {
		assertThrows(BridgeException.class, () -> Axes.told("cyx", sizes(2, 3)));
		assertThrows(BridgeException.class, () -> Axes.told("cyx", sizes(0, 2, 3)));
		assertThrows(BridgeException.class, () -> Axes.told("tzyx", sizes(100_000, 100_000, 2, 3)));
		assertThrows(BridgeException.class, () -> Axes.told("yx", Arrays.asList(3L, 1L << 31)));
	}
}
