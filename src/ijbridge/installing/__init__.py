"""Putting the plugin and the libraries it needs into an ImageJ or a Fiji, and taking them out again.

Plain ImageJ loads ``plugins/`` and its immediate subfolders: everything goes into ``plugins/IJBridge/``. Fiji has one class
path for all, ``jars/`` before ``plugins/``, and an updater that knows the files of ``jars/`` by name: there the plugin goes
into ``plugins/``, and into ``jars/`` goes only what Fiji does not have, because two versions of one library on one class path
fail at run time, far from their cause.

The entries of the menu that run DeepImageJ's commands lie in a jar of their own (`ALIASES`), which is there only while
DeepImageJ itself is not.

Beside the plugin lie `SETTINGS`, which names the Python that ImageJ starts, and `MANIFEST`, the SHA-256 of every file that was
written. A file is replaced or removed only while it still is what was written, and all that is refused is refused before the
first change. What belongs to one person (the plugin's log, ImageJ's preferences) lies in that person's home, never here.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ijbridge import platforms
from ijbridge._version import __version__
from ijbridge.errors import InstallError
from ijbridge.installing.places import (
    ALIASES,
    OLDEST,
    PLUGIN,
    Place,
    find_place,
    is_deepimagej,
    is_older,
    is_plugin,
    jar_folder,
    listed,
    name_and_version,
)
from ijbridge.installing.records import MANIFEST, SETTINGS, Record, manifest_bytes, manifest_text, read_record, sha256
from ijbridge.installing.steps import Step, apply, check_writable, line, opened_up
from ijbridge.interpreters import check_open, find_interpreter

__all__ = ["MANIFEST", "OLDEST", "PLUGIN", "SETTINGS", "find_place", "install", "jar_folder", "manifest_text", "uninstall"]


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
        record = read_record(place)
        _refuse_a_second_plugin(place, record)
        wanted, steps = _libraries(place, record, sorted(source.glob("dependency/*.jar")))
        wanted[place.plugin_folder / PLUGIN] = _plugin(source)
        steps += _aliases(place, source, wanted)
        steps += _compare(place, record, wanted)
        steps += _settings(place, record, interpreter, asked=python is not None)
        expected = {path: {sha256(content)} for path, content in wanted.items()}
        expected |= {step.path: {sha256(step.content)} for step in steps if step.path.name == SETTINGS and step.content}
        steps += _leftovers(record, {*expected, *(step.path for step in steps)})
        steps += _manifest(place, record, expected)
        if shared:
            for one in (place.root, place.root / "plugins", place.library_folder):
                # the plugin's own folder is made, or opened, by this
                if one.is_dir() and one != place.root / "plugins" / "IJBridge":
                    check_open(one, stat.S_IROTH | stat.S_IXOTH, str(one))
            steps = [opened_up(step) for step in steps]
        check_writable(place, steps)
        if not dry_run and any(step.changes for step in steps):
            apply(place, record, expected, steps, version=__version__, shared=shared)
    lines = [f"{place.name} in {place.root}", *(line(place, step, dry_run=dry_run) for step in steps)]
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
        record = read_record(place)
        steps = _leftovers(record, set())
        steps += [Step("remove", manifest) for manifest in record.manifests]
        check_writable(place, steps)
        if not dry_run:
            apply(place, record, {}, steps)
    lines = [f"{place.name} in {place.root}", *(line(place, step, dry_run=dry_run) for step in steps)]
    foreign = [place.shown(jar) for jar in place.jars() if is_plugin(jar.name) and jar not in record.files]
    if foreign:
        lines.append(f"note: {listed(foreign)} was not written by `ijbridge install-fiji`, and stays.")
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


def _aliases(place: Place, source: Path, wanted: dict[Path, bytes]) -> list[Step]:
    """Want DeepImageJ's commands where it is absent: two jars with a command of one name stall ImageJ's start."""
    there = [jar for jar in place.jars() if is_deepimagej(jar)]
    if not there:
        wanted[place.plugin_folder / ALIASES] = (source / ALIASES).read_bytes()
    return [Step("keep", jar, note="DeepImageJ runs its commands itself, so IJBridge's for them are left out") for jar in there]


def _refuse_a_second_plugin(place: Place, record: Record) -> None:
    own = (place.plugin_folder / PLUGIN, place.plugin_folder / ALIASES)
    others = [jar for jar in place.jars() if is_plugin(jar.name) and jar not in own and not record.wrote(jar)]
    if others:
        raise InstallError(
            f"There is another IJBridge in {place.root}, which was not written by `ijbridge install-fiji` "
            f"({listed(map(place.shown, others))}), and {place.name} cannot have two: remove it with the jars that came with "
            "it, and run this again."
        )


def _libraries(place: Place, record: Record, jars: Sequence[Path]) -> tuple[dict[Path, bytes], list[Step]]:
    """Choose the libraries to be written, and name those that are there; refuse those that are too old."""
    there = [(jar, *name_and_version(jar)) for jar in place.jars() if not record.wrote(jar)]
    wanted: dict[Path, bytes] = {}
    steps: list[Step] = []
    too_old: list[str] = []
    for jar in jars:
        name, version = name_and_version(jar)
        own = place.library_folder / jar.name
        needed = OLDEST.get(name, version)
        others = [(path, found) for path, named, found in there if named == name and (place.is_fiji or path != own)]
        too_old += [
            f"{place.shown(path)} (needed is {needed} or newer)" for path, found in others if found and is_older(found, needed)
        ]
        if place.is_fiji and others:
            steps += [
                Step(
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
            f"{place.name} has jars that are too old for IJBridge: {listed(too_old)}; {what_to_do}, and run this again."
        )
    return wanted, steps


def _compare(place: Place, record: Record, wanted: Mapping[Path, bytes]) -> list[Step]:
    """Compare what shall be there with what is; refuse where that is somebody else's."""
    steps = []
    foreign = []
    for path, content in sorted(wanted.items()):
        if not path.exists():
            steps.append(Step("write", path, content))
        elif path.is_file() and path.read_bytes() == content:
            steps.append(Step("same", path, content))
        elif record.wrote(path):
            steps.append(Step("replace", path, content))
        else:
            foreign.append(place.shown(path))
    if foreign:
        raise InstallError(
            f"In {place.root} {listed(foreign)} would be replaced, but is not what `ijbridge install-fiji` wrote: move it "
            "away and run this again."
        )
    return steps


def _settings(place: Place, record: Record, interpreter: Path, *, asked: bool) -> list[Step]:
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
        return [Step("write", path, content, note)]
    if path.read_bytes() == content:
        return [Step("same", path, content, note)]
    if record.wrote(path) or asked:
        return [Step("replace", path, content, note)]
    return [Step("keep", path, note="changed since it was written; --python replaces it")]


def _leftovers(record: Record, spoken_for: set[Path]) -> list[Step]:
    """Remove what was written before and is not wanted any more."""
    steps = []
    for path in sorted(record.files):
        if path in spoken_for or not path.exists():
            continue
        if record.wrote(path):
            steps.append(Step("remove", path))
        else:
            steps.append(Step("keep", path, note="changed since it was written"))
    return steps


def _manifest(place: Place, record: Record, expected: Mapping[Path, set[str]]) -> list[Step]:
    path = place.plugin_folder / MANIFEST
    # settings that somebody changed are still named: to uninstall says that they stay
    settings = place.plugin_folder / SETTINGS
    kept = {settings: record.files[settings]} if settings in record.files and settings.exists() else {}
    content = manifest_bytes(__version__, path, {**kept, **expected})
    steps = [Step("remove", manifest) for manifest in record.manifests if manifest != path]
    if path.exists() and path.read_bytes() == content:
        return [*steps, Step("same", path, content)]
    return [*steps, Step("replace" if path.exists() else "write", path, content)]


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "; is ImageJ running with it?" if platforms.WINDOWS and isinstance(error, PermissionError) else ""
        raise InstallError(f"{error.filename or 'A file'} cannot be used ({error.strerror or error}{hint}).") from error
