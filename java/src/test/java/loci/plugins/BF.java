package loci.plugins;

import ij.IJ;
import ij.ImagePlus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;

/**
 * Stands where Bio-Formats has its class of this name, for the tests of {@code tests/imagej}: Bio-Formats is in none of the
 * repositories that a build may need. Reads text files with a name on each line, that of a picture.
 */
public final class BF {

	private BF() {}

	/** As Bio-Formats has it: one image for each series in the file. */
	public static ImagePlus[] openImagePlus(final String path) throws IOException {
		return Files.readAllLines(Paths.get(path)).stream().map(BF::picture).toArray(ImagePlus[]::new);
	}

	private static ImagePlus picture(final String title) {
		if (!title.startsWith("a ")) throw new IllegalArgumentException(title);
		return IJ.createImage(title, "8-bit ramp", 40, 30, 1);
	}
}
