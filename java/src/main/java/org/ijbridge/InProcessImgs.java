package org.ijbridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.LongStream;
import net.imglib2.AbstractWrappedInterval;
import net.imglib2.FinalInterval;
import net.imglib2.Interval;
import net.imglib2.RandomAccess;
import net.imglib2.RandomAccessibleInterval;
import net.imglib2.blocks.PrimitiveBlocks;
import net.imglib2.converter.Converters;
import net.imglib2.img.array.ArrayImg;
import net.imglib2.img.basictypeaccess.array.ArrayDataAccess;
import net.imglib2.img.planar.PlanarImg;
import net.imglib2.type.BooleanType;
import net.imglib2.type.NativeType;
import net.imglib2.type.PrimitiveType;
import net.imglib2.type.logic.NativeBoolType;
import net.imglib2.type.numeric.integer.UnsignedByteType;
import net.imglib2.util.Cast;
import net.imglib2.util.Intervals;

/**
 * Images of ImgLib2 for the Python program that Java runs in: copies those that it cannot look into. ImageJ is not needed
 * for it, and plain ImageJ, which has no ImgLib2, never loads this class.
 */
public final class InProcessImgs {

	/** Pixels that one thread copies at once: few enough for the memory close to a processor. */
	private static final long BLOCK = 1 << 18;

	private InProcessImgs() {}

	/**
	 * Copies all pixels, by all processors: first the first dimension, without gaps, in the byte order of the machine. A
	 * pixel takes the bytes of its Java type; a truth value takes one, 0 or 1.
	 *
	 * @param image of any kind: arrays, planes, cells, views of them, or computed pixel by pixel
	 * @param size of all pixels, in bytes
	 * @param step from the start of a piece to that of the next, in bytes
	 * @param pieces of the memory that is filled; each reaches {@link InProcess#reach} bytes into the next
	 */
	public static void copy(final RandomAccessibleInterval<?> image, final long size, final long step,
		final List<ByteBuffer> pieces)
	{
		final PixelBlock to = new InProcessBlock("", size, step, pieces, () -> {});
		final RandomAccessibleInterval<?> pixels = withBytes(image);
		try {
			final List<Object> arrays = arrays(pixels);
			if (arrays.isEmpty()) copyBlocks(pixels, to);
			else copyArrays(arrays, to);
		}
		catch (final ClassCastException buffers) {
			// ImgLib2 8.0 takes whatever a view looks at for arrays; of buffers it can only be asked pixel by pixel.
			copyBlocks(new Opaque<>(pixels), to);
		}
	}

	/** Truth values as bytes, for which there are buffers. */
	private static RandomAccessibleInterval<?> withBytes(final RandomAccessibleInterval<?> image) {
		final Object type = image.getType();
		if (!(type instanceof BooleanType) || type instanceof NativeBoolType) return image;
		final RandomAccessibleInterval<BooleanType<?>> truths = Cast.unchecked(image);
		return Converters.convert(truths, (from, to) -> to.set(from.get() ? 1 : 0), new UnsignedByteType());
	}

	/** The arrays that hold the pixels behind one another, if such arrays do. */
	private static List<Object> arrays(final RandomAccessibleInterval<?> image) {
		final List<Object> accesses = new ArrayList<>();
		if (image instanceof ArrayImg) accesses.add(((ArrayImg<?, ?>) image).update(null));
		else if (image instanceof PlanarImg) {
			final PlanarImg<?, ?> planes = (PlanarImg<?, ?>) image;
			for (int plane = 0; plane < planes.numSlices(); plane++) accesses.add(planes.getPlane(plane));
		}
		final List<Object> arrays = new ArrayList<>();
		for (final Object access : accesses) {
			final Object array = access instanceof ArrayDataAccess ? ((ArrayDataAccess<?>) access)
				.getCurrentStorageArray() : null;
			if (array == null || !array.getClass().isArray()) return Collections.emptyList();
			arrays.add(array);
		}
		return arrays;
	}

	/** Block by block, by all processors, each from its array straight to where it goes. */
	private static void copyArrays(final List<Object> arrays, final PixelBlock to) {
		final long perArray = to.size() / arrays.size();
		final int bytes = bytes(arrays.get(0));
		final long blocks = (perArray / bytes + BLOCK - 1) / BLOCK;
		LongStream.range(0, blocks * arrays.size()).parallel().forEach(number -> {
			final int array = (int) (number / blocks);
			final long first = number % blocks * BLOCK;
			final int length = (int) Math.min(BLOCK, perArray / bytes - first);
			put(arrays.get(array), (int) first, length, to.buffer(array * perArray + first * bytes, length * bytes));
		});
	}

	private static <T extends NativeType<T>> void copyBlocks(final RandomAccessibleInterval<?> image,
		final PixelBlock to)
	{
		final RandomAccessibleInterval<T> pixels = Cast.unchecked(image);
		final PrimitiveType type = pixels.getType().getNativeTypeFactory().getPrimitiveType();
		final PrimitiveBlocks<T> from = PrimitiveBlocks.of(pixels, PrimitiveBlocks.OnFallback.ACCEPT).threadSafe();
		final Runs runs = new Runs(pixels, BLOCK);
		LongStream.range(0, runs.count()).parallel().forEach(number -> {
			final Interval run = runs.get(number);
			final int length = (int) Intervals.numElements(run);
			final Object array = newArray(type, length);
			from.copy(run, array);
			final int bytes = bytes(array);
			put(array, 0, length, to.buffer(runs.start(number) * bytes, length * bytes));
		});
	}

	private static Object newArray(final PrimitiveType type, final int length) {
		switch (type) {
			case BOOLEAN:
				return new boolean[length];
			case BYTE:
				return new byte[length];
			case SHORT:
				return new short[length];
			case INT:
				return new int[length];
			case LONG:
				return new long[length];
			case FLOAT:
				return new float[length];
			case DOUBLE:
				return new double[length];
			default:
				throw new IllegalArgumentException(type.toString());
		}
	}

	private static int bytes(final Object array) {
		if (array instanceof byte[] || array instanceof boolean[]) return 1;
		if (array instanceof short[]) return 2;
		return array instanceof int[] || array instanceof float[] ? 4 : 8;
	}

	private static void put(final Object array, final int first, final int length, final ByteBuffer to) {
		to.order(ByteOrder.nativeOrder());
		if (array instanceof byte[]) to.put((byte[]) array, first, length);
		else if (array instanceof short[]) to.asShortBuffer().put((short[]) array, first, length);
		else if (array instanceof int[]) to.asIntBuffer().put((int[]) array, first, length);
		else if (array instanceof long[]) to.asLongBuffer().put((long[]) array, first, length);
		else if (array instanceof float[]) to.asFloatBuffer().put((float[]) array, first, length);
		else if (array instanceof double[]) to.asDoubleBuffer().put((double[]) array, first, length);
		else for (int i = first; i < first + length; i++) to.put((byte) (((boolean[]) array)[i] ? 1 : 0));
	}

	/** The runs that an image is cut into: boxes whose pixels lie behind one another where the image has no gaps. */
	private static final class Runs {

		private final Interval image;
		/** The dimension that is cut; the ones before it are whole, and the ones behind it have one entry. */
		private final int cut;
		private final long thickness;
		private final long pixelsBefore;
		private final long perLine;

		Runs(final Interval image, final long most) {
			this.image = image;
			int dimension = 0;
			long pixels = 1;
			while (dimension < image.numDimensions() - 1 && pixels * image.dimension(dimension) <= most) {
				pixels *= image.dimension(dimension++);
			}
			cut = dimension;
			pixelsBefore = pixels;
			thickness = Math.max(1, Math.min(image.dimension(cut), most / pixels));
			perLine = (image.dimension(cut) + thickness - 1) / thickness;
		}

		long count() {
			long lines = 1;
			for (int d = cut + 1; d < image.numDimensions(); d++) lines *= image.dimension(d);
			return lines * perLine;
		}

		/** The place of its first pixel, counted from 0. */
		long start(final long number) {
			return pixelsBefore * (number / perLine * image.dimension(cut) + number % perLine * thickness);
		}

		Interval get(final long number) {
			final long[] min = Intervals.minAsLongArray(image);
			final long[] max = Intervals.maxAsLongArray(image);
			min[cut] += number % perLine * thickness;
			max[cut] = Math.min(max[cut], min[cut] + thickness - 1);
			long line = number / perLine;
			for (int d = cut + 1; d < image.numDimensions(); d++) {
				min[d] += line % image.dimension(d);
				max[d] = min[d];
				line /= image.dimension(d);
			}
			return new FinalInterval(min, max);
		}
	}

	/** An image of which nothing is known but its pixels. */
	private static final class Opaque<T> extends AbstractWrappedInterval<RandomAccessibleInterval<T>> implements
		RandomAccessibleInterval<T>
	{

		Opaque(final RandomAccessibleInterval<T> image) {
			super(image);
		}

		@Override
		public RandomAccess<T> randomAccess() {
			return getSource().randomAccess();
		}

		@Override
		public RandomAccess<T> randomAccess(final Interval interval) {
			return getSource().randomAccess(interval);
		}

		@Override
		public T getType() {
			return getSource().getType();
		}
	}
}
