package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.io.Opener;
import java.io.File;
import java.lang.reflect.Field;
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
		final Opener opener = new Opener();
		opener.setSilentMode(true);
		final int type = opener.getFileType(file.getPath());
		// of these ImageJ would have Bio-Formats give the first image, whatever else is in the file
		if (type == Opener.UNKNOWN || type == Opener.TEXT) return null;
		final Object macro = exchangeMacro(null);
		IJ.redirectErrorMessages(true);
		try {
			return opener.openImage(file.getPath());
		}
		catch (final RuntimeException damaged) {
			LogFile.write(file + " cannot be opened by ImageJ", damaged);
			return null;
		}
		finally {
			IJ.getErrorMessage(); // ends the redirection
			IJ.redirectErrorMessages(false);
			exchangeMacro(macro);
		}
	}

	/**
	 * Takes the macro that {@code IJ.error} would end, whatever is redirected, with a dialog that nobody may be there to
	 * answer.
	 *
	 * @param macro to put in its place
	 * @return the one that was there, null where there was none
	 */
	private static Object exchangeMacro(final Object macro) {
		try {
			final Field field = IJ.class.getDeclaredField("macroInterpreter");
			field.setAccessible(true);
			final Object before = field.get(null);
			field.set(null, macro);
			return before;
		}
		catch (final ReflectiveOperationException | RuntimeException other) {
			LogFile.write("this ImageJ may end the macro at a file that it cannot open", other);
			return null;
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
