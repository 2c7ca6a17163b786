package org.ijbridge;

import javax.swing.event.DocumentEvent;
import javax.swing.event.DocumentListener;
import javax.swing.text.JTextComponent;

/** Tells of every change of a text field, by a person or by the program, on the event thread. */
final class TextChanges implements DocumentListener {

	private final Runnable changed;

	private TextChanges(final Runnable changed) {
		this.changed = changed;
	}

	static void listen(final JTextComponent field, final Runnable changed) {
		field.getDocument().addDocumentListener(new TextChanges(changed));
	}

	@Override
	public void insertUpdate(final DocumentEvent event) {
		changed.run();
	}

	@Override
	public void removeUpdate(final DocumentEvent event) {
		changed.run();
	}

	/** Of style, which a plain text has none of. */
	@Override
	public void changedUpdate(final DocumentEvent event) {}
}
