package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.Prefs;
import ij.gui.GenericDialog;
import java.awt.GraphicsEnvironment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Asks a person for the options. The first word of each label is the macro key, under which ImageJ's recorder writes
 * down the answer by itself.
 */
final class RunDialog {

	private static final String AUTO = "auto";
	private static final String[] DEVICES = { AUTO, "cpu", "cuda" };
	private static final String[] PARTS = { RunOptions.WHOLE, RunOptions.CROP };
	private static final int PATH_COLUMNS = 40;
	private static final int VALUE_COLUMNS = 16;

	private RunDialog() {}

	/**
	 * Shows the dialog with the answers of the last time, of this session or an earlier one. Channel, scale and, where
	 * there is a selection, the part are asked anew each time: they belong to one image.
	 *
	 * @param image that the model will run on
	 * @return the answers, null if the person cancelled
	 */
	static RunOptions ask(final ImagePlus image) throws BridgeException {
		final GenericDialog dialog = new GenericDialog("Run Model");
		dialog.addMessage("Runs a network on \"" + image.getTitle() + "\".\n" +
			"Model: a folder, a zip or a file (rdf.yaml, config.json, .onnx, .czann), or a name in ImageJ's \"models\" folder.\n" +
			"Tile: auto, whole, pixels such as 512, or y=512,x=512.\n" + "Halo: auto, declared, or pixels.\n" +
			"Channel: numbers from 1, such as 2 or 1,3, or names from the slice labels; blank for all." +
			(image.getRoi() == null ? "" : "\nRoi: whole image, or crop to the box around the selection."));
		final String model = Prefs.get("ijbridge.model", "");
		if (GraphicsEnvironment.isHeadless()) dialog.addStringField("Model", model, PATH_COLUMNS);
		else dialog.addFileField("Model", model, PATH_COLUMNS);
		dialog.addStringField("Tile", Prefs.get("ijbridge.tile", AUTO), VALUE_COLUMNS);
		dialog.addStringField("Halo", Prefs.get("ijbridge.halo", AUTO), VALUE_COLUMNS);
		final String device = Prefs.get("ijbridge.device", AUTO);
		dialog.addChoice("Device", DEVICES, Arrays.asList(DEVICES).contains(device) ? device : AUTO);
		dialog.addStringField("Channel", "", VALUE_COLUMNS);
		dialog.addCheckbox("Rescale to the model's pixel size", false);
		final boolean selected = image.getRoi() != null;
		if (selected) dialog.addChoice("Roi", PARTS, RunOptions.WHOLE);
		dialog.showDialog();
		if (dialog.wasCanceled()) return null;
		final Map<String, String> answers = new HashMap<>();
		answers.put("model", dialog.getNextString());
		answers.put("tile", dialog.getNextString());
		answers.put("halo", dialog.getNextString());
		answers.put("device", dialog.getNextChoice());
		answers.put("channel", dialog.getNextString());
		if (dialog.getNextBoolean()) answers.put("rescale", "true");
		if (selected) answers.put(RunOptions.ROI, dialog.getNextChoice());
		final RunOptions options = new RunOptions(answers);
		if (options.model().isEmpty()) {
			throw new BridgeException("No model is given: choose a zip or a file, or write the name of a model " +
				"in " + (IJ.getDirectory("imagej") == null ? "ImageJ's folder " : IJ.getDirectory("imagej")) + "models.");
		}
		for (final String kept : new String[] { "model", "tile", "halo", "device" }) {
			final String answer = answers.get(kept).trim();
			Prefs.set("ijbridge." + kept, answer.isEmpty() ? AUTO : answer);
		}
		return options;
	}
}
