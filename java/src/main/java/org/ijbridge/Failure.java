package org.ijbridge;

import ij.IJ;
import ij.Macro;
import ij.macro.Interpreter;
import java.util.ServiceConfigurationError;

/**
 * Tells a failure: one sentence to the person, everything to the log file, and the macro stops.
 * <p>
 * How to stop a macro (ImageJ 1.54p). An exception thrown by a plugin does not: {@code ij.Executer} catches it, and for
 * the one that says "Macro canceled" does nothing. {@code IJ.error(sentence)} does, but opens a dialog that blocks an
 * unattended macro. {@code Interpreter.abortMacro()} does, but waits two seconds for itself and then stops threads.
 * {@code Interpreter.abort(null)} ends the interpreter with no message and forgets it; {@code Macro.abort()} then leaves a
 * mark, on which {@code IJ.run} throws once the plugin has returned. So nothing after the failing line is executed,
 * {@code IJ.runMacro} returns "[aborted]" to its Java caller, and a script that called {@code IJ.run} gets the exception. A macro that called another one by {@code runMacro} goes on with
 * "[aborted]" as its value, as ImageJ has it for every command.
 * </p>
 */
final class Failure {

	private static final int LINE = 80;

	private Failure() {}

	/** Whether a person is there to answer a dialog: not in a macro with options, in batch mode or without windows. */
	static boolean isAttended() {
		return Macro.getOptions() == null && !Interpreter.isBatchMode() && IJ.getInstance() != null;
	}

	/** As {@link #tell(String, Throwable)}, of a run. */
	static void tell(final Throwable failure) {
		tell(ImageJFeedback.NAME, failure);
	}

	/**
	 * Tells the failure; in a macro or script, throws ImageJ's own exception for an ended macro.
	 *
	 * @param command that failed, as it calls itself
	 */
	static void tell(final String command, final Throwable failure) {
		tell(command, failure, isAttended());
	}

	/**
	 * Tells the failure of what a macro called by {@code call}, which cannot end the macro: ImageJ's interpreter forgets
	 * that it is to end when it goes on to the next word, and prints what is thrown into a window.
	 *
	 * @return the answer in place of the one that there is not
	 */
	static String answer(final String command, final Throwable failure) {
		final String sentence = sentence(failure);
		LogFile.write(sentence, failure);
		IJ.log(command + ": " + sentence);
		return "error: " + sentence;
	}

	/**
	 * As {@link #tell(String, Throwable)}, where it is known whether a person is there to close a message.
	 *
	 * @param attended whether to show one; else a macro ends
	 */
	static void tell(final String command, final Throwable failure, final boolean attended) {
		final String sentence = sentence(failure);
		InProcess.keepFailure(sentence);
		final boolean cancelled = failure instanceof BridgeException && ((BridgeException) failure).isCancellation();
		final boolean trace = !(failure instanceof BridgeException) || ((BridgeException) failure).hasTrace();
		if (trace) LogFile.write(sentence, failure);
		else LogFile.write(sentence);
		final String details = trace ? "Details: " + LogFile.file() : "";
		if (cancelled) IJ.showStatus(command + ": cancelled");
		if (!attended) {
			IJ.log(command + ": " + sentence);
			if (trace) IJ.log(details);
			stopMacro();
		}
		else if (!cancelled) IJ.error(command, wrapped(sentence) + (trace ? "\n \n" + details : ""));
	}

	/** ImageJ's message window is as wide as its longest line. */
	static String wrapped(final String sentence) {
		final StringBuilder text = new StringBuilder();
		int column = 0;
		for (final String word : sentence.split(" ")) {
			if (column > 0 && column + word.length() > LINE) {
				text.append('\n');
				column = 0;
			}
			else if (column > 0) text.append(' ');
			text.append(word);
			column += word.length() + 1;
		}
		return text.toString();
	}

	/** What is said of a failure, in one sentence. */
	static String sentence(final Throwable failure) {
		if (failure instanceof BridgeException) return failure.getMessage();
		if (failure instanceof OutOfMemoryError) {
			return "ImageJ has not enough memory for the result: give it more in Edit > Options > Memory & Threads, or " +
				"run on a smaller part of the image.";
		}
		if (failure instanceof LinkageError || failure instanceof ServiceConfigurationError) {
			return "A jar that IJBridge needs is missing or too old (" + failure + "): put all jars of one IJBridge into " +
				"ImageJ's folder plugins/IJBridge and start ImageJ again.";
		}
		if (failure instanceof InternalError) {
			return "Shared memory ran out while pixels were written (" + failure.getMessage() + "): make it larger (in a " +
				"container: --shm-size), or run on a smaller part of the image.";
		}
		return "IJBridge failed in a way it should not (" + failure + "): please report it with the log.";
	}

	private static void stopMacro() {
		final Interpreter macro = Interpreter.getInstance();
		if (macro != null) {
			macro.abort((String) null);
			IJ.error((String) null, Macro.MACRO_CANCELED); // no window: it forgets who ran the command, else IJ.run throws nothing
		}
		Macro.abort();
	}
}
