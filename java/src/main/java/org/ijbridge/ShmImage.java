package org.ijbridge;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.imglib2.RandomAccessibleInterval;
import net.imglib2.appose.WrappedNDArray;
import net.imglib2.img.WrappedImg;
import org.apposed.appose.NDArray;

/**
 * An ImgLib2 image that lies in shared memory, with what a model must know of it: which dimension is which axis, and what a
 * pixel measures. {@link RunModelOnShm} takes such images and gives them.
 */
public final class ShmImage {

	/** What a dimension can be: the position in the plane and in depth, channel, time, and samples of a batch. */
	private static final String AXES = "xyzctb";

	private final RandomAccessibleInterval<?> img;
	private final NDArray array;
	private final String axes;
	private final String name;
	private final Map<String, Double> sizes = new LinkedHashMap<>();
	private final Map<String, String> units = new LinkedHashMap<>();
	private final Map<String, Double> origin = new LinkedHashMap<>();
	private List<String> channelNames = Collections.emptyList();
	private String provenance = "";

	/**
	 * Describes an image, whose pixels stay where they are.
	 *
	 * @param img a {@code net.imglib2.appose.ShmImg}, or a {@code WrappedImg} around one; a view is none, because it may turn,
	 *          crop or convert
	 * @param axes a letter for each dimension in ImgLib2's order, the fastest first, each of {@value #AXES} at most once: such
	 *          as {@code "xyz"}
	 * @param name by which messages and results call it
	 * @throws IllegalArgumentException for an image that does not lie in shared memory, one of complex numbers, and axes that
	 *           do not fit
	 */
	public ShmImage(final RandomAccessibleInterval<?> img, final String axes, final String name) {
		this.img = img;
		this.axes = axes;
		this.name = name;
		array = arrayOf(img);
		final boolean known = axes.matches("[" + AXES + "]*") && axes.chars().distinct().count() == axes.length();
		if (!known || axes.length() != img.numDimensions() || !axes.contains("x") || !axes.contains("y")) {
			throw new IllegalArgumentException("The image \"" + name + "\" has " + img.numDimensions() + " dimensions, but its " +
				"axes are said to be \"" + axes + "\": give one letter of \"" + AXES + "\" for each, the fastest first, each " +
				"once, x and y among them.");
		}
		if (array.dType().label().startsWith("complex")) {
			throw new IllegalArgumentException("The image \"" + name + "\" is of the type " + array.dType().label() +
				", but models take whole or real numbers: give its real part, or its magnitude.");
		}
	}

	private static NDArray arrayOf(final Object img) {
		if (img instanceof WrappedNDArray) return ((WrappedNDArray) img).ndArray();
		if (img instanceof WrappedImg) return arrayOf(((WrappedImg<?>) img).getImg());
		throw new IllegalArgumentException("The image is a " + img.getClass().getSimpleName() + ", which does not lie in " +
			"shared memory: make it a net.imglib2.appose.ShmImg, or copy it into one by ShmImg.copyOf(image).");
	}

	/**
	 * Says how large a pixel is.
	 *
	 * @param axis one of x, y, z and t
	 * @param size the distance of two pixels, above 0
	 * @param unit such as µm, or s
	 * @return this image
	 */
	public ShmImage withPixelSize(final String axis, final double size, final String unit) {
		sizes.put(axis, size);
		units.put(axis, unit);
		return this;
	}

	/**
	 * Says where the image begins.
	 *
	 * @param axis one of x, y, z and t
	 * @param position of the first pixel, in the unit of the axis, or in pixels where it has none
	 * @return this image
	 */
	public ShmImage withOrigin(final String axis, final double position) {
		origin.put(axis, position);
		return this;
	}

	/**
	 * Says what the channels are called.
	 *
	 * @param names one for each channel, in their order
	 * @return this image
	 */
	public ShmImage withChannelNames(final List<String> names) {
		channelNames = Collections.unmodifiableList(new ArrayList<>(names));
		return this;
	}

	/** What a run gave, as its plan said it. */
	static ShmImage ofResult(final RandomAccessibleInterval<?> img, final Reply output, final String provenance)
		throws BridgeException
	{
		final String axes = new StringBuilder(output.requiredText("axes")).reverse().toString();
		final ShmImage image = new ShmImage(img, axes, output.requiredText("title"));
		image.sizes.putAll(output.numbersByName("pixel_size"));
		image.units.putAll(output.textsByName("units"));
		image.origin.putAll(output.numbersByName("origin"));
		image.channelNames = Collections.unmodifiableList(output.texts("channel_names"));
		image.provenance = provenance;
		return image;
	}

	/** The image itself; of a result a {@code ShmImg}, whose {@code close()} gives its memory back. */
	public RandomAccessibleInterval<?> img() {
		return img;
	}

	/** A letter for each dimension, the fastest first. */
	public String axes() {
		return axes;
	}

	/** What the image is called. */
	public String name() {
		return name;
	}

	/** The distance of two pixels by axis, where it is known. */
	public Map<String, Double> pixelSizes() {
		return Collections.unmodifiableMap(sizes);
	}

	/** The units of {@link #pixelSizes}. */
	public Map<String, String> units() {
		return Collections.unmodifiableMap(units);
	}

	/** Where the image begins, by axis; an axis that is not named begins at 0. */
	public Map<String, Double> origin() {
		return Collections.unmodifiableMap(origin);
	}

	/** The names of the channels; empty where they have none. */
	public List<String> channelNames() {
		return channelNames;
	}

	/** What made the image, as text; empty for one that no run gave. */
	public String provenance() {
		return provenance;
	}

	/** The memory that the image lies in. */
	NDArray array() {
		return array;
	}

	/** The entry {@code image} of a request. */
	Map<String, Object> toRequest() {
		final List<Object> shape = new ArrayList<>();
		for (final int size : array.shape().toIntArray(NDArray.Shape.Order.C_ORDER)) shape.add((long) size);
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("name", name);
		request.put("shape", shape);
		request.put("axes", new StringBuilder(axes).reverse().toString());
		request.put("dtype", array.dType().label());
		request.put("pixel_size", new LinkedHashMap<>(sizes));
		request.put("units", new LinkedHashMap<>(units));
		request.put("origin", new LinkedHashMap<>(origin));
		if (!channelNames.isEmpty()) request.put("channel_names", channelNames);
		return request;
	}
}
