package org.ijbridge;

import ij.ImagePlus;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.PatternSyntaxException;

/**
 * Runs a model on each image of a folder. A file that cannot be used is written down and does not stop the others; a
 * batch that was stopped or killed goes on where it was when it is run again. A result is there whole or not at all, and
 * nothing that this batch did not write is replaced.
 */
final class Batch {

	private final InferenceClient client;
	private final RunOptions options;
	private final List<File> files;
	private final File output;
	private final BatchLog log;
	private final Feedback feedback;
	private final Map<String, String> taken = new HashMap<>();
	private int warned;

	private Batch(final InferenceClient client, final RunOptions options, final List<File> files, final File output,
		final BatchLog log, final Feedback feedback)
	{
		this.client = client;
		this.options = options;
		this.files = files;
		this.output = output;
		this.log = log;
		this.feedback = feedback;
	}

	/** The files of a folder that fit, in the order of their names. */
	static List<File> files(final File input, final File output, final String pattern) throws BridgeException {
		final PathMatcher matcher;
		try {
			matcher = FileSystems.getDefault().getPathMatcher("glob:" + (pattern.isEmpty() ? "*" : pattern));
		}
		catch (final PatternSyntaxException malformed) {
			throw new BridgeException("The pattern \"" + pattern + "\" is not understood (" + malformed.getDescription() +
				"): write *.tif, or *.{tif,png}.");
		}
		if (!input.isDirectory()) {
			throw new BridgeException("There is no input folder \"" + input + "\": give the full path of a folder.");
		}
		if (output.getPath().isEmpty()) throw new BridgeException("No output folder is given.");
		if (input.getAbsoluteFile().equals(output.getAbsoluteFile())) {
			throw new BridgeException("Input and output are the same folder, where results would be taken for images: choose " +
				"another output folder.");
		}
		final File[] found = input.listFiles(file -> file.isFile() && !file.getName().startsWith(".") && matcher.matches(file
			.toPath().getFileName()));
		if (found == null || found.length == 0) {
			throw new BridgeException("No file in " + input + " fits the pattern \"" + pattern + "\".");
		}
		Arrays.sort(found);
		return Arrays.asList(found);
	}

	/**
	 * Runs a batch.
	 *
	 * @param options whose model is looked up
	 * @param pattern of file names, such as {@code *.tif} or {@code *.{tif,png}}
	 * @return how it went, in one sentence
	 * @throws BridgeException where no file fits, the model cannot be read, the output folder holds the results of something
	 *           else or cannot be written, or the batch is cancelled
	 */
	static String run(final RunOptions options, final File input, final File output, final String pattern,
		final Feedback feedback) throws BridgeException
	{
		final List<File> files = files(input, output, pattern);
		try (InferenceClient client = InferenceClient.find(options.mayMakeEnvironment(), feedback)) {
			// what is wrong with the model is wrong with each file
			final Reply model = client.ask("describe", Collections.singletonMap("model", options.model()), feedback);
			final BatchLog log = new BatchLog(output, "model " + options.model() + " (SHA-256 " + model.text("digest") +
				"), options " + options.toRequest() + ", images of " + input);
			return new Batch(client, options, files, output, log, feedback).run();
		}
	}

	private String run() throws BridgeException {
		int done = 0;
		int before = 0;
		int failed = 0;
		for (int i = 0; i < files.size(); i++) {
			final File file = files.get(i);
			feedback.progress((i + 1) + " of " + files.size() + ": " + file.getName(), i, files.size());
			if (log.isDone(file)) {
				before++;
				continue;
			}
			try {
				log.done(file, perform(file));
				done++;
			}
			catch (final BridgeException | RuntimeException | OutOfMemoryError failure) {
				if (failure instanceof BridgeException && ((BridgeException) failure).isCancellation()) throw failure;
				LogFile.write(file + ": " + failure.getMessage(), failure);
				log.failed(file, Failure.sentence(failure));
				failed++;
			}
		}
		return done + " of " + files.size() + " images done" + (before > 0 ? ", " + before + " had been done before" : "") +
			(failed > 0 ? ", " + failed + " failed" : "") + (warned > 0 ? ", " + warned + " warnings in " + LogFile.file() : "") +
			": see " + new File(output, BatchLog.FILE) + ".";
	}

	/** Runs on one file and gives the names of the results. */
	private List<String> perform(final File file) throws BridgeException {
		final ImagePlus image = BatchImages.open(file, client);
		final RunResults results = new ModelRunner(client, new OneOfMany(file)).run(image, options);
		final Map<String, ResultFile.Content> contents = new LinkedHashMap<>();
		for (final ImagePlus result : results.images) {
			contents.put(name(file, ResultFile.name(result.getTitle())), ResultFile.tiff(result));
		}
		final FoundObjects objects = results.objects;
		if (objects != null) {
			final byte[] table = objects.text.getBytes(StandardCharsets.UTF_8);
			contents.put(name(file, ResultFile.name(objects.title, ".csv")), ResultFile.bytes(table));
		}
		if (results.outlines != null) {
			final Outlines outlines = results.outlines;
			contents.put(name(file, ResultFile.name(objects.title, ".zip")), part -> Files.write(part.toPath(), outlines.zip()));
		}
		final List<String> names = new ArrayList<>(contents.keySet());
		log.writing(file, names);
		for (final Map.Entry<String, ResultFile.Content> one : contents.entrySet()) {
			ResultFile.save(one.getValue(), new File(output, one.getKey()));
		}
		return names;
	}

	private String name(final File file, final String name) throws BridgeException {
		final String other = taken.putIfAbsent(name, file.getName());
		if (other != null && !other.equals(file.getName())) {
			throw new BridgeException("Its result would be " + name + ", as that of " + other + ": rename one of the two.");
		}
		if (!new File(output, name).exists() || log.isOwn(file, name)) return name;
		throw new BridgeException("The file " + name + " is in the output folder already, and not of this batch: choose " +
			"another folder.");
	}

	/** Escape stops the batch; what else a run says is said for all files together. */
	private final class OneOfMany implements Feedback {

		private final File file;

		OneOfMany(final File file) {
			this.file = file;
		}

		@Override
		public void progress(final String message, final long current, final long maximum) {}

		@Override
		public void warn(final String sentence) {
			warned++;
			LogFile.write("warning: " + file + ": " + sentence);
		}

		@Override
		public boolean stopAsked() {
			return feedback.stopAsked();
		}
	}
}
