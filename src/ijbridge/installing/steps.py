"""What happens to each file: told before it is done, and done so that ImageJ never meets half a jar."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ijbridge import platforms
from ijbridge.errors import InstallError
from ijbridge.installing.places import Place
from ijbridge.installing.records import MANIFEST, Record, manifest_bytes

_DONE = {"write": "wrote", "replace": "replaced", "remove": "removed", "open up": "opened up", "keep": "kept"}


@dataclass(frozen=True)
class Step:
    """One file and what happens to it: "write", "replace", "remove", "open up", or nothing ("same", "keep")."""

    act: str
    path: Path
    content: bytes = b""
    note: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything on disk is another afterwards."""
        return self.act not in ("same", "keep")


def apply(
    place: Place,
    record: Record,
    expected: Mapping[Path, set[str]],
    steps: Sequence[Step],
    *,
    version: str = "",
    shared: bool = False,
) -> None:
    """Do the steps.

    Parameters
    ----------
    expected
        The SHA-256 of each file that shall be there afterwards; none when all is removed.
    version
        Of what is installed.
    shared
        Whether everybody may read what is written.
    """
    manifest = place.plugin_folder / MANIFEST
    if expected:
        for folder in (place.root / "plugins", place.plugin_folder):
            made = not folder.exists()
            folder.mkdir(exist_ok=True)
            if shared and (made or folder.name == "IJBridge"):
                folder.chmod(0o755)
        # first what may be found if this is interrupted, old and new: else what is half done would be nobody's
        either = {path: {*expected.get(path, ()), *record.files.get(path, ())} for path in (*expected, *record.files)}
        _write(manifest, manifest_bytes(version, manifest, either), shared=shared)
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


def line(place: Place, step: Step, *, dry_run: bool) -> str:
    """Tell a step as one line."""
    act = f"would {step.act}" if dry_run and step.changes else _DONE.get(step.act, step.act)
    return f"  {act:<{14 if dry_run else 9}} {place.shown(step.path)}" + (f" ({step.note})" if step.note else "")


def check_writable(place: Place, steps: Sequence[Step]) -> None:
    """Refuse steps of which one would fail, before the first is done."""
    for step in steps:
        folder = next(parent for parent in step.path.parents if parent.exists())
        if step.changes and not os.access(folder, os.W_OK | os.X_OK):
            raise InstallError(
                f"The folder {folder} may not be written: run this as somebody who may, or use {place.name} from a folder of "
                "your own."
            )


def opened_up(step: Step) -> Step:
    """Give the step after which everybody may read its file."""
    if step.act == "same" and not platforms.is_readable_by_all(step.path):
        return Step("open up", step.path, step.content, "everybody may read it")
    return step
