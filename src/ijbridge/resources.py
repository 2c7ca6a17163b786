"""What this machine has, memory that may be used and devices, and how much memory was used."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from types import TracebackType

from ijbridge.planning import Resources

#: Where Linux states a container's limit and use (control groups, version 2 and 1).
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def find_resources() -> Resources:
    """Look what there is."""
    from ijbridge.runtimes.onnx import available_devices

    return Resources(memory=free_memory(), devices=available_devices())


def free_memory() -> int:
    """Say how many bytes the machine, or the container, has left."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit_file, use_file in _CGROUPS:
        try:
            limit, used = Path(limit_file).read_text().strip(), int(Path(use_file).read_text())
        except (OSError, ValueError):
            continue
        if limit.isdigit():
            free = min(free, max(0, int(limit) - used))
    return free


class PeakMemory:
    """Measures the most memory that this process held at a time, in bytes, while the context is open.

    ``before`` is what it held at the beginning; ``peak`` counts that too. Where the system does not let its own mark be reset
    (anywhere but on Linux), ``peak`` is the most since the process began.
    """

    before = 0
    peak = 0

    def __enter__(self) -> PeakMemory:
        import psutil

        self.before = psutil.Process().memory_info().rss
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.peak = max(self.before, _peak())


def _peak() -> int:
    import psutil

    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
