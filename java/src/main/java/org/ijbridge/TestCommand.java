package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.measure.ResultsTable;
import ij.process.ImageStatistics;
import java.awt.Rectangle;
import java.awt.Window;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Test Model...: runs a model's own test and shows its images side by side, what should come out with the same display
 * range as what does, and their difference around 0; the numbers in a table, the verdict in the Log.
 */
final class TestCommand {

	private static final String NAME = "Test Model";
	private static final int TABLE_WIDTH = 920;
	private static final int TABLE_HEIGHT = 140;

	private TestCommand() {}

	static void run() throws BridgeException {
		final RunOptions asked = ModelDialog.ask(NAME + "...", "Test");
		if (asked == null) return;
		final ImageJFeedback feedback = new ImageJFeedback(NAME);
		feedback.progress("running the model's own test", 0, 0);
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("model", asked.found().model());
		try (InferenceClient client = InferenceClient.find(asked.mayMakeEnvironment(), feedback)) {
			final List<Reply> views = client.ask("test_views", request, feedback).parts("views");
			final List<ResultImage> images = new ArrayList<>();
			final List<Long> sizes = new ArrayList<>();
			for (final Reply view : views) {
				final ResultImage image = new ResultImage(view);
				images.add(image);
				sizes.add(image.bytes());
			}
			final List<PixelBlock> blocks = sizes.isEmpty() ? new ArrayList<>() : client.share(sizes);
			try {
				final Reply report = client.ask("test", request, blocks, feedback);
				final List<ImagePlus> shown = new ArrayList<>();
				for (int i = 0; i < images.size(); i++) {
					shown.add(images.get(i).toImage(blocks.get(i), String.join("\n", report.texts("words"))));
				}
				range(views, shown, report);
				final Rectangle place = show(shown);
				table(report, place);
				for (final String line : report.texts("words")) IJ.log(NAME + ": " + line);
				feedback.end(report.flag("reproduces") ? "passed" : "not passed");
			}
			finally {
				PixelBlock.closeAll(blocks);
			}
		}
	}

	/** Differences within the tolerance are shown as nearly none: rounding errors would look like a fault. */
	private static void range(final List<Reply> views, final List<ImagePlus> shown, final Reply report) {
		double tolerance = 0;
		for (final Reply output : report.parts("outputs")) {
			final Double absolute = output.numbersByName("tolerance").get("absolute");
			if (absolute != null) tolerance = Math.max(tolerance, absolute);
		}
		for (int i = 0; i < shown.size(); i++) {
			final ImagePlus image = shown.get(i);
			switch (views.get(i).text("view")) {
				case "found":
					final ImagePlus expected = shown.get(i - 1);
					image.setDisplayRange(expected.getDisplayRangeMin(), expected.getDisplayRangeMax());
					break;
				case "difference":
					double most = tolerance;
					for (int slice = 1; slice <= image.getStackSize(); slice++) {
						final ImageStatistics of = image.getStack().getProcessor(slice).getStats();
						most = Math.max(most, Math.max(Math.abs(of.min), Math.abs(of.max)));
					}
					image.setDisplayRange(most > 0 ? -most : -1, most > 0 ? most : 1);
					break;
				default:
			}
		}
	}

	/** Beside each other as long as the screen is wide enough; gives where they lie, null where there are no windows. */
	private static Rectangle show(final List<ImagePlus> images) {
		Rectangle all = null;
		int x = -1;
		int y = 0;
		for (final ImagePlus image : images) {
			image.changes = false;
			image.show();
			final Window window = image.getWindow();
			if (window == null) continue;
			if (x < 0) {
				x = window.getX() / 2;
				y = window.getY();
			}
			if (x + window.getWidth() > IJ.getScreenSize().width) {
				x = 0;
				y += window.getHeight();
			}
			window.setLocation(x, y);
			x += window.getWidth();
			all = all == null ? window.getBounds() : all.union(window.getBounds());
		}
		return all;
	}

	private static void table(final Reply report, final Rectangle images) {
		final ResultsTable table = new ResultsTable();
		for (final Reply output : report.parts("outputs")) {
			table.incrementCounter();
			table.addValue("Output", output.text("id"));
			table.addValue("Passed", output.flag("passed") ? "yes" : "no");
			table.addValue("Largest difference", output.text("max_difference"));
			table.addValue("Values beyond", output.text("mismatched"));
			table.addValue("Values", output.text("elements"));
			final Reply tolerance = output.part("tolerance");
			table.addValue("Absolute tolerance", tolerance.text("absolute"));
			table.addValue("Relative tolerance", tolerance.text("relative"));
		}
		if (table.size() == 0) return;
		final String title = "Test of " + report.text("model");
		table.show(title);
		final Window window = WindowManager.getWindow(title);
		if (window != null && images != null) window.setBounds(images.x, images.y + images.height, TABLE_WIDTH, TABLE_HEIGHT);
	}
}
