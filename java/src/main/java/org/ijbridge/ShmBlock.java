package org.ijbridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.apposed.appose.NDArray;

/** Memory that an ImgLib2 image lies in already. It is the caller's, and stays when the block is closed. */
final class ShmBlock implements PixelBlock {

	private final NDArray array;

	ShmBlock(final NDArray array) {
		this.array = array;
	}

	@Override
	public long size() {
		return array.shape().numElements() * array.dType().bytesPerElement();
	}

	@Override
	public ByteBuffer buffer(final long offset, final int length) {
		return array.shm().buf(offset, length).order(ByteOrder.nativeOrder());
	}

	@Override
	public Map<String, Object> reference() {
		return NamedMemory.reference(array.shm());
	}

	@Override
	public void close() {}
}
