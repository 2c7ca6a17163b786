"""Operations as bioimage.io 0.5 says them, within the limits of its specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from ijbridge.operations import (
    Binarize,
    Clip,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Operation,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Sigmoid,
    Softmax,
    ZeroMeanUnitVariance,
    operation_name,
)

#: What the specification adds to a divisor where nothing is said.
_EPS = 1e-6


def said_operation(
    operation: Operation, is_input: bool, tensors: Mapping[str, str], axis_id: Callable[[str], str]
) -> dict[str, Any] | None:
    """Give an operation as an entry of ``preprocessing`` or ``postprocessing``, None where 0.5 has no such entry.

    Parameters
    ----------
    tensors, axis_id
        The ids that tensors, and axes of this tensor, have in the 0.5 description.
    """
    kwargs = _kwargs(operation, is_input, tensors, axis_id)
    if kwargs is None or not all(_is_number(value) for value in kwargs.values()):
        return None
    return {"id": operation_name(operation), **({"kwargs": kwargs} if kwargs else {})}


def _kwargs(
    operation: Operation, is_input: bool, tensors: Mapping[str, str], axis_id: Callable[[str], str]
) -> dict[str, Any] | None:
    def over(axes: Sequence[str] | None) -> dict[str, Any]:
        return {} if axes is None else {"axes": [axis_id(one) for one in axes]}

    def along(axis: str | None, **numbers: tuple[float, ...]) -> dict[str, Any] | None:
        if axis is None:
            return {name: values[0] for name, values in numbers.items()}
        return None if axis_id(axis) == "batch" else {"axis": axis_id(axis), **{n: list(v) for n, v in numbers.items()}}

    def eps(value: float) -> dict[str, Any]:
        # the nearest that is allowed
        return {"eps": value if 0 < value <= 0.1 else _EPS if value <= 0 else 0.1}

    match operation:
        case EnsureDtype(dtype):
            return {"dtype": dtype} if dtype != "float16" else None
        case Binarize(threshold, axis):
            return along(axis, threshold=threshold)
        case Clip(axes=axes):
            limits = {key: value for key in ("min", "max", "min_percentile", "max_percentile")
                      if (value := getattr(operation, key)) is not None}  # fmt: skip
            measured = "min_percentile" in limits or "max_percentile" in limits
            twice = {"min", "min_percentile"} <= limits.keys() or {"max", "max_percentile"} <= limits.keys()
            if not limits or twice or not _are_percentiles(limits.get("min_percentile"), limits.get("max_percentile")):
                return None
            return limits | (over(axes) if measured else {})
        case ScaleLinear(gain, offset, axis):
            changes = any(one != 1 for one in gain) or any(one != 0 for one in offset)
            return along(axis, gain=gain, offset=offset) if changes else None
        case FixedZeroMeanUnitVariance(mean, std, axis):
            return along(axis, mean=mean, std=std) if min(std) >= _EPS else None
        case ZeroMeanUnitVariance():
            return over(operation.axes) | eps(operation.eps)
        case ScaleRange(low, high):
            if not _are_percentiles(low, high):
                return None
            reference = {} if operation.reference is None else {"reference_tensor": tensors[operation.reference]}
            return {"min_percentile": low, "max_percentile": high} | over(operation.axes) | eps(operation.eps) | reference
        case ScaleMeanVariance():
            reference = {"reference_tensor": tensors[operation.reference]}
            return None if is_input else reference | over(operation.axes) | eps(operation.eps)
        case Sigmoid():
            return {}
        case Softmax(axis):
            return along(axis)
    return None


def _are_percentiles(low: float | None, high: float | None) -> bool:
    least, most = low if low is not None else 0.0, high if high is not None else 100.0
    return 0 <= least < most <= 100 and most > 1


def _is_number(value: Any) -> bool:
    """Whether a value has no number that is none, or infinite."""
    return all(isfinite(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, float))
