"""The normalisation that a user asks for in place of the one that a description states or its reader assumed.

Some formats do not say how an image is normalised; then the option ``normalize`` does. It changes the description: nothing
downstream knows of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ijbridge.description import (
    Axis,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    ModelDescription,
    Operation,
    RestoreRange,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Tensor,
    ZeroMeanUnitVariance,
)
from ijbridge.errors import PlanError

#: Operations that give an image the range or the distribution that its network expects.
NORMALISING = (ScaleRange, ZeroMeanUnitVariance, FixedZeroMeanUnitVariance, ScaleLinear, ScaleMeanVariance)

#: So small that it only keeps a constant image from being divided by zero (as csbdeep's).
EPS = 1e-20


def percentile_range(low: float, high: float, axes: Iterable[Axis]) -> tuple[Operation, ...]:
    """Give the operations that map two percentiles, over space and time of every channel, to 0 and 1 in float32."""
    return ScaleRange(low, high, image_axes(axes), EPS), EnsureDtype("float32")


def image_axes(axes: Iterable[Axis]) -> tuple[str, ...]:
    """Give the ids of the axes of space and time."""
    return tuple(axis.id for axis in axes if axis.kind in ("space", "time"))


def with_normalization(description: ModelDescription, wanted: str | tuple[float, float]) -> ModelDescription:
    """Give the description with another normalisation of its inputs, and of the outputs that are given their range back.

    Parameters
    ----------
    wanted
        As in `ijbridge.options.Options`: "auto" changes nothing, "none" leaves the pixels as they are, two percentiles are
        taken over space and time of every sample, each channel on its own.

    Raises
    ------
    PlanError
        If it cannot be told which of several inputs is meant.
    """
    if wanted == "auto":
        return description
    inputs = description.inputs
    normalised = [one.id for one in inputs if any(isinstance(operation, NORMALISING) for operation in one.operations)]
    if not normalised and len(inputs) > 1:
        raise PlanError(
            f"The model {description.name!r} has {len(inputs)} inputs ({', '.join(one.id for one in inputs)}) and normalises "
            "none of them, so it is not known which is meant: leave normalize out."
        )
    chosen = normalised or [one.id for one in inputs]
    return replace(
        description,
        inputs=tuple(_input(one, wanted) if one.id in chosen else one for one in inputs),
        outputs=tuple(_output(one, wanted) for one in description.outputs),
    )


def _input(tensor: Tensor, wanted: str | tuple[float, float]) -> Tensor:
    kept: list[Operation] = [one for one in tensor.operations if not isinstance(one, NORMALISING)]
    if isinstance(wanted, tuple):
        first = next((n for n, one in enumerate(tensor.operations) if isinstance(one, NORMALISING)), len(kept))
        made = percentile_range(*wanted, tensor.axes)
        kept[first:first] = made[:1] if isinstance(next(iter(kept[first:]), None), EnsureDtype) else made
    return replace(tensor, operations=tuple(kept))


def _output(tensor: Tensor, wanted: str | tuple[float, float]) -> Tensor:
    operations: list[Operation] = []
    for one in tensor.operations:
        if not isinstance(one, RestoreRange):
            operations.append(one)
        elif isinstance(wanted, tuple):
            operations.append(replace(one, min_percentile=wanted[0], max_percentile=wanted[1]))
    return replace(tensor, operations=tuple(operations))
