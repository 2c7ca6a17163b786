package org.ijbridge;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apposed.appose.SharedMemory;

/** Shared memory with a name, as Appose makes it: on macOS and Windows, where no folder holds it. */
final class NamedMemory implements Storage {

	private final SharedMemory memory;

	/** @throws IOException where the system has not that much */
	NamedMemory(final long size) throws IOException {
		memory = create(size);
	}

	/** @throws IOException where the system has not that much */
	static SharedMemory create(final long size) throws IOException {
		try {
			return PluginLoader.call(() -> SharedMemory.create(size));
		}
		catch (final Exception failure) {
			throw new IOException(failure.getMessage(), failure);
		}
	}

	@Override
	public ByteBuffer buffer(final long offset, final int length) {
		return memory.buf(offset, length).order(ByteOrder.nativeOrder());
	}

	@Override
	public Map<String, Object> reference() {
		return reference(memory);
	}

	/** Appose's own words, which its worker reads as shared memory. */
	static Map<String, Object> reference(final SharedMemory memory) {
		final Map<String, Object> reference = new LinkedHashMap<>();
		reference.put("appose_type", "shm");
		reference.put("name", memory.name());
		reference.put("rsize", memory.rsize());
		return reference;
	}

	@Override
	public boolean isNamed() {
		return true;
	}

	@Override
	public void release() {
		PluginLoader.run(memory::close);
	}
}
