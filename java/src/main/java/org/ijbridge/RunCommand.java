package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.macro.Interpreter;

/** What the menu entry does: options in, results on the screen. */
final class RunCommand {

	private RunCommand() {}

	/** @throws BridgeException with the sentence that tells why there is no result */
	static void run() throws BridgeException {
		final ImagePlus image = WindowManager.getCurrentImage();
		if (image == null) {
			throw new BridgeException("No image is open: open an image, then run the command again.");
		}
		final RunOptions asked = options(image);
		if (asked == null) return;
		final RunResults results = perform(image, asked);
		results.showObjects(asked);
		// The first output is shown last, which makes it the active image.
		for (int i = results.images.size() - 1; i >= 0; i--) results.images.get(i).show();
	}

	/**
	 * Runs a model, whose name or path is not looked up yet.
	 *
	 * @return what is not shown yet
	 * @throws BridgeException with the sentence that tells why there is no result
	 */
	static RunResults perform(final ImagePlus image, final RunOptions asked) throws BridgeException {
		return perform(asked, (runner, options) -> runner.run(image, options));
	}

	/** What is done with a client, by options whose model is looked up. */
	interface Work<T> {

		T run(ModelRunner runner, RunOptions options) throws BridgeException;
	}

	/** As {@link #perform(ImagePlus, RunOptions)}, for other images. */
	static <T> T perform(final RunOptions asked, final Work<T> work) throws BridgeException {
		final RunOptions options = asked.found();
		final ImageJFeedback feedback = new ImageJFeedback();
		final long start = System.currentTimeMillis();
		String end = "failed";
		try (InferenceClient client = InferenceClient.find(options.mayMakeEnvironment(), feedback)) {
			final T results = work.run(new ModelRunner(client, feedback), options);
			end = IJ.d2s((System.currentTimeMillis() - start) / 1000.0, 2) + " seconds";
			return results;
		}
		finally {
			feedback.end(end);
		}
	}

	/** From the macro's text if there is one, else from a person; null if the person cancelled. */
	private static RunOptions options(final ImagePlus image) throws BridgeException {
		final String written = Macro.getOptions();
		if (written != null) return MacroKeys.parse(written, RunCommand::variable);
		if (!Failure.isAttended()) return MacroKeys.parse("", RunCommand::variable);
		// before the dialog: nobody should fill that in for nothing, and Python can start while it is open
		return FirstUse.isReady() ? RunDialog.ask(image) : null;
	}

	/** The value of a macro's variable, null where there is none of that name. */
	static String variable(final String name) {
		final Interpreter macro = Interpreter.getInstance();
		return macro == null ? null : macro.getVariableAsString(name);
	}
}
