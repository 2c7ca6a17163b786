import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.io.FileSaver;
import ij.plugin.frame.Recorder;
import java.awt.Component;
import java.awt.Container;
import java.awt.EventQueue;
import java.awt.Insets;
import java.awt.Menu;
import java.awt.MenuBar;
import java.awt.Point;
import java.awt.Rectangle;
import java.awt.Window;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import javax.swing.JComboBox;
import javax.swing.JDialog;
import javax.swing.JList;
import javax.swing.text.JTextComponent;

/**
 * Tells a test what a person sees: which windows there are and where, what stands in them and what can be pressed. It
 * does nothing to them; mouse and keyboard are the test's.
 */
public final class Watched {

	private static final int PAUSE_MS = 40;

	private Watched() {}

	/**
	 * Opens the recorder and writes what is to be seen into the file "state" of a folder, again and again, one thing a line, its words
	 * separated by tabs. When there is a file "end" there, saves the active image as "driven.tif" and the recorded macro as
	 * "recorded.ijm", and ends ImageJ.
	 */
	public static String by(final String folder) {
		final Recorder recorder = new Recorder(false);
		final Thread thread = new Thread(() -> {
			try {
				for (long number = 0; !new File(folder, "end").exists(); number++) {
					final List<String> lines = new ArrayList<>();
					EventQueue.invokeAndWait(() -> look(lines));
					lines.add("recorded\t" + recorder.getText().replace('\n', ' '));
					lines.add("number\t" + number);
					write(new File(folder, "state").toPath(), String.join("\n", lines));
					Thread.sleep(PAUSE_MS);
				}
				new FileSaver(WindowManager.getCurrentImage()).saveAsTiff(folder + "/driven.tif");
				write(new File(folder, "recorded.ijm").toPath(), recorder.getText());
				Runtime.getRuntime().halt(0);
			}
			catch (final Exception failure) {
				failure.printStackTrace();
				Runtime.getRuntime().halt(3);
			}
		}, "watched");
		thread.setDaemon(true);
		thread.start();
		return "";
	}

	private static void look(final List<String> lines) {
		final MenuBar bar = IJ.getInstance().getMenuBar();
		for (int i = 0; i < bar.getMenuCount(); i++) {
			final Menu menu = bar.getMenu(i);
			lines.add("bar\t" + menu.getLabel());
			for (int item = 0; item < menu.getItemCount(); item++) {
				lines.add("menu\t" + menu.getLabel() + "\t" + menu.getItem(item).getLabel());
				if (!(menu.getItem(item) instanceof Menu)) continue;
				final Menu inner = (Menu) menu.getItem(item);
				for (int i2 = 0; i2 < inner.getItemCount(); i2++) {
					lines.add("menu\t" + inner.getLabel() + "\t" + inner.getItem(i2).getLabel());
				}
			}
		}
		final int[] ids = WindowManager.getIDList();
		for (final int id : ids == null ? new int[0] : ids) {
			final ImagePlus image = WindowManager.getImage(id);
			if (image != null) lines.add("image\t" + image.getTitle());
		}
		// Java counts the menu bar, which lies at their lower end, to the borders of a window
		final Insets borders = IJ.getInstance().getInsets();
		final Point corner = IJ.getInstance().getLocationOnScreen();
		lines.add("menu bar\t" + (corner.x + borders.left) + "\t" + (corner.y + borders.top) + "\t" + (IJ.getInstance()
			.getWidth() - borders.left - borders.right));
		for (final Window window : Window.getWindows()) {
			if (!(window instanceof JDialog) || !"ijbridge".equals(window.getName()) || !window.isShowing()) continue;
			lines.add("dialog\t" + ((JDialog) window).getTitle());
			parts((JDialog) window, lines);
		}
	}

	private static void parts(final Container in, final List<String> lines) {
		for (final Component one : in.getComponents()) {
			if (one.getName() != null && one.isShowing()) {
				lines.add("place\t" + one.getName() + "\t" + place(one));
				lines.add("enabled\t" + one.getName() + "\t" + one.isEnabled());
				if (one instanceof JComboBox) lines.add("text\t" + one.getName() + "\t" + ((JComboBox<?>) one).getEditor().getItem());
				if (one instanceof JTextComponent) {
					lines.add("text\t" + one.getName() + "\t" + ((JTextComponent) one).getText().replace('\n', ' '));
				}
				if (one instanceof JList) rows((JList<?>) one, lines);
			}
			if (one instanceof Container) parts((Container) one, lines);
		}
	}

	private static void rows(final JList<?> list, final List<String> lines) {
		lines.add("text\t" + list.getName() + "\t" + list.getSelectedValue());
		for (int i = 0; i < list.getModel().getSize(); i++) {
			final Rectangle row = list.getCellBounds(i, i);
			final Point at = list.getLocationOnScreen();
			lines.add("place\t" + list.getName() + ":" + list.getModel().getElementAt(i) + "\t" + (at.x + row.x) + "\t" + (at.y +
				row.y) + "\t" + Math.min(row.width, 60) + "\t" + row.height);
		}
	}

	private static String place(final Component one) {
		final Point at = one.getLocationOnScreen();
		return at.x + "\t" + at.y + "\t" + one.getWidth() + "\t" + one.getHeight();
	}

	private static void write(final Path file, final String text) throws Exception {
		final Path part = file.resolveSibling(file.getFileName() + ".part");
		Files.write(part, text.getBytes(StandardCharsets.UTF_8));
		Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
	}
}
