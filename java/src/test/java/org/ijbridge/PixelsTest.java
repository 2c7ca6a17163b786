package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.CompositeImage;
import ij.IJ;
import ij.ImagePlus;
import ij.ImageStack;
import ij.VirtualStack;
import ij.gui.Roi;
import ij.process.ByteProcessor;
import ij.process.ColorProcessor;
import ij.process.FloatProcessor;
import ij.process.ImageProcessor;
import ij.process.LUT;
import ij.process.ShortProcessor;
import java.awt.Color;
import java.awt.Rectangle;
import java.util.Arrays;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PixelsTest {

	/** A hyperstack in which every pixel has a value of its own, as far as the type goes. */
	private static ImagePlus numbered(final int bits, final int c, final int z, final int t) {
		final ImagePlus image = IJ.createHyperStack("numbered", 5, 4, c, z, t, bits);
		int value = 3;
		for (int slice = 1; slice <= image.getStackSize(); slice++) {
			final ImageProcessor plane = image.getStack().getProcessor(slice);
			for (int i = 0; i < plane.getPixelCount(); i++) plane.setf(i, value++ % (1 << Math.min(bits, 16)));
		}
		return image;
	}

	private static SharedBlock block(final long size) throws BridgeException {
		return SharedBlock.create(Collections.singletonList(size)).get(0);
	}

	@ParameterizedTest
	@CsvSource({ "8,uint8,2,3,4", "16,uint16,2,3,4", "32,float32,2,3,4", "8,uint8,1,1,1", "16,uint16,1,3,1",
		"32,float32,2,1,1", "32,float32,1,1,4" })
	void eachPixelComesBackWhereItWas(final int bits, final String dtype, final int c, final int z, final int t)
		throws BridgeException
	{
		final ImagePlus image = numbered(bits, c, z, t);
		final Header header = new Header(image);
		assertEquals(dtype, header.dtype);
		try (SharedBlock block = block(header.bytes())) {
			Pixels.write(image, header, block);
			final ImageStack copy = Pixels.read(block, header.axes, dtype, (plane, number) -> {});
			assertEquals(image.getStackSize(), copy.size());
			for (int slice = 1; slice <= copy.size(); slice++) {
				final ImageProcessor there = image.getStack().getProcessor(slice);
				final ImageProcessor here = copy.getProcessor(slice);
				assertArrayEquals(there.getFloatArray(), here.getFloatArray());
			}
		}
	}

	@Test
	void aPlaneLargerThanWhatIsMovedAtOnceComesBackWhole() throws BridgeException {
		final short[] pixels = new short[20_000 * 6_800];
		for (int i = 0; i < pixels.length; i++) pixels[i] = (short) (31 * i + (i >> 16));
		final ImagePlus image = new ImagePlus("large", new ShortProcessor(20_000, 6_800, pixels, null));
		final Header header = new Header(image);
		assertTrue(header.bytes() > Pixels.CHUNK);
		try (SharedBlock block = block(header.bytes())) {
			Pixels.write(image, header, block);
			assertArrayEquals(pixels, (short[]) Pixels.read(block, header.axes, "uint16", (plane, number) -> {}).getPixels(1));
		}
	}

	@Test
	void theArrayIsSlowestFirstWithChannelsBesideThePlane() throws BridgeException {
		final ImagePlus image = IJ.createHyperStack("h", 5, 4, 2, 3, 4, 8);
		image.getStack().getProcessor(image.getStackIndex(2, 3, 4)).set(1, 2, 77);
		final Header header = new Header(image);
		assertEquals("tzcyx", header.axes.letters());
		try (SharedBlock block = block(header.bytes())) {
			Pixels.write(image, header, block);
			final int index = (((3 * 3 + 2) * 2 + 1) * 4 + 2) * 5 + 1;
			assertEquals(77, block.buffer(index, 1).get());
		}
	}

	@Test
	void anRgbImageIsSentAsThreePlanes() throws BridgeException {
		final ImagePlus image = new ImagePlus("rgb", new ColorProcessor(2, 1, new int[] { 0x010203, 0xfffefd }));
		final byte[] planes = sent(image);
		assertArrayEquals(new byte[] { 1, -1, 2, -2, 3, -3 }, planes);
	}

	/** A table whose neighbours are far apart, with known colours at 1 and 200. */
	private static LUT scattered() {
		final byte[] red = new byte[256];
		final byte[] green = new byte[256];
		final byte[] blue = new byte[256];
		for (int i = 0; i < 256; i++) red[i] = green[255 - i] = blue[i] = (byte) (i % 2 * 255);
		red[1] = 10;
		green[1] = 20;
		blue[1] = 30;
		green[200] = 40;
		return new LUT(red, green, blue);
	}

	private static ImagePlus indexed() {
		return new ImagePlus("indexed", new ByteProcessor(2, 1, new byte[] { 1, (byte) 200 }, scattered()));
	}

	@Test
	void indexedColoursAreSentAsThreePlanesWhateverTypeImageJGivesThem() throws BridgeException {
		final ImagePlus opened = indexed();
		assertEquals(ImagePlus.GRAY8, opened.getType());
		assertArrayEquals(new byte[] { 10, 0, 20, 40, 30, 0 }, sent(opened));
		final ImagePlus converted = indexed();
		converted.setTypeToColor256();
		assertEquals(ImagePlus.COLOR_256, converted.getType());
		assertArrayEquals(new byte[] { 10, 0, 20, 40, 30, 0 }, sent(converted));
	}

	@Test
	void neitherContrastNorThresholdChangeTheColoursOfAnIndexedImage() throws BridgeException {
		final ImagePlus image = indexed();
		image.setDisplayRange(50, 100);
		assertArrayEquals(new byte[] { 10, 0, 20, 40, 30, 0 }, sent(image));
		image.getProcessor().setThreshold(100, 255, ImageProcessor.RED_LUT);
		assertArrayEquals(new byte[] { 10, 0, 20, 40, 30, 0 }, sent(image));
	}

	@Test
	void aStackOfIndexedColoursIsSentWithTheTableThatTheImageWasGiven() throws BridgeException {
		final ImageStack stack = new ImageStack(2, 1);
		stack.addSlice("", new byte[] { 1, (byte) 200 });
		stack.addSlice("", new byte[] { (byte) 200, 1 });
		final ImagePlus image = new ImagePlus("stack", stack);
		image.getProcessor().setLut(scattered());
		assertArrayEquals(new byte[] { 10, 0, 20, 40, 30, 0, 0, 10, 40, 20, 0, 30 }, sent(image));
	}

	@Test
	void aVirtualStackIsSentWithTheTableOfEachFile() throws BridgeException {
		final VirtualStack stack = new VirtualStack(2, 1, null, "") {

			@Override
			public ImageProcessor getProcessor(final int n) {
				return new ByteProcessor(2, 1, new byte[] { 1, (byte) 200 }, n == 1 ? scattered() : LUT.createLutFromColor(
					Color.GREEN));
			}

			@Override
			public int size() {
				return 2;
			}

			@Override
			public int getSize() {
				return 2;
			}
		};
		assertArrayEquals(new byte[] { 10, 0, 20, 40, 30, 0, 0, 0, 1, (byte) 200, 0, 0 }, sent(new ImagePlus("v", stack)));
	}

	@Test
	void aLookUpTableOnAGrayImageChangesNoValue() throws BridgeException {
		final ByteProcessor gray = new ByteProcessor(2, 1, new byte[] { 1, 2 });
		gray.setLut(LUT.createLutFromColor(Color.GREEN));
		assertArrayEquals(new byte[] { 1, 2 }, sent(new ImagePlus("green", gray)));
		gray.invertLut();
		assertArrayEquals(new byte[] { 1, 2 }, sent(new ImagePlus("inverted", gray)));
	}

	@Test
	void theLookUpTablesOfChannelsAreDisplayWhateverTheyLookLike() throws BridgeException {
		final ImageStack stack = new ImageStack(2, 1);
		stack.addSlice("", new byte[] { 1, 2 });
		stack.addSlice("", new byte[] { 3, 4 });
		final ImagePlus plain = new ImagePlus("channels", stack);
		plain.setDimensions(2, 1, 1);
		final CompositeImage image = new CompositeImage(plain, IJ.COLOR);
		image.setChannelLut(scattered(), 1);
		image.setPosition(2, 1, 1);
		image.setPosition(1, 1, 1);
		assertTrue(new Palette(image.getProcessor().getColorModel()).isScattered());
		assertArrayEquals(new byte[] { 1, 2, 3, 4 }, sent(image));
	}

	/** The planes of a part, one after the other, as ImageJ itself crops them. */
	private static float[] cropped(final ImagePlus image, final Rectangle part) {
		final float[] pixels = new float[image.getStackSize() * part.width * part.height];
		int at = 0;
		for (int slice = 1; slice <= image.getStackSize(); slice++) {
			final ImageProcessor plane = image.getStack().getProcessor(slice);
			plane.setRoi(part);
			for (final float pixel : (float[]) plane.crop().convertToFloat().getPixels()) pixels[at++] = pixel;
		}
		return pixels;
	}

	@ParameterizedTest
	@CsvSource({ "1,2,3,1", "0,1,5,2", "2,0,1,4", "3,3,9,9" })
	void onlyTheBoxAroundTheSelectionIsSentWhereThatIsAsked(final int x, final int y, final int width,
		final int height) throws BridgeException
	{
		final ImagePlus image = numbered(32, 2, 3, 2);
		image.setRoi(new Roi(x, y, width, height));
		final Header header = new Header(image, true);
		final Rectangle part = new Rectangle(x, y, width, height).intersection(new Rectangle(5, 4));
		final float[] expected = cropped(image, part);
		try (SharedBlock block = block(header.bytes())) {
			assertEquals(4L * expected.length, block.size());
			Pixels.write(image, header, block);
			final float[] sent = new float[expected.length];
			block.buffer(0, 4 * sent.length).asFloatBuffer().get(sent);
			assertArrayEquals(expected, sent);
		}
	}

	@Test
	void theBoxIsCutOutOfColoursAndSignedPixelsToo() throws BridgeException {
		final ImagePlus rgb = new ImagePlus("rgb", new ColorProcessor(2, 1, new int[] { 0x010203, 0xfffefd }));
		rgb.setRoi(1, 0, 1, 1);
		assertArrayEquals(new byte[] { -1, -2, -3 }, sent(rgb, true));
		final ImagePlus signed = new ImagePlus("signed", new ShortProcessor(2, 1, new short[] { 0, (short) 32770 }, null));
		signed.getLocalCalibration().setSigned16BitCalibration();
		signed.setRoi(1, 0, 1, 1);
		assertArrayEquals(new byte[] { 2, 0 }, sent(signed, true));
	}

	@Test
	void aSelectionMeansNothingWhereNoCroppingIsAsked() throws BridgeException {
		final ImagePlus image = numbered(8, 1, 1, 1);
		image.setRoi(1, 1, 2, 2);
		assertEquals(20, sent(image).length);
	}

	@Test
	void croppingWithoutASelectionOfPixelsIsRefused() {
		final ImagePlus image = numbered(8, 1, 1, 1);
		assertTrue(assertThrows(BridgeException.class, () -> new Header(image, true)).getMessage().startsWith(
			"The image \"numbered\" has no selection, but roi=crop runs on"));
		image.setRoi(7, 7, 2, 2);
		assertTrue(assertThrows(BridgeException.class, () -> new Header(image, true)).getMessage().startsWith(
			"The selection of \"numbered\" covers no pixel, but roi=crop"));
	}

	@Test
	void aStackWithASliceOfAnotherTypeIsRefusedWithThatSlice() {
		final ImagePlus image = numbered(8, 1, 9, 1);
		image.getStack().setPixels(new float[20], 7);
		final String sentence = assertThrows(BridgeException.class, () -> sent(image)).getMessage();
		assertTrue(sentence.startsWith("Slice 7 of \"numbered\" cannot be read as the others"), sentence);
	}

	@Test
	void signedPixelsAreSentAsWhatTheyMean() throws BridgeException {
		final short[] stored = { 0, (short) 32768, (short) 65535, 32767 };
		final ImagePlus image = new ImagePlus("signed", new ShortProcessor(4, 1, stored, null));
		image.getLocalCalibration().setSigned16BitCalibration();
		final Header header = new Header(image);
		assertEquals("int16", header.dtype);
		try (SharedBlock block = block(header.bytes())) {
			Pixels.write(image, header, block);
			final short[] values = new short[4];
			block.buffer(0, 8).asShortBuffer().get(values);
			assertArrayEquals(new short[] { -32768, 0, 32767, -1 }, values);
		}
		assertArrayEquals(new short[] { 0, (short) 32768, (short) 65535, 32767 }, stored);
	}

	@Test
	void aVirtualStackIsReadSliceBySlice() throws BridgeException {
		final int[] reads = { 0 };
		final VirtualStack stack = new VirtualStack(2, 1, null, "") {

			@Override
			public ImageProcessor getProcessor(final int n) {
				reads[0]++;
				return new FloatProcessor(2, 1, new float[] { n, -n });
			}

			@Override
			public int size() {
				return 3;
			}

			@Override
			public int getSize() {
				return 3;
			}
		};
		final ImagePlus image = new ImagePlus("virtual", stack);
		final int before = reads[0];
		final Header header = new Header(image);
		try (SharedBlock block = block(header.bytes())) {
			Pixels.write(image, header, block);
			final float[] values = new float[6];
			block.buffer(0, 24).asFloatBuffer().get(values);
			assertArrayEquals(new float[] { 1, -1, 2, -2, 3, -3 }, values);
		}
		assertEquals(3, reads[0] - before);
	}

	@Test
	void anImageThatIsReadStaysAsItWas() throws BridgeException {
		final ImagePlus image = numbered(16, 2, 3, 1);
		image.setPosition(2, 3, 1);
		image.setRoi(1, 1, 2, 2);
		image.setDisplayRange(5, 50);
		image.changes = false;
		sent(image);
		assertEquals(image.getStackIndex(2, 3, 1), image.getCurrentSlice());
		assertEquals("java.awt.Rectangle[x=1,y=1,width=2,height=2]", image.getRoi().getBounds().toString());
		assertEquals(5, image.getDisplayRangeMin());
		assertEquals(50, image.getDisplayRangeMax());
		assertFalse(image.changes);
	}

	@Test
	void aColourImageWithChannelsIsRefused() {
		final ImagePlus image = IJ.createImage("c", "RGB", 3, 2, 2);
		image.setDimensions(2, 1, 1);
		final String sentence = assertThrows(BridgeException.class, () -> new Header(image)).getMessage();
		assertTrue(sentence.startsWith("The image \"c\" has 2 channels of colour pixels"), sentence);
	}

	private static byte[] sent(final ImagePlus image) throws BridgeException {
		return sent(image, false);
	}

	private static byte[] sent(final ImagePlus image, final boolean cropped) throws BridgeException {
		final Header header = new Header(image, cropped);
		final byte[] bytes = new byte[(int) header.bytes()];
		Arrays.fill(bytes, (byte) 99);
		try (SharedBlock block = block(header.bytes())) {
			Pixels.write(image, header, block);
			block.buffer(0, bytes.length).get(bytes);
		}
		return bytes;
	}
}
