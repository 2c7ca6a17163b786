"""A model package: the folder, zip or single file that holds a model, opened safely.

A package is data from a stranger. Files are named relative to its description and never leave its folder, whatever a
description or a zip entry says; symbolic links out of it are refused, and so is what is no ordinary file (a pipe, a device);
nothing is unpacked; nothing is read that is larger than `Limits` allow. Zips: `ijbridge.formats.archive`.
"""

from __future__ import annotations

import copy
import hashlib
import os.path
import re
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Self

from ijbridge.description import FileRef, ModelDescription
from ijbridge.errors import ModelNotFoundError, NotAModelError, PackageError
from ijbridge.formats.archive import Archive, Limits
from ijbridge.units import amount

#: Bytes of a description (YAML, JSON, XML): the largest that are published have a tenth of it, and each takes microseconds.
LONGEST_DESCRIPTION = 1_000_000

#: Names of a bioimage.io description, best first.
_DESCRIPTIONS = ("rdf.yaml", "bioimageio.yaml", "model.yaml", "rdf.yml", "bioimageio.yml", "model.yml")
_DESCRIPTION_SUFFIXES = (".bioimageio.yaml", ".model.yaml", ".bioimageio.yml", ".model.yml")

#: How many folders deep the files of a folder are looked at.
_DEPTH = 3


class Package(ABC):
    """A folder, zip or file with the description that was found in it.

    ``location`` is what was opened; ``description_file`` the description's name in the package, slash separated, or
    None. Names given to the methods are relative to the folder of the description, but for `names`, `nearest`, `head` and
    `described_by`, which have them from the top of the package.
    """

    def __init__(self, location: Path, description_file: str | None):
        self._limits = Limits.read()
        self.location = location
        self.description_file = description_file

    @abstractmethod
    def names(self) -> list[str]:
        """List the files of the package, those of a folder down to its third level."""

    @abstractmethod
    def _exists(self, name: str) -> bool: ...

    @abstractmethod
    def _size(self, name: str) -> int: ...

    @abstractmethod
    def _read(self, name: str, most: int | None = None) -> bytes:
        """Read a file, or no more than its first bytes."""

    @abstractmethod
    def _in_folder(self, folder: str) -> list[str]:
        """List the files that lie in a folder itself."""

    @abstractmethod
    def path(self, source: str) -> Path | None:
        """Give the file as a path of the file system, or None where it is part of a zip."""

    @property
    def description_path(self) -> Path | None:
        """The description's path in the file system, None where it is part of a zip or was not found."""
        return self.path(PurePosixPath(self.description_file).name) if self.description_file is not None else None

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
        """Give the package with this file for its description."""
        described = copy.copy(self)
        described.description_file = name
        return described

    def relative_names(self) -> list[str]:
        """List the files in the folder of the description and below, named relative to it."""
        folder = PurePosixPath(self.description_file or "").parent
        return [
            str(PurePosixPath(one).relative_to(folder)) for one in self.names() if PurePosixPath(one).is_relative_to(folder)
        ]

    def beside(self) -> list[str]:
        """List the files that lie in the folder of the description itself."""
        folder = str(PurePosixPath(self.description_file or "").parent)
        return [name for name in (PurePosixPath(one).name for one in self._in_folder(folder)) if not _is_junk(name)]

    def head(self, name: str, count: int) -> bytes:
        """Read the first bytes of a file."""
        self._size(name)  # refuses what is no file
        return self._read(name, count)

    def exists(self, source: str) -> bool:
        """Whether the package holds the file; False for a URL."""
        return not FileRef(source).is_url and self._exists(self._resolve(source))

    def read_description(self) -> bytes:
        """Read the description."""
        if self.description_file is None:
            raise NotAModelError(f"{self.location} is not a model that ijbridge reads: it holds no description.")
        return self._read_at_most(self.description_file, LONGEST_DESCRIPTION)

    def read(self, file: FileRef, what: str, most: int | None = None) -> bytes:
        """Read a file that the description names, and hold it against the hash it must have.

        Parameters
        ----------
        most
            The bytes that it may have, `LONGEST_DESCRIPTION` for what is parsed; by default what a whole package may have.

        Raises
        ------
        PackageError
            If the file is not there, too large, lies outside the package, or is not the one that was described.
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
        data = self._read_at_most(name, most)
        if file.sha256 is not None:
            found = hashlib.sha256(data).hexdigest()
            if found != file.sha256.lower():
                raise PackageError(
                    f"{file.source!r}, the {what} of {self.location.name}, is not the file that was described: its SHA-256 is "
                    f"{found[:12]}..., the description says {file.sha256[:12].lower()}...; get the model again."
                )
        return data

    def read_folder(self, source: str) -> dict[str, bytes]:
        """Read the files that lie in a folder of the package, by their names in it; none where there is no such folder."""
        folder = self._resolve(source)
        found = self._in_folder(folder)
        self._limits.check_size(sum(self._size(name) for name in found), f"What {folder!r} in {self.location} holds")
        return {PurePosixPath(name).name: self._read_at_most(name, None) for name in found}

    def _read_at_most(self, name: str, most: int | None) -> bytes:
        size = self._size(name)
        if most is not None and size > most:
            raise PackageError(
                f"{name!r} in {self.location} has {amount(size)}, but a description has at most {amount(most)}: it is "
                "something else, or broken."
            )
        self._limits.check_size(size, f"{name!r} in {self.location}")
        return self._read(name)

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
            paths = (path for depth in range(_DEPTH) for path in self._root.glob("*/" * depth + "*"))
            found = list(islice(paths, self._limits.files + 1))
        except OSError as error:
            raise PackageError(f"The folder {self._root} cannot be read: {error.strerror or error}.") from error
        self._limits.check_files(len(found), self.location)
        names = (path.relative_to(self._root).as_posix() for path in found if path.is_file())
        return sorted(name for name in names if not _is_junk(name))

    def path(self, source: str) -> Path | None:  # noqa: D102
        return self._inside(self._resolve(source))

    def _candidates(self) -> list[str]:
        return self.names() if self.location.is_dir() else [self.location.name]

    def _inside(self, name: str) -> Path:
        path = Path(os.path.realpath(self._root / name))  # Path.resolve raises where links go in a circle
        if not path.is_relative_to(self._root):
            raise PackageError(
                f"{name!r} in {self.location.name} is a link to a file outside the package: only files inside it are read."
            )
        return path

    def _exists(self, name: str) -> bool:
        return os.path.isfile(self._inside(name))  # noqa: PTH113 - Path.is_file raises where a name is too long

    def _size(self, name: str) -> int:
        path = self._inside(name)
        if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
            raise PackageError(f"{name!r} in {self.location.name} is no ordinary file (a folder, a pipe or a device).")
        try:
            return path.stat().st_size
        except OSError as error:
            raise self._unreadable(name, error) from error

    def _read(self, name: str, most: int | None = None) -> bytes:
        try:
            with self._inside(name).open("rb") as file:
                return file.read(-1 if most is None else most)
        except OSError as error:
            raise self._unreadable(name, error) from error

    def _in_folder(self, folder: str) -> list[str]:
        path = self._inside(folder)
        try:
            found = list(islice(path.iterdir(), self._limits.files + 1)) if path.is_dir() else []
        except OSError as error:
            raise self._unreadable(folder, error) from error
        self._limits.check_files(len(found), path)
        return sorted(f"{folder}/{one.name}" for one in found if one.is_file())

    def _unreadable(self, name: str, error: OSError) -> PackageError:
        return PackageError(f"{name!r} in {self.location} cannot be read: {error.strerror or error}.")


class ZipPackage(Package):
    """A package that is a zip; files are read from it as they are needed."""

    def __init__(self, location: Path):
        self._archive = Archive(location, Limits.read())
        super().__init__(location, find_description(location, self.names()))

    def names(self) -> list[str]:  # noqa: D102
        return sorted(name for name in self._archive.names if not _is_junk(name))

    def path(self, source: str) -> Path | None:  # noqa: ARG002, D102
        return None

    def _exists(self, name: str) -> bool:
        return name in self._archive

    def _size(self, name: str) -> int:
        return self._archive.size(name)

    def _read(self, name: str, most: int | None = None) -> bytes:
        return self._archive.read(name, most)

    def _in_folder(self, folder: str) -> list[str]:
        return [name for name in self.names() if str(PurePosixPath(name).parent) == folder]


def open_package(source: str | Path) -> Package:
    """Open a model's folder, zip or file, and find a bioimage.io description where it has one.

    Raises
    ------
    ModelNotFoundError
        If there is nothing at that path.
    NotAModelError
        If it is a pipe or a device, or a folder or zip with several descriptions and no way to tell which is meant.
    PackageError
        If it is a zip that is not to be trusted, or larger than a model may be.
    """
    location = Path(os.path.expanduser(source)).absolute()  # noqa: PTH111 - Path.expanduser raises for an unknown user
    if not os.path.exists(location):  # noqa: PTH110 - Path.exists raises where a name is too long
        raise ModelNotFoundError(f"There is no model at {location}: give the path of a model's folder, zip or file.")
    if location.is_dir():
        folder = FolderPackage(location, location, None)
        description = find_description(location, folder.names())
        return folder.described_by(description) if description is not None else folder
    if not location.is_file():
        raise NotAModelError(f"{location} is no file but a pipe or a device: give a model's folder, zip or file.")
    if zipfile.is_zipfile(location):
        return ZipPackage(location)
    is_description = location.suffix.lower() in (".yaml", ".yml")
    return FolderPackage(location, location.parent, location.name if is_description else None)


def package_of(description: ModelDescription) -> Package:
    """Open the package that a description was read from."""
    package = open_package(description.location)
    return package.described_by(description.file) if description.file is not None else package


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


def _is_junk(name: str) -> bool:
    """Whether a file is what macOS puts beside the real ones."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith("._")
