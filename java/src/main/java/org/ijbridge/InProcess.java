package org.ijbridge;

import ij.CommandListener;
import ij.Executer;
import ij.IJ;
import ij.Menus;
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

	private static final String COMMAND = "Run Model...";
	private static final String KEY = "org.ijbridge.inprocess";
	private static final String FAILURE = "org.ijbridge.inprocess.failure";
	private static final String LISTENS = "org.ijbridge.inprocess.listens";

	/** The arguments of the other commands, as in plugins.config, which ImageJ reads in its plugins folder only. */
	private static final Map<String, String> OTHERS = others();

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
		addCommand();
		if (IJ.getProperty(LISTENS) != null) return;
		IJ.setProperty(LISTENS, true);
		// Refresh Menus makes the table anew.
		final CommandListener listener = command -> {
			if (COMMAND.equals(command) || OTHERS.containsKey(command)) addCommand();
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
	private static void addCommand() {
		final Hashtable<Object, Object> commands = Menus.getCommands();
		if (commands == null) return;
		commands.putIfAbsent(COMMAND, Run_Model.class.getName());
		OTHERS.forEach((name, argument) -> commands.putIfAbsent(name, Bridge_Command.class.getName() + "(\"" + argument +
			"\")"));
	}

	private static Map<String, String> others() {
		final Map<String, String> others = new HashMap<>();
		others.put("Batch Run Model...", "batch");
		others.put("Inspect Model...", "inspect");
		others.put("Test Model...", "test");
		others.put("Install Model...", "install");
		others.put("IJBridge Settings...", "settings");
		others.put("Stop IJBridge Worker", "stop");
		others.put("About IJBridge", "about");
		return others;
	}
}
