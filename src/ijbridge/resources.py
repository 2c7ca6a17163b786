"""What this machine has, memory that may be used and devices, and how much memory was used."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ijbridge.planning import Resources

#: Where Linux mounts control groups, version 2 and 1, and what their files are called.
_CGROUPS = (
    (Path("/sys/fs/cgroup"), "", "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def find_resources() -> Resources:
    """Look what there is."""
    from ijbridge.runtimes.onnx import available_devices

    return Resources(memory=free_memory(), devices=available_devices())


def free_memory() -> int:
    """Say how many bytes the machine, or the container, has left."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for group, limit_file, use_file in _groups():
        try:
            limit, used = (group / limit_file).read_text().strip(), int((group / use_file).read_text())
            # pages of files, which the system gives up when memory is wanted, count as used there
            kept = {
                key: int(number) for key, number in (line.split() for line in (group / "memory.stat").read_text().splitlines())
            }
        except (OSError, ValueError):
            continue
        if limit.isdigit():
            cached = kept.get("inactive_file", kept.get("total_inactive_file", 0))
            free = min(free, max(0, int(limit) - used + cached))
    return free


def _groups() -> Iterator[tuple[Path, str, str]]:
    """Give the control groups that this process is in, from its own up to the root, with their files of limit and use."""
    try:
        own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for root, controller, limit, use in _CGROUPS:
        paths = [path for _, names, path in own if controller in names.split(",")]
        for path in paths or ["/"]:
            group = root / path.lstrip("/")
            yield from ((one, limit, use) for one in (group, *group.parents) if one == root or root in one.parents)


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
