"""A model package: the folder, zip or single description file that holds a model, opened safely.

A package is data from a stranger. Files are named relative to its description and never leave its folder, whatever a
description or a zip entry says; symbolic links out of it are refused; nothing is unpacked.
"""

from __future__ import annotations

import hashlib
import os.path
import re
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath

from ijbridge.description import FileRef
from ijbridge.errors import ModelNotFoundError, NotAModelError, PackageError

#: Names of a bioimage.io description, best first.
_DESCRIPTIONS = ("rdf.yaml", "bioimageio.yaml", "model.yaml", "rdf.yml", "bioimageio.yml", "model.yml")
_DESCRIPTION_SUFFIXES = (".bioimageio.yaml", ".model.yaml", ".bioimageio.yml", ".model.yml")

#: What zipfile raises on a zip that is damaged; RuntimeError for an encrypted entry, NotImplementedError for a compression
#: that it does not know.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, RuntimeError, NotImplementedError, EOFError, ValueError)


class Package(ABC):
    """A folder or zip with the description that was found in it.

    ``location`` is what was opened; ``description_file`` the description's name in the package, slash separated, or
    None. Names given to the methods are relative to the folder of the description.
    """

    def __init__(self, location: Path, description_file: str | None):
        self.location = location
        self.description_file = description_file

    @abstractmethod
    def names(self) -> list[str]:
        """List all files of the package."""

    @abstractmethod
    def _exists(self, name: str) -> bool: ...

    @abstractmethod
    def _size(self, name: str) -> int: ...

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

    def size(self, source: str) -> int:
        """Give the bytes of a file that exists, as many as reading it would give."""
        return self._size(self._resolve(source))

    def read_description(self) -> bytes:
        """Read the description."""
        if self.description_file is None:
            raise NotAModelError(self.nothing_found())
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

    def nothing_found(self) -> str:
        """Say that no description was found."""
        return (
            f"{self.location} is not a model that ijbridge reads: there is no bioimage.io description "
            f"({', '.join(_DESCRIPTIONS[:3])} or *{_DESCRIPTION_SUFFIXES[0]}) in it."
        )

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
    """A package that is a folder."""

    def __init__(self, location: Path, root: Path, description_file: str | None):
        super().__init__(location, description_file)
        self._root = root.resolve()

    def names(self) -> list[str]:  # noqa: D102 - described by the base class
        return sorted(file.relative_to(self._root).as_posix() for file in self._root.rglob("*") if file.is_file())

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

    def _size(self, name: str) -> int:
        return self._inside(name).stat().st_size

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
                self._entries = {str(PurePosixPath(info.filename.replace("\\", "/"))): info for info in files}
        except _DAMAGE as error:
            raise NotAModelError(f"{location} is not a zip that can be read: {error}") from error
        super().__init__(location, find_description(location, list(self._entries)))

    def names(self) -> list[str]:  # noqa: D102
        return sorted(self._entries)

    def path(self, source: str) -> Path | None:  # noqa: ARG002, D102
        return None

    def _exists(self, name: str) -> bool:
        return name in self._entries

    def _size(self, name: str) -> int:
        return self._entries[name].file_size

    def _read(self, name: str) -> bytes:
        try:
            with zipfile.ZipFile(self.location) as archive:
                return archive.read(self._entries[name])
        except _DAMAGE as error:
            raise PackageError(f"{name!r} in {self.location} cannot be read: {error}") from error


def open_package(source: str | Path) -> Package:
    """Open a model's folder, zip or description file.

    Raises
    ------
    ModelNotFoundError
        If there is nothing at that path.
    NotAModelError
        If it is a file of another kind, or a folder or zip with several descriptions and no way to tell which is meant.
    """
    location = Path(os.path.expanduser(source)).absolute()  # noqa: PTH111 - Path.expanduser raises for an unknown user
    if not os.path.exists(location):  # noqa: PTH110 - Path.exists raises where a name is too long
        raise ModelNotFoundError(
            f"There is no model at {location}: give the path of a model's folder, zip or description file."
        )
    if location.is_dir():
        try:
            top = [file.name for file in location.iterdir() if file.is_file()]
            nested = [f"{file.parent.name}/{file.name}" for file in location.glob("*/*") if file.is_file()]
        except OSError as error:
            raise PackageError(f"The folder {location} cannot be read: {error.strerror or error}.") from error
        return FolderPackage(location, location, find_description(location, top + nested))
    if zipfile.is_zipfile(location):
        return ZipPackage(location)
    if location.suffix.lower() in (".yaml", ".yml"):
        return FolderPackage(location, location.parent, location.name)
    raise NotAModelError(
        f"{location} is not a model that ijbridge reads: give a bioimage.io model as a folder, a zip or its "
        "description (.yaml)."
    )


def find_description(location: Path, names: list[str]) -> str | None:
    """Find the description among the files of a package: at its top, else in its only folder that has one."""
    for depth in (1, 2):
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
