package org.ijbridge;

import ij.IJ;
import ij.Macro;
import ij.plugin.frame.Recorder;
import java.awt.BorderLayout;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.swing.BorderFactory;
import javax.swing.JPanel;

/** Asks for a model, and shows its card before it is chosen. */
final class ModelDialog {

	/** The published macro keys of the commands that ask for a model alone. */
	static final List<String> KEYS = Collections.unmodifiableList(Arrays.asList("model", RunOptions.ENVIRONMENT));

	private static final int GAP = 8;

	private final ActionWindow window;
	private final ModelChooser chooser = new ModelChooser(this::changed);
	private final ModelCard card = new ModelCard();
	private final Latest describing = new Latest("ijbridge-describe");

	private ModelDialog(final String title, final String action) {
		final JPanel content = new JPanel(new BorderLayout(GAP + GAP / 2, GAP));
		content.setBorder(BorderFactory.createEmptyBorder(GAP, GAP, 0, GAP));
		content.add(chooser, BorderLayout.WEST);
		content.add(card, BorderLayout.CENTER);
		window = new ActionWindow(title, content, action);
		chooser.choose(Preferences.get("model"));
		changed();
	}

	/**
	 * Takes the keys of a macro, else asks the person and records the answer.
	 *
	 * @param command as it is called in the menu
	 * @param action what the button says
	 * @return the model, whose name or path is not looked up yet; null if the person cancelled
	 */
	static RunOptions ask(final String command, final String action) throws BridgeException {
		final String written = Macro.getOptions();
		if (written != null || !Failure.isAttended()) {
			return new RunOptions(MacroKeys.parse(command, KEYS, written == null ? "" : written, RunCommand::variable));
		}
		if (!FirstUse.isReady()) return null;
		final AtomicReference<String> chosen = new AtomicReference<>();
		RunDialog.onEventThread(() -> {
			final ModelDialog dialog = new ModelDialog(command, action);
			if (dialog.window.ask(IJ.getInstance())) chosen.set(dialog.chooser.model());
			dialog.describing.stop();
		});
		if (chosen.get() == null) return null;
		Preferences.remember(chosen.get());
		if (Recorder.record) Recorder.recordPath("model", chosen.get());
		return RunOptions.of(chosen.get());
	}

	private void changed() {
		if (window == null) return;
		final String model = chooser.model();
		if (model.isEmpty()) {
			describing.stop();
			card.say("Choose a model from the list, browse for one, or write its name or path.");
			window.forbid("No model is chosen.", StyledText.FAINT);
			return;
		}
		card.say("Reading the model...");
		window.forbid("Looking at the model...", StyledText.FAINT);
		describing.ask(() -> RunDialog.describedWithCover(RunOptions.of(model), Feedback.SILENT), found -> {
			card.show(found.reply, found.cover);
			window.allow();
		}, sentence -> {
			card.say(sentence);
			window.forbid("This is no model that can be read: the reason is above.", StyledText.ERROR);
		});
	}
}
