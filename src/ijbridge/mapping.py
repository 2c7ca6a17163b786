"""Which axis of the image is which axis of the model, and what happens to the others.

This is the one place that decides, by this table; the plan says what it decided.

=============================== ==================================== ===================================================
the image has                   the model's input has                what happens
=============================== ==================================== ===================================================
an axis (t, c, z, y, x)         the same axis                        mapped
t, z, c or b of any size        no such axis                         looped: the model runs once for every position
b (batch)                       batch                                looped, one sample at a time
c of n channels                 a channel axis of m, n ≠ m           refused
no c                            a channel axis of 1                  an axis of one is added
no c                            a channel axis of m > 1              refused
no t or no z                    that axis, and accepts a size of 1   an axis of one is added
no t or no z                    that axis, and needs more            refused
=============================== ==================================== ===================================================

The axes of a result are those of the image, in the image's order: without a batch axis of one, without axes that an output
does not have, and with those that it adds (channels, for example) where ImageJ's order ``tzcyx`` has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ijbridge import axes as ax
from ijbridge.description import Axis, FixedSize, FreeSize, SteppedSize, Tensor
from ijbridge.errors import AxesError, CannotRunError
from ijbridge.image import Header

_NAMES = {"b": "batch", "i": "index", "t": "time", "c": "channel", "z": "depth", "y": "row", "x": "column"}


@dataclass(frozen=True)
class AxisMap:
    """How the axes of one image become those of an input tensor.

    ``letters`` has, for every axis of the tensor, the image axis that it is, or None where an axis of one is added.
    """

    letters: tuple[str | None, ...]
    loops: Mapping[str, int]


def map_input(tensor: Tensor, image: Header) -> AxisMap:
    """Map an image to an input tensor by the table above.

    Raises
    ------
    AxesError
        Where the table says refused.
    CannotRunError
        If the tensor has an axis that no image has.
    """
    letters: list[str | None] = []
    for axis in tensor.axes:
        if axis.kind == "batch":
            letters.append(None)
            continue
        if axis.letter is None and not _accepts_one(axis):
            raise CannotRunError(
                f"The input {tensor.id!r} has an axis {axis.id!r} ({axis.kind}), which is no axis of an image: ijbridge "
                f"cannot fill it."
            )
        size = image.size(axis.letter) if axis.letter is not None else None
        if axis.kind == "channel" and isinstance(axis.size, FixedSize):
            _check_channels(axis, axis.size.size, tensor, image)
        if size is None and not _accepts_one(axis):
            raise AxesError(
                f"{image.name} is {image.described()}, but the model's input {tensor.id!r} needs "
                f"{_NAMES.get(axis.letter or '', axis.id)} ({axis.letter}) too"
                f"{_of_at_least(axis)}: name the image's axes if they are mislabelled (--axes; in ImageJ: Image > "
                "Properties), or choose another model."
            )
        letters.append(axis.letter if size is not None else None)
    loops = {letter: size for letter, size in zip(image.axes, image.shape, strict=True) if letter not in letters}
    for letter in loops:
        if letter in "yxi":
            raise AxesError(
                f"{image.name} has the axis {_NAMES[letter]} ({letter}), but the model's input {tensor.id!r} has not: its "
                f"axes are {', '.join(axis.id for axis in tensor.axes)}."
            )
    return AxisMap(tuple(letters), loops)


def result_axes(image_axes: str, kept: set[str], added: set[str]) -> str:
    """Order the axes of a result: the image's that are kept, in its order, with the added ones put in."""
    result = [letter for letter in image_axes if letter in kept]
    rank = {letter: number for number, letter in enumerate("bi" + ax.IMAGEJ_ORDER)}
    for letter in sorted(added - set(result), key=rank.__getitem__):
        later = [place for place, one in enumerate(result) if rank[one] > rank[letter]]
        result.insert(later[0] if later else len(result), letter)
    return "".join(result)


def _check_channels(axis: Axis, channels: int, tensor: Tensor, image: Header) -> None:
    found = image.size("c")
    if (found or 1) == channels:
        return
    wanted = f"{channels} channel{'s' * (channels > 1)}"
    if axis.channel_names and len(axis.channel_names) <= 8:
        wanted += f" ({', '.join(axis.channel_names)})"
    have = f"{found} channels" if found else "no channel axis, so one channel"
    raise AxesError(
        f"{image.name} has {have}, but the model's input {tensor.id!r} takes {wanted}: give an image with exactly these "
        "(in ImageJ: Image > Color > Split Channels or Merge Channels; an RGB image has 3)."
    )


def _accepts_one(axis: Axis) -> bool:
    match axis.size:
        case FixedSize(size):
            return size == 1
        case SteppedSize(low):
            return low == 1
        case FreeSize(low):
            return low <= 1
        case _:
            return True


def _of_at_least(axis: Axis) -> str:
    match axis.size:
        case FixedSize(size):
            return f", {size} of it"
        case SteppedSize(low):
            return f", at least {low} of it"
        case _:
            return ""
