package org.ijbridge;

import ij.ImageStack;
import ij.process.LUT;
import java.awt.Color;

/**
 * How an image is stored and shown whose values number objects or classes: as 16 bit where the numbers allow it, in
 * colours that differ from one number to the next, 0 in black.
 * <p>
 * Never as 8 bit: an 8-bit image of scattered colours is a picture of these colours for any program that opens it.
 * </p>
 */
final class LabelImage {

	/**
	 * What a label image is shown between. A LUT has 256 colours; a wider range would show the first labels in black,
	 * as if nothing were there. So the labels above have the last colour.
	 */
	static final int SHOWN = 255;

	private static final int LARGEST_SHORT = 65_535;

	/** Turning by the golden angle, in turns, never comes near a hue it has just had. */
	private static final double GOLDEN = 0.618033988749895;

	private LabelImage() {}

	/** Black for 0, then 255 colours, of which neighbours are far from each other. */
	static LUT lut() {
		final byte[][] channels = new byte[3][SHOWN + 1];
		for (int label = 1; label <= SHOWN; label++) {
			final float hue = (float) (label * GOLDEN % 1);
			final float saturation = label % 3 == 0 ? 0.45f : 0.85f;
			final float brightness = label % 2 == 0 ? 0.75f : 1;
			final Color colour = Color.getHSBColor(hue, saturation, brightness);
			channels[0][label] = (byte) colour.getRed();
			channels[1][label] = (byte) colour.getGreen();
			channels[2][label] = (byte) colour.getBlue();
		}
		final LUT lut = new LUT(channels[0], channels[1], channels[2]);
		lut.min = 0;
		lut.max = SHOWN;
		return lut;
	}

	/** The same values and slice labels as 16 bit; as they are where that cannot hold them. */
	static ImageStack stored(final ImageStack stack) {
		if (stack.getBitDepth() == 16 || !fits(stack)) return stack;
		final ImageStack shorts = new ImageStack(stack.getWidth(), stack.getHeight());
		for (int slice = 1; slice <= stack.size(); slice++) {
			shorts.addSlice(stack.getSliceLabel(slice), stack.getProcessor(slice).convertToShort(false));
		}
		return shorts;
	}

	private static boolean fits(final ImageStack stack) {
		if (stack.getBitDepth() == 8) return true;
		for (int slice = 1; slice <= stack.size(); slice++) {
			for (final float value : (float[]) stack.getPixels(slice)) {
				if (!(value >= 0 && value <= LARGEST_SHORT && value == (int) value)) return false;
			}
		}
		return true;
	}
}
