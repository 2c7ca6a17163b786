package org.ijbridge;

import ij.IJ;
import ij.Prefs;
import ij.gui.GenericDialog;
import java.awt.GraphicsEnvironment;
import java.util.Arrays;

/**
 * Asks a person for the options. The first word of each label is the macro key, under which ImageJ's recorder writes
 * down the answer by itself.
 */
final class RunDialog {

	private static final String[] DEVICES = { RunOptions.AUTO, "cpu", "cuda" };
	private static final int PATH_COLUMNS = 40;
	private static final int VALUE_COLUMNS = 16;

	private RunDialog() {}

	/**
	 * Shows the dialog with the answers of the last time, of this session or an earlier one.
	 *
	 * @param title of the image that the model will run on
	 * @return the answers, null if the person cancelled
	 */
	static RunOptions ask(final String title) throws BridgeException {
		final GenericDialog dialog = new GenericDialog("Run Model");
		dialog.addMessage("Runs a network on \"" + title + "\".\n" +
			"Model: a zip, a folder or its rdf.yaml, or a name in ImageJ's \"models\" folder.\n" +
			"Tile: auto, whole, pixels such as 512, or y=512,x=512.\n" + "Halo: auto, declared, or pixels.");
		final String model = Prefs.get("ijbridge.model", "");
		if (GraphicsEnvironment.isHeadless()) dialog.addStringField("Model", model, PATH_COLUMNS);
		else dialog.addFileField("Model", model, PATH_COLUMNS);
		dialog.addStringField("Tile", Prefs.get("ijbridge.tile", RunOptions.AUTO), VALUE_COLUMNS);
		dialog.addStringField("Halo", Prefs.get("ijbridge.halo", RunOptions.AUTO), VALUE_COLUMNS);
		final String device = Prefs.get("ijbridge.device", RunOptions.AUTO);
		dialog.addChoice("Device", DEVICES, Arrays.asList(DEVICES).contains(device) ? device : RunOptions.AUTO);
		dialog.showDialog();
		if (dialog.wasCanceled()) return null;
		final RunOptions options = new RunOptions(dialog.getNextString(), dialog.getNextString(),
			dialog.getNextString(), dialog.getNextChoice());
		if (options.model.isEmpty()) {
			throw new BridgeException("No model is given: choose a zip, a folder's rdf.yaml, or write the name of a model " +
				"in " + (IJ.getDirectory("imagej") == null ? "ImageJ's folder " : IJ.getDirectory("imagej")) + "models.");
		}
		Prefs.set("ijbridge.model", options.model);
		Prefs.set("ijbridge.tile", options.tile);
		Prefs.set("ijbridge.halo", options.halo);
		Prefs.set("ijbridge.device", options.device);
		return options;
	}
}
