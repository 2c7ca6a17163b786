"""The options of a run, as every way in spells them: command line, macro key, Python argument."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
from typing import TypeAlias

from ijbridge import axes as ax
from ijbridge.errors import OptionError

#: "auto", "whole", one size for every spatial axis, or a size per axis.
TileOption: TypeAlias = str | int | Mapping[str, int]
#: "auto", "declared", or pixels of the input on every side.
HaloOption: TypeAlias = str | int

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Options:
    """Checked options: ``tile`` and ``halo`` as a word, a number, or (tile) a number per axis letter."""

    tile: str | int | Mapping[str, int] = "auto"
    halo: str | int = "auto"
    device: str = "auto"

    @classmethod
    def read(cls, tile: TileOption = "auto", halo: HaloOption = "auto", device: str = "auto") -> Options:
        """Check options and read those given as text.

        Raises
        ------
        OptionError
            If one is malformed; the message says what is allowed.
        """
        return cls(tile=_tile(tile), halo=_halo(halo), device=_device(device))


def _tile(given: TileOption) -> str | int | Mapping[str, int]:
    value = given
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("auto", "whole"):
            return text
        if re.fullmatch(r"\d+", text):
            return _positive(int(text), given)
        pairs = [part.split("=") for part in text.replace(" ", "").split(",")]
        if not all(len(pair) == 2 and re.fullmatch(r"\d+", pair[1]) for pair in pairs):
            raise _wrong_tile(given)
        if len({name for name, _ in pairs}) < len(pairs):
            raise _wrong_tile(given)
        value = {name: int(number) for name, number in pairs}
    if isinstance(value, Mapping):
        sizes: dict[str, int] = {}
        for name, number in value.items():
            letter = ax.letter(str(name))
            if letter is None or letter not in ax.PHYSICAL or letter in sizes:
                raise _wrong_tile(given)
            sizes[letter] = _positive(number, given)
        if not sizes:
            raise _wrong_tile(given)
        return sizes
    return _positive(value, given)


def _positive(number: object, value: object) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or index(number) < 1:
        raise _wrong_tile(value)
    return index(number)


def _wrong_tile(value: object) -> OptionError:
    return OptionError(
        f"tile={value!s} is not understood: use auto, whole, a number of pixels such as 512, or one per axis such as "
        "y=512,x=512,z=16."
    )


def _halo(value: HaloOption) -> str | int:
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("auto", "declared"):
            return text
        if re.fullmatch(r"\d+", text):
            return int(text)
    elif hasattr(value, "__index__") and not isinstance(value, bool) and index(value) >= 0:
        return index(value)
    raise OptionError(f"halo={value!s} is not understood: use auto, declared, or a number of pixels such as 32.")


def _device(value: str) -> str:
    text = str(value).strip().lower()
    if text not in DEVICES:
        raise OptionError(f"device={value!s} is not understood: use one of {', '.join(DEVICES)}.")
    return text
