package org.ijbridge;

import ij.CompositeImage;
import ij.ImagePlus;
import ij.ImageStack;
import ij.measure.Calibration;
import ij.process.ImageProcessor;
import java.awt.Rectangle;
import java.util.ArrayList;
import java.util.List;

/**
 * An image taken apart along the axes that a model is run along, and put together again: a macro of the model sees one sample, as
 * the network does, whether or not it has thought of stacks.
 */
final class Samples {

	private final ImagePlus image;
	private final int[] sizes;
	private final boolean[] looped;

	/** @param along letters of axes, out of t, z and c */
	Samples(final ImagePlus image, final String along) {
		this.image = image;
		sizes = new int[] { image.getNFrames(), image.getNSlices(), image.getNChannels() };
		looped = new boolean[] { along.indexOf('t') >= 0, along.indexOf('z') >= 0, along.indexOf('c') >= 0 };
	}

	/** Whether there is but one. */
	boolean isOne() {
		for (int axis = 0; axis < sizes.length; axis++) if (looped[axis] && sizes[axis] > 1) return false;
		return true;
	}

	/** A duplicate of each sample, in the order of time, z, channel; nothing of the image changes. */
	List<ImagePlus> copies(final Rectangle part) {
		final List<ImagePlus> copies = new ArrayList<>();
		for (int t = 0; t < loops(0); t++) {
			for (int z = 0; z < loops(1); z++) for (int c = 0; c < loops(2); c++) copies.add(copy(part, t, z, c));
		}
		return copies;
	}

	private int loops(final int axis) {
		return looped[axis] ? sizes[axis] : 1;
	}

	private int inside(final int axis) {
		return looped[axis] ? 1 : sizes[axis];
	}

	private ImagePlus copy(final Rectangle part, final int t0, final int z0, final int c0) {
		final ImageStack stack = new ImageStack(part.width, part.height);
		for (int t = t0; t < t0 + inside(0); t++) {
			for (int z = z0; z < z0 + inside(1); z++) {
				for (int c = c0; c < c0 + inside(2); c++) {
					final int slice = (t * sizes[1] + z) * sizes[2] + c + 1;
					// An image that is no stack is not made one: ImagePlus.getStack() would.
					final boolean single = image.getStackSize() == 1;
					final ImageProcessor plane = (single ? image.getProcessor() : image.getStack().getProcessor(slice)).duplicate();
					plane.setRoi(part);
					stack.addSlice(single ? null : image.getStack().getSliceLabel(slice), plane.crop());
				}
			}
		}
		final ImagePlus plain = new ImagePlus(image.getTitle(), stack);
		plain.setDimensions(inside(2), inside(1), inside(0));
		final boolean composite = image.isComposite() && inside(2) > 1;
		final ImagePlus copy = composite ? new CompositeImage(plain, ((CompositeImage) image).getMode()) : plain;
		if (composite) ((CompositeImage) copy).setLuts(image.getLuts());
		else if (image.getBitDepth() != 24) copy.setDisplayRange(image.getDisplayRangeMin(), image.getDisplayRangeMax());
		copy.setOpenAsHyperStack(image.isHyperStack());
		final Calibration calibration = image.getCalibration().copy();
		calibration.xOrigin -= part.x;
		calibration.yOrigin -= part.y;
		copy.setCalibration(calibration);
		copy.setProperty("Info", image.getProperty("Info"));
		return copy;
	}

	/**
	 * Puts together what became of the samples.
	 *
	 * @param made one for each of {@link #copies}
	 * @throws BridgeException where they do not fit together
	 */
	ImagePlus joined(final List<ImagePlus> made) throws BridgeException {
		final ImagePlus first = made.get(0);
		if (made.size() == 1) return first;
		for (final ImagePlus one : made) {
			if (one.getWidth() == first.getWidth() && one.getHeight() == first.getHeight() && one.getBitDepth() == first
				.getBitDepth() && one.getNFrames() == first.getNFrames() && one.getNSlices() == first.getNSlices() && one
					.getNChannels() == first.getNChannels()) continue;
			throw new BridgeException("The model's macros make images of different sizes or types of the parts of \"" + image
				.getTitle() + "\", which cannot be put together: run the model on each of them.");
		}
		final int[] own = { first.getNFrames(), first.getNSlices(), first.getNChannels() };
		for (int axis = 0; axis < own.length; axis++) {
			if (!looped[axis] || sizes[axis] == 1 || own[axis] == 1) continue;
			throw new BridgeException("The model's macros make " + own[axis] + " images of each one along an axis that \"" + image
				.getTitle() + "\" has too: run the model on each of its parts.");
		}
		final int[] whole = new int[own.length];
		for (int axis = 0; axis < own.length; axis++) whole[axis] = own[axis] * loops(axis);
		final ImageStack stack = new ImageStack(first.getWidth(), first.getHeight());
		for (int t = 0; t < whole[0]; t++) {
			for (int z = 0; z < whole[1]; z++) {
				for (int c = 0; c < whole[2]; c++) {
					final ImagePlus from = made.get((at(0, t) * loops(1) + at(1, z)) * loops(2) + at(2, c));
					final int slice = (in(0, t) * own[1] + in(1, z)) * own[2] + in(2, c) + 1;
					stack.addSlice(from.getStack().getSliceLabel(slice), from.getStack().getProcessor(slice));
				}
			}
		}
		final ImagePlus plain = new ImagePlus(first.getTitle(), stack);
		plain.setDimensions(whole[2], whole[1], whole[0]);
		final ImagePlus joined = whole[2] > 1 && first.getBitDepth() != 24 ? new CompositeImage(plain, CompositeImage.GRAYSCALE)
			: plain;
		joined.setOpenAsHyperStack(true);
		joined.setCalibration(first.getCalibration());
		return joined;
	}

	/** Which sample an index belongs to. */
	private int at(final int axis, final int index) {
		return loops(axis) > 1 ? index : 0;
	}

	private int in(final int axis, final int index) {
		return loops(axis) > 1 ? 0 : index;
	}
}
