package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class InProcessBlockTest {

	private static final int STEP = 10;
	private static final int REACH = 4;

	/** Windows of at most 4 bytes on one array of 25, seen through pieces that begin every 10 bytes. */
	private static InProcessBlock block(final byte[] array, final List<String> said) {
		final List<ByteBuffer> pieces = new ArrayList<>();
		for (int start = 0; start < array.length; start += STEP) {
			final int end = Math.min(array.length, start + STEP + REACH);
			pieces.add(((ByteBuffer) ByteBuffer.wrap(array).position(start).limit(end)).slice());
		}
		return new InProcessBlock(7L, array.length, STEP, pieces, () -> said.add("released"));
	}

	@Test
	void everyWindowIsOnTheBytesOfThatPlace() {
		final byte[] array = new byte[25];
		for (int i = 0; i < array.length; i++) array[i] = (byte) i;
		try (InProcessBlock block = block(array, new ArrayList<>())) {
			for (int offset = 0; offset <= array.length; offset++) {
				for (int length = 0; length <= REACH && offset + length <= array.length; length++) {
					final ByteBuffer window = block.buffer(offset, length);
					assertEquals(length, window.remaining());
					assertEquals(ByteOrder.nativeOrder(), window.order());
					for (int i = 0; i < length; i++) assertEquals(offset + i, window.get(i));
				}
			}
		}
	}

	@Test
	void whatIsWrittenAcrossTheEndOfAPieceIsThere() {
		final byte[] array = new byte[25];
		try (InProcessBlock block = block(array, new ArrayList<>())) {
			block.buffer(8, 4).put(new byte[] { 1, 2, 3, 4 });
			assertEquals(3, block.buffer(10, 1).get());
		}
	}

	@Test
	void noWindowReachesBeyondTheBlock() {
		try (InProcessBlock block = block(new byte[25], new ArrayList<>())) {
			assertThrows(IndexOutOfBoundsException.class, () -> block.buffer(23, 3));
			assertThrows(IndexOutOfBoundsException.class, () -> block.buffer(-1, 1));
		}
	}

	@Test
	void closingGivesItBack() {
		final List<String> said = new ArrayList<>();
		block(new byte[25], said).close();
		assertEquals("[released]", said.toString());
	}
}
