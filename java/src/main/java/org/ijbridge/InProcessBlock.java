package org.ijbridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Memory of the Python program that ImageJ runs in. There it is one array of any size, which no single buffer could
 * hold: here it is seen through several, each of which begins where the one before ends its {@code step}, and reaches
 * {@link Pixels#CHUNK} bytes into the next one, so that every window lies in one of them.
 */
final class InProcessBlock implements PixelBlock {

	private final Object reference;
	private final long size;
	private final long step;
	private final List<ByteBuffer> pieces;
	private final Runnable release;

	/**
	 * @param reference what Python calls the block
	 * @param size in bytes, in all
	 * @param step in bytes, from the start of a piece to that of the next
	 * @param pieces direct buffers, the first first
	 * @param release is run when the block is closed
	 */
	InProcessBlock(final Object reference, final long size, final long step, final List<ByteBuffer> pieces,
		final Runnable release)
	{
		this.reference = reference;
		this.size = size;
		this.step = step;
		this.pieces = pieces;
		this.release = release;
	}

	@Override
	public long size() {
		return size;
	}

	@Override
	public ByteBuffer buffer(final long offset, final int length) {
		if (offset < 0 || length < 0 || offset + length > size) {
			throw new IndexOutOfBoundsException(length + " bytes from " + offset + " in a block of " + size);
		}
		// A window of no bytes may begin where the last piece ends.
		final int number = (int) Math.min(offset / step, pieces.size() - 1);
		final ByteBuffer piece = pieces.get(number).duplicate();
		final int from = (int) (offset - number * step);
		piece.position(from).limit(from + length);
		return piece.slice().order(ByteOrder.nativeOrder());
	}

	@Override
	public Object reference() {
		return reference;
	}

	@Override
	public void close() {
		release.run();
	}
}
