package org.ijbridge;

import ij.ImagePlus;
import java.awt.Rectangle;
import java.util.Collections;
import java.util.Map;

/** The macros of a model for the Python program that ImageJ runs in, where that asks for the run itself. */
public final class InProcessMacros {

	private InProcessMacros() {}

	/**
	 * Runs those of one side of the network.
	 *
	 * @param image the image, or the result
	 * @param told the reply to {@code macros}
	 * @param when {@code before} or {@code after}
	 * @return what they make of a duplicate, not shown
	 * @throws BridgeException where one fails, with the sentence
	 */
	public static ImagePlus run(final ImagePlus image, final Map<String, Object> told, final String when)
		throws BridgeException
	{
		final ModelMacros macros = ModelMacros.told(new Reply(told), false, Feedback.SILENT);
		if (when.equals(ModelMacros.AFTER)) return macros.after(Collections.singletonList(image)).get(0);
		return macros.before(image, new Rectangle(image.getWidth(), image.getHeight()));
	}
}
