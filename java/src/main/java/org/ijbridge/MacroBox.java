package org.ijbridge;

import java.awt.Dimension;
import java.awt.FlowLayout;
import java.awt.Font;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import javax.swing.JButton;
import javax.swing.JCheckBox;
import javax.swing.JOptionPane;
import javax.swing.JPanel;
import javax.swing.JScrollPane;
import javax.swing.JTextArea;

/**
 * A box to tick for the macros that a model brings, which names their files, and a button to read them before. It is there where the
 * model has some, and ticked where these very files were agreed to before.
 */
final class MacroBox extends JPanel {

	private static final long serialVersionUID = 1L;
	private static final int WIDTH = 640;
	private static final int HEIGHT = 420;
	private static final int LONGEST = 90;

	private final JCheckBox box = new JCheckBox();
	private transient List<Reply> macros = Collections.emptyList();

	/** @param changed is told of every tick, on the event thread */
	MacroBox(final Runnable changed) {
		super(new FlowLayout(FlowLayout.LEADING, 0, 0));
		box.setName("macros");
		box.setToolTipText("Macros are programs of who made the model, and can do anything that you can do in ImageJ. They run " +
			"on a duplicate of the image, and on the result");
		box.addActionListener(event -> changed.run());
		final JButton read = new JButton("Read...");
		read.setName("read");
		read.addActionListener(event -> read());
		add(box);
		add(read);
		setVisible(false);
	}

	/** Offers the macros of a model, in the words of {@link ModelMacros#shown}; none for a model that has none. */
	void offer(final List<Reply> offered) {
		macros = offered;
		final List<String> names = new ArrayList<>();
		boolean agreed = true;
		for (final Reply macro : offered) {
			names.add(macro.text("source"));
			agreed &= macro.flag("agreed");
		}
		final String named = String.join(", ", names);
		box.setText("Run the model's macros " + (named.length() > LONGEST ? named.substring(0, LONGEST) + "..." : named));
		box.setSelected(agreed && !offered.isEmpty());
		setVisible(!offered.isEmpty());
	}

	/** What the box was ticked for; nothing where it is not. */
	List<Reply> ticked() {
		return box.isSelected() ? macros : Collections.emptyList();
	}

	private void read() {
		final StringBuilder text = new StringBuilder();
		for (final Reply macro : macros) {
			text.append("// ").append(macro.text("source")).append(", run ").append(macro.text("when")).append(
				" the network, SHA-256 ").append(macro.text("sha256")).append("\n\n").append(macro.text("text")).append("\n\n");
		}
		final JTextArea area = new JTextArea(text.toString());
		area.setName("macro texts");
		area.setEditable(false);
		area.setFont(new Font(Font.MONOSPACED, Font.PLAIN, area.getFont().getSize()));
		area.setCaretPosition(0);
		final JScrollPane scroll = new JScrollPane(area);
		scroll.setPreferredSize(new Dimension(WIDTH, HEIGHT));
		JOptionPane.showMessageDialog(this, scroll, "The model's macros", JOptionPane.PLAIN_MESSAGE);
	}
}
