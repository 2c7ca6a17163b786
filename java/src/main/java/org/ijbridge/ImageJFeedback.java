package org.ijbridge;

import ij.IJ;

/** ImageJ's status bar, progress bar, Log window and Escape key. */
final class ImageJFeedback implements Feedback {

	/** What the command is called wherever it speaks. */
	static final String NAME = "Run Model";

	private final String name;
	private String said = "";

	ImageJFeedback() {
		this(NAME);
	}

	/** @param name what the command calls itself */
	ImageJFeedback(final String name) {
		this.name = name;
		// A key pressed before this run does not mean this run.
		IJ.resetEscape();
	}

	@Override
	public void progress(final String message, final long current, final long maximum) {
		if (message != null && !message.equals(said)) {
			said = message;
			IJ.showStatus(name + ": " + message);
		}
		if (maximum > 0) IJ.showProgress((double) current / maximum);
	}

	@Override
	public void warn(final String sentence) {
		IJ.log(name + ": " + sentence);
	}

	@Override
	public boolean stopAsked() {
		if (!IJ.escapePressed()) return false;
		IJ.resetEscape();
		progress("stopping after this tile; press Escape again to stop at once", 0, 0);
		return true;
	}

	/** Clears the progress bar and says how the run ended. */
	void end(final String message) {
		IJ.showProgress(1.0);
		IJ.showStatus(name + ": " + message);
	}
}
