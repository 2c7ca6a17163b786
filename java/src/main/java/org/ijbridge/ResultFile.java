package org.ijbridge;

import ij.ImagePlus;
import ij.io.FileSaver;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** A result as a TIFF file: there whole or not at all. */
final class ResultFile {

	private ResultFile() {}

	/** The file name of a result that is called so. */
	static String name(final String title) {
		return title.replaceAll("[\\\\/:*?\"<>|\\p{Cntrl}]", "_") + ".tif";
	}

	/**
	 * Writes a result; a file that is there is replaced.
	 *
	 * @throws BridgeException where it cannot be written
	 */
	static void save(final ImagePlus result, final File file) throws BridgeException {
		final File part = new File(file.getParentFile(), "." + file.getName() + ".part");
		final FileSaver saver = new FileSaver(result);
		final boolean saved = result.getStackSize() > 1 ? saver.saveAsTiffStack(part.getPath()) : saver.saveAsTiff(part
			.getPath());
		try {
			if (!saved) throw new IOException("ImageJ could not write it");
			try (FileChannel channel = FileChannel.open(part.toPath(), StandardOpenOption.WRITE)) {
				channel.force(true); // else the name may be on disk before the pixels
			}
			Files.move(part.toPath(), file.toPath(), StandardCopyOption.REPLACE_EXISTING);
		}
		catch (final IOException failure) {
			throw new BridgeException("The result " + file.getName() + " cannot be written (" + failure + "): look whether " +
				"the disk is full.", failure);
		}
	}
}
