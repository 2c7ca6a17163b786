package org.ijbridge;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What uv says of its failure, as one sentence of what was tried and what to do. */
final class UvFailure {

	/** A line that begins an error, or goes on with its cause. */
	private static final Pattern REASON = Pattern.compile("\\s*(?:error|cause|Caused by): (.*)");

	/** What the causes hold where the network is at fault. */
	private static final Pattern NETWORK = Pattern.compile("error sending request|client error|dns error|tcp connect" +
		"|timed out|HTTP status|response body|connection (?:was )?(?:closed|reset)");

	private static final Pattern ADDRESS = Pattern.compile("https?://(?:[^/@\\s]*@)?([^/:\\s`)]+)");

	private final List<String> reasons = new ArrayList<>();
	private final List<String> lines;

	/** @param lines all that uv printed */
	UvFailure(final List<String> lines) {
		this.lines = lines;
		for (final String line : lines) {
			final Matcher reason = REASON.matcher(line);
			if (reason.matches()) reasons.add(reason.group(1).trim());
		}
	}

	/** Whether it failed because something was not reached over the network. */
	boolean isNetwork() {
		return NETWORK.matcher(String.join("\n", reasons)).find();
	}

	/**
	 * The failure of an installation.
	 *
	 * @param proxy how the network was tried
	 */
	BridgeException install(final Wheels wheels, final ProxyVariables proxy) {
		if (isNetwork()) {
			return unreached(proxy, "where there is no network, put the wheels that " + wheels.lock() + " names beside it " +
				"(\"pip download\" fetches them)");
		}
		if (wheels.areAll()) {
			return failed(wheels.folder() + " has to hold all wheels that its " + Wheels.LOCK + " names, for this computer " +
				"and its Python, or none of them, if they are to be fetched over the network; put that right and run the " +
				"command again");
		}
		return failed("run the command again, which goes on with what is fetched already");
	}

	/**
	 * The failure to find or fetch a Python.
	 *
	 * @param proxy how the network was tried
	 * @param versions that would do
	 */
	BridgeException python(final ProxyVariables proxy, final String versions) {
		final String install = "install Python " + versions + " on this computer";
		return isNetwork() ? unreached(proxy, "or " + install) : failed(install + " and run the command again");
	}

	private BridgeException unreached(final ProxyVariables proxy, final String otherwise) {
		final Matcher address = ADDRESS.matcher(String.join("\n", reasons));
		return failure("because " + (address.find() ? address.group(1) : "the network") + " cannot be reached " + proxy +
			" (" + last() + "): connect this computer, or set its proxy in Edit > Options > Proxy Settings..., and run the " +
			"command again; " + otherwise);
	}

	private BridgeException failed(final String remedy) {
		return failure("by uv (" + last() + "): " + remedy);
	}

	private String last() {
		if (reasons.isEmpty()) return lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1).trim();
		return reasons.get(reasons.size() - 1).replaceFirst("\\.$", "");
	}

	private BridgeException failure(final String why) {
		return new BridgeException("The Python environment cannot be made " + why + ".", String.join(System.lineSeparator(),
			lines));
	}
}
