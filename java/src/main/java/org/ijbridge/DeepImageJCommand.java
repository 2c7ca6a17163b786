package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.plugin.frame.Recorder;
import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code run("DeepImageJ Run", ...)} as DeepImageJ 1.x, 2.x, 3.0 and 3.1 recorded it, where DeepImageJ itself is not
 * installed. What the keys mean, and what of them is right for the model and the image, the worker says. Windows and files
 * are called as DeepImageJ called them, because macros go on with these names.
 */
final class DeepImageJCommand {

	static final String NAME = "DeepImageJ Run";

	private static final String RUN_MODEL = "Run Model...";

	/** The keys of all its versions, and our own for a yes; which go together, the worker knows. */
	private static final List<String> KEYS = Collections.unmodifiableList(Arrays.asList("model", "format",
		"preprocessing", "postprocessing", "patch", "overlap", "axes", "tile", "logging", "model_dir", "model_path",
		"input_path", "output_folder", "display_output", RunOptions.MACROS, "trust",
		RunOptions.ENVIRONMENT));

	private final InferenceClient client;
	private final Feedback feedback;
	private final Reply line;
	private final RunOptions options;

	private DeepImageJCommand(final InferenceClient client, final Feedback feedback, final Map<String, String> values,
		final ImagePlus image) throws BridgeException
	{
		this.client = client;
		this.feedback = feedback;
		final List<String> folders = new ArrayList<>();
		for (final File folder : Preferences.modelFolders()) folders.add(folder.getAbsolutePath());
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("values", values);
		request.put("folders", folders);
		if (image != null) request.put("image", new Header(image).toRequest());
		line = client.ask("deepimagej", request, feedback);
		final Map<String, String> run = line.textsByName("options");
		run.put("model", line.requiredText("model"));
		final List<String> macros = line.texts("macros");
		if (line.flag("macros_agreed")) run.put(RunOptions.MACROS, String.join(",", macros));
		final RunOptions asked = new RunOptions(run);
		options = line.flag("macros_agreed") || macros.isEmpty() ? asked : asked.withMacrosAgreedTo(macros);
	}

	static void run() throws BridgeException {
		final String written = Macro.getOptions();
		if (written == null && isCalledByMacro()) {
			// DeepImageJ 3.1 recorded this line beside the one that runs, and passed over it
			IJ.log(NAME + ": nothing is done, as the line has no options.");
			return;
		}
		if (written == null) {
			if (Recorder.record) Recorder.setCommand(RUN_MODEL); // it is that one's keys that are recorded
			RunCommand.run();
			return;
		}
		final Map<String, String> values = MacroKeys.parse(KEYS, written, RunCommand::variable);
		final String named = values.getOrDefault("input_path", "").trim();
		final boolean isOnFiles = !named.isEmpty() && !named.equals("null");
		final ImagePlus image = isOnFiles ? null : WindowManager.getCurrentImage();
		if (image == null && !isOnFiles) {
			throw new BridgeException("No image is open: open an image, then run the command again.");
		}
		final ImageJFeedback feedback = new ImageJFeedback(NAME);
		String end = "failed";
		try (InferenceClient client = InferenceClient.find(new RunOptions(values).mayMakeEnvironment(), feedback)) {
			final DeepImageJCommand command = new DeepImageJCommand(client, feedback, values, image);
			command.line.texts("notes").forEach(feedback::warn);
			if (isOnFiles) command.runOnFiles();
			else command.runOn(image);
			end = "done";
		}
		finally {
			feedback.end(end);
		}
	}

	/** Says what to use for one of DeepImageJ's other commands, whose lines in macros have no options. */
	static void refuse(final String command) {
		Failure.tell("IJBridge", new BridgeException(replacement(command)), !isCalledByMacro() && Failure
			.isAttended());
	}

	/** Whether a macro's line is at work here; {@code IJ.isMacro()} would say so too while a person uses the menu beside it. */
	private static boolean isCalledByMacro() {
		for (final StackTraceElement frame : Thread.currentThread().getStackTrace()) {
			if (frame.getClassName().startsWith("ij.macro.")) return true;
		}
		return false;
	}

	private static String replacement(final String command) {
		switch (command) {
			case "deepimagej-explore":
				return "DeepImageJ Explore is not here: Plugins > IJBridge > Run Model... lists the models there are, and " +
					"Inspect Model... shows what each says of itself.";
			case "deepimagej-validate":
				return "DeepImageJ Validate is not here: Plugins > IJBridge > Test Model... compares a model's own test images " +
					"with what it gives.";
			case "deepimagej-build":
				return "DeepImageJ Build BundledModel is not here: `ijbridge convert` in a shell makes a " +
					"bioimage.io package of any model that runs.";
			case "deepimagej-stardist":
				return "DeepImageJ StarDist is not here: choose the folder of the StarDist network in Plugins > IJBridge > Run " +
					"Model....";
			case "deepimagej-cellpose":
				return "DeepImageJ Cellpose is not here: IJBridge does not run Cellpose.";
			default:
				return "There is no command \"" + command + "\": install the jar anew.";
		}
	}

	private void runOn(final ImagePlus image) throws BridgeException {
		final List<ImagePlus> results = new ModelRunner(client, feedback).run(image, options).images;
		final List<String> outputs = line.texts("outputs");
		// DeepImageJ had no name for what is made of several outputs
		final boolean named = results.size() == outputs.size();
		for (int i = 0; i < results.size() && named; i++) results.get(i).setTitle(title(image, outputs.get(i)));
		final String folder = line.text("output");
		if (!folder.isEmpty()) for (final ImagePlus result : results) save(image, result, new File(folder));
		// The first output is shown last, which makes it the active image.
		for (int i = results.size() - 1; i >= 0 && line.flag("shown"); i--) results.get(i).show();
		if (folder.isEmpty() && !line.flag("shown")) {
			feedback.warn("The results are neither shown nor saved: write display_output=all, or output_folder=[a folder].");
		}
	}

	/** A file that cannot be used does not stop the others, but is said at the end, and ends the macro then. */
	private void runOnFiles() throws BridgeException {
		final List<String> failed = new ArrayList<>();
		final List<File> files = files(new File(line.text("input")));
		for (final File file : files) {
			try {
				runOn(BatchImages.open(file, client));
			}
			catch (final BridgeException failure) {
				if (failure.isCancellation() || files.size() == 1) throw failure;
				LogFile.write(file + ": " + failure.getMessage(), failure);
				feedback.warn(file.getName() + ": " + failure.getMessage());
				failed.add(file.getName());
			}
		}
		if (!failed.isEmpty()) {
			throw new BridgeException(failed.size() + " of " + files.size() + " files have no result (" + String.join(", ",
				failed) + "): the reasons are in the Log.");
		}
	}

	private static List<File> files(final File input) throws BridgeException {
		if (input.isFile()) return Collections.singletonList(input);
		final File[] files = input.listFiles(file -> file.isFile() && !file.isHidden());
		if (files == null) {
			throw new BridgeException("There is no image or folder \"" + input + "\": give the full path, or input_path=null " +
				"for the active image.");
		}
		Arrays.sort(files);
		return Arrays.asList(files);
	}

	private static void save(final ImagePlus image, final ImagePlus result, final File folder) throws BridgeException {
		if (!folder.isDirectory() && !folder.mkdirs()) {
			throw new BridgeException("The folder " + folder + " cannot be made: choose another output_folder.");
		}
		final File file = new File(folder, ResultFile.name(result.getTitle()));
		final String from = image.getOriginalFileInfo() == null ? null : image.getOriginalFileInfo().getFilePath();
		if (from != null && file.getAbsoluteFile().equals(new File(from).getAbsoluteFile())) {
			throw new BridgeException("The result would replace its image " + file + ": choose another output_folder.");
		}
		ResultFile.save(result, file);
	}

	/** What the version whose line it is called a result. */
	private String title(final ImagePlus image, final String output) {
		switch (line.text("dialect")) {
			case "1":
				return line.text("name") + " of " + image.getTitle();
			case "2":
				return line.text("name") + "_" + output + "_" + image.getTitle().replaceFirst("\\.[^.]*$", "");
			default:
				return image.getShortTitle() + "_" + output;
		}
	}
}
