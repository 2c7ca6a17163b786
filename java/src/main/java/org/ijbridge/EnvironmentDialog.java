package org.ijbridge;

import ij.gui.GenericDialog;

/** Asks the person before ImageJ whether a Python environment may be made. */
final class EnvironmentDialog {

	private EnvironmentDialog() {}

	/**
	 * Shows what would be done, and gives the answer.
	 *
	 * @param why there is no Python, as the beginning of a sentence
	 */
	static boolean isAgreed(final String why, final EnvironmentFolder folder, final Wheels wheels) {
		final GenericDialog dialog = new GenericDialog("IJBridge");
		final String from = wheels.areAll() ? "The packages are taken from " + wheels.folder() + "."
			: "About " + EnvironmentMaker.DOWNLOAD + " are downloaded: Python, onnxruntime and what they need.";
		dialog.addMessage(Failure.wrapped(why + ". IJBridge can set one up now, once.") + "\n \n" + from + "\nAbout " +
			EnvironmentMaker.SIZE + " are written to\n    " + folder.path() +
			"\nNothing else on this computer is changed: to remove it, delete that folder.\n \n" +
			"Progress is shown in ImageJ's status bar. Escape stops it.");
		dialog.setOKLabel("Set up");
		dialog.showDialog();
		return dialog.wasOKed();
	}
}
