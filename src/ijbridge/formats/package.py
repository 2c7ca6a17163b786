"""A model package: the folder, zip or single file that holds a model, opened safely.

A package is data from a stranger. Files are named relative to its description and never leave its folder, whatever a
description or a zip entry says; symbolic links out of it are refused; nothing is unpacked.
"""

from __future__ import annotations

import copy
import hashlib
import os.path
import re
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Self

from ijbridge.description import FileRef, ModelDescription
from ijbridge.errors import ModelNotFoundError, NotAModelError, PackageError

#: Names of a bioimage.io description, best first.
_DESCRIPTIONS = ("rdf.yaml", "bioimageio.yaml", "model.yaml", "rdf.yml", "bioimageio.yml", "model.yml")
_DESCRIPTION_SUFFIXES = (".bioimageio.yaml", ".model.yaml", ".bioimageio.yml", ".model.yml")

#: What zipfile raises on a zip that is damaged; RuntimeError for an encrypted entry, NotImplementedError for a compression
#: that it does not know.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, RuntimeError, NotImplementedError, EOFError, ValueError)


#: Far beyond any description, in bytes: a zip may hold much more than its size tells.
_MOST_BYTES = 64 * 2**20

#: How many folders deep the files of a folder are looked at.
_DEPTH = 3


class Package(ABC):
    """A folder, zip or file with the description that was found in it.

    ``location`` is what was opened; ``description_file`` the description's name in the package, slash separated, or
    None. Names given to the methods are relative to the folder of the description, but for `names` and `nearest`, which give
    them from the top of the package.
    """

    def __init__(self, location: Path, description_file: str | None):
        self.location = location
        self.description_file = description_file

    @abstractmethod
    def names(self) -> list[str]:
        """List the files of the package, those of a folder down to its third level."""

    def nearest(self, wanted: Callable[[str], bool]) -> list[str]:
        """Give the files whose own name is wanted, of the level nearest to the top that has one.

        Of a package that was opened by one of its files only that file.
        """
        found = [name for name in self._candidates() if wanted(PurePosixPath(name).name)]
        level = min((name.count("/") for name in found), default=0)
        return [name for name in found if name.count("/") == level]

    def _candidates(self) -> list[str]:
        return self.names()

    def described_by(self, name: str) -> Self:
        """Give the package with this file, of those that `names` lists, for its description."""
        described = copy.copy(self)
        described.description_file = name
        return described

    def relative_names(self) -> list[str]:
        """List the files in the folder of the description and below, named relative to it."""
        folder = PurePosixPath(self.description_file or "").parent
        return [
            str(PurePosixPath(one).relative_to(folder)) for one in self.names() if PurePosixPath(one).is_relative_to(folder)
        ]

    @abstractmethod
    def head(self, name: str, count: int) -> bytes:
        """Read the first bytes of a file that `names` lists."""

    @abstractmethod
    def _size(self, name: str) -> int: ...

    @abstractmethod
    def _exists(self, name: str) -> bool: ...

    @abstractmethod
    def _read(self, name: str) -> bytes: ...

    @abstractmethod
    def path(self, source: str) -> Path | None:
        """Give the file as a path of the file system, or None where it is part of a zip."""

    @property
    def description_path(self) -> Path | None:
        """The description's path in the file system, None where it is part of a zip or was not found."""
        return self.path(PurePosixPath(self.description_file).name) if self.description_file is not None else None

    def exists(self, source: str) -> bool:
        """Whether the package holds the file; False for a URL."""
        return not FileRef(source).is_url and self._exists(self._resolve(source))

    def read_description(self) -> bytes:
        """Read the description."""
        if self.description_file is None:
            raise NotAModelError(f"{self.location} is not a model that ijbridge reads: it holds no description.")
        if self._size(self.description_file) > _MOST_BYTES:
            raise PackageError(
                f"{self.description_file!r} in {self.location} is larger than {_MOST_BYTES >> 20} MiB, which no description is."
            )
        return self._read(self.description_file)

    def read(self, file: FileRef, what: str) -> bytes:
        """Read a file that the description names, and hold it against the hash it must have.

        Raises
        ------
        PackageError
            If the file is not there, lies outside the package, or is not the one that was described.
        """
        if file.is_url:
            raise PackageError(
                f"The {what} of {self.location.name} is not in the package but at {file.source}: download it into the "
                "package's folder and name it there."
            )
        name = self._resolve(file.source)
        if not self._exists(name):
            raise PackageError(
                f"The {what} of {self.location.name} is missing: the description names {file.source!r}, but the package "
                "does not hold it."
            )
        data = self._read(name)
        if file.sha256 is not None:
            found = hashlib.sha256(data).hexdigest()
            if found != file.sha256.lower():
                raise PackageError(
                    f"{file.source!r}, the {what} of {self.location.name}, is not the file that was described: its SHA-256 is "
                    f"{found[:12]}..., the description says {file.sha256[:12].lower()}...; get the model again."
                )
        return data

    def _resolve(self, source: str) -> str:
        parts = PurePosixPath(source.replace("\\", "/"))
        outside = parts.is_absolute() or ".." in parts.parts or re.match(r"^[A-Za-z]:", source) is not None
        if outside or not parts.parts or "\0" in source:
            raise PackageError(
                f"The description of {self.location.name} names the file {source!r}, which lies outside its package: only "
                "files inside it are read."
            )
        base = PurePosixPath(self.description_file or "").parent
        return str(base / parts)


class FolderPackage(Package):
    """A package that is a folder, or a file and what lies beside it."""

    def __init__(self, location: Path, root: Path, description_file: str | None):
        super().__init__(location, description_file)
        self._root = root.resolve()

    def names(self) -> list[str]:  # noqa: D102 - described by the base class
        try:
            next(self._root.iterdir(), None)  # a folder that may not be read has no files for glob
            files = [file for depth in range(_DEPTH) for file in self._root.glob("*/" * depth + "*") if file.is_file()]
        except OSError as error:
            raise PackageError(f"The folder {self._root} cannot be read: {error.strerror or error}.") from error
        return sorted(name for name in (file.relative_to(self._root).as_posix() for file in files) if not _is_junk(name))

    def _candidates(self) -> list[str]:
        return self.names() if self.location.is_dir() else [self.location.name]

    def head(self, name: str, count: int) -> bytes:  # noqa: D102
        try:
            with self._inside(name).open("rb") as file:
                return file.read(count)
        except OSError as error:
            raise PackageError(f"{name!r} in {self.location} cannot be read: {error.strerror or error}.") from error

    def _size(self, name: str) -> int:
        path = self._inside(name)
        return os.path.getsize(path) if os.path.isfile(path) else 0  # noqa: PTH113, PTH202 - as in _exists

    def path(self, source: str) -> Path | None:  # noqa: D102
        return self._inside(self._resolve(source))

    def _inside(self, name: str) -> Path:
        path = Path(os.path.realpath(self._root / name))  # Path.resolve raises where links go in a circle
        if not path.is_relative_to(self._root):
            raise PackageError(
                f"{name!r} in {self.location.name} is a link to a file outside the package: only files inside it are read."
            )
        return path

    def _exists(self, name: str) -> bool:
        return os.path.isfile(self._inside(name))  # noqa: PTH113 - Path.is_file raises where a name is too long

    def _read(self, name: str) -> bytes:
        try:
            return self._inside(name).read_bytes()
        except OSError as error:
            raise PackageError(f"{name!r} in {self.location} cannot be read: {error.strerror or error}.") from error


class ZipPackage(Package):
    """A package that is a zip; files are read from it as they are needed."""

    def __init__(self, location: Path):
        try:
            with zipfile.ZipFile(location) as archive:
                files = [info for info in archive.infolist() if not info.is_dir()]
                named = ((str(PurePosixPath(info.filename.replace("\\", "/"))), info) for info in files)
                self._entries = {name: info for name, info in named if not _is_junk(name)}
        except _DAMAGE as error:
            raise NotAModelError(f"{location} is not a zip that can be read: {error}") from error
        super().__init__(location, find_description(location, list(self._entries)))

    def names(self) -> list[str]:  # noqa: D102
        return sorted(self._entries)

    def path(self, source: str) -> Path | None:  # noqa: ARG002, D102
        return None

    def head(self, name: str, count: int) -> bytes:  # noqa: D102
        try:
            with zipfile.ZipFile(self.location) as archive, archive.open(self._entries[name]) as file:
                return file.read(count)
        except _DAMAGE as error:
            raise PackageError(f"{name!r} in {self.location} cannot be read: {error}") from error

    def _size(self, name: str) -> int:
        return self._entries[name].file_size if name in self._entries else 0

    def _exists(self, name: str) -> bool:
        return name in self._entries

    def _read(self, name: str) -> bytes:
        try:
            with zipfile.ZipFile(self.location) as archive:
                return archive.read(self._entries[name])
        except _DAMAGE as error:
            raise PackageError(f"{name!r} in {self.location} cannot be read: {error}") from error


def open_package(source: str | Path) -> Package:
    """Open a model's folder, zip or file, and find a bioimage.io description where it has one.

    Raises
    ------
    ModelNotFoundError
        If there is nothing at that path.
    NotAModelError
        If it is a folder or zip with several descriptions and no way to tell which is meant.
    """
    location = Path(os.path.expanduser(source)).absolute()  # noqa: PTH111 - Path.expanduser raises for an unknown user
    if not os.path.exists(location):  # noqa: PTH110 - Path.exists raises where a name is too long
        raise ModelNotFoundError(f"There is no model at {location}: give the path of a model's folder, zip or file.")
    if location.is_dir():
        folder = FolderPackage(location, location, None)
        description = find_description(location, folder.names())
        return folder.described_by(description) if description is not None else folder
    if zipfile.is_zipfile(location):
        return ZipPackage(location)
    is_description = location.suffix.lower() in (".yaml", ".yml")
    return FolderPackage(location, location.parent, location.name if is_description else None)


def package_of(description: ModelDescription) -> Package:
    """Open the package that a description was read from."""
    package = open_package(description.location)
    return package.described_by(description.file) if description.file is not None else package


def _is_junk(name: str) -> bool:
    """Whether a file is what macOS puts beside the real ones."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith("._")


def find_description(location: Path, names: list[str]) -> str | None:
    """Find a bioimage.io description among the files of a package: on the level nearest to its top that has one."""
    for depth in sorted({len(PurePosixPath(name).parts) for name in names}):
        level = [name for name in names if len(PurePosixPath(name).parts) == depth]
        for wanted in _DESCRIPTIONS:
            found = [name for name in level if PurePosixPath(name).name.lower() == wanted]
            if len(found) == 1:
                return found[0]
        found = sorted(name for name in level if name.lower().endswith((*_DESCRIPTION_SUFFIXES, *_DESCRIPTIONS)))
        if len(found) == 1:
            return found[0]
        if found:
            raise NotAModelError(
                f"{location} holds several descriptions ({', '.join(found)}): give the path of the one that is meant."
            )
    return None
