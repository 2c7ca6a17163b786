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

	/** @param arguments Python, model, gigabytes */
	public static void main(final String[] arguments) throws Exception {
		final int planes = (int) Math.round(Double.parseDouble(arguments[2]) * 1e9 / (2.0 * SIDE * SIDE));
		final short[][] source = new short[planes][SIDE * SIDE];
		for (int i = 0; i < planes; i++) Arrays.fill(source[i], (short) (i + 1));
		say("bytes", 2.0 * SIDE * SIDE * planes);
		for (int pass = 0; pass < 2; pass++) plainCopy(source);

		final ImageStack stack = new ImageStack(SIDE, SIDE);
		for (final short[] plane : source) stack.addSlice("", plane);
		final ImagePlus image = new ImagePlus("bench", stack);
		final Header header = new Header(image);
		final Map<String, Object> request = new LinkedHashMap<>();
		request.put("model", arguments[1]);
		request.put("image", header.toRequest());
		request.put("options", Collections.emptyMap());

		try (ApposeClient client = new ApposeClient(new File(arguments[0]))) {
			long start = System.nanoTime();
			final ResultImage output = new ResultImage(client.plan(request, Feedback.SILENT).requiredParts("outputs").get(0));
			start = say("start the worker and plan", start);
			final List<SharedBlock> blocks = SharedBlock.create(Arrays.asList(header.bytes(), output.bytes()));
			start = say("reserve both blocks", start);
			Pixels.write(image, header, blocks.get(0));
			start = say("image into the block", start);
			client.predict(request, blocks, Feedback.SILENT);
			start = say("run (identity)", start);
			final ImageStack result = Pixels.read(blocks.get(1), output.axes, "uint16");
			start = say("block into the result", start);
			PixelBlock.closeAll(blocks);
			say("release both blocks", start);
			for (int i = 0; i < planes; i++) {
				if (!Arrays.equals(source[i], (short[]) result.getPixels(i + 1))) throw new AssertionError("plane " + i);
			}
			say("blocks", (double) (header.bytes() + output.bytes()));
		}
		System.out.println("done");
		// Until then, the memory of both processes can be looked at.
		System.in.read();
	}

	/** Into arrays that are new, as those of a result are. */
	private static void plainCopy(final short[][] source) {
		final long start = System.nanoTime();
		final short[][] copy = new short[source.length][];
		for (int i = 0; i < source.length; i++) {
			copy[i] = new short[source[i].length];
			System.arraycopy(source[i], 0, copy[i], 0, copy[i].length);
		}
		final long between = say("plain copy into new arrays", start);
		for (int i = 0; i < source.length; i++) System.arraycopy(source[i], 0, copy[i], 0, copy[i].length);
		say("plain copy into old arrays", between);
	}

	private static long say(final String what, final long start) {
		say(what, (System.nanoTime() - start) / 1e9);
		return System.nanoTime();
	}

	private static void say(final String what, final double number) {
		System.out.println(what + "\t" + number);
	}
}
