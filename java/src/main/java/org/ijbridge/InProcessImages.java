package org.ijbridge;

import ij.ImagePlus;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * Images for the Python program that ImageJ runs in, in the words and the memory of {@link InProcess}: the same axes,
 * types and pixel sizes as a run of the command gives.
 */
public final class InProcessImages {

	private InProcessImages() {}

	/**
	 * What an image is, as the entry {@code image} of a request says it.
	 *
	 * @throws BridgeException for an image with no pixels, or one that is both coloured and of several channels
	 */
	public static Map<String, Object> header(final ImagePlus image) throws BridgeException {
		return new Header(image).toRequest();
	}

	/** The bytes of the array that an image becomes. */
	public static long bytes(final ImagePlus image) throws BridgeException {
		return new Header(image).bytes();
	}

	/**
	 * Copies all pixels of an image.
	 *
	 * @param step from the start of a piece to that of the next, in bytes
	 * @param pieces of the memory that is filled; each reaches {@link InProcess#reach} bytes into the next
	 */
	public static void copy(final ImagePlus image, final long step, final List<ByteBuffer> pieces)
		throws BridgeException
	{
		final Header header = new Header(image);
		Pixels.write(image, header, new InProcessBlock("", header.bytes(), step, pieces, () -> {}));
	}

	/**
	 * Makes an image that can be edited, and is not shown yet.
	 *
	 * @param described as an entry of {@code outputs} in the reply to {@code plan}
	 * @param info what Image &gt; Show Info... shows
	 * @param step as in {@link #copy}
	 * @param pieces of the memory that holds the array
	 */
	public static ImagePlus make(final Map<String, Object> described, final String info, final long step,
		final List<ByteBuffer> pieces) throws BridgeException
	{
		final ResultImage result = new ResultImage(new Reply(described));
		return result.toImage(new InProcessBlock("", result.bytes(), step, pieces, () -> {}), info);
	}
}
