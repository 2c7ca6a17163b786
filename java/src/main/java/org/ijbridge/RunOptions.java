package org.ijbridge;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a person asks for, by macro or dialog, as plain text: but for {@code roi}, only the worker knows what each value
 * may be.
 */
final class RunOptions {

	/** The key that says which part of the image is meant. */
	static final String ROI = "roi";

	/** The value of {@link #ROI} for the whole image, and for the box around its selection. */
	static final String WHOLE = "whole";
	static final String CROP = "crop";

	/** The published macro keys. They never change their names. */
	static final List<String> KEYS = Collections.unmodifiableList(Arrays.asList("model", "tile", "halo", "device",
		"channel", "rescale", "memory", ROI));

	private final Map<String, String> values = new LinkedHashMap<>();

	/** @param given value by key; null and blank mean that the key was left out */
	RunOptions(final Map<String, String> given) {
		for (final String key : KEYS) {
			final String value = given.get(key);
			if (value != null && !value.trim().isEmpty()) values.put(key, value.trim());
		}
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

	/** The same options for the path of the model that is meant. */
	RunOptions found() {
		final Map<String, String> changed = new LinkedHashMap<>(values);
		changed.put("model", ModelPath.find(model(), Preferences.modelFolders()));
		return new RunOptions(changed);
	}

	/**
	 * What was given, but for model and part of the image, in the words of the worker's protocol, which knows the default
	 * of each.
	 */
	Map<String, Object> toRequest() {
		final Map<String, Object> request = new LinkedHashMap<>(values);
		request.remove("model");
		request.remove(ROI);
		return request;
	}
}
