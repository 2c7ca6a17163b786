"""The keys of ``run("DeepImageJ Run", "...")`` in the three dialects that DeepImageJ has had, told apart by their keys.

======== ============================================================================================================
1.x      ``model preprocessing postprocessing patch overlap logging``
2.x, 3.0 ``model format preprocessing postprocessing axes tile logging``, and ``model_dir`` where a script names its folder
3.1      ``model_path input_path output_folder display_output``
======== ============================================================================================================

Source: what DeepImageJ 1.2.1, 2.1.16, 3.0.3 and 3.1 record and read. The words ``null``, ``no preprocessing`` and ``no
postprocessing`` stand for nothing. Some keys of ijbridge may stand beside them (`OWN`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ijbridge.errors import OptionError

#: The command that has these keys.
COMMAND = "DeepImageJ Run"

_BOTH = ("model", "format", "preprocessing", "postprocessing", "logging")
_FIRST = (*_BOTH, "patch", "overlap")
_SECOND = (*_BOTH, "axes", "tile", "model_dir")
_THIRD = ("model_path", "input_path", "output_folder", "display_output")

#: A yes to the model's own macros, to weights that are programs, and to a Python environment where there is none: as Run
#: Model... has them.
OWN = ("macros", "trust", "environment")

#: DeepImageJ's letters of space, also those of its 1.x (height, width, depth), and ours.
_SPACE = {"X": "x", "W": "x", "Y": "y", "H": "y", "Z": "z", "D": "z"}


@dataclass(frozen=True)
class Asked:
    """What a line asks for.

    ``dialect`` is the first number of DeepImageJ's version, 2 for 3.0 too. ``tile`` has pixels by axis (``y``, ``x``, ``z``),
    the neighbours' among them; ``overlap`` are these, on every side. ``before`` and ``after`` name macros of the model, and are
    None where the line does not say whether any are to run. ``shown`` is whether results are.
    """

    dialect: int
    model: str
    folder: str = ""
    tile: Mapping[str, int] | None = None
    overlap: int | None = None
    before: tuple[str, ...] | None = None
    after: tuple[str, ...] | None = None
    input: str = ""
    output: str = ""
    shown: bool = True
    may_run_macros: bool = False
    trust: str = ""


def read(values: Mapping[str, str]) -> Asked:
    """Read the keys of a line.

    Raises
    ------
    OptionError
        Where they are of none of the dialects, or one is malformed.
    """
    dialect, known = _dialect(values)
    unknown = [key for key in values if key not in (*known, *OWN)]
    if unknown:
        raise OptionError(f'The key "{unknown[0]}" is not known beside the others: such a line has {", ".join(known)}.')
    model = _value(values, known[0])
    if not model:
        raise OptionError(f'The key "{known[0]}" is missing: write run("{COMMAND}", "{known[0]}=[path or name] ...").')
    yes = values.get("macros", "").strip()
    if yes not in ("", "run"):
        raise OptionError(f"macros={yes} is not understood: write macros=run, or leave it out.")
    source, target = _value(values, "input_path"), _value(values, "output_folder")
    return Asked(
        dialect=dialect,
        model=model,
        folder=_value(values, "model_dir"),
        tile=_patch(_value(values, "patch")) if dialect == 1 else _tile(_value(values, "axes"), _value(values, "tile")),
        overlap=_pixels("overlap", _value(values, "overlap")),
        before=_macros(values, "preprocessing"),
        after=_macros(values, "postprocessing"),
        input=source,
        output=target,
        # on files DeepImageJ 3.1 shows nothing unless it is told to
        shown=_value(values, "display_output") == "all" or (not source and "display_output" not in values),
        may_run_macros=yes == "run",
        trust=values.get("trust", "").strip(),
    )


def _dialect(values: Mapping[str, str]) -> tuple[int, tuple[str, ...]]:
    for number, known in ((3, _THIRD), (2, _SECOND)):
        if any(key in values for key in known if key not in _BOTH):
            return number, known
    return 1, _FIRST


def _value(values: Mapping[str, str], key: str) -> str:
    """Give the value of a key; empty where it is missing, or has one of the words for nothing."""
    value = values.get(key, "").strip()
    return "" if value in ("null", f"no {key}") else value


def _items(text: str) -> list[str]:
    """Give what stands between commas, in brackets or without."""
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return [part.strip() for part in inside.split(",")] if inside.strip() else []


def _macros(values: Mapping[str, str], key: str) -> tuple[str, ...] | None:
    if key not in values:
        return None
    return tuple(one for one in _items(_value(values, key)) if one and one != f"no {key}")


def _patch(text: str) -> Mapping[str, int] | None:
    size = _pixels("patch", text)
    return {"y": size, "x": size} if size else None


def _tile(axes: str, tile: str) -> Mapping[str, int] | None:
    """Give the pixels along the axes of space; batch, time and channels are never cut into tiles."""
    letters, sizes = _items(axes), _items(tile)
    if (not letters and not sizes) or tile == "auto":
        return None
    if len(letters) != len(sizes):
        raise OptionError(
            f"axes={axes} and tile={tile} do not belong together: write one size for each axis, such as axes=Y,X,C "
            "tile=512,512,1."
        )
    pixels = {_SPACE[letter.upper()]: _pixels("tile", size) for letter, size in zip(letters, sizes, strict=True)
              if letter.upper() in _SPACE and size != "-1"}  # fmt: skip
    return {letter: size for letter, size in pixels.items() if size} or None


def _pixels(key: str, text: str) -> int | None:
    if not text or text == "auto":
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        raise OptionError(f"{key}={text} is not understood: write a number of pixels, such as {key}=256.")
    return int(text)


def shown_pixels(tile: Mapping[str, int], order: Sequence[str] = "zyx") -> str:
    """Give pixels by axis as the option ``tile`` takes them: ``y=256,x=256``."""
    return ",".join(f"{letter}={tile[letter]}" for letter in order if letter in tile)
