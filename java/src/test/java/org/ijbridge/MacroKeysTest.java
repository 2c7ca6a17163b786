package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MacroKeysTest {

	/** ImageJ hands the options over with a blank at their end. */
	private static RunOptions parse(final String options) throws BridgeException {
		return MacroKeys.parse(options + " ", name -> name.equals("path") ? "/from a/variable" : null);
	}

	private static String refusal(final String options) {
		return assertThrows(BridgeException.class, () -> parse(options)).getMessage();
	}

	@Test
	void allKeysAreRead() throws BridgeException {
		final RunOptions options = parse("model=[my net.zip] tile=128 halo=declared device=cpu channel=[2, 3] " +
			"rescale=true memory=[4 GB] normalize=2,99.8 model_axes=bcyx model_pixel_size=0.65 min_confidence=51 " +
			"objects=labels prob_thresh=0.6 nms_thresh=0.3 macros=[a.ijm, b.ijm]");
		assertEquals("my net.zip", options.model());
		assertEquals("{tile=128, halo=declared, device=cpu, channel=2, 3, rescale=true, memory=4 GB, normalize=2,99.8, " +
			"model_axes=bcyx, model_pixel_size=0.65, min_confidence=51, objects=labels, " +
			"prob_thresh=0.6, nms_thresh=0.3, macros=a.ijm, b.ijm}", options.toRequest().toString());
	}

	@Test
	void keysThatAreLeftOutOrEmptyAreNotSent() throws BridgeException {
		assertEquals("{}", parse("model=net").toRequest().toString());
		assertEquals("{}", parse("tile=[] model=net halo= channel=[] rescale=[ ] memory='' device= ").toRequest()
			.toString());
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', value = {
		"model=net rescale|true",
		"rescale model=net|true",
		"model=net rescale tile=5|true",
		"model=net rescale=true|true",
		"model=net rescale=false|false",
		"model=net rescale=[Yes]|Yes",
		"model=[net rescale]|null",
		"model=net|null",
	})
	void rescaleIsAFlagOrHasAValue(final String options, final String sent) throws BridgeException {
		assertEquals(sent, String.valueOf(parse(options).toRequest().get("rescale")));
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', quoteCharacter = '"', value = {
		"model=net|net",
		"model=/a/b=c/net.zip|/a/b=c/net.zip",
		"model=C:\\models\\net.zip|C:\\models\\net.zip",
		"model=[C:\\my models\\net.zip]|C:\\my models\\net.zip",
		"model=[a [b] c]|a [b] c",
		"model=[tile=5 device=x]|tile=5 device=x",
		"model='a net'|a net",
		"model=&path|/from a/variable",
		"model=[&path]|&path",
		"model=ünï|ünï",
		"  tile=1   model=net  |net",
	})
	void aValueIsReadAsImageJWritesIt(final String options, final String model) throws BridgeException {
		assertEquals(model, parse(options).model());
	}

	@Test
	void aTileMayHoldEqualSigns() throws BridgeException {
		assertEquals("y=512,x=512,z=16", parse("model=net tile=y=512,x=512,z=16").toRequest().get("tile"));
	}

	@ParameterizedTest
	@ValueSource(strings = { "modell=net", "model=net tiles=4", "model=net Tile=4", "model=net overlap=[a b]" })
	void anUnknownKeyIsRefusedByNameWithTheKnownOnes(final String options) {
		final String sentence = refusal(options);
		assertTrue(Arrays.asList("modell", "tiles", "Tile", "overlap").stream().anyMatch(
			key -> sentence.startsWith("The key \"" + key + "\" is not known")), sentence);
		assertTrue(sentence.endsWith("the keys are model, tile, halo, device, channel, rescale, memory, normalize, " +
			"model_axes, model_pixel_size, min_confidence, objects, prob_thresh, nms_thresh, outlines, macros, trust, roi and environment."), sentence);
	}

	@ParameterizedTest
	@ValueSource(strings = { "", "tile=128", "model=", "model=[] tile=2", "model=[ ]" })
	void aMissingModelIsSaidWithTheLineToWrite(final String options) {
		assertTrue(refusal(options).startsWith("The key \"model\" is missing: write run(\"Run Model...\", " +
			"\"model=[path or name]\")"), refusal(options));
	}

	@Test
	void aKeyThatIsThereTwiceIsRefused() {
		assertTrue(refusal("model=a tile=1 model=b").startsWith("The key \"model\" is there twice"));
		assertTrue(refusal("model=a rescale rescale=true").startsWith("The key \"rescale\" is there twice"));
	}

	@ParameterizedTest
	@ValueSource(strings = { "model", "model=a flag", "=a", "model=a = b", "my net.zip model=a",
		"model=a channel", "model=a memory tile=2", "model=a rescale =true", "model=a Rescale" })
	void textThatIsNoKeyAndValueIsRefused(final String options) {
		assertTrue(refusal(options).contains("is not of the form key=value"), refusal(options));
	}

	@ParameterizedTest
	@ValueSource(strings = { "model=[my net", "model=[my [net]", "model='my net" })
	void aValueThatIsNotClosedIsRefused(final String options) {
		assertTrue(refusal(options).startsWith("The value of the key \"model\" has no closing"), refusal(options));
	}

	@Test
	void aValueThatGoesOnAfterItsBracketIsRefused() {
		assertTrue(refusal("model=[a]b]").startsWith("The value of the key \"model\" goes on"));
	}

	@Test
	void aVariableThatDoesNotExistIsRefusedByName() {
		assertTrue(refusal("model=&nothing").contains("asks for the macro variable \"nothing\""));
	}
}
