package org.ijbridge;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A worker's reply, or a part of one, with its values checked for what the protocol promises. */
final class Reply {

	private final Map<?, ?> values;

	Reply(final Map<?, ?> values) {
		this.values = values;
	}

	/** What a reply says of a failure ({@code kind}, {@code message}, {@code traceback}); null where it is none. */
	static Reply error(final Map<String, Object> reply) {
		final Object error = reply.get("error");
		return error instanceof Map ? new Reply((Map<?, ?>) error) : null;
	}

	/** A text; empty where there is none. */
	String text(final String key) {
		final Object value = values.get(key);
		return value == null ? "" : value.toString();
	}

	/** @throws BridgeException where there is no such text */
	String requiredText(final String key) throws BridgeException {
		final String text = text(key);
		if (text.isEmpty()) throw missing(key, "a text");
		return text;
	}

	/** An object; an empty one where there is none. */
	Reply part(final String key) {
		return new Reply(map(key));
	}

	/** Objects; none where the reply has none. */
	List<Reply> parts(final String key) {
		final List<Reply> parts = new ArrayList<>();
		for (final Object entry : list(key)) if (entry instanceof Map) parts.add(new Reply((Map<?, ?>) entry));
		return parts;
	}

	/** Pairs of texts; none where the reply has none. */
	List<String[]> pairs(final String key) {
		final List<String[]> pairs = new ArrayList<>();
		for (final Object entry : list(key)) {
			final List<?> pair = entry instanceof List ? (List<?>) entry : Collections.emptyList();
			if (pair.size() == 2) pairs.add(new String[] { String.valueOf(pair.get(0)), String.valueOf(pair.get(1)) });
		}
		return pairs;
	}

	/** Texts; none where the reply has none. */
	List<String> texts(final String key) {
		final List<String> texts = new ArrayList<>();
		for (final Object entry : list(key)) texts.add(String.valueOf(entry));
		return texts;
	}

	/** Whether the reply has something under this key. */
	boolean has(final String key) {
		return values.get(key) != null;
	}

	/** Whether the reply says so; false where it says nothing. */
	boolean flag(final String key) {
		return Boolean.TRUE.equals(values.get(key));
	}

	/** Numbers; none where the reply has none. */
	List<Double> numbers(final String key) {
		final List<Double> numbers = new ArrayList<>();
		for (final Object entry : list(key)) if (entry instanceof Number) numbers.add(((Number) entry).doubleValue());
		return numbers;
	}

	/** @throws BridgeException where there are no such whole numbers */
	List<Long> requiredNumbers(final String key) throws BridgeException {
		final List<Long> numbers = new ArrayList<>();
		for (final Object entry : list(key)) {
			if (!(entry instanceof Number)) throw missing(key, "whole numbers");
			numbers.add(((Number) entry).longValue());
		}
		if (numbers.isEmpty()) throw missing(key, "whole numbers");
		return numbers;
	}

	/** @throws BridgeException where there are no such parts */
	List<Reply> requiredParts(final String key) throws BridgeException {
		final List<Reply> parts = new ArrayList<>();
		for (final Object entry : list(key)) {
			if (!(entry instanceof Map)) throw missing(key, "objects");
			parts.add(new Reply((Map<?, ?>) entry));
		}
		if (parts.isEmpty()) throw missing(key, "objects");
		return parts;
	}

	/** @throws BridgeException where there are no such buffers */
	List<ByteBuffer> requiredBuffers(final String key) throws BridgeException {
		final List<ByteBuffer> buffers = new ArrayList<>();
		for (final Object entry : list(key)) {
			if (!(entry instanceof ByteBuffer)) throw missing(key, "buffers");
			buffers.add((ByteBuffer) entry);
		}
		if (buffers.isEmpty()) throw missing(key, "buffers");
		return buffers;
	}

	/** Numbers by name; none where the reply has none. */
	Map<String, Double> numbersByName(final String key) {
		final Map<String, Double> numbers = new LinkedHashMap<>();
		map(key).forEach((name, value) -> {
			if (value instanceof Number) numbers.put(String.valueOf(name), ((Number) value).doubleValue());
		});
		return numbers;
	}

	/** Texts by name; none where the reply has none. */
	Map<String, String> textsByName(final String key) {
		final Map<String, String> texts = new LinkedHashMap<>();
		map(key).forEach((name, value) -> texts.put(String.valueOf(name), String.valueOf(value)));
		return texts;
	}

	private List<?> list(final String key) {
		final Object value = values.get(key);
		return value instanceof List ? (List<?>) value : Collections.emptyList();
	}

	private Map<?, ?> map(final String key) {
		final Object value = values.get(key);
		return value instanceof Map ? (Map<?, ?>) value : Collections.emptyMap();
	}

	private BridgeException missing(final String key, final String what) {
		return new BridgeException("The worker's reply has no \"" + key + "\" (" + what + "): jar and Python package do " +
			"not fit together, install both anew.", String.valueOf(values));
	}
}
