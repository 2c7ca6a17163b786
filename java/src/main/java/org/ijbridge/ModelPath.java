package org.ijbridge;

import java.io.File;
import java.util.List;
import java.util.Locale;

/** Finds the model that a path or a bare name stands for. */
final class ModelPath {

	private ModelPath() {}

	/**
	 * A path that exists is that, made absolute. A name is looked for in the folders of models, in their order, as it is
	 * and with {@code .zip}. Anything else is passed on as it is, for the worker to say what it finds.
	 */
	static String find(final String model, final List<File> folders) {
		final File path = new File(model);
		if (path.exists()) return path.getAbsolutePath();
		if (path.isAbsolute()) return model;
		for (final File folder : folders) {
			for (final String name : new String[] { model, model + ".zip" }) {
				final File candidate = new File(folder, name);
				if (candidate.exists()) return candidate.getAbsolutePath();
			}
		}
		return model;
	}

	/** What stands for a model in a macro: its name if it lies in a folder of models, so that others can run it too. */
	static String shortest(final String model, final List<File> folders) {
		final File file = new File(model);
		if (!file.isAbsolute() || !folders.contains(file.getParentFile())) return model;
		final String name = file.getName();
		final String bare = name.toLowerCase(Locale.ROOT).endsWith(".zip") ? name.substring(0, name.length() - 4) : name;
		for (final String one : new String[] { bare, name }) if (find(one, folders).equals(model)) return one;
		return model;
	}
}
