package org.ijbridge;

import ij.IJ;
import java.awt.BorderLayout;
import java.awt.GridBagConstraints;
import java.awt.GridBagLayout;
import java.awt.Insets;
import java.io.File;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.swing.BorderFactory;
import javax.swing.JButton;
import javax.swing.JFileChooser;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.JTextField;

/** Asks for model, folders, pattern and options of a batch, and says how many files there are. */
final class BatchDialog {

	private static final int GAP = 8;
	private static final int COLUMNS = 30;

	private final ActionWindow window;
	private final ModelChooser chooser = new ModelChooser(this::changed);
	private final ModelCard card = new ModelCard();
	private final Map<String, JTextField> texts = new LinkedHashMap<>();
	private final OptionFields fields = new OptionFields(null, this::changed);
	private final StyledText found = new StyledText();
	private final Latest describing = new Latest("ijbridge-describe");
	private final Latest counting = new Latest("ijbridge-count");
	private String described = "";
	private Map<String, String> asked = null;

	BatchDialog() {
		final JPanel places = new JPanel(new GridBagLayout());
		text(places, "input", "Input folder", "", true);
		text(places, "output", "Output folder", "", true);
		text(places, "pattern", "File pattern", "*.tif", false);
		found.setName("plan");
		final JPanel middle = new JPanel(new BorderLayout(GAP, GAP));
		middle.add(places, BorderLayout.NORTH);
		middle.add(fields, BorderLayout.CENTER);
		middle.add(found, BorderLayout.SOUTH);
		final JPanel right = new JPanel(new BorderLayout(GAP, GAP));
		right.add(card, BorderLayout.CENTER);
		right.add(middle, BorderLayout.SOUTH);
		final JPanel content = new JPanel(new BorderLayout(GAP + GAP / 2, GAP));
		content.setBorder(BorderFactory.createEmptyBorder(GAP, GAP, 0, GAP));
		content.add(chooser, BorderLayout.WEST);
		content.add(right, BorderLayout.CENTER);
		window = new ActionWindow("Batch Run Model", content, "Run");
		chooser.choose(Preferences.get("model"));
		changed();
	}

	/** Waits for the person; null if it cancelled. */
	Map<String, String> answers() {
		final boolean run = window.ask(IJ.getInstance());
		describing.stop();
		counting.stop();
		return run ? given() : null;
	}

	private Map<String, String> given() {
		final Map<String, String> given = new LinkedHashMap<>();
		given.put("model", chooser.model());
		texts.forEach((key, field) -> given.put(key, field.getText().trim()));
		given.putAll(fields.answers());
		return given;
	}

	private void changed() {
		if (window == null) return;
		if (!chooser.model().equals(described)) fields.setFindsObjects(false);
		final Map<String, String> given = given();
		if (given.equals(asked)) return;
		asked = given;
		final String model = given.get("model");
		if (!model.equals(described)) describe(model);
		window.forbid("Looking at model and files...", StyledText.FAINT);
		counting.ask(() -> {
			if (model.isEmpty()) throw new BridgeException("No model is chosen.");
			RunDialog.describedWithCover(RunOptions.of(model), Feedback.SILENT);
			return Batch.files(new File(given.get("input")), new File(given.get("output")), given.get("pattern")).size();
		}, count -> {
			found.clear().plain(count + (count == 1 ? " file fits" : " files fit") +
				" the pattern. What is done already in the output folder is not done again.");
			window.allow();
		}, sentence -> {
			found.clear();
			window.forbid(sentence, StyledText.ERROR);
		});
	}

	private void describe(final String model) {
		described = model;
		describing.stop();
		if (model.isEmpty()) card.say("Choose a model from the list, browse for one, or write its name or path.");
		else {
			card.say("Reading the model...");
			describing.ask(() -> RunDialog.describedWithCover(RunOptions.of(model), Feedback.SILENT), one -> {
				card.show(one.reply, one.cover);
				fields.setFindsObjects(one.reply.has("objects"));
				changed();
			}, card::say);
		}
	}

	private void text(final JPanel panel, final String key, final String label, final String otherwise,
		final boolean folder)
	{
		final JTextField field = new JTextField(Preferences.get("batch_" + key, otherwise), COLUMNS);
		field.setName(key);
		TextChanges.listen(field, this::changed);
		texts.put(key, field);
		final GridBagConstraints place = new GridBagConstraints();
		place.gridy = texts.size();
		place.insets = new Insets(2, 0, 2, GAP);
		place.anchor = GridBagConstraints.WEST;
		panel.add(new JLabel(label), place);
		place.weightx = 1;
		place.fill = GridBagConstraints.HORIZONTAL;
		panel.add(field, place);
		if (!folder) return;
		final JButton browse = new JButton("Browse...");
		browse.addActionListener(event -> {
			final JFileChooser files = new JFileChooser(field.getText());
			files.setFileSelectionMode(JFileChooser.DIRECTORIES_ONLY);
			if (files.showDialog(panel, "Choose") == JFileChooser.APPROVE_OPTION) {
				field.setText(files.getSelectedFile().getAbsolutePath());
			}
		});
		place.weightx = 0;
		place.insets = new Insets(2, 0, 2, 0);
		panel.add(browse, place);
	}
}
