package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ij.IJ;
import ij.ImagePlus;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChannelNamesTest {

	@ParameterizedTest
	@CsvSource(delimiter = '|', value = {
		"DAPI|DAPI",
		"c:1/3 z:1/5 t:1/10 - DAPI|DAPI",
		"c:1/3 - Alexa Fluor 488|Alexa Fluor 488",
		"GFP; z:3/5; ch: 1/3|GFP",
		"z:1/5 - DAPI|DAPI",
		"Channel 1|Channel 1",
		"µm-Kanal ä|µm-Kanal ä",
	})
	void aNameIsWhatIsLeftWithoutThePlaceInTheStack(final String label, final String name) {
		assertEquals(name, ChannelNames.read(label));
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', value = { "c:1/3", "c:1/3 z:1/5 t:1/10", "ch: 1/3", "2", "0.50", "w1DAPI.tif", "a/b",
		"C:\\\\data\\\\one", "image.nd2", "c:1/3 - scan.lif", "''", "--" })
	void placesNumbersAndFilesAreNoNames(final String label) {
		assertEquals("", ChannelNames.read(label));
	}

	@Test
	void onlyTheFirstLineOfALabelIsRead() {
		assertEquals("DAPI", ChannelNames.read("DAPI\nexposure: 20 ms"));
		assertEquals("", ChannelNames.read("\nDAPI"));
		assertEquals("", ChannelNames.read(null));
	}

	private static String names(final int bits, final IntFunction<String> labels) {
		final ImagePlus image = IJ.createHyperStack("h", 4, 3, 2, 3, 2, bits);
		for (int slice = 1; slice <= 12; slice++) image.getStack().setSliceLabel(labels.apply(slice), slice);
		return ChannelNames.of(image).toString();
	}

	@Test
	void allSlicesOfAChannelMustSayTheSame() {
		assertEquals("[DAPI, GFP]", names(8, slice -> slice % 2 == 1 ? "DAPI" : "GFP"));
		assertEquals("[DAPI, GFP]", names(16, slice -> "c:" + (2 - slice % 2) + "/2 z:" + (slice + 1) / 2 % 3 + "/3 - " +
			(slice % 2 == 1 ? "DAPI" : "GFP")));
		assertEquals("[]", names(8, slice -> slice % 2 == 1 ? "DAPI" : slice == 12 ? "RFP" : "GFP"));
		assertEquals("[]", names(8, slice -> slice % 2 == 1 ? "DAPI" : slice == 12 ? null : "GFP"));
		assertEquals("[]", names(8, slice -> "plane " + slice));
	}

	@Test
	void whatIsSaidOfSeveralChannelsIsTheNameOfNone() {
		assertEquals("[]", names(8, slice -> "c:" + (2 - slice % 2) + "/2 - my series"));
		assertEquals("[]", names(8, slice -> slice % 2 == 1 ? "dapi" : "DAPI"));
		assertEquals("[]", names(8, slice -> null));
	}

	@Test
	void oneChannelHasNoName() {
		final ImagePlus image = IJ.createImage("one", "8-bit", 4, 3, 2);
		image.getStack().setSliceLabel("DAPI", 1);
		image.getStack().setSliceLabel("DAPI", 2);
		assertEquals("[]", ChannelNames.of(image).toString());
	}
}
