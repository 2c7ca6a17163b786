package org.ijbridge;

import ij.measure.Calibration;
import java.awt.Rectangle;
import java.util.Map;

/**
 * The size of a pixel in the words of ImageJ and in those of the worker.
 * <p>
 * ImageJ's unit "pixel" means that the size is not known. Its unit of time "sec" is "s" for the worker.
 * </p>
 */
final class Calibrations {

	private Calibrations() {}

	/**
	 * Tells the sizes that are known.
	 *
	 * @param axes the axes asked for; the axis c has no size
	 * @param sizes receives, by axis, the size of a pixel: finite and above 0
	 * @param units receives, by axis, the unit of that size
	 */
	static void read(final Calibration from, final Axes axes, final Map<String, Object> sizes,
		final Map<String, Object> units)
	{
		add('x', from.pixelWidth, from.getXUnit(), axes, sizes, units);
		add('y', from.pixelHeight, from.getYUnit(), axes, sizes, units);
		add('z', from.pixelDepth, from.getZUnit(), axes, sizes, units);
		final String time = from.getTimeUnit();
		add('t', from.frameInterval, "sec".equals(time) ? "s" : time, axes, sizes, units);
	}

	private static void add(final char axis, final double size, final String unit, final Axes axes,
		final Map<String, Object> sizes, final Map<String, Object> units)
	{
		final boolean known = unit != null && !unit.isEmpty() && !unit.equals("pixel") && !unit.equals("pixels");
		if (!axes.has(axis) || !known || !(size > 0) || Double.isInfinite(size)) return;
		sizes.put(String.valueOf(axis), size);
		units.put(String.valueOf(axis), unit);
	}

	/** Sets the sizes that are told, and leaves the others unknown. */
	static void apply(final Map<String, Double> sizes, final Map<String, String> units, final Calibration to) {
		if (sizes.containsKey("x")) {
			to.pixelWidth = sizes.get("x");
			to.setXUnit(units.get("x"));
		}
		if (sizes.containsKey("y")) {
			to.pixelHeight = sizes.get("y");
			to.setYUnit(different(units.get("y"), to));
		}
		if (sizes.containsKey("z")) {
			to.pixelDepth = sizes.get("z");
			to.setZUnit(different(units.get("z"), to));
		}
		if (sizes.containsKey("t")) {
			to.frameInterval = sizes.get("t");
			to.setTimeUnit("s".equals(units.get("t")) ? "sec" : units.get("t"));
		}
	}

	/**
	 * Gives a result the origin of its image, which is counted in pixels: a place keeps its coordinates.
	 *
	 * @param part of the image that the result shows
	 */
	static void moveOrigin(final Calibration from, final Rectangle part, final Calibration to) {
		to.xOrigin = (from.xOrigin - part.x) * from.pixelWidth / to.pixelWidth;
		to.yOrigin = (from.yOrigin - part.y) * from.pixelHeight / to.pixelHeight;
		to.zOrigin = from.zOrigin * from.pixelDepth / to.pixelDepth;
	}

	/** ImageJ takes the unit of x for all; null stands for that, and is what it shows and saves best. */
	private static String different(final String unit, final Calibration calibration) {
		return calibration.getXUnit().equals(unit) ? null : unit;
	}
}
