package org.ijbridge;

import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.gui.MessageDialog;
import ij.gui.WaitForUserDialog;
import ij.macro.Interpreter;
import java.awt.Dialog;
import java.awt.EventQueue;
import java.awt.Frame;
import java.awt.Window;
import java.awt.event.WindowEvent;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * Runs one macro of a model on an image, in batch mode. Whatever it does wrong is one sentence; no window of it stays open.
 * <p>
 * A macro that fails shows a window with the reason and waits for a person, in batch mode too; so does one that asks something.
 * Where nobody is there to answer, such a window is closed as soon as the macro waits for it.
 * </p>
 */
final class MacroRun {

	private static final int POLL_MS = 20;
	private static final String EXCEPTION = "Exception";

	private final String file;
	private final String text;
	private final boolean attended;
	private final Feedback feedback;
	private final Interpreter interpreter = new Interpreter();
	private final Set<Window> before = new HashSet<>(Arrays.asList(Window.getWindows()));
	private volatile Throwable failure;
	private volatile ImagePlus result;
	private String question = "";
	private boolean cancelled;

	/**
	 * @param file by which it is named to a person
	 * @param attended whether somebody is there to answer what it asks
	 */
	MacroRun(final String file, final String text, final boolean attended, final Feedback feedback) {
		this.file = file;
		this.text = text;
		this.attended = attended;
		this.feedback = feedback;
	}

	/**
	 * Runs it, once.
	 *
	 * @param image that is active then, and may be changed
	 * @return the image that is active at its end, not shown
	 * @throws BridgeException where it fails, asks what nobody answers, or leaves no image
	 */
	ImagePlus on(final ImagePlus image) throws BridgeException {
		final Frame trace = WindowManager.getFrame(EXCEPTION);
		try (OpenImages open = OpenImages.setAside()) {
			runWatched(image);
			final ImagePlus made = result;
			open.closeOthers(made);
			if (cancelled) throw BridgeException.cancellation();
			if (!question.isEmpty()) {
				throw new BridgeException(named() + " opens a window (\"" + question + "\") and waits for an answer, but nobody is " +
					"there to give one: run the command from the menu.");
			}
			if (interpreter.getErrorMessage() != null) throw failed(interpreter.getErrorMessage() + " (line " + interpreter
				.getLineNumber() + ")");
			if (failure != null) throw failed(reason());
			final Frame crash = WindowManager.getFrame(EXCEPTION);
			if (crash != null && crash != trace) {
				crash.dispose();
				throw failed("a command that it called ended with an exception");
			}
			if (made == null || made.getStackSize() == 0) throw failed("it leaves no image");
			return made;
		}
	}

	private String named() {
		return "The model's macro " + file;
	}

	private BridgeException failed(final String reason) {
		final String sentence = named() + " failed: " + reason.trim().replaceAll("\\s+", " ").replaceAll("\\.$", "") + ".";
		return failure == null ? new BridgeException(sentence) : new BridgeException(sentence, failure);
	}

	private String reason() {
		return Macro.MACRO_CANCELED.equals(failure.getMessage()) ? "it ended itself, or was stopped" : failure.toString();
	}

	private void runWatched(final ImagePlus image) {
		// a thread of its own: what ImageJ keeps for the thread of the macro that called us stays as it is
		final Thread thread = new Thread(() -> {
			WindowManager.setTempCurrentImage(image);
			try {
				result = interpreter.runBatchMacro(text, image);
			}
			catch (final RuntimeException | Error thrown) {
				failure = thrown;
			}
			finally {
				WindowManager.setTempCurrentImage(null);
			}
		}, "ijbridge-macro");
		cancelled = feedback.stopAsked();
		if (cancelled) return;
		thread.start();
		boolean interrupted = false;
		boolean begun = false;
		while (thread.isAlive()) {
			try {
				thread.join(POLL_MS);
			}
			catch (final InterruptedException asked) {
				interrupted = true;
			}
			if (!begun && Interpreter.getInstance() == interpreter) {
				begun = true;
				feedback.progress("running " + file, 0, 0); // not before: at its beginning ImageJ forgets that Escape was pressed
			}
			cancelled |= interrupted || feedback.stopAsked();
			if (cancelled) stop();
			if (waits(thread)) closeWindows();
		}
		if (interrupted) Thread.currentThread().interrupt();
	}

	/** Ends the macro at its next word, if it has begun: to be called again and again. */
	private void stop() {
		if (interpreter.done()) return;
		try {
			interpreter.abort((String) null);
		}
		catch (final RuntimeException changing) {
			LogFile.write("the macro " + file + " is stopped while it changes its variables, at which ImageJ looks", changing);
		}
	}

	/** Whether a macro waits for a window, that is not one which somebody else has opened meanwhile. */
	private static boolean waits(final Thread thread) {
		// a window that is closed before the macro has begun to wait for it would be waited for without end
		if (thread.getState() != Thread.State.WAITING) return false;
		for (final StackTraceElement call : thread.getStackTrace()) {
			final String type = call.getClassName();
			if (type.equals(Dialog.class.getName()) || type.equals(WaitForUserDialog.class.getName())) return true;
			if (type.equals(EventQueue.class.getName()) && call.getMethodName().equals("invokeAndWait")) return true;
		}
		return false;
	}

	private void closeWindows() {
		for (final Window window : Window.getWindows()) {
			if (!(window instanceof Dialog) || !window.isShowing() || before.contains(window)) continue;
			final boolean asks = interpreter.getErrorMessage() == null && !cancelled;
			if (asks && attended) continue;
			if (asks && question.isEmpty() && !(window instanceof MessageDialog)) {
				question = ((Dialog) window).getTitle() == null ? "" : ((Dialog) window).getTitle();
				if (question.trim().isEmpty()) question = "without a title";
				stop(); // before it goes on with an answer that nobody gave
			}
			EventQueue.invokeLater(() -> closeAsAPerson((Dialog) window));
		}
	}

	private static void closeAsAPerson(final Dialog window) {
		window.dispatchEvent(new WindowEvent(window, WindowEvent.WINDOW_CLOSING));
		if (window instanceof WaitForUserDialog) ((WaitForUserDialog) window).close();
		if (window.isShowing()) window.dispose();
	}
}
