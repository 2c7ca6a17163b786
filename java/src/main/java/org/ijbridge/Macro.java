package org.ijbridge;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.macro.Interpreter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.concurrent.Callable;

/**
 * Functions for macros: {@code call("org.ijbridge.Macro.inputs", model)}. Each takes and gives texts; several things are
 * one a line. An image is told by its ID; options are those of {@code run("Run Model...", options)}. What goes wrong
 * is in the Log, and in the answer behind {@code error: }.
 */
public final class Macro {

	private static final String NAME = "IJBridge";

	private Macro() {}

	/** The names of a model's inputs. */
	public static String inputs(final String model) {
		return told(() -> names(describe(model).parts("inputs")));
	}

	/** The names of a model's outputs. */
	public static String outputs(final String model) {
		return told(() -> names(describe(model).parts("outputs")));
	}

	/** The axes of an input or output, the slowest first, such as {@code bcyx}; a question mark for one no image has. */
	public static String axes(final String model, final String tensor) {
		return told(() -> {
			final StringBuilder letters = new StringBuilder();
			for (final Reply axis : tensor(describe(model), tensor).parts("axes")) {
				letters.append(axis.text("letter").isEmpty() ? "?" : axis.text("letter"));
			}
			return letters.toString();
		});
	}

	/** The pixel size that a model's first input was made for, along x, y or z; NaN where the description states none. */
	public static String pixelSize(final String model, final String axis) {
		return told(() -> {
			final String size = axis(model, axis).text("pixel_size");
			return size.isEmpty() ? "NaN" : size;
		});
	}

	/** The unit of {@link #pixelSize}; empty where the description states none. */
	public static String unit(final String model, final String axis) {
		return told(() -> axis(model, axis).text("unit"));
	}

	/** The tile that a run would take, as the key {@code tile} takes it: {@code y=256,x=256}. */
	public static String tile(final String image, final String options) {
		return told(() -> planned(image, options).text("tile"));
	}

	/** What a run would do, in plain words. */
	public static String plan(final String image, final String options) {
		return told(() -> {
			final List<String> lines = new ArrayList<>();
			for (final String[] pair : planned(image, options).pairs("words")) lines.add(pair[0] + ": " + pair[1]);
			return String.join("\n", lines);
		});
	}

	/** What is worth knowing before a run, errors first, such as {@code warning: ...}; empty where there is nothing. */
	public static String check(final String image, final String options) {
		return told(() -> {
			final ImagePlus found = image(image);
			final RunOptions asked = options(options);
			final Header header = new Header(found, asked.isCropped());
			try (InferenceClient client = InferenceClient.find()) {
				final List<PixelBlock> blocks = client.share(Collections.singletonList(header.bytes()));
				try {
					Pixels.write(found, header, blocks.get(0));
					final Reply reply = client.ask("check", ModelRunner.request(header, asked), blocks, Feedback.SILENT);
					final List<String> lines = new ArrayList<>();
					for (final Reply one : reply.parts("findings")) lines.add(one.text("severity") + ": " + one.text("message"));
					return String.join("\n", lines);
				}
				finally {
					PixelBlock.closeAll(blocks);
				}
			}
		});
	}

	/**
	 * Runs a model on an image that need not be active; the active image stays what it is.
	 *
	 * @return the IDs of the results, in the model's order, with commas between them
	 */
	public static String run(final String image, final String options) {
		return told(() -> {
			final ImagePlus active = WindowManager.getCurrentImage();
			final List<String> ids = new ArrayList<>();
			final RunOptions asked = options(options);
			final RunResults results = RunCommand.perform(image(image), asked);
			results.showObjects(asked);
			for (final ImagePlus result : results.images) {
				result.show();
				ids.add(String.valueOf(result.getID()));
			}
			activate(active);
			return String.join(",", ids);
		});
	}

	private static void activate(final ImagePlus image) {
		if (image == null) return;
		if (Interpreter.isBatchMode()) {
			WindowManager.setTempCurrentImage(image);
			Interpreter.activateImage(image);
		}
		else IJ.selectWindow(image.getID());
	}

	private static Reply planned(final String image, final String options) throws BridgeException {
		final RunOptions asked = options(options);
		try (InferenceClient client = InferenceClient.find()) {
			return client.plan(ModelRunner.request(new Header(image(image), asked.isCropped()), asked), Feedback.SILENT);
		}
	}

	private static RunOptions options(final String options) throws BridgeException {
		return MacroKeys.parse(options, RunCommand::variable).found();
	}

	private static ImagePlus image(final String id) throws BridgeException {
		final ImagePlus image = id.matches("-\\d+") ? WindowManager.getImage(Integer.parseInt(id)) : null;
		if (image != null) return image;
		throw new BridgeException("There is no image with the ID \"" + id + "\": give what getImageID() gave.");
	}

	private static Reply describe(final String model) throws BridgeException {
		try (InferenceClient client = InferenceClient.find()) {
			return client.ask("describe", Collections.singletonMap("model", RunOptions.of(model).found().model()),
				Feedback.SILENT);
		}
	}

	private static String names(final List<Reply> tensors) {
		final List<String> names = new ArrayList<>();
		for (final Reply tensor : tensors) names.add(tensor.text("id"));
		return String.join("\n", names);
	}

	private static Reply tensor(final Reply described, final String name) throws BridgeException {
		final List<Reply> tensors = described.parts("inputs");
		tensors.addAll(described.parts("outputs"));
		for (final Reply tensor : tensors) if (tensor.text("id").equals(name)) return tensor;
		throw new BridgeException("The model \"" + described.text("name") + "\" has no input or output \"" + name +
			"\": there are " + names(tensors).replace("\n", ", ") + ".");
	}

	private static Reply axis(final String model, final String letter) throws BridgeException {
		final Reply described = describe(model);
		for (final Reply axis : described.parts("inputs").get(0).parts("axes")) {
			if (axis.text("letter").equals(letter)) return axis;
		}
		throw new BridgeException("The first input of the model \"" + described.text("name") + "\" has no axis \"" + letter +
			"\".");
	}

	private static String told(final Callable<String> question) {
		try {
			return question.call();
		}
		catch (final Exception | LinkageError | ServiceConfigurationError | VirtualMachineError failure) {
			return Failure.answer(NAME, failure);
		}
	}
}
