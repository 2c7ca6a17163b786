package org.ijbridge;

import ij.ImagePlus;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Runs a model on an image: the order of things, and that all memory is given back whatever happens. */
final class ModelRunner {

	private final InferenceClient client;
	private final Feedback feedback;

	ModelRunner(final InferenceClient client, final Feedback feedback) {
		this.client = client;
		this.feedback = feedback;
	}

	/**
	 * Runs the model's macros where the options ask for it, plans, shares the pixels, predicts, and copies the results.
	 *
	 * @param image is read only; nothing is shown
	 * @throws BridgeException where there is no result, with the reason in one sentence
	 */
	RunResults run(final ImagePlus image, final RunOptions options) throws BridgeException {
		options.isManaged(); // what is wrong with it is said before the run
		final Header header = new Header(image, options.isCropped());
		final ModelMacros macros = ModelMacros.asked(client, options, feedback);
		final ImagePlus given = macros.before(image, header.part);
		final RunResults made = run(given, given == image ? header : header.of(given), options);
		for (final ImagePlus one : made.images) Calibrations.countFromBelow(image, header.whole, one.getCalibration());
		final List<ImagePlus> images = macros.after(new ArrayList<>(made.images));
		if (made.objects == null || !options.isOutlined()) return new RunResults(images, made.objects, null);
		return new RunResults(images, made.objects, new Outlines(made.objects, image, header.part));
	}

	private RunResults run(final ImagePlus image, final Header header, final RunOptions options) throws BridgeException {
		final Map<String, Object> request = request(header, options);
		final Reply plan = plan(request);

		final List<ResultImage> results = new ArrayList<>();
		final List<Long> sizes = new ArrayList<>();
		sizes.add(header.bytes());
		final String objects = plan.text("objects");
		for (final Reply output : objects.isEmpty() ? plan.requiredParts("outputs") : plan.parts("outputs")) {
			final ResultImage result = new ResultImage(output);
			results.add(result);
			sizes.add(result.bytes());
		}

		final List<PixelBlock> blocks = client.share(sizes);
		try {
			feedback.progress("sharing the image", 0, 0);
			Pixels.write(image, header, blocks.get(0));
			final Reply prediction = predict(request, plan, blocks);
			final List<ImagePlus> images = new ArrayList<>();
			for (int i = 0; i < results.size(); i++) {
				images.add(results.get(i).toImage(blocks.get(i + 1), prediction.text("provenance")));
			}
			final FoundObjects found = objects.isEmpty() ? null : new FoundObjects(objects, prediction.text("objects"));
			return new RunResults(images, found, null);
		}
		finally {
			PixelBlock.closeAll(blocks);
		}
	}

	/** What is asked of the worker. */
	static Map<String, Object> request(final Header header, final RunOptions options) {
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("model", options.model());
		request.put("image", header.toRequest());
		request.put("options", options.toRequest());
		return request;
	}

	/**
	 * Asks what a run would give.
	 *
	 * @param request model, image and options
	 */
	Reply plan(final Map<String, Object> request) throws BridgeException {
		feedback.progress("planning", 0, 0);
		final Reply plan = client.plan(request, feedback);
		LogFile.write(plan.text("summary"));
		return plan;
	}

	/**
	 * Runs what was planned, and passes all warnings on: those that are known before it, before it.
	 *
	 * @param blocks the image, then one for each output of the plan
	 */
	Reply predict(final Map<String, Object> request, final Reply plan, final List<? extends PixelBlock> blocks)
		throws BridgeException
	{
		final Set<String> said = new LinkedHashSet<>(plan.texts("warnings"));
		said.forEach(feedback::warn);
		final Reply prediction = attempt(request, plan, blocks);
		final Set<String> warnings = new LinkedHashSet<>(prediction.texts("warnings"));
		warnings.removeAll(said);
		warnings.forEach(feedback::warn);
		return prediction;
	}

	/** Once more, with smaller tiles, where the system killed the worker: nothing can be known of that beforehand. */
	private Reply attempt(final Map<String, Object> request, final Reply plan, final List<? extends PixelBlock> blocks)
		throws BridgeException
	{
		try {
			return client.predict(request, blocks, feedback);
		}
		catch (final BridgeException failure) {
			if (!failure.isKilledWorker()) throw failure;
			LogFile.write(failure.getMessage(), failure);
		}
		feedback.warn("The Python worker was killed by the system, mostly for want of memory: it is run again with " +
			"smaller tiles.");
		final Map<String, Object> again = new LinkedHashMap<>(request);
		again.put("attempt", 1);
		// The memory of the worker that died is free again, so that a new plan alone might have the same tiles.
		again.put("tile_pixels", plan.text("tile_pixels"));
		try {
			return client.predict(again, blocks, feedback);
		}
		catch (final BridgeException failure) {
			if (!failure.isKilledWorker()) throw failure;
			throw new BridgeException("The Python worker was killed by the system twice, with smaller tiles too, mostly " +
				"for want of memory: close other programs, name a smaller tile such as tile=256, or run on a smaller part " +
				"of the image.", failure.remoteTrace());
		}
	}
}
