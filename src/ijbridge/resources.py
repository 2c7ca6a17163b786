"""What this machine has, memory that may be used and devices, and how much memory was used."""

from __future__ import annotations

from types import TracebackType

from ijbridge import platforms
from ijbridge.planning import Resources


def find_resources(weights: str = "onnx") -> Resources:
    """Look what there is, for the engine that runs weights of this format.

    Memory is rounded down to five binary digits: what is free changes all the time, what is decided by it should not.
    """
    if weights == "torchscript":
        from ijbridge.runtimes.torch import refused_devices, usable_devices
    else:
        from ijbridge.runtimes.onnx import refused_devices, usable_devices

    free = platforms.free_memory()
    rest = max(0, free.bit_length() - 5)
    return Resources(memory=free >> rest << rest, devices=usable_devices(), refused=refused_devices())


class PeakMemory:
    """Measures the most memory that this process held at a time, in bytes, while the context is open.

    ``before`` is what it held at the beginning; ``peak`` counts that too. Where the system does not let its own mark be reset
    (anywhere but on Linux), ``peak`` is the most since the process began.
    """

    before = 0
    peak = 0

    def __enter__(self) -> PeakMemory:
        self.before = platforms.held_memory()
        platforms.reset_peak_memory()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.peak = max(self.before, platforms.peak_memory())
