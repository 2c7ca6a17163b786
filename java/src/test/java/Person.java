import ij.IJ;
import ij.ImageJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.GenericDialog;
import ij.gui.ProgressBar;
import ij.plugin.frame.Recorder;
import java.awt.Checkbox;
import java.awt.Choice;
import java.awt.EventQueue;
import java.awt.TextField;
import java.awt.Window;
import java.awt.event.ActionEvent;
import java.awt.event.KeyEvent;
import java.io.File;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * What a person does in ImageJ and a macro cannot: {@code call("Person.answers", ...)} in the tests of
 * {@code tests/imagej}, which put this class into the plugins folder.
 */
public final class Person {

	private static final String COMMAND = "Run Model...";
	private static final String DIALOG = "Run Model";
	private static final String SET_UP = "IJBridge";
	private static final long PATIENCE_MS = 90_000;

	private Person() {}

	/**
	 * Chooses the command from the menu, with the recorder open, and answers its dialog.
	 *
	 * @param rescale "true" to tick the box
	 * @return what the fields and the box held before, and the recorded macro, separated by line ends
	 */
	public static String answers(final String model, final String channel, final String rescale) throws Exception {
		final List<String> offered = new ArrayList<>();
		final String recorded = answered(dialog -> {
			final TextField[] fields = ((List<?>) dialog.getStringFields()).toArray(new TextField[0]);
			final Checkbox box = (Checkbox) dialog.getCheckboxes().get(0);
			for (final TextField field : fields) offered.add(field.getText());
			offered.add(String.valueOf(box.getState()));
			fields[0].setText(model);
			fields[3].setText(channel);
			box.setState(rescale.equals("true"));
		});
		return String.join("|", offered) + "\n" + recorded;
	}

	/** As {@link #answers}, for an image with a selection: names the model and chooses a part. */
	public static String choosesPart(final String model, final String part) throws Exception {
		return answered(dialog -> {
			((TextField) dialog.getStringFields().get(0)).setText(model);
			((Choice) dialog.getChoices().get(1)).select(part);
		});
	}

	private static String answered(final Consumer<GenericDialog> answer) throws Exception {
		final Recorder recorder = new Recorder(false);
		IJ.doCommand(COMMAND);
		answers(DIALOG, answer);
		return recordedAtTheEnd(recorder);
	}

	private static void answers(final String title, final Consumer<GenericDialog> answer) throws Exception {
		final GenericDialog dialog = dialog(title);
		EventQueue.invokeAndWait(() -> answer.accept(dialog));
		presses(dialog, 0);
	}

	private static void presses(final GenericDialog dialog, final int button) {
		EventQueue.invokeLater(() -> dialog.actionPerformed(new ActionEvent(dialog.getButtons()[button],
			ActionEvent.ACTION_PERFORMED, "pressed")));
		while (dialog.isShowing()) IJ.wait(10);
	}

	private static String recordedAtTheEnd(final Recorder recorder) throws Exception {
		for (final Thread thread : Thread.getAllStackTraces().keySet()) {
			if (thread.getName().equals(COMMAND)) thread.join(PATIENCE_MS);
		}
		final String recorded = recorder.getText();
		recorder.close();
		return recorded;
	}

	/** Chooses the command where there is no Python, and does not want one to be set up; gives what the button says. */
	public static String refusesToSetUp() throws Exception {
		IJ.doCommand(COMMAND);
		final GenericDialog dialog = dialog(SET_UP);
		final String label = dialog.getButtons()[0].getLabel();
		presses(dialog, 1);
		for (final Thread thread : Thread.getAllStackTraces().keySet()) {
			if (thread.getName().equals(COMMAND)) thread.join(PATIENCE_MS);
		}
		return label + "|" + dialogs().size();
	}

	/** Chooses the command where there is no Python, wants one to be set up, and names a model then. */
	public static String setsUpAndRuns(final String model) throws Exception {
		final Recorder recorder = new Recorder(false);
		IJ.doCommand(COMMAND);
		answers(SET_UP, dialog -> {});
		answers(DIALOG, dialog -> ((TextField) dialog.getStringFields().get(0)).setText(model));
		return recordedAtTheEnd(recorder);
	}

	/** Ends ImageJ as a power failure does, as soon as the status line holds a text, and returns before. */
	public static String pullsThePlugWhenStatusSays(final String text) {
		return when(() -> ImageJ.getStatusBarText().contains(text), () -> Runtime.getRuntime().halt(9));
	}

	/** Opens the dialog, looks at it until a file holds a text, and cancels; says whether it came to that. */
	public static String looksAtTheDialogUntil(final String path, final String text) throws Exception {
		IJ.doCommand(COMMAND);
		final GenericDialog dialog = dialog(DIALOG);
		final long end = System.currentTimeMillis() + PATIENCE_MS;
		while (!holds(path, text) && System.currentTimeMillis() < end) Thread.sleep(20);
		presses(dialog, 1);
		return String.valueOf(holds(path, text));
	}

	private static boolean holds(final String path, final String text) throws Exception {
		return new File(path).exists() && new String(Files.readAllBytes(Paths.get(path)), StandardCharsets.UTF_8).contains(
			text);
	}

	private static final Set<String> SEEN = Collections.synchronizedSet(new LinkedHashSet<>());

	/** Looks at status and progress bar from now on. */
	public static String watches() throws Exception {
		final Field bar = ProgressBar.class.getDeclaredField("showBar");
		final Field shown = ProgressBar.class.getDeclaredField("slowX");
		bar.setAccessible(true);
		shown.setAccessible(true);
		final Thread thread = new Thread(() -> {
			while (true) {
				SEEN.add(ImageJ.getStatusBarText());
				try {
					if (bar.getBoolean(IJ.getInstance().getProgressBar())) {
						SEEN.add("bar at " + shown.getDouble(IJ.getInstance().getProgressBar()));
					}
				}
				catch (final IllegalAccessException impossible) {
					SEEN.add(impossible.toString());
				}
				IJ.wait(5);
			}
		});
		thread.setDaemon(true);
		thread.start();
		return "";
	}

	/** What was seen since {@link #watches}, one a line. */
	public static String saw() {
		synchronized (SEEN) {
			return String.join("\n", SEEN);
		}
	}

	/** Starts the command on all open images at the same time, and waits for all. */
	public static String startsOnAll(final String options) throws Exception {
		final List<Thread> threads = new ArrayList<>();
		for (final int id : WindowManager.getIDList()) {
			final ImagePlus image = WindowManager.getImage(id);
			threads.add(new Thread(() -> IJ.run(image, COMMAND, options)));
		}
		threads.forEach(Thread::start);
		for (final Thread thread : threads) thread.join();
		return "";
	}

	/** Presses Escape once, as soon as there is a file, and returns before. */
	public static String pressesEscapeWhenThereIs(final String path) {
		return pressesEscapeWhen(() -> new File(path).exists());
	}

	/** Presses Escape once, as soon as the status line holds a text, and returns before. */
	public static String pressesEscapeWhenStatusSays(final String text) {
		return pressesEscapeWhen(() -> ImageJ.getStatusBarText().contains(text));
	}

	private static String pressesEscapeWhen(final BooleanSupplier reason) {
		return when(reason, () -> IJ.setKeyDown(KeyEvent.VK_ESCAPE));
	}

	private static String when(final BooleanSupplier reason, final Runnable what) {
		final Thread thread = new Thread(() -> {
			final long end = System.currentTimeMillis() + PATIENCE_MS;
			while (!reason.getAsBoolean() && System.currentTimeMillis() < end) IJ.wait(10);
			what.run();
		});
		thread.setDaemon(true);
		thread.start();
		return "";
	}

	private static GenericDialog dialog(final String title) throws InterruptedException {
		final long end = System.currentTimeMillis() + PATIENCE_MS;
		while (System.currentTimeMillis() < end) {
			for (final GenericDialog dialog : dialogs()) {
				if (dialog.getTitle().equals(title)) return dialog;
			}
			Thread.sleep(20);
		}
		throw new IllegalStateException("no dialog " + title);
	}

	private static List<GenericDialog> dialogs() {
		final List<GenericDialog> showing = new ArrayList<>();
		for (final Window window : Window.getWindows()) {
			if (window instanceof GenericDialog && window.isShowing()) showing.add((GenericDialog) window);
		}
		return showing;
	}
}
