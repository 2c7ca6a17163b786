package org.ijbridge;

import ij.IJ;
import java.awt.BorderLayout;
import java.awt.Component;
import java.awt.Dimension;
import java.awt.FlowLayout;
import java.awt.Font;
import java.awt.Insets;
import java.awt.Toolkit;
import java.awt.datatransfer.StringSelection;
import java.awt.event.KeyEvent;
import javax.swing.BorderFactory;
import javax.swing.JButton;
import javax.swing.JComponent;
import javax.swing.JDialog;
import javax.swing.JPanel;
import javax.swing.JScrollPane;
import javax.swing.JTextArea;
import javax.swing.KeyStroke;

/** A page of text that can be read, and copied by one click, while work goes on. */
final class TextDialog {

	private static final int WIDTH = 760;
	private static final int HEIGHT = 420;
	private static final int GAP = 8;

	private TextDialog() {}

	/**
	 * Shows a page.
	 *
	 * @param above what stands above the text; null for nothing
	 */
	static void show(final String title, final JComponent above, final String text) throws BridgeException {
		RunDialog.onEventThread(() -> open(title, above, text));
	}

	private static void open(final String title, final JComponent above, final String text) {
		final JDialog dialog = new JDialog(IJ.getInstance(), title, false);
		dialog.setName("ijbridge");
		final JTextArea area = new JTextArea(text);
		area.setName("text");
		area.setEditable(false);
		area.setLineWrap(true);
		area.setWrapStyleWord(true);
		area.setFont(new Font(Font.MONOSPACED, Font.PLAIN, area.getFont().getSize()));
		area.setMargin(new Insets(GAP, GAP, GAP, GAP));
		area.setCaretPosition(0);
		final JScrollPane scroll = new JScrollPane(area);
		scroll.setPreferredSize(new Dimension(WIDTH, HEIGHT));
		final JButton copy = new JButton("Copy");
		copy.setName("copy");
		copy.addActionListener(event -> Toolkit.getDefaultToolkit().getSystemClipboard().setContents(new StringSelection(text),
			null));
		final JButton close = new JButton("Close");
		close.setName("cancel");
		close.addActionListener(event -> dialog.dispose());
		final JPanel buttons = new JPanel(new FlowLayout(FlowLayout.TRAILING));
		buttons.add(copy);
		buttons.add(close);
		final JPanel content = new JPanel(new BorderLayout(GAP, GAP));
		content.setBorder(BorderFactory.createEmptyBorder(GAP, GAP, 0, GAP));
		if (above != null) content.add(above, BorderLayout.NORTH);
		content.add(scroll, BorderLayout.CENTER);
		content.add(buttons, BorderLayout.SOUTH);
		dialog.add(content);
		dialog.getRootPane().setDefaultButton(close);
		dialog.getRootPane().registerKeyboardAction(event -> dialog.dispose(), KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0),
			JComponent.WHEN_IN_FOCUSED_WINDOW);
		dialog.setDefaultCloseOperation(JDialog.DISPOSE_ON_CLOSE);
		dialog.pack();
		dialog.setLocationRelativeTo((Component) null);
		dialog.setVisible(true);
	}
}
