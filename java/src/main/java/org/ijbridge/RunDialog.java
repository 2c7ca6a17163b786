package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.plugin.frame.Recorder;
import java.awt.BorderLayout;
import java.awt.Dimension;
import java.awt.EventQueue;
import java.awt.image.BufferedImage;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import javax.swing.BorderFactory;
import javax.swing.JPanel;
import javax.swing.JScrollPane;

/**
 * Asks a person for model and options, and says before the run what it will do: the plan for this image in plain words,
 * new with every change, its warnings in colour. What cannot be run cannot be started, and the reason is there.
 */
final class RunDialog {

	/** What is not recorded where it is as usual. */
	private static final List<String> UNRECORDED = Arrays.asList("memory", "normalize", RunOptions.ROI);

	private static final int WIDTH = 560;
	private static final int HEIGHT = 210;
	private static final int GAP = 8;

	private final ImagePlus image;
	private final ActionWindow window;
	private final ModelChooser chooser;
	private final ModelCard card = new ModelCard();
	private final OptionFields fields;
	private final MacroBox macros = new MacroBox(this::changed);
	private final StyledText plan = new StyledText();
	private final Latest describing = new Latest("ijbridge-describe");
	private final Latest planning = new Latest("ijbridge-plan");
	private String described = "";
	private Map<String, String> asked = Collections.emptyMap();

	private RunDialog(final ImagePlus image) {
		this.image = image;
		chooser = new ModelChooser(this::changed);
		fields = new OptionFields(image, this::changed);
		plan.setName("plan");
		final JScrollPane scroll = new JScrollPane(plan);
		scroll.setPreferredSize(new Dimension(WIDTH, HEIGHT));
		final JPanel middle = new JPanel(new BorderLayout(GAP, GAP));
		final JPanel asked = new JPanel(new BorderLayout());
		asked.add(fields, BorderLayout.NORTH);
		asked.add(macros, BorderLayout.SOUTH);
		middle.add(asked, BorderLayout.NORTH);
		middle.add(scroll, BorderLayout.CENTER);
		final JPanel right = new JPanel(new BorderLayout(GAP, GAP));
		right.add(card, BorderLayout.NORTH);
		right.add(middle, BorderLayout.CENTER);
		final JPanel content = new JPanel(new BorderLayout(GAP + GAP / 2, GAP));
		content.setBorder(BorderFactory.createEmptyBorder(GAP, GAP, 0, GAP));
		content.add(chooser, BorderLayout.WEST);
		content.add(right, BorderLayout.CENTER);
		window = new ActionWindow("Run Model on " + image.getTitle(), content, "Run");
		chooser.choose(Preferences.get("model"));
		changed();
	}

	/**
	 * Shows the dialog with the answers of the last time, of this session or an earlier one, records the answers, and remembers
	 * a yes to the model's macros.
	 *
	 * @param image that the model will run on
	 * @return the answers, null if the person cancelled
	 */
	static RunOptions ask(final ImagePlus image) throws BridgeException {
		final AtomicReference<Map<String, String>> given = new AtomicReference<>();
		final List<Reply> agreed = new ArrayList<>();
		onEventThread(() -> {
			final RunDialog dialog = new RunDialog(image);
			given.set(dialog.answers());
			agreed.addAll(dialog.macros.ticked());
		});
		final Map<String, String> answers = given.get();
		if (answers == null) return null;
		Preferences.remember(answers.get("model"));
		for (final String kept : new String[] { "tile", "halo", "device", "memory" }) {
			Preferences.set(kept, answers.getOrDefault(kept, Preferences.AUTO));
		}
		final RunOptions options = new RunOptions(answers).attended();
		if (!options.macros().isEmpty()) {
			try (InferenceClient client = InferenceClient.find()) {
				ModelMacros.agree(client, options.found().model(), agreed);
			}
		}
		record(answers);
		return options;
	}

	/** Runs something on the event thread, whichever thread this is, and waits for it. */
	static void onEventThread(final Runnable code) throws BridgeException {
		try {
			if (EventQueue.isDispatchThread()) code.run();
			else EventQueue.invokeAndWait(code);
		}
		catch (final InterruptedException interrupted) {
			Thread.currentThread().interrupt();
			throw BridgeException.cancellation();
		}
		catch (final InvocationTargetException failure) {
			throw new BridgeException(Failure.sentence(failure.getCause()), failure.getCause());
		}
	}

	/** Writes the answers down for a macro; defaults too, but for those that are of no account. */
	private static void record(final Map<String, String> answers) {
		if (!Recorder.record) return;
		answers.forEach((key, value) -> {
			final boolean usual = value.equals(key.equals(RunOptions.ROI) ? RunOptions.WHOLE : Preferences.AUTO);
			if (key.equals("model")) Recorder.recordPath(key, value);
			else if (key.equals("rescale")) Recorder.recordOption(key);
			else if (!usual || !UNRECORDED.contains(key)) Recorder.recordOption(key, value);
		});
	}

	/** Waits for the person; null if it cancelled. */
	private Map<String, String> answers() {
		final boolean run = window.ask(IJ.getInstance());
		describing.stop();
		planning.stop();
		return run ? given() : null;
	}

	private Map<String, String> given() {
		final Map<String, String> given = new LinkedHashMap<>();
		given.put("model", chooser.model());
		given.putAll(fields.answers());
		if (!macros.ticked().isEmpty()) given.put(RunOptions.MACROS, RunOptions.RUN);
		return given;
	}

	private void changed() {
		if (window == null) return;
		// objects are the model's that is described
		if (!described.equals(chooser.model())) fields.setFindsObjects(false);
		forgetMacrosOfAnother(chooser.model());
		final Map<String, String> given = given();
		// a field that loses the focus tells the same once more, and would take the button from under the mouse
		if (given.equals(asked)) return;
		asked = given;
		final RunOptions options = new RunOptions(given);
		if (options.model().isEmpty()) {
			describing.stop();
			planning.stop();
			described = "";
			card.say("Choose a model from the list, browse for one, or write its name or path.");
			plan.clear();
			window.forbid("No model is chosen.", StyledText.FAINT);
			return;
		}
		window.forbid("Looking at model and image...", StyledText.FAINT);
		if (!described.equals(options.model())) describe(options);
		planning.ask(() -> plan(options), reply -> {
			show(reply);
			window.allow();
		}, sentence -> {
			if (!options.macros().isEmpty()) {
				plan.clear().coloured("Of the image as it is now, before the model's macros have run: " + sentence,
					StyledText.WARNING).fromTop();
				window.allow();
				return;
			}
			plan.clear().coloured(sentence, StyledText.ERROR).fromTop();
			window.forbid("This cannot be run: the reason is above.", StyledText.ERROR);
		});
	}

	private void forgetMacrosOfAnother(final String model) {
		if (!described.equals(model)) macros.offer(Collections.emptyList());
	}

	private void describe(final RunOptions options) {
		described = options.model();
		card.say("Reading the model...");
		final AtomicReference<List<Reply>> offered = new AtomicReference<>(Collections.emptyList());
		describing.ask(() -> {
			final Described found = describedWithCover(options, Feedback.SILENT);
			offered.set(macrosOf(found.reply, options));
			return found;
		}, found -> {
			card.show(found.reply, found.cover);
			fields.setFindsObjects(found.reply.has("objects"));
			macros.offer(offered.get());
			changed();
		}, card::say);
	}

	/** What can be run of a model's macros; not to be called on the event thread. */
	private static List<Reply> macrosOf(final Reply model, final RunOptions options) {
		boolean any = false;
		for (final Reply macro : model.parts("macros")) any |= macro.text("use").equals("named") && !macro.flag("is_empty");
		if (!any) return Collections.emptyList();
		try (InferenceClient client = InferenceClient.find()) {
			return ModelMacros.shown(client, options.found().model());
		}
		catch (final BridgeException refused) {
			LogFile.write("macros are not offered: " + refused.getMessage());
			return Collections.emptyList();
		}
	}

	private Reply plan(final RunOptions options) throws BridgeException {
		try (InferenceClient client = InferenceClient.find()) {
			return client.plan(ModelRunner.request(new Header(image, options.isCropped()), options.found()), Feedback.SILENT);
		}
	}

	private void show(final Reply reply) {
		plan.clear();
		for (final Reply finding : reply.parts("findings")) {
			final boolean warning = finding.text("severity").equals("warning");
			if (warning) plan.coloured("Warning: " + finding.text("message") + "\n", StyledText.WARNING);
		}
		for (final String[] line : reply.pairs("words")) plan.bold(line[0] + "  ").plain(line[1] + "\n");
		for (final Reply finding : reply.parts("findings")) {
			final boolean note = finding.text("severity").equals("note") && !finding.text("id").equals("axis-looped");
			if (note) plan.coloured("Note: " + finding.text("message") + "\n", StyledText.FAINT);
		}
		plan.fromTop();
	}

	/** A described model and its picture. */
	static final class Described {

		final Reply reply;
		final BufferedImage cover;

		private Described(final Reply reply, final BufferedImage cover) {
			this.reply = reply;
			this.cover = cover;
		}
	}

	/** Asks for a model's description; not to be called on the event thread. */
	static Described describedWithCover(final RunOptions asked, final Feedback feedback) throws BridgeException {
		try (InferenceClient client = InferenceClient.find(asked.mayMakeEnvironment(), feedback)) {
			final Reply reply = client.ask("describe", Collections.singletonMap("model", asked.found().model()), feedback);
			return new Described(reply, ModelCard.coverOf(reply));
		}
	}
}
