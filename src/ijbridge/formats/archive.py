"""A zip from a stranger: read entry by entry, nothing is unpacked, and nothing that it says of itself is believed.

Refused before anything of it is read: more entries or bytes than `Limits` allow, what unpacks to far more than it takes (a
bomb), names of which a file system would make one file, encryption. Refused when it is asked for: a link, and what is packed
by another method than deflate, whose steps cannot be kept small.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from ijbridge.errors import NotAModelError, PackageError
from ijbridge.options import parse_amount
from ijbridge.units import amount

#: The environment variable that says how many bytes a model may have.
VARIABLE = "IJBRIDGE_MAX_MODEL_SIZE"

#: Weights compress by a few per cent, label images by up to a thousand times, but are small.
_BOMB_RATIO = 200
_BOMB_BYTES = 256 << 20

#: What is read, and unpacked, at a time; also the longest table of contents, that of some 100,000 entries.
_STEP = 1 << 20
_LONGEST_TABLE = 16 << 20

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

#: What zipfile raises on a zip that is damaged; RuntimeError for an encrypted entry, NotImplementedError for a compression
#: that it does not know, IndexError for an entry without a name.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, RuntimeError, NotImplementedError, EOFError, IndexError, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What a package may have: bytes in all of its files, unpacked, and files."""

    size: int = 16 << 30
    files: int = 10_000

    @classmethod
    def read(cls) -> Limits:
        """Give the usual limits, or what the environment says.

        Raises
        ------
        OptionError
            If it says something that is no amount.
        """
        given = os.environ.get(VARIABLE, "").strip()
        return cls(size=parse_amount(VARIABLE, given)) if given else cls()

    def check_size(self, size: int, what: str) -> None:
        """Raise PackageError where something has more bytes than a package may have."""
        if size > self.size:
            raise PackageError(
                f"{what} has {amount(size)}, but a model may have {amount(self.size)}: if you trust it, set the environment "
                f"variable {VARIABLE} to more."
            )

    def check_files(self, files: int, location: Path) -> None:
        """Raise PackageError where something has more files than a package may have."""
        if files > self.files:
            raise PackageError(
                f"{location} holds more than {self.files} files, which no model needs: give the model's own folder or zip."
            )


class Archive:
    """The entries of a zip by their names, slash separated.

    Parameters
    ----------
    location
        Where it lies.
    content
        Its bytes, where it is no file of its own but lies in another zip; ``location`` is what it is called then.

    Raises
    ------
    NotAModelError
        If it is no zip that can be read.
    PackageError
        If it is one that is not to be trusted (see the module).
    """

    def __init__(self, location: Path, limits: Limits, content: bytes | None = None):
        self._location = location
        self._content = content
        try:
            with self._open() as file, zipfile.ZipFile(file) as archive:
                files = [info for info in archive.infolist() if not info.is_dir()]
        except _DAMAGE as error:
            raise NotAModelError(f"{location} is not a zip that can be read: {str(error).rstrip('.')}.") from error
        self._entries = {str(PurePosixPath(info.filename.replace("\\", "/"))): info for info in files}
        limits.check_files(len(files), location)
        limits.check_size(sum(info.file_size for info in files), f"What {location} unpacks to")
        self._check_names([info.filename for info in files])
        for info in files:
            self._check_entry(info)

    @property
    def names(self) -> list[str]:
        """The names of all files."""
        return [*self._entries]

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def size(self, name: str) -> int:
        """Give the bytes of a file, unpacked."""
        return self._entries[name].file_size

    def read(self, name: str, most: int | None = None) -> bytes:
        """Read a file, or no more than its first bytes.

        Raises
        ------
        PackageError
            If it is damaged, a link, or packed in a way that is not read.
        """
        info = self._entries[name]
        if stat.S_ISLNK(info.external_attr >> 16):
            raise PackageError(f"{name!r} in {self._location} is a link: put the file itself into the zip.")
        if info.compress_type not in _METHODS:
            raise PackageError(
                f"{name!r} in {self._location} is packed by another method than deflate (compression {info.compress_type}): "
                "unpack the zip and give the folder."
            )
        parts = []
        try:
            with self._open() as file, zipfile.ZipFile(file) as archive, archive.open(info) as entry:
                # in steps, because zipfile unpacks as much as it is asked for, however short the entry claims to be
                if most is not None:
                    return entry.read(min(most, _STEP))
                while part := entry.read(_STEP):
                    parts.append(part)
        except _DAMAGE as error:
            raise PackageError(f"{name!r} in {self._location} cannot be read: {str(error).rstrip('.')}.") from error
        return b"".join(parts)

    def _open(self) -> _Wary:
        # a reader takes whatever has `readinto`, which the types do not say
        return _Wary(io.FileIO(self._location) if self._content is None else cast("io.RawIOBase", io.BytesIO(self._content)))

    def _check_names(self, names: list[str]) -> None:
        seen: dict[str, str] = {}
        for name in names:
            # as file systems see them that take small and capital letters for the same, or store letters and accents apart
            key = unicodedata.normalize("NFC", str(PurePosixPath(name.replace("\\", "/")))).casefold()
            if key in seen:
                raise PackageError(
                    f"{self._location} holds {seen[key]!r} and {name!r}, which are one file on many systems: it is not clear "
                    "which is meant; make the zip again."
                )
            seen[key] = name

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        if info.flag_bits & 1:
            raise PackageError(
                f"{info.filename!r} in {self._location} is encrypted: unpack the zip with its password and give the folder."
            )
        if info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * info.compress_size:
            raise PackageError(
                f"{info.filename!r} in {self._location} would unpack {amount(info.compress_size)} to {amount(info.file_size)}, "
                "as zips do that are made to fill memory: if you trust it, unpack it and give the folder."
            )


class _Wary(io.BufferedReader):
    """A zip's file, of which no table of contents is read that is longer than any model's."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LONGEST_TABLE:
            raise zipfile.BadZipFile(f"its table of contents has {amount(size)}")
        return super().read(size)
