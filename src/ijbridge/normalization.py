"""Normalisation: what the option ``normalize`` names, and a description that is given it in place of its own.

======================= ==============================================================================================
value                   what is done with the pixels of each channel
======================= ==============================================================================================
``auto``                what the description states or its reader assumes
``none``                nothing: they are given as they are
``percentile LOW HIGH`` (x - low) / (high - low + 1e-20), the percentiles taken over space and time, not clipped (as csbdeep)
``min-max``             the same with the percentiles 0 and 100
``mean-std``            (x - mean) / (std + 1e-6), taken over space and time
``divide N``            x / N
``divide type``         integers divided by the largest value of the image's type; floating point numbers as they are
======================= ==============================================================================================

The words may be separated by blanks, commas or colons: ``percentile,1,99.8`` needs no quotes. Two numbers alone are
percentiles. Nothing downstream knows that a person named it: the description is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TypeAlias

from ijbridge.description import Axis, ModelDescription, Tensor
from ijbridge.errors import OptionError
from ijbridge.findings import Finding
from ijbridge.operations import (
    DivideByTypeMaximum,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Operation,
    RestoreRange,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Take,
    ZeroMeanUnitVariance,
)

#: As text, or its words in a sequence (``("percentile", 1, 99.8)``).
NormalizeOption: TypeAlias = str | Sequence[str | float]

#: What csbdeep adds to the range, so that a constant image does not divide by zero.
_TINY = 1e-20

#: Operations that give an image the range or the distribution that its network expects.
_NORMALISING = (
    ScaleRange, ZeroMeanUnitVariance, FixedZeroMeanUnitVariance, ScaleLinear, ScaleMeanVariance, DivideByTypeMaximum,
)  # fmt: skip


def normalises(operation: Operation) -> bool:
    """Whether an operation gives an image the range or the distribution that its network expects."""
    return isinstance(operation, _NORMALISING)


@dataclass(frozen=True)
class Normalization:
    """A normalisation: its word and its numbers; ``divide`` without a number is that by the largest value of the type."""

    kind: str
    numbers: tuple[float, ...] = ()

    @classmethod
    def read(cls, value: NormalizeOption) -> Normalization | None:
        """Read the option; None for ``auto``, which changes nothing.

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

    @property
    def percentiles(self) -> tuple[float, float] | None:
        """The percentiles that become 0 and 1; None where it goes by something else."""
        return (self.numbers[0], self.numbers[1]) if self.kind == "percentile" else (0, 100) if self.kind == "min-max" else None

    def operations(self, axes: Sequence[Axis]) -> tuple[Operation, ...]:
        """Give the operations for a tensor of these axes; statistics are those of each channel alone."""
        over = image_axes(axes)
        if self.percentiles is not None:
            return (ScaleRange(*self.percentiles, over, _TINY),)
        match self.kind, self.numbers:
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


def image_axes(axes: Iterable[Axis]) -> tuple[str, ...]:
    """Give the ids of the axes of space and time."""
    return tuple(axis.id for axis in axes if axis.kind in ("space", "time"))


def with_normalization(description: ModelDescription, wanted: Normalization) -> ModelDescription:
    """Give the description with another normalisation of its inputs, and of the outputs that are given their range back.

    It takes the place of the operations that normalise, and of what was assumed; all others stay. What is said of it is in the
    description's findings.

    Raises
    ------
    OptionError
        If it cannot be told which of several inputs is meant, or it cannot take that place.
    """
    inputs = description.inputs
    chosen = [one.id for one in inputs if one.assumed or any(map(normalises, one.operations))]
    if not chosen and len(inputs) > 1:
        raise OptionError(
            f"The model {description.name!r} has {len(inputs)} inputs ({', '.join(one.id for one in inputs)}) and normalises "
            "none of them, so it is not known which is meant: leave normalize out."
        )
    chosen = chosen or [inputs[0].id]
    ranged = [one.id for one in description.outputs if any(isinstance(each, RestoreRange) for each in one.operations)]
    loses = ranged if wanted.percentiles is None else []
    how = "not normalised" if wanted.kind == "none" else f"normalised by {wanted}"
    said = Finding(
        "normalize", "note", f"Images for {', '.join(chosen)} are {how}",
        "as the option normalize says" + (f", and {', '.join(loses)} not given the range of the image back" if loses else ""),
    )  # fmt: skip
    return replace(
        description,
        inputs=tuple(_input(one, wanted) if one.id in chosen else one for one in inputs),
        outputs=tuple(_output(one, wanted.percentiles) for one in description.outputs),
        findings=(*description.findings, said),
    )


def _input(tensor: Tensor, wanted: Normalization) -> Tensor:
    operations = tensor.operations
    kept: list[Operation] = [one for one in operations if not normalises(one)]
    place = next((n for n, one in enumerate(operations) if normalises(one)), None)
    if place is None:
        # behind all that is done, but before it is cast
        place = len(kept)
        while place and isinstance(kept[place - 1], EnsureDtype):
            place -= 1
    made = wanted.operations(tensor.axes)
    if made == (DivideByTypeMaximum(),):
        before = [one for one in kept[:place] if not isinstance(one, EnsureDtype | Take)]
        if before:
            raise OptionError(
                f"normalize={wanted} divides the pixels of the image, but {tensor.id!r} is processed before it is normalised: "
                "name the number, such as normalize=divide,255."
            )
        place = 0
    if made and not any(isinstance(one, EnsureDtype) for one in kept[place:]):
        made = (*made, EnsureDtype("float32"))
    return replace(tensor, operations=(*kept[:place], *made, *kept[place:]), assumed=None)


def _output(tensor: Tensor, percentiles: tuple[float, float] | None) -> Tensor:
    operations: list[Operation] = []
    for one in tensor.operations:
        if not isinstance(one, RestoreRange):
            operations.append(one)
        elif percentiles is not None:
            operations.append(replace(one, min_percentile=percentiles[0], max_percentile=percentiles[1]))
    return replace(tensor, operations=tuple(operations))


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
