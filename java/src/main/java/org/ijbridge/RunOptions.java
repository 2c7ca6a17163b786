package org.ijbridge;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a person asks for, by macro or dialog, as plain text: only the worker knows what each value may be. */
final class RunOptions {

	/** The published macro keys. They never change their names. */
	static final List<String> KEYS = Collections.unmodifiableList(Arrays.asList("model", "tile", "halo", "device",
		"channel", "rescale", "memory"));

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

	/** The same options for the model at this path. */
	RunOptions withModel(final String path) {
		final Map<String, String> changed = new LinkedHashMap<>(values);
		changed.put("model", path);
		return new RunOptions(changed);
	}

	/** What was given, but for the model, in the words of the worker's protocol, which knows the default of each. */
	Map<String, Object> toRequest() {
		final Map<String, Object> request = new LinkedHashMap<>(values);
		request.remove("model");
		return request;
	}
}
