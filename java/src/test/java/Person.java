import ij.IJ;
import ij.ImageJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.GenericDialog;
import ij.gui.ProgressBar;
import ij.plugin.frame.Recorder;
import java.awt.Component;
import java.awt.Container;
import java.awt.Dialog;
import java.awt.EventQueue;
import java.awt.Rectangle;
import java.awt.Robot;
import java.awt.Toolkit;
import java.awt.Window;
import java.awt.datatransfer.DataFlavor;
import java.awt.event.ActionEvent;
import java.awt.event.KeyEvent;
import java.io.File;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import javax.imageio.ImageIO;
import javax.swing.JButton;
import javax.swing.JCheckBox;
import javax.swing.JComboBox;
import javax.swing.JDialog;
import javax.swing.JList;
import javax.swing.JTextField;
import javax.swing.ListModel;
import javax.swing.text.JTextComponent;

/**
 * What a person does in ImageJ and a macro cannot: {@code call("Person.answers", ...)} in the tests of
 * {@code tests/imagej}, which put this class into the plugins folder.
 */
public final class Person {

	private static final String COMMAND = "Run Model...";
	private static final String SET_UP = "IJBridge";
	private static final long PATIENCE_MS = 90_000;

	private Person() {}

	/**
	 * Chooses the command, with the recorder open, and answers its dialog.
	 *
	 * @param rescale "true" to tick the box
	 * @return what the fields and the box held before, and the recorded macro, separated by line ends
	 */
	public static String answers(final String model, final String channel, final String rescale) throws Exception {
		final List<String> offered = new ArrayList<>();
		final String recorded = answered(dialog -> {
			for (final String name : new String[] { "model", "tile", "halo", "channel" }) offered.add(text(dialog, name));
			final JCheckBox box = (JCheckBox) find(dialog, "rescale");
			offered.add(String.valueOf(box.isSelected()));
			write(dialog, "model", model);
			write(dialog, "channel", channel);
			if (rescale.equals("true") != box.isSelected()) box.doClick();
		});
		return String.join("|", offered) + "\n" + recorded;
	}

	/** As {@link #answers}, of DeepImageJ's command; gives the recorded macro. */
	public static String choosesDeepImageJ(final String model) throws Exception {
		return answered("DeepImageJ Run", dialog -> write(dialog, "model", model));
	}

	/** As {@link #answers}, for an image with a selection: names the model and chooses a part. */
	public static String choosesPart(final String model, final String part) throws Exception {
		return answered(dialog -> {
			write(dialog, "model", model);
			((JComboBox<?>) find(dialog, "roi")).setSelectedItem(part);
		});
	}

	/**
	 * As {@link #answers}: names a model, then one that finds objects, and chooses what is made of them.
	 *
	 * @return whether the dialog asks about objects of the model and not of the other, each time that it changes, and the recorded
	 *         macro, a line each
	 */
	public static String choosesObjects(final String other, final String model, final String objects, final String overlap,
		final String outlines) throws Exception
	{
		final Recorder recorder = new Recorder(false);
		IJ.doCommand(COMMAND);
		final JDialog dialog = dialog();
		final List<String> asks = new ArrayList<>();
		for (final String one : new String[] { model, other, model }) {
			EventQueue.invokeAndWait(() -> write(dialog, "model", one));
			settles(dialog);
			final boolean finds = one.equals(model);
			asks.add(String.valueOf(await(() -> find(dialog, "objects").isVisible() == finds)));
		}
		EventQueue.invokeAndWait(() -> {
			((JComboBox<?>) find(dialog, "objects")).setSelectedItem(objects);
			((JComboBox<?>) find(dialog, "outlines")).setSelectedItem(outlines);
			write(dialog, "nms_thresh", overlap);
		});
		if (!settles(dialog)) throw new IllegalStateException(text(dialog, "plan") + text(dialog, "reason"));
		asks.add(text(dialog, "plan").contains("Objects  star-convex") ? "planned" : text(dialog, "plan"));
		EventQueue.invokeLater(() -> ((JButton) find(dialog, "go")).doClick());
		return String.join("|", asks) + "\n" + recordedAtTheEnd(recorder);
	}

	/**
	 * Chooses the command, with the recorder open, names a model that brings macros, and ticks that they are run.
	 *
	 * @return what the box says, whether it was ticked before, and the recorded macro
	 */
	public static String agreesToMacros(final String model) throws Exception {
		final Recorder recorder = new Recorder(false);
		IJ.doCommand(COMMAND);
		final JDialog dialog = dialog();
		EventQueue.invokeAndWait(() -> write(dialog, "model", model));
		await(() -> find(dialog, "macros").isShowing());
		final JCheckBox box = (JCheckBox) find(dialog, "macros");
		final List<String> seen = new ArrayList<>();
		EventQueue.invokeAndWait(() -> {
			seen.add(box.getText() + "|" + box.isSelected());
			if (!box.isSelected()) box.doClick();
		});
		if (!settles(dialog)) throw new IllegalStateException(text(dialog, "plan") + text(dialog, "reason"));
		EventQueue.invokeLater(() -> ((JButton) find(dialog, "go")).doClick());
		return seen.get(0) + "\n" + recordedAtTheEnd(recorder);
	}

	private static String answered(final Consumer<JDialog> answer) throws Exception {
		return answered(COMMAND, answer);
	}

	private static String answered(final String command, final Consumer<JDialog> answer) throws Exception {
		final Recorder recorder = new Recorder(false);
		IJ.doCommand(command);
		answers(answer);
		awaitCommand(command);
		return recordedAtTheEnd(recorder);
	}

	/** Answers the dialog of a run, waits until it says that it can be run, and goes on. */
	private static void answers(final Consumer<JDialog> answer) throws Exception {
		final JDialog dialog = dialog();
		EventQueue.invokeAndWait(() -> answer.accept(dialog));
		if (!settles(dialog)) throw new IllegalStateException(text(dialog, "plan") + text(dialog, "reason"));
		EventQueue.invokeLater(() -> ((JButton) find(dialog, "go")).doClick());
	}

	private static void presses(final GenericDialog dialog, final int button) {
		EventQueue.invokeLater(() -> dialog.actionPerformed(new ActionEvent(dialog.getButtons()[button],
			ActionEvent.ACTION_PERFORMED, "pressed")));
		while (dialog.isShowing()) IJ.wait(10);
	}

	private static String recordedAtTheEnd(final Recorder recorder) throws Exception {
		awaitCommand();
		final String recorded = recorder.getText();
		recorder.close();
		return recorded;
	}

	/** Chooses the command where there is no Python, and does not want one to be set up; gives what the button says. */
	public static String refusesToSetUp() throws Exception {
		IJ.doCommand(COMMAND);
		final GenericDialog dialog = question(SET_UP);
		final String label = dialog.getButtons()[0].getLabel();
		presses(dialog, 1);
		awaitCommand();
		final long open = Arrays.stream(Window.getWindows()).filter(one -> one instanceof Dialog && one.isShowing()).count();
		return label + "|" + open;
	}

	/** Chooses the command where there is no Python, wants one to be set up, and names a model then. */
	public static String setsUpAndRuns(final String model) throws Exception {
		final Recorder recorder = new Recorder(false);
		IJ.doCommand(COMMAND);
		presses(question(SET_UP), 0);
		answers(dialog -> write(dialog, "model", model));
		return recordedAtTheEnd(recorder);
	}

	/** Ends ImageJ as a power failure does, as soon as the status line holds a text, and returns before. */
	public static String pullsThePlugWhenStatusSays(final String text) {
		return when(() -> ImageJ.getStatusBarText().contains(text), () -> Runtime.getRuntime().halt(9));
	}

	/** Opens the dialog, looks at it until a file holds a text, and cancels; says whether it came to that. */
	public static String looksAtTheDialogUntil(final String path, final String text) throws Exception {
		IJ.doCommand(COMMAND);
		final JDialog dialog = dialog();
		final long end = System.currentTimeMillis() + PATIENCE_MS;
		while (!holds(path, text) && System.currentTimeMillis() < end) Thread.sleep(20);
		cancel(dialog);
		return String.valueOf(holds(path, text));
	}

	/**
	 * Opens the dialog, names a model and a tile, waits until it has looked, and cancels.
	 *
	 * @return the texts of the card, the plan and the reason, whether it can be run, the models that are listed, and
	 *         whether the event thread was free meanwhile; line ends as "~", each a line
	 */
	public static String reads(final String model, final String tile) throws Exception {
		IJ.doCommand(COMMAND);
		final JDialog dialog = dialog();
		EventQueue.invokeAndWait(() -> {
			write(dialog, "model", model);
			((JTextField) ((JComboBox<?>) find(dialog, "tile")).getEditor().getEditorComponent()).setText(tile);
		});
		// the event thread answers while the worker has still to start
		final AtomicBoolean free = new AtomicBoolean();
		EventQueue.invokeAndWait(() -> free.set(text(dialog, "reason").startsWith("Looking")));
		final boolean runs = settles(dialog);
		await(() -> !text(dialog, "card").startsWith("Reading")); // by another thread than the plan
		final List<String> seen = new ArrayList<>();
		for (final String name : new String[] { "card", "plan", "reason" }) {
			seen.add(text(dialog, name).replace('\n', '~'));
		}
		seen.add(String.valueOf(runs));
		final ListModel<?> models = ((JList<?>) find(dialog, "models")).getModel();
		final List<String> listed = new ArrayList<>();
		for (int i = 0; i < models.getSize(); i++) listed.add(String.valueOf(models.getElementAt(i)));
		seen.add(String.join("|", listed));
		seen.add(String.valueOf(free.get()));
		cancel(dialog);
		return String.join("\n", seen);
	}

	/**
	 * Chooses the command, with the recorder open, chooses a model in the list of its dialog, writes a tile into its field,
	 * and runs it.
	 *
	 * @param model as it is listed
	 * @return the recorded macro
	 */
	public static String drives(final String model, final String tile) throws Exception {
		return answered(dialog -> {
			((JList<?>) find(dialog, "models")).setSelectedValue(model, true);
			((JTextField) ((JComboBox<?>) find(dialog, "tile")).getEditor().getEditorComponent()).setText(tile);
		});
	}

	/**
	 * Takes a picture of the window of a command, as it stands on the screen once it has looked, and closes it.
	 *
	 * @param model to answer with; empty where the window asks for none
	 * @param tile to answer with; empty for the one that is offered
	 * @param go "true" to go on, and take the picture of the page that comes then
	 */
	public static String photographs(final String command, final String model, final String tile, final String go,
		final String path) throws Exception
	{
		IJ.doCommand(command);
		JDialog dialog = dialog();
		if (!model.isEmpty()) {
			final JDialog question = dialog;
			EventQueue.invokeAndWait(() -> {
				write(question, "model", model);
				((JList<?>) find(question, "models")).setSelectedValue(model, true);
				if (tile.isEmpty()) return;
				((JTextField) ((JComboBox<?>) find(question, "tile")).getEditor().getEditorComponent()).setText(tile);
			});
			settles(question);
		}
		if (go.equals("true")) {
			final JDialog question = dialog;
			EventQueue.invokeAndWait(() -> ((JButton) find(question, "go")).doClick());
			dialog = dialog();
		}
		takesPicture(dialog, path);
		cancel(dialog);
		return "";
	}

	/** As the window stands on the screen, once it has drawn itself and the mouse's hint is gone. */
	private static void takesPicture(final JDialog dialog, final String path) throws Exception {
		Thread.sleep(1500);
		final Rectangle part = new Rectangle(dialog.getLocationOnScreen(), dialog.getSize());
		ImageIO.write(new Robot().createScreenCapture(part), "png", new File(path));
	}

	/** Puts a window of ImageJ's that is no image somewhere. */
	public static String places(final String title, final String x, final String y, final String width, final String height)
		throws Exception
	{
		final Rectangle place = new Rectangle(Integer.parseInt(x), Integer.parseInt(y), Integer.parseInt(width), Integer
			.parseInt(height));
		EventQueue.invokeAndWait(() -> WindowManager.getWindow(title).setBounds(place));
		return "";
	}

	/** Takes a picture of the whole screen, or of the window of the settings, which it opens and closes. */
	public static String photographsScreen(final String command, final String path) throws Exception {
		Rectangle part = new Rectangle(Toolkit.getDefaultToolkit().getScreenSize());
		GenericDialog dialog = null;
		if (!command.isEmpty()) {
			IJ.doCommand(command);
			dialog = question(command.replace("...", ""));
			part = dialog.getBounds();
		}
		Thread.sleep(1500);
		ImageIO.write(new Robot().createScreenCapture(part), "png", new File(path));
		if (dialog != null) dialog.dispose();
		return "";
	}

	/**
	 * Chooses a command that shows a page, answers its question for a model if there is one, copies the page, and closes it.
	 *
	 * @return the page, and whether the clipboard holds it
	 */
	public static String readsWindow(final String command, final String model) throws Exception {
		IJ.doCommand(command);
		JDialog dialog = dialog();
		if (!model.isEmpty()) {
			final JDialog question = dialog;
			EventQueue.invokeAndWait(() -> write(question, "model", model));
			settles(question);
			EventQueue.invokeAndWait(() -> ((JButton) find(question, "go")).doClick());
			dialog = dialog();
		}
		final JDialog page = dialog;
		final String text = text(page, "text");
		EventQueue.invokeAndWait(() -> ((JButton) find(page, "copy")).doClick());
		final Object copied = Toolkit.getDefaultToolkit().getSystemClipboard().getData(DataFlavor.stringFlavor);
		EventQueue.invokeAndWait(() -> ((JButton) find(page, "cancel")).doClick());
		return text + "\ncopied: " + text.equals(copied);
	}

	/**
	 * Chooses Install Model..., names a model, and agrees.
	 *
	 * @param picture where a picture of the question goes; empty for none
	 * @return what was shown, and the recorded macro
	 */
	public static String installs(final String source, final String picture) throws Exception {
		final Recorder recorder = new Recorder(false);
		IJ.doCommand("Install Model...");
		final JDialog question = dialog();
		EventQueue.invokeAndWait(() -> write(question, "model", source));
		EventQueue.invokeLater(() -> ((JButton) find(question, "go")).doClick());
		await(() -> !question.isShowing());
		final JDialog page = dialog();
		final String text = text(page, "text");
		if (!picture.isEmpty()) takesPicture(page, picture);
		EventQueue.invokeLater(() -> ((JButton) find(page, "go")).doClick());
		await(() -> !page.isShowing());
		awaitCommand("Install Model...");
		final String recorded = recorder.getText();
		recorder.close();
		return text + "\n" + recorded;
	}

	private static void cancel(final JDialog dialog) throws Exception {
		EventQueue.invokeAndWait(() -> ((JButton) find(dialog, "cancel")).doClick());
		awaitCommand();
	}

	private static void awaitCommand() throws InterruptedException {
		awaitCommand(COMMAND);
	}

	private static void awaitCommand(final String command) throws InterruptedException {
		for (final Thread thread : Thread.getAllStackTraces().keySet()) {
			if (thread.getName().contains(command)) thread.join(PATIENCE_MS);
		}
	}

	/** Waits until a dialog can be run, or says why not; says which. */
	private static boolean settles(final JDialog dialog) throws Exception {
		await(() -> find(dialog, "go").isEnabled() || !text(dialog, "reason").startsWith("Looking"));
		return find(dialog, "go").isEnabled();
	}

	/** Waits until something is so, or for as long as anybody would; on the event thread, where windows change. */
	private static boolean await(final BooleanSupplier reason) throws Exception {
		final long end = System.currentTimeMillis() + PATIENCE_MS;
		final AtomicBoolean is = new AtomicBoolean();
		while (!is.get() && System.currentTimeMillis() < end) {
			EventQueue.invokeAndWait(() -> is.set(reason.getAsBoolean()));
			if (!is.get()) Thread.sleep(20);
		}
		return is.get();
	}

	private static Component find(final Container in, final String name) {
		for (final Component one : in.getComponents()) {
			if (name.equals(one.getName())) return one;
			final Component inside = one instanceof Container ? find((Container) one, name) : null;
			if (inside != null) return inside;
		}
		return null;
	}

	private static String text(final JDialog dialog, final String name) {
		final Component field = find(dialog, name);
		if (field instanceof JComboBox) return String.valueOf(((JComboBox<?>) field).getSelectedItem());
		return ((JTextComponent) field).getText();
	}

	private static void write(final JDialog dialog, final String name, final String text) {
		((JTextComponent) find(dialog, name)).setText(text);
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

	private static JDialog dialog() throws Exception {
		await(() -> !dialogs().isEmpty());
		return dialogs().get(0);
	}

	/** The windows of IJBridge's own. */
	private static List<JDialog> dialogs() {
		return showing(JDialog.class, window -> "ijbridge".equals(window.getName()));
	}

	private static GenericDialog question(final String title) throws Exception {
		await(() -> !showing(GenericDialog.class, window -> title.equals(window.getTitle())).isEmpty());
		return showing(GenericDialog.class, window -> title.equals(window.getTitle())).get(0);
	}

	private static <T extends Window> List<T> showing(final Class<T> type, final Predicate<T> meant) {
		final List<T> showing = new ArrayList<>();
		for (final Window window : Window.getWindows()) {
			if (type.isInstance(window) && window.isShowing() && meant.test(type.cast(window))) showing.add(type.cast(window));
		}
		return showing;
	}
}
