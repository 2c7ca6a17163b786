package org.ijbridge;

import ij.ImagePlus;
import java.awt.Rectangle;
import java.util.ArrayList;
import java.util.List;

/**
 * The flip between the two orders of axes, and nothing else: a wrong flip gives a plausible wrong answer.
 * <p>
 * ImageJ says XYCZT, the fastest axis first, and numbers the slices of a stack from 1, channels fastest, then z, then
 * time. The worker says the slowest axis first, as in {@code tzcyx}, and sees one array in C order, in which each
 * (t, z, c) has one plane of {@code height x width} pixels.
 * </p>
 */
final class Axes {

	/** The order in which an image is sent: ImageJ's own, backwards. */
	private static final String SENT = "tzcyx";

	private final String letters;
	private final long[] shape;

	private Axes(final String letters, final long[] shape) {
		this.letters = letters;
		this.shape = shape;
	}

	/**
	 * The axes of an image as they are sent: y and x always, of t, z and c those with more than one entry. A colour
	 * image has an axis c of 3: red, green, blue.
	 */
	static Axes of(final ImagePlus image) {
		return of(image, new Rectangle(image.getWidth(), image.getHeight()));
	}

	/** As {@link #of(ImagePlus)}, of a part of each plane. */
	static Axes of(final ImagePlus image, final Rectangle part) {
		final int channels = Pixels.isColour(image) ? 3 : image.getNChannels();
		return sent(image.getNFrames(), image.getNSlices(), channels, part.height, part.width);
	}

	/** As {@link #of}, from the bare sizes. */
	static Axes sent(final int frames, final int slices, final int channels, final int height, final int width) {
		final long[] sizes = { frames, slices, channels, height, width };
		final StringBuilder letters = new StringBuilder();
		final List<Long> shape = new ArrayList<>();
		for (int i = 0; i < sizes.length; i++) {
			final boolean plane = i >= sizes.length - 2;
			if (!plane && sizes[i] == 1) continue;
			letters.append(SENT.charAt(i));
			shape.add(sizes[i]);
		}
		return new Axes(letters.toString(), shape.stream().mapToLong(Long::longValue).toArray());
	}

	/**
	 * The axes of an array as the worker tells them.
	 *
	 * @param letters each of {@code tzcyx} at most once, ending with {@code yx}
	 * @param shape one size of at least 1 for each letter
	 * @throws BridgeException for axes that no ImageJ image has, or more planes than a stack can hold
	 */
	static Axes told(final String letters, final List<Long> shape) throws BridgeException {
		final boolean known = letters.matches("[tzc]*yx") && letters.chars().distinct().count() == letters.length();
		if (!known || letters.length() != shape.size()) {
			throw new BridgeException("The worker gives an output with the axes \"" + letters + "\" and the shape " +
				shape + ", but ImageJ shows images with axes out of t, z, c, then y and x, each once.");
		}
		final long[] sizes = shape.stream().mapToLong(Long::longValue).toArray();
		final Axes axes = new Axes(letters, sizes);
		for (final long size : sizes) {
			if (size >= 1 && size <= Integer.MAX_VALUE && axes.planes() <= Integer.MAX_VALUE) continue;
			throw new BridgeException("The worker gives an output of the shape " + shape + ", but ImageJ shows images " +
				"with 1 to " + Integer.MAX_VALUE + " pixels along an axis, and as many slices.");
		}
		return axes;
	}

	/** One letter for each axis, the slowest first, such as {@code zcyx}. */
	String letters() {
		return letters;
	}

	/** The size along each axis, in the order of {@link #letters}. */
	List<Long> shape() {
		final List<Long> sizes = new ArrayList<>();
		for (final long size : shape) sizes.add(size);
		return sizes;
	}

	/** Whether there is an axis of this letter. */
	boolean has(final char letter) {
		return letters.indexOf(letter) >= 0;
	}

	/** The size along an axis, 1 for an axis that is not there. */
	int size(final char letter) {
		final int axis = letters.indexOf(letter);
		return axis < 0 ? 1 : (int) shape[axis];
	}

	/** Pixels in a plane, which may exceed what an int holds. */
	long planeSize() {
		return (long) size('y') * size('x');
	}

	/** Planes in the array, which is also the number of slices of the stack (but for a colour image). */
	long planes() {
		long planes = 1;
		for (int axis = 0; axis < shape.length - 2; axis++) planes *= shape[axis];
		return planes;
	}

	/** The place, counted in planes from 0, of a plane in the array; each argument counts from 0. */
	long plane(final int t, final int z, final int c) {
		long plane = 0;
		for (int axis = 0; axis < shape.length - 2; axis++) {
			final char letter = letters.charAt(axis);
			final int index = letter == 't' ? t : letter == 'z' ? z : c;
			plane = plane * shape[axis] + index;
		}
		return plane;
	}

	/** The slice of ImageJ's stack, counted from 1, that shows a plane; each argument counts from 0. */
	int slice(final int t, final int z, final int c) {
		return (t * size('z') + z) * size('c') + c + 1;
	}
}
