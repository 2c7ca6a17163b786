package org.ijbridge;

import ij.IJ;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/**
 * The hold on a running worker that outlives the plugin's classes.
 * <p>
 * Refresh Menus loads the plugin anew, with empty statics. ImageJ's own properties stay, but an object of the old
 * classes found there is no object of the new ones. So what is kept is a map of JDK types, which this class wraps.
 * </p>
 */
final class WorkerHandle {

	private static final String KEY = "org.ijbridge.worker";

	private static final String LOCK = "org.ijbridge.worker.start";

	private static final long POLL_MS = 30;

	private final Map<String, Object> parts;

	WorkerHandle(final String python,
		final BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>> call,
		final BooleanSupplier alive, final Runnable stop)
	{
		parts = new HashMap<>();
		parts.put("jar", Version.ofJar());
		parts.put("python", python);
		parts.put("call", call);
		parts.put("alive", alive);
		parts.put("stop", stop);
	}

	private WorkerHandle(final Map<String, Object> parts) {
		this.parts = parts;
	}

	/** The worker that was kept last, whoever started it; null if there was none. */
	@SuppressWarnings("unchecked")
	static WorkerHandle kept() {
		final Object parts = IJ.getProperty(KEY);
		return parts instanceof Map ? new WorkerHandle((Map<String, Object>) parts) : null;
	}

	/**
	 * Waits for the lock that whoever starts a worker, or makes an environment for it, holds: so two who begin together
	 * start one. Plugin classes that were loaded anew have the same.
	 *
	 * @param what is told while it waits
	 * @return the lock, which is the caller's now
	 * @throws BridgeException where the person stopped it
	 */
	static Lock startLock(final Feedback feedback, final String what) throws BridgeException {
		final Lock lock = startLock();
		try {
			while (!lock.tryLock(POLL_MS, TimeUnit.MILLISECONDS)) {
				feedback.progress(what, 0, 0);
				if (feedback.stopAsked()) throw BridgeException.cancellation();
			}
			return lock;
		}
		catch (final InterruptedException interrupted) {
			Thread.currentThread().interrupt();
			throw BridgeException.cancellation();
		}
	}

	private static Lock startLock() {
		synchronized (IJ.class) {
			if (!(IJ.getProperty(LOCK) instanceof Lock)) IJ.setProperty(LOCK, new ReentrantLock());
			return (Lock) IJ.getProperty(LOCK);
		}
	}

	/** Keeps this worker for the runs to come. */
	void keep() {
		IJ.setProperty(KEY, parts);
	}

	/** Whether this worker lives, runs that Python, and was started by this version of the jar. */
	boolean serves(final String python) {
		return python.equals(parts.get("python")) && Version.ofJar().equals(parts.get("jar")) &&
			isAlive();
	}

	/** Whether its process lives, whatever it was started for. */
	boolean isAlive() {
		return ((BooleanSupplier) parts.get("alive")).getAsBoolean();
	}

	/** Ends the worker's process. */
	void stop() {
		((Runnable) parts.get("stop")).run();
	}

	/** As {@link ApposeWorker#call}. */
	@SuppressWarnings("unchecked")
	Map<String, Object> call(final Map<String, Object> inputs, final Predicate<Object[]> progress) {
		return ((BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>>) parts.get("call"))
			.apply(inputs, progress);
	}
}
