package org.ijbridge;

import ij.ImagePlus;
import ij.ImageStack;
import ij.process.ImageProcessor;
import java.awt.Rectangle;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;

/**
 * Copies pixels between an ImagePlus, whose planes are arrays on Java's heap, and memory that Python sees, plane by plane and in
 * bulk. A virtual stack is read slice by slice and never lies on the heap as a whole.
 * <p>
 * The values are the stored ones: calibration of grey values (optical density, for one) is not applied, except for
 * ImageJ's signed 16-bit images, which are stored with 32768 added and are sent as what they mean. Look-up tables are how
 * values are shown, and are not applied either. A picture of colours, RGB or indexed, is sent as the three planes red,
 * green and blue. Reading changes nothing in the image that a person could see.
 * </p>
 */
final class Pixels {

	/** Bytes moved at once: below what a buffer can hold, for planes larger than that. */
	static final int CHUNK = 1 << 28;

	private Pixels() {}

	/** Whether the pixels are colours, which are sent along an axis c of 3. */
	static boolean isColour(final ImagePlus image) {
		return image.getType() == ImagePlus.COLOR_RGB || isIndexed(image);
	}

	/** The table of a channel says how that channel is shown, whatever it looks like. */
	private static boolean isIndexed(final ImagePlus image) {
		if (image.getBitDepth() != 8 || image.isComposite()) return false;
		final ImageProcessor shown = image.getProcessor();
		return shown != null && new Palette(shown.getColorModel()).isScattered();
	}

	/** The type of the array that is sent: {@code uint8}, {@code uint16}, {@code int16} or {@code float32}. */
	static String dtype(final ImagePlus image) {
		switch (image.getType()) {
			case ImagePlus.GRAY16:
				return isSigned(image) ? "int16" : "uint16";
			case ImagePlus.GRAY32:
				return "float32";
			default:
				return "uint8";
		}
	}

	/** Bytes per pixel of a type that is sent or shown. */
	static int bytes(final String dtype) {
		switch (dtype) {
			case "uint8":
				return 1;
			case "uint16":
			case "int16":
				return 2;
			case "float32":
				return 4;
			default:
				throw new IllegalArgumentException(dtype);
		}
	}

	/**
	 * Copies the pixels of an image into a block.
	 *
	 * @param header of the image, which says what part of it is sent
	 * @param block as large as the header says
	 */
	static void write(final ImagePlus image, final Header header, final PixelBlock block) throws BridgeException {
		final Axes axes = header.axes;
		final boolean colour = isColour(image);
		final boolean signed = isSigned(image);
		final long planeBytes = axes.planeSize() * bytes(header.dtype);
		final Class<?> stored = stored(image);
		// An image that is no stack is not made one: ImagePlus.getStack() would.
		final ImageStack stack = image.getStackSize() == 1 ? null : image.getStack();
		final int channels = colour ? 1 : axes.size('c');
		forEachPlane(axes.size('t') * axes.size('z') * channels, stack == null || isInMemory(stack), number -> {
			final int c = number % channels;
			final int z = number / channels % axes.size('z');
			final int t = number / channels / axes.size('z');
			// The slices of a stack lie in the same order as its planes are sent.
			final ImageProcessor plane = plane(image, stack, number + 1, stored);
			final Rows rows = new Rows(block, axes.plane(t, z, c) * planeBytes, header.part, image.getWidth());
			if (colour) putColours(rows, planeBytes, plane);
			else rows.put(signed ? withoutOffset((short[]) plane.getPixels()) : plane.getPixels(), 0);
		});
	}

	/**
	 * Copies an array out of a block into slices that can be edited.
	 *
	 * @param axes of the array
	 * @param dtype {@code uint8}, {@code uint16} or {@code float32}
	 * @param look is given each plane and its number from 0, by several threads, while the processor still has it in its
	 *          cache
	 */
	static ImageStack read(final PixelBlock block, final Axes axes, final String dtype, final ObjIntConsumer<Object> look)
		throws BridgeException
	{
		final long planeBytes = axes.planeSize() * bytes(dtype);
		final int depth = axes.size('z');
		final int channels = axes.size('c');
		final Object[] planes = new Object[axes.size('t') * depth * channels];
		forEachPlane(planes.length, true, number -> {
			final Object pixels = newPlane(dtype, axes.planeSize());
			final int row = number / channels;
			get(block, axes.plane(row / depth, row % depth, number % channels) * planeBytes, pixels);
			look.accept(pixels, number);
			planes[number] = pixels;
		});
		final ImageStack stack = new ImageStack(axes.size('x'), axes.size('y'));
		for (final Object pixels : planes) stack.addSlice("", pixels);
		return stack;
	}

	/** Copies one plane, counted from 0. */
	private interface PlaneCopy {

		void copy(int number) throws BridgeException;
	}

	/**
	 * By all processors, which pays into new arrays (1 GB by two: 0.2 instead of 0.4 s); stacks that are read from somewhere are
	 * read by one, in their order.
	 */
	private static void forEachPlane(final int planes, final boolean parallel, final PlaneCopy copy)
		throws BridgeException
	{
		final AtomicReference<BridgeException> failure = new AtomicReference<>();
		final IntStream numbers = IntStream.range(0, planes);
		(parallel ? numbers.parallel() : numbers).forEach(number -> {
			if (failure.get() != null) return;
			try {
				copy.copy(number);
			}
			catch (final BridgeException failed) {
				failure.compareAndSet(null, failed);
			}
		});
		if (failure.get() != null) throw failure.get();
	}

	/** Whether its slices are arrays on the heap; subclasses of ImageStack read or compute theirs. */
	private static boolean isInMemory(final ImageStack stack) {
		return stack.getClass() == ImageStack.class;
	}

	private static boolean isSigned(final ImagePlus image) {
		return image.getType() == ImagePlus.GRAY16 && image.getLocalCalibration().isSigned16Bit();
	}

	private static Class<?> stored(final ImagePlus image) {
		switch (image.getType()) {
			case ImagePlus.COLOR_RGB:
				return int[].class;
			case ImagePlus.GRAY16:
				return short[].class;
			case ImagePlus.GRAY32:
				return float[].class;
			default:
				return byte[].class;
		}
	}

	/** One slice of an image and its stack, if it has one. */
	private static ImageProcessor plane(final ImagePlus image, final ImageStack stack, final int slice,
		final Class<?> stored) throws BridgeException
	{
		final ImageProcessor source = stack == null ? image.getProcessor() : stack.getProcessor(slice);
		if (source != null && stored.isInstance(source.getPixels()) && source.getWidth() == image.getWidth() &&
			source.getHeight() == image.getHeight()) return source;
		throw new BridgeException("Slice " + slice + " of \"" + image.getTitle() + "\" cannot be read as the others (" +
			(source == null ? "no pixels" : source) + "): convert the stack to one type and size, or save and open it again.");
	}

	/** Where a plane goes: the part of it that is sent, at an offset of a block. */
	private static final class Rows {

		private final PixelBlock block;
		private final long start;
		private final Rectangle part;
		private final int width;

		Rows(final PixelBlock block, final long start, final Rectangle part, final int width) {
			this.block = block;
			this.start = start;
			this.part = part;
			this.width = width;
		}

		/** @param further bytes behind the start */
		void put(final Object pixels, final long further) {
			final long rowBytes = (long) part.width * size(pixels);
			if (part.width == width) {
				// Rows that lie behind one another are one piece.
				Pixels.put(block, start + further, pixels, part.y * width, part.height * width);
				return;
			}
			for (int y = 0; y < part.height; y++) {
				Pixels.put(block, start + further + y * rowBytes, pixels, (part.y + y) * width + part.x, part.width);
			}
		}
	}

	private static void put(final PixelBlock block, final long offset, final Object pixels, final int first,
		final int count)
	{
		final int size = size(pixels);
		// A long, because the last step goes beyond what an int holds in the largest planes.
		for (long next = 0; next < count; next += CHUNK / size) {
			final int from = first + (int) next;
			final int part = (int) Math.min(count - next, CHUNK / size);
			final ByteBuffer buffer = block.buffer(offset + next * size, part * size);
			if (pixels instanceof byte[]) buffer.put((byte[]) pixels, from, part);
			else if (pixels instanceof short[]) buffer.asShortBuffer().put((short[]) pixels, from, part);
			else buffer.asFloatBuffer().put((float[]) pixels, from, part);
		}
	}

	private static void get(final PixelBlock block, final long offset, final Object pixels) {
		final int count = Array.getLength(pixels);
		final int size = size(pixels);
		for (long next = 0; next < count; next += CHUNK / size) {
			final int from = (int) next;
			final int part = Math.min(count - from, CHUNK / size);
			final ByteBuffer buffer = block.buffer(offset + next * size, part * size);
			if (pixels instanceof byte[]) buffer.get((byte[]) pixels, from, part);
			else if (pixels instanceof short[]) buffer.asShortBuffer().get((short[]) pixels, from, part);
			else buffer.asFloatBuffer().get((float[]) pixels, from, part);
		}
	}

	private static int size(final Object pixels) {
		return pixels instanceof byte[] ? 1 : pixels instanceof short[] ? 2 : 4;
	}

	/** Not by convertToRGB(), which gives indexed colours as the display range shows them. */
	private static void putColours(final Rows rows, final long planeBytes, final ImageProcessor plane) {
		final Object pixels = plane.getPixels();
		for (int c = 0; c < 3; c++) {
			final byte[] colours = pixels instanceof int[] ? shifted((int[]) pixels, 16 - 8 * c) : new Palette(plane
				.getColorModel()).colours((byte[]) pixels, c);
			rows.put(colours, c * planeBytes);
		}
	}

	private static byte[] shifted(final int[] colours, final int shift) {
		final byte[] bytes = new byte[colours.length];
		for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (colours[i] >> shift);
		return bytes;
	}

	/** Signed values of ImageJ's 16-bit pixels, in a new array: the image keeps its own. */
	private static short[] withoutOffset(final short[] pixels) {
		final short[] signed = new short[pixels.length];
		for (int i = 0; i < pixels.length; i++) signed[i] = (short) (pixels[i] - 32768);
		return signed;
	}

	private static Object newPlane(final String dtype, final long count) throws BridgeException {
		if (count > Integer.MAX_VALUE - 8) {
			throw new BridgeException("A plane of the result has " + count + " pixels, but ImageJ holds at most " +
				(Integer.MAX_VALUE - 8) + ": run on a smaller part of the image.");
		}
		switch (dtype) {
			case "uint8":
				return new byte[(int) count];
			case "uint16":
				return new short[(int) count];
			case "float32":
				return new float[(int) count];
			default:
				throw new IllegalArgumentException(dtype);
		}
	}
}
