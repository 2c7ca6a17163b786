package org.ijbridge;

import ij.IJ;
import ij.Prefs;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * What a person set or used before, in ImageJ's own preferences.
 * <p>
 * A macro asks only where models and Python are; all else it says itself, so that it does the same everywhere. What is
 * set here is offered in dialogs, and the recorder writes it down.
 * </p>
 */
final class Preferences {

	static final String AUTO = "auto";

	private static final String PREFIX = "ijbridge.";
	private static final String FOLDERS = "model_folders";
	private static final String RECENT = "recent";
	private static final int KEPT = 8;

	private Preferences() {}

	/** What was set last; empty where nothing was. */
	static String get(final String key) {
		return Prefs.get(PREFIX + key, "").trim();
	}

	/** What was set last, or what is meant where nothing was. */
	static String get(final String key, final String otherwise) {
		final String value = get(key);
		return value.isEmpty() ? otherwise : value;
	}

	/** Sets a value; blank means that nothing is set. */
	static void set(final String key, final String value) {
		Prefs.set(PREFIX + key, value.trim());
	}

	/** Where models are looked for by name: ImageJ's folder {@code models} first, then those that a person added. */
	static List<File> modelFolders() {
		final List<File> folders = new ArrayList<>();
		final File own = ownModelFolder();
		if (own != null) folders.add(own);
		for (final String path : get(FOLDERS).split(Pattern.quote(File.pathSeparator))) {
			if (!path.trim().isEmpty()) folders.add(new File(path.trim()));
		}
		return folders;
	}

	/** The folder {@code models} of ImageJ, where models are installed; null where ImageJ's own is not known. */
	static File ownModelFolder() {
		final String imagej = IJ.getDirectory("imagej");
		return imagej == null ? null : new File(imagej, "models");
	}

	/** The paths of folders, with the system's separator between them. */
	static void setModelFolders(final String paths) {
		set(FOLDERS, paths);
	}

	/** As {@link #setModelFolders} was told. */
	static String extraModelFolders() {
		return get(FOLDERS);
	}

	/** The models that were used last, as they were named, the latest first. */
	static List<String> recentModels() {
		final List<String> models = new ArrayList<>();
		for (final String model : Prefs.get(PREFIX + RECENT, "").split("\n")) if (!model.isEmpty()) models.add(model);
		return models;
	}

	/** Puts a model at the front of those that were used last. */
	static void remember(final String model) {
		final List<String> models = new ArrayList<>(recentModels());
		models.remove(model);
		models.add(0, model);
		Prefs.set(PREFIX + RECENT, String.join("\n", models.subList(0, Math.min(KEPT, models.size()))));
		set("model", model);
	}
}
