package org.ijbridge;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

/**
 * A piece of memory that ImageJ and the worker both see, of any size: shared memory, else a file in the temporary
 * folder. Java makes it and destroys it; the worker only looks into it.
 */
final class SharedBlock implements PixelBlock {

	/** What has a name when ImageJ ends. Of what has none, a thread may still be at work on the last copy. */
	private static final Set<SharedBlock> NAMED = ConcurrentHashMap.newKeySet();

	static {
		Runtime.getRuntime().addShutdownHook(new Thread(() -> NAMED.forEach(SharedBlock::close), "ijbridge-memory"));
	}

	private final Storage storage;
	private final long size;
	private final AtomicBoolean open = new AtomicBoolean(true);

	private SharedBlock(final Storage storage, final long size) {
		this.storage = storage;
		this.size = size;
		if (storage.isNamed()) NAMED.add(this);
	}

	/**
	 * Makes one block for each size; all or none, and all in one place.
	 *
	 * @param sizes in bytes, each at least 1
	 * @throws BridgeException where there is not that much room anywhere
	 */
	static List<SharedBlock> create(final List<Long> sizes) throws BridgeException {
		return create(sizes, SharedPlace.all());
	}

	/** As {@link #create(List)}, in the first of these places that has the room. */
	static List<SharedBlock> create(final List<Long> sizes, final List<SharedPlace> places) throws BridgeException {
		final long needed = sizes.stream().mapToLong(Long::longValue).sum();
		final List<String> found = new ArrayList<>();
		IOException last = null;
		for (final SharedPlace place : places) {
			final long free = place.free();
			try {
				if (free >= needed) return make(sizes, place);
				found.add(SharedPlace.megabytes(free) + " are free in " + place);
			}
			catch (final IOException failure) {
				found.add(place + " gives no more (" + failure.getMessage() + ")");
				last = failure;
			}
			LogFile.write("for " + SharedPlace.megabytes(needed) + " that are to be shared, " + found.get(found.size() - 1));
		}
		throw new BridgeException("The image and its result need " + SharedPlace.megabytes(needed) + " to be shared with " +
			"Python, but " + String.join(" and ", found) + ": make one of the two larger (/dev/shm in a container: " +
			"--shm-size; another temporary folder: -Djava.io.tmpdir), or run on a smaller part of the image.", last);
	}

	/** All at once: the system makes the pages of one file one after the other. */
	private static List<SharedBlock> make(final List<Long> sizes, final SharedPlace place) throws IOException {
		final Map<Integer, SharedBlock> blocks = new ConcurrentSkipListMap<>();
		final AtomicReference<IOException> failure = new AtomicReference<>();
		boolean complete = false;
		try {
			IntStream.range(0, sizes.size()).parallel().forEach(number -> {
				try {
					blocks.put(number, new SharedBlock(place.make(sizes.get(number)), sizes.get(number)));
				}
				catch (final IOException failed) {
					failure.compareAndSet(null, failed);
				}
			});
			if (failure.get() != null) throw failure.get();
			complete = true;
			return new ArrayList<>(blocks.values());
		}
		finally {
			if (!complete) PixelBlock.closeAll(blocks.values());
		}
	}

	@Override
	public long size() {
		return size;
	}

	@Override
	public ByteBuffer buffer(final long offset, final int length) {
		if (offset < 0 || length < 0 || length > Pixels.CHUNK || offset + length > size) {
			throw new IndexOutOfBoundsException(length + " bytes from " + offset + " in a block of " + size);
		}
		return storage.buffer(offset, length);
	}

	/** How the block is named in a message to the worker, which says of which kind it is. */
	@Override
	public Map<String, Object> reference() {
		return storage.reference();
	}

	/** Destroys the block. No buffer of it may be touched afterwards. */
	@Override
	public void close() {
		NAMED.remove(this);
		if (open.getAndSet(false)) storage.release();
	}
}
