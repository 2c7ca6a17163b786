package org.ijbridge;

import java.io.File;

/** Finds the model that a path or a bare name stands for. */
final class ModelPath {

	private ModelPath() {}

	/**
	 * A path that exists is that, made absolute. A name is looked for in the {@code models} folder of ImageJ, as it is
	 * and with {@code .zip}. Anything else is passed on as it is, for the worker to say what it finds.
	 *
	 * @param imagejFolder ImageJ's own folder, null where it is not known
	 */
	static String find(final String model, final String imagejFolder) {
		final File path = new File(model);
		if (path.exists()) return path.getAbsolutePath();
		if (imagejFolder == null || path.isAbsolute()) return model;
		final File models = new File(imagejFolder, "models");
		for (final String name : new String[] { model, model + ".zip" }) {
			final File candidate = new File(models, name);
			if (candidate.exists()) return candidate.getAbsolutePath();
		}
		return model;
	}
}
