"""Memory of this process that Java looks at: one array here, of any size; several direct buffers there."""

from __future__ import annotations

import contextlib
import mmap
from typing import Any

import jpype

from ijbridge.errors import PlanError

#: Bytes from the start of one buffer to that of the next. With what it reaches beyond, a buffer stays below Java's 2 GiB.
STEP = 1 << 30


class Block:
    """Memory of ``size`` bytes, in pages of its own that can be given back while Java still has buffers on them.

    Java drops a buffer only when it collects its garbage, which may be never in a short script; its own memory for direct
    buffers would wait for the same collection.
    """

    def __init__(self, size: int) -> None:
        self.size, self.step = size, STEP
        try:
            self._memory = _private_pages(size)
        except (OSError, ValueError, OverflowError) as error:
            raise PlanError(
                f"The system gives no {size / 1e6:.1f} MB of memory for pixels ({error}): close other programs or images, or "
                "run on a smaller part of the image."
            ) from error
        self.view = memoryview(self._memory)

    def buffers(self, reach: int) -> Any:
        """Give a Java list of direct buffers that begin every ``step`` bytes and reach ``reach`` bytes beyond it."""
        made = jpype.JClass("java.util.ArrayList")()
        for start in range(0, self.size, self.step):
            made.add(jpype.nio.convertToDirectBuffer(self.view[start : start + self.step + reach]))
        return made

    def free(self) -> None:
        """Give the pages back; what still looks at them afterwards sees zeros."""
        try:
            self.view.release()
            self._memory.close()
        except BufferError:  # Java looks at them, or an array that is about to go
            if hasattr(mmap, "MADV_DONTNEED"):
                self._memory.madvise(mmap.MADV_DONTNEED)
            else:
                jpype.JClass("java.lang.System").gc()


def _private_pages(size: int) -> mmap.mmap:
    if hasattr(mmap, "MAP_PRIVATE"):
        # pages that other processes could share are not given back by madvise
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(AttributeError, OSError):  # Linux, where it is not compiled without them
            pages.madvise(mmap.MADV_HUGEPAGE)  # 1 GB is filled in 0.1 instead of 0.4 s
        return pages
    return mmap.mmap(-1, size)
