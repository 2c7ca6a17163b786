package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.ImageStack;
import ij.process.FloatProcessor;
import ij.process.LUT;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LabelImageTest {

	@Test
	void nothingIsBlackAndEveryLabelHasAColourOfItsOwn() {
		final LUT lut = LabelImage.lut();
		assertEquals(0, lut.getRGB(0) & 0xffffff);
		final Set<Integer> colours = new HashSet<>();
		for (int i = 0; i < 256; i++) colours.add(lut.getRGB(i));
		assertEquals(256, colours.size());
	}

	@Test
	void neighbouringLabelsAreFarFromEachOther() {
		final LUT lut = LabelImage.lut();
		for (int i = 0; i < 255; i++) {
			final int far = Math.abs(lut.getRed(i) - lut.getRed(i + 1)) + Math.abs(lut.getGreen(i) - lut.getGreen(i + 1)) +
				Math.abs(lut.getBlue(i) - lut.getBlue(i + 1));
			assertTrue(far > 100, i + ": " + far);
		}
	}

	@Test
	void labelsAreStoredAs16BitWhereTheyFit() {
		final ImageStack few = stack(0, 3, 65_535);
		final ImageStack stored = LabelImage.stored(few);
		assertEquals(16, stored.getBitDepth());
		assertEquals("one", stored.getSliceLabel(1));
		for (int x = 0; x < 3; x++) assertEquals(few.getVoxel(x, 0, 0), stored.getVoxel(x, 0, 0));
	}

	@Test
	void labelsThatDoNotFitStayAsTheyAre() {
		for (final ImageStack large : new ImageStack[] { stack(0, 1, 65_536), stack(-1, 0, 1), stack(0, 0.5f, 1) }) {
			assertSame(large, LabelImage.stored(large));
		}
	}

	private static ImageStack stack(final float... pixels) {
		final ImageStack stack = new ImageStack(pixels.length, 1);
		stack.addSlice("one", new FloatProcessor(pixels.length, 1, pixels));
		return stack;
	}
}
