"""Operations on pixels as data: what a description says is done before and behind its network.

How they are computed is in ``processing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class EnsureDtype:
    """Cast to ``dtype``."""

    dtype: str


@dataclass(frozen=True)
class Binarize:
    """One where the tensor is above the threshold, else zero; one threshold, or one per element of ``axis``."""

    threshold: tuple[float, ...]
    axis: str | None = None


@dataclass(frozen=True)
class Clip:
    """Limit to fixed values or to percentiles taken over ``axes`` (None: over all)."""

    min: float | None = None
    max: float | None = None
    min_percentile: float | None = None
    max_percentile: float | None = None
    axes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ScaleLinear:
    """``x * gain + offset``, with one pair or one per element of ``axis``."""

    gain: tuple[float, ...]
    offset: tuple[float, ...]
    axis: str | None = None


@dataclass(frozen=True)
class FixedZeroMeanUnitVariance:
    """``(x - mean) / (std + eps)`` with given numbers, one pair or one per element of ``axis``.

    bioimage.io 0.5 divides by ``std`` alone (``eps`` is 0 there), 0.4 adds ``eps``.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    axis: str | None = None
    eps: float = 0.0


@dataclass(frozen=True)
class ZeroMeanUnitVariance:
    """``(x - mean) / (std + eps)``, mean and standard deviation taken over ``axes`` (None: over all)."""

    axes: tuple[str, ...] | None = None
    eps: float = 1e-6


@dataclass(frozen=True)
class ScaleRange:
    """``(x - low) / (high - low + eps)``, percentiles taken over ``axes`` of ``reference`` (None: of the tensor itself)."""

    min_percentile: float = 0.0
    max_percentile: float = 100.0
    axes: tuple[str, ...] | None = None
    eps: float = 1e-6
    reference: str | None = None


@dataclass(frozen=True)
class RestoreRange:
    """``x * (high - low) + low``: give an output the range that `ScaleRange` took from ``reference``.

    Percentiles are those over ``axes`` of ``reference`` before any processing. Without ``shift`` it is ``x * (high - low)``,
    for values that say how far others spread.
    """

    reference: str
    min_percentile: float = 0.0
    max_percentile: float = 100.0
    axes: tuple[str, ...] | None = None
    shift: bool = True


@dataclass(frozen=True)
class ScaleMeanVariance:
    """``(x - mean) / (std + eps) * (ref_std + eps) + ref_mean``: give the tensor the distribution of ``reference``."""

    reference: str
    axes: tuple[str, ...] | None = None
    eps: float = 1e-6


@dataclass(frozen=True)
class Sigmoid:
    """``1 / (1 + exp(-x))``."""


@dataclass(frozen=True)
class Softmax:
    """``exp(x) / sum(exp(x))`` along ``axis``."""

    axis: str


@dataclass(frozen=True)
class DivideByTypeMaximum:
    """Integers divided by the largest value of the type they come in; floating point numbers as they are.

    It is the first operation of an input, which is given the image's own type.
    """


@dataclass(frozen=True)
class Take:
    """The elements of ``axis`` at these indices, in this order."""

    axis: str
    indices: tuple[int, ...]


@dataclass(frozen=True)
class ArgMax:
    """For the largest element along ``axis`` its label, one of ``labels``; 0 where it is below ``at_least``.

    One element is left of the axis. Of several that are equally large the first counts.
    """

    axis: str
    labels: tuple[int, ...]
    at_least: float | None = None


@dataclass(frozen=True)
class Maximum:
    """The largest value along ``axis``, of which one element is left."""

    axis: str


@dataclass(frozen=True)
class UnsupportedOperation:
    """An operation that is known by name and cannot be run; ``why`` says so to the user."""

    name: str
    why: str


Operation: TypeAlias = (
    EnsureDtype
    | Binarize
    | Clip
    | ScaleLinear
    | FixedZeroMeanUnitVariance
    | ZeroMeanUnitVariance
    | ScaleRange
    | RestoreRange
    | ScaleMeanVariance
    | Sigmoid
    | Softmax
    | DivideByTypeMaximum
    | Take
    | ArgMax
    | Maximum
    | UnsupportedOperation
)

OPERATION_NAMES: Mapping[type, str] = {
    EnsureDtype: "ensure_dtype",
    Binarize: "binarize",
    Clip: "clip",
    ScaleLinear: "scale_linear",
    FixedZeroMeanUnitVariance: "fixed_zero_mean_unit_variance",
    ZeroMeanUnitVariance: "zero_mean_unit_variance",
    ScaleRange: "scale_range",
    RestoreRange: "restore_range",
    ScaleMeanVariance: "scale_mean_variance",
    Sigmoid: "sigmoid",
    Softmax: "softmax",
    DivideByTypeMaximum: "divide_by_type_maximum",
    Take: "take",
    ArgMax: "argmax",
    Maximum: "maximum",
}


def operation_name(operation: Operation) -> str:
    """Give the name that bioimage.io 0.5 has for an operation; what it lacks has names of numpy's kind, or ijbridge's own."""
    return operation.name if isinstance(operation, UnsupportedOperation) else OPERATION_NAMES[type(operation)]
