package org.ijbridge;

import ij.IJ;
import ij.Macro;
import ij.gui.GenericDialog;
import ij.plugin.frame.Recorder;
import java.io.File;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import javax.swing.JFileChooser;

/** Install Model...: copies a zip or a folder into ImageJ's folder of models, after showing what it is. */
final class InstallCommand {

	private static final String NAME = "Install Model...";

	private InstallCommand() {}

	static void run() throws BridgeException {
		final File models = Preferences.ownModelFolder();
		if (models == null) throw new BridgeException("ImageJ's own folder is not known: copy the model by hand.");
		final String written = Macro.getOptions();
		final boolean attended = written == null && Failure.isAttended();
		if (attended && !FirstUse.isReady()) return;
		final RunOptions asked = attended ? RunOptions.of(chosen()) : new RunOptions(MacroKeys.parse(NAME, ModelDialog.KEYS,
			written == null ? "" : written, RunCommand::variable));
		final String source = asked.model();
		if (source.isEmpty()) return;
		final ImageJFeedback feedback = new ImageJFeedback("Install Model");
		try (InferenceClient client = InferenceClient.find(asked.mayMakeEnvironment(), feedback)) {
			final Map<String, Object> request = new LinkedHashMap<>();
			request.put("source", source);
			final Reply found = client.ask("look_at", request, feedback);
			final String what = found.text("name") + ", licence " + (found.text("license").isEmpty() ? "not stated" : found.text(
				"license")) + "\n" + found.text("file") + ": " + found.text("files") + " files, " + found.text("bytes") +
				" bytes\nSHA-256 " + found.text("sha256");
			if (attended && !agreed(what, models)) return;
			request.put("folder", models.getPath());
			final String path = client.ask("install", request, feedback).requiredText("path");
			if (attended && Recorder.record) Recorder.recordPath("model", source);
			if (!attended) IJ.log(what);
			IJ.log("Install Model: " + path);
			Preferences.set("model", ModelPath.shortest(path, Preferences.modelFolders()));
		}
	}

	private static boolean agreed(final String what, final File models) {
		final GenericDialog dialog = new GenericDialog(NAME);
		dialog.addMessage("Install this model into " + models + "?\n \n" + what);
		dialog.setOKLabel("Install");
		dialog.showDialog();
		return !dialog.wasCanceled();
	}

	private static String chosen() throws BridgeException {
		final AtomicReference<String> path = new AtomicReference<>();
		RunDialog.onEventThread(() -> {
			final JFileChooser files = new JFileChooser();
			files.setDialogTitle("Choose a model to install: a zip or a folder");
			files.setFileSelectionMode(JFileChooser.FILES_AND_DIRECTORIES);
			if (files.showDialog(IJ.getInstance(), "Choose") == JFileChooser.APPROVE_OPTION) {
				path.set(files.getSelectedFile().getAbsolutePath());
			}
		});
		return path.get();
	}
}
