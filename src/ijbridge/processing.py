"""Pre- and postprocessing: how each operation of a description is computed, on any part of a tensor.

An operation needs no pixel but those it is given and, some of them, *statistics* that were taken of the whole sample
before. So it can be applied tile by tile, with the result it has on the whole.

Sums and products are computed in float64 and stay so until the next cast, which descriptions end with; functions of one
value (sigmoid, softmax, clip) keep the type of a float tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ijbridge.description import Axis
from ijbridge.errors import CannotRunError
from ijbridge.operations import (
    ArgMax,
    Binarize,
    Clip,
    DivideByTypeMaximum,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Maximum,
    Operation,
    RestoreRange,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Sigmoid,
    Softmax,
    Take,
    UnsupportedOperation,
    ZeroMeanUnitVariance,
    operation_name,
)

if TYPE_CHECKING:
    from ijbridge.typing import Array, Float

#: The numbers of one statistic: (mean, standard deviation) or (low, high), each broadcastable against the tensor.
Numbers: TypeAlias = "tuple[Float, ...]"


@dataclass(frozen=True)
class Need:
    """A statistic that an operation needs before it can be applied.

    Over ``axes`` (None: all, the batch included) of the tensor as the operation receives it or, with ``reference``, of
    that input before any processing.
    """

    kind: Literal["moments", "percentiles"]
    axes: tuple[str, ...] | None
    percentiles: tuple[float, ...] = ()
    interpolate: bool = True
    reference: str | None = None

    def described(self) -> str:
        """Say it for a person."""
        what = "mean, std" if self.kind == "moments" else f"percentiles {', '.join(f'{p:g}' for p in self.percentiles)}"
        over = "all axes" if self.axes is None else ", ".join(self.axes)
        return f"{what} over {over}" + (f" of {self.reference}" if self.reference else "")


def needs(operation: Operation) -> tuple[Need, ...]:
    """Give the statistics an operation needs, in the order in which `apply` wants their numbers."""
    match operation:
        case ZeroMeanUnitVariance():
            return (Need("moments", operation.axes),)
        case ScaleMeanVariance():
            return (Need("moments", operation.axes), Need("moments", operation.axes, reference=operation.reference))
        case ScaleRange() | RestoreRange():
            wanted = (operation.min_percentile, operation.max_percentile)
            return (Need("percentiles", operation.axes, wanted, reference=operation.reference),)
        case Clip(min_percentile=low, max_percentile=high) if low is not None or high is not None:
            wanted = (low if low is not None else 0.0, high if high is not None else 100.0)
            return (Need("percentiles", operation.axes, wanted, interpolate=False),)
        case _:
            return ()


def number_count(operation: Operation) -> int:
    """Give how many numbers an operation has along an axis; 1 where they serve every element."""
    match operation:
        case Binarize(values) | ScaleLinear(values) | FixedZeroMeanUnitVariance(values):
            return len(values)
        case ArgMax(labels=labels):
            return len(labels)
        case _:
            return 1


def full_axis(operation: Operation) -> str | None:
    """Give the axis that an operation must be given in full: it sums along it, or has a number for each of its elements."""
    match operation:
        case Softmax(axis) | Binarize(_, axis) | ScaleLinear(_, _, axis) | FixedZeroMeanUnitVariance(_, _, axis):
            return axis
        case Take(axis) | ArgMax(axis) | Maximum(axis):
            return axis
        case _:
            return None


def elements_left(operations: Sequence[Operation], axis: str, size: int) -> int:
    """Give how many elements of an axis of ``size`` are left after the operations."""
    for operation in operations:
        match operation:
            case ArgMax(axis=along) | Maximum(axis=along) if along == axis:
                size = 1
            case Take(axis=along, indices=indices) if along == axis:
                size = len(indices)
            case _:
                pass
    return size


def names_left(operations: Sequence[Operation], axis: Axis) -> tuple[str, ...]:
    """Give the names of the elements of a channel axis that are left after the operations; none where it has none."""
    names = axis.channel_names
    for operation in operations:
        match operation:
            case ArgMax(axis=along) | Maximum(axis=along) if along == axis.id:
                return ()
            case Take(axis=along, indices=indices) if along == axis.id and names:
                names = tuple(names[index] for index in indices)
            case _:
                pass
    return names


def reduces_batch(need: Need) -> bool:
    """Whether a statistic is taken over all samples of the image, not of each alone."""
    return need.axes is None or "batch" in need.axes


def check_supported(operations: Sequence[Operation], tensor: str) -> None:
    """Raise CannotRunError for an operation that cannot be computed, by name."""
    for operation in operations:
        if isinstance(operation, UnsupportedOperation):
            raise CannotRunError(f"The operation {operation.name!r} of the tensor {tensor!r} cannot be run: {operation.why}.")


def apply(operation: Operation, x: Array, axis_ids: Sequence[str], numbers: Sequence[Numbers] = ()) -> Array:
    """Apply one operation to a part of a tensor.

    Parameters
    ----------
    x
        Part of the tensor, one dimension per axis; never written to.
    axis_ids
        The ids of its axes. Axes that an operation gives numbers along (thresholds, gains) must be there in full.
    numbers
        The statistics `needs` asks for, each broadcastable against `x`.
    """
    import numpy as np

    def along(values: tuple[float, ...], axis: str | None) -> Float:
        array = np.asarray(values, np.float64)
        if axis is None:
            return array[0]
        return array.reshape([-1 if one == axis else 1 for one in axis_ids])

    match operation:
        case EnsureDtype(dtype):
            return cast(x, dtype)
        case Binarize(threshold, axis):
            limit = along(threshold, axis)
            # a threshold of 0.1 is the tensor's own 0.1, which is not above itself
            return (x > (limit.astype(x.dtype) if x.dtype.kind == "f" else limit)).astype(np.uint8)
        case Clip(low, high):
            if numbers:
                measured_low, measured_high = numbers[0]
                lower = measured_low if operation.min_percentile is not None else low
                upper = measured_high if operation.max_percentile is not None else high
            else:
                lower, upper = low, high
            clipped = _floating(x)
            return np.clip(clipped, lower, upper).astype(clipped.dtype, copy=False)
        case ScaleLinear(gain, offset, axis):
            return x * along(gain, axis) + along(offset, axis)
        case FixedZeroMeanUnitVariance(mean, std, axis, eps):
            return (x - along(mean, axis)) / (along(std, axis) + eps)
        case ZeroMeanUnitVariance(eps=eps):
            ((mean_, std_),) = numbers
            return (x - mean_) / (std_ + eps)
        case ScaleRange(eps=eps):
            ((low_, high_),) = numbers
            return (x - low_) / (high_ - low_ + eps)
        case RestoreRange(shift=shift):
            ((low_, high_),) = numbers
            return x * (high_ - low_) + (low_ if shift else 0)
        case ScaleMeanVariance(eps=eps):
            (mean_, std_), (ref_mean, ref_std) = numbers
            return (x - mean_) / (std_ + eps) * (ref_std + eps) + ref_mean
        case Sigmoid():
            return _sigmoid(_floating(x))
        case Softmax(axis):
            x = _floating(x)
            position = list(axis_ids).index(axis)
            exponentials = np.exp(x - x.max(axis=position, keepdims=True))
            return exponentials / exponentials.sum(axis=position, keepdims=True)
        case DivideByTypeMaximum():
            return x if x.dtype.kind in "fb" else x / np.float64(np.iinfo(x.dtype).max)
        case Take(axis, indices):
            return np.take(x, indices, axis=list(axis_ids).index(axis))
        case ArgMax(axis, labels, at_least):
            position = list(axis_ids).index(axis)
            found = np.asarray(labels)[np.argmax(x, axis=position, keepdims=True)]
            if at_least is None:
                return found
            largest = x.max(axis=position, keepdims=True)
            # as in Binarize: a limit of 0.51 is the tensor's own 0.51
            least = np.asarray(at_least, x.dtype if x.dtype.kind == "f" else np.float64)
            return np.where(largest < least, 0, found)
        case Maximum(axis):
            return x.max(axis=list(axis_ids).index(axis), keepdims=True)
    raise CannotRunError(f"The operation {operation_name(operation)!r} cannot be run.")


def cast(x: Array, dtype: str) -> Array:
    """Give ``x`` as ``dtype``: numbers beyond an integer type's limits become the limit, fractions are cut off."""
    import numpy as np

    target = np.dtype(dtype)
    if x.dtype == target:
        return x
    if target.kind == "b":
        return x != 0
    if target.kind in "iu" and x.dtype.kind in "fiu" and not np.can_cast(x.dtype, target):
        limits = np.iinfo(target)
        if x.dtype.kind == "f":
            # narrower floats lack the limits of wider integers; those of 64 bits have no float, the one below them is taken
            top = np.nextafter(np.float64(limits.max), 0) if limits.bits == 64 else limits.max
            return np.clip(np.nan_to_num(np.trunc(x.astype(np.float64))), limits.min, top).astype(target)
        own = np.iinfo(x.dtype)
        return np.clip(x, max(limits.min, own.min), min(limits.max, own.max)).astype(target)
    return x.astype(target)


def _floating(x: Array) -> Array:
    import numpy as np

    return x if x.dtype.kind == "f" else x.astype(np.float32 if x.dtype.itemsize <= 2 else np.float64)


def _sigmoid(x: Array) -> Array:
    import numpy as np

    with np.errstate(over="ignore"):
        return np.reciprocal(1 + np.exp(-x))
