"""Where an ImageJ lies, how it is laid out, and which jars it has."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ijbridge.errors import InstallError

PLUGIN = "IJBridge_.jar"

#: DeepImageJ's commands as entries of the menu, for where DeepImageJ is not.
ALIASES = "IJBridge_-DeepImageJ.jar"

#: The oldest version of each library that the plugin works with: `tests/imagej/test_installed.py` runs it with these jars.
#: Groovy and JNA are what Fiji had in 2022. A library that is not named here has to be as new as the plugin's own.
OLDEST: Mapping[str, str] = {
    "appose": "0.8.0",
    "groovy": "3.0.4",
    "groovy-json": "3.0.4",
    "jna": "5.12.1",
    "jna-platform": "5.12.1",
}


@dataclass(frozen=True)
class Place:
    """An ImageJ on disk: its own folder, and whether it is laid out as Fiji is."""

    root: Path
    is_fiji: bool

    @property
    def name(self) -> str:
        """What to call it: a plain ImageJ may have a ``jars`` folder too."""
        return "Fiji" if self.is_fiji and not (self.root / "ij.jar").exists() else "ImageJ"

    @property
    def plugin_folder(self) -> Path:
        """Where the plugin, its settings and the manifest lie."""
        return self.root / "plugins" if self.is_fiji else self.root / "plugins" / "IJBridge"

    @property
    def library_folder(self) -> Path:
        """Where the libraries lie."""
        return self.root / "jars" if self.is_fiji else self.plugin_folder

    @property
    def own_folders(self) -> tuple[Path, Path]:
        """The folders that hold nothing but the plugin's, the inner one first; the zip for ``plugins/`` has both."""
        own = self.root / "plugins" / "IJBridge"
        return own / "wheels", own

    def shown(self, path: Path) -> str:
        """Give a path as it is told: from the root on."""
        return path.relative_to(self.root).as_posix()

    def jars(self) -> list[Path]:
        """Give all jars that this ImageJ may load; a plain one does not look into the folders of folders."""
        patterns = ("**/*.jar",) if self.is_fiji else ("*.jar", "*/*.jar")
        folders = (self.root / "jars", self.root / "plugins")
        return sorted(jar for folder in folders for pattern in patterns for jar in folder.glob(pattern))


def find_place(folder: str | Path) -> Place:
    """Find the ImageJ or Fiji that a folder is, or is part of.

    Fiji has ``jars/`` and ``plugins/`` in its folder, which is ``Fiji.app`` or, since 2025, ``Fiji``; on macOS that is the
    bundle itself, or the folder that the bundle lies in.

    Raises
    ------
    InstallError
        Where there is none.
    """
    given = Path(os.path.abspath(Path(folder).expanduser()))  # noqa: PTH100 - resolve() would show another path than was given
    if not os.path.exists(given):  # noqa: PTH110 - Path's own raises for a folder that may not be entered
        raise InstallError(f"There is no folder {given}.")
    if not given.is_dir():
        raise InstallError(f"{given} is a file: give the folder of Fiji or ImageJ.")
    around = [given.parent] if given.suffix == ".app" else [given / "Fiji.app", given / "Fiji"]
    for root in (given, *around):
        has_plugins = (root / "plugins").is_dir()
        if has_plugins and (root / "jars").is_dir():
            return Place(root, is_fiji=True)
        if has_plugins or (root / "ij.jar").is_file():
            return Place(root, is_fiji=False)
    raise InstallError(
        f"{given} is neither Fiji's folder (with jars and plugins in it) nor ImageJ's (with ij.jar or plugins): give the "
        "folder that has these."
    )


def jar_folder() -> Path:
    """Give the folder of the plugin's jar, with the libraries in ``dependency/``: in the package, or in its checkout.

    Raises
    ------
    InstallError
        Where there are no jars.
    """
    package = Path(__file__).parent.parent
    if not package.is_dir():
        raise InstallError(
            f"ijbridge runs from the archive {next(path for path in package.parents if path.exists())}, from where ImageJ "
            "cannot start it: install it with pip, and run this again."
        )
    checkout = package.parent.parent
    built = checkout / "java" / "target"
    for folder in (package / "jars", built):
        if (folder / PLUGIN).is_file() and (folder / ALIASES).is_file() and any(folder.glob("dependency/*.jar")):
            return folder
    pom = checkout / "java" / "pom.xml"
    if pom.is_file():
        raise InstallError(f"The plugin is not built in this checkout: run `mvn -q -B -DskipTests -f {pom} package`.")
    raise InstallError(f"The ijbridge in {package} came without its jars: install its wheel again with pip.")


def name_and_version(jar: Path) -> tuple[str, str]:
    """Take a jar's name apart; without a version in it, the manifest inside may say it, else it is empty."""
    parts = re.fullmatch(r"(.+?)-(\d.*)", jar.stem)
    if parts is not None:
        return parts[1], parts[2]
    if jar.stem not in OLDEST:
        return jar.stem, ""
    try:
        with zipfile.ZipFile(jar) as archive:
            text = archive.read("META-INF/MANIFEST.MF").decode(errors="replace")
    except (zipfile.BadZipFile, KeyError):
        return jar.stem, ""
    said = re.search(r"^(?:Implementation|Bundle)-Version: *(\d\S*)", text, re.MULTILINE)
    return jar.stem, said[1] if said else ""


def is_plugin(name: str) -> bool:
    """Whether a jar of this name is the plugin, of any version, or its entries for DeepImageJ's commands."""
    return name == ALIASES or re.fullmatch(r"IJBridge_(-\d.*)?\.jar", name) is not None


def is_deepimagej(jar: Path) -> bool:
    """Whether a jar is DeepImageJ itself: by its name, or by the commands that it adds to the menu."""
    if is_plugin(jar.name):
        return False
    if "deepimagej" in jar.name.lower():
        return True
    try:
        with zipfile.ZipFile(jar) as archive:
            return b"DeepImageJ" in archive.read("plugins.config")
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, NotImplementedError):
        return False  # no commands, or none that ImageJ could read


def is_older(version: str, than: str) -> bool:
    """Whether one version is older than another; a preview is older than what it is one of."""
    return _order(version) < _order(than)


def _order(version: str) -> tuple[list[int], bool]:
    """Give what sorts versions: their numbers, and that a preview comes before what it is one of."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    preview = re.search(r"[-.](alpha|beta|rc|cr|m\d|snapshot)", version, re.IGNORECASE)
    return numbers, preview is None


def listed(names: Iterable[str]) -> str:
    """Give names as a sentence has them."""
    return ", ".join(names)
