"""A package's files, put in place at once: as a folder or as a zip.

They are written beside their place under another name and moved, so that a half-written package is never taken for one. The
same files give the same bytes of a zip, whenever and by whom they are packed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ijbridge.errors import ConversionError

#: The earliest time that a zip can hold.
_TIME = (1980, 1, 1, 0, 0, 0)

_ZIP = ".zip"


def is_zip(target: Path) -> bool:
    """Whether a package is to be a zip, by its name."""
    return target.suffix.lower() == _ZIP


def check_target(target: Path, *, overwrite: bool, is_replaceable: Callable[[Path], bool]) -> None:
    """Refuse, before anything is computed, a place where a package cannot be put.

    Parameters
    ----------
    overwrite
        Whether something that is there may be replaced, if `is_replaceable` says so of it.

    Raises
    ------
    ConversionError
        If something is there that may not be replaced, or its folder cannot be written to.
    """
    if os.path.lexists(target):
        if not overwrite:
            raise ConversionError(f"{target} is there already: choose another place, or replace it with --overwrite.")
        if not is_replaceable(target):
            raise ConversionError(
                f"{target} is no package that ijbridge wrote, and is not replaced even with --overwrite: remove it yourself, "
                "or choose another place."
            )
    folder = target.parent
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        raise ConversionError(f"The folder {folder} does not exist: make it first, or choose another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConversionError(f"The folder {folder} may not be written to: choose another, or change its rights.")


@contextmanager
def placed(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; what is in it becomes the package at `target` if all goes well, else it is removed.

    Raises
    ------
    ConversionError
        If it cannot be written.
    """
    work = None
    try:
        work = Path(tempfile.mkdtemp(prefix=".ijbridge-", dir=target.parent))
        folder = work / "package"
        folder.mkdir()
        yield folder
        new = folder
        if is_zip(target):
            new = work / "package.zip"
            pack(folder, new)
        for file in folder.iterdir() if new is folder else [new]:
            with file.open("rb+") as written:
                os.fsync(written.fileno())  # else a machine that fails may have moved it before it is on disk
        if os.path.lexists(target):
            target.rename(work / "old")
        try:
            new.rename(target)
        except OSError:
            if os.path.lexists(work / "old"):
                (work / "old").rename(target)
            raise
    except OSError as error:
        raise ConversionError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, by their names in it."""
    for name, data in files.items():
        (folder / name).write_bytes(data)


def pack(folder: Path, target: Path) -> None:
    """Pack the files of a folder into a zip."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            info = zipfile.ZipInfo(file.name, _TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every system
            with archive.open(info, "w", force_zip64=file.stat().st_size >= 2**31) as entry, file.open("rb") as source:
                shutil.copyfileobj(source, entry, 2**20)
