package org.ijbridge;

import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;

/**
 * The colour table of an 8-bit image, and whether it says how intensities are shown or what colours the pixels are.
 * <p>
 * ImageJ's own type does not tell: a picture of indexed colours out of a GIF, PNG or TIFF is GRAY8 as one with the LUT
 * Fire is. Nor does {@code ImageProcessor.isPseudoColorLut()}, which takes the sorted table of a photograph for a LUT. A
 * LUT is smooth: nearly everywhere the next step is like the one before. The worker's {@code image_io.py} reads files by
 * the same measure; the numbers are explained there.
 * </p>
 */
final class Palette {

	private static final int BEND = 2;

	private final int[][] channels;

	/** The table of an 8-bit image, without what display range or threshold make of it. */
	Palette(final ColorModel model) {
		final IndexColorModel table = (IndexColorModel) model;
		channels = new int[3][256];
		for (int i = 0; i < table.getMapSize(); i++) {
			channels[0][i] = table.getRed(i);
			channels[1][i] = table.getGreen(i);
			channels[2][i] = table.getBlue(i);
		}
	}

	/** Red (0), green (1) or blue (2) of each pixel. */
	byte[] colours(final byte[] pixels, final int channel) {
		final byte[] colours = new byte[pixels.length];
		for (int i = 0; i < pixels.length; i++) colours[i] = (byte) channels[channel][pixels[i] & 0xff];
		return colours;
	}

	/** Whether the pixels are places in a table of scattered colours; else they are intensities. */
	boolean isScattered() {
		int size = 256;
		while (size > 0 && isBlack(size - 1)) size--;
		int bent = 0;
		for (int i = 1; i < size - 1; i++) if (bend(i) > BEND) bent++;
		return !isGray() && 4 * bent > Math.max(size - 2, 0);
	}

	/** How far the step to the next entry is from the step to this one, in the channel where that is most. */
	private int bend(final int i) {
		int most = 0;
		for (final int[] one : channels) most = Math.max(most, Math.abs(one[i + 1] - 2 * one[i] + one[i - 1]));
		return most;
	}

	private boolean isBlack(final int i) {
		return channels[0][i] == 0 && channels[1][i] == 0 && channels[2][i] == 0;
	}

	private boolean isGray() {
		for (int i = 0; i < 256; i++) {
			if (channels[0][i] != channels[1][i] || channels[1][i] != channels[2][i]) return false;
		}
		return true;
	}
}
