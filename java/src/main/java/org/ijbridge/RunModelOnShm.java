package org.ijbridge;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.imglib2.appose.ShmImg;
import net.imglib2.type.NativeType;
import org.apposed.appose.NDArray;
import org.apposed.appose.NDArray.DType;
import org.apposed.appose.NDArray.Shape;

/**
 * What {@link Run_Model} does, for ImgLib2 images that lie in shared memory: the Python program reads the image and writes
 * the results where they lie, and nothing is copied, whether it runs in a process of its own or in this one.
 *
 * <pre>
 * image = new ShmImage(shmImg, "xyz", "cells").withPixelSize("x", 0.1, "µm").withPixelSize("y", 0.1, "µm")
 * result = RunModelOnShm.run(image, [model: "/path/to/model.zip", tile: "512"])[0]
 * result.img()  // a ShmImg; its close() gives the memory back
 * </pre>
 *
 * It needs ImgLib2 and imglib2-appose on the class path. Plain ImageJ never loads this class.
 */
public final class RunModelOnShm {

	private RunModelOnShm() {}

	/**
	 * Runs a model. Nothing is shown.
	 *
	 * @param image is read only, and must stay open meanwhile
	 * @param options value by key, as in a macro: {@code model} and, where they are wanted, the others but {@code roi} and
	 *          {@code outlines}
	 * @return one image for each output, in the model's order, of a type that ImageJ has too; the caller closes each one's
	 *         {@code img()}
	 * @throws IllegalStateException with the sentence that tells why there is no result
	 */
	public static List<ShmImage> run(final ShmImage image, final Map<String, ?> options) {
		try {
			return RunCommand.perform(RunOptions.named(options), (runner, asked) -> run(image, asked, runner));
		}
		catch (final BridgeException failure) {
			LogFile.write(failure.getMessage(), failure);
			throw new IllegalStateException(failure.getMessage(), failure);
		}
	}

	private static List<ShmImage> run(final ShmImage image, final RunOptions options, final ModelRunner runner)
		throws BridgeException
	{
		if (options.isOutlined()) {
			throw new BridgeException("Outlines go into an ImagePlus, and these images are none: write objects=labels, or run on " +
				"an ImagePlus.");
		}
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("model", options.model());
		request.put("image", image.toRequest());
		request.put("options", options.toRequest());
		final Reply plan = runner.plan(request);
		final List<Reply> outputs = plan.requiredParts("outputs");
		final List<NDArray> arrays = new ArrayList<>();
		boolean complete = false;
		try {
			final List<PixelBlock> blocks = new ArrayList<>();
			blocks.add(new ShmBlock(image.array()));
			for (final Reply output : outputs) {
				arrays.add(reserved(output));
				blocks.add(new ShmBlock(arrays.get(arrays.size() - 1)));
			}
			final Reply prediction = runner.predict(request, plan, blocks);
			final List<ShmImage> results = new ArrayList<>();
			for (int i = 0; i < arrays.size(); i++) {
				results.add(ShmImage.ofResult(wrapped(arrays.get(i)), outputs.get(i), prediction.text("provenance")));
			}
			complete = true;
			return results;
		}
		finally {
			if (!complete) arrays.forEach(NDArray::close);
		}
	}

	/** Shared memory for one output. */
	private static NDArray reserved(final Reply output) throws BridgeException {
		final DType type = DType.fromLabel(output.requiredText("dtype"));
		final int[] sizes = output.requiredNumbers("shape").stream().mapToInt(Math::toIntExact).toArray();
		final Shape shape = new Shape(Shape.Order.C_ORDER, sizes);
		final long bytes = shape.numElements() * type.bytesPerElement();
		try {
			if (bytes > Integer.MAX_VALUE) throw new IOException("a ShmImg holds at most 2147.5 MB");
			return new NDArray(type, shape, SharedPlace.all().get(0).reserveNamed(bytes));
		}
		catch (final IOException failure) {
			throw new BridgeException("The result \"" + output.requiredText("title") + "\" needs " + SharedPlace.megabytes(
				bytes) + " of shared memory, but " + failure.getMessage() + ": run on a smaller part of the image, or on an " +
				"ImagePlus, which may be larger.", failure);
		}
	}

	private static <T extends NativeType<T>> ShmImg<T> wrapped(final NDArray array) {
		return new ShmImg<>(array);
	}
}
