package org.ijbridge;

import ij.IJ;
import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/**
 * A folder that holds Python environments which this plugin made: {@code IJBridge} in ImageJ's own folder, where it may
 * be written, else {@code .ijbridge} in the person's home.
 * <p>
 * An environment is made in a folder of a new name, and {@code environment-<version of this jar>.properties} names its
 * Python only when that has answered. So half an environment is never taken, another version of the jar has another
 * environment, and one that was moved, which none survives, is not found.
 * </p>
 */
final class EnvironmentFolder {

	private static final String KEY = "python";

	private final Path folder;

	private EnvironmentFolder(final Path folder) {
		this.folder = folder;
	}

	/** The Python that was made for this version of the jar; null where none is there. */
	static File findPython() {
		for (final EnvironmentFolder one : places()) {
			final File python = one.recorded();
			if (python != null) return python;
		}
		return null;
	}

	/** Where a new one is to be made. */
	static EnvironmentFolder forNew() {
		final List<EnvironmentFolder> places = places();
		for (final EnvironmentFolder one : places) {
			if (Files.isWritable(Files.exists(one.folder) ? one.folder : one.folder.getParent())) return one;
		}
		return places.get(places.size() - 1);
	}

	/** Whether a Python lies in such a folder. */
	static boolean holds(final File python) {
		for (final EnvironmentFolder one : places()) {
			if (python.toPath().startsWith(one.folder)) return true;
		}
		return false;
	}

	private static List<EnvironmentFolder> places() {
		final List<EnvironmentFolder> places = new ArrayList<>();
		final String imagej = IJ.getDirectory("imagej");
		if (imagej != null) places.add(new EnvironmentFolder(new File(imagej, "IJBridge").getAbsoluteFile().toPath()));
		places.add(new EnvironmentFolder(new File(System.getProperty("user.home"), ".ijbridge").getAbsoluteFile().toPath()));
		return places;
	}

	Path path() {
		return folder;
	}

	/** Where to make one: the name is new, so that what an interrupted one still writes is not in the way. */
	Path fresh() {
		return folder.resolve(prefix() + Long.toString(System.currentTimeMillis(), Character.MAX_RADIX));
	}

	/** The Python that is recorded for this version of the jar; null where there is none. */
	File recorded() {
		final Properties properties = new Properties();
		try (Reader reader = Files.newBufferedReader(record(), StandardCharsets.UTF_8)) {
			properties.load(reader);
		}
		catch (final IOException | IllegalArgumentException none) {
			return null;
		}
		final File python = new File(properties.getProperty(KEY, ""));
		return python.isFile() && python.canExecute() && python.toPath().startsWith(folder) ? python : null;
	}

	/** Records the Python of an environment that works. */
	void record(final File python) throws IOException {
		final Properties properties = new Properties();
		properties.setProperty(KEY, python.getAbsolutePath());
		final Path part = record().resolveSibling(record().getFileName() + ".part");
		try (Writer writer = Files.newBufferedWriter(part, StandardCharsets.UTF_8)) {
			properties.store(writer, "The Python that IJBridge made for itself");
		}
		Files.move(part, record(), StandardCopyOption.REPLACE_EXISTING);
	}

	/** Removes the environments of this version of the jar: called while none is recorded and nobody else makes one. */
	void clear() {
		final File[] left = folder.toFile().listFiles((where, name) -> name.startsWith(prefix()));
		if (left == null) return;
		for (final File one : left) remove(one.toPath());
	}

	/** Removes a folder with all that is in it, as far as that can be done: what is left is in nobody's way. */
	static void remove(final Path folder) {
		if (!Files.exists(folder)) return;
		try {
			Files.walkFileTree(folder, new SimpleFileVisitor<Path>() {

				@Override
				public FileVisitResult visitFile(final Path file, final BasicFileAttributes attributes) throws IOException {
					Files.delete(file);
					return FileVisitResult.CONTINUE;
				}

				@Override
				public FileVisitResult postVisitDirectory(final Path visited, final IOException failure) throws IOException {
					Files.delete(visited);
					return FileVisitResult.CONTINUE;
				}
			});
		}
		catch (final IOException left) {
			LogFile.write(folder + " cannot be removed (" + left + ")");
		}
	}

	private static String prefix() {
		return "environment-" + Version.ofJar() + "_";
	}

	private Path record() {
		return folder.resolve("environment-" + Version.ofJar() + ".properties");
	}
}
