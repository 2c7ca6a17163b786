package org.ijbridge;

import ij.Prefs;
import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;

/**
 * Which Python runs the models: the first that is set of
 * <ol>
 * <li>the system property {@code ijbridge.python}, for one session of ImageJ,</li>
 * <li>ImageJ's preference {@code ijbridge.python},</li>
 * <li>the environment variable {@code IJBRIDGE_PYTHON},</li>
 * <li>the key {@code python} of {@code IJBridge.properties} beside this jar, which {@code ijbridge install-fiji}
 * writes,</li>
 * <li>the environment that the plugin made for itself ({@link EnvironmentFolder}).</li>
 * </ol>
 * What a person set goes before what an installation brought: in an installation that many share, it is all that a
 * person can change. A property or a variable that names no file is an error, because it was set for this session. A
 * preference or a record that does was right once, and nobody looks at either: the next one is taken, and that is said.
 */
final class PythonEnvironment {

	private static final String KEY = "ijbridge.python";
	private static final String VARIABLE = "IJBRIDGE_PYTHON";
	private static final String SETTINGS = "IJBridge.properties";
	private static final String SETTINGS_KEY = "python";
	private static final String SET_IT = "set it to the full path of a Python that has ijbridge (\"pip install ijbridge\")";

	private final File python;
	private final List<String> passedOver;

	private PythonEnvironment(final File python, final List<String> passedOver) {
		this.python = python;
		this.passedOver = passedOver;
	}

	/**
	 * Looks for an interpreter.
	 *
	 * @throws BridgeException where the system property or the environment variable names no file, or the record cannot
	 *           be read
	 */
	static PythonEnvironment look() throws BridgeException {
		return choose(System.getProperty(KEY), Prefs.get(KEY, ""), System.getenv(VARIABLE), settings(), EnvironmentFolder
			.findPython());
	}

	/**
	 * As {@link #look}, from three values, each null or blank where it is not set, the file, which need not be there and
	 * may be null, and the Python that was made, null where none was.
	 */
	static PythonEnvironment choose(final String property, final String preference, final String variable,
		final File settings, final File made) throws BridgeException
	{
		final List<String> passedOver = new ArrayList<>();
		if (isSet(property)) {
			return new PythonEnvironment(existing(property, "the system property " + KEY), passedOver);
		}
		if (isSet(preference)) {
			final String wrong = wrong(preference);
			if (wrong.isEmpty()) return new PythonEnvironment(file(preference), passedOver);
			passedOver.add("ImageJ's preference " + KEY + " names " + wrong);
		}
		if (isSet(variable)) {
			return new PythonEnvironment(existing(variable, "the environment variable " + VARIABLE), passedOver);
		}
		final String recorded = recorded(settings);
		if (isSet(recorded)) {
			final String wrong = wrong(recorded);
			if (wrong.isEmpty()) return new PythonEnvironment(file(recorded), passedOver);
			passedOver.add("the file " + settings + " names " + wrong);
		}
		return new PythonEnvironment(made, passedOver);
	}

	/** The full path of a file; null where there is none. */
	File python() {
		return python;
	}

	/** What was set and passed over because there is no such file, and what was taken instead; empty where nothing was. */
	String notice() {
		if (python == null || passedOver.isEmpty()) return "";
		return sentence(passedOver()) + ": the Python " + python + " is taken instead.";
	}

	/**
	 * Why there is no Python, and what to do.
	 *
	 * @param offer what to do besides, and first, ending with a comma; may be empty
	 */
	BridgeException none(final String offer) {
		return new BridgeException(whyNone() + ": " + offer + "install it with \"pip install ijbridge\", run \"ijbridge install-fiji\" with " +
			"this ImageJ's folder, or set the environment variable " + VARIABLE + " to that Python's full path, then start " +
			"ImageJ again.");
	}

	/** Why there is no Python, as the beginning of a sentence. */
	String whyNone() {
		return passedOver.isEmpty() ? "No Python with ijbridge found" : sentence(passedOver()) + ", and no other Python " +
			"with ijbridge is found";
	}

	private String passedOver() {
		return String.join(", ", passedOver);
	}

	private static String sentence(final String words) {
		return words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1);
	}

	private static boolean isSet(final String value) {
		return value != null && !value.trim().isEmpty();
	}

	private static File file(final String path) {
		return new File(path.trim()).getAbsoluteFile();
	}

	/** What is wrong with a path, as the end of a sentence; empty where it is a file. */
	private static String wrong(final String path) {
		final File file = new File(path.trim());
		if (file.isFile()) return "";
		return "\"" + path.trim() + "\", which " + (file.isDirectory() ? "is a folder" : "does not exist");
	}

	private static File existing(final String path, final String source) throws BridgeException {
		final String wrong = wrong(path);
		if (wrong.isEmpty()) return file(path);
		throw new BridgeException(sentence(source) + " names " + wrong + ": " + SET_IT + ", then start ImageJ again.");
	}

	/** Null where the folder of this jar is not known. */
	private static File settings() {
		final File folder = PluginFolder.find();
		return folder == null ? null : new File(folder, SETTINGS);
	}

	/** Null where there is no such file or key. */
	private static String recorded(final File settings) throws BridgeException {
		if (settings == null || !settings.exists()) return null;
		final Properties properties = new Properties();
		try (Reader reader = Files.newBufferedReader(settings.toPath(), StandardCharsets.UTF_8)) {
			properties.load(reader);
		}
		catch (final IOException | IllegalArgumentException unreadable) {
			throw new BridgeException("The file " + settings + " cannot be read (" + unreadable + "): run \"ijbridge " +
				"install-fiji\" with this ImageJ's folder again.", unreadable);
		}
		return properties.getProperty(SETTINGS_KEY);
	}
}
