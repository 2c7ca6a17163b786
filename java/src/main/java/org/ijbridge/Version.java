package org.ijbridge;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;

/** The version of this jar, which the build writes into it. */
final class Version {

	private Version() {}

	/** Such as {@code 0.1.0}. */
	static String ofJar() {
		final Properties properties = new Properties();
		try (InputStream in = Version.class.getResourceAsStream("jar.properties")) {
			if (in != null) properties.load(in);
		}
		catch (final IOException unreadable) {
			LogFile.write("the jar's version cannot be read", unreadable);
		}
		return properties.getProperty("version", "unknown");
	}
}
