"""Reads the structure of a TIFF as `ijbridge.image_io` will: in a process of its own, started by `ijbridge.tiff_safety`."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING

from ijbridge import platforms
from ijbridge.own_process import NO_MEMORY
from ijbridge.tiff_safety import check_named_files

if TYPE_CHECKING:
    import tifffile


def main() -> None:
    """Read a file; the arguments are its path, and the processor's seconds and the bytes of memory that this may take.

    Only that it comes to an end matters: what is wrong with the file is said where it is read.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    path, seconds, most = sys.argv[1:]
    platforms.limit_process(int(seconds), int(most))
    try:
        with tifffile.TiffFile(path) as tiff:
            check_named_files(tiff)
            _read(tiff)
    except MemoryError:
        sys.exit(NO_MEMORY)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said where the file is read
        logging.getLogger(__name__).debug("%s cannot be read: %s", path, error)
    sys.stdout.buffer.write(b"done")


def _read(tiff: tifffile.TiffFile) -> None:
    with contextlib.suppress(ValueError, KeyError, AttributeError):
        len(tiff.imagej_metadata or ())
    for page in tiff.series[0]:
        if page is not None:
            len(page.dataoffsets)


if __name__ == "__main__":
    main()
