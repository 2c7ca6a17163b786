package org.ijbridge;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The models that a person can choose from without looking for them: those in the folders of models, then recent ones. */
final class ModelCatalog {

	/** Names of files that are models by themselves. */
	static final String FILES = ".*\\.(zip|onnx|czann|czmodel|czseg)";

	private ModelCatalog() {}

	/**
	 * Looks into the folders. What a file or folder holds is not looked at: that takes long, and the worker says it.
	 *
	 * @param recent as they were named
	 * @return names where the name alone is enough to find the model, else paths; each model once
	 */
	static List<String> find(final List<File> folders, final List<String> recent) {
		final Set<String> seen = new LinkedHashSet<>();
		final List<String> found = new ArrayList<>();
		for (final File folder : folders) {
			final File[] files = folder.listFiles(ModelCatalog::mayBeModel);
			if (files == null) continue;
			Arrays.sort(files, (one, other) -> one.getName().compareToIgnoreCase(other.getName()));
			for (final File file : files) add(file.getAbsolutePath(), folders, seen, found);
		}
		for (final String model : recent) add(ModelPath.find(model, folders), folders, seen, found);
		return found;
	}

	private static void add(final String path, final List<File> folders, final Set<String> seen,
		final List<String> found)
	{
		if (new File(path).exists() && seen.add(path)) found.add(ModelPath.shortest(path, folders));
	}

	private static boolean mayBeModel(final File file) {
		final String name = file.getName().toLowerCase(Locale.ROOT);
		return !file.isHidden() && !name.startsWith(".") && (file.isDirectory() || name.matches(FILES));
	}
}
