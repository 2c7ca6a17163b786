package org.ijbridge;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** The program uv, which makes Python environments: taken out of its wheel, and run. */
final class Uv {

	private static final long POLL_MS = 30;

	/** How long what it printed is waited for after its end: something that it started may hold the same pipe. */
	private static final long LAST_WORDS_MS = 3000;

	private final Path program;
	private final Map<String, String> variables;

	/**
	 * Takes the program out of its wheel.
	 *
	 * @param folder where to, which is there
	 * @param variables environment variables for all runs
	 */
	Uv(final File wheel, final Path folder, final Map<String, String> variables) throws IOException {
		this.variables = variables;
		try (ZipFile archive = new ZipFile(wheel)) {
			final ZipEntry entry = entry(archive);
			final String name = entry.getName();
			program = folder.resolve(name.substring(name.lastIndexOf('/') + 1));
			try (InputStream in = archive.getInputStream(entry)) {
				Files.copy(in, program, StandardCopyOption.REPLACE_EXISTING);
			}
		}
		if (!program.toFile().setExecutable(true)) throw new IOException(program + " cannot be made executable");
	}

	/** A wheel's scripts lie in a folder of this name, as PEP 427 has it. */
	private static ZipEntry entry(final ZipFile wheel) throws IOException {
		final Enumeration<? extends ZipEntry> entries = wheel.entries();
		while (entries.hasMoreElements()) {
			final ZipEntry entry = entries.nextElement();
			if (entry.getName().matches("uv-[^/]*\\.data/scripts/uv(\\.exe)?")) return entry;
		}
		throw new IOException(wheel.getName() + " holds no uv");
	}

	/**
	 * Runs it and waits for its end.
	 *
	 * @param hear is given each line that it prints, in this thread
	 * @param stop is asked again and again whether to stop; then the program is killed
	 * @return its exit status and all that it printed
	 * @throws BridgeException where it was stopped
	 */
	Ended run(final Consumer<String> hear, final BooleanSupplier stop, final String... arguments) throws IOException,
		BridgeException
	{
		final List<String> command = new ArrayList<>();
		command.add(program.toString());
		command.addAll(Arrays.asList(arguments));
		// the folder that ImageJ was started from may hold the settings of somebody's project
		final ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).directory(program.getParent()
			.toFile());
		builder.environment().putAll(variables);
		final Process process = start(builder);
		final Thread quit = new Thread(process::destroyForcibly, "ijbridge-uv-end");
		Runtime.getRuntime().addShutdownHook(quit);
		final Queue<String> lines = new ConcurrentLinkedQueue<>();
		final Thread reader = new Thread(() -> read(process, lines), "ijbridge-uv-output");
		reader.setDaemon(true);
		reader.start();
		final List<String> said = new ArrayList<>();
		try {
			process.getOutputStream().close();
			while (!process.waitFor(POLL_MS, TimeUnit.MILLISECONDS)) {
				take(lines, said, hear);
				if (stop.getAsBoolean()) throw BridgeException.cancellation();
			}
			reader.join(LAST_WORDS_MS);
			take(lines, said, hear);
			return new Ended(process.exitValue(), said);
		}
		catch (final InterruptedException interrupted) {
			Thread.currentThread().interrupt();
			throw BridgeException.cancellation();
		}
		finally {
			end(process, quit);
		}
	}

	private Process start(final ProcessBuilder builder) throws BridgeException {
		try {
			return builder.start();
		}
		catch (final IOException refused) {
			throw new BridgeException("The Python environment cannot be made because " + program + " cannot be started (" +
				refused.getMessage() + "): programs have to be allowed to run from there; else use \"ijbridge install-fiji\" " +
				"with a Python of this computer.", refused);
		}
	}

	private static void end(final Process process, final Thread quit) {
		process.destroyForcibly();
		try {
			Runtime.getRuntime().removeShutdownHook(quit);
		}
		catch (final IllegalStateException quitting) {
			LogFile.write("ImageJ quits while a Python environment is made");
		}
	}

	private static void read(final Process process, final Queue<String> lines) {
		try (BufferedReader reader = new BufferedReader(new InputStreamReader(process.getInputStream(),
			StandardCharsets.UTF_8)))
		{
			String line;
			while ((line = reader.readLine()) != null) lines.add(line);
		}
		catch (final IOException ended) {
			LogFile.write("the output of uv ends (" + ended.getMessage() + ")");
		}
	}

	private static void take(final Queue<String> lines, final List<String> said, final Consumer<String> hear) {
		for (String line = lines.poll(); line != null; line = lines.poll()) {
			said.add(line);
			hear.accept(line);
		}
	}

	/** How a run ended. */
	static final class Ended {

		private final int status;
		private final List<String> lines;

		Ended(final int status, final List<String> lines) {
			this.status = status;
			this.lines = lines;
		}

		boolean isWell() {
			return status == 0;
		}

		/** All that was printed. */
		List<String> lines() {
			return lines;
		}
	}
}
