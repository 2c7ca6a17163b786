"""What this machine has: memory that may be used, devices."""

from __future__ import annotations

from pathlib import Path

from ijbridge.planning import Resources

#: Where Linux states a container's limit and use (control groups, version 2 and 1).
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def find_resources() -> Resources:
    """Look what there is."""
    from ijbridge.runtimes.onnx import available_devices

    return Resources(memory=_free_memory(), devices=available_devices())


def _free_memory() -> int:
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
