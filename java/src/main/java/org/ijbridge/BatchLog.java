package org.ijbridge;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What became of each file of a batch, written after each, so that a batch that was killed can go on.
 * <p>
 * The first line says what was run. Then a line a file, with tabs between {@code done}, {@code failed} or
 * {@code writing}, the file's name, its size and time, and what was written or why nothing was.
 * </p>
 */
final class BatchLog {

	static final String FILE = "ijbridge-batch.txt";

	private static final String HEAD = "# IJBridge batch: ";
	private static final String WRITING = "writing";
	private static final String DONE = "done";
	private static final String FAILED = "failed";

	private final Path path;
	private final Map<String, String[]> last = new LinkedHashMap<>();

	/**
	 * Opens the log of a folder, or begins one.
	 *
	 * @param what is run, on one line
	 * @throws BridgeException where the folder holds the results of something else, or cannot be written
	 */
	BatchLog(final File folder, final String what) throws BridgeException {
		path = folder.toPath().resolve(FILE);
		final String head = HEAD + oneLine(what);
		try {
			Files.createDirectories(folder.toPath());
			if (Files.exists(path)) read(head);
			final List<String> lines = new ArrayList<>(Arrays.asList(head));
			for (final String[] entry : last.values()) if (!entry[0].equals(FAILED)) lines.add(String.join("\t", entry));
			final Path part = path.resolveSibling("." + FILE + ".part");
			Files.write(part, lines, StandardCharsets.UTF_8);
			Files.move(part, path, StandardCopyOption.REPLACE_EXISTING);
		}
		catch (final IOException failure) {
			throw unwritable(failure);
		}
	}

	private void read(final String head) throws IOException, BridgeException {
		final List<String> lines = Files.readAllLines(path, StandardCharsets.UTF_8);
		if (lines.isEmpty() || !lines.get(0).equals(head)) {
			throw new BridgeException("The output folder " + path.getParent() + " holds the results of another batch (" + (lines
				.isEmpty() ? "its log is empty" : lines.get(0).replace(HEAD, "")) + "): choose another folder, or run that one.");
		}
		for (final String line : lines.subList(1, lines.size())) {
			final String[] entry = line.split("\t", -1);
			// the last line may be cut where the batch was killed
			if (entry.length == 5) last.put(entry[1], entry);
		}
	}

	/** Whether a file was done as it is now, and its results are there. */
	boolean isDone(final File file) {
		final String[] entry = last.get(file.getName());
		if (entry == null || !entry[0].equals(DONE) || !entry[2].equals(size(file)) || !entry[3].equals(time(file))) return false;
		return Arrays.stream(entry[4].split("\\|")).allMatch(name -> Files.exists(path.resolveSibling(name)));
	}

	/** Whether a result of that name was written by this batch, or was about to be. */
	boolean isOwn(final File file, final String result) {
		final String[] entry = last.get(file.getName());
		return entry != null && !entry[0].equals(FAILED) && Arrays.asList(entry[4].split("\\|")).contains(result);
	}

	/** Says before it is done that these results are written. */
	void writing(final File file, final List<String> results) throws BridgeException {
		add(WRITING, file, String.join("|", results));
	}

	void done(final File file, final List<String> results) throws BridgeException {
		add(DONE, file, String.join("|", results));
	}

	void failed(final File file, final String sentence) throws BridgeException {
		add(FAILED, file, sentence);
	}

	private void add(final String state, final File file, final String what) throws BridgeException {
		final String[] entry = { state, file.getName(), size(file), time(file), oneLine(what) };
		last.put(file.getName(), entry);
		try {
			Files.write(path, Arrays.asList(String.join("\t", entry)), StandardCharsets.UTF_8, StandardOpenOption.APPEND,
				StandardOpenOption.SYNC);
		}
		catch (final IOException failure) {
			throw unwritable(failure);
		}
	}

	private static String size(final File file) {
		return String.valueOf(file.length());
	}

	private static String time(final File file) {
		return String.valueOf(file.lastModified());
	}

	private static String oneLine(final String text) {
		return text.replaceAll("[\\t\\r\\n]+", " ");
	}

	private BridgeException unwritable(final IOException failure) {
		return new BridgeException("The batch's log " + path + " cannot be written (" + failure + "): choose another output " +
			"folder.", failure);
	}
}
