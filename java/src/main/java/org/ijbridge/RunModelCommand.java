package org.ijbridge;

import ij.ImagePlus;
import ij.gui.Roi;
import ij.measure.ResultsTable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.scijava.ItemIO;
import org.scijava.command.Command;
import org.scijava.plugin.Parameter;
import org.scijava.plugin.Plugin;

/**
 * What {@link Run_Model} does, for scripts in Fiji and ImageJ2: {@code command.run(RunModelCommand.class, true, "image",
 * image, "model", path).get().getOutput("result")}. Nothing is shown.
 * <p>
 * It has no menu entry, because a macro gets no active image from a SciJava command, and remembers nothing, because a script
 * must not take what another one said. Plain ImageJ, which has no SciJava, never loads this class.
 * </p>
 */
@Plugin(type = Command.class)
public final class RunModelCommand implements Command {

	@Parameter(persist = false)
	private ImagePlus image;

	@Parameter(persist = false)
	private String model;

	@Parameter(persist = false, required = false)
	private String tile;

	@Parameter(persist = false, required = false)
	private String halo;

	@Parameter(persist = false, required = false)
	private String device;

	@Parameter(persist = false, required = false)
	private String channel;

	@Parameter(persist = false, required = false)
	private boolean rescale;

	@Parameter(persist = false, required = false)
	private String normalize;

	@Parameter(persist = false, required = false)
	private String memory;

	@Parameter(persist = false, required = false)
	private String environment;

	@Parameter(persist = false, required = false)
	private String model_axes;

	@Parameter(persist = false, required = false)
	private String model_pixel_size;

	@Parameter(persist = false, required = false)
	private String min_confidence;

	@Parameter(persist = false, required = false)
	private String objects;

	@Parameter(persist = false, required = false)
	private String prob_thresh;

	@Parameter(persist = false, required = false)
	private String nms_thresh;

	@Parameter(persist = false, required = false)
	private String macros;

	@Parameter(persist = false, required = false)
	private String trust;

	/** The first output of the model. */
	@Parameter(type = ItemIO.OUTPUT)
	private ImagePlus result;

	/** All outputs, in the model's order. */
	@Parameter(type = ItemIO.OUTPUT)
	private List<ImagePlus> results;

	/** Of a model that finds objects: what they are, a row for each; else null. */
	@Parameter(type = ItemIO.OUTPUT)
	private ResultsTable table;

	/** Their outlines, where these are asked for; else null. Nothing is put into the image. */
	@Parameter(type = ItemIO.OUTPUT)
	private List<Roi> rois;

	/** @throws IllegalStateException with the sentence that tells why there is no result */
	@Override
	public void run() {
		final Map<String, String> given = new LinkedHashMap<>();
		given.put("model", model);
		given.put("tile", tile);
		given.put("halo", halo);
		given.put("device", device);
		given.put("channel", channel);
		given.put("rescale", rescale ? "true" : null);
		given.put("normalize", normalize);
		given.put("memory", memory);
		given.put("model_axes", model_axes);
		given.put("model_pixel_size", model_pixel_size);
		given.put("min_confidence", min_confidence);
		given.put("objects", objects);
		given.put("prob_thresh", prob_thresh);
		given.put("nms_thresh", nms_thresh);
		given.put("macros", macros);
		given.put("trust", trust);
		given.put("environment", environment);
		try {
			final RunResults found = RunCommand.perform(image, new RunOptions(given));
			results = found.images;
			table = found.table();
			rois = found.outlines == null ? null : found.outlines.rois();
		}
		catch (final BridgeException failure) {
			LogFile.write(failure.getMessage(), failure);
			throw new IllegalStateException(failure.getMessage(), failure);
		}
		result = results.isEmpty() ? null : results.get(0);
	}
}
