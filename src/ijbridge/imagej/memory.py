"""Memory that the plugin asks this process for and gives back, for the image and the results of a run."""

from __future__ import annotations

from typing import Any

import jpype

from ijbridge.errors import PlanError
from ijbridge.imagej import buffers
from ijbridge.platforms import give_back, private_pages


class Block:
    """Memory of ``size`` bytes, in pages of its own that can be given back while Java still has buffers on them.

    Java drops a buffer only when it collects its garbage, which may be never in a short script; its own memory for direct
    buffers would wait for the same collection.
    """

    def __init__(self, size: int) -> None:
        self.size, self.step = size, buffers.STEP
        try:
            self._memory = private_pages(size)
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
            if not give_back(self._memory):
                jpype.JClass("java.lang.System").gc()
