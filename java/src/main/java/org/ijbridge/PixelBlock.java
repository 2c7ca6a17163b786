package org.ijbridge;

import java.nio.ByteBuffer;
import java.util.Collection;

/** Memory of any size that ImageJ and the Python program both see, wherever that program runs. */
interface PixelBlock extends AutoCloseable {

	/** The number of bytes asked for. */
	long size();

	/**
	 * A window on the block, in the byte order of the machine.
	 *
	 * @param offset in bytes from the start; may lie beyond 2 GiB
	 * @param length in bytes, at most {@link Pixels#CHUNK}
	 */
	ByteBuffer buffer(long offset, int length);

	/** How the block is named in a message to the Python program: a value of the JDK's types. */
	Object reference();

	/** Gives the memory back. No buffer of it may be touched afterwards. */
	@Override
	void close();

	/** Gives all back, the others too if one fails; at once, because the system takes its time for each page. */
	static void closeAll(final Collection<? extends PixelBlock> blocks) {
		blocks.parallelStream().forEach(block -> {
			try {
				block.close();
			}
			catch (final RuntimeException failure) {
				LogFile.write("memory for pixels was not released", failure);
			}
		});
	}
}
