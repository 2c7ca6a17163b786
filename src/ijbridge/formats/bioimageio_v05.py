"""The tensors of a bioimage.io 0.5 description: axes, sizes, data and operations.

Source: the bioimage.io model description specification 0.5. A description's preprocessing begins and ends, and its
postprocessing ends, with a cast to the tensor's data type, which the specification adds where it is not written.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import isfinite
from typing import Any

from ijbridge.description import (
    Axis,
    AxisKind,
    FileRef,
    FixedSize,
    FreeSize,
    Padding,
    PaddingMode,
    ReferencedSize,
    Size,
    SteppedSize,
    Tensor,
)
from ijbridge.formats.fields import Fields
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
    UnsupportedOperation,
    ZeroMeanUnitVariance,
)

KINDS: tuple[AxisKind, ...] = ("batch", "channel", "index", "time", "space")
DTYPES = (
    "float32", "float64", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool", "float16",
)  # fmt: skip

PADDING_MODES: tuple[PaddingMode, ...] = ("constant", "edge", "reflect", "symmetric")

_DEFAULT_IDS = {"batch": "batch", "channel": "channel", "index": "index", "time": "time", "space": "x"}
_LETTERS = {"batch": "b", "channel": "c", "time": "t"}
_SHORT_IDS = {"b": "batch", "c": "channel", "t": "time", "i": "index", "s": "channel"}

#: Operations that are known and need more than arrays; what to tell who meets them.
REFUSED = {
    "custom": "it runs Python code from the model package, which ijbridge never does",
    "stardist_postprocessing": "it turns an output into objects, which is done behind the tiles",
    "cellpose_flow_dynamics": "it turns the network's output into objects, which this version does not do yet",
}


def read_tensors(root: Fields) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Read inputs and outputs of a 0.5 description."""
    inputs = list(root.mappings("inputs", required=True))
    outputs = list(root.mappings("outputs", required=True))
    scales = {
        (tensor.text("id", default), axis_id(axis)): _scale(axis)
        for tensors, default in ((inputs, "input"), (outputs, "output"))
        for tensor in tensors
        for axis in tensor.mappings("axes", required=True)
    }
    return (
        tuple(_tensor(tensor, scales, is_input=True) for tensor in inputs),
        tuple(_tensor(tensor, scales, is_input=False) for tensor in outputs),
    )


def file_ref(fields: Fields, key: str) -> FileRef | None:
    """Read a file that is given as a path, or as a mapping of ``source`` and ``sha256``."""
    if key not in fields:
        return None
    if isinstance(fields.raw(key), str):
        return FileRef(fields.text(key))
    described = fields.mapping(key)
    return FileRef(described.text("source"), described.optional_text("sha256"))


def axis_id(axis: Fields) -> str:
    """Give an axis' id, by default that of its type."""
    kind = axis.one_of("type", KINDS)
    name = axis.text("id", _DEFAULT_IDS[kind]).lower()
    return _SHORT_IDS.get(name, name)


def _scale(axis: Fields) -> float:
    scale = axis.number("scale", 1.0)
    if not 0 < scale < float("inf"):
        raise axis.wrong("scale", "a number above 0")
    return scale


def _tensor(fields: Fields, scales: dict[tuple[str, str], float], *, is_input: bool) -> Tensor:
    tensor_id = fields.text("id", "input" if is_input else "output")
    axes = tuple(_axis(axis, tensor_id, scales, is_input) for axis in fields.mappings("axes", required=True))
    dtype, value_range, unit, values = _data(fields)
    read = [read_operation(operation, axes) for operation in fields.mappings("preprocessing" if is_input else "postprocessing")]
    return Tensor(
        id=tensor_id,
        axes=axes,
        dtype=dtype,
        description=fields.text("description", ""),
        value_range=value_range,
        value_unit=unit,
        values=values,
        operations=_with_casts(read, dtype, at_start=is_input),
        test_tensor=file_ref(fields, "test_tensor"),
        sample_tensor=file_ref(fields, "sample_tensor"),
        optional=fields.flag("optional"),
        padding=_padding(fields) if is_input else Padding(),
    )


def _padding(fields: Fields) -> Padding:
    # the reference consumer's choice where nothing is said
    if "pad" not in fields:
        return Padding("symmetric")
    pad = fields.mapping("pad")
    value = pad.number("value", 0.0)
    if not isfinite(value):
        raise pad.wrong("value", "a number")
    return Padding(PADDING_MODES[PADDING_MODES.index(pad.one_of("mode", PADDING_MODES, "constant"))], value)


def _with_casts(operations: list[Operation], dtype: str, *, at_start: bool) -> tuple[Operation, ...]:
    cast = EnsureDtype(dtype)
    if at_start and not (operations and isinstance(operations[0], EnsureDtype)):
        operations = [cast, *operations]
    if not (operations and isinstance(operations[-1], EnsureDtype | Binarize)):
        operations = [*operations, cast]
    return tuple(operations)


def _axis(fields: Fields, tensor_id: str, scales: dict[tuple[str, str], float], is_input: bool) -> Axis:
    name = axis_id(fields)
    kind = KINDS[KINDS.index(fields.one_of("type", KINDS))]
    channel_names: tuple[str, ...] = ()
    size: Size
    if kind == "batch":
        size = FreeSize() if "size" not in fields else FixedSize(fields.integer("size", low=1))
    elif kind == "channel":
        channel_names = tuple(str(one) for one in fields.list("channel_names", required=True))
        size = FixedSize(len(channel_names))
    else:
        size = _size(fields, tensor_id, name, scales)
    halo = fields.integer("halo", 0)
    if halo and (is_input or not isinstance(size, ReferencedSize)):
        raise fields.error(f"`{fields.path}.halo` is given, but only an output axis whose size is a reference has a halo")
    unit = fields.optional_text("unit")
    return Axis(
        id=name,
        kind=kind,
        size=size,
        letter=_LETTERS.get(kind) or (name if kind == "space" and name in ("z", "y", "x") else None),
        description=fields.text("description", ""),
        unit=unit,
        # a scale without a unit relates axes to one another, it says nothing of a distance
        pixel_size=scales[tensor_id, name] if unit is not None and kind in ("space", "time") else None,
        channel_names=channel_names,
        halo=halo,
        concatenable=fields.flag("concatenable"),
    )


def _size(fields: Fields, tensor_id: str, name: str, scales: dict[tuple[str, str], float]) -> Size:
    value = fields.raw("size")
    if not isinstance(value, dict):
        return FixedSize(fields.integer("size", low=1))
    size = fields.mapping("size")
    if "axis_id" in size or "tensor_id" in size:
        reference = (size.text("tensor_id"), _SHORT_IDS.get(size.text("axis_id").lower(), size.text("axis_id").lower()))
        if reference not in scales:
            raise size.error(f"`{size.path}` refers to the axis {reference[1]!r} of {reference[0]!r}, which is not there")
        offset = size.integer("offset", 0, low=-(2**31))
        return ReferencedSize(*reference, ratio=ratio(scales[reference], scales[tensor_id, name]), offset=Fraction(offset))
    if "step" in size:
        return SteppedSize(size.integer("min", low=1), size.integer("step", low=1))
    if "min" in size or "max" in size or size.value == {}:
        return FreeSize(size.integer("min", 1, low=1), size.integer("max", low=1) if "max" in size else None)
    raise fields.wrong("size", "a number, {min, step} or a reference {tensor_id, axis_id}")


def ratio(scale: float, other: float) -> Fraction:
    """Give scale / other as the fraction that was meant (0.107 / 0.0535 is 2)."""
    exact = Fraction(scale) / Fraction(other)
    simple = exact.limit_denominator(1024)
    return simple if abs(simple - exact) < abs(exact) * Fraction(1, 10**6) else exact


def _data(fields: Fields) -> tuple[str, tuple[float | None, float | None], str | None, tuple[Any, ...]]:
    value = fields.raw("data")
    first = next(fields.mappings("data")) if isinstance(value, list) and value else fields.mapping("data")
    nominal = "values" in first
    dtype = first.one_of("type", DTYPES, "uint8" if nominal else "float32")
    if nominal:
        return dtype, (None, None), first.optional_text("unit"), tuple(first.list("values"))
    return dtype, first.bounds("range"), first.optional_text("unit"), ()


# --- operations ------------------------------------------------------------------------------------------------------


def read_operation(fields: Fields, axes: tuple[Axis, ...]) -> Operation:
    """Read one entry of ``preprocessing`` or ``postprocessing`` of a tensor with these axes."""
    name = fields.text("id")
    reader = _READERS.get(name)
    if reader is None:
        why = REFUSED.get(name, f"ijbridge knows {', '.join(_READERS)}")
        return UnsupportedOperation(name, why)
    return reader(fields.mapping("kwargs"), tuple(axis.id for axis in axes))


def _axes(kwargs: Fields, allowed: tuple[str, ...]) -> tuple[str, ...] | None:
    if "axes" not in kwargs:
        return None
    value = kwargs.raw("axes")
    names = [*value] if isinstance(value, str) else kwargs.list("axes")
    return tuple(_known(kwargs, str(name), allowed) for name in names)


def _axis_id(kwargs: Fields, allowed: tuple[str, ...]) -> str | None:
    return _known(kwargs, kwargs.text("axis"), allowed) if "axis" in kwargs else None


def _known(kwargs: Fields, name: str, allowed: tuple[str, ...]) -> str:
    found = _SHORT_IDS.get(name.lower(), name.lower())
    if found not in allowed:
        raise kwargs.error(f"`{kwargs.path}` names the axis {name!r}, but the tensor has {', '.join(allowed)}")
    return found


def _ensure_dtype(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:  # noqa: ARG001 - one form for all readers
    return EnsureDtype(kwargs.one_of("dtype", DTYPES))


def _binarize(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    threshold = kwargs.numbers("threshold")
    if threshold is None:
        raise kwargs.wrong("threshold", "a number or a list of numbers")
    return Binarize(threshold, _axis_of(kwargs, allowed, threshold))


def _clip(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    limits = {key: kwargs.optional_number(key) for key in ("min", "max", "min_percentile", "max_percentile")}
    for one in ("min", "max"):
        if limits[one] is not None and limits[f"{one}_percentile"] is not None:
            raise kwargs.error(f"`{kwargs.path}` gives both {one} and {one}_percentile, but only one of them may be given")
    if all(limit is None for limit in limits.values()):
        raise kwargs.error(f"`{kwargs.path}` gives none of {', '.join(limits)}, but clip needs one")
    _check_percentiles(kwargs, limits["min_percentile"], limits["max_percentile"])
    return Clip(**limits, axes=_axes(kwargs, allowed))


def _scale_linear(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    gain, offset = kwargs.numbers("gain") or (1.0,), kwargs.numbers("offset") or (0.0,)
    gain, offset = _same_length(kwargs, gain, offset, "gain", "offset")
    return ScaleLinear(gain, offset, _axis_of(kwargs, allowed, gain))


def _fixed(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    mean, std = kwargs.numbers("mean"), kwargs.numbers("std")
    if mean is None or std is None or min(std) <= 0:
        raise kwargs.wrong("mean" if mean is None else "std", "a number (std above 0) or a list of numbers")
    mean, std = _same_length(kwargs, mean, std, "mean", "std")
    return FixedZeroMeanUnitVariance(mean, std, _axis_of(kwargs, allowed, mean))


def _zero_mean(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    return ZeroMeanUnitVariance(_axes(kwargs, allowed), kwargs.number("eps", 1e-6, low=0))


def _scale_range(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    low, high = kwargs.number("min_percentile", 0.0), kwargs.number("max_percentile", 100.0)
    _check_percentiles(kwargs, low, high)
    return ScaleRange(
        low, high, _axes(kwargs, allowed), kwargs.number("eps", 1e-6, low=0), kwargs.optional_text("reference_tensor")
    )


def _scale_mean_variance(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    return ScaleMeanVariance(kwargs.text("reference_tensor"), _axes(kwargs, allowed), kwargs.number("eps", 1e-6, low=0))


def _sigmoid(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:  # noqa: ARG001
    return Sigmoid()


def _softmax(kwargs: Fields, allowed: tuple[str, ...]) -> Operation:
    axis = _axis_id(kwargs, allowed) or "channel"
    return Softmax(_known(kwargs, axis, allowed))


def _axis_of(kwargs: Fields, allowed: tuple[str, ...], values: tuple[float, ...]) -> str | None:
    axis = _axis_id(kwargs, allowed)
    if axis is None and len(values) > 1:
        raise kwargs.error(f"`{kwargs.path}` gives {len(values)} values, but no axis that they run along")
    return axis


def _same_length(
    kwargs: Fields, one: tuple[float, ...], two: tuple[float, ...], name: str, other: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if len(one) == 1:
        one = one * len(two)
    if len(two) == 1:
        two = two * len(one)
    if len(one) != len(two):
        raise kwargs.error(f"`{kwargs.path}` gives {len(one)} values of {name} and {len(two)} of {other}: as many are needed")
    return one, two


def _check_percentiles(kwargs: Fields, low: float | None, high: float | None) -> None:
    if not 0 <= (low or 0.0) < (100.0 if high is None else high) <= 100:
        raise kwargs.error(f"`{kwargs.path}` has the percentiles {low} to {high}: they must rise and lie in 0 to 100")


_READERS: dict[str, Callable[[Fields, tuple[str, ...]], Operation]] = {
    "binarize": _binarize,
    "clip": _clip,
    "ensure_dtype": _ensure_dtype,
    "fixed_zero_mean_unit_variance": _fixed,
    "scale_linear": _scale_linear,
    "scale_mean_variance": _scale_mean_variance,
    "scale_range": _scale_range,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "zero_mean_unit_variance": _zero_mean,
}
