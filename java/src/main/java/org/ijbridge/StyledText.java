package org.ijbridge;

import java.awt.Color;
import java.awt.Dimension;
import java.awt.Insets;
import javax.swing.JTextPane;
import javax.swing.text.BadLocationException;
import javax.swing.text.SimpleAttributeSet;
import javax.swing.text.StyleConstants;
import javax.swing.text.StyledDocument;

/**
 * Text that can be read and copied, with bold and coloured parts.
 * <p>
 * Never HTML: names and descriptions are a stranger's, and Swing's HTML fetches the pictures that it names.
 * </p>
 */
final class StyledText extends JTextPane {

	static final Color ERROR = new Color(0xb00020);
	static final Color WARNING = new Color(0x9a5b00);
	static final Color FAINT = new Color(0x606060);

	private static final long serialVersionUID = 1L;
	private static final int MARGIN = 6;

	StyledText() {
		setEditable(false);
		setMargin(new Insets(MARGIN, MARGIN, MARGIN, MARGIN));
	}

	/** Removes all text. */
	StyledText clear() {
		setText("");
		return this;
	}

	StyledText plain(final String text) {
		return add(text, null, false, 0);
	}

	StyledText bold(final String text) {
		return add(text, null, true, 0);
	}

	StyledText title(final String text) {
		return add(text, null, true, 3);
	}

	StyledText coloured(final String text, final Color colour) {
		return add(text, colour, false, 0);
	}

	/** Shows the text from its beginning. */
	StyledText fromTop() {
		setCaretPosition(0);
		return this;
	}

	private StyledText add(final String text, final Color colour, final boolean bold, final int larger) {
		final SimpleAttributeSet style = new SimpleAttributeSet();
		StyleConstants.setBold(style, bold);
		StyleConstants.setFontSize(style, getFont().getSize() + larger);
		if (colour != null) StyleConstants.setForeground(style, colour);
		final StyledDocument document = getStyledDocument();
		try {
			document.insertString(document.getLength(), text, style);
		}
		catch (final BadLocationException impossible) {
			throw new IllegalStateException(impossible);
		}
		return this;
	}

	/** Lines break where the window ends, and a long text does not make it wider. */
	@Override
	public boolean getScrollableTracksViewportWidth() {
		return true;
	}

	@Override
	public Dimension getPreferredScrollableViewportSize() {
		return new Dimension(1, 1);
	}
}
