package org.ijbridge;

import ij.ImagePlus;
import java.awt.Rectangle;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The macros that a model of DeepImageJ brings for before and after its network. They are run only where the options ask for
 * it, which means that somebody has said yes to them; Python keeps what was agreed to, by the hash of each file.
 */
final class ModelMacros {

	static final String BEFORE = "before";
	static final String AFTER = "after";

	private final List<Reply> macros;
	private final String axes;
	private final boolean attended;
	private final Feedback feedback;

	private ModelMacros(final List<Reply> macros, final String axes, final boolean attended, final Feedback feedback) {
		this.macros = macros;
		this.axes = axes;
		this.attended = attended;
		this.feedback = feedback;
	}

	/**
	 * Finds those that the options ask for.
	 *
	 * @param options whose model is looked up
	 * @throws BridgeException where nobody has said yes to one, it has changed since, or it is not there
	 */
	static ModelMacros asked(final InferenceClient client, final RunOptions options, final Feedback feedback)
		throws BridgeException
	{
		if (options.macros().isEmpty()) return new ModelMacros(Collections.emptyList(), "", false, feedback);
		return told(ask(client, options, options.yes(), feedback), options.isAttended(), feedback);
	}

	/**
	 * Those that a reply to {@code macros} tells.
	 *
	 * @param attended whether somebody is there to answer what they ask
	 */
	static ModelMacros told(final Reply reply, final boolean attended, final Feedback feedback) {
		return new ModelMacros(reply.parts("macros"), reply.text("axes"), attended, feedback);
	}

	/** All that the model names, to be shown: {@code source}, {@code text}, {@code sha256} and {@code agreed} of each. */
	static List<Reply> shown(final InferenceClient client, final String model) throws BridgeException {
		final Map<String, String> all = new LinkedHashMap<>();
		all.put("model", model);
		all.put(RunOptions.MACROS, RunOptions.RUN);
		return ask(client, new RunOptions(all), "look", Feedback.SILENT).parts("macros");
	}

	/** Remembers that somebody who saw these said yes to them. */
	static void agree(final InferenceClient client, final String model, final List<Reply> seen) throws BridgeException {
		final List<String> hashes = new ArrayList<>();
		for (final Reply macro : seen) hashes.add(macro.text("sha256"));
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("model", model);
		request.put("sha256", hashes);
		client.ask("agree", request, Feedback.SILENT);
	}

	private static Reply ask(final InferenceClient client, final RunOptions options, final String yes,
		final Feedback feedback) throws BridgeException
	{
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("model", options.model());
		request.put("macros", options.macros());
		request.put("yes", yes);
		return client.ask("macros", request, feedback);
	}

	/**
	 * Runs what comes before the network.
	 *
	 * @param part of the image that is meant
	 * @return what the macros make of a duplicate; the image itself where there are none
	 */
	ImagePlus before(final ImagePlus image, final Rectangle part) throws BridgeException {
		if (!any(BEFORE)) return image;
		final Samples samples = new Samples(image, unknownAxes());
		return run(BEFORE, samples, samples.copies(part));
	}

	/** Runs what comes after the network, on the first result. */
	List<ImagePlus> after(final List<ImagePlus> results) throws BridgeException {
		if (!any(AFTER)) return results;
		final ImagePlus result = results.get(0);
		final Samples samples = new Samples(result, unknownAxes());
		final Rectangle whole = new Rectangle(result.getWidth(), result.getHeight());
		final ImagePlus made = run(AFTER, samples, samples.isOne() ? Collections.singletonList(result) : samples.copies(whole));
		made.setTitle(result.getTitle());
		made.setProperty("Info", result.getProperty("Info"));
		made.changes = true;
		final List<ImagePlus> changed = new ArrayList<>(results);
		changed.set(0, made);
		return changed;
	}

	private ImagePlus run(final String when, final Samples samples, final List<ImagePlus> given) throws BridgeException {
		final List<ImagePlus> made = new ArrayList<>();
		for (final ImagePlus sample : given) {
			ImagePlus image = sample;
			for (final Reply macro : macros) {
				if (!macro.text("when").equals(when)) continue;
				image = new MacroRun(macro.text("source"), macro.text("text"), attended, feedback).on(image);
			}
			made.add(image);
		}
		return samples.joined(made);
	}

	private boolean any(final String when) {
		for (final Reply macro : macros) if (macro.text("when").equals(when)) return true;
		return false;
	}

	/** Along these the network is run on one after the other, and so are its macros. */
	private String unknownAxes() {
		final StringBuilder unknown = new StringBuilder();
		for (final char axis : new char[] { 't', 'z', 'c' }) if (axes.indexOf(axis) < 0) unknown.append(axis);
		return unknown.toString();
	}
}
