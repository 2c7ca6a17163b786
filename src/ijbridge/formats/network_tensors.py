"""The tensors of a description, taken from an ONNX network: sizes, types, and how an output follows the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil

from ijbridge.description import Axis, AxisKind, FixedSize, FreeSize, ReferencedSize, Size, SteppedSize, Tensor
from ijbridge.findings import Finding
from ijbridge.image import DTYPES
from ijbridge.network_facts import NetworkFacts, TensorSignature
from ijbridge.operations import EnsureDtype
from ijbridge.receptive_field import Field, Source

_IDS = {"b": "batch", "c": "channel", "t": "time", "i": "index"}
_KINDS: dict[str, AxisKind] = {"b": "batch", "c": "channel", "t": "time", "i": "index"}


#: Stands for the letter of an axis of which it is not known which axis of an image it is.
UNKNOWN = "?"


def input_tensor(one: TensorSignature, letters: str, facts: NetworkFacts) -> Tensor:
    """Give an input of a network whose axes have these letters.

    A free size is a multiple of the network's grid, at least as large as the borders need that it mirrors and as the network
    must have to give anything.
    """
    shape = one.shape or (None,) * len(letters)
    axes = tuple(
        axis(letter, _input_size((one.name, number), letter, size, facts), number)
        for number, (letter, size) in enumerate(zip(letters, shape, strict=True))
    )
    return Tensor(id=one.name, axes=axes, dtype=one.dtype, operations=(EnsureDtype(one.dtype),))


def output_tensor(
    one: TensorSignature,
    letters: str,
    facts: NetworkFacts,
    inputs: Sequence[Tensor],
    halo: Mapping[str, int] | None = None,
) -> Tensor:
    """Give an output of a network whose axes have these letters; its sizes follow the inputs as the network makes them.

    ``halo`` has, for some letters, the pixels of an input at whose border the description trusts no output.
    """
    fields = facts.fields.get(one.name, ())
    shape = one.shape or (None,) * len(letters)
    axes = []
    for number, (letter, told) in enumerate(zip(letters, shape, strict=True)):
        followed = fields[number] if number < len(fields) else {}
        size = _output_size(letter, told, followed, inputs)
        ratio = size.ratio if isinstance(size, ReferencedSize) else Fraction(1)
        axes.append(axis(letter, size, number, halo=ceil((halo or {}).get(letter, 0) * ratio)))
    return Tensor(id=one.name, axes=tuple(axes), dtype=one.dtype, operations=(EnsureDtype(one.dtype),))


def agrees(one: TensorSignature, sizes: Sequence[int | None]) -> bool:
    """Whether a network's tensor can have the described sizes, batch and all; None: any size."""
    if one.shape is None:
        return True
    pairs = zip(one.shape, sizes, strict=False)
    return len(one.shape) == len(sizes) and all(size is None or told is None or size == told for size, told in pairs)


def by(sizes: Sequence[int | None] | None) -> str:
    """Say sizes for a person: ``1 x ? x ? x 3``."""
    return " x ".join(UNKNOWN if size is None else str(size) for size in sizes or ()) or "of no stated shape"


def obstacles(tensor: Tensor, one: TensorSignature, side: str) -> Iterator[Finding]:
    """Say what forbids a run of a network that has this tensor."""
    called = f"The {side} {tensor.id!r} of the network"
    if one.dtype not in DTYPES:
        yield Finding("type-unknown", "error", f"{called} is of the type {one.dtype}", f"images are {', '.join(DTYPES)}")
    if one.shape is not None and len(one.shape) < (2 if side == "input" else 1):
        what = "a list of numbers" if one.shape else "a single number"
        yield Finding("no-image", "error", f"{called} is {what}", "ijbridge has images only")
    elif not tensor.axes or any(axis.letter is None for axis in tensor.axes):
        yield Finding(
            "axes-unknown", "error", f"{called} does not tell the order of its axes ({by(one.shape)})",
            "it has to be known", f"name it with the option model_axes, such as model_axes={tensor.id}=bcyx",
        )  # fmt: skip
    batch = next((size for axis, size in zip(tensor.axes, one.shape or (), strict=False) if axis.kind == "batch"), None)
    if batch is not None and batch > 1:
        yield Finding(
            "batch-fixed", "error", f"{called} has exactly {batch} images at a time", "ijbridge gives it one",
            "export the network with a free batch size",
        )  # fmt: skip


def axis(letter: str, size: Size, number: int, halo: int = 0) -> Axis:
    """Give the axis of that number by its letter, in the terms of bioimage.io 0.5."""
    if letter == UNKNOWN:
        return Axis(id=f"axis{number}", kind="space", size=size)
    return Axis(id=_IDS.get(letter, letter), kind=_KINDS.get(letter, "space"), size=size, letter=letter, halo=halo)


def followed_letters(one: TensorSignature, facts: NetworkFacts, letters: Mapping[str, str]) -> str | None:
    """Give the letters of an output's axes by the axes of the inputs that they come from; None where that leaves a doubt.

    An axis that comes from none is the batch where it is the first one, and the channels where it is the only one.

    Parameters
    ----------
    letters
        The letters of the axes of each input, by its name.
    """
    fields = facts.fields.get(one.name, ())
    rank = len(one.shape) if one.shape is not None else len(fields)
    found: list[str | None] = []
    for number in range(rank):
        known = fields[number] if number < len(fields) else {}
        sources = {letters[name][place] for name, place in known if place < len(letters[name])}  # an input may state no shape
        found.append(next(iter(sources)) if len(sources) == 1 else None)
    if found and not any(found):
        same = [one for one in letters.values() if len(one) == rank]
        return same[0] if same and len(letters) == 1 else None
    if found and found[0] is None and "b" not in found:
        found[0] = "b"
    left = [number for number, letter in enumerate(found) if letter is None]
    if len(left) == 1 and "c" not in found:
        found[left[0]] = "c"
    result = "".join(letter or "?" for letter in found)
    return result if "?" not in result and len(set(result)) == len(result) else None


def _input_size(source: Source, letter: str, size: int | None, facts: NetworkFacts) -> Size:
    if size is not None:
        return FixedSize(size)
    if letter in "bc":
        return FreeSize()
    grid = facts.grid.get(source, 1)
    fields = [axis[source] for axes in facts.fields.values() for axis in axes if source in axis]
    smallest = max([facts.smallest.get(source, 1), *(_smallest(one) for one in fields)])
    return SteppedSize(ceil(Fraction(smallest, grid)) * grid, grid)


def _smallest(field: Field) -> int:
    """Give the pixels of a source of which one element is made."""
    return max(1, ceil((1 - field.size) * field.step) + field.pixels)


def _output_size(letter: str, told: int | None, followed: Mapping[Source, Field], inputs: Sequence[Tensor]) -> Size:
    if letter == "b":
        return FreeSize()
    for tensor in inputs:
        for number, one in enumerate(tensor.axes):
            field = followed.get((tensor.id, number))
            if field is not None and one.kind not in ("batch", "channel"):
                return ReferencedSize(tensor.id, one.id, 1 / field.step, field.size - field.pixels / field.step)
    if told is not None:
        return FixedSize(told)
    same = next(((tensor, one) for tensor in inputs for one in tensor.axes if one.letter == letter), None)
    if same is None or letter == "i":
        return FreeSize()
    tensor, one = same
    return one.size if isinstance(one.size, FixedSize) else ReferencedSize(tensor.id, one.id)
