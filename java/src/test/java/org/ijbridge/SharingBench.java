package org.ijbridge;

import ij.ImagePlus;
import ij.ImageStack;
import java.io.File;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@code scripts/bench_sharing.py} starts: takes a stack of 16-bit planes to the worker and back, and says of each step
 * how long it took, as lines {@code step seconds}.
 */
public final class SharingBench {

	/** Not a power of two: with their header, such planes would take half as much again of Java's heap. */
	private static final int SIDE = 2000;

	private SharingBench() {}

	/** @param arguments Python, model, gigabytes, passes */
	public static void main(final String[] arguments) throws Exception {
		final int planes = (int) Math.round(Double.parseDouble(arguments[2]) * 1e9 / (2.0 * SIDE * SIDE));
		final ImageStack stack = new ImageStack(SIDE, SIDE);
		for (int i = 0; i < planes; i++) {
			final short[] plane = new short[SIDE * SIDE];
			Arrays.fill(plane, (short) (i + 1));
			stack.addSlice("", plane);
		}
		say("planes", (double) planes);
		final ImagePlus image = new ImagePlus("bench", stack);
		final Header header = new Header(image);
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("model", arguments[1]);
		request.put("image", header.toRequest());
		request.put("options", Collections.emptyMap());
		try (ApposeClient client = new ApposeClient(new File(arguments[0]))) {
			final long start = System.nanoTime();
			final ResultImage output = new ResultImage(client.plan(request, Feedback.SILENT).requiredParts("outputs").get(0));
			say("start the worker and plan", start);
			say("blocks", (double) (header.bytes() + output.bytes()));
			for (int pass = 0; pass < Integer.parseInt(arguments[3]); pass++) {
				plainCopy(stack);
				System.gc();
				there(client, request, image, header, output);
				System.gc();
			}
		}
		System.out.println("done");
		// Until then, the memory of both processes can be looked at.
		System.in.read();
	}

	private static void there(final ApposeClient client, final Map<String, Object> request, final ImagePlus image,
		final Header header, final ResultImage output) throws BridgeException
	{
		long start = System.nanoTime();
		final List<SharedBlock> blocks = SharedBlock.create(Arrays.asList(header.bytes(), output.bytes()));
		start = say("reserve both blocks", start);
		Pixels.write(image, header, blocks.get(0));
		start = say("image into the block", start);
		client.predict(request, blocks, Feedback.SILENT);
		start = say("run", start);
		final ImageStack result = output.toImage(blocks.get(1), "").getStack();
		start = say("block into the result", start);
		PixelBlock.closeAll(blocks);
		say("release both blocks", start);
		for (int i = 1; i <= result.size(); i++) {
			if (!Arrays.equals((short[]) image.getStack().getPixels(i), (short[]) result.getPixels(i))) {
				throw new AssertionError("plane " + i);
			}
		}
	}

	/** Into arrays that are new, as those of a result are. */
	private static void plainCopy(final ImageStack source) {
		final long start = System.nanoTime();
		final short[][] copy = new short[source.size()][];
		for (int i = 0; i < copy.length; i++) copy[i] = ((short[]) source.getPixels(i + 1)).clone();
		say("plain copy", start);
	}

	private static long say(final String what, final long start) {
		say(what, (System.nanoTime() - start) / 1e9);
		return System.nanoTime();
	}

	private static void say(final String what, final double number) {
		System.out.println(what + "\t" + number);
	}
}
