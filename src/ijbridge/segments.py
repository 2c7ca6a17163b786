"""Memory that the plugin shares with this process: made and destroyed by Java, here only opened and looked into.

A segment comes as Appose's ``SharedMemory`` (where the system names memory: macOS, Windows), or as a file to be mapped:
``{"file": path, "size": bytes, "in_memory": bool}``. On Linux that is a file without a name, in memory or, where that is too
small, on disk; its path leads through ``/proc`` to what ImageJ has open.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ijbridge.errors import OptionError


class Segment(Protocol):
    """A piece of shared memory, open in this process."""

    @property
    def buf(self) -> Any:
        """The bytes, which can be written."""

    def close(self) -> None:
        """Let go of the bytes; they stay for others."""

    def unlink(self) -> None:
        """Destroy what keeps the bytes when all have let go of them."""


class MappedFile:
    """A file that is mapped into memory."""

    def __init__(self, path: str, size: int, *, in_memory: bool = False) -> None:
        self._path = path
        # all pages at once: one by one, as they are written to, they cost the system more (2 GB: 0.75 instead of 0.53 s)
        flags = {"flags": mmap.MAP_SHARED | mmap.MAP_POPULATE} if in_memory and hasattr(mmap, "MAP_POPULATE") else {}
        try:
            with Path(path).open("r+b") as file:
                self.buf = mmap.mmap(file.fileno(), size, **flags)
        except (OSError, ValueError) as error:
            raise OptionError(
                f"The shared file {path} of {size} bytes cannot be opened ({error}): run the command again."
            ) from error

    def close(self) -> None:
        """Let go of the bytes; they stay for others."""
        self.buf.close()

    def unlink(self) -> None:
        """Delete the file, if it has a name."""
        with contextlib.suppress(OSError):
            Path(self._path).unlink(missing_ok=True)


def _mapped_file(reference: Mapping[str, Any]) -> MappedFile:
    return MappedFile(str(reference["file"]), int(reference["size"]), in_memory=bool(reference.get("in_memory")))


@contextlib.contextmanager
def opened(references: Sequence[Any]) -> Iterator[list[Segment]]:
    """Open what the plugin refers to, and close all of it in the end; no array that looks into it may be left by then."""
    with contextlib.ExitStack() as stack:
        segments: list[Segment] = []
        for reference in references:
            mapped = isinstance(reference, Mapping)
            segment = _mapped_file(reference) if mapped else reference
            stack.callback(_close, segment)
            segments.append(segment)
        yield segments


def _close(segment: Segment) -> None:
    try:
        segment.close()
    except BufferError:
        gc.collect()  # frames of an exception may still hold arrays that look into it
        segment.close()
