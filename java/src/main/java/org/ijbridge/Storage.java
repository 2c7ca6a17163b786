package org.ijbridge;

import java.nio.ByteBuffer;
import java.util.Map;

/** What the bytes of a {@link SharedBlock} lie in: memory of the system, or a file. */
interface Storage {

	/**
	 * A window on the bytes, in the byte order of the machine.
	 *
	 * @param offset in bytes from the start; may lie beyond 2 GiB
	 * @param length in bytes, at most {@link Pixels#CHUNK}
	 */
	ByteBuffer buffer(long offset, int length);

	/** How the worker finds it; which keys there are says of which kind it is. */
	Map<String, Object> reference();

	/** Whether it has a name, by which it stays when this process ends without releasing it. */
	boolean isNamed();

	/** Gives the bytes back to the system, and what name they have. */
	void release();
}
