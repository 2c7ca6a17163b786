package org.ijbridge;

import ij.Prefs;
import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.CodeSource;
import java.util.Properties;

/**
 * Which Python runs the models: the first that is set of
 * <ol>
 * <li>the system property {@code ijbridge.python}, for one session of ImageJ,</li>
 * <li>ImageJ's preference {@code ijbridge.python},</li>
 * <li>the environment variable {@code IJBRIDGE_PYTHON},</li>
 * <li>the key {@code python} of {@code IJBridge.properties} beside this jar, which {@code ijbridge install-fiji}
 * writes.</li>
 * </ol>
 * What a person set goes before what an installation brought: in an installation that many share, it is all that a
 * person can change.
 */
final class PythonEnvironment {

	private static final String KEY = "ijbridge.python";
	private static final String VARIABLE = "IJBRIDGE_PYTHON";
	private static final String SETTINGS = "IJBridge.properties";
	private static final String SETTINGS_KEY = "python";

	private PythonEnvironment() {}

	/**
	 * Finds the interpreter.
	 *
	 * @return the full path of a file
	 * @throws BridgeException where none is set, or what is set is no file
	 */
	static File find() throws BridgeException {
		return choose(System.getProperty(KEY), Prefs.get(KEY, ""), System.getenv(VARIABLE), settings());
	}

	/**
	 * As {@link #find}, from three values, each null or blank where it is not set, and the file, which need not be there
	 * and may be null.
	 */
	static File choose(final String property, final String preference, final String variable, final File settings)
		throws BridgeException
	{
		final String setIt = "set it to the full path of a Python that has ijbridge (\"pip install ijbridge\")";
		if (isSet(property)) return existing(property, "the system property " + KEY, setIt);
		if (isSet(preference)) return existing(preference, "ImageJ's preference " + KEY, setIt);
		if (isSet(variable)) return existing(variable, "the environment variable " + VARIABLE, setIt);
		final String recorded = recorded(settings);
		if (isSet(recorded)) {
			return existing(recorded, "the file " + settings, "run \"ijbridge install-fiji\" with this ImageJ's folder again, " +
				"or set the environment variable " + VARIABLE + " to the full path of a Python that has ijbridge");
		}
		throw new BridgeException("No Python with ijbridge found: install it with \"pip install ijbridge\", run \"ijbridge " +
			"install-fiji\" with this ImageJ's folder, or set the environment variable " + VARIABLE + " to that Python's " +
			"full path, then start ImageJ again.");
	}

	private static boolean isSet(final String value) {
		return value != null && !value.trim().isEmpty();
	}

	private static File existing(final String path, final String source, final String remedy) throws BridgeException {
		final File python = new File(path.trim());
		if (python.isFile()) return python.getAbsoluteFile();
		throw new BridgeException("The Python \"" + path.trim() + "\", set by " + source + ", " +
			(python.isDirectory() ? "is a folder" : "does not exist") + ": " + remedy + ", then start ImageJ again.");
	}

	/** Null where this class was not loaded from a file. */
	private static File settings() {
		final CodeSource source = PythonEnvironment.class.getProtectionDomain().getCodeSource();
		if (source == null || source.getLocation() == null) return null;
		try {
			// not new File(URI): that refuses a jar on a Windows share
			return Paths.get(source.getLocation().toURI()).resolveSibling(SETTINGS).toFile();
		}
		catch (final URISyntaxException | RuntimeException unknown) {
			LogFile.write("the folder of the jar is not known: " + source.getLocation(), unknown);
			return null;
		}
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
