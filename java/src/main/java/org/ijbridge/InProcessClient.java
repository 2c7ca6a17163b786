package org.ijbridge;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/** The client of the Python program that ImageJ runs in, which has registered itself with {@link InProcess}. */
final class InProcessClient implements InferenceClient {

	private final BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>> handler;

	/** @param handler what was registered */
	InProcessClient(final BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>> handler) {
		this.handler = handler;
	}

	/** In Python's memory: what is made of Java's own is given back only when Java collects its garbage. */
	@Override
	public List<PixelBlock> share(final List<Long> sizes) throws BridgeException {
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("sizes", sizes);
		final List<PixelBlock> blocks = new ArrayList<>();
		for (final Reply made : ask("allocate", request, Feedback.SILENT).requiredParts("blocks")) {
			final List<Long> numbers = made.requiredNumbers("id_size_step");
			blocks.add(new InProcessBlock(numbers.get(0), numbers.get(1), numbers.get(2), made.requiredBuffers("buffers"),
				() -> free(numbers.get(0))));
		}
		return blocks;
	}

	/** Does nothing: the program ends when it wants to. */
	@Override
	public void close() {}

	private void free(final Object block) {
		final Map<String, Object> request = new HashMap<>();
		request.put("block", block);
		try {
			ask("free", request, Feedback.SILENT);
		}
		catch (final BridgeException failure) {
			throw new IllegalStateException(failure);
		}
	}

	@Override
	public Reply ask(final String op, final Map<String, Object> request, final List<? extends PixelBlock> blocks,
		final Feedback feedback) throws BridgeException
	{
		final Map<String, Object> whole = new LinkedHashMap<>();
		whole.put("protocol", PROTOCOL);
		whole.put("jar_version", Version.ofJar());
		whole.putAll(request);
		final List<Object> segments = new ArrayList<>();
		// Python knows its own by their numbers; of Java's it is given the memory itself.
		for (final PixelBlock block : blocks) {
			segments.add(block instanceof InProcessBlock ? block.reference() : block.buffer(0, (int) block.size()));
		}
		final Map<String, Object> inputs = new HashMap<>();
		inputs.put("op", op);
		inputs.put("request", whole);
		inputs.put("segments", segments);
		final Map<String, Object> reply;
		try {
			reply = handler.apply(inputs, news -> {
				if (news != null) feedback.progress((String) news[0], (Long) news[1], (Long) news[2]);
				return feedback.stopAsked();
			});
		}
		catch (final RuntimeException failure) {
			throw new BridgeException("The Python program that ImageJ runs in gave no answer (" + failure + "): call " +
				"ijbridge.imagej.attach() in it again, or start it anew.", failure);
		}
		final Reply error = Reply.error(reply);
		if (error == null) return new Reply(reply);
		if (ApposeWorker.CANCELLED.equals(error.text("kind"))) throw BridgeException.cancellation();
		throw new BridgeException(error.text("message"), error.text("traceback"));
	}
}
