"""What differs between Linux, macOS and Windows: all of it is here, so that it can be read side by side.

Java has its own such place, ``SharedPlace`` and the two kinds of memory behind it.

=====================  =========================  =======================  =================================================
what                   Linux                      macOS                    Windows
=====================  =========================  =======================  =================================================
memory that is free    of the machine, and of     of the machine           of the machine
                       the control groups
mark of most memory    can be reset, so that it   since the process began  since the process began
                       is that of a run
a parent that died     the parent is another one  as on Linux              its process is no more
a mapped file          can be deleted, and has    can be deleted           stays in the temporary folder if ImageJ is killed
                       no name
kept for the user      ``$XDG_CACHE_HOME`` or    ``~/Library/Caches``    ``%LOCALAPPDATA%``
                       ``~/.cache``
what the user said     ``$XDG_CONFIG_HOME`` or    ``~/Library/Application  ``%LOCALAPPDATA%``
                       ``~/.config``              Support``
limits of a process    processor and memory       the processor            none: the parent's patience
open to everybody      the bits of the mode       as on Linux              not inside a person's home folder
pages of a process     private mappings, given    as on Linux              an anonymous mapping; Java is asked to collect
                       back by ``madvise``                                 its garbage
=====================  =========================  =======================  =================================================
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import stat
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

WINDOWS = sys.platform == "win32"

#: What starts a process without a window of its own (``creationflags`` of `subprocess`).
NO_WINDOW = 0x08000000 if WINDOWS else 0

#: Where Linux mounts control groups, version 2 and 1, and what their files are called.
_CGROUPS = (
    (Path("/sys/fs/cgroup"), "", "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)

#: Where a Java keeps its library below its home.
JAVA_LIBRARIES = ("lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll")


@cache
def processor() -> str:
    """Give the model of the processor, as the system calls it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    import platform

    return platform.processor() or platform.machine()


# --- memory ----------------------------------------------------------------------------------------------------------


def free_memory() -> int:
    """Say how many bytes the machine, or the container, has left."""
    free = _free_memory_of_machine()
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


def _free_memory_of_machine() -> int:
    with contextlib.suppress(OSError, StopIteration, ValueError):
        # where psutil would look, too, but it takes longer to load than all else that is planned
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    import psutil

    return int(psutil.virtual_memory().available)


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


def reset_peak_memory() -> None:
    """Begin to measure the most memory anew, where the system lets a process do that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def held_memory() -> int:
    """Give the bytes that this process holds."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        return _of_this_process("VmRSS:")
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak_memory() -> int:
    """Give the most bytes that this process held at a time: since the last reset, or since it began."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        return _of_this_process("VmHWM:")
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _of_this_process(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


def cache_folder() -> Path:
    """Give the folder where programs of this user keep what they can make again."""
    return _folder_of_user("XDG_CACHE_HOME", ".cache", "Caches")


def config_folder() -> Path:
    """Give the folder where programs of this user keep what the user said."""
    return _folder_of_user("XDG_CONFIG_HOME", ".config", "Application Support")


def _folder_of_user(variable: str, otherwise: str, in_library: str) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / in_library
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    named = os.environ.get(variable, "")
    return Path(named) if Path(named).is_absolute() else Path.home() / otherwise


def private_pages(size: int) -> mmap.mmap:
    """Map that many bytes which no other process can share.

    Raises
    ------
    OSError, ValueError, OverflowError
        If the system has not as many.
    """
    if hasattr(mmap, "MAP_PRIVATE"):
        # pages that other processes could share are not given back by madvise
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(AttributeError, OSError):  # Linux, where it is not compiled without them
            pages.madvise(mmap.MADV_HUGEPAGE)  # 1 GB is filled in 0.1 instead of 0.4 s
        return pages
    return mmap.mmap(-1, size)


def give_back(pages: mmap.mmap) -> bool:
    """Give the memory of pages back that are still looked at and then hold zeros; False where the system cannot."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return False
    pages.madvise(mmap.MADV_DONTNEED)
    return True


# --- processes -------------------------------------------------------------------------------------------------------


class Parent:
    """The process that started this one."""

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._process = None
        if WINDOWS:  # there its number stays when it is gone, and may be given to another process
            import psutil

            with contextlib.suppress(psutil.Error):
                self._process = psutil.Process(self._pid)

    def is_alive(self) -> bool:
        """Whether it is still there."""
        if WINDOWS:
            return self._process is not None and self._process.is_running()
        return os.getppid() == self._pid


def limit_process(seconds: int, most: int) -> None:
    """Let this process end after so many seconds of the processor from now, and be refused more than so many bytes more.

    It ends by a signal, of which `took_too_long` tells the parent; what is refused is a `MemoryError`.
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash on a stranger's bytes leaves no file
    limits = [(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)]
    if sys.platform == "linux":
        limits.append((resource.RLIMIT_AS, _of_this_process("VmSize:") + most))
    for what, limit in limits:
        now, highest = resource.getrlimit(what)
        resource.setrlimit(what, (min([limit, *(one for one in (now, highest) if one != resource.RLIM_INFINITY)]), highest))


def took_too_long(status: int) -> bool:
    """Whether a process with this status ended because of the seconds that `limit_process` gave it."""
    return not WINDOWS and status == -signal.SIGXCPU


# --- files -----------------------------------------------------------------------------------------------------------


def first_closed(path: Path, rights: int) -> Path | None:
    """Give the first folder or file on the way to a path that not everybody may enter or use; None if there is none.

    Parameters
    ----------
    rights
        The bits of its mode that everybody needs, such as `stat.S_IROTH`.
    """
    if WINDOWS:  # rights are not in the mode there; a person's home is what others may not read
        home = Path.home()
        return home if path.resolve().is_relative_to(home) else None
    for way in dict.fromkeys((path, path.resolve())):
        for folder in reversed(way.parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return folder
        if way.stat().st_mode & rights != rights:
            return way
    return None


def may_be_written_by_others(file: Path) -> bool:
    """Whether other people may write a file, as far as its own mode says so, or it belongs to another person than this one."""
    if sys.platform == "win32":  # rights are not in the mode there
        return False
    found = file.stat()
    return bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)) or found.st_uid not in (os.getuid(), 0)


def is_readable_by_all(file: Path) -> bool:
    """Whether everybody may read a file, as far as its own mode says so."""
    return WINDOWS or bool(file.stat().st_mode & stat.S_IROTH)
