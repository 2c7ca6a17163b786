package org.ijbridge;

import java.io.File;
import java.io.IOException;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apposed.appose.Appose;
import org.apposed.appose.Service;
import org.apposed.appose.TaskEvent;

/**
 * One Python process that Appose talks to, and one task at a time in it.
 * <p>
 * Its methods take and give types of the JDK only, and failures come back as replies: after Refresh Menus the plugin's
 * classes are loaded anew, and the new ones go on using the worker that the old ones started.
 * </p>
 */
final class ApposeWorker {

	/** The kind of error that says that the person ended the run. */
	static final String CANCELLED = "Cancelled";

	/** The kind of error that says that the process itself failed, and the cause, which may be empty. */
	static final String FAILED = "WorkerFailed";

	/** The kind of error that says that the system ended the process at work: mostly because memory ran out. */
	static final String KILLED = "WorkerKilled";

	/** The kind of error that says that the process had ended before this task was its: another one can do it. */
	static final String GONE = "WorkerGone";

	/** Slow imports, done before there are threads: on Windows, importing numpy in a thread can hang. */
	private static final String INIT = "import numpy, ijbridge.appose_worker";

	private static final String LAUNCH = "import appose.python_worker; appose.python_worker.main()";

	private static final String HANDLE = "import ijbridge.appose_worker\n" +
		"ijbridge.appose_worker.handle(task, op, request, segments)";

	private static final Pattern EXIT_STATUS = Pattern.compile("exit code (-?\\d+)");
	private static final Pattern STANDARD_ERROR = Pattern.compile("\\[WORKER-\\d+] (.*)");
	private static final String KILL_STATUS = "137";
	private static final int ERRORS_KEPT = 20_000;

	private static final long POLL_MS = 30;

	/** How long Appose may take to tell that the process has ended, before it is told here. */
	private static final long DEATH_MS = 2000;

	private final String python;
	private final Service service;
	private final ReentrantLock turn = new ReentrantLock(true);
	private final AtomicReference<String> unreadable = new AtomicReference<>("");

	/** Whether it ever answered: of one that did not, the end is its own fault, and what it says of it is wanted. */
	private volatile boolean useful;

	/** What Python wrote to its standard error since the task before ended; filled by a thread of Appose's. */
	private final StringBuffer errors = new StringBuffer();

	private ApposeWorker(final String python) {
		this.python = python;
		final Map<String, String> variables = new HashMap<>();
		// Else a numpy.py in the folder that ImageJ was started from would be taken for numpy.
		variables.put("PYTHONSAFEPATH", "1");
		// Not Appose.wrap(folder): that downloads a tool of its own for folders that hold a virtual environment.
		service = new Service(new File(System.getProperty("user.dir")), variables, python, "-c", LAUNCH);
		service.init(INIT).debug(this::log);
	}

	/**
	 * Starts the process.
	 *
	 * @param python full path of the interpreter
	 * @throws IOException where the system cannot run it
	 */
	static ApposeWorker start(final String python) throws IOException {
		final FutureTask<ApposeWorker> start = new FutureTask<>(() -> {
			final ApposeWorker worker = new ApposeWorker(python);
			worker.service.start();
			Runtime.getRuntime().addShutdownHook(new Thread(worker::stop, "ijbridge-worker-end"));
			return worker;
		});
		// Appose's threads inherit from this one: as daemons they do not keep a Java process alive, and with the
		// plugin's class loader they find their parts.
		final Thread thread = new Thread(start, "ijbridge-worker-start");
		thread.setDaemon(true);
		thread.setContextClassLoader(ApposeWorker.class.getClassLoader());
		thread.start();
		try {
			return start.get();
		}
		catch (final ExecutionException failure) {
			if (failure.getCause() instanceof IOException) throw (IOException) failure.getCause();
			if (failure.getCause() instanceof Error) throw (Error) failure.getCause();
			throw new IOException(failure.getCause());
		}
		catch (final InterruptedException interrupted) {
			Thread.currentThread().interrupt();
			throw new IOException("interrupted", interrupted);
		}
	}

	/**
	 * Does nothing where the jars of Appose are there.
	 *
	 * @throws NoClassDefFoundError where they are not
	 */
	static void checkJars() {
		Appose.version();
	}

	/** Whether the process lives. */
	boolean isAlive() {
		return service.isAlive();
	}

	/** Ends the process: at once if it is at work, else by closing its input. */
	void stop() {
		if (turn.isLocked()) service.kill();
		else service.close();
	}

	/** What this worker can do, for plugin classes that are not the ones it was loaded with. */
	WorkerHandle handle() {
		return new WorkerHandle(python, this::call, this::isAlive, this::stop);
	}

	/**
	 * Runs one task and waits for it.
	 *
	 * @param inputs {@code op}, {@code request} and {@code segments}
	 * @param progress is given what the worker says of its progress as {message, current, maximum}, or null where
	 *          there is nothing new, and tells whether to stop: once, between two tiles; twice, at once
	 * @return the worker's reply, or one with an {@code error} of {@code kind}, {@code message} and {@code traceback}
	 */
	Map<String, Object> call(final Map<String, Object> inputs, final Predicate<Object[]> progress) {
		boolean mine = false;
		try {
			while (!mine) {
				mine = turn.tryLock(POLL_MS, TimeUnit.MILLISECONDS);
				if (!mine && progress.test(null)) return cancelled();
			}
			if (useful && !service.isAlive()) return failed(GONE, "has ended", "");
			return PluginLoader.call(() -> perform(inputs, progress));
		}
		catch (final InterruptedException interrupted) {
			Thread.currentThread().interrupt();
			return cancelled();
		}
		catch (final Exception failure) {
			LogFile.write("the worker could not be asked", failure);
			return failed("could not be asked", String.valueOf(failure));
		}
		finally {
			if (mine) turn.unlock();
		}
	}

	private Map<String, Object> perform(final Map<String, Object> inputs, final Predicate<Object[]> progress)
		throws Exception
	{
		final Service.Task task = service.task(HANDLE, inputs);
		final CountDownLatch finished = new CountDownLatch(1);
		final AtomicReference<Object[]> news = new AtomicReference<>();
		task.listen(event -> hear(event, news, finished));
		boolean settled = false;
		try {
			task.start();
			boolean asked = false;
			long deadSince = 0;
			while (!finished.await(POLL_MS, TimeUnit.MILLISECONDS)) {
				final boolean stop = progress.test(news.getAndSet(null));
				if (stop && asked) service.kill();
				else if (stop) task.cancel();
				asked |= stop;
				if (unreadable.get().contains(task.uuid)) {
					return failed("gave a reply that cannot be read", unreadable.getAndSet(""));
				}
				// A task given to a process that has just ended is never answered.
				if (service.isAlive()) deadSince = 0;
				else if (deadSince == 0) deadSince = System.currentTimeMillis();
				else if (System.currentTimeMillis() - deadSince > DEATH_MS) {
					settled = true;
					return asked ? cancelled() : ended("");
				}
			}
			settled = true;
			// The process may be told as alive for a moment after its end was told.
			final boolean ended = task.status == Service.TaskStatus.CRASHED || !service.isAlive();
			return asked && ended ? cancelled() : reply(task);
		}
		finally {
			if (!settled) task.cancel();
			errors.setLength(0);
		}
	}

	private static void hear(final TaskEvent event, final AtomicReference<Object[]> news,
		final CountDownLatch finished)
	{
		if (event.responseType.isTerminal()) finished.countDown();
		else if (event.responseType == Service.ResponseType.UPDATE) {
			news.set(new Object[] { event.message, event.current, event.maximum });
		}
	}

	private Map<String, Object> reply(final Service.Task task) {
		switch (task.status) {
			case COMPLETE:
				useful = true;
				final Object reply = task.outputs.get("reply");
				if (reply instanceof Map) return copy((Map<?, ?>) reply);
				return failed("gave no reply", String.valueOf(task.outputs));
			case CANCELED:
				return cancelled();
			case FAILED:
				return failed("failed", String.valueOf(task.error));
			default:
				return ended(String.valueOf(task.error));
		}
	}

	/** @param crash what Appose says of the end, which begins with the exit status; empty where it says nothing */
	private Map<String, Object> ended(final String crash) {
		final Matcher status = EXIT_STATUS.matcher(crash);
		final String number = status.find() ? status.group(1) : "";
		if (number.equals(KILL_STATUS)) {
			return failed(KILLED, "was killed by the system, mostly for want of memory", errors.toString());
		}
		return failed("ended" + (number.isEmpty() ? "" : " with exit status " + number), errors.toString());
	}

	private Map<String, Object> failed(final String how, final String trace) {
		return failed(FAILED, how, trace);
	}

	/** What the last line of a traceback says is what went wrong. */
	private Map<String, Object> failed(final String kind, final String how, final String trace) {
		final String[] lines = trace.trim().split("\\R");
		final String cause = lines[lines.length - 1].trim();
		return error(kind, "The Python worker of " + python + " " + how + (cause.isEmpty() ? "" : " (" + cause +
			")") + ": run the command again.", trace, cause);
	}

	private static Map<String, Object> cancelled() {
		return error(CANCELLED, "The run was cancelled.", "", "");
	}

	private static Map<String, Object> error(final String kind, final String message, final String traceback,
		final String cause)
	{
		final Map<String, Object> error = new LinkedHashMap<>();
		error.put("kind", kind);
		error.put("message", message);
		error.put("traceback", traceback);
		error.put("cause", cause);
		return Collections.singletonMap("error", error);
	}

	private static Map<String, Object> copy(final Map<?, ?> map) {
		final Map<String, Object> copy = new LinkedHashMap<>();
		map.forEach((key, value) -> copy.put(String.valueOf(key), value));
		return copy;
	}

	/** Appose tells every message; the log wants what Python writes to its standard error, and what goes wrong. */
	private void log(final String line) {
		final Matcher stderr = STANDARD_ERROR.matcher(line);
		if (stderr.matches()) {
			if (errors.length() < ERRORS_KEPT) errors.append(stderr.group(1)).append(System.lineSeparator());
			LogFile.write("[python] " + stderr.group(1));
		}
		else if (line.contains("] <INVALID> ")) {
			unreadable.set(line);
			LogFile.write(line);
		}
	}
}
