package org.ijbridge;

/**
 * The reason why a run ended without a result: one sentence for the person who started it, and the trace for the log
 * file.
 */
final class BridgeException extends Exception {

	private static final long serialVersionUID = 1L;

	private enum Kind {
		FAILURE, CANCELLATION, KILLED_WORKER
	}

	private final String remoteTrace;
	private final Kind kind;

	/** @param sentence what was found, what is allowed and what to do, in one sentence */
	BridgeException(final String sentence) {
		this(sentence, "", null, Kind.FAILURE);
	}

	/** @param cause what was thrown; its stack trace goes to the log file */
	BridgeException(final String sentence, final Throwable cause) {
		this(sentence, "", cause, Kind.FAILURE);
	}

	/** @param remoteTrace what the Python worker said besides, such as a traceback; empty where it said nothing */
	BridgeException(final String sentence, final String remoteTrace) {
		this(sentence, remoteTrace, null, Kind.FAILURE);
	}

	private BridgeException(final String sentence, final String remoteTrace, final Throwable cause, final Kind kind) {
		super(sentence, cause);
		this.remoteTrace = remoteTrace;
		this.kind = kind;
	}

	/** The run was ended by the person, with the Escape key. */
	static BridgeException cancellation() {
		return new BridgeException("The run was cancelled.", "", null, Kind.CANCELLATION);
	}

	/** The system ended the Python worker while it was at work. */
	static BridgeException killedWorker(final String sentence, final String remoteTrace) {
		return new BridgeException(sentence, remoteTrace, null, Kind.KILLED_WORKER);
	}

	/** Whether the person ended the run: then there is nothing to be mended. */
	boolean isCancellation() {
		return kind == Kind.CANCELLATION;
	}

	/** Whether the system ended the Python worker: then less memory may be enough. */
	boolean isKilledWorker() {
		return kind == Kind.KILLED_WORKER;
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
