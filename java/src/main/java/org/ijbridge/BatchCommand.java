package org.ijbridge;

import ij.IJ;
import ij.Macro;
import ij.plugin.frame.Recorder;
import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/** Batch Run Model...: runs a model on all images of a folder that fit a pattern; see {@link Batch}. */
final class BatchCommand {

	static final String NAME = "Batch Run Model";
	private static final String COMMAND = NAME + "...";

	/** The published macro keys: those of a run, but for those that belong to one image on the screen, and the folders. */
	static final List<String> KEYS = keys();

	private BatchCommand() {}

	private static List<String> keys() {
		final List<String> keys = new ArrayList<>(RunOptions.KEYS);
		keys.removeAll(Arrays.asList(RunOptions.ROI, RunOptions.OUTLINES));
		keys.addAll(1, Arrays.asList("input", "output", "pattern"));
		return keys;
	}

	static void run() throws BridgeException {
		final String written = Macro.getOptions();
		final Map<String, String> answers = written != null || !Failure.isAttended() ? MacroKeys.parse(COMMAND, KEYS,
			written == null ? "" : written, RunCommand::variable) : ask();
		if (answers == null) return;
		final ImageJFeedback feedback = new ImageJFeedback(NAME);
		String end = "stopped";
		try {
			end = Batch.run(new RunOptions(answers).found(), folder(answers, "input"), folder(answers, "output"), answers
				.getOrDefault("pattern", "*"), feedback);
			IJ.log(NAME + ": " + end);
		}
		finally {
			feedback.end(end);
		}
	}

	private static File folder(final Map<String, String> answers, final String key) throws BridgeException {
		final String path = answers.getOrDefault(key, "").trim();
		if (!path.isEmpty()) return new File(path).getAbsoluteFile();
		throw new BridgeException("The key \"" + key + "\" is missing: write " + key + "=[path of a folder].");
	}

	private static Map<String, String> ask() throws BridgeException {
		if (!FirstUse.isReady()) return null;
		final AtomicReference<Map<String, String>> given = new AtomicReference<>();
		RunDialog.onEventThread(() -> given.set(new BatchDialog().answers()));
		final Map<String, String> answers = given.get();
		if (answers == null) return null;
		Preferences.remember(answers.get("model"));
		for (final String kept : new String[] { "input", "output", "pattern" }) {
			Preferences.set("batch_" + kept, answers.getOrDefault(kept, ""));
		}
		if (Recorder.record) {
			new LinkedHashMap<>(answers).forEach((key, value) -> {
				if (key.equals("rescale")) Recorder.recordOption(key);
				else if (Arrays.asList("model", "input", "output").contains(key)) Recorder.recordPath(key, value);
				else Recorder.recordOption(key, value);
			});
		}
		return answers;
	}
}
