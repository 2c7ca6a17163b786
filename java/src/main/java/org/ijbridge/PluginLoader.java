package org.ijbridge;

import java.util.concurrent.Callable;

/**
 * Runs code with the context class loader that the libraries beside this plugin are found with.
 * <p>
 * ImageJ's threads carry the application's loader, which does not see the plugins folder. Appose and Groovy find their
 * parts by {@link java.util.ServiceLoader}, which asks the thread: without this, there is "No SharedMemory support".
 * Threads inherit the loader of the thread that makes them.
 * </p>
 */
final class PluginLoader {

	private PluginLoader() {}

	/** Calls with the plugin's loader in place, and puts the thread's own back whatever happens. */
	static <T> T call(final Callable<T> code) throws Exception {
		final Thread thread = Thread.currentThread();
		final ClassLoader before = thread.getContextClassLoader();
		thread.setContextClassLoader(PluginLoader.class.getClassLoader());
		try {
			return code.call();
		}
		finally {
			thread.setContextClassLoader(before);
		}
	}

	/** As {@link #call}, for code that throws nothing checked. */
	static void run(final Runnable code) {
		final Thread thread = Thread.currentThread();
		final ClassLoader before = thread.getContextClassLoader();
		thread.setContextClassLoader(PluginLoader.class.getClassLoader());
		try {
			code.run();
		}
		finally {
			thread.setContextClassLoader(before);
		}
	}
}
