package org.ijbridge;

import java.awt.EventQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import javax.swing.Timer;

/**
 * Asks for something whenever a window changes, away from the event thread, and hands on the answer to the last question
 * only: a person who types is not answered for every letter.
 */
final class Latest {

	/** What may take long. */
	interface Question<T> {

		/** @throws BridgeException with the sentence to show */
		T ask() throws BridgeException;
	}

	private static final int PAUSE_MS = 200;

	private final String name;
	private final AtomicLong number = new AtomicLong();
	private Timer timer;

	/** @param name of the threads that ask */
	Latest(final String name) {
		this.name = name;
	}

	/**
	 * Asks after a pause, if nothing else is asked before; on the event thread, as everything here.
	 *
	 * @param answered is given the answer
	 * @param failed is given the sentence that says why there is none
	 */
	<T> void ask(final Question<T> question, final Consumer<T> answered, final Consumer<String> failed) {
		stop();
		final long mine = number.get();
		timer = new Timer(PAUSE_MS, event -> start(question, answer -> {
			if (mine == number.get()) answered.accept(answer);
		}, sentence -> {
			if (mine == number.get()) failed.accept(sentence);
		}));
		timer.setRepeats(false);
		timer.start();
	}

	/** Whatever was asked is not wanted any more. */
	void stop() {
		number.incrementAndGet();
		if (timer != null) timer.stop();
	}

	private <T> void start(final Question<T> question, final Consumer<T> answered, final Consumer<String> failed) {
		final Thread thread = new Thread(() -> {
			try {
				final T answer = question.ask();
				EventQueue.invokeLater(() -> answered.accept(answer));
			}
			catch (final BridgeException failure) {
				EventQueue.invokeLater(() -> failed.accept(failure.getMessage()));
			}
			catch (final LinkageError | RuntimeException failure) {
				LogFile.write("a window could not be filled", failure);
				EventQueue.invokeLater(() -> failed.accept(Failure.sentence(failure)));
			}
		}, name);
		thread.setDaemon(true);
		thread.start();
	}
}
