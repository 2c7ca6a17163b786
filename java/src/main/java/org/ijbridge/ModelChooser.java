package org.ijbridge;

import java.awt.BorderLayout;
import java.awt.Component;
import java.awt.Dimension;
import java.awt.Font;
import java.io.File;
import java.util.List;
import javax.swing.BorderFactory;
import javax.swing.DefaultListCellRenderer;
import javax.swing.DefaultListModel;
import javax.swing.JButton;
import javax.swing.JFileChooser;
import javax.swing.JLabel;
import javax.swing.JList;
import javax.swing.JPanel;
import javax.swing.JScrollPane;
import javax.swing.JTextField;
import javax.swing.ListSelectionModel;
import javax.swing.filechooser.FileFilter;

/** Chooses a model: by its name or path, out of those that were found, or by looking for it. */
final class ModelChooser extends JPanel {

	private static final long serialVersionUID = 1L;
	private static final int WIDTH = 230;
	private static final int HEIGHT = 300;
	private static final int GAP = 6;

	private final JTextField field = new JTextField();
	private final JList<String> list;
	private final Runnable changed;

	/** @param changed is told of every change, on the event thread */
	ModelChooser(final Runnable changed) {
		super(new BorderLayout(GAP, GAP));
		this.changed = changed;
		final DefaultListModel<String> found = new DefaultListModel<>();
		final List<File> folders = Preferences.modelFolders();
		ModelCatalog.find(folders, Preferences.recentModels()).forEach(found::addElement);
		list = new JList<>(found);
		list.setName("models");
		list.setSelectionMode(ListSelectionModel.SINGLE_SELECTION);
		list.setCellRenderer(new ModelCell());
		list.addListSelectionListener(event -> {
			if (!event.getValueIsAdjusting() && list.getSelectedValue() != null) field.setText(list.getSelectedValue());
		});
		field.setName("model");
		field.setToolTipText("A zip, a folder, a file (rdf.yaml, config.json, .onnx, .czann), or the name of a model in a models folder");
		TextChanges.listen(field, changed);
		final JButton browse = new JButton("Browse...");
		browse.setName("browse");
		browse.addActionListener(event -> browse());
		final JScrollPane scroll = new JScrollPane(list);
		scroll.setPreferredSize(new Dimension(WIDTH, HEIGHT));
		final JLabel title = new JLabel("Model");
		title.setLabelFor(field);
		final JPanel top = new JPanel(new BorderLayout(GAP, GAP / 2));
		top.add(title, BorderLayout.NORTH);
		top.add(field, BorderLayout.CENTER);
		final JPanel bottom = new JPanel(new BorderLayout(GAP, GAP / 2));
		bottom.add(browse, BorderLayout.NORTH);
		bottom.add(hint(folders, found.isEmpty()), BorderLayout.SOUTH);
		add(top, BorderLayout.NORTH);
		add(scroll, BorderLayout.CENTER);
		add(bottom, BorderLayout.SOUTH);
	}

	/** The name or path that was chosen; empty where none was. */
	String model() {
		return field.getText().trim();
	}

	/** Chooses a model. */
	void choose(final String model) {
		field.setText(model);
		list.setSelectedValue(model, true);
	}

	private static Component hint(final List<File> folders, final boolean empty) {
		final JLabel hint = new JLabel(folders.isEmpty() || !empty ? " " : "Models in " + folders.get(0) + " are listed here.");
		hint.putClientProperty("html.disable", true);
		hint.setFont(hint.getFont().deriveFont(Font.PLAIN, hint.getFont().getSize() - 1f));
		hint.setForeground(StyledText.FAINT);
		hint.setPreferredSize(new Dimension(WIDTH, hint.getPreferredSize().height));
		return hint;
	}

	private void browse() {
		final String now = ModelPath.find(model(), Preferences.modelFolders());
		final File own = Preferences.ownModelFolder();
		final JFileChooser files = new JFileChooser(new File(now).exists() ? new File(now).getParentFile() : own);
		files.setDialogTitle("Choose a model: a zip, a folder, or its description file");
		files.setFileSelectionMode(JFileChooser.FILES_AND_DIRECTORIES);
		files.setFileFilter(new ModelFiles());
		if (files.showDialog(this, "Choose") != JFileChooser.APPROVE_OPTION) return;
		choose(ModelPath.shortest(files.getSelectedFile().getAbsolutePath(), Preferences.modelFolders()));
	}

	/** The name of a model in front of the place where it lies. */
	private static final class ModelCell extends DefaultListCellRenderer {

		private static final long serialVersionUID = 1L;

		@Override
		public Component getListCellRendererComponent(final JList<?> of, final Object value, final int index,
			final boolean selected, final boolean focused)
		{
			// a name that begins with <html> would be drawn as a page
			putClientProperty("html.disable", true);
			final File file = new File(String.valueOf(value));
			super.getListCellRendererComponent(of, file.getName(), index, selected, focused);
			setFont(getFont().deriveFont(Font.PLAIN));
			setToolTipText(file.getPath().startsWith("<") ? null : file.getPath());
			setBorder(BorderFactory.createEmptyBorder(2, 4, 2, 4));
			return this;
		}
	}

	private static final class ModelFiles extends FileFilter {

		@Override
		public boolean accept(final File file) {
			return file.isDirectory() || file.getName().matches("(?i)" + ModelCatalog.FILES + "|.*\\.ya?ml|(?i)config\\.(json|xml)");
		}

		@Override
		public String getDescription() {
			return "Models (folders, zips, .yaml, .onnx, .czann, config.json)";
		}
	}
}
