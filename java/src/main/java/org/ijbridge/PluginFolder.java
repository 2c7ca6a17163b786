package org.ijbridge;

import java.io.File;
import java.net.URISyntaxException;
import java.nio.file.Paths;
import java.security.CodeSource;

/** Where this jar lies. */
final class PluginFolder {

	private PluginFolder() {}

	/** The folder of this jar; null where this class was not loaded from a file. */
	static File find() {
		final CodeSource source = PluginFolder.class.getProtectionDomain().getCodeSource();
		if (source == null || source.getLocation() == null) return null;
		try {
			// not new File(URI): that refuses a jar on a Windows share
			return Paths.get(source.getLocation().toURI()).toFile().getParentFile();
		}
		catch (final URISyntaxException | RuntimeException unknown) {
			LogFile.write("the folder of the jar is not known: " + source.getLocation(), unknown);
			return null;
		}
	}
}
