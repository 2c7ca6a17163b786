package org.ijbridge;

import ij.ImagePlus;
import ij.measure.ResultsTable;
import java.util.Collections;
import java.util.List;

/** What a run gave: one image for each output, in the model's order, and the objects, where the model finds such. */
final class RunResults {

	/** Not shown yet. */
	final List<ImagePlus> images;

	/** Null where none were looked for. */
	final FoundObjects objects;

	/** Null where none were asked for. */
	final Outlines outlines;

	RunResults(final List<ImagePlus> images, final FoundObjects objects, final Outlines outlines) {
		this.images = Collections.unmodifiableList(images);
		this.objects = objects;
		this.outlines = outlines;
	}

	/** The table of the objects; null where none were looked for. */
	ResultsTable table() {
		return objects == null ? null : objects.toTable();
	}

	/** Shows the table, and the outlines in the image or the ROI Manager. */
	void showObjects(final RunOptions options) throws BridgeException {
		if (objects == null) return;
		objects.toTable().show(objects.title);
		if (outlines == null) return;
		if (options.isManaged()) outlines.manage();
		else outlines.overlay();
	}
}
