"""Putting the plugin and the libraries it needs into an ImageJ or a Fiji, and taking them out again.

Plain ImageJ loads ``plugins/`` and its immediate subfolders: everything goes into ``plugins/IJBridge/``. Fiji has one class
path for all, ``jars/`` before ``plugins/``, and an updater that knows the files of ``jars/`` by name: there the plugin goes
into ``plugins/``, and into ``jars/`` goes only what Fiji does not have, because two versions of one library on one class path
fail at run time, far from their cause.

Beside the plugin lie `SETTINGS`, which names the Python that ImageJ starts, and `MANIFEST`, the SHA-256 of every file that was
written. A file is replaced or removed only while it still is what was written, and all that is refused is refused before the
first change. What belongs to one person (the plugin's log, ImageJ's preferences) lies in that person's home, never here.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ijbridge import platforms
from ijbridge._version import __version__
from ijbridge.errors import InstallError
from ijbridge.interpreters import check_open, find_interpreter

PLUGIN = "IJBridge_.jar"
SETTINGS = "IJBridge.properties"
MANIFEST = "IJBridge.sha256"

#: The oldest version of each library that the plugin works with: `tests/imagej/test_installed.py` runs it with these jars.
#: Groovy and JNA are what Fiji had in 2022. A library that is not named here has to be as new as the plugin's own.
OLDEST: Mapping[str, str] = {
    "appose": "0.8.0",
    "groovy": "3.0.4",
    "groovy-json": "3.0.4",
    "jna": "5.12.1",
    "jna-platform": "5.12.1",
}

_DONE = {"write": "wrote", "replace": "replaced", "remove": "removed", "open up": "opened up", "keep": "kept"}


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


@dataclass(frozen=True)
class _Record:
    """What was written before: by which version, the SHA-256 that each file may have, and the manifests that say so."""

    version: str
    files: Mapping[Path, frozenset[str]]
    manifests: tuple[Path, ...]

    def wrote(self, path: Path) -> bool:
        """Whether a file is what was written, and has not been changed since."""
        return path in self.files and path.is_file() and _sha256(path.read_bytes()) in self.files[path]


@dataclass(frozen=True)
class _Step:
    """One file and what happens to it: "write", "replace", "remove", "open up", or nothing ("same", "keep")."""

    act: str
    path: Path
    content: bytes = b""
    note: str = ""

    @property
    def changes(self) -> bool:
        return self.act not in ("same", "keep")


def install(folder: str | Path, *, python: str | Path | None = None, shared: bool = False, dry_run: bool = False) -> list[str]:
    """Install the plugin, or replace an older one, and record the Python that ImageJ shall start.

    Parameters
    ----------
    folder
        Fiji's or ImageJ's own folder, the ``.app`` in it, or the folder that Fiji lies in.
    python
        The interpreter, which must have ijbridge; by default the one that runs this.
    shared
        For an installation that many people use: the interpreter has to be one that everybody may run, and everybody may read
        what is written.
    dry_run
        Change nothing, say what would be done.

    Returns
    -------
    list of str
        One line for each file, between one that says where and one that says how it ended.

    Raises
    ------
    InstallError
        Where it cannot be done. Nothing was changed then, unless the disk itself failed on the way.
    """
    with _disk_errors():
        place = find_place(folder)
        source = jar_folder()
        interpreter = find_interpreter(python, shared=shared)
        record = _read_record(place)
        _refuse_a_second_plugin(place, record)
        wanted, steps = _libraries(place, record, sorted(source.glob("dependency/*.jar")))
        wanted[place.plugin_folder / PLUGIN] = _plugin(source)
        steps += _compare(place, record, wanted)
        steps += _settings(place, record, interpreter, asked=python is not None)
        expected = {path: {_sha256(content)} for path, content in wanted.items()}
        expected |= {step.path: {_sha256(step.content)} for step in steps if step.path.name == SETTINGS and step.content}
        steps += _leftovers(record, {*expected, *(step.path for step in steps)})
        steps += _manifest(place, record, expected)
        if shared:
            for one in (place.root, place.root / "plugins", place.library_folder):
                # the plugin's own folder is made, or opened, by this
                if one.is_dir() and one != place.root / "plugins" / "IJBridge":
                    check_open(one, stat.S_IROTH | stat.S_IXOTH, str(one))
            steps = [_opened_up(step) for step in steps]
        _check_writable(place, steps)
        if not dry_run and any(step.changes for step in steps):
            _apply(place, record, expected, steps, shared=shared)
    lines = [f"{place.name} in {place.root}", *(_line(place, step, dry_run=dry_run) for step in steps)]
    if not any(step.changes for step in steps):
        lines.append(f"IJBridge {__version__} is in place: nothing was changed.")
    elif dry_run:
        lines.append("This was a dry run: nothing was changed.")
    else:
        former = f" in the place of {record.version}" if record.version not in ("", __version__) else ""
        lines.append(f"IJBridge {__version__} is installed{former}: start {place.name} again.")
    own = os.environ.get("IJBRIDGE_PYTHON", "").strip()
    if own and own != str(interpreter):
        lines.append(f"note: IJBRIDGE_PYTHON is set to {own}, and goes before what is recorded.")
    return lines


def uninstall(folder: str | Path, *, dry_run: bool = False) -> list[str]:
    """Remove what `install` wrote; a file that was changed since stays and is named.

    Raises
    ------
    InstallError
        Where the folder is none of ImageJ's, or may not be written.
    """
    with _disk_errors():
        place = find_place(folder)
        record = _read_record(place)
        steps = _leftovers(record, set())
        steps += [_Step("remove", manifest) for manifest in record.manifests]
        _check_writable(place, steps)
        if not dry_run:
            _apply(place, record, {}, steps, shared=False)
    lines = [f"{place.name} in {place.root}", *(_line(place, step, dry_run=dry_run) for step in steps)]
    foreign = [place.shown(jar) for jar in place.jars() if _is_plugin(jar.name) and jar not in record.files]
    if foreign:
        lines.append(f"note: {_listed(foreign)} was not written by `ijbridge install-fiji`, and stays.")
    environments = place.root / "IJBridge"
    if any(environments.glob("environment-*")):
        lines.append(
            f"note: the Python that IJBridge made for itself lies in {environments}: remove that folder to be rid of it."
        )
    if not steps:
        lines.append("There is no IJBridge that `ijbridge install-fiji` wrote: nothing was changed.")
    else:
        lines.append("This was a dry run: nothing was changed." if dry_run else "IJBridge is removed.")
    return lines


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
    package = Path(__file__).parent
    if not package.is_dir():
        raise InstallError(
            f"ijbridge runs from the archive {next(path for path in package.parents if path.exists())}, from where ImageJ "
            "cannot start it: install it with pip, and run this again."
        )
    checkout = package.parent.parent
    built = checkout / "java" / "target"
    for folder in (package / "jars", built):
        if (folder / PLUGIN).is_file() and any(folder.glob("dependency/*.jar")):
            return folder
    pom = checkout / "java" / "pom.xml"
    if pom.is_file():
        raise InstallError(f"The plugin is not built in this checkout: run `mvn -q -B -DskipTests -f {pom} package`.")
    raise InstallError(f"The ijbridge in {package} came without its jars: install its wheel again with pip.")


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


# --- what is to be done ----------------------------------------------------------------------------------------------


def _plugin(source: Path) -> bytes:
    jar = source / PLUGIN
    try:
        with zipfile.ZipFile(jar) as archive:
            text = archive.read("org/ijbridge/jar.properties").decode()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise InstallError(f"{jar} is not the plugin's jar ({error}): build or install it again.") from error
    version = text.partition("version=")[2].split("\n")[0].strip()
    if version != __version__:
        raise InstallError(f"{jar} is of version {version}, ijbridge of {__version__}: build or install both again.")
    return jar.read_bytes()


def _refuse_a_second_plugin(place: Place, record: _Record) -> None:
    own = place.plugin_folder / PLUGIN
    others = [jar for jar in place.jars() if _is_plugin(jar.name) and jar != own and not record.wrote(jar)]
    if others:
        raise InstallError(
            f"There is another IJBridge in {place.root}, which was not written by `ijbridge install-fiji` "
            f"({_listed(map(place.shown, others))}), and {place.name} cannot have two: remove it with the jars that came with "
            "it, and run this again."
        )


def _libraries(place: Place, record: _Record, jars: Sequence[Path]) -> tuple[dict[Path, bytes], list[_Step]]:
    """Choose the libraries to be written, and name those that are there; refuse those that are too old."""
    there = [(jar, *_name_and_version(jar)) for jar in place.jars() if not record.wrote(jar)]
    wanted: dict[Path, bytes] = {}
    steps: list[_Step] = []
    too_old: list[str] = []
    for jar in jars:
        name, version = _name_and_version(jar)
        own = place.library_folder / jar.name
        needed = OLDEST.get(name, version)
        others = [(path, found) for path, named, found in there if named == name and (place.is_fiji or path != own)]
        too_old += [
            f"{place.shown(path)} (needed is {needed} or newer)" for path, found in others if found and _is_older(found, needed)
        ]
        if place.is_fiji and others:
            steps += [
                _Step(
                    "keep",
                    path,
                    note=f"{place.name}'s own; {needed} or newer is needed"
                    + ("" if found else ", and its version cannot be told"),
                )
                for path, found in others
            ]
        else:
            wanted[own] = jar.read_bytes()
    if too_old:
        what_to_do = (
            "update it (Help > Update...)" if place.name == "Fiji" else "update or remove the plugins that brought them"
        )
        raise InstallError(
            f"{place.name} has jars that are too old for IJBridge: {_listed(too_old)}; {what_to_do}, and run this again."
        )
    return wanted, steps


def _compare(place: Place, record: _Record, wanted: Mapping[Path, bytes]) -> list[_Step]:
    """Compare what shall be there with what is; refuse where that is somebody else's."""
    steps = []
    foreign = []
    for path, content in sorted(wanted.items()):
        if not path.exists():
            steps.append(_Step("write", path, content))
        elif path.is_file() and path.read_bytes() == content:
            steps.append(_Step("same", path, content))
        elif record.wrote(path):
            steps.append(_Step("replace", path, content))
        else:
            foreign.append(place.shown(path))
    if foreign:
        raise InstallError(
            f"In {place.root} {_listed(foreign)} would be replaced, but is not what `ijbridge install-fiji` wrote: move it "
            "away and run this again."
        )
    return steps


def _settings(place: Place, record: _Record, interpreter: Path, *, asked: bool) -> list[_Step]:
    path = place.plugin_folder / SETTINGS
    # a backslash is an escape in Java's properties, and Windows' paths are full of them
    escaped = str(interpreter).replace("\\", "\\\\").replace("\n", "\\n")
    try:
        content = (
            f"# The Python that {place.name} starts, written by `ijbridge install-fiji`. ImageJ's preference\n"
            f"# ijbridge.python and the environment variable IJBRIDGE_PYTHON go before it.\npython={escaped}\n"
        ).encode()
    except UnicodeEncodeError as error:
        raise InstallError(f"The path {str(interpreter)!r} cannot be written down as text: rename its folders.") from error
    note = f"{place.name} starts {interpreter}"
    if not path.exists():
        return [_Step("write", path, content, note)]
    if path.read_bytes() == content:
        return [_Step("same", path, content, note)]
    if record.wrote(path) or asked:
        return [_Step("replace", path, content, note)]
    return [_Step("keep", path, note="changed since it was written; --python replaces it")]


def _leftovers(record: _Record, spoken_for: set[Path]) -> list[_Step]:
    """Remove what was written before and is not wanted any more."""
    steps = []
    for path in sorted(record.files):
        if path in spoken_for or not path.exists():
            continue
        if record.wrote(path):
            steps.append(_Step("remove", path))
        else:
            steps.append(_Step("keep", path, note="changed since it was written"))
    return steps


def _manifest(place: Place, record: _Record, expected: Mapping[Path, set[str]]) -> list[_Step]:
    path = place.plugin_folder / MANIFEST
    # settings that somebody changed are still named: to uninstall says that they stay
    settings = place.plugin_folder / SETTINGS
    kept = {settings: record.files[settings]} if settings in record.files and settings.exists() else {}
    content = _manifest_bytes(path, {**kept, **expected})
    steps = [_Step("remove", manifest) for manifest in record.manifests if manifest != path]
    if path.exists() and path.read_bytes() == content:
        return [*steps, _Step("same", path, content)]
    return [*steps, _Step("replace" if path.exists() else "write", path, content)]


def _manifest_bytes(path: Path, files: Mapping[Path, Iterable[str]]) -> bytes:
    named = ((Path(os.path.relpath(file, path.parent)).as_posix(), file) for file in files)
    return manifest_text(__version__, ((name, digest) for name, file in named for digest in sorted(files[file]))).encode()


def _read_record(place: Place) -> _Record:
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
    return _Record(version, files, tuple(manifests))


# --- doing it --------------------------------------------------------------------------------------------------------


def _apply(place: Place, record: _Record, expected: Mapping[Path, set[str]], steps: Sequence[_Step], *, shared: bool) -> None:
    manifest = place.plugin_folder / MANIFEST
    if expected:
        for folder in (place.root / "plugins", place.plugin_folder):
            made = not folder.exists()
            folder.mkdir(exist_ok=True)
            if shared and (made or folder.name == "IJBridge"):
                folder.chmod(0o755)
        # first what may be found if this is interrupted, old and new: else what is half done would be nobody's
        either = {path: {*expected.get(path, ()), *record.files.get(path, ())} for path in (*expected, *record.files)}
        _write(manifest, _manifest_bytes(manifest, either), shared=shared)
    for step in steps:
        if step.act == "remove":
            step.path.unlink()
        elif step.act == "open up":
            step.path.chmod(0o644)
        elif step.changes:
            _write(step.path, step.content, shared=shared)
    for folder in place.own_folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _write(path: Path, content: bytes, *, shared: bool) -> None:
    part = path.with_name(path.name + ".part")  # ImageJ never meets half a jar
    try:
        part.write_bytes(content)
        if shared:
            part.chmod(0o644)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _line(place: Place, step: _Step, *, dry_run: bool) -> str:
    act = f"would {step.act}" if dry_run and step.changes else _DONE.get(step.act, step.act)
    return f"  {act:<{14 if dry_run else 9}} {place.shown(step.path)}" + (f" ({step.note})" if step.note else "")


def _check_writable(place: Place, steps: Sequence[_Step]) -> None:
    for step in steps:
        folder = next(parent for parent in step.path.parents if parent.exists())
        if step.changes and not os.access(folder, os.W_OK | os.X_OK):
            raise InstallError(
                f"The folder {folder} may not be written: run this as somebody who may, or use {place.name} from a folder of "
                "your own."
            )


def _opened_up(step: _Step) -> _Step:
    if step.act == "same" and not platforms.is_readable_by_all(step.path):
        return _Step("open up", step.path, step.content, "everybody may read it")
    return step


# --- small things ----------------------------------------------------------------------------------------------------


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "; is ImageJ running with it?" if platforms.WINDOWS and isinstance(error, PermissionError) else ""
        raise InstallError(f"{error.filename or 'A file'} cannot be used ({error.strerror or error}{hint}).") from error


def _name_and_version(jar: Path) -> tuple[str, str]:
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


def _is_plugin(name: str) -> bool:
    return re.fullmatch(r"IJBridge_(-\d.*)?\.jar", name) is not None


def _is_older(version: str, than: str) -> bool:
    return _order(version) < _order(than)


def _order(version: str) -> tuple[list[int], bool]:
    """Give what sorts versions: their numbers, and that a preview comes before what it is one of."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    preview = re.search(r"[-.](alpha|beta|rc|cr|m\d|snapshot)", version, re.IGNORECASE)
    return numbers, preview is None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
