package org.ijbridge;

import ij.ImagePlus;
import ij.gui.Overlay;
import ij.gui.PolygonRoi;
import ij.gui.Roi;
import ij.io.RoiEncoder;
import ij.plugin.frame.RoiManager;
import java.awt.GraphicsEnvironment;
import java.awt.Rectangle;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The outlines of objects as ImageJ's ROIs, and where they go.
 * <p>
 * The worker's coordinates are 0 in the centre of the first pixel, ImageJ's in its upper left corner.
 * </p>
 */
final class Outlines {

	/** The property by which ROIs are told that were made here. */
	private static final String OWN = "ijbridge";

	private final ImagePlus image;
	private final List<Roi> rois = new ArrayList<>();

	/**
	 * Makes ROIs.
	 *
	 * @param image in which the objects were found
	 * @param part of it that was sent
	 */
	Outlines(final FoundObjects found, final ImagePlus image, final Rectangle part) {
		this.image = image;
		final int digits = Math.max(4, String.valueOf(found.objects().size()).length());
		for (final Map<String, String> object : found.objects()) {
			final String outline = FoundObjects.outline(object);
			if (outline == null) continue;
			final Roi roi = polygon(outline, part);
			roi.setName(String.format("%0" + digits + "d", rois.size() + 1));
			roi.setProperty(OWN, found.title + " " + object.get("label"));
			if (object.containsKey("class")) roi.setGroup(Integer.parseInt(object.get("class")));
			place(roi, object);
			rois.add(roi);
		}
	}

	/** The ROIs, in the order of the list. */
	List<Roi> rois() {
		return new ArrayList<>(rois);
	}

	/** Puts them into the image's overlay, in place of those of an earlier run; what else is in it stays. */
	void overlay() {
		final Overlay overlay = image.getOverlay() == null ? new Overlay() : image.getOverlay();
		for (int i = overlay.size() - 1; i >= 0; i--) if (overlay.get(i).getProperty(OWN) != null) overlay.remove(i);
		for (final Roi roi : rois) overlay.add(roi);
		image.setOverlay(overlay);
	}

	/**
	 * Adds them to the ROI Manager, behind those that it has.
	 *
	 * @throws BridgeException where there are no windows
	 */
	void manage() throws BridgeException {
		if (GraphicsEnvironment.isHeadless()) {
			throw new BridgeException("The ROI Manager needs a display, and there is none: leave outlines=manager out.");
		}
		final RoiManager open = RoiManager.getInstance2();
		final RoiManager manager = open == null ? RoiManager.getRoiManager() : open;
		for (final Roi roi : rois) manager.addRoi(roi);
	}

	/** A zip that ImageJ opens into the ROI Manager. */
	byte[] zip() throws IOException {
		final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
		try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
			for (final Roi roi : rois) {
				zip.putNextEntry(new ZipEntry(roi.getName() + ".roi"));
				zip.write(RoiEncoder.saveAsByteArray(roi));
				zip.closeEntry();
			}
		}
		return bytes.toByteArray();
	}

	private static Roi polygon(final String outline, final Rectangle part) {
		final String[] corners = outline.replaceAll("[^-0-9., e]", "").trim().split(", *");
		// the last corner of well-known text is the first
		final int count = corners.length - 1;
		final float[] x = new float[count];
		final float[] y = new float[count];
		for (int i = 0; i < count; i++) {
			final String[] place = corners[i].trim().split(" ");
			x[i] = Float.parseFloat(place[0]) + 0.5f + part.x;
			y[i] = Float.parseFloat(place[1]) + 0.5f + part.y;
		}
		return new PolygonRoi(x, y, Roi.POLYGON);
	}

	/** On the slice that the object is in; 0 stands for all along an axis that was not looped over. */
	private void place(final Roi roi, final Map<String, String> object) {
		final Map<String, Integer> at = new HashMap<>();
		for (final String axis : Arrays.asList("channel", "slice", "frame")) {
			if (object.containsKey(axis)) at.put(axis, Integer.parseInt(object.get(axis)));
		}
		if (at.isEmpty()) return;
		if (image.isHyperStack()) {
			roi.setPosition(at.getOrDefault("channel", 0), at.getOrDefault("slice", 0), at.getOrDefault("frame", 0));
		}
		else {
			roi.setPosition(image.getStackIndex(at.getOrDefault("channel", 1), at.getOrDefault("slice", 1), at.getOrDefault(
				"frame", 1)));
		}
	}
}
