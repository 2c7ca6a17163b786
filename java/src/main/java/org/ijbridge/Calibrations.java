package org.ijbridge;

import ij.ImagePlus;
import ij.measure.Calibration;
import ij.measure.Measurements;
import ij.plugin.filter.Analyzer;
import java.awt.Rectangle;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The size of a pixel, and where an image begins, in the words of ImageJ and in those of the worker.
 * <p>
 * ImageJ's unit "pixel" means that the size is not known. Its unit of time "sec" is "s" for the worker. ImageJ says in pixels
 * where 0 is; the worker says where the first pixel begins, in the unit of the axis, or in pixels where that is not known.
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

	/**
	 * Tells where a part of an image begins.
	 *
	 * @param sizes by axis, as {@link #read} tells them
	 * @return by axis; an axis that begins at 0 is left out
	 */
	static Map<String, Object> origin(final Calibration from, final Rectangle part, final Map<String, Object> sizes) {
		final Map<String, Object> origin = new LinkedHashMap<>();
		begin("x", part.x - from.xOrigin, sizes, origin);
		begin("y", part.y - from.yOrigin, sizes, origin);
		begin("z", -from.zOrigin, sizes, origin);
		return origin;
	}

	private static void begin(final String axis, final double pixels, final Map<String, Object> sizes,
		final Map<String, Object> origin)
	{
		final double position = pixels * ((Number) sizes.getOrDefault(axis, 1.0)).doubleValue();
		if (position != 0 && !Double.isNaN(position) && !Double.isInfinite(position)) origin.put(axis, position);
	}

	/** Sets what is told, and leaves other sizes unknown. */
	static void apply(final Map<String, Double> sizes, final Map<String, String> units, final Map<String, Double> origin,
		final Calibration to)
	{
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
		to.xOrigin = zero("x", sizes, origin);
		to.yOrigin = zero("y", sizes, origin);
		to.zOrigin = zero("z", sizes, origin);
	}

	private static double zero(final String axis, final Map<String, Double> sizes, final Map<String, Double> origin) {
		return origin.containsKey(axis) ? -origin.get(axis) / sizes.getOrDefault(axis, 1.0) : 0;
	}

	/**
	 * Lets a result count y from below where its image does, by its own word or by that of Analyze &gt; Set Measurements. Without
	 * an origin both mean the lower edge of each image, which a part of it has elsewhere: that is given an origin.
	 *
	 * @param whole whether all of the image was sent
	 */
	static void countFromBelow(final ImagePlus image, final boolean whole, final Calibration to) {
		final Calibration from = image.getCalibration();
		final boolean byEdge = from.yOrigin == 0;
		final boolean everywhere = (Analyzer.getMeasurements() & Measurements.INVERT_Y) != 0;
		if (!from.getInvertY() && (!everywhere || byEdge && whole)) return;
		to.setInvertY(from.getInvertY() || byEdge);
		if (byEdge) to.yOrigin += (image.getHeight() - 1) * from.pixelHeight / to.pixelHeight;
		// 0 would mean the lower edge.
		if (to.yOrigin == 0) to.yOrigin = Double.MIN_NORMAL;
	}

	/** ImageJ takes the unit of x for all; null stands for that, and is what it shows and saves best. */
	private static String different(final String unit, final Calibration calibration) {
		return calibration.getXUnit().equals(unit) ? null : unit;
	}
}
