"""Models in ImageJ's ``models`` folder: what is to be put there is looked at, shown, and copied.

A package is data from a stranger: it is read as any model is, nothing of it is unpacked or executed, and of a folder only the
files inside it are copied. What is there already is never replaced.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ijbridge.description import ModelDescription
from ijbridge.errors import InstallError, ModelNotFoundError
from ijbridge.formats import read_model
from ijbridge.formats.package import open_package
from ijbridge.loaded import verify_files

_BLOCK = 1 << 20

#: Files that describe what lies beside them.
_PARTS = (".yaml", ".yml", ".json", ".xml", ".pb")


@dataclass(frozen=True)
class Candidate:
    """A model that can be installed: ``files`` and ``size`` in bytes of what would be copied, ``sha256`` over all of it."""

    description: ModelDescription
    source: Path
    files: tuple[str, ...]
    size: int
    sha256: str


def look(source: str | Path) -> Candidate:
    """Look at what is to be installed, a zip or a folder; its hashes are held against what it describes.

    Raises
    ------
    InstallError
        If it is a part of a model.
    ModelError
        If it is no model, or a file of it is missing or altered.
    """
    description = read_model(source)
    verify_files(description)
    location = Path(description.location)
    if location.is_file() and location.suffix.lower() in _PARTS:
        raise InstallError(f"{location} is a part of a model: give its folder, {location.parent}, or a zip of that.")
    files = _files(location)
    size = sum(file.stat().st_size for file in files.values())
    return Candidate(description, location, tuple(files), size, _sha256(files))


def install(source: str | Path, models: str | Path) -> Path:
    """Copy a model into a folder of models, which is made where it is not there, and give the path of the copy.

    Raises
    ------
    InstallError
        If something else of its name is there, or it cannot be copied.
    """
    candidate = look(source)
    target = Path(models) / candidate.source.name
    if target.exists():
        if _sha256(_files(target)) == candidate.sha256:
            return target
        raise InstallError(
            f"{target} is there already and is another one: rename the model that you install, or remove that one first."
        )
    part = target.with_name(f".{target.name}.part")
    try:
        _remove(part)  # of an earlier one that was interrupted
        part.parent.mkdir(parents=True, exist_ok=True)
        for name, file in _files(candidate.source).items():
            copy = part / name if candidate.source.is_dir() else part
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        part.rename(target)
    except OSError as error:
        _remove(part)
        raise InstallError(f"{candidate.source} cannot be copied to {target}: {error.strerror or error}.") from error
    return target


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    elif part.exists():
        part.unlink()


def _files(location: Path) -> dict[str, Path]:
    """Give the files of a zip (itself) or folder, by name; a link out of the folder is refused."""
    if location.is_file():
        return {location.name: location}
    if not location.exists():
        raise ModelNotFoundError(f"There is no model at {location}.")
    package = open_package(location)
    paths = {name: package.location / name for name in package.names()}
    root = location.resolve()
    for name, path in paths.items():
        if not path.resolve().is_relative_to(root):
            raise InstallError(f"{name!r} in {location} is a link to a file outside of it: replace it by the file itself.")
    return paths


def _sha256(files: dict[str, Path]) -> str:
    """Hash one file as any tool does; of several, their names and hashes."""
    hashes = {name: _file_sha256(file) for name, file in files.items()}
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    return _hash(f"{digest}  {name}\n".encode() for name, digest in sorted(hashes.items()))


def _file_sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return _hash(iter(lambda: opened.read(_BLOCK), b""))


def _hash(blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
