package org.ijbridge;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.function.Predicate;

/**
 * The client of a Python worker in a process of its own: the one that runs already, else a new one. The worker stays
 * for the runs to come and ends with ImageJ.
 */
final class ApposeClient implements InferenceClient {

	/** How long Python may take to start and to import what it needs. */
	private static final long START_MS = 180_000;

	private static final String STARTING = "starting Python";

	private final File python;
	private WorkerHandle worker;

	/** @param python the interpreter, which has the Python package ijbridge */
	ApposeClient(final File python) {
		this.python = python;
	}

	@Override
	public List<PixelBlock> share(final List<Long> sizes) throws BridgeException {
		return new ArrayList<>(SharedBlock.create(sizes));
	}

	/** Does nothing: the worker is kept, because starting one takes longer than most runs. */
	@Override
	public void close() {}

	@Override
	public Reply ask(final String op, final Map<String, Object> request, final List<? extends PixelBlock> blocks,
		final Feedback feedback) throws BridgeException
	{
		final Map<String, Object> whole = new LinkedHashMap<>();
		whole.put("protocol", PROTOCOL);
		whole.putAll(request);
		boolean again = false;
		while (true) {
			if (worker == null || !worker.serves(python.getPath())) worker = find(feedback);
			final Map<String, Object> reply = worker.call(inputs(op, whole, blocks), news -> {
				if (news != null) feedback.progress((String) news[0], (Long) news[1], (Long) news[2]);
				return feedback.stopAsked();
			});
			final Reply error = Reply.error(reply);
			if (error == null) return new Reply(reply);
			final String kind = error.text("kind");
			// It ended at the task of another run, behind which this one stood in the queue.
			if (ApposeWorker.GONE.equals(kind)) continue;
			// It died before or while it did what takes little memory and changes nothing: the next one can do it.
			if (blocks.isEmpty() && !again && !worker.serves(python.getPath()) && !ApposeWorker.CANCELLED.equals(kind)) {
				again = true;
				continue;
			}
			if (ApposeWorker.CANCELLED.equals(kind)) throw BridgeException.cancellation();
			if (ApposeWorker.KILLED.equals(kind)) {
				throw BridgeException.killedWorker(error.text("message"), error.text("traceback"));
			}
			throw new BridgeException(error.text("message"), error.text("traceback"));
		}
	}

	/**
	 * Starts the worker, if there is none, and waits for its first answer.
	 *
	 * @throws BridgeException where it gives none, or one that this jar does not understand
	 */
	void start(final Feedback feedback) throws BridgeException {
		worker = find(feedback);
	}

	/**
	 * Starts the worker, if there is none, and returns before it is there. What goes wrong is said to the run that needs
	 * it, which tries again.
	 */
	void startEarly() {
		final Thread thread = new Thread(() -> {
			try {
				find(Feedback.SILENT); // nobody asked for it yet
			}
			catch (final BridgeException | LinkageError | RuntimeException failure) {
				LogFile.write("the worker could not be started early", failure);
			}
		}, "ijbridge-worker-early");
		thread.setDaemon(true);
		thread.start();
	}

	private WorkerHandle find(final Feedback feedback) throws BridgeException {
		final Lock lock = WorkerHandle.startLock(feedback, STARTING);
		try {
			return findOrStart(feedback);
		}
		finally {
			lock.unlock();
		}
	}

	private WorkerHandle findOrStart(final Feedback feedback) throws BridgeException {
		final WorkerHandle kept = WorkerHandle.kept();
		if (kept != null && kept.serves(python.getPath())) return kept;
		if (kept != null) kept.stop();
		feedback.progress(STARTING, 0, 0);
		final WorkerHandle started;
		try {
			started = ApposeWorker.start(python.getPath()).handle();
		}
		catch (final IOException failure) {
			throw new BridgeException(cannotStart(failure.getMessage()), failure);
		}
		boolean ready = false;
		try {
			greet(started, feedback);
			ready = true;
		}
		finally {
			if (!ready) started.stop();
		}
		started.keep();
		return started;
	}

	private void greet(final WorkerHandle started, final Feedback feedback) throws BridgeException {
		final Map<String, Object> hello = new LinkedHashMap<>();
		hello.put("protocol", PROTOCOL);
		hello.put("jar_version", Version.ofJar());
		final long deadline = System.currentTimeMillis() + START_MS;
		final boolean[] late = { false };
		final Predicate<Object[]> stop = news -> {
			late[0] = System.currentTimeMillis() > deadline;
			return late[0] || feedback.stopAsked();
		};
		final Map<String, Object> answer = started.call(inputs("hello", hello, Collections.emptyList()), stop);
		final Reply error = Reply.error(answer);
		if (error != null && late[0]) throw new BridgeException(cannotStart("no answer in " + START_MS / 1000 + " s"));
		if (error != null && ApposeWorker.CANCELLED.equals(error.text("kind"))) throw BridgeException.cancellation();
		if (error != null && ApposeWorker.FAILED.equals(error.text("kind"))) {
			final String cause = error.text("cause");
			throw new BridgeException(cannotStart(cause.isEmpty() ? "it ended at once" : cause), error.text("traceback"));
		}
		if (error != null) throw new BridgeException(error.text("message"), error.text("traceback"));
		final Reply reply = new Reply(answer);
		if (!reply.text("protocol").equals(String.valueOf(PROTOCOL))) {
			throw new BridgeException("The jar IJBridge " + Version.ofJar() + " speaks protocol " + PROTOCOL +
				", but ijbridge " + reply.text("version") + " in " + python + " speaks protocol " + reply.text("protocol") +
				": install jar and Python package of one version.");
		}
		LogFile.write("worker started: ijbridge " + reply.text("version") + ", Python " + reply.text("python") +
			", process " + reply.text("pid") + ", " + python);
	}

	private String cannotStart(final String cause) {
		if (EnvironmentFolder.holds(python)) {
			return "The Python environment " + python.getParentFile().getParent() + " cannot run ijbridge (" + cause +
				"): remove that folder, if it is there, and run the command again, which makes it anew.";
		}
		return "The Python " + python + " cannot run ijbridge (" + cause + "): install it there with \"" + python +
			" -m pip install ijbridge\", or set IJBRIDGE_PYTHON to another Python and start ImageJ again.";
	}

	private static Map<String, Object> inputs(final String op, final Map<String, Object> request,
		final List<? extends PixelBlock> blocks)
	{
		final List<Object> segments = new ArrayList<>();
		for (final PixelBlock block : blocks) segments.add(block.reference());
		final Map<String, Object> inputs = new HashMap<>();
		inputs.put("op", op);
		inputs.put("request", request);
		inputs.put("segments", segments);
		return inputs;
	}
}
