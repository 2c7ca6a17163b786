package org.ijbridge;

import ij.ImagePlus;
import ij.io.FileSaver;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** A result as a file: there whole or not at all. */
final class ResultFile {

	private ResultFile() {}

	/** Writes the bytes of a result. */
	interface Content {

		void write(File part) throws IOException;
	}

	/** The file name of a result that is called so. */
	static String name(final String title) {
		return name(title, ".tif");
	}

	/** As {@link #name(String)}, of one that is no image. */
	static String name(final String title, final String suffix) {
		return title.replaceAll("[\\\\/:*?\"<>|\\p{Cntrl}]", "_") + suffix;
	}

	/** An image as TIFF. */
	static Content tiff(final ImagePlus result) {
		final FileSaver saver = new FileSaver(result);
		return part -> {
			final boolean stack = result.getStackSize() > 1;
			final boolean saved = stack ? saver.saveAsTiffStack(part.getPath()) : saver.saveAsTiff(part.getPath());
			if (!saved) throw new IOException("ImageJ could not write it");
		};
	}

	/** Bytes as they are. */
	static Content bytes(final byte[] bytes) {
		return part -> Files.write(part.toPath(), bytes);
	}

	/** As {@link #save(Content, File)}, of an image. */
	static void save(final ImagePlus result, final File file) throws BridgeException {
		save(tiff(result), file);
	}

	/**
	 * Writes a result; a file that is there is replaced.
	 *
	 * @throws BridgeException where it cannot be written
	 */
	static void save(final Content content, final File file) throws BridgeException {
		final File part = new File(file.getParentFile(), "." + file.getName() + ".part");
		try {
			content.write(part);
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
