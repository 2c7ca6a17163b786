package org.ijbridge;

import ij.Macro;
import ij.gui.GenericDialog;
import java.awt.GraphicsEnvironment;
import java.io.File;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** IJBridge Settings...: which Python, where models lie, and what the dialogs offer. */
final class SettingsCommand {

	private static final String NAME = "IJBridge Settings...";
	private static final List<String> DEVICES = Arrays.asList(Preferences.AUTO, "cpu", "cuda", "tensorrt", "coreml",
		"directml");
	private static final int COLUMNS = 40;

	private SettingsCommand() {}

	static void run() throws BridgeException {
		if (Macro.getOptions() != null || !Failure.isAttended()) {
			throw new BridgeException(NAME + " is for a person: a macro says device and memory itself, and sets the Python by " +
				"call(\"ij.Prefs.set\", \"ijbridge.python\", \"/full/path/to/python\").");
		}
		final GenericDialog dialog = new GenericDialog("IJBridge Settings");
		final String python = Preferences.get("python");
		if (GraphicsEnvironment.isHeadless()) dialog.addStringField("Python", python, COLUMNS);
		else dialog.addFileField("Python", python, COLUMNS);
		dialog.addStringField("Model_folders", Preferences.extraModelFolders(), COLUMNS);
		final String device = Preferences.get("device", Preferences.AUTO);
		dialog.addChoice("Device", DEVICES.toArray(new String[0]), DEVICES.contains(device) ? device : Preferences.AUTO);
		dialog.addStringField("Memory", Preferences.get("memory", Preferences.AUTO));
		dialog.addMessage("Python: blank for the one that the installation recorded or IJBRIDGE_PYTHON names.\n" +
			"Model folders: besides ImageJ's own \"models\", with \"" + File.pathSeparator + "\" between them.\n" +
			"Device and memory: what the dialogs offer first; a macro says its own.");
		dialog.showDialog();
		if (dialog.wasCanceled()) return;
		final String chosen = dialog.getNextString().trim();
		final String folders = dialog.getNextString().trim();
		if (!chosen.isEmpty() && !new File(chosen).isFile()) {
			throw new BridgeException("There is no Python at " + chosen + ": give the full path of a file, or leave it blank.");
		}
		for (final String folder : folders.split(Pattern.quote(File.pathSeparator))) {
			if (folder.trim().isEmpty() || new File(folder.trim()).isDirectory()) continue;
			throw new BridgeException("There is no folder " + folder.trim() + ": give full paths of folders, with \"" +
				File.pathSeparator + "\" between them.");
		}
		Preferences.set("python", chosen);
		Preferences.setModelFolders(folders);
		Preferences.set("device", dialog.getNextChoice());
		Preferences.set("memory", dialog.getNextString());
	}
}
