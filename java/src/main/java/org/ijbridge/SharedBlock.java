package org.ijbridge;

import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apposed.appose.SharedMemory;

/**
 * A piece of memory that ImageJ and the worker both see, of any size. Java makes it and destroys it; the worker only
 * looks into it.
 */
final class SharedBlock implements PixelBlock {

	/** Where Linux keeps shared memory: a file system of its own, 64 MB in most containers. */
	private static final File LINUX_MEMORY = new File("/dev/shm");

	/** What is there when ImageJ ends, and nobody else would remove. */
	private static final Set<SharedBlock> OPEN = ConcurrentHashMap.newKeySet();

	static {
		Runtime.getRuntime().addShutdownHook(new Thread(() -> OPEN.forEach(SharedBlock::close), "ijbridge-memory"));
	}

	private final SharedMemory memory;
	private final long size;

	private SharedBlock(final SharedMemory memory, final long size) {
		this.memory = memory;
		this.size = size;
		OPEN.add(this);
	}

	/**
	 * Makes one block for each size; all or none.
	 *
	 * @param sizes in bytes, each at least 1
	 * @throws BridgeException where there is not that much shared memory
	 */
	static List<SharedBlock> create(final List<Long> sizes) throws BridgeException {
		checkSpace(sizes.stream().mapToLong(Long::longValue).sum(), LINUX_MEMORY);
		final List<SharedBlock> blocks = new ArrayList<>();
		boolean complete = false;
		try {
			for (final long size : sizes) {
				blocks.add(new SharedBlock(PluginLoader.call(() -> SharedMemory.create(size)), size));
			}
			complete = true;
			return blocks;
		}
		catch (final Exception failure) {
			throw new BridgeException("The system gives no shared memory for the image and its result (" + failure +
				"): close other programs or images, or run on a smaller part of the image.", failure);
		}
		finally {
			if (!complete) PixelBlock.closeAll(blocks);
		}
	}

	/**
	 * Refuses more than there is. Linux lets one create what does not fit, and then ends the process that writes it.
	 *
	 * @param place where shared memory lies; where there is no such folder, nothing is refused
	 */
	static void checkSpace(final long needed, final File place) throws BridgeException {
		if (!place.isDirectory()) return;
		final long free = place.getUsableSpace();
		if (needed <= free) return;
		throw new BridgeException(String.format("The image and its result need %.1f MB of shared memory, but only " +
			"%.1f MB are free in %s: make it larger (in a container: --shm-size), or run on a smaller part of the image.",
			needed / 1e6, free / 1e6, place));
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
		return memory.buf(offset, length).order(ByteOrder.nativeOrder());
	}

	/** How the block is named in a message to the worker, which then sees it as shared memory. */
	@Override
	public Map<String, Object> reference() {
		final Map<String, Object> reference = new LinkedHashMap<>();
		reference.put("appose_type", "shm");
		reference.put("name", memory.name());
		reference.put("rsize", size);
		return reference;
	}

	/** Destroys the block. No buffer of it may be touched afterwards. */
	@Override
	public void close() {
		if (OPEN.remove(this)) PluginLoader.run(memory::close);
	}
}
