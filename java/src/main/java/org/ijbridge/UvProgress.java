package org.ijbridge;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How far uv is, by the lines that it prints where nobody looks: it names each large download as it begins and ends. */
final class UvProgress {

	private static final String WHAT = "making the Python environment";
	private static final Pattern BEGUN = Pattern.compile("\\s*Downloading (\\S+).*");
	private static final Pattern ENDED = Pattern.compile("\\s*Downloaded (\\S+).*");

	private final Feedback feedback;
	private final long start = System.currentTimeMillis();
	private final Set<String> underWay = new LinkedHashSet<>();
	private int begun;

	UvProgress(final Feedback feedback) {
		this.feedback = feedback;
		feedback.progress(WHAT, 0, 0);
	}

	/** Takes in one line. */
	void hear(final String line) {
		final Matcher name = BEGUN.matcher(line);
		if (name.matches() && underWay.add(name.group(1))) begun++;
		final Matcher done = ENDED.matcher(line);
		if (done.matches()) underWay.remove(done.group(1));
	}

	/** Shows what is being done, with the seconds, so that a slow network does not look like a standstill. */
	void show() {
		final int done = begun - underWay.size();
		// the names last: the status bar may be too short for them
		final String downloads = begun == 0 ? "" : ": " + done + " of " + begun + " downloads done" + (underWay.isEmpty() ? ""
			: "; " + String.join(", ", underWay));
		feedback.progress(WHAT + ", " + (System.currentTimeMillis() - start) / 1000 + " s" + downloads, done, begun);
	}
}
