"""Normalisation that a person names, for models whose format states none: the option ``normalize``.

======================= ==============================================================================================
value                   what is done with the pixels of each channel
======================= ==============================================================================================
``auto``                what the format states or its reader assumes
``none``                nothing: they are given as they are
``percentile LOW HIGH`` (x - low) / (high - low + 1e-20), the percentiles taken over space, not clipped (as csbdeep does)
``min-max``             the same with the percentiles 0 and 100
``mean-std``            (x - mean) / (std + 1e-6), taken over space
``divide N``            x / N
``divide type``         integers divided by the largest value of the image's type; floating point numbers as they are
======================= ==============================================================================================

The words may be separated by blanks, commas or colons: ``percentile,1,99.8`` needs no quotes. Two numbers alone are
percentiles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

from ijbridge.description import (
    Axis,
    DivideByTypeMaximum,
    FixedZeroMeanUnitVariance,
    Operation,
    ScaleRange,
    ZeroMeanUnitVariance,
)
from ijbridge.errors import OptionError

#: As text, or its words in a sequence (``("percentile", 1, 99.8)``).
NormalizeOption: TypeAlias = str | Sequence[str | float]

#: What csbdeep adds to the range, so that a constant image does not divide by zero.
_TINY = 1e-20


@dataclass(frozen=True)
class Normalization:
    """A normalisation: its word and its numbers; ``divide`` without a number is that by the largest value of the type."""

    kind: str
    numbers: tuple[float, ...] = ()

    @classmethod
    def read(cls, value: NormalizeOption) -> Normalization | None:
        """Read the option; None for ``auto``.

        Raises
        ------
        OptionError
            If it is malformed; the message says what is allowed.
        """
        words = re.split(r"[\s,:]+", value.strip()) if isinstance(value, str) else [str(one) for one in value]
        kind, *rest = [word.lower() for word in words] or [""]
        if (kind, rest) == ("auto", []):
            return None
        if len(rest) == 1 and re.match(r"[\d.]", kind):
            kind, rest = "percentile", [kind, *rest]
        if (kind, rest) == ("divide", ["type"]):
            return cls("divide")
        numbers = tuple(_number(one, value) for one in rest)
        wanted = {"none": 0, "min-max": 0, "mean-std": 0, "percentile": 2, "divide": 1}
        if wanted.get(kind) != len(numbers):
            raise _wrong(value)
        if (kind == "percentile" and not 0 <= numbers[0] < numbers[1] <= 100) or (kind == "divide" and numbers[0] <= 0):
            raise _wrong(value)
        return cls(kind, numbers)

    def operations(self, axes: Sequence[Axis]) -> tuple[Operation, ...]:
        """Give the operations for a tensor of these axes; statistics are those of each channel alone."""
        over = tuple(axis.id for axis in axes if axis.kind in ("space", "time"))
        match self.kind, self.numbers:
            case "percentile", (low, high):
                return (ScaleRange(low, high, over, _TINY),)
            case "min-max", _:
                return (ScaleRange(0, 100, over, _TINY),)
            case "mean-std", _:
                return (ZeroMeanUnitVariance(over),)
            case "divide", (number,):
                # an exact quotient, where a factor of 1 / number would be rounded twice
                return (FixedZeroMeanUnitVariance((0.0,), (number,)),)
            case "divide", _:
                return (DivideByTypeMaximum(),)
            case _:
                return ()

    def __str__(self) -> str:
        """Say it as the option does: ``percentile 1 99.8``."""
        if self.kind == "divide" and not self.numbers:
            return "divide type"
        return " ".join([self.kind, *(f"{number:g}" for number in self.numbers)])


def _number(text: str, value: NormalizeOption) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise _wrong(value) from error
    if not isfinite(number):
        raise _wrong(value)
    return number


def _wrong(value: object) -> OptionError:
    return OptionError(
        f"normalize={value!s} is not understood: use auto, none, percentile LOW HIGH (0 to 100, such as percentile 1 99.8), "
        "min-max, mean-std, divide N (N above 0), or divide type."
    )
