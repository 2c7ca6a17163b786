import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.GenericDialog;
import ij.plugin.frame.Recorder;
import java.awt.Checkbox;
import java.awt.EventQueue;
import java.awt.TextField;
import java.awt.Window;
import java.awt.event.ActionEvent;
import java.awt.event.KeyEvent;
import java.io.File;
import java.util.ArrayList;
import java.util.List;

/**
 * What a person does in ImageJ and a macro cannot: {@code call("Person.answers", ...)} in the tests of
 * {@code tests/imagej}, which put this class into the plugins folder.
 */
public final class Person {

	private static final String COMMAND = "Run Model...";
	private static final long PATIENCE_MS = 30_000;

	private Person() {}

	/**
	 * Chooses the command from the menu, with the recorder open, and answers its dialog.
	 *
	 * @param rescale "true" to tick the box
	 * @return what the fields and the box held before, and the recorded macro, separated by line ends
	 */
	public static String answers(final String model, final String channel, final String rescale) throws Exception {
		final Recorder recorder = new Recorder(false);
		IJ.doCommand(COMMAND);
		final GenericDialog dialog = dialog();
		final List<String> offered = new ArrayList<>();
		EventQueue.invokeAndWait(() -> {
			final TextField[] fields = ((List<?>) dialog.getStringFields()).toArray(new TextField[0]);
			final Checkbox box = (Checkbox) dialog.getCheckboxes().get(0);
			for (final TextField field : fields) offered.add(field.getText());
			offered.add(String.valueOf(box.getState()));
			fields[0].setText(model);
			fields[3].setText(channel);
			box.setState(rescale.equals("true"));
		});
		EventQueue.invokeLater(() -> dialog.actionPerformed(new ActionEvent(dialog.getButtons()[0],
			ActionEvent.ACTION_PERFORMED, "OK")));
		for (final Thread thread : Thread.getAllStackTraces().keySet()) {
			if (thread.getName().equals(COMMAND)) thread.join(PATIENCE_MS);
		}
		final String recorded = recorder.getText();
		recorder.close();
		return String.join("|", offered) + "\n" + recorded;
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
		final Thread thread = new Thread(() -> {
			final long end = System.currentTimeMillis() + PATIENCE_MS;
			while (!new File(path).exists() && System.currentTimeMillis() < end) IJ.wait(10);
			IJ.setKeyDown(KeyEvent.VK_ESCAPE);
		});
		thread.setDaemon(true);
		thread.start();
		return "";
	}

	private static GenericDialog dialog() throws InterruptedException {
		final long end = System.currentTimeMillis() + PATIENCE_MS;
		while (System.currentTimeMillis() < end) {
			for (final Window window : Window.getWindows()) {
				if (window instanceof GenericDialog && window.isShowing()) return (GenericDialog) window;
			}
			Thread.sleep(20);
		}
		throw new IllegalStateException("no dialog");
	}
}
