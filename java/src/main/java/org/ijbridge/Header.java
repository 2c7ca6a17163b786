package org.ijbridge;

import ij.ImagePlus;
import java.awt.Rectangle;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the worker must know of an image before it sees pixels: name, axes, shape, type, pixel size, origin and names of
 * channels.
 */
final class Header {

	final Axes axes;
	final String dtype;

	/** Of each plane, what is sent. */
	final Rectangle part;

	/** Whether {@link #part} is all of each plane. */
	final boolean whole;

	private final String name;
	private final String partName;
	private final List<String> channelNames;
	private final Map<String, Object> sizes = new LinkedHashMap<>();
	private final Map<String, Object> units = new LinkedHashMap<>();
	private final Map<String, Object> origin;

	/** As {@link #Header(ImagePlus, boolean)}, of the whole image. */
	Header(final ImagePlus image) throws BridgeException {
		this(image, false);
	}

	/**
	 * Looks at an image.
	 *
	 * @param cropped whether only the box around the selection is meant; else the selection means nothing
	 * @throws BridgeException for an image with no pixels, one that is both coloured and of several channels, or one
	 *           without the selection that is asked for
	 */
	Header(final ImagePlus image, final boolean cropped) throws BridgeException {
		this(image, cropped, null);
	}

	/** @param named that names the image; null for itself */
	private Header(final ImagePlus image, final boolean cropped, final Header named) throws BridgeException {
		name = named == null ? image.getTitle() : named.name;
		if (image.getStackSize() == 0 || image.getWidth() == 0 || image.getHeight() == 0) {
			throw new BridgeException("The image \"" + name + "\" has no pixels: open another image.");
		}
		if (Pixels.isColour(image) && image.getNChannels() > 1) {
			throw new BridgeException("The image \"" + name + "\" has " + image.getNChannels() + " channels of colour " +
				"pixels: split them, or convert it to a grayscale image with channels.");
		}
		final Rectangle all = new Rectangle(image.getWidth(), image.getHeight());
		part = cropped ? selected(image).intersection(all) : all;
		if (part.isEmpty()) {
			throw new BridgeException("The selection of \"" + name + "\" covers no pixel, but roi=crop runs on the box " +
				"around it: select something, or leave roi out.");
		}
		whole = part.equals(all);
		final String here = whole ? "" : part.width + "x" + part.height + " at " + part.x + "," + part.y;
		partName = named == null ? here : named.partName;
		axes = Axes.of(image, part);
		dtype = Pixels.dtype(image);
		channelNames = ChannelNames.of(image);
		Calibrations.read(image.getCalibration(), axes, sizes, units);
		origin = Calibrations.origin(image.getCalibration(), part, sizes);
	}

	/** Of the image that this one has become: its results are called after this one. */
	Header of(final ImagePlus changed) throws BridgeException {
		return new Header(changed, false, this);
	}

	private static Rectangle selected(final ImagePlus image) throws BridgeException {
		if (image.getRoi() != null) return image.getRoi().getBounds();
		throw new BridgeException("The image \"" + image.getTitle() + "\" has no selection, but roi=crop runs on the box " +
			"around one: select something, or leave roi out.");
	}

	/** The size of the array in bytes. */
	long bytes() {
		return axes.planes() * axes.planeSize() * Pixels.bytes(dtype);
	}

	/** The entry {@code image} of a request. */
	Map<String, Object> toRequest() {
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("name", name);
		request.put("shape", axes.shape());
		request.put("axes", axes.letters());
		request.put("dtype", dtype);
		request.put("pixel_size", sizes);
		request.put("units", units);
		request.put("origin", origin);
		if (!channelNames.isEmpty()) request.put("channel_names", channelNames);
		if (!partName.isEmpty()) request.put("part", partName);
		return request;
	}
}
