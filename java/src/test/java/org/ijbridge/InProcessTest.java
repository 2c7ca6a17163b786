package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class InProcessTest {

	@Test
	void whereImageJReadsNoPluginsConfigTheSameCommandsAreThere() throws IOException {
		final Map<String, String> configured = new HashMap<>();
		final Pattern entry = Pattern.compile("Plugins>IJBridge, \"(.+?)\", (.+)");
		for (final String line : Files.readAllLines(Paths.get("src/main/resources/plugins.config"), StandardCharsets.UTF_8)) {
			final Matcher found = entry.matcher(line);
			if (found.matches()) configured.put(found.group(1), found.group(2));
		}
		assertEquals(8, configured.size());
		assertEquals(configured, InProcess.COMMANDS);
	}
}
