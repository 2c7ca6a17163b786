package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProxyVariablesTest {

	private final Map<String, String> properties = new HashMap<>();
	private final Map<String, String> environment = new HashMap<>();

	@Test
	void whatJavaWasToldGoesBeforeThePreferenceAndTheEnvironment() {
		environment.put("HTTPS_PROXY", "http://third:3");
		assertEquals("through the proxy third:3 of the variable HTTPS_PROXY", choose("", "0").toString());
		assertTrue(choose("", "0").variables().isEmpty());
		assertEquals("through the proxy second:2 of ImageJ's settings", choose("second", "2").toString());
		properties.put("http.proxyHost", "first");
		properties.put("http.proxyPort", "1");
		final ProxyVariables first = choose("second", "2");
		assertEquals("through the proxy first:1 of Java's and ImageJ's settings", first.toString());
		for (final String name : new String[] { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY" }) {
			assertEquals("http://first:1", first.variables().get(name));
		}
		properties.put("https.proxyHost", "safe");
		assertEquals("http://safe:443", choose("second", "2").variables().get("https_proxy"));
	}

	@Test
	void withoutAnyThatIsSaid() {
		properties.put("http.proxyHost", "");
		environment.put("HTTPS_PROXY", "");
		assertEquals("without a proxy", choose("", "8080").toString());
		assertEquals("without a proxy", choose("host", "0").toString());
		assertTrue(choose("", "8080").variables().isEmpty());
	}

	@Test
	void aPasswordIsPassedOnAndNeverSaid() {
		properties.put("https.proxyHost", "host");
		properties.put("https.proxyUser", "me@here");
		properties.put("https.proxyPassword", "a secret/word");
		final ProxyVariables proxy = choose("", "0");
		assertEquals("http://me%40here:a%20secret%2Fword@host:443", proxy.variables().get("HTTPS_PROXY"));
		assertEquals("through the proxy host:443 of Java's and ImageJ's settings", proxy.toString());
		properties.clear();
		environment.put("all_proxy", "socks5://me:secret@host:1080");
		assertEquals("through the proxy host:1080 of the variable all_proxy", choose("", "0").toString());
	}

	@Test
	void hostsWithoutAProxyAreWrittenAsTheVariableHasThem() {
		properties.put("https.proxyHost", "host");
		properties.put("http.nonProxyHosts", "localhost|127.*|*.example.org|[::1]");
		assertEquals("localhost,.example.org,[::1]", choose("", "0").variables().get("NO_PROXY"));
		properties.remove("http.nonProxyHosts");
		assertTrue(!choose("", "0").variables().containsKey("NO_PROXY"));
	}

	private ProxyVariables choose(final String server, final String port) {
		return ProxyVariables.choose(properties::get, server, port, environment::get);
	}
}
