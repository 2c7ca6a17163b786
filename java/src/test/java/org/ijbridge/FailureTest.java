package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Collections;
import org.junit.jupiter.api.Test;

class FailureTest {

	@Test
	void aLongSentenceIsBrokenBetweenWordsForTheDialog() {
		final String word = "123456789";
		final String line = String.join(" ", Collections.nCopies(8, word));
		assertEquals(line + "\n" + word, Failure.wrapped(line + " " + word));
		assertEquals("short", Failure.wrapped("short"));
	}
}
