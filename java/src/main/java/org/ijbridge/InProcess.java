package org.ijbridge;

import ij.CommandListener;
import ij.Executer;
import ij.IJ;
import ij.Menus;
import java.lang.reflect.Field;
import java.util.HashMap;
import java.util.Hashtable;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/**
 * Where a Python program that has started ImageJ in its own process says that it runs models itself. From then on the
 * command asks that program, and starts no worker.
 * <p>
 * What is kept is of the JDK's types only, and lies in ImageJ's own properties: so it is found again by the classes that
 * Refresh Menus, or another class loader, loads anew.
 * </p>
 */
public final class InProcess {

	private static final String KEY = "org.ijbridge.inprocess";
	private static final String FAILURE = "org.ijbridge.inprocess.failure";
	private static final String LISTENS = "org.ijbridge.inprocess.listens";

	/** What plugins.config says too, which ImageJ reads in its plugins folder only. */
	static final Map<String, String> COMMANDS = commands();

	private InProcess() {}

	/**
	 * Registers a program, in place of any before.
	 *
	 * @param handler is given {@code op}, {@code request} and {@code segments}, and what tells it whether to stop, which
	 *          itself is given {message, current, maximum} or null; answers with a reply of the worker's protocol, in
	 *          maps, lists, texts, {@code Long}, {@code Double} and {@code Boolean}, and throws nothing. Null: there is
	 *          no such program any more
	 */
	public static void register(
		final BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>> handler)
	{
		IJ.setProperty(KEY, handler);
		addCommands();
		if (IJ.getProperty(LISTENS) != null) return;
		IJ.setProperty(LISTENS, true);
		// Refresh Menus makes the table anew.
		final CommandListener listener = command -> {
			if (COMMANDS.containsKey(command)) addCommands();
			return command;
		};
		Executer.addCommandListener(listener);
	}

	/** Why the last run of the command that failed did so, in one sentence, once; empty where none failed since. */
	public static String takeFailure() {
		final Object sentence = IJ.getProperty(FAILURE);
		IJ.setProperty(FAILURE, null);
		return sentence == null ? "" : sentence.toString();
	}

	/** Keeps what {@link #takeFailure} gives. */
	static void keepFailure(final String sentence) {
		IJ.setProperty(FAILURE, sentence);
	}

	/** The version of the protocol that this jar speaks. */
	public static int protocol() {
		return InferenceClient.PROTOCOL;
	}

	/** How far, in bytes, each piece of memory that Python gives must reach into the next one. */
	public static int reach() {
		return Pixels.CHUNK;
	}

	/** The version of this jar. */
	public static String version() {
		return Version.ofJar();
	}

	/** What was registered last, by whichever classes; null where nothing is. */
	@SuppressWarnings("unchecked")
	static BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>> handler() {
		final Object handler = IJ.getProperty(KEY);
		return handler instanceof BiFunction
			? (BiFunction<Map<String, Object>, Predicate<Object[]>, Map<String, Object>>) handler : null;
	}

	/** For macros, where the jar lies on the class path: plain ImageJ makes menu entries of its plugins folder only. */
	@SuppressWarnings("unchecked")
	private static void addCommands() {
		final Hashtable<Object, Object> commands = Menus.getCommands();
		if (commands != null) COMMANDS.forEach(commands::putIfAbsent);
		final ClassLoader loader = IJ.getClassLoader();
		try {
			loader.loadClass(Run_Model.class.getName());
		}
		catch (final ClassNotFoundException elsewhere) {
			addClasses(loader);
		}
	}

	/** Where the jar was added to a Java that ran already, ImageJ's class loader does not see it, and has no way to add it. */
	private static void addClasses(final ClassLoader loader) {
		try {
			final Field field = IJ.class.getDeclaredField("classLoader");
			field.setAccessible(true);
			field.set(null, new ClassLoader(loader) {

				@Override
				protected Class<?> findClass(final String name) throws ClassNotFoundException {
					return InProcess.class.getClassLoader().loadClass(name);
				}
			});
		}
		catch (final ReflectiveOperationException | RuntimeException failure) {
			throw new IllegalStateException("This ImageJ does not find the plugin IJBridge, because Java was started " +
				"without it (" + failure + "): start Java by ijbridge.imagej.init(), or install the plugin into this ImageJ.",
				failure);
		}
	}

	private static Map<String, String> commands() {
		final Map<String, String> commands = new HashMap<>();
		commands.put("Run Model...", Run_Model.class.getName());
		commands.put("Batch Run Model...", other("batch"));
		commands.put("Inspect Model...", other("inspect"));
		commands.put("Test Model...", other("test"));
		commands.put("Install Model...", other("install"));
		commands.put("IJBridge Settings...", other("settings"));
		commands.put("Stop IJBridge Worker", other("stop"));
		commands.put("About IJBridge", other("about"));
		return commands;
	}

	private static String other(final String argument) {
		return Bridge_Command.class.getName() + "(\"" + argument + "\")";
	}
}
