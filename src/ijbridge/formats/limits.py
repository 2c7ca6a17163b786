"""What the values of any description must be for it to be used, whoever wrote them.

A format's reader holds each field that it reads against what the format allows, which is more than can be computed with, and
what is put back from ``config.ijbridge`` has passed no such reader. Here all are held against what the rooms below take for
granted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import isfinite, isnan
from typing import Any

from ijbridge.description import (
    Axis,
    FixedSize,
    FreeSize,
    ModelDescription,
    ReferencedSize,
    Size,
    SteppedSize,
    Tensor,
)
from ijbridge.errors import DescriptionError
from ijbridge.formats.bioimageio_v05 import DTYPES
from ijbridge.formats.fields import shown
from ijbridge.formats.object_limits import object_problems
from ijbridge.operations import ArgMax, Operation, Take, operation_name

_LETTERS = "btczyx"

#: The most elements that an axis may have, or grow, or be cut by: what an array's size is counted in.
_MOST = 2**63 - 1

#: How many times as long as another an axis may be, and one over that.
_MOST_TIMES = 10**9

#: Characters of a name, of a model or what it consists of: a dialog's line shows a tenth of it.
_LONGEST_NAME = 1000

#: What a pixel of labels can hold.
_LARGEST_LABEL = 2**16 - 1

#: What a pixel may measure, in any unit.
_PIXEL_SIZES = (1e-50, 1e50)


def check_limits(description: ModelDescription, file: str) -> None:
    """Refuse values that no model can have.

    Raises
    ------
    DescriptionError
        With the first of them.
    """
    tensors = (*description.inputs, *description.outputs)
    axes = [axis for tensor in tensors for axis in tensor.axes]
    channels = [name for axis in axes for name in axis.channel_names]
    names = [description.name, *(tensor.id for tensor in tensors), *(axis.id for axis in axes), *channels]
    for name in names:
        if len(name) > _LONGEST_NAME:
            raise DescriptionError(
                f"{file}: the name {shown(name)} has {len(name)} characters, but must have at most {_LONGEST_NAME}."
            )
    for tensor in tensors:
        for problem in _problems(tensor):
            raise DescriptionError(f"{file}: {problem}.")
    if description.objects is not None:
        for problem in object_problems(description.objects, description.outputs):
            raise DescriptionError(f"{file}: {problem}.")


def _problems(tensor: Tensor) -> Iterator[str]:
    what = f"the tensor {tensor.id!r}"
    if tensor.dtype not in DTYPES:
        yield f"{what} is of type {tensor.dtype!r}, but must be one of {', '.join(DTYPES)}"
    if not tensor.axes:
        yield f"{what} has no axes"
    letters = [axis.letter for axis in tensor.axes if axis.letter is not None]
    if len(set(letters)) < len(letters):
        yield f"{what} has two axes that are the same axis of an image ({', '.join(letters)})"
    if not isfinite(tensor.padding.value):
        yield f"{what} is padded with {tensor.padding.value}, but must be with a number"
    for axis in tensor.axes:
        for problem in _axis_problems(axis):
            yield f"the axis {axis.id!r} of {tensor.id!r} {problem}"
    for operation in tensor.operations:
        for problem in _operation_problems(operation, {axis.id: axis.size for axis in tensor.axes}):
            yield f"the operation {operation_name(operation)} of {tensor.id!r} {problem}"


def _axis_problems(axis: Axis) -> Iterator[str]:
    if axis.letter is not None and axis.letter not in [*_LETTERS]:
        yield f"is the image's axis {axis.letter!r}, but must be one of {', '.join(_LETTERS)}"
    if not 0 <= axis.halo <= _MOST:
        yield f"has a halo of {shown(axis.halo)}, but must have one of 0 to {_MOST}"
    low, high = _PIXEL_SIZES
    if axis.pixel_size is not None and not low <= axis.pixel_size <= high:
        yield f"has a pixel size of {axis.pixel_size}, but must have one of {low} to {high}"
    match axis.size:
        case FixedSize(smallest) | SteppedSize(smallest) | FreeSize(smallest) if not 1 <= smallest <= _MOST:
            yield f"has {shown(smallest)} elements, but must have 1 to {_MOST}"
        case SteppedSize(_, step) if not 1 <= step <= _MOST:
            yield f"grows by {shown(step)} elements, but must by 1 to {_MOST}"
        case ReferencedSize(ratio=ratio, offset=offset):
            if not 1 / _MOST_TIMES <= ratio <= _MOST_TIMES:
                yield f"is more than {_MOST_TIMES} times as long, or as short, as another axis"
            if abs(offset) > _MOST:
                yield f"is more than {_MOST} elements longer, or shorter, than another axis"


def _operation_problems(operation: Operation, axes: Mapping[str, Size]) -> Iterator[str]:
    # by the names of the fields, which mean the same in all operations
    values: dict[str, Any] = {one.name: getattr(operation, one.name) for one in fields(operation)}
    for name in (values.get("axis"), *(values.get("axes") or ())):
        if name is not None and name not in axes:
            yield f"names the axis {name!r}, but the tensor has {', '.join(axes)}"
    if values.get("dtype", DTYPES[0]) not in DTYPES:
        yield f"casts to {values['dtype']!r}, but must to one of {', '.join(DTYPES)}"
    low, high = values.get("min_percentile"), values.get("max_percentile")
    if not 0 <= (low if low is not None else 0) < (high if high is not None else 100) <= 100:
        yield f"has the percentiles {low} to {high}: they must rise and lie in 0 to 100"
    for name, value in values.items():
        numbers = value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and not value and name != "axes":
            yield f"has no {name}"
        if any(isinstance(number, float) and isnan(number) for number in numbers):
            yield f"has the {name} {value}, but must have numbers"
        if name in ("eps", "std") and any(isinstance(number, float) and number < 0 for number in numbers):
            yield f"has the {name} {value}, but must have at least 0"
    match operation:
        case Take(axis, indices):
            count = _count(axes.get(axis))
            if not all(0 <= index < count for index in indices):
                yield f"takes {shown(list(indices))} of {axis!r}, which has {count} elements, counted from 0"
        case ArgMax(axis, labels):
            if not all(0 <= label <= _LARGEST_LABEL for label in labels):
                yield f"has the labels {shown(list(labels))}, but must have some of 0 to {_LARGEST_LABEL}"
            if isinstance(axes.get(axis), FixedSize) and len(labels) != _count(axes.get(axis)):
                yield f"has {len(labels)} labels for {axis!r}, which has {_count(axes.get(axis))} elements"


def _count(size: Size | None) -> int:
    return size.size if isinstance(size, FixedSize) else _MOST
