package org.ijbridge;

import ij.measure.ResultsTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The objects that a model found, as the worker lists them: comma-separated values, the first line names the columns. */
final class FoundObjects {

	/** The column that is no value of a table. */
	private static final String OUTLINE = "outline";

	/** What the list is called. */
	final String title;

	/** The list as it was given, for a file. */
	final String text;

	private final List<Map<String, String>> objects = new ArrayList<>();

	/**
	 * Reads a list.
	 *
	 * @throws BridgeException where a line has not one value for each column
	 */
	FoundObjects(final String title, final String text) throws BridgeException {
		this.title = title;
		this.text = text;
		final List<List<String>> lines = lines(text);
		final List<String> columns = lines.isEmpty() ? Collections.emptyList() : lines.get(0);
		for (final List<String> line : lines.subList(Math.min(1, lines.size()), lines.size())) {
			if (line.size() != columns.size()) {
				throw new BridgeException("The worker's list of objects has " + line.size() + " values for " + columns.size() +
					" columns: jar and Python package do not fit together, install both anew.", text);
			}
			final Map<String, String> object = new LinkedHashMap<>();
			for (int i = 0; i < line.size(); i++) object.put(columns.get(i), line.get(i));
			objects.add(object);
		}
	}

	/** Each object's values by column. */
	List<Map<String, String>> objects() {
		return Collections.unmodifiableList(objects);
	}

	/** The outline of an object as well-known text; null where it has none. */
	static String outline(final Map<String, String> object) {
		return object.get(OUTLINE);
	}

	/** All but the outlines, a row for each object. */
	ResultsTable toTable() {
		final ResultsTable table = new ResultsTable();
		for (final Map<String, String> object : objects) {
			table.incrementCounter();
			object.forEach((column, value) -> {
				if (column.equals(OUTLINE)) return;
				if (value.matches("-?[0-9.]+(e[-+]?[0-9]+)?")) table.addValue(column, Double.parseDouble(value));
				else table.addValue(column, value);
			});
		}
		return table;
	}

	/** Values by line (RFC 4180): those with commas stand in quotes, in which a quote is doubled. */
	private static List<List<String>> lines(final String text) {
		final List<List<String>> lines = new ArrayList<>();
		List<String> line = new ArrayList<>();
		final StringBuilder value = new StringBuilder();
		boolean quoted = false;
		for (int at = 0; at < text.length(); at++) {
			final char one = text.charAt(at);
			if (one == '"') {
				if (quoted && at + 1 < text.length() && text.charAt(at + 1) == '"') value.append(text.charAt(++at));
				else quoted = !quoted;
			}
			else if (quoted || one != ',' && one != '\r' && one != '\n') value.append(one);
			else if (one != '\r') {
				line.add(value.toString());
				value.setLength(0);
				if (one == '\n') {
					lines.add(line);
					line = new ArrayList<>();
				}
			}
		}
		return lines;
	}
}
