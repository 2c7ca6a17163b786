package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.io.Opener;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.util.Collections;
import java.util.Locale;

/**
 * Opens the images of a batch as ImageJ opens them, without a window.
 * <p>
 * ImageJ opens a TIFF that ends too early, or whose compressed parts are damaged, as if the rest were black, and says
 * nothing; so the worker looks at it before. What ImageJ does not read, Bio-Formats does where it is installed.
 * </p>
 */
final class BatchImages {

	private static final String BIO_FORMATS = "loci.plugins.BF";

	private BatchImages() {}

	/** @throws BridgeException where there is no image in the file, or only a part of one */
	static ImagePlus open(final File file, final InferenceClient client) throws BridgeException {
		if (file.getName().toLowerCase(Locale.ROOT).matches(".*\\.tiff?")) {
			client.ask("check_file", Collections.singletonMap("path", file.getPath()), Feedback.SILENT);
		}
		ImagePlus image = opened(file);
		if (image == null) image = byBioFormats(file);
		image.setTitle(file.getName());
		return image;
	}

	private static ImagePlus opened(final File file) {
		IJ.redirectErrorMessages(true);
		try {
			final Opener opener = new Opener();
			opener.setSilentMode(true);
			return opener.openImage(file.getPath());
		}
		catch (final RuntimeException damaged) {
			LogFile.write(file + " cannot be opened by ImageJ", damaged);
			return null;
		}
		finally {
			IJ.getErrorMessage(); // ends the redirection
			IJ.redirectErrorMessages(false);
		}
	}

	private static ImagePlus byBioFormats(final File file) throws BridgeException {
		final ImagePlus[] images;
		try {
			final Class<?> reader = Class.forName(BIO_FORMATS, true, IJ.getClassLoader());
			images = (ImagePlus[]) reader.getMethod("openImagePlus", String.class).invoke(null, file.getPath());
		}
		catch (final ClassNotFoundException absent) {
			throw new BridgeException(file.getName() + " is no image that ImageJ reads: install Bio-Formats, which reads most " +
				"formats, or save it as TIFF.");
		}
		catch (final InvocationTargetException failure) {
			throw new BridgeException(file.getName() + " cannot be read by Bio-Formats (" + failure.getCause() + "): save it as " +
				"TIFF.", failure.getCause());
		}
		catch (final ReflectiveOperationException | LinkageError failure) {
			throw new BridgeException("Bio-Formats cannot be called (" + failure + "): install it anew.", failure);
		}
		if (images.length == 1) return images[0];
		throw new BridgeException(file.getName() + " holds " + images.length + " images: save each as a TIFF of its own.");
	}
}
