package org.ijbridge;

import ij.IJ;
import java.awt.EventQueue;

/** Inspect Model...: a model's card and description; in a macro as lines of the Log. */
final class InspectCommand {

	private InspectCommand() {}

	static void run() throws BridgeException {
		final boolean attended = Failure.isAttended();
		final RunOptions asked = ModelDialog.ask("Inspect Model...", "Inspect");
		if (asked == null) return;
		final RunDialog.Described described = RunDialog.describedWithCover(asked, new ImageJFeedback("Inspect Model"));
		final String text = described.reply.text("text");
		if (!attended) {
			IJ.log(text);
			return;
		}
		final ModelCard card = new ModelCard();
		EventQueue.invokeLater(() -> card.show(described.reply, described.cover));
		TextDialog.show("Model: " + described.reply.text("name"), card, text);
	}
}
