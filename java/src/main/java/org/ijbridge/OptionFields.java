package org.ijbridge;

import ij.ImagePlus;
import java.awt.Component;
import java.awt.GridBagConstraints;
import java.awt.GridBagLayout;
import java.awt.Insets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import javax.swing.JCheckBox;
import javax.swing.JComboBox;
import javax.swing.JComponent;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.JTextField;

/**
 * The options of a run as fields, each with a few answers to choose from and room for another. A new option of the worker
 * is one more line in the constructor.
 */
final class OptionFields extends JPanel {

	private static final long serialVersionUID = 1L;
	private static final int COLUMNS = 3;

	/** The options of models that find objects. */
	private static final List<String> OBJECTS = Arrays.asList("objects", "prob_thresh", "nms_thresh", RunOptions.OUTLINES);

	private final Map<String, Supplier<String>> answers = new LinkedHashMap<>();
	private final List<Component> ofObjects = new ArrayList<>();
	private boolean findsObjects;
	private final Runnable changed;
	private int count;

	/**
	 * Makes the fields with the answers of the last time. Channel, normalisation, scale, objects and, where there is a selection,
	 * the part begin anew each time: they belong to one image and model.
	 *
	 * @param image that the model will run on, null for many
	 * @param changed is told of every change, on the event thread
	 */
	OptionFields(final ImagePlus image, final Runnable changed) {
		super(new GridBagLayout());
		this.changed = changed;
		choice("tile", "Tile", true, "auto, whole, pixels (512), or pixels per axis (y=512,x=512)", Preferences.AUTO, "whole",
			"256", "512", "1024");
		choice("halo", "Halo", true, "What neighbouring tiles share: auto, declared, or pixels", Preferences.AUTO, "declared",
			"32", "64");
		choice("device", "Device", false, "Where the network runs", Preferences.AUTO, "cpu", "cuda", "tensorrt",
			"coreml", "directml");
		choice("memory", "Memory", true, "What a run may take beyond the image: auto (what is free), or 4 GB", Preferences.AUTO,
			"1 GB", "4 GB", "16 GB");
		final boolean several = image == null || image.getNChannels() > 1 || Pixels.isColour(image);
		text("channel", "Channel", "Numbers from 1, such as 2 or 1,3, or names from the slice labels; blank for all", several);
		choice("normalize", "Normalize", true, "In place of the model's: percentiles (2,99.8), none, min-max, mean-std, divide,255",
			Preferences.AUTO, "none", "1,99.8", "2,99.8", "min-max", "mean-std");
		if (image != null && image.getRoi() != null) {
			choice(RunOptions.ROI, "Part", false, "The whole image, or the box around the selection", RunOptions.WHOLE,
				RunOptions.CROP);
		}
		choice("objects", "Objects", false, "A label image, outlines (of planes), both, or what the network itself gives",
			"labels", "both", "rois", "raw");
		text("prob_thresh", "Prob.", "0 to 1: above it there may be an object; blank for the model's own", true);
		text("nms_thresh", "Overlap", "0 to 1: by how much two objects may overlap; blank for the model's own", true);
		if (image != null) {
			choice(RunOptions.OUTLINES, "ROIs", false, "Where outlines go: the image's overlay, or the ROI Manager",
				RunOptions.OVERLAY, RunOptions.MANAGER);
		}
		setFindsObjects(false);
		box("rescale", "Rescale to the model's pixel size");
	}

	/** Whether the options on objects can be answered. */
	void setFindsObjects(final boolean finds) {
		findsObjects = finds;
		for (final Component one : ofObjects) one.setVisible(finds);
		revalidate();
	}

	/** What was answered, by macro key; what was left as nothing, or means nothing, is not there. */
	Map<String, String> answers() {
		final Map<String, String> given = new LinkedHashMap<>();
		answers.forEach((key, answer) -> {
			final String value = answer.get().trim();
			if (!value.isEmpty() && (findsObjects || !OBJECTS.contains(key))) given.put(key, value);
		});
		if (!new RunOptions(given).isOutlined()) given.remove(RunOptions.OUTLINES);
		return given;
	}

	private void choice(final String key, final String label, final boolean free, final String hint,
		final String... choices)
	{
		final JComboBox<String> box = new JComboBox<>(choices);
		box.setEditable(free);
		final boolean kept = !key.equals(RunOptions.ROI);
		box.setSelectedItem(kept ? Preferences.get(key, choices[0]) : choices[0]);
		box.addActionListener(event -> changed.run());
		if (free) TextChanges.listen((JTextField) box.getEditor().getEditorComponent(), changed);
		answers.put(key, () -> String.valueOf(free ? box.getEditor().getItem() : box.getSelectedItem()));
		add(key, label, box, hint);
	}

	private void text(final String key, final String label, final String hint, final boolean enabled) {
		final JTextField field = new JTextField(8);
		field.setEnabled(enabled);
		TextChanges.listen(field, changed);
		answers.put(key, field::getText);
		add(key, label, field, enabled ? hint : "The image has one channel");
	}

	private void box(final String key, final String label) {
		final JCheckBox box = new JCheckBox(label);
		box.addActionListener(event -> changed.run());
		answers.put(key, () -> box.isSelected() ? "true" : "");
		box.setName(key);
		box.setToolTipText("Resamples the image to the pixel size that the model was made for, and the result back");
		final GridBagConstraints place = new GridBagConstraints();
		place.gridx = 0;
		place.gridy = 100;
		place.gridwidth = 2 * COLUMNS;
		place.anchor = GridBagConstraints.WEST;
		add(box, place);
	}

	private void add(final String key, final String label, final JComponent field, final String hint) {
		field.setName(key);
		field.setToolTipText(hint);
		final JLabel name = new JLabel(label);
		name.setLabelFor(field);
		name.setToolTipText(hint);
		if (OBJECTS.contains(key)) ofObjects.addAll(Arrays.asList(name, field));
		place(name, 2 * (count % COLUMNS), 0);
		place(field, 2 * (count % COLUMNS) + 1, 1);
		count++;
	}

	private void place(final Component component, final int x, final double weight) {
		final GridBagConstraints place = new GridBagConstraints();
		place.gridx = x;
		place.gridy = count / COLUMNS;
		place.weightx = weight;
		place.fill = GridBagConstraints.HORIZONTAL;
		place.insets = new Insets(2, x == 0 ? 0 : 8, 2, 0);
		add(component, place);
	}
}
