"""Memory that numpy and Java both look at, of any size: direct buffers on arrays, and arrays on what Java has.

What Java looks at stays alive until it has let go of its buffers, which it says when it collects its garbage. In a script that
seldom makes objects in Java that may be never, so that here it is asked to, before too much memory waits for it.
"""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import jpype
import numpy as np

from ijbridge.typing import Array

#: The most bytes of one buffer: Java counts them in 31 bits.
LIMIT = 2**31 - 1

#: Bytes from the start of one window to that of the next. With what it reaches beyond, a window stays below `LIMIT`.
STEP = 1 << 30

#: As much may wait for Java's garbage collection without being asked for.
_WAITING = 1 << 30

#: How long, in all, is waited for memory to come back after a garbage collection, and how often it is looked.
_PATIENCE_S, _LOOKS = 0.2, 20


class _Lent:
    """What memory Java looks at; the same memory counts once, however often it is lent."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._buffers: dict[tuple[int, int], int] = {}
        self._allowed = _WAITING
        self.total = 0

    def add(self, held: Array, key: tuple[int, int]) -> None:
        with self._lock:
            self._buffers[key] = self._buffers.get(key, 0) + 1
            self.total += key[1] if self._buffers[key] == 1 else 0
        weakref.finalize(held, self._remove, key).atexit = False

    def _remove(self, key: tuple[int, int]) -> None:
        with self._lock:
            self._buffers[key] -= 1
            if not self._buffers[key]:
                del self._buffers[key]
                self.total -= key[1]

    def make_room(self) -> None:
        """Let Java say what it has let go of, each time that twice as much is lent as after the time before."""
        if self.total <= self._allowed:
            return
        jpype.JClass("java.lang.System").gc()
        for _ in range(_LOOKS):
            if self.total <= self._allowed // 2:
                break
            time.sleep(_PATIENCE_S / _LOOKS)
        self._allowed = max(_WAITING, 2 * self.total)


_lent = _Lent()


def lend(array: Array, parts: Sequence[tuple[int, int]]) -> list[Any]:
    """Give direct buffers on parts of an array, which is kept alive as long as Java has one of them.

    Parameters
    ----------
    array
        In C order; one that cannot be written to gives buffers that cannot.
    parts
        For each buffer its first byte and the one behind its last, at most `LIMIT` apart.

    Returns
    -------
    list of java.nio.ByteBuffer
        In the byte order of the array.
    """
    _lent.make_room()
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    key = (owner.ctypes.data, owner.nbytes)
    flat = array.reshape(-1).view(np.uint8)
    order = jpype.JClass("java.nio.ByteOrder")
    order = order.LITTLE_ENDIAN if array.dtype.newbyteorder("<") == array.dtype else order.BIG_ENDIAN
    buffers = []
    for start, stop in parts:
        held: Any = flat[start:stop]
        _lent.add(held, key)
        buffers.append(jpype.nio.convertToDirectBuffer(memoryview(held)).order(order))
    return buffers


def windows(array: Array, reach: int) -> tuple[int, Any]:
    """Give Java an array for the length of one call; nothing keeps it alive.

    Parameters
    ----------
    array
        In C order.
    reach
        Bytes that each window reaches into the next one.

    Returns
    -------
    step, buffers
        Bytes from the start of one window to that of the next, and a Java list of direct buffers. Nobody may look at them when
        the array is gone.
    """
    made = jpype.JClass("java.util.ArrayList")()
    for start in range(0, array.nbytes, STEP):
        size = min(STEP + reach, array.nbytes - start)
        memory = (ctypes.c_ubyte * size).from_address(array.ctypes.data + start)
        made.add(jpype.nio.convertToDirectBuffer(memoryview(memory)))
    return STEP, made


def at(address: int, size: int, owner: object) -> Array:
    """Give an array of bytes that lie at an address, and keep their owner alive."""
    memory: Any = (ctypes.c_ubyte * size).from_address(address)
    memory.owner = owner  # what looks at a ctypes array keeps its attributes alive too
    return np.frombuffer(memory, np.uint8)


def runs(shape: Sequence[int], itemsize: int) -> tuple[tuple[int, ...], Iterator[tuple[int, int]]]:
    """Cut an array in C order into runs of at most `LIMIT` bytes, whose pixels lie behind one another.

    Returns
    -------
    shape, parts
        The shape of the largest runs, and per run its first byte and the one behind its last.
    """
    sizes = list(shape)
    cut = 0
    while cut < len(sizes) - 1 and int(np.prod(sizes[cut + 1 :])) * itemsize > LIMIT:
        sizes[cut] = 1
        cut += 1
    inner = int(np.prod(sizes[cut + 1 :])) * itemsize
    sizes[cut] = min(sizes[cut], LIMIT // inner)
    return tuple(sizes), _parts(shape, cut, sizes[cut] * inner, inner)


def _parts(shape: Sequence[int], cut: int, run: int, inner: int) -> Iterator[tuple[int, int]]:
    whole = shape[cut] * inner
    for line in range(int(np.prod(shape[:cut]))):
        for start in range(0, whole, run):
            yield line * whole + start, line * whole + min(start + run, whole)
