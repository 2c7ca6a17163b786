package org.ijbridge;

import java.awt.BorderLayout;
import java.awt.Color;
import java.awt.Component;
import java.awt.Dimension;
import java.awt.FlowLayout;
import java.awt.Frame;
import java.awt.event.KeyEvent;
import javax.swing.BorderFactory;
import javax.swing.JButton;
import javax.swing.JComponent;
import javax.swing.JDialog;
import javax.swing.JPanel;
import javax.swing.KeyStroke;

/** A dialog with some content, one button that does it and one that cancels, and the reason where it cannot be done. */
final class ActionWindow {

	private static final int GAP = 8;
	private static final int REASON_HEIGHT = 40;

	private final String title;
	private final JComponent content;
	private final JButton go;
	private final StyledText reason = new StyledText();
	private boolean agreed;

	/** @param action what the first button says */
	ActionWindow(final String title, final JComponent content, final String action) {
		this.title = title;
		this.content = content;
		go = new JButton(action);
		go.setName("go");
		reason.setName("reason");
		reason.setOpaque(false);
	}

	/** The first button can be pressed. */
	void allow() {
		reason.clear();
		go.setEnabled(true);
	}

	/** The first button cannot be pressed, because of this. */
	void forbid(final String because, final Color colour) {
		reason.clear().coloured(because, colour);
		go.setEnabled(false);
	}

	/**
	 * Shows the dialog, on the event thread, and waits for the person.
	 *
	 * @param owner ImageJ's window
	 * @return whether the first button was pressed
	 */
	boolean ask(final Frame owner) {
		final JDialog dialog = new JDialog(owner, title, true);
		dialog.setName("ijbridge");
		go.addActionListener(event -> {
			agreed = true;
			dialog.dispose();
		});
		final JButton cancel = new JButton("Cancel");
		cancel.setName("cancel");
		cancel.addActionListener(event -> dialog.dispose());
		final JPanel buttons = new JPanel(new FlowLayout(FlowLayout.TRAILING));
		buttons.add(cancel);
		buttons.add(go);
		final JPanel bottom = new JPanel(new BorderLayout(GAP, 0));
		bottom.setBorder(BorderFactory.createEmptyBorder(0, GAP, GAP / 2, GAP));
		reason.setPreferredSize(new Dimension(1, REASON_HEIGHT));
		bottom.add(reason, BorderLayout.CENTER);
		bottom.add(buttons, BorderLayout.EAST);
		dialog.add(content, BorderLayout.CENTER);
		dialog.add(bottom, BorderLayout.SOUTH);
		dialog.getRootPane().setDefaultButton(go);
		dialog.getRootPane().registerKeyboardAction(event -> dialog.dispose(), KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0),
			JComponent.WHEN_IN_FOCUSED_WINDOW);
		dialog.setDefaultCloseOperation(JDialog.DISPOSE_ON_CLOSE);
		dialog.pack();
		dialog.setMinimumSize(dialog.getSize());
		dialog.setLocationRelativeTo((Component) null);
		dialog.setVisible(true);
		return agreed;
	}
}
