package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** With what uv 0.13 prints. */
class UvFailureTest {

	private static final ProxyVariables NO_PROXY = ProxyVariables.choose(name -> null, "", "0", name -> null);

	private static final List<String> NO_NETWORK = Arrays.asList("error: Request failed after 3 retries in 11.1s",
		"  cause: Failed to download `https://example.org/python/cpython-3.12.16%2B20261110.tar.gz`",
		"  cause: error sending request for url (https://example.org/python/cpython-3.12.16%2B20261110.tar.gz)",
		"  cause: client error (Connect)", "  cause: dns error",
		"  cause: failed to lookup address information: Temporary failure in name resolution");

	@Test
	void aNetworkThatIsNotThereIsSaidWithWhatWasTriedAndWhatToDo() {
		final UvFailure failure = new UvFailure(NO_NETWORK);
		assertTrue(failure.isNetwork());
		final BridgeException said = failure.python(NO_PROXY, "3.11 or 3.12");
		assertEquals("The Python environment cannot be made because example.org cannot be reached without a proxy (failed to " +
			"lookup address information: Temporary failure in name resolution): connect this computer, or set its proxy in " +
			"Edit > Options > Proxy Settings..., and run the command again; or install Python 3.11 or 3.12 on this computer.",
			said.getMessage());
		assertTrue(said.remoteTrace().contains("client error (Connect)"));
	}

	@Test
	void aProxyThatRefusesIsTheNetworks() {
		assertTrue(new UvFailure(Arrays.asList("error: Failed to fetch: https://example.org/simple/numpy/",
			"  cause: error sending request for url (https://example.org/simple/numpy/)", "  cause: client error (Connect)",
			"  cause: tunnel error: unsuccessful")).isNetwork());
	}

	@Test
	void whatIsNotTheNetworksIsSaidAsItIs() {
		final UvFailure failure = new UvFailure(Arrays.asList("Using Python 3.11.7 environment at: env",
			"error: Failed to install: numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl (numpy==2.4.6)",
			"  cause: failed to copy file from /a to /b: No space left on device (os error 28)", "", "hint: none"));
		assertFalse(failure.isNetwork());
		assertEquals("The Python environment cannot be made by uv (failed to copy file from /a to /b: No space left on device " +
			"(os error 28)): install Python 3.11 on this computer and run the command again.", failure.python(NO_PROXY, "3.11")
				.getMessage());
		assertTrue(new UvFailure(Collections.emptyList()).python(NO_PROXY, "3.11").getMessage().contains(
			"by uv (it said nothing)"));
		assertTrue(new UvFailure(Collections.singletonList("Killed ")).python(NO_PROXY, "3.11").getMessage().contains(
			"by uv (Killed)"));
	}
}
