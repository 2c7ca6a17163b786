"""Which axis of the image is which axis of the model, and what happens to the others.

This is the one place that decides, by this table; the plan says what it decided.

=============================== ==================================== ===================================================
the image has                   the model's input has                what happens
=============================== ==================================== ===================================================
an axis (t, c, z, y, x)         the same axis                        mapped
t, z, c or b of any size        no such axis                         looped: the model runs once for every position
b (batch)                       batch                                looped, one sample at a time
c of n channels                 a channel axis of m, n ≠ m           refused (`ijbridge.preparation` chooses m before)
no c                            a channel axis of 1                  an axis of one is added
no c                            a channel axis of m > 1              refused
no t or no z                    that axis, and accepts a size of 1   an axis of one is added
no t or no z                    that axis, and needs more            refused
=============================== ==================================== ===================================================

The axes of a result are those of the image, in the image's order: without a batch axis of one, without axes that an output
does not have, and with those that it adds (channels, for example) where ImageJ's order ``tzcyx`` has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ijbridge import axes as ax
from ijbridge.description import Axis, FixedSize, FreeSize, SteppedSize, Tensor
from ijbridge.errors import AxesError, CannotRunError
from ijbridge.findings import Finding
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
    for refused in refusals(tensor, image):
        raise AxesError(refused.sentence)
    letters = _letters(tensor, image)
    return AxisMap(letters, _left(letters, image))


def refusals(tensor: Tensor, image: Header) -> list[Finding]:
    """Give every reason for which the table refuses an image.

    Raises
    ------
    CannotRunError
        If the tensor has an axis that no image has.
    """
    findings = []
    for axis in tensor.axes:
        if axis.kind == "batch":
            continue
        if axis.letter is None and not _accepts_one(axis):
            raise CannotRunError(
                f"The input {tensor.id!r} has an axis {axis.id!r} ({axis.kind}), which is no axis of an image: ijbridge "
                f"cannot fill it."
            )
        if axis.kind == "channel" and isinstance(axis.size, FixedSize):
            findings += _wrong_channels(axis, axis.size.size, tensor, image)
        elif axis.letter not in (None, *image.axes) and not _accepts_one(axis):
            findings.append(
                Finding(
                    "missing-axis", "error", f"{image.name} is {image.described()}",
                    f"the model's input {tensor.id!r} needs {_NAMES.get(axis.letter or '', axis.id)} ({axis.letter}) too"
                    f"{_of_at_least(axis)}",
                    "name the image's axes if they are mislabelled (--axes; in ImageJ: Image > Properties), or choose another "
                    "model",
                )
            )  # fmt: skip
    findings += [
        Finding(
            "extra-axis", "error", f"{image.name} has the axis {_NAMES[letter]} ({letter})",
            f"the model's input {tensor.id!r} has none", f"its axes are {', '.join(axis.id for axis in tensor.axes)}",
        )
        for letter in _left(_letters(tensor, image), image) if letter in "yxi"
    ]  # fmt: skip
    return findings


def _letters(tensor: Tensor, image: Header) -> tuple[str | None, ...]:
    return tuple(
        axis.letter if axis.kind != "batch" and axis.letter is not None and axis.letter in image.axes else None
        for axis in tensor.axes
    )


def _left(letters: Sequence[str | None], image: Header) -> dict[str, int]:
    return {letter: size for letter, size in zip(image.axes, image.shape, strict=True) if letter not in letters}


def result_axes(image_axes: str, kept: set[str], added: set[str]) -> str:
    """Order the axes of a result: the image's that are kept, in its order, with the added ones put in."""
    result = [letter for letter in image_axes if letter in kept]
    rank = {letter: number for number, letter in enumerate("bi" + ax.IMAGEJ_ORDER)}
    for letter in sorted(added - set(result), key=rank.__getitem__):
        later = [place for place, one in enumerate(result) if rank[one] > rank[letter]]
        result.insert(later[0] if later else len(result), letter)
    return "".join(result)


def _wrong_channels(axis: Axis, channels: int, tensor: Tensor, image: Header) -> list[Finding]:
    found = image.size("c")
    if (found or 1) == channels:
        return []
    wanted = f"{channels} channel{'s' * (channels > 1)}"
    if axis.channel_names and len(axis.channel_names) <= 8:
        wanted += f" ({', '.join(axis.channel_names)})"
    have = f"{found} channel{'s' * (found > 1)}" if found else "no channel axis, so one channel"
    if image.channel_names:
        have += f" ({', '.join(image.channel_names)})"
    advice = "give an image with exactly these (in ImageJ: Image > Color > Merge Channels; an RGB image has 3)"
    if (found or 1) > channels:
        chosen = ",".join(map(str, range(1, channels + 1)))
        advice = f"choose {'one' if channels == 1 else 'them'} by number or name, such as channel={chosen}"
    return [
        Finding(
            "wrong-channels", "error", f"{image.name} has {have}", f"the model's input {tensor.id!r} takes {wanted}", advice
        )
    ]


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
