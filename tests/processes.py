"""Whether processes have ended that are no children of the tests."""

from __future__ import annotations

import time

import psutil


def ends(pid: int, within: float = 5) -> bool:
    """Wait for the end of a process, which some parents never ask for; False where it still lives after so many seconds."""
    late = time.monotonic() + within
    while not _has_ended(pid):
        if time.monotonic() > late:
            return False
        time.sleep(0.05)
    return True


def _has_ended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
