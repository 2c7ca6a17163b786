package org.ijbridge;

import ij.IJ;
import ij.Macro;
import ij.plugin.frame.Recorder;
import java.awt.BorderLayout;
import java.awt.Dimension;
import java.io.File;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import javax.swing.BorderFactory;
import javax.swing.JButton;
import javax.swing.JComponent;
import javax.swing.JFileChooser;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.JTextField;

/**
 * Install Model...: copies a zip or a folder, or what an address of the web leads to, into ImageJ's folder of models, after
 * showing what it is.
 */
final class InstallCommand {

	private static final String NAME = "Install Model";
	private static final String COMMAND = NAME + "...";
	private static final int GAP = 8;
	private static final int COLUMNS = 44;
	private static final int WIDTH = 600;
	private static final int HEIGHT = 120;

	private InstallCommand() {}

	static void run() throws BridgeException {
		final File models = Preferences.ownModelFolder();
		if (models == null) throw new BridgeException("ImageJ's own folder is not known: copy the model by hand.");
		final String written = Macro.getOptions();
		final boolean attended = written == null && Failure.isAttended();
		if (attended && !FirstUse.isReady()) return;
		final RunOptions asked = attended ? RunOptions.of(chosen()) : new RunOptions(MacroKeys.parse(COMMAND, ModelDialog.KEYS,
			written == null ? "" : written, RunCommand::variable));
		final String source = asked.model();
		if (source.isEmpty()) return;
		final ImageJFeedback feedback = new ImageJFeedback(NAME);
		String end = "not installed";
		try (InferenceClient client = InferenceClient.find(asked.mayMakeEnvironment(), feedback)) {
			final Map<String, Object> request = new LinkedHashMap<>();
			request.put("source", source);
			feedback.progress("looking at the model", 0, 0);
			try {
				final Reply found = client.ask("look_at", request, feedback);
				if (attended && !isAgreed(found, models)) return;
				request.put("folder", models.getPath());
				final String path = client.ask("install", request, feedback).requiredText("path");
				if (attended && Recorder.record) Recorder.recordPath("model", source);
				if (!attended) IJ.log(name(found) + "\n" + size(found) + "\n" + hash(found));
				IJ.log(NAME + ": " + path);
				Preferences.set("model", ModelPath.shortest(path, Preferences.modelFolders()));
				end = path;
			}
			finally {
				client.ask("forget", Collections.emptyMap(), Feedback.SILENT);
			}
		}
		finally {
			feedback.end(end);
		}
	}

	private static String name(final Reply found) {
		final String license = found.text("license");
		return found.text("name") + ", licence " + (license.isEmpty() ? "not stated" : license);
	}

	private static String size(final Reply found) {
		return found.text("file") + ": " + found.text("files") + (found.text("files").equals("1") ? " file, " : " files, ") + found.text("bytes") + " bytes";
	}

	private static String hash(final Reply found) {
		return "SHA-256 " + found.text("sha256");
	}

	/** Shows what would be installed, and asks. */
	private static boolean isAgreed(final Reply found, final File models) throws BridgeException {
		final AtomicReference<Boolean> agreed = new AtomicReference<>(false);
		RunDialog.onEventThread(() -> {
			final StyledText text = new StyledText();
			text.setName("text");
			text.setPreferredSize(new Dimension(WIDTH, HEIGHT));
			text.bold(name(found) + "\n").plain(size(found) + "\n" + hash(found) + "\n\nIt is copied into " + models + ".");
			final ActionWindow window = new ActionWindow(NAME, framed(text), "Install");
			window.allow();
			agreed.set(window.ask(IJ.getInstance()));
		});
		return agreed.get();
	}

	/** Asks which model is meant; null where the person cancelled. */
	private static String chosen() throws BridgeException {
		final AtomicReference<String> source = new AtomicReference<>();
		RunDialog.onEventThread(() -> {
			final JTextField field = new JTextField(COLUMNS);
			field.setName("model");
			final JLabel label = new JLabel("A zip, a folder, an address that begins with https://, or an id of bioimage.io (affable-shark)");
			label.setLabelFor(field);
			final JButton browse = new JButton("Browse...");
			final JPanel content = framed(field);
			browse.addActionListener(event -> browse(content, field));
			content.add(label, BorderLayout.NORTH);
			content.add(browse, BorderLayout.EAST);
			final ActionWindow window = new ActionWindow(NAME, content, "Look at it");
			window.allow();
			if (window.ask(IJ.getInstance())) source.set(field.getText().trim());
		});
		return source.get();
	}

	private static JPanel framed(final JComponent middle) {
		final JPanel content = new JPanel(new BorderLayout(GAP, GAP));
		content.setBorder(BorderFactory.createEmptyBorder(GAP, GAP, 0, GAP));
		content.add(middle, BorderLayout.CENTER);
		return content;
	}

	private static void browse(final JPanel content, final JTextField field) {
		final JFileChooser files = new JFileChooser();
		files.setDialogTitle("Choose a model to install: a zip or a folder");
		files.setFileSelectionMode(JFileChooser.FILES_AND_DIRECTORIES);
		if (files.showDialog(content, "Choose") == JFileChooser.APPROVE_OPTION) {
			field.setText(files.getSelectedFile().getAbsolutePath());
		}
	}
}
