package org.ijbridge;

import java.awt.BorderLayout;
import java.awt.Dimension;
import java.awt.image.BufferedImage;
import java.util.List;
import javax.swing.BorderFactory;
import javax.swing.ImageIcon;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.JScrollPane;
import javax.swing.SwingConstants;

/** What a person wants to know of a model before running it: name, cover, description, authors, citation, licence. */
final class ModelCard extends JPanel {

	private static final long serialVersionUID = 1L;
	private static final int WIDTH = 420;
	private static final int HEIGHT = 150;
	private static final int COVER = 140;
	private static final int GAP = 8;

	private final StyledText text = new StyledText();
	private final JLabel cover = new JLabel();

	ModelCard() {
		super(new BorderLayout(GAP, 0));
		cover.setVerticalAlignment(SwingConstants.TOP);
		text.setName("card");
		final JScrollPane scroll = new JScrollPane(text);
		scroll.setPreferredSize(new Dimension(WIDTH, HEIGHT));
		scroll.setBorder(BorderFactory.createEmptyBorder());
		add(cover, BorderLayout.WEST);
		add(scroll, BorderLayout.CENTER);
	}

	/** Says something in place of a model. */
	void say(final String sentence) {
		cover.setIcon(null);
		text.clear().coloured(sentence, StyledText.FAINT).fromTop();
	}

	/**
	 * Shows a model.
	 *
	 * @param described the reply to {@code describe}
	 * @param picture its cover, null where it has none
	 */
	void show(final Reply described, final BufferedImage picture) {
		final Reply card = described.part("card");
		cover.setIcon(picture == null ? null : new ImageIcon(picture));
		text.clear().title(card.text("name"));
		if (!card.text("version").isEmpty()) text.coloured("  version " + card.text("version"), StyledText.FAINT);
		line("", card.text("description"));
		line("By ", card.text("authors"));
		final String licence = card.text("license");
		line("Licence ", licence.isEmpty() ? "not stated" : licence);
		final List<String> cite = card.texts("cite");
		for (final String one : cite) line("Cite ", one);
		line("Tags ", card.text("tags"));
		text.fromTop();
	}

	private void line(final String label, final String value) {
		if (value.isEmpty()) return;
		text.plain("\n").bold(label).plain(value);
	}

	/** The cover of a described model, small enough for the card; not to be called on the event thread. */
	static BufferedImage coverOf(final Reply described) {
		return Cover.read(described.part("card").text("cover"), COVER, COVER);
	}
}
