package org.ijbridge;

import ij.IJ;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;

/**
 * Makes the Python environment of this version of the plugin, out of the wheels beside it and, where those are not all,
 * the network. It is recorded when its Python has answered as the plugin wants it; what is left of one that was
 * interrupted is removed by the next.
 * <p>
 * Python itself is one that uv fetches, which no update of the system changes, else one that is there. With all wheels
 * at hand it is the other way round, because there may be no network.
 * </p>
 */
final class EnvironmentMaker {

	/** What a person is told before: it differs from system to system. */
	static final String DOWNLOAD = "200 MB";
	static final String SIZE = "600 MB";

	private static final long ROOM = 1_000_000_000;
	private static final int POLL_MS = 100;

	private static final String FETCHED = "3.12";
	private static final String FOUND = ">=3.11,<3.14";
	private static final String FOUND_SAID = "3.11, 3.12 or 3.13";

	private final Wheels wheels;
	private final EnvironmentFolder folder;
	private final Feedback feedback;
	private final ProxyVariables proxy = ProxyVariables.find();

	EnvironmentMaker(final Wheels wheels, final EnvironmentFolder folder, final Feedback feedback) {
		this.wheels = wheels;
		this.folder = folder;
		this.feedback = feedback;
	}

	/**
	 * Makes the environment, or waits for the one that another ImageJ makes.
	 *
	 * @return its Python, which has answered and whose worker runs
	 * @throws BridgeException where it cannot be made, or the person stopped it
	 */
	File make() throws BridgeException {
		final Lock lock = WorkerHandle.startLock(feedback, "waiting for another run that makes the Python environment");
		try {
			Files.createDirectories(folder.path());
			final Path file = folder.path().resolve("lock");
			try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
				await(channel);
				final File there = folder.recorded();
				return there != null ? there : makeAlone();
			}
		}
		catch (final IOException failure) {
			throw new BridgeException("The Python environment cannot be made in " + folder.path() + " (" + failure +
				"): make room and let that folder be written, and run the command again.", failure);
		}
		finally {
			lock.unlock();
		}
	}

	private File makeAlone() throws IOException, BridgeException {
		final long start = System.currentTimeMillis();
		checkRoom();
		folder.clear();
		final Path tools = Files.createDirectories(folder.path().resolve("build"));
		final Uv uv = new Uv(wheels.uv(), tools, variables(tools));
		final Path environment = folder.fresh();
		boolean made = false;
		try {
			makeVenv(uv, environment);
			final File python = python(environment);
			install(uv, python);
			new ApposeClient(python).start(feedback);
			folder.record(python);
			made = true;
			LogFile.write("made the Python environment " + environment + " in " + (System.currentTimeMillis() - start) /
				1000 + " s");
			return python;
		}
		finally {
			// what was fetched stays for the next time where this one failed
			EnvironmentFolder.remove(made ? tools : environment);
		}
	}

	private void makeVenv(final Uv uv, final Path environment) throws IOException, BridgeException {
		final String[] fetch = { "venv", "--managed-python", "--python", FETCHED, environment.toString() };
		final String[] find = { "venv", "--no-managed-python", "--python", FOUND, environment.toString() };
		final boolean near = wheels.areAll();
		final Uv.Ended first = run(uv, near ? find : fetch);
		if (first.isWell()) return;
		LogFile.write("no Python at the first attempt:" + System.lineSeparator() + text(first));
		final Uv.Ended second = run(uv, near ? fetch : find);
		if (second.isWell()) return;
		LogFile.write("no Python at the second attempt:" + System.lineSeparator() + text(second));
		throw new UvFailure((near ? second : first).lines()).python(proxy, FOUND_SAID);
	}

	private void install(final Uv uv, final File python) throws IOException, BridgeException {
		final List<String> needed = new ArrayList<>(Arrays.asList("pip", "install", "--python", python.getPath(),
			"--only-binary", ":all:", "--require-hashes", "--requirements", wheels.lock().getAbsolutePath()));
		if (wheels.areAll()) {
			needed.addAll(Arrays.asList("--no-index", "--find-links", wheels.folder().getAbsolutePath()));
		}
		check(run(uv, needed.toArray(new String[0])));
		check(run(uv, "pip", "install", "--python", python.getPath(), "--no-index", "--no-deps", wheels.own()
			.getAbsolutePath()));
	}

	private void check(final Uv.Ended ended) throws BridgeException {
		if (!ended.isWell()) throw new UvFailure(ended.lines()).install(wheels, proxy);
	}

	private Uv.Ended run(final Uv uv, final String... arguments) throws IOException, BridgeException {
		final UvProgress progress = new UvProgress(feedback);
		return uv.run(progress::hear, () -> {
			progress.show();
			return feedback.stopAsked();
		}, arguments);
	}

	/** All that is fetched and kept lies in the folder; where from, a person may have set by uv's own variables. */
	private Map<String, String> variables(final Path tools) {
		final Map<String, String> variables = new HashMap<>();
		variables.put("UV_CACHE_DIR", tools.resolve("cache").toString());
		variables.put("UV_PYTHON_INSTALL_DIR", folder.path().resolve("python").toString());
		// a network that looks into what passes has a certificate that only the system's own list names
		if (System.getenv("UV_SYSTEM_CERTS") == null) variables.put("UV_SYSTEM_CERTS", "true");
		variables.put("NO_COLOR", "1");
		variables.putAll(proxy.variables());
		return variables;
	}

	/** Waits for the lock of a file, which the file's end gives back. */
	private void await(final FileChannel channel) throws BridgeException {
		try {
			while (channel.tryLock() == null) {
				feedback.progress("waiting for another ImageJ that makes the Python environment", 0, 0);
				if (feedback.stopAsked()) throw BridgeException.cancellation();
				IJ.wait(POLL_MS);
			}
		}
		catch (final IOException impossible) {
			// some network drives have no locks; two environments have two names, and both work
			LogFile.write("no lock in " + folder.path() + " (" + impossible + ")");
		}
	}

	private void checkRoom() throws IOException, BridgeException {
		final long room = Files.getFileStore(folder.path()).getUsableSpace();
		if (room >= ROOM) return;
		throw new BridgeException("The Python environment cannot be made because there are " + room / 1_000_000 +
			" MB free for " + folder.path() + " and " + ROOM / 1_000_000 + " MB are needed while it is made: make room and " +
			"run the command again.");
	}

	private static File python(final Path environment) {
		final boolean windows = File.separatorChar == '\\';
		return environment.resolve(windows ? "Scripts" : "bin").resolve(windows ? "python.exe" : "python").toFile();
	}

	private static String text(final Uv.Ended ended) {
		return String.join(System.lineSeparator(), ended.lines());
	}
}
