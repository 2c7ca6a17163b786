package org.ijbridge;

import java.io.File;
import java.util.Locale;

/**
 * The folder {@code wheels} beside this jar, in a jar's folder called {@code plugins} the one in {@code IJBridge}: what
 * the released zip brings to make a Python environment of. It holds ijbridge itself, of this jar's version, a
 * {@value #LOCK} that names all that it needs by version and SHA-256, and uv, which makes the environment.
 * <p>
 * Wheels of what {@value #LOCK} names may be put there too. Where there is one, all are taken from there, and nothing
 * from the network.
 * </p>
 */
final class Wheels {

	static final String LOCK = "environment.txt";

	private final File folder;

	private Wheels(final File folder) {
		this.folder = folder;
	}

	/** The wheels that belong to this jar; null where there are none. */
	static Wheels find() {
		final File beside = PluginFolder.find();
		if (beside == null) return null;
		for (final String place : new String[] { "wheels", "IJBridge/wheels" }) {
			final Wheels wheels = new Wheels(new File(beside, place));
			if (wheels.own() != null && wheels.lock().isFile()) return wheels;
		}
		return null;
	}

	File folder() {
		return folder;
	}

	/** What names all that ijbridge needs. */
	File lock() {
		return new File(folder, LOCK);
	}

	/** The wheel of ijbridge, of this jar's version; null where there is none. */
	File own() {
		return first("ijbridge-" + Version.ofJar() + "-");
	}

	/** The wheel that holds uv for this computer; null where there is none. */
	File uv() {
		return first("uv-", tags(System.getProperty("os.name"), System.getProperty("os.arch")));
	}

	/** Whether the folder holds wheels of what ijbridge needs: then it is meant to hold all. */
	boolean areAll() {
		final String[] others = folder.list((where, name) -> name.endsWith(".whl") && !name.startsWith("ijbridge-") && !name
			.startsWith("uv-"));
		return others != null && others.length > 0;
	}

	/**
	 * What the names of wheels for such a computer hold: the platform tags of PEP 425 and PEP 600. Linux with glibc is
	 * meant.
	 */
	static String[] tags(final String system, final String processor) {
		final String name = system.toLowerCase(Locale.ROOT);
		final boolean arm = processor.equals("aarch64") || processor.equals("arm64");
		if (name.startsWith("windows")) return new String[] { arm ? "-win_arm64" : "-win_amd64" };
		if (name.startsWith("mac")) return new String[] { "-macosx_", arm ? "_arm64.whl" : "_x86_64.whl" };
		return new String[] { "-manylinux", arm ? "_aarch64" : "_x86_64" };
	}

	private File first(final String start, final String... parts) {
		final File[] found = folder.listFiles((where, name) -> {
			boolean fits = name.startsWith(start) && name.endsWith(".whl");
			for (final String part : parts) fits &= name.contains(part);
			return fits;
		});
		return found == null || found.length == 0 ? null : found[0];
	}
}
