package org.ijbridge;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Base64;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/**
 * The cover picture of a model, made small.
 * <p>
 * It is a stranger's file: its size is looked at before it is decoded, and only every n-th pixel of a large one is.
 * </p>
 */
final class Cover {

	private static final long LARGEST = 100_000_000;

	private Cover() {}

	/** The picture within a box; null where there is none, or none that can be read. */
	static BufferedImage read(final String base64, final int width, final int height) {
		if (base64.isEmpty()) return null;
		try (ImageInputStream in = ImageIO.createImageInputStream(new ByteArrayInputStream(Base64.getDecoder().decode(
			base64))))
		{
			final Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
			if (!readers.hasNext()) return null;
			final ImageReader reader = readers.next();
			try {
				reader.setInput(in, true, true);
				return scaled(decoded(reader, width, height), width, height);
			}
			finally {
				reader.dispose();
			}
		}
		catch (final IOException | RuntimeException unreadable) {
			LogFile.write("the cover of a model cannot be read: " + unreadable);
			return null;
		}
	}

	private static BufferedImage decoded(final ImageReader reader, final int width, final int height) throws IOException {
		final long w = reader.getWidth(0);
		final long h = reader.getHeight(0);
		if (w * h > LARGEST) throw new IOException("it has " + w + " x " + h + " pixels");
		final int step = (int) Math.max(1, Math.min(w / (2 * width), h / (2 * height)));
		final ImageReadParam param = reader.getDefaultReadParam();
		param.setSourceSubsampling(step, step, 0, 0);
		return reader.read(0, param);
	}

	private static BufferedImage scaled(final BufferedImage image, final int width, final int height) {
		final double factor = Math.min(1, Math.min((double) width / image.getWidth(), (double) height / image.getHeight()));
		final int w = (int) Math.max(1, Math.round(image.getWidth() * factor));
		final int h = (int) Math.max(1, Math.round(image.getHeight() * factor));
		final BufferedImage small = new BufferedImage(w, h, BufferedImage.TYPE_INT_RGB);
		final Graphics2D graphics = small.createGraphics();
		graphics.setColor(Color.WHITE);
		graphics.fillRect(0, 0, w, h);
		graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
		graphics.drawImage(image, 0, 0, w, h, null);
		graphics.dispose();
		return small;
	}
}
