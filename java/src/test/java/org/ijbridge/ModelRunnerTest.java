package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.CompositeImage;
import ij.IJ;
import ij.ImagePlus;
import ij.measure.Calibration;
import ij.measure.Measurements;
import ij.plugin.filter.Analyzer;
import ij.process.FloatProcessor;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelRunnerTest {

	/** Plans one float output of two channels for each image, and fills it with the image and its negative. */
	private static class Twins implements InferenceClient, Feedback {

		final List<String> said = new ArrayList<>();
		final List<PixelBlock> seen = new ArrayList<>();
		Map<String, Object> request;

		@Override
		public Reply plan(final Map<String, Object> asked, final Feedback feedback) throws BridgeException {
			request = asked;
			final Map<?, ?> image = (Map<?, ?>) asked.get("image");
			final List<Object> shape = new ArrayList<>((List<?>) image.get("shape"));
			shape.add(0, 2);
			final Map<String, Object> output = new LinkedHashMap<>();
			output.put("name", "twins");
			output.put("title", image.get("name") + " twins");
			output.put("axes", "c" + image.get("axes"));
			output.put("shape", shape);
			output.put("dtype", "float32");
			output.put("pixel_size", image.get("pixel_size"));
			output.put("units", image.get("units"));
			output.put("origin", image.get("origin"));
			output.put("channel_names", Arrays.asList("same", "negative"));
			final Map<String, Object> reply = new LinkedHashMap<>();
			reply.put("outputs", Collections.singletonList(output));
			reply.put("tile_pixels", 4096);
			reply.put("warnings", Collections.singletonList("mind the gap"));
			return new Reply(reply);
		}

		@Override
		public Reply ask(final String op, final Map<String, Object> asked, final List<? extends PixelBlock> blocks,
			final Feedback feedback)
		{
			throw new IllegalArgumentException(op);
		}

		@Override
		public List<PixelBlock> share(final List<Long> sizes) throws BridgeException {
			return new ArrayList<>(SharedBlock.create(sizes));
		}

		@Override
		public Reply predict(final Map<String, Object> asked, final List<? extends PixelBlock> blocks,
			final Feedback feedback) throws BridgeException
		{
			seen.addAll(blocks);
			final int bytes = (int) blocks.get(0).size();
			final FloatBuffer in = blocks.get(0).buffer(0, bytes).asFloatBuffer();
			final FloatBuffer out = blocks.get(1).buffer(0, 2 * bytes).asFloatBuffer();
			final int count = in.remaining();
			for (int i = 0; i < count; i++) {
				out.put(i, in.get(i));
				out.put(count + i, -in.get(i));
			}
			final Map<String, Object> reply = new LinkedHashMap<>();
			reply.put("provenance", "model: twins\ntile: whole");
			reply.put("warnings", Arrays.asList("mind the gap", "and the step"));
			return new Reply(reply);
		}

		@Override
		public void progress(final String message, final long current, final long maximum) {}

		@Override
		public void warn(final String sentence) {
			said.add(sentence);
		}

		@Override
		public boolean stopAsked() {
			return false;
		}

		@Override
		public void close() {}
	}

	private static final RunOptions OPTIONS = new RunOptions(options());

	private static Map<String, String> options() {
		final Map<String, String> options = new LinkedHashMap<>();
		options.put("model", "net");
		options.put("tile", " whole");
		options.put("halo", null);
		options.put("device", "");
		options.put("channel", "2");
		return options;
	}

	private static ImagePlus calibrated() {
		final ImagePlus image = IJ.createHyperStack("stack", 4, 3, 1, 2, 5, 32);
		for (int slice = 1; slice <= 10; slice++) {
			((FloatProcessor) image.getStack().getProcessor(slice)).setf(1, 2, slice);
		}
		final Calibration calibration = image.getCalibration();
		calibration.pixelWidth = 0.107;
		calibration.pixelHeight = 0.2;
		calibration.pixelDepth = 0.5;
		calibration.setUnit("um");
		calibration.frameInterval = 2;
		return image;
	}

	private static void assertReleased(final List<PixelBlock> blocks) {
		assertFalse(blocks.isEmpty());
		for (final PixelBlock block : blocks) {
			final Object place = ((Map<?, ?>) block.reference()).get("file");
			assertFalse(new java.io.File(String.valueOf(place)).exists(), () -> place + " is still there");
		}
	}

	@Test
	void theWorkerIsToldWhatTheImageIs() throws BridgeException {
		final Twins twins = new Twins();
		final ImagePlus image = calibrated();
		image.getCalibration().xOrigin = 10;
		image.getCalibration().zOrigin = -3;
		new ModelRunner(twins, twins).run(image, OPTIONS);
		assertEquals("{model=net, image={name=stack, shape=[5, 2, 3, 4], axes=tzyx, dtype=float32, " +
			"pixel_size={x=0.107, y=0.2, z=0.5, t=2.0}, units={x=\u00b5m, y=\u00b5m, z=\u00b5m, t=s}, " +
			"origin={x=-1.07, z=1.5}}, options={tile=whole, channel=2}}", twins.request.toString());
	}

	@Test
	void theResultOfACropLiesWhereTheSelectionWas() throws BridgeException {
		final ImagePlus image = calibrated();
		image.getCalibration().xOrigin = 10;
		image.setRoi(1, 2, 3, 1);
		final Map<String, String> options = options();
		options.put("roi", "crop");
		final Twins twins = new Twins();
		final ImagePlus result = new ModelRunner(twins, twins).run(image, new RunOptions(options)).images.get(0);
		assertTrue(twins.request.toString().contains("shape=[5, 2, 1, 3], axes=tzyx"), twins.request.toString());
		assertTrue(twins.request.toString().endsWith("part=3x1 at 1,2}, options={tile=whole, channel=2}}"), twins.request
			.toString());
		assertEquals("9.0 -2.0", result.getCalibration().xOrigin + " " + result.getCalibration().yOrigin);
		for (int t = 1; t <= 5; t++) assertEquals(2 * t, result.getStack().getVoxel(0, 0, result.getStackIndex(1, 2, t) - 1));
	}

	@ParameterizedTest
	@CsvSource({ "false,false,0", "false,false,7", "true,false,0", "true,false,1", "true,false,7", "false,true,0",
		"false,true,1", "false,true,7", "true,true,0" })
	void aPlaceKeepsItsCoordinatesWhicheverWayYIsCounted(final boolean ofImage, final boolean everywhere,
		final double yOrigin) throws BridgeException
	{
		final int before = Analyzer.getMeasurements();
		try {
			Analyzer.setMeasurements(everywhere ? before | Measurements.INVERT_Y : before & ~Measurements.INVERT_Y);
			for (final String part : new String[] { "whole", "crop" }) {
				final ImagePlus image = calibrated();
				image.getCalibration().setInvertY(ofImage);
				image.getCalibration().xOrigin = 2;
				image.getCalibration().yOrigin = yOrigin;
				image.setRoi(1, 1, 3, 1);
				final Map<String, String> options = options();
				options.put("roi", part);
				final Twins twins = new Twins();
				final ImagePlus result = new ModelRunner(twins, twins).run(image, new RunOptions(options)).images.get(0);
				final int from = part.equals("crop") ? 1 : 0;
				for (int y = 0; y < result.getHeight(); y++) {
					assertEquals(image.getCalibration().getY(y + from, image.getHeight()), result.getCalibration().getY(y, result
						.getHeight()), 1e-9, part + " " + y);
				}
				assertEquals(image.getCalibration().getX(from), result.getCalibration().getX(0), 1e-9);
			}
		}
		finally {
			Analyzer.setMeasurements(before);
		}
	}

	@Test
	void anotherPartThanTheTwoThereAreIsRefused() {
		final Map<String, String> options = options();
		options.put("roi", "mask");
		final Twins twins = new Twins();
		assertEquals("roi=mask is not understood: write roi=crop for the box around the selection, or roi=whole, which is " +
			"meant where the key is left out.", assertThrows(BridgeException.class, () -> new ModelRunner(twins, twins).run(
				calibrated(), new RunOptions(options))).getMessage());
	}

	@Test
	void theWorkerIsToldTheNamesThatTheSliceLabelsGiveTheChannels() throws BridgeException {
		final ImagePlus image = IJ.createHyperStack("stack", 4, 3, 2, 2, 1, 32);
		for (int slice = 1; slice <= 4; slice++) image.getStack().setSliceLabel(slice % 2 == 1 ? "DAPI" : "GFP", slice);
		final Map<String, Object> told = new Header(image).toRequest();
		assertEquals(Arrays.asList("DAPI", "GFP"), told.get("channel_names"));
	}

	@Test
	void anImageInPixelsHasNoPixelSize() throws BridgeException {
		final Twins twins = new Twins();
		new ModelRunner(twins, twins).run(IJ.createImage("plain", "32-bit", 4, 3, 1), OPTIONS);
		assertTrue(twins.request.toString().contains("axes=yx, dtype=float32, pixel_size={}, units={}"),
			twins.request.toString());
	}

	@Test
	void theResultHasAxesCalibrationNamesAndProvenance() throws BridgeException {
		final Twins twins = new Twins();
		final ImagePlus result = new ModelRunner(twins, twins).run(calibrated(), OPTIONS).images.get(0);
		assertEquals("stack twins", result.getTitle());
		assertEquals("[4, 3, 2, 2, 5]", Arrays.toString(result.getDimensions()));
		final Calibration calibration = result.getCalibration();
		assertEquals("0.107 0.2 0.5 2.0 \u00b5m \u00b5m \u00b5m sec", calibration.pixelWidth + " " +
			calibration.pixelHeight + " " + calibration.pixelDepth + " " + calibration.frameInterval + " " + calibration
				.getXUnit() + " " + calibration.getYUnit() + " " + calibration.getZUnit() + " " + calibration.getTimeUnit());
		assertEquals("model: twins\ntile: whole", result.getProperty("Info"));
		assertEquals("negative", result.getStack().getSliceLabel(2));
		assertFalse(result.getStack().isVirtual());
		assertTrue(result.changes);
	}

	@Test
	void eachPlaneOfTheResultIsWhereItBelongs() throws BridgeException {
		final Twins twins = new Twins();
		final ImagePlus result = new ModelRunner(twins, twins).run(calibrated(), OPTIONS).images.get(0);
		for (int t = 1; t <= 5; t++) for (int z = 1; z <= 2; z++) {
			final int slice = (t - 1) * 2 + z;
			assertEquals(slice, result.getStack().getVoxel(1, 2, result.getStackIndex(1, z, t) - 1));
			assertEquals(-slice, result.getStack().getVoxel(1, 2, result.getStackIndex(2, z, t) - 1));
		}
	}

	@Test
	void channelsAreShownInGrayEachBetweenItsExtremes() throws BridgeException {
		final Twins twins = new Twins();
		final ImagePlus result = new ModelRunner(twins, twins).run(calibrated(), OPTIONS).images.get(0);
		assertEquals(IJ.GRAYSCALE, ((CompositeImage) result).getMode());
		result.setC(1);
		assertEquals(0, result.getDisplayRangeMin(), 1e-9);
		assertEquals(10, result.getDisplayRangeMax(), 0);
		result.setC(2);
		assertEquals(-10, result.getDisplayRangeMin(), 0);
		assertEquals(0, result.getDisplayRangeMax(), 1e-9);
	}

	@Test
	void whatIsNoNumberDoesNotCountForWhatAChannelIsShownBetween() throws BridgeException {
		final Twins twins = new Twins();
		final ImagePlus image = calibrated();
		image.getStack().setVoxel(3, 2, 0, Double.NaN);
		image.getStack().setVoxel(3, 2, 1, Double.POSITIVE_INFINITY);
		final ImagePlus result = new ModelRunner(twins, twins).run(image, OPTIONS).images.get(0);
		result.setC(1);
		assertEquals(0, result.getDisplayRangeMin(), 1e-9);
		assertEquals(10, result.getDisplayRangeMax(), 0);
	}

	@Test
	void aWarningIsSaidOnce() throws BridgeException {
		final Twins twins = new Twins();
		new ModelRunner(twins, twins).run(calibrated(), OPTIONS);
		assertEquals(Arrays.asList("mind the gap", "and the step"), twins.said);
	}

	@Test
	void memoryIsReleasedAfterARunAndAfterAFailure() throws BridgeException {
		final Twins twins = new Twins();
		new ModelRunner(twins, twins).run(calibrated(), OPTIONS);
		assertReleased(twins.seen);
		final Twins failing = new Twins() {

			@Override
			public Reply predict(final Map<String, Object> asked, final List<? extends PixelBlock> blocks,
				final Feedback feedback) throws BridgeException
			{
				seen.addAll(blocks);
				throw new BridgeException("no");
			}
		};
		assertThrows(BridgeException.class, () -> new ModelRunner(failing, failing).run(calibrated(), OPTIONS));
		assertReleased(failing.seen);
	}

	/** A worker that ends so at its first tasks, as many as there are endings. */
	private static class Ending extends Twins {

		final List<Map<String, Object>> asked = new ArrayList<>();
		private final List<BridgeException> endings;

		Ending(final BridgeException... endings) {
			this.endings = Arrays.asList(endings);
		}

		@Override
		public Reply predict(final Map<String, Object> request, final List<? extends PixelBlock> blocks,
			final Feedback feedback) throws BridgeException
		{
			asked.add(request);
			seen.addAll(blocks);
			if (asked.size() <= endings.size()) throw endings.get(asked.size() - 1);
			return super.predict(request, blocks, feedback);
		}

		String refusal() {
			return assertThrows(BridgeException.class, () -> new ModelRunner(this, this).run(calibrated(), OPTIONS))
				.getMessage();
		}
	}

	private static BridgeException kill() {
		return BridgeException.killedWorker("It was killed.", "");
	}

	@Test
	void aTaskAtWhichTheSystemKilledTheWorkerIsDoneOnceMoreAsTheSecondAttempt() throws BridgeException {
		final Ending client = new Ending(kill());
		final ImagePlus result = new ModelRunner(client, client).run(calibrated(), OPTIONS).images.get(0);
		assertEquals(1, result.getStack().getVoxel(1, 2, 0));
		assertEquals(2, client.asked.size());
		assertEquals(client.request, client.asked.get(0));
		final Map<String, Object> again = new LinkedHashMap<>(client.request);
		again.put("attempt", 1);
		again.put("tile_pixels", "4096");
		assertEquals(again, client.asked.get(1));
		assertEquals(Arrays.asList("mind the gap", "The Python worker was killed by the system, mostly for want of memory: it " +
			"is run again with smaller tiles.", "and the step"), client.said);
	}

	@Test
	void aSecondKillEndsTheRunInOneSentence() {
		final Ending client = new Ending(kill(), kill());
		assertTrue(client.refusal().startsWith("The Python worker was killed by the system twice"));
		assertEquals(2, client.asked.size());
		assertEquals(2, client.said.size());
		assertReleased(client.seen);
	}

	@Test
	void anyOtherEndIsNotTriedAgain() {
		final Ending failed = new Ending(new BridgeException("no"));
		assertEquals("no", failed.refusal());
		final Ending cancelled = new Ending(BridgeException.cancellation());
		assertEquals("The run was cancelled.", cancelled.refusal());
		assertEquals(1, failed.asked.size());
		assertEquals(1, cancelled.asked.size());
		assertEquals(Collections.singletonList("mind the gap"), failed.said);
		assertEquals(failed.said, cancelled.said);
	}

	@Test
	void theSecondAttemptCanBeCancelledAndRefused() {
		assertEquals("The run was cancelled.", new Ending(kill(), BridgeException.cancellation()).refusal());
		assertEquals("no smaller tile", new Ending(kill(), new BridgeException("no smaller tile")).refusal());
	}

	@Test
	void aReplyThatIsNotCompleteIsRefused() {
		final Twins wordless = new Twins() {

			@Override
			public Reply plan(final Map<String, Object> asked, final Feedback feedback) {
				return new Reply(Collections.singletonMap("outputs", Collections.singletonList(Collections
					.singletonMap("title", "t"))));
			}
		};
		final String sentence = assertThrows(BridgeException.class,
			() -> new ModelRunner(wordless, wordless).run(calibrated(), OPTIONS)).getMessage();
		assertTrue(sentence.startsWith("The worker's reply has no \"dtype\""), sentence);
	}
}
