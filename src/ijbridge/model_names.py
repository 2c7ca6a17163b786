"""Models by name: what a file or folder is called, or what its description calls it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PureWindowsPath

from ijbridge.description import ModelDescription
from ijbridge.errors import ModelError, ModelNotFoundError, OptionError
from ijbridge.formats import read_model

#: What files end in that a model's name may be in.
_DESCRIBING = (".yaml", ".yml", ".xml", ".json")

#: Names that are told where none fits.
_MOST_TOLD = 12


@dataclass(frozen=True)
class Found:
    """Where a model is, and what is to be said of how it was found; empty where it is what was named."""

    path: Path
    note: str = ""


def find(name: str, folders: Iterable[str | Path]) -> Found:
    """Find the model that a path or a name stands for.

    A path that exists is that. Else the folders are looked through in their order: for a file or folder of that name (``.zip``
    may be left out), then for a model whose description calls it so. A path of another machine is looked for by its last name.

    Raises
    ------
    ModelNotFoundError
        Where there is none.
    OptionError
        Where descriptions call several so.
    """
    given = Path(os.path.expanduser(name))  # noqa: PTH111 - Path.expanduser raises for an unknown user
    if os.path.exists(given):  # noqa: PTH110 - Path.exists raises where a name is too long
        return Found(given.absolute())
    places = [Path(folder) for folder in folders]
    called: dict[Path, tuple[str, ...]] = {}
    last = last_name(name)
    # a name may have slashes of its own, so that it is taken for a path only where nothing is called so
    for wanted in dict.fromkeys((name, last) if last else (name,)):
        by_file = (place / file for place in places for file in (wanted, f"{wanted}.zip"))
        path = next((one for one in by_file if os.path.exists(one)), None)  # noqa: PTH110
        if path is None:
            called = called or _called(places)
            path = the_only(wanted, called)
        if path is not None:
            return Found(path, f"{name} is not on this machine: {path} is taken, which has its name." if wanted != name else "")
    there = _told(sorted({names[0] for names in called.values() if names}))
    broken = _told(path.name for path, names in called.items() if not names)
    raise ModelNotFoundError(
        f'There is no model "{name}" in {", ".join(str(place) for place in places) or "any folder of models"}, neither by file '
        f"nor by name: {f'there are {there}' if there else 'put it there'}, or give its path"
        + (f"; what is in {broken} cannot be read." if broken else ".")
    )


def the_only(wanted: str, called: Mapping[Path, tuple[str, ...]]) -> Path | None:
    """Give the model that is called so, in these letters or else whatever their case; None where none is.

    Raises
    ------
    OptionError
        Where several are.
    """
    found = [path for path, names in called.items() if wanted in names] or [
        path for path, names in called.items() if _plain(wanted) in map(_plain, names)
    ]
    if len(found) > 1:
        raise OptionError(
            f'{len(found)} models are called "{wanted}" ({", ".join(map(str, found))}): give the path of the one that is meant.'
        )
    return found[0] if found else None


def last_name(path: str) -> str:
    """Give the last name of a path of any system."""
    return PureWindowsPath(path).name  # it knows both kinds of slashes


def names_of(description: ModelDescription) -> tuple[str, ...]:
    """Give what a description calls its model: its name and, in the bioimage.io zoo, its nickname."""
    own = description.config.get("bioimageio")
    more = [own.get("nickname"), own.get("id")] if isinstance(own, dict) else []
    more.append(description.other.get("id"))
    return (description.name, *(one for one in more if isinstance(one, str) and one))


def _told(names: Iterable[str]) -> str:
    first = list(names)
    return ", ".join(first[:_MOST_TOLD]) + (", ..." if len(first) > _MOST_TOLD else "")


def _called(places: Iterable[Path]) -> dict[Path, tuple[str, ...]]:
    """Give the names of what lies in the folders; none of what is no model, or a broken one."""
    called = {}
    for place in places:
        try:
            entries = sorted(one for one in place.iterdir() if not one.name.startswith("."))
        except OSError:
            continue  # a folder that is not there holds no models
        for entry in entries:
            called[entry] = _names(entry, _stamp(entry))
    return called


@lru_cache(maxsize=1024)
def _names(entry: Path, stamp: tuple[int, ...]) -> tuple[str, ...]:  # noqa: ARG001 - another file is read again
    """Give the names of a model; none where it cannot be read: who asks for it by its file's name is told why."""
    try:
        return names_of(read_model(entry))
    except ModelError:
        return ()


def _stamp(entry: Path) -> tuple[int, ...]:
    """Give times and sizes that change with what a model calls itself: a macro may ask for one by name a thousand times."""
    try:
        files = [entry, *(one for one in entry.iterdir() if one.suffix.lower() in _DESCRIBING)] if entry.is_dir() else [entry]
        found = [one.stat() for one in sorted(files)]
    except OSError:
        return ()
    return tuple(number for one in found for number in (one.st_mtime_ns, one.st_size))


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
