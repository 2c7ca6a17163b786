package org.ijbridge;

import ij.CompositeImage;
import ij.IJ;
import ij.ImagePlus;
import ij.ImageStack;
import ij.measure.Calibration;
import ij.process.LUT;
import java.awt.Color;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** One output of a model, as the plan tells it and as ImageJ shows it. */
final class ResultImage {

	private static final List<String> SHOWN = Arrays.asList("uint8", "uint16", "float32");

	final Axes axes;
	private final String title;
	private final String dtype;
	private final Map<String, Double> sizes;
	private final Map<String, String> units;
	private final Map<String, Double> origin;
	private final List<String> channelNames;
	private final boolean labels;
	private final List<Double> shown;

	/**
	 * Reads an entry of {@code outputs} in the reply to {@code plan}.
	 *
	 * @throws BridgeException where the reply is not complete, or ImageJ has no such images
	 */
	ResultImage(final Reply reply) throws BridgeException {
		title = reply.requiredText("title");
		dtype = reply.requiredText("dtype");
		if (!SHOWN.contains(dtype)) {
			throw new BridgeException("The output \"" + title + "\" is of the type " + dtype + ", but ImageJ shows " +
				String.join(", ", SHOWN) + ".");
		}
		axes = Axes.told(reply.requiredText("axes"), reply.requiredNumbers("shape"));
		sizes = reply.numbersByName("pixel_size");
		units = reply.textsByName("units");
		origin = reply.numbersByName("origin");
		channelNames = reply.texts("channel_names");
		labels = reply.flag("labels");
		shown = reply.numbers("shown");
	}

	/** The size of the array in bytes. */
	long bytes() {
		return axes.planes() * axes.planeSize() * Pixels.bytes(dtype);
	}

	/**
	 * Copies the pixels into an image of its own, which can be edited, and is not shown yet.
	 *
	 * @param block the array, filled by the worker
	 * @param provenance what made the image; Image &gt; Show Info... shows it
	 */
	ImagePlus toImage(final PixelBlock block, final String provenance) throws BridgeException {
		final int channels = axes.size('c');
		final double[][] extremes = new double[Math.toIntExact(axes.planes())][];
		final ImageStack stack = Pixels.read(block, axes, dtype, (pixels, number) -> {
			if (!labels && shown.isEmpty()) extremes[number] = extremes(pixels);
		});
		for (int slice = 1; slice <= stack.size() && channelNames.size() == channels && channels > 1; slice++) {
			stack.setSliceLabel(channelNames.get((slice - 1) % channels), slice);
		}
		final ImagePlus plain = new ImagePlus(title, labels ? LabelImage.stored(stack) : stack);
		plain.setDimensions(channels, axes.size('z'), axes.size('t'));
		final int mode = labels ? IJ.COLOR : IJ.GRAYSCALE;
		final ImagePlus image = channels > 1 ? new CompositeImage(plain, mode) : plain;
		image.setOpenAsHyperStack(channels > 1 || axes.size('t') > 1);
		final Calibration calibration = image.getCalibration();
		Calibrations.apply(sizes, units, origin, calibration);
		image.setCalibration(calibration);
		image.setProperty("Info", provenance);
		setDisplayRanges(image, extremes);
		image.changes = true;
		return image;
	}

	/** @param extremes of each plane, where its values are not known to be between others */
	private void setDisplayRanges(final ImagePlus image, final double[][] extremes) {
		final int channels = axes.size('c');
		final LUT[] luts = new LUT[channels];
		for (int c = 0; c < channels; c++) luts[c] = labels ? LabelImage.lut() : gray(extremes, c);
		if (channels > 1) ((CompositeImage) image).setLuts(luts);
		else {
			if (labels) image.setLut(luts[0]);
			image.setDisplayRange(luts[0].min, luts[0].max);
		}
	}

	private LUT gray(final double[][] extremes, final int channel) {
		final LUT lut = LUT.createLutFromColor(Color.WHITE);
		final double[] range = shown.isEmpty() ? range(extremes, channel) : new double[] { shown.get(0), shown.get(1) };
		lut.min = range[0];
		lut.max = range[1];
		return lut;
	}

	/** What one channel is shown between: its extremes, from 0 for whole numbers; never an empty range. */
	private double[] range(final double[][] extremes, final int channel) {
		double min = Double.POSITIVE_INFINITY;
		double max = Double.NEGATIVE_INFINITY;
		for (int number = channel; number < extremes.length; number += axes.size('c')) {
			min = Math.min(min, extremes[number][0]);
			max = Math.max(max, extremes[number][1]);
		}
		if (min > max) return new double[] { 0, 1 };
		return new double[] { min, max > min ? max : min + 1 };
	}

	private static double[] extremes(final Object pixels) {
		if (pixels instanceof float[]) return extremes((float[]) pixels);
		return new double[] { 0, pixels instanceof short[] ? max((short[]) pixels) : max((byte[]) pixels) };
	}

	/** Of the finite pixels; where all are, as mostly, without asking each: half the time. */
	private static double[] extremes(final float[] pixels) {
		float min = Float.POSITIVE_INFINITY;
		float max = Float.NEGATIVE_INFINITY;
		for (final float pixel : pixels) {
			min = Math.min(min, pixel);
			max = Math.max(max, pixel);
		}
		return Float.isFinite(min) && Float.isFinite(max) ? new double[] { min, max } : finiteExtremes(pixels);
	}

	private static double[] finiteExtremes(final float[] pixels) {
		float min = Float.POSITIVE_INFINITY;
		float max = Float.NEGATIVE_INFINITY;
		for (final float pixel : pixels) {
			if (Float.isNaN(pixel) || Float.isInfinite(pixel)) continue;
			if (pixel < min) min = pixel;
			if (pixel > max) max = pixel;
		}
		return new double[] { min, max };
	}

	private static int max(final short[] pixels) {
		int max = 0;
		for (final short pixel : pixels) max = Math.max(max, pixel & 0xffff);
		return max;
	}

	private static int max(final byte[] pixels) {
		int max = 0;
		for (final byte pixel : pixels) max = Math.max(max, pixel & 0xff);
		return max;
	}
}
