"""A report on models and macros of years: what runs, what that takes, and what differs from the saved results.

Models are found by their content, macros by the commands that they call. Networks are run on the images that came with them;
no macro and nothing else of a package is executed, and nothing is written but the report.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ijbridge.errors import ModelNotFoundError
from ijbridge.loaded import LoadedModel
from ijbridge.migration.finding import Found, find
from ijbridge.migration.lines import COMMANDS, Line, examine
from ijbridge.migration.models import ModelReport
from ijbridge.migration.models import examine as examine_model
from ijbridge.migration.scanning import calls
from ijbridge.model_names import last_name, the_only

__all__ = ["MacroReport", "Migration", "ModelReport", "migrate"]


@dataclass(frozen=True)
class MacroReport:
    """One macro and its lines that call those commands; ``error`` says why it cannot be read."""

    path: Path
    lines: tuple[Line, ...] = ()
    error: str = ""

    @property
    def runs(self) -> bool:
        """Whether all of them run as they are."""
        return not self.error and all(line.verdict == "runs" for line in self.lines)


@dataclass(frozen=True)
class Migration:
    """The report on a folder; ``others`` is the number of macros that call none of the commands."""

    folder: Path
    models: tuple[ModelReport, ...]
    macros: tuple[MacroReport, ...]
    others: int

    @property
    def is_done(self) -> bool:
        """Whether everything runs as it did, and there is nothing for a person to do."""
        return all(one.verdict == "runs" for one in self.models) and all(one.runs for one in self.macros)


def migrate(folder: str | Path, progress: Callable[[str], None] | None = None) -> Migration:
    """Look through a folder and all below it.

    Parameters
    ----------
    progress
        Called with what is looked at next.

    Raises
    ------
    ModelNotFoundError
        If there is no such folder.
    PackageError
        If it holds more files than can be looked at.
    """
    root = Path(os.path.expanduser(folder)).absolute()  # noqa: PTH111 - Path.expanduser raises for an unknown user
    if not os.path.isdir(root):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        raise ModelNotFoundError(f"There is no folder {root}: give the folder that holds the models and macros.")
    say = progress or (lambda _: None)
    found = find(root)
    models = []
    for path in found.models:
        say(str(path.relative_to(root)))
        try:
            models.append(examine_model(path))
        except Exception as error:  # noqa: BLE001 - a defect met with one model shall not cost the report on the others
            sentence = f"ijbridge failed in a way it should not ({type(error).__name__}: {error}): please report it."
            models.append(ModelReport(path, path.name, "", error=sentence))
    macros = list(_macros(found, models, say))
    told = tuple(one for one in macros if one.lines or one.error)
    return Migration(root, tuple(models), told, found.others + len(macros) - len(told))


def _macros(found: Found, models: list[ModelReport], say: Callable[[str], None]) -> Iterator[MacroReport]:
    loaded: dict[Path, LoadedModel] = {}

    def finder(name: str) -> LoadedModel:
        path = _model_called(name, models)
        if path not in loaded:
            loaded[path] = LoadedModel(path)
        return loaded[path]

    for path in found.macros:
        say(path.name)
        try:
            text = path.read_bytes().decode("utf-8-sig", errors="replace")
        except OSError as error:
            yield MacroReport(path, error=f"It cannot be read: {error.strerror or error}.")
            continue
        lines = (examine(call, finder) for call in calls(text.replace("\0", "�"), COMMANDS))
        yield MacroReport(path, tuple(line for line in lines if line is not None))


def _model_called(name: str, models: list[ModelReport]) -> Path:
    """Find a model that a macro names, among those of the folder; a path that is there is that."""
    given = Path(name)
    if given.is_absolute() and os.path.exists(given):  # noqa: PTH110 - Path.exists raises where a name is too long
        return given
    last = last_name(name)
    by_file = {one.path: (one.path.name, one.path.stem if one.path.is_file() else one.path.name) for one in models}
    by_name = {one.path: one.names for one in models}
    for wanted, called in ((last, by_file), (name, by_name), (last, by_name)):
        found = the_only(wanted, called)
        if found is not None:
            return found
    raise ModelNotFoundError(f'There is no model "{last}" in the folder: put it into "models" of ImageJ, or name its path.')
