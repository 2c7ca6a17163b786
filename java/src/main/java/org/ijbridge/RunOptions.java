package org.ijbridge;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a person asks for, by macro or dialog, as plain text: but for {@code roi}, {@code outlines} and {@code environment}, only the
 * worker knows what each value may be.
 */
final class RunOptions {

	/** The key that says which part of the image is meant. */
	static final String ROI = "roi";

	/** The value of {@link #ROI} for the whole image, and for the box around its selection. */
	static final String WHOLE = "whole";
	static final String CROP = "crop";

	/** The key that says where outlines of objects go, and its values: into the image's overlay, or to the ROI Manager. */
	static final String OUTLINES = "outlines";
	static final String OVERLAY = "overlay";
	static final String MANAGER = "manager";

	/** The key that lets a Python environment be made where there is none, and its value. */
	static final String ENVIRONMENT = "environment";
	static final String INSTALL = "install";

	/** The key that has macros of the model run, its value for all of them; it is a yes to them. */
	static final String MACROS = "macros";
	static final String RUN = "run";

	/** The published macro keys. They never change their names. */
	static final List<String> KEYS = Collections.unmodifiableList(Arrays.asList("model", "tile", "halo", "device",
		"channel", "rescale", "memory", "normalize", "model_axes", "model_pixel_size", "min_confidence",
		"objects", "prob_thresh", "nms_thresh", OUTLINES, MACROS, "trust", ROI, ENVIRONMENT));

	private final Map<String, String> values = new LinkedHashMap<>();
	private final boolean attended;
	private final boolean remembered;

	/** @param given value by key; null and blank mean that the key was left out */
	RunOptions(final Map<String, String> given) {
		this(given, false, false);
	}

	private RunOptions(final Map<String, String> given, final boolean attended, final boolean remembered) {
		this.attended = attended;
		this.remembered = remembered;
		for (final String key : KEYS) {
			final String value = given.get(key);
			if (value != null && !value.trim().isEmpty()) values.put(key, value.trim());
		}
	}

	/**
	 * Options of a script for an image that is no ImagePlus, so that {@code roi}, {@code outlines} and {@code macros} mean
	 * nothing.
	 *
	 * @throws BridgeException for a key that does not exist
	 */
	static RunOptions named(final Map<String, ?> given) throws BridgeException {
		final List<String> keys = new ArrayList<>(KEYS);
		keys.removeAll(Arrays.asList(ROI, OUTLINES, MACROS));
		final Map<String, String> texts = new LinkedHashMap<>();
		for (final Map.Entry<String, ?> entry : given.entrySet()) {
			if (!keys.contains(entry.getKey())) {
				throw new BridgeException("The option \"" + entry.getKey() + "\" is not known: the options are " + String.join(
					", ", keys) + ".");
			}
			texts.put(entry.getKey(), entry.getValue() == null ? null : entry.getValue().toString());
		}
		return new RunOptions(texts);
	}

	/** A model without options. */
	static RunOptions of(final String model) {
		return new RunOptions(Collections.singletonMap("model", model));
	}

	/** Path or name of the model; empty where none was given. */
	String model() {
		return values.getOrDefault("model", "");
	}

	/**
	 * Whether to run on the box around the selection only.
	 *
	 * @throws BridgeException for another value than the two there are: the worker never sees this key
	 */
	boolean isCropped() throws BridgeException {
		final String roi = values.getOrDefault(ROI, WHOLE);
		if (roi.equals(WHOLE) || roi.equals(CROP)) return roi.equals(CROP);
		throw new BridgeException("roi=" + roi + " is not understood: write roi=" + CROP + " for the box around the " +
			"selection, or roi=" + WHOLE + ", which is meant where the key is left out.");
	}

	/** Whether the outlines of objects are asked for. */
	boolean isOutlined() {
		return Arrays.asList("rois", "both").contains(values.getOrDefault("objects", "").toLowerCase(Locale.ROOT));
	}

	/**
	 * Whether outlines go to the ROI Manager, and not into the overlay.
	 *
	 * @throws BridgeException for another value than the two there are, or without outlines: the worker never sees this key
	 */
	boolean isManaged() throws BridgeException {
		final String outlines = values.get(OUTLINES);
		if (outlines == null) return false;
		if (!outlines.equals(OVERLAY) && !outlines.equals(MANAGER)) {
			throw new BridgeException("outlines=" + outlines + " is not understood: write outlines=" + MANAGER + " to have them in " +
				"the ROI Manager, or outlines=" + OVERLAY + ", which is meant where the key is left out.");
		}
		if (isOutlined()) return outlines.equals(MANAGER);
		throw new BridgeException("outlines=" + outlines + " says where outlines go, but none are asked for: write objects=rois " +
			"or objects=both with it, or leave it out.");
	}

	/**
	 * Whether a Python environment may be made where there is none.
	 *
	 * @throws BridgeException for another value than the one there is
	 */
	boolean mayMakeEnvironment() throws BridgeException {
		final String environment = values.get(ENVIRONMENT);
		if (environment == null || environment.equals(INSTALL)) return environment != null;
		throw new BridgeException(ENVIRONMENT + "=" + environment + " is not understood: write " + ENVIRONMENT + "=" +
			INSTALL + " to have a Python environment made where there is none, or leave the key out.");
	}

	/** The same options for the path of the model that is meant. */
	RunOptions found() {
		final Map<String, String> changed = new LinkedHashMap<>(values);
		changed.put("model", ModelPath.find(model(), Preferences.modelFolders()));
		return new RunOptions(changed, attended, remembered);
	}

	/** The same options, of a person who sits there and can answer what a macro asks. */
	RunOptions attended() {
		return new RunOptions(values, true, remembered);
	}

	/**
	 * The same options, with macros of the model that somebody else than the person asks for, such as a macro of years ago: those
	 * alone are run that were agreed to before, and the run is refused where one was not.
	 *
	 * @param files of the model's macros; none for no macros
	 */
	RunOptions withMacrosAgreedTo(final List<String> files) {
		final Map<String, String> changed = new LinkedHashMap<>(values);
		changed.put(MACROS, String.join(",", files));
		return new RunOptions(changed, attended, true);
	}

	/** Which macros of the model are to be run: {@value #RUN} or the names of their files; empty for none. */
	String macros() {
		return values.getOrDefault(MACROS, "");
	}

	/** Which yes there is to the macros, in the words of the worker's protocol. */
	String yes() {
		return remembered ? "remembered" : "given";
	}

	/** Whether somebody is there to answer what a macro asks. */
	boolean isAttended() {
		return attended;
	}

	/**
	 * What was given, but for what Java alone needs, in the words of the worker's protocol, which knows the default
	 * of each.
	 */
	Map<String, Object> toRequest() {
		final Map<String, Object> request = new LinkedHashMap<>(values);
		request.remove("model");
		request.remove(ROI);
		request.remove(OUTLINES);
		request.remove(ENVIRONMENT);
		return request;
	}
}
