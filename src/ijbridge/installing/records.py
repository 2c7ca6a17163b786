"""What was written before: a manifest of files and their SHA-256, as ``sha256sum -c`` reads it too."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ijbridge.errors import InstallError
from ijbridge.installing.places import Place

SETTINGS = "IJBridge.properties"
MANIFEST = "IJBridge.sha256"


@dataclass(frozen=True)
class Record:
    """What was written before: by which version, the SHA-256 that each file may have, and the manifests that say so."""

    version: str
    files: Mapping[Path, frozenset[str]]
    manifests: tuple[Path, ...]

    def wrote(self, path: Path) -> bool:
        """Whether a file is what was written, and has not been changed since."""
        return path in self.files and path.is_file() and sha256(path.read_bytes()) in self.files[path]


def manifest_text(version: str, files: Iterable[tuple[str, str]]) -> str:
    """Give the text of a manifest, which ``sha256sum -c`` reads too.

    Parameters
    ----------
    version
        The version of IJBridge.
    files
        Each file's path from the manifest on, and its SHA-256.
    """
    head = f"# IJBridge {version}: what `ijbridge install-fiji` wrote, and what it may replace and remove while unchanged\n"
    return head + "".join(f"{digest}  {name}\n" for name, digest in sorted(files))


def manifest_bytes(version: str, path: Path, files: Mapping[Path, Iterable[str]]) -> bytes:
    """Give the content of a manifest at a path, which names files by the SHA-256 that each may have."""
    named = ((Path(os.path.relpath(file, path.parent)).as_posix(), file) for file in files)
    return manifest_text(version, ((name, digest) for name, file in named for digest in sorted(files[file]))).encode()


def read_record(place: Place) -> Record:
    """Read the manifests: of this layout, and of the other, which a jar unpacked by hand has."""
    version = ""
    files: dict[Path, frozenset[str]] = {}
    manifests = []
    for manifest in (place.root / "plugins" / MANIFEST, place.root / "plugins" / "IJBridge" / MANIFEST):
        if not manifest.exists():
            continue
        manifests.append(manifest)
        damaged = InstallError(f"{manifest} is damaged: remove it and the files it names, and run this again.")
        try:
            head, *lines = manifest.read_text(encoding="utf-8").splitlines()
        except ValueError as error:
            raise damaged from error
        said = re.match(r"# IJBridge (\S+): ", head)
        if said is None:
            raise damaged
        version = said[1]
        for line in lines:
            entry = re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line)
            file = Path(os.path.normpath(manifest.parent / entry[2])) if entry else place.root
            # whoever can write a manifest shall not have other files removed by it
            inside = any(file.is_relative_to(place.root / folder) for folder in ("plugins", "jars"))
            own = file.parent in place.own_folders
            if entry is None or not inside or not (own or file.suffix == ".jar" or file.name == SETTINGS):
                raise damaged
            files[file] = files.get(file, frozenset()) | {entry[1]}
    return Record(version, files, tuple(manifests))


def sha256(content: bytes) -> str:
    """Give the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
