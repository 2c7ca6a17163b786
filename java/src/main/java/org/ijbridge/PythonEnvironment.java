package org.ijbridge;

import ij.Prefs;
import java.io.File;

/**
 * Which Python runs the models: ImageJ's preference {@code ijbridge.python}, else the environment variable
 * {@code IJBRIDGE_PYTHON}. The system property {@code ijbridge.python} goes before both, for one session of ImageJ.
 */
final class PythonEnvironment {

	private static final String KEY = "ijbridge.python";
	private static final String VARIABLE = "IJBRIDGE_PYTHON";

	private PythonEnvironment() {}

	/**
	 * Finds the interpreter.
	 *
	 * @return the full path of a file
	 * @throws BridgeException where none is set, or what is set is no file
	 */
	static File find() throws BridgeException {
		return choose(System.getProperty(KEY), Prefs.get(KEY, ""), System.getenv(VARIABLE));
	}

	/** As {@link #find}, from the three values, each null or blank where it is not set. */
	static File choose(final String property, final String preference, final String variable)
		throws BridgeException
	{
		if (isSet(property)) return existing(property, "the system property " + KEY);
		if (isSet(preference)) return existing(preference, "ImageJ's preference " + KEY);
		if (isSet(variable)) return existing(variable, "the environment variable " + VARIABLE);
		throw new BridgeException("No Python with ijbridge found: install it with \"pip install ijbridge\" and set the " +
			"environment variable " + VARIABLE + " to that Python's full path, then start ImageJ again.");
	}

	private static boolean isSet(final String value) {
		return value != null && !value.trim().isEmpty();
	}

	private static File existing(final String path, final String source) throws BridgeException {
		final File python = new File(path.trim());
		if (python.isFile()) return python.getAbsoluteFile();
		throw new BridgeException("The Python \"" + path.trim() + "\", set by " + source + ", " +
			(python.isDirectory() ? "is a folder" : "does not exist") + ": set it to the full path of a Python that has " +
			"ijbridge (\"pip install ijbridge\"), then start ImageJ again.");
	}
}
