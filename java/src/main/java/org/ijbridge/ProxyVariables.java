package org.ijbridge;

import ij.Prefs;
import java.io.UnsupportedEncodingException;
import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The proxy for the programs that this plugin starts, which know environment variables only: what Java was told
 * ({@code https.proxyHost}, {@code http.proxyHost} and what belongs to them; Edit &gt; Options &gt; Proxy Settings sets
 * these), else ImageJ's preference, which without windows is all that is left of those settings, else what the
 * environment says by itself.
 */
final class ProxyVariables {

	private static final String[] KINDS = { "https", "http" };

	private final String address;
	private final String credentials;
	private final String exceptions;
	private final String said;

	private ProxyVariables(final String address, final String credentials, final String exceptions, final String said) {
		this.address = address;
		this.credentials = credentials;
		this.exceptions = exceptions;
		this.said = said;
	}

	static ProxyVariables find() {
		final String port = String.valueOf((int) Prefs.get("proxy.port", 0));
		return choose(System::getProperty, Prefs.useSystemProxies ? "" : Prefs.get("proxy.server", ""), port, System::getenv);
	}

	/** As {@link #find}, from Java's properties, ImageJ's preference, and the environment. */
	static ProxyVariables choose(final UnaryOperator<String> properties, final String server, final String port,
		final UnaryOperator<String> environment)
	{
		for (final String kind : KINDS) {
			final String host = properties.apply(kind + ".proxyHost");
			if (!isSet(host)) continue;
			final String given = properties.apply(kind + ".proxyPort");
			final String user = properties.apply(kind + ".proxyUser");
			final String password = properties.apply(kind + ".proxyPassword");
			final String credentials = isSet(user) ? encoded(user) + ":" + encoded(password == null ? "" : password) + "@"
				: "";
			final String address = host.trim() + ":" + (isSet(given) ? given.trim() : kind.equals("https") ? "443" : "80");
			final String exceptions = exceptions(properties.apply("http.nonProxyHosts"));
			return new ProxyVariables(address, credentials, exceptions, "through the proxy " + address +
				" of Java's and ImageJ's settings");
		}
		if (isSet(server) && !port.equals("0")) {
			final String address = server.trim() + ":" + port;
			return new ProxyVariables(address, "", "", "through the proxy " + address + " of ImageJ's settings");
		}
		for (final String name : new String[] { "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy" }) {
			final String value = environment.apply(name);
			if (!isSet(value)) continue;
			final String shown = value.trim().replaceFirst("^\\w+://", "").replaceFirst("^.*@", "");
			return new ProxyVariables("", "", "", "through the proxy " + shown + " of the variable " + name);
		}
		return new ProxyVariables("", "", "", "without a proxy");
	}

	/** What to set for a program that is started; empty where its own environment says it all. */
	Map<String, String> variables() {
		final Map<String, String> variables = new HashMap<>();
		if (address.isEmpty()) return variables;
		for (final String kind : KINDS) {
			// either spelling may be there already, and which one goes first is each program's own choice
			variables.put(kind + "_proxy", "http://" + credentials + address);
			variables.put(kind.toUpperCase(Locale.ROOT) + "_PROXY", "http://" + credentials + address);
		}
		if (!exceptions.isEmpty()) {
			variables.put("no_proxy", exceptions);
			variables.put("NO_PROXY", exceptions);
		}
		return variables;
	}

	/** How the network was tried, as part of a sentence, without a password. */
	@Override
	public String toString() {
		return said;
	}

	/** Java's {@code localhost|*.example.org} as {@code localhost,.example.org}. */
	private static String exceptions(final String hosts) {
		final List<String> kept = new ArrayList<>();
		for (final String host : (hosts == null ? "" : hosts).split("\\|")) {
			final String name = host.trim().replaceFirst("^\\*", "");
			// of what ends with a star, the variable has no form
			if (!name.isEmpty() && !name.contains("*")) kept.add(name);
		}
		return String.join(",", kept);
	}

	private static String encoded(final String text) {
		try {
			return URLEncoder.encode(text, "UTF-8").replace("+", "%20");
		}
		catch (final UnsupportedEncodingException impossible) {
			throw new IllegalStateException(impossible);
		}
	}

	private static boolean isSet(final String value) {
		return value != null && !value.trim().isEmpty();
	}
}
