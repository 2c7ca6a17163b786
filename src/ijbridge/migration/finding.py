"""Where models and macros lie in a folder: models told by what they hold, macros by the commands that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ijbridge.errors import ModelError, NotAModelError, PackageError
from ijbridge.formats import read_model
from ijbridge.migration.lines import COMMANDS

#: Files that are looked at; more are no collection of models and macros but somebody's disk.
_MOST_FILES = 200_000

#: Bytes of a macro: the longest that are published have some thousands.
_LONGEST_MACRO = 1_000_000

_MACROS = (".ijm", ".txt")

#: Files that are models by themselves.
_ALONE = (".zip", ".onnx", ".czann", ".czmodel", ".czseg")

#: Names of files that say what lies in their folder; one of them makes a folder that cannot be read a broken model.
_DESCRIPTIONS = ("rdf.yaml", "rdf.yml", "bioimageio.yaml", "model.yaml", "config.xml", "saved_model.pb", "thresholds.json")

#: What the files of a folder that may be a model end in.
_PARTS = (".yaml", ".yml", ".xml", ".json", ".pb", ".onnx")


@dataclass(frozen=True)
class Found:
    """The models of a folder, the macros that name one of the commands, and the number of other macros."""

    models: tuple[Path, ...]
    macros: tuple[Path, ...]
    others: int


def find(root: Path) -> Found:
    """Look through a folder and all below it; links to folders are not followed.

    Raises
    ------
    PackageError
        If there are too many files.
    """
    models: list[Path] = []
    macros: list[Path] = []
    others = files = 0
    for folder, below, names in os.walk(root):
        files += len(names) + 1
        if files > _MOST_FILES:
            raise PackageError(f"{root} holds more than {_MOST_FILES:,} files: give the folder of the models and macros alone.")
        below[:] = sorted(one for one in below if not one.startswith(".") and one != "__MACOSX")
        place = Path(folder)
        shown = sorted(name for name in names if not name.startswith("."))
        own = list(_models_in(place, shown))
        models += own
        for name in (one for one in shown if one.lower().endswith(_MACROS)):
            if _names_a_command(place / name):
                macros.append(place / name)
            elif own != [place] and name.lower().endswith(".ijm"):
                others += 1  # those of a model are told with it
        if own == [place]:
            below.clear()  # what lies below is a part of it
    return Found(tuple(models), tuple(macros), others)


def _models_in(place: Path, names: Sequence[str]) -> Iterator[Path]:
    """Give the folder itself where it is a model, else the files in it that are."""
    if any(name.lower().endswith(_PARTS) for name in names):
        described = any(name.lower() in _DESCRIPTIONS for name in names)
        try:
            # a description further down is that of another folder
            is_model = "/" not in (read_model(place).file or "")
        except NotAModelError:
            is_model = described
        except ModelError:
            is_model = described
        if is_model:
            yield place
            return
    for name in names:
        if name.lower().endswith(_ALONE) and _is_model(place / name):
            yield place / name


def _is_model(file: Path) -> bool:
    """Whether a file is a model, if a broken one: a zip may hold anything."""
    try:
        read_model(file)
    except NotAModelError:
        return not file.name.lower().endswith(".zip")
    except ModelError:
        return True
    return True


def _names_a_command(macro: Path) -> bool:
    try:
        if not macro.is_file() or macro.stat().st_size > _LONGEST_MACRO:
            return False
        text = macro.read_bytes()
    except OSError:
        return True  # the report says why it cannot be read
    return any(command.encode() in text for command in COMMANDS)
