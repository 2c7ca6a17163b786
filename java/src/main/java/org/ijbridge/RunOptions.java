package org.ijbridge;

import java.util.LinkedHashMap;
import java.util.Map;

/** What a person asks for, by macro or dialog, as plain text: only the worker knows what each value may be. */
final class RunOptions {

	/** What a key means that was left out or left empty. */
	static final String AUTO = "auto";

	/** Path or name of the model, never empty. */
	final String model;

	/** Tile size, such as {@code auto}, {@code whole}, {@code 512} or {@code y=512,x=512}. */
	final String tile;

	/** Overlap of the tiles: {@code auto}, {@code declared} or pixels. */
	final String halo;

	/** Where the network runs: {@code auto}, {@code cpu} or {@code cuda}. */
	final String device;

	/** Everything but the model may be null or blank, and then means {@link #AUTO}. */
	RunOptions(final String model, final String tile, final String halo, final String device) {
		this.model = model.trim();
		this.tile = orAuto(tile);
		this.halo = orAuto(halo);
		this.device = orAuto(device);
	}

	/** All but the model, in the words of the worker's protocol. */
	Map<String, Object> toRequest() {
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("tile", tile);
		request.put("halo", halo);
		request.put("device", device);
		return request;
	}

	private static String orAuto(final String value) {
		return value == null || value.trim().isEmpty() ? AUTO : value.trim();
	}
}
