package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeepImageJOptionsTest {

	private static DeepImageJOptions parse(final String options) throws BridgeException {
		return DeepImageJOptions.parse(options, name -> name.equals("net") ? "My net" : null);
	}

	private static String tile(final String options) throws BridgeException {
		return String.valueOf(parse(options).toRun().toRequest().get("tile"));
	}

	@Test
	void aMacroOfTheFirstVersionGivesModelAndTileAndLeavesItsOverlapOutWithANote() throws BridgeException {
		final DeepImageJOptions read = parse("model=[U-Net of cells] preprocessing=[no preprocessing] " +
			"postprocessing=[no postprocessing] patch=768 overlap=22 logging=normal");
		assertEquals("U-Net of cells", read.toRun().model());
		assertEquals(Collections.singletonMap("tile", "768"), read.toRun().toRequest());
		assertEquals(Collections.emptyList(), read.preprocessing());
		assertEquals(Collections.emptyList(), read.postprocessing());
		assertEquals(1, read.notes().size());
		assertTrue(read.notes().get(0).startsWith("overlap=22 is left out: "), read.notes().get(0));
	}

	@Test
	void aMacroOfTheSecondVersionGivesItsTileByAxis() throws BridgeException {
		final DeepImageJOptions read = parse("model=cells format=Tensorflow preprocessing=[per_sample_scale_range.ijm] " +
			"postprocessing=[no postprocessing] axes=Y,X,C tile=1216,1024,1 logging=Normal");
		assertEquals("cells", read.toRun().model());
		assertEquals(Collections.singletonMap("tile", "y=1216,x=1024"), read.toRun().toRequest());
		assertEquals(Collections.singletonList("per_sample_scale_range.ijm"), read.preprocessing());
		assertEquals(Collections.emptyList(), read.notes());
	}

	@Test
	void aMacroOfTheThirdVersionNamesFilesToo() throws BridgeException {
		final DeepImageJOptions active = parse("model_path=[/models/U-Net of cells] input_path=null output_folder=null " +
			"display_output=all");
		assertEquals("/models/U-Net of cells", active.toRun().model());
		assertEquals(Collections.emptyMap(), active.toRun().toRequest());
		assertEquals("", active.input());
		assertEquals("", active.output());
		assertTrue(active.isShown());
		final DeepImageJOptions folder = parse("model_path=cells input_path=[/my images] output_folder=/results " +
			"display_output=null");
		assertEquals("/my images", folder.input());
		assertEquals("/results", folder.output());
		assertFalse(folder.isShown());
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', value = { "Y,X,C|64,32,1|y=64,x=32", "H,W|64,32|y=64,x=32", "Z,Y,X,C|8,64,32,1|z=8,y=64,x=32",
		"d,h,w|8,64,32|z=8,y=64,x=32", "B,C,Y,X|1,3,64,32|y=64,x=32" })
	void aTileHasTheAxesOfSpace(final String axes, final String sizes, final String expected) throws BridgeException {
		assertEquals(expected, tile("model=cells axes=" + axes + " tile=" + sizes));
		assertEquals(expected, tile("model=cells tile=[" + sizes.replace(",", ", ") + "] axes=[" + axes.replace(",", ", ") +
			"]"));
	}

	@Test
	void severalMacrosOfAModelStandInBracketsOfTheirOwn() throws BridgeException {
		final DeepImageJOptions read = parse("model=cells preprocessing=[[a.ijm, b c.ijm]] postprocessing=[[d.ijm, " +
			"no postprocessing]] patch=64");
		assertEquals(Arrays.asList("a.ijm", "b c.ijm"), read.preprocessing());
		assertEquals(Collections.singletonList("d.ijm"), read.postprocessing());
	}

	@Test
	void variablesOfTheMacroAreRead() throws BridgeException {
		assertEquals("My net", parse("model=&net patch=64").toRun().model());
	}

	@Test
	void whatIsLeftOutIsLeftToThePlan() throws BridgeException {
		assertEquals(Collections.emptyMap(), parse("model=cells").toRun().toRequest());
		assertTrue(parse("model_path=cells").isShown());
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', value = {
		"patch=64|The key \"model\" is missing: write run(\"DeepImageJ Run\", \"model=[path or name]\")",
		"display_output=all|The key \"model_path\" is missing",
		"model=cells model_path=cells|The key \"model\" is not known: the keys are model_path, input_path",
		"model=cells patch=64 axes=Y,X tile=64,64|The key \"patch\" is not known: the keys are model, format",
		"model=cells axes=Y,X tile=64|axes=Y,X and tile=64 do not belong together: write one size for each axis",
		"model=cells tile=64,64|axes= and tile=64,64 do not belong together" })
	void whatIsOfNoDialectIsRefusedInOneSentence(final String options, final String words) {
		final BridgeException refused = assertThrows(BridgeException.class, () -> parse(options));
		assertTrue(refused.getMessage().contains(words), refused.getMessage());
	}
}
