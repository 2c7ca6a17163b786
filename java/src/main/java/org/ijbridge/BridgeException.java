package org.ijbridge;

/**
 * The reason why a run ended without a result: one sentence for the person who started it, and the trace for the log
 * file.
 */
final class BridgeException extends Exception {

	private static final long serialVersionUID = 1L;

	private final String remoteTrace;
	private final boolean cancelled;

	/** @param sentence what was found, what is allowed and what to do, in one sentence */
	BridgeException(final String sentence) {
		this(sentence, "", null, false);
	}

	/** @param cause what was thrown; its stack trace goes to the log file */
	BridgeException(final String sentence, final Throwable cause) {
		this(sentence, "", cause, false);
	}

	/** @param remoteTrace what the Python worker said besides, such as a traceback; empty where it said nothing */
	BridgeException(final String sentence, final String remoteTrace) {
		this(sentence, remoteTrace, null, false);
	}

	private BridgeException(final String sentence, final String remoteTrace, final Throwable cause,
		final boolean cancelled)
	{
		super(sentence, cause);
		this.remoteTrace = remoteTrace;
		this.cancelled = cancelled;
	}

	/** The run was ended by the person, with the Escape key. */
	static BridgeException cancellation() {
		return new BridgeException("The run was cancelled.", "", null, true);
	}

	/** Whether the person ended the run: then there is nothing to be mended. */
	boolean isCancellation() {
		return cancelled;
	}

	/** The worker's own trace, empty where there is none. */
	String remoteTrace() {
		return remoteTrace;
	}

	/** Whether the log file holds more than the sentence. */
	boolean hasTrace() {
		return !remoteTrace.isEmpty() || getCause() != null;
	}
}
