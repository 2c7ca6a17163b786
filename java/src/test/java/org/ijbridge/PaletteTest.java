package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.plugin.LutLoader;
import ij.process.ImageProcessor;
import java.awt.image.IndexColorModel;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PaletteTest {

	private static IndexColorModel table(final int size, final IntUnaryOperator red, final IntUnaryOperator green,
		final IntUnaryOperator blue)
	{
		final byte[][] colours = new byte[3][size];
		for (int i = 0; i < size; i++) {
			colours[0][i] = (byte) red.applyAsInt(i);
			colours[1][i] = (byte) green.applyAsInt(i);
			colours[2][i] = (byte) blue.applyAsInt(i);
		}
		return new IndexColorModel(8, size, colours[0], colours[1], colours[2]);
	}

	private static IndexColorModel random(final int size) {
		final Random random = new Random(1);
		final IntUnaryOperator any = i -> random.nextInt(256);
		return table(size, any, any, any);
	}

	private static IndexColorModel padded(final IndexColorModel table) {
		final int size = table.getMapSize();
		return table(256, i -> i < size ? table.getRed(i) : 0, i -> i < size ? table.getGreen(i) : 0,
			i -> i < size ? table.getBlue(i) : 0);
	}

	@ParameterizedTest
	@ValueSource(strings = { "grays", "fire", "ice", "spectrum", "red", "green", "blue", "cyan", "magenta", "yellow",
		"redgreen" })
	void aLookUpTableOfImageJsMenuShowsIntensities(final String lut) {
		final ImagePlus image = IJ.createImage("image", "8-bit ramp", 20, 10, 1);
		WindowManager.setTempCurrentImage(image);
		new LutLoader().run(lut);
		WindowManager.setTempCurrentImage(null);
		assertEquals(!lut.equals("grays"), image.getProcessor().isColorLut());
		assertFalse(new Palette(image.getProcessor().getColorModel()).isScattered());
		image.getProcessor().invertLut();
		assertFalse(new Palette(image.getProcessor().getColorModel()).isScattered());
	}

	@Test
	void bandsAndMarkedExtremesShowIntensitiesToo() {
		assertFalse(new Palette(table(256, i -> i / 16 % 2 * 255, i -> i / 32 % 2 * 255, i -> i / 64 * 85)).isScattered());
		assertFalse(new Palette(table(256, i -> i, i -> i == 255 ? 0 : i, i -> i == 0 ? 255 : i == 255 ? 0 : i))
			.isScattered());
	}

	@Test
	void graysInAnyOrderAreNoColours() {
		assertFalse(new Palette(table(256, i -> i * 91 % 256, i -> i * 91 % 256, i -> i * 91 % 256)).isScattered());
	}

	@ParameterizedTest
	@ValueSource(ints = { 256, 100, 16, 8, 4 })
	void aTableOfScatteredColoursHoldsColoursAndTheRestOfItMayBeBlack(final int size) {
		assertTrue(new Palette(random(size)).isScattered());
		assertTrue(new Palette(padded(random(size))).isScattered());
	}

	@Test
	void theColourCubeOfBrowsersHoldsColours() {
		assertTrue(new Palette(table(216, i -> i % 6 * 51, i -> i / 6 % 6 * 51, i -> i / 36 * 51)).isScattered());
	}

	/** As a median cut makes it; ImageJ takes it for a LUT. */
	@Test
	void theSortedTableOfAPhotographHoldsColours() {
		final Random random = new Random(2);
		final IntUnaryOperator near = i -> Math.max(0, Math.min(255, i + random.nextInt(29) - 14));
		final IndexColorModel table = table(256, near, near, near);
		final ImageProcessor processor = IJ.createImage("image", "8-bit ramp", 20, 10, 1).getProcessor();
		processor.setColorModel(table);
		assertTrue(processor.isPseudoColorLut());
		assertTrue(new Palette(table).isScattered());
	}

	@ParameterizedTest
	@ValueSource(ints = { 1, 2, 4, 16 })
	void aShortRampShowsIntensities(final int size) {
		final IndexColorModel ramp = table(size, i -> 0, i -> (i + 1) * 255 / size, i -> 0);
		assertFalse(new Palette(ramp).isScattered());
		assertFalse(new Palette(padded(ramp)).isScattered());
	}

	@Test
	void eachPixelHasTheColourOfItsPlaceInTheTable() {
		final Palette palette = new Palette(table(201, i -> i, i -> 255 - i, i -> i / 2));
		final byte[] pixels = { 0, 1, (byte) 200, (byte) 255 };
		assertArrayEquals(new byte[] { 0, 1, (byte) 200, 0 }, palette.colours(pixels, 0));
		assertArrayEquals(new byte[] { (byte) 255, (byte) 254, 55, 0 }, palette.colours(pixels, 1));
		assertArrayEquals(new byte[] { 0, 0, 100, 0 }, palette.colours(pixels, 2));
	}
}
