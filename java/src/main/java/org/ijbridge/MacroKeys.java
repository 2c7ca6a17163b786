package org.ijbridge;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Reads the options of a macro's {@code run("Run Model...", options)}, strictly: what ImageJ itself would pass over in
 * silence (an unknown key, a misspelled one, text that is no key) is an error here.
 * <p>
 * The forms are those that ImageJ's recorder writes and {@code ij.Macro} reads: {@code key=value},
 * {@code key=[value with blanks]} with brackets in pairs inside, {@code key='value with blanks'}, and
 * {@code key=&variable} for the value of a macro variable. {@value #FLAG} alone means {@code rescale=true}: so
 * ImageJ's recorder writes down a box that is ticked. A backslash means itself: ImageJ's tokenizer has undone the escapes
 * of the macro's text before.
 * </p>
 */
final class MacroKeys {

	/** The one key that may be there without a value. */
	private static final String FLAG = "rescale";

	private final List<String> known;
	private final String text;
	private int at;

	private MacroKeys(final List<String> known, final String text) {
		this.known = known;
		this.text = text;
	}

	/**
	 * Reads one option string.
	 *
	 * @param options as {@code ij.Macro.getOptions()} gives it
	 * @param variables the value of a macro variable, null for one that does not exist
	 * @throws BridgeException one sentence that names the key and the keys there are
	 */
	static RunOptions parse(final String options, final UnaryOperator<String> variables) throws BridgeException {
		return new RunOptions(parse("Run Model...", RunOptions.KEYS, options, variables));
	}

	/**
	 * Reads the option string of any command.
	 *
	 * @param keys that it has, first the one that it cannot do without
	 * @throws BridgeException one sentence that names the key and the keys there are
	 */
	static Map<String, String> parse(final String command, final List<String> keys, final String options,
		final UnaryOperator<String> variables) throws BridgeException
	{
		final Map<String, String> values = parse(keys, options, variables);
		final String first = values.get(keys.get(0));
		if (first != null && !first.trim().isEmpty()) return values;
		throw new BridgeException("The key \"" + keys.get(0) + "\" is missing: write run(\"" + command + "\", \"" + keys
			.get(0) + "=[path or name]\")" + (keys.size() == 1 ? "" : ", and if need be " + known(keys.subList(1, keys
				.size()))) + ".");
	}

	/**
	 * Reads an option string in which no key has to be.
	 *
	 * @throws BridgeException one sentence that names the key and the keys there are
	 */
	static Map<String, String> parse(final List<String> keys, final String options, final UnaryOperator<String> variables)
		throws BridgeException
	{
		return new MacroKeys(keys, options).read(variables);
	}

	private Map<String, String> read(final UnaryOperator<String> variables) throws BridgeException {
		final Map<String, String> values = new LinkedHashMap<>();
		skipBlanks();
		while (at < text.length()) {
			final String key = key();
			if (!known.contains(key)) {
				throw new BridgeException("The key \"" + key + "\" is not known: the keys are " + known(known) + ".");
			}
			if (values.containsKey(key)) {
				throw new BridgeException("The key \"" + key + "\" is there twice: each of the keys " + known(known) +
					" may be there once.");
			}
			values.put(key, atValue() ? value(key, variables) : "true");
			skipBlanks();
		}
		return values;
	}

	private String key() throws BridgeException {
		final int start = at;
		while (at < text.length() && text.charAt(at) != '=' && !Character.isWhitespace(text.charAt(at))) at++;
		final String key = text.substring(start, at);
		if (key.isEmpty() || !atValue() && !key.equals(FLAG)) {
			throw new BridgeException("The text \"" + (key.isEmpty() ? "=" : key) + "\" is not of the form key=value, " +
				"nor key=[value] for a value with blanks: the keys are " + known(known) + ".");
		}
		return key;
	}

	private boolean atValue() {
		return at < text.length() && text.charAt(at) == '=';
	}

	private String value(final String key, final UnaryOperator<String> variables) throws BridgeException {
		at++;
		final char first = at < text.length() ? text.charAt(at) : ' ';
		final int start = at;
		if (first == '[') at = endOfBrackets(key);
		else if (first == '\'') at = endOfQuotes(key);
		else {
			while (at < text.length() && !Character.isWhitespace(text.charAt(at))) at++;
			final String value = text.substring(start, at);
			return value.startsWith("&") ? variable(key, value.substring(1), variables) : value;
		}
		if (at < text.length() && !Character.isWhitespace(text.charAt(at))) {
			throw new BridgeException("The value of the key \"" + key + "\" goes on after its closing \"" +
				text.charAt(at - 1) + "\": brackets inside a value must come in pairs; the keys are " + known(known) + ".");
		}
		return text.substring(start + 1, at - 1);
	}

	/** The index after the bracket that closes the one here. */
	private int endOfBrackets(final String key) throws BridgeException {
		int depth = 0;
		for (int i = at; i < text.length(); i++) {
			if (text.charAt(i) == '[') depth++;
			if (text.charAt(i) == ']' && --depth == 0) return i + 1;
		}
		throw unclosed(key, "]");
	}

	private int endOfQuotes(final String key) throws BridgeException {
		final int end = text.indexOf('\'', at + 1);
		if (end < 0) throw unclosed(key, "'");
		return end + 1;
	}

	private BridgeException unclosed(final String key, final String closing) {
		return new BridgeException("The value of the key \"" + key + "\" has no closing \"" + closing +
			"\": write " + key + "=[value]; the keys are " + known(known) + ".");
	}

	private static String variable(final String key, final String name, final UnaryOperator<String> variables)
		throws BridgeException
	{
		final String value = variables.apply(name);
		if (value != null) return value;
		throw new BridgeException("The key \"" + key + "\" asks for the macro variable \"" + name +
			"\", which does not exist: write " + key + "=[value], or set the variable before.");
	}

	private void skipBlanks() {
		while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
	}

	private static String known(final List<String> keys) {
		if (keys.size() == 1) return keys.get(0);
		final int last = keys.size() - 1;
		return String.join(", ", keys.subList(0, last)) + " and " + keys.get(last);
	}
}
