"""The tensors of a bioimage.io 0.4 description, brought into the terms of 0.5.

Where 0.4 differs: axes are one string of letters; ``axes`` of an operation left out are all but the batch; a ``mode`` says
whether statistics are fixed, of the sample or of the data set; an output's size is size * scale + **2 * offset**;
``halo`` is a list with one number per dimension; all operations give float32.
"""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from typing import Any

from ijbridge.description import Axis, AxisKind, FileRef, FixedSize, FreeSize, ReferencedSize, Size, SteppedSize, Tensor
from ijbridge.formats.bioimageio_v05 import DTYPES
from ijbridge.formats.fields import Fields, is_number
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
    UnsupportedOperation,
    ZeroMeanUnitVariance,
)

_LETTERS = "bitczyx"
_IDS = {"b": "batch", "i": "index", "t": "time", "c": "channel"}
_KINDS: dict[str, AxisKind] = {"b": "batch", "i": "index", "t": "time", "c": "channel"}

_MODES = ("fixed", "per_dataset", "per_sample")


def read_tensors(root: Fields) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Read inputs and outputs of a 0.4 description."""
    inputs = list(root.mappings("inputs", required=True))
    outputs = list(root.mappings("outputs", required=True))
    letters = {tensor.text("name"): _letters(tensor) for tensor in [*inputs, *outputs]}
    return (
        tuple(_tensor(root, one, number, letters, is_input=True) for number, one in enumerate(inputs)),
        tuple(_tensor(root, one, number, letters, is_input=False) for number, one in enumerate(outputs)),
    )


def _tensor(root: Fields, fields: Fields, number: int, letters: dict[str, str], *, is_input: bool) -> Tensor:
    name, side = fields.text("name"), "input" if is_input else "output"
    axes = _axes(fields, letters, is_input)
    dtype = fields.one_of("data_type", DTYPES)
    read = [
        _operation(operation, letters[name]) for operation in fields.mappings("preprocessing" if is_input else "postprocessing")
    ]
    operations: list[Operation] = [EnsureDtype("float32"), *read] if read else []
    if not (is_input and read):
        operations.append(EnsureDtype(dtype))
    return Tensor(
        id=name,
        axes=axes,
        dtype="float32" if is_input and read else dtype,
        description=fields.text("description", ""),
        value_range=fields.bounds("data_range"),
        operations=tuple(operations),
        test_tensor=_nth_file(root, f"test_{side}s", number),
        sample_tensor=_nth_file(root, f"sample_{side}s", number),
    )


def _letters(tensor: Fields) -> str:
    axes = tensor.text("axes")
    if not axes or any(one not in _LETTERS or axes.count(one) > 1 for one in axes):
        raise tensor.wrong("axes", f"distinct letters of {_LETTERS!r}")
    return axes


def _axes(fields: Fields, letters: dict[str, str], is_input: bool) -> tuple[Axis, ...]:
    axes = letters[fields.text("name")]
    sizes = _input_sizes(fields, axes) if is_input or isinstance(fields.raw("shape"), list) else _output_sizes(fields, letters)
    halo = fields.list("halo") or [0] * len(axes)
    if len(halo) != len(axes) or any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in halo):
        raise fields.wrong("halo", f"one whole number per axis of {axes!r}")
    return tuple(
        Axis(
            id=_IDS.get(letter, letter),
            kind=_KINDS.get(letter, "space"),
            size=FreeSize() if letter == "b" and size != FixedSize(1) else size,
            letter=letter if letter != "i" else None,
            halo=0 if is_input else pixels,
        )
        for letter, size, pixels in zip(axes, sizes, halo, strict=True)
    )


def _input_sizes(fields: Fields, axes: str) -> list[Size]:
    if isinstance(fields.raw("shape"), list):
        return [FixedSize(_whole(fields, "shape", one, low=1)) for one in _per_axis(fields, "shape", axes)]
    stepped = fields.mapping("shape")
    minima = [_whole(stepped, "min", one) for one in _per_axis(stepped, "min", axes)]
    steps = [_whole(stepped, "step", one) for one in _per_axis(stepped, "step", axes)]
    if any(low + step < 1 for low, step in zip(minima, steps, strict=True)):
        raise stepped.wrong("min", "a list of whole numbers of at least 1")
    return [SteppedSize(low or step, step) if step else FixedSize(low) for low, step in zip(minima, steps, strict=True)]


def _output_sizes(fields: Fields, letters: dict[str, str]) -> list[Size]:
    axes = letters[fields.text("name")]
    shape = fields.mapping("shape")
    reference = shape.text("reference_tensor")
    if reference not in letters:
        raise shape.error(f"`{shape.path}.reference_tensor` names {reference!r}, but there are {', '.join(letters)}")
    sizes: list[Size] = []
    for position, (letter, scale, offset) in enumerate(
        zip(axes, _per_axis(shape, "scale", axes), _per_axis(shape, "offset", axes), strict=True)
    ):
        # doubled before it is rounded: an offset of 0.5 is one element
        added = 2 * _fraction(shape, "offset", offset)
        if scale is None or scale == 0:
            sizes.append(FixedSize(_whole(shape, "offset", int(added) if added.denominator == 1 else added, low=1)))
            continue
        other = letters[reference]
        referenced = letter if letter in other else other[position : position + 1]
        if not referenced:
            raise shape.error(f"`{shape.path}` scales the axis {letter!r}, which {reference!r} ({other}) does not have")
        ratio = _fraction(shape, "scale", scale)
        if ratio <= 0:
            raise shape.wrong("scale", "a list of numbers of at least 0, or null")
        sizes.append(ReferencedSize(reference, _IDS.get(referenced, referenced), ratio, added))
    return sizes


def _per_axis(fields: Fields, key: str, axes: str) -> list[Any]:
    values = fields.list(key, required=True)
    if len(values) != len(axes):
        raise fields.wrong(key, f"a list with one entry per axis of {axes!r}")
    return values


def _whole(fields: Fields, key: str, value: Any, low: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise fields.wrong(key, f"a list of whole numbers of at least {low}")
    return value


def _fraction(fields: Fields, key: str, value: Any) -> Fraction:
    if not is_number(value) or not isfinite(value):
        raise fields.wrong(key, "a list of numbers")
    return Fraction(value).limit_denominator(1024)


def _nth_file(root: Fields, key: str, number: int) -> FileRef | None:
    files = root.list(key)
    return FileRef(str(files[number])) if number < len(files) else None


# --- operations ------------------------------------------------------------------------------------------------------


def _operation(fields: Fields, letters: str) -> Operation:
    name, kwargs = fields.text("name"), fields.mapping("kwargs")
    if name == "sigmoid":
        return Sigmoid()
    if name == "binarize":
        return Binarize((kwargs.number("threshold"),))
    if name == "clip":
        return Clip(min=kwargs.number("min"), max=kwargs.number("max"))
    if name == "scale_linear":
        return ScaleLinear(*_along(kwargs, letters, "gain", 1.0, "offset", 0.0))
    if name == "zero_mean_unit_variance":
        mode = kwargs.one_of("mode", _MODES, "per_sample")
        if mode == "fixed":
            mean, std, axis = _along(kwargs, letters, "mean", None, "std", None)
            return FixedZeroMeanUnitVariance(mean, std, axis, kwargs.number("eps", 1e-6, low=0))
        return ZeroMeanUnitVariance(_reduced(kwargs, letters, mode), kwargs.number("eps", 1e-6, low=0))
    if name == "scale_range":
        mode = kwargs.one_of("mode", _MODES[1:], "per_sample")
        low, high = kwargs.number("min_percentile", 0.0), kwargs.number("max_percentile", 100.0)
        if not 0 <= low < high <= 100:
            raise kwargs.error(f"`{kwargs.path}` has the percentiles {low} to {high}: they must rise and lie in 0 to 100")
        reference = kwargs.optional_text("reference_tensor")
        return ScaleRange(low, high, _reduced(kwargs, letters, mode), kwargs.number("eps", 1e-6, low=0), reference)
    if name == "scale_mean_variance":
        mode = kwargs.one_of("mode", _MODES[1:], "per_sample")
        axes = _reduced(kwargs, letters, mode)
        return ScaleMeanVariance(kwargs.text("reference_tensor"), axes, kwargs.number("eps", 1e-6, low=0))
    known = "binarize, clip, scale_linear, scale_mean_variance, scale_range, sigmoid, zero_mean_unit_variance"
    return UnsupportedOperation(name, f"bioimage.io 0.4 has {known}")


def _letters_of(kwargs: Fields, letters: str) -> str | None:
    if "axes" not in kwargs:
        return None
    value = kwargs.raw("axes")
    axes = "".join(str(one) for one in value) if isinstance(value, list) else str(value)
    unknown = [one for one in axes if one not in letters]
    if unknown:
        raise kwargs.error(f"`{kwargs.path}.axes` names {unknown[0]!r}, but the tensor's axes are {letters!r}")
    return axes


def _reduced(kwargs: Fields, letters: str, mode: str) -> tuple[str, ...]:
    """Give the axes that statistics are taken over; those left out are all but the batch."""
    axes = _letters_of(kwargs, letters)
    if axes is None:
        axes = letters.replace("b", "")
    if mode == "per_dataset" and "b" not in axes:
        axes = f"b{axes}" if "b" in letters else axes
    return tuple(_IDS.get(one, one) for one in axes)


def _along(
    kwargs: Fields, letters: str, name: str, default: float | None, other: str, other_default: float | None
) -> tuple[tuple[float, ...], tuple[float, ...], str | None]:
    """Give two lists of numbers and the axis they run along: the one that is not scaled jointly."""
    one, two = kwargs.numbers(name), kwargs.numbers(other)
    if (one is None and default is None) or (two is None and other_default is None):
        raise kwargs.wrong(name if one is None else other, "a number or a list of numbers")
    one, two = one or (default or 0.0,), two or (other_default or 0.0,)
    length = max(len(one), len(two))
    one, two = one * length if len(one) == 1 else one, two * length if len(two) == 1 else two
    if len(one) != len(two):
        raise kwargs.error(f"`{kwargs.path}` gives {len(one)} values of {name} and {len(two)} of {other}: as many are needed")
    if length == 1:
        return one, two, None
    jointly = _letters_of(kwargs, letters)
    left = [letter for letter in letters if letter != "b" and letter not in (jointly or "zyxti")]
    if len(left) != 1:
        raise kwargs.error(f"`{kwargs.path}` gives {length} values, but does not leave one axis for them to run along")
    return one, two, _IDS.get(left[0], left[0])
