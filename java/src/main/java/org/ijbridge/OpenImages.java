package org.ijbridge;

import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.ImageWindow;
import ij.macro.Interpreter;
import ij.plugin.frame.Recorder;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;

/**
 * What is open while a stranger's macro runs: it sees none of it, in windows or in batch mode, so that neither "Close All" nor the
 * name of an image leads to what is a person's. ImageJ holds all this in static fields, which a macro in a macro shares with it.
 */
final class OpenImages implements AutoCloseable {

	private final Interpreter interpreter = Interpreter.getInstance();
	private final boolean batch = Interpreter.batchMode;
	private final List<ImagePlus> inBatch = new ArrayList<>();
	private final ImagePlus lastInBatch = Interpreter.getLastBatchModeImage();
	private final List<ImageWindow> windows = windows();
	private final ImageWindow active = WindowManager.getCurrentWindow();
	private final ImagePlus temporary = WindowManager.getTempCurrentImage();

	private OpenImages() {
		for (final int id : Interpreter.getBatchModeImageIDs()) inBatch.add(Interpreter.getBatchModeImage(id));
	}

	/** Sets them aside until this is closed. */
	static OpenImages setAside() {
		final OpenImages images = new OpenImages();
		unrecorded(() -> {
			for (final ImagePlus image : images.inBatch) Interpreter.removeBatchModeImage(image);
			for (final ImageWindow window : images.windows) WindowManager.removeWindow(window);
			WindowManager.setTempCurrentImage(null);
		});
		return images;
	}

	/** Closes what was opened since, and hides the one that is wanted. */
	void closeOthers(final ImagePlus wanted) {
		for (final ImageWindow window : windows()) {
			final ImagePlus image = window.getImagePlus();
			if (windows.contains(window)) continue;
			image.changes = false;
			if (image == wanted) image.hide();
			else image.close();
		}
	}

	/** Makes everything as it was. */
	@Override
	public void close() {
		unrecorded(() -> {
			for (final ImageWindow window : windows) WindowManager.addWindow(window);
			WindowManager.setCurrentWindow(active);
		});
		Interpreter.batchMode = batch;
		for (final ImagePlus image : inBatch) Interpreter.addBatchModeImage(image);
		Interpreter.activateImage(lastInBatch);
		WindowManager.setTempCurrentImage(temporary);
		try {
			final Field instance = Interpreter.class.getDeclaredField("instance");
			instance.setAccessible(true);
			instance.set(null, interpreter);
		}
		catch (final ReflectiveOperationException | RuntimeException closed) {
			LogFile.write("the macro that runs is not known to ImageJ any more", closed);
		}
	}

	private static List<ImageWindow> windows() {
		final List<ImageWindow> windows = new ArrayList<>();
		final int[] ids = WindowManager.getIDList();
		for (final int id : ids == null ? new int[0] : ids) {
			final ImagePlus image = WindowManager.getImage(id);
			if (image != null && image.getWindow() != null) windows.add(image.getWindow());
		}
		return windows;
	}

	/** The recorder would write down each change of the active image. */
	private static void unrecorded(final Runnable work) {
		final boolean recording = Recorder.record;
		Recorder.record = false;
		try {
			work.run();
		}
		finally {
			Recorder.record = recording;
		}
	}
}
