package org.ijbridge;

import ij.IJ;
import java.io.File;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/** About IJBridge: versions, devices, memory, all that a bug report needs; in a macro as lines of the Log. */
final class AboutCommand {

	private AboutCommand() {}

	static void run() throws BridgeException {
		final boolean attended = Failure.isAttended();
		final String text = text();
		if (attended) TextDialog.show("About IJBridge", null, text);
		else IJ.log(text);
	}

	/** One line for each thing; where Python cannot be asked, the reason is one of them. */
	private static String text() {
		final List<String> lines = new ArrayList<>();
		lines.add(line("IJBridge", Version.ofJar() + " (protocol " + InferenceClient.PROTOCOL + ")"));
		lines.add(line("ImageJ", IJ.getVersion()));
		lines.add(line("Java", System.getProperty("java.version") + ", " + System.getProperty("java.home")));
		lines.add(line("system", System.getProperty("os.name") + " " + System.getProperty("os.version") + ", " + System
			.getProperty("os.arch")));
		lines.add(line("ImageJ memory", IJ.freeMemory()));
		lines.add(line("model folders", Preferences.modelFolders().stream().map(File::getPath).collect(Collectors.joining(", "))));
		lines.add(line("log file", LogFile.file().toString()));
		lines.add(line("runs in", InProcess.handler() == null ? "a Python worker" : "a Python program"));
		try (InferenceClient client = InferenceClient.find()) {
			final Reply reply = client.ask("about", Collections.emptyMap(), Feedback.SILENT);
			for (final String[] pair : reply.pairs("words")) lines.add(line(pair[0], pair[1]));
		}
		catch (final BridgeException failure) {
			lines.add(line("Python", failure.getMessage()));
		}
		return String.join("\n", lines);
	}

	private static String line(final String name, final String value) {
		return String.format("%-14s %s", name, value);
	}
}
