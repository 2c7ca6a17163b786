package org.ijbridge;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * What {@code run("DeepImageJ Run", options)} asks for, in the words of {@code run("Run Model...", options)}. DeepImageJ has
 * had three dialects, told apart by their keys: {@code model patch overlap} (1.x), {@code model format axes tile} (2.x and
 * 3.0) and {@code model_path} (3.1).
 */
final class DeepImageJOptions {

	static final String COMMAND = "DeepImageJ Run";

	private static final List<String> FIRST = Arrays.asList("model", "format", "preprocessing", "postprocessing", "patch",
		"overlap", "logging");
	private static final List<String> SECOND = Arrays.asList("model", "format", "preprocessing", "postprocessing", "axes",
		"tile", "logging");
	private static final List<String> THIRD = Arrays.asList("model_path", "input_path", "output_folder", "display_output");

	/** DeepImageJ's letters of space, also those of its 1.x (height, width, depth), and ours. */
	private static final Map<String, String> SPACE = space();

	private static final Pattern IS_SECOND = key("axes|tile");
	private static final Pattern IS_THIRD = key("model_path|input_path|output_folder|display_output");

	private final Map<String, String> values;
	private final Map<String, String> run = new LinkedHashMap<>();
	private final List<String> notes = new ArrayList<>();

	private DeepImageJOptions(final Map<String, String> values) throws BridgeException {
		this.values = values;
		run.put("model", get("model").isEmpty() ? get("model_path") : get("model"));
		run.put("tile", get("axes").isEmpty() && get("tile").isEmpty() ? get("patch") : tile(items("axes"), items("tile")));
		if (!get("overlap").isEmpty()) {
			notes.add("overlap=" + get("overlap") + " is left out: tiles share what the network needs, so that the result is " +
				"that of the whole image.");
		}
	}

	/**
	 * Reads the option string of DeepImageJ's command.
	 *
	 * @param variables gives the value of a macro's variable, null where there is none
	 * @throws BridgeException one sentence, where it is of none of the three dialects
	 */
	static DeepImageJOptions parse(final String options, final UnaryOperator<String> variables) throws BridgeException {
		final List<String> keys = IS_THIRD.matcher(options).find() ? THIRD : IS_SECOND.matcher(options).find() ? SECOND
			: FIRST;
		return new DeepImageJOptions(MacroKeys.parse(COMMAND, keys, options, variables));
	}

	/** The same for Run Model...: the model, by name or path, and the tile. */
	RunOptions toRun() {
		return new RunOptions(run);
	}

	/** The macro files of the model that were to run before the network; they are strangers' programs. */
	List<String> preprocessing() {
		return macros("preprocessing");
	}

	/** As {@link #preprocessing}, after the network. */
	List<String> postprocessing() {
		return macros("postprocessing");
	}

	/** The image file, or folder of images, to run on; empty for the active image. */
	String input() {
		return get("input_path");
	}

	/** The folder that results are written into; empty for none. */
	String output() {
		return get("output_folder");
	}

	/** Whether results are shown. */
	boolean isShown() {
		return !values.containsKey("display_output") || !get("display_output").isEmpty();
	}

	/** What is done otherwise than it was asked for, one sentence each. */
	List<String> notes() {
		return Collections.unmodifiableList(notes);
	}

	/** The value of a key; empty where it is missing, or has one of the words for nothing. */
	private String get(final String key) {
		final String value = values.getOrDefault(key, "").trim();
		return value.equals("null") || value.equals("no " + key) ? "" : value;
	}

	/** The file names of one or, in brackets of their own, several macros. */
	private List<String> macros(final String key) {
		final List<String> files = new ArrayList<>();
		for (final String file : items(key)) if (!file.isEmpty() && !file.equals("no " + key)) files.add(file);
		return files;
	}

	/** What stands between commas; nothing where the key has no value. */
	private List<String> items(final String key) {
		final String value = get(key);
		final boolean listed = value.startsWith("[") && value.endsWith("]");
		final String inside = listed ? value.substring(1, value.length() - 1) : value;
		return inside.trim().isEmpty() ? Collections.emptyList() : Arrays.asList(inside.trim().split("\\s*,\\s*"));
	}

	/** Axes and tile as the key {@code tile} has them; batch, time and channels are never cut into tiles. */
	private static String tile(final List<String> axes, final List<String> sizes) throws BridgeException {
		if (axes.isEmpty() || axes.size() != sizes.size()) {
			throw new BridgeException("axes=" + String.join(",", axes) + " and tile=" + String.join(",", sizes) +
				" do not belong together: write one size for each axis, such as axes=Y,X,C tile=512,512,1.");
		}
		final List<String> tile = new ArrayList<>();
		for (int i = 0; i < axes.size(); i++) {
			final String ours = SPACE.get(axes.get(i).toUpperCase(Locale.ROOT));
			if (ours != null) tile.add(ours + "=" + sizes.get(i));
		}
		return String.join(",", tile);
	}

	private static Map<String, String> space() {
		final Map<String, String> space = new LinkedHashMap<>();
		for (final String pair : new String[] { "Xx", "Wx", "Yy", "Hy", "Zz", "Dz" }) {
			space.put(pair.substring(0, 1), pair.substring(1));
		}
		return space;
	}

	private static Pattern key(final String names) {
		return Pattern.compile("(^|\\s)(" + names + ")=");
	}
}
