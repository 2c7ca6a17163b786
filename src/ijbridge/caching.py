"""What was found out once and is worth keeping: files in a folder of the user's, by their content, which can be deleted.

The folder is that of the operating system for such files, or the one that the environment's ``IJBRIDGE_CACHE`` names.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ijbridge import platforms

#: Files of one kind that are kept; the one that was written first goes first.
_MOST_FILES = 1000


def cache_folder() -> Path:
    """Give the folder; it need not be there."""
    if named := os.environ.get("IJBRIDGE_CACHE"):
        return Path(named)
    return platforms.cache_folder() / "ijbridge"


def read(path: Path) -> bytes | None:
    """Give a file that was kept, None where it is not there or cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def keep(path: Path, data: bytes) -> None:
    """Write a file that another process may read or write at the same time, for this user alone.

    A folder that cannot be written, or a disk that is full, is no error: the file is not kept then.
    """
    import tempfile  # which takes as long to load as what was kept takes to read

    written: Path | None = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            written = Path(file.name)
            file.write(data)
        written.replace(path)
        _thin_out(path.parent)
    except OSError:
        if written is not None:
            with contextlib.suppress(OSError):
                written.unlink(missing_ok=True)


def _thin_out(folder: Path) -> None:
    """Delete the oldest files where there are too many."""
    with os.scandir(folder) as entries:
        files = [(entry.stat().st_mtime, entry.path) for entry in entries if entry.is_file()]
    for _, path in sorted(files)[: max(0, len(files) - _MOST_FILES)]:
        Path(path).unlink(missing_ok=True)
