"""Processes that are no children of the tests, and those that see places of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
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


def unshare() -> list[str]:
    """Give what is put before a command that may mount places which it and its children see alone."""
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]


def cannot_mount() -> str:
    """Say why no place of one's own can be mounted here; empty where it can."""
    if shutil.which("unshare") is None:
        return "there is no unshare, which only Linux has"
    command = [*unshare(), "sh", "-c", "mount -t tmpfs -o size=1m ijbridge /dev/shm"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return tried.stderr.strip() and f"no /dev/shm of one's own can be mounted here ({tried.stderr.strip()})"
