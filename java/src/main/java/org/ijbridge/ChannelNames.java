package org.ijbridge;

import ij.ImagePlus;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The names of an image's channels, as far as its slice labels tell them.
 * <p>
 * ImageJ keeps no names of channels, but readers and commands write them into slice labels: "DAPI", or "c:1/3 z:1/5 -
 * DAPI". They write other things there too: names of files, times, the image's own name. No name is better than a wrong
 * one, so there are names only if all slices of a channel say the same, each channel says something else, and nothing
 * that is said looks like a file, a count or a number. (A channel called "2" would hide the second channel.)
 * </p>
 */
final class ChannelNames {

	/** Where in the stack a slice is: "c:1/3", "ch: 1/3", "z 2/5", "t:1/10". */
	private static final Pattern PLACE = Pattern.compile(
		"(?i)\\b(c|ch|channel|z|slice|t|frame|time)\\s*[:=]?\\s*\\d+\\s*/\\s*\\d+");

	private static final Pattern SEPARATORS = Pattern.compile("^[\\s;,-]+|[\\s;,-]+$");

	private static final Pattern FILE = Pattern.compile("(?i).*\\.[a-z]{2,4}[0-9]?|.*[/\\\\].*");

	private static final Pattern WORD = Pattern.compile(".*\\p{L}.*");

	private static final int LONGEST = 64;

	private ChannelNames() {}

	/** One name for each channel, in their order; empty where not all of them have one, and for a single channel. */
	static List<String> of(final ImagePlus image) {
		final List<String> names = new ArrayList<>();
		final Set<String> different = new HashSet<>();
		final int channels = image.getNChannels();
		if (channels < 2 || Pixels.isColour(image)) return names;
		for (int c = 1; c <= channels; c++) {
			final String name = name(image, c);
			if (name.isEmpty() || !different.add(name.toLowerCase(Locale.ROOT))) return Collections.emptyList();
			names.add(name);
		}
		return names;
	}

	/** What all slices of a channel say; empty where they say nothing, or not the same. */
	private static String name(final ImagePlus image, final int c) {
		final String name = read(label(image, c, 1, 1));
		for (int t = 1; t <= image.getNFrames(); t++) {
			for (int z = 1; z <= image.getNSlices(); z++) if (!name.equals(read(label(image, c, z, t)))) return "";
		}
		return name;
	}

	private static String label(final ImagePlus image, final int c, final int z, final int t) {
		return image.getStack().getSliceLabel(image.getStackIndex(c, z, t));
	}

	/** The name that a label holds; empty where it holds none that is clear. */
	static String read(final String label) {
		if (label == null) return "";
		final String line = label.split("\\R", 2)[0];
		final String name = SEPARATORS.matcher(PLACE.matcher(line).replaceAll("")).replaceAll("");
		final boolean clear = WORD.matcher(name).matches() && !FILE.matcher(name).matches() && name.length() <= LONGEST;
		return clear ? name : "";
	}
}
