package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import org.junit.jupiter.api.Test;

class RunOptionsTest {

	@Test
	void anEnvironmentIsMadeOnlyWhereThatIsSaid() throws BridgeException {
		assertTrue(options("install").mayMakeEnvironment());
		assertFalse(options("").mayMakeEnvironment());
		assertEquals("environment=yes is not understood: write environment=install to have a Python environment made where " +
			"there is none, or leave the key out.", assertThrows(BridgeException.class, () -> options("yes")
				.mayMakeEnvironment()).getMessage());
		assertTrue(options("install").toRequest().isEmpty());
	}

	private static RunOptions options(final String environment) {
		return new RunOptions(Collections.singletonMap("environment", environment));
	}
}
