package org.ijbridge;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/**
 * The way to the Python program that reads models and runs them. Requests and replies are those of the worker's
 * protocol; what was not done ends as an exception with the worker's own sentence.
 */
interface InferenceClient extends AutoCloseable {

	/** The version of the protocol, one with the Python package's: each refuses another by name. */
	int PROTOCOL = 2;

	/**
	 * Asks for one operation of the protocol and waits for it.
	 *
	 * @param blocks of this client, as the operation wants them
	 * @throws BridgeException where it cannot be done, with the worker's sentence
	 */
	Reply ask(String op, Map<String, Object> request, List<? extends PixelBlock> blocks, Feedback feedback)
		throws BridgeException;

	/** As {@link #ask(String, Map, List, Feedback)}, for what needs no pixels. */
	default Reply ask(final String op, final Map<String, Object> request, final Feedback feedback) throws BridgeException {
		return ask(op, request, Collections.emptyList(), feedback);
	}

	/**
	 * Asks what a run would give.
	 *
	 * @param request model, image header and options
	 * @return {@code outputs}, {@code warnings} and {@code summary}
	 * @throws BridgeException where the model cannot be run on such an image
	 */
	default Reply plan(final Map<String, Object> request, final Feedback feedback) throws BridgeException {
		return ask("plan", request, feedback);
	}

	/**
	 * Makes memory that the Python program sees too; all blocks or none. Who asked for them closes them.
	 *
	 * @param sizes in bytes, each at least 1, one for each block
	 * @throws BridgeException where there is not that much memory
	 */
	List<PixelBlock> share(List<Long> sizes) throws BridgeException;

	/**
	 * Runs a model.
	 *
	 * @param request the request that was planned; where it runs once more because the worker was killed, with
	 *          {@code attempt}, from 1: the worker then takes smaller tiles
	 * @param blocks of this client: the image, then one block for each output of the plan, which are filled
	 * @return {@code provenance} and {@code warnings}
	 * @throws BridgeException where the run fails or is cancelled
	 */
	default Reply predict(final Map<String, Object> request, final List<? extends PixelBlock> blocks,
		final Feedback feedback) throws BridgeException
	{
		return ask("predict", request, blocks, feedback);
	}

	/**
	 * The Python program that ImageJ runs in where there is one, else a worker, started where none runs.
	 *
	 * @param mayMake whether a Python environment may be made where there is none
	 */
	static InferenceClient find(final boolean mayMake, final Feedback feedback) throws BridgeException {
		final BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>> host = InProcess.handler();
		if (host != null) return new InProcessClient(host);
		return new ApposeClient(new FirstUse().pythonOrNew(mayMake, feedback));
	}

	/** As {@link #find(boolean, Feedback)}, where nobody has said that one may be made. */
	static InferenceClient find() throws BridgeException {
		return find(false, Feedback.SILENT);
	}

	/** Ends the Python program, if this client started it and nobody else wants it. */
	@Override
	void close();
}
