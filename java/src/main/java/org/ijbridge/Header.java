package org.ijbridge;

import ij.ImagePlus;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the worker must know of an image before it sees pixels: name, axes, shape, type and pixel size. */
final class Header {

	final Axes axes;
	final String dtype;
	private final String name;
	private final Map<String, Object> sizes = new LinkedHashMap<>();
	private final Map<String, Object> units = new LinkedHashMap<>();

	/** @throws BridgeException for an image with no pixels, or one that is both coloured and of several channels */
	Header(final ImagePlus image) throws BridgeException {
		name = image.getTitle();
		if (image.getStackSize() == 0 || image.getWidth() == 0 || image.getHeight() == 0) {
			throw new BridgeException("The image \"" + name + "\" has no pixels: open another image.");
		}
		if (Pixels.isColour(image) && image.getNChannels() > 1) {
			throw new BridgeException("The image \"" + name + "\" has " + image.getNChannels() + " channels of colour " +
				"pixels: split them, or convert it to a grayscale image with channels.");
		}
		axes = Axes.of(image);
		dtype = Pixels.dtype(image);
		Calibrations.read(image.getCalibration(), axes, sizes, units);
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
		return request;
	}
}
