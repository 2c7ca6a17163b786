"""Views of arrays: one sample of an image or result with its axes in a network's order. Nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ijbridge.typing import Array

#: Elements of a block in which a large array is gone through.
BLOCK = 2**22


def sample_view(array: Array, axes: str, position: Mapping[str, int], letters: Sequence[str | None]) -> Array:
    """Give the part of an array that is one sample.

    Parameters
    ----------
    array, axes
        The whole array and the letter of each of its axes.
    position
        Where the sample lies along the axes that are looped over; axes the array does not have are passed over.
    letters
        The axes of the view, in order; None for an axis of one that the array does not have.
    """
    part = array[tuple(position[letter] if letter in position else slice(None) for letter in axes)]
    left = [letter for letter in axes if letter not in position]
    part = part.transpose([left.index(letter) for letter in letters if letter is not None])
    return part[tuple(None if letter is None else slice(None) for letter in letters)]


def positions(loops: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Give every position of the loops, the last axis' fastest."""
    for numbers in product(*(range(size) for size in loops.values())):
        yield dict(zip(loops, numbers, strict=True))


def blocks(shape: Sequence[int], uncut: Sequence[int] = (), of: int = 1) -> Iterator[tuple[slice, ...]]:
    """Cut a shape into blocks of about `BLOCK` elements, first along its first axes; those in ``uncut`` stay whole.

    Where blocks ``of`` so many arrays are needed at once, they are as much smaller.
    """
    most = max(1, BLOCK // of)
    if not shape:
        yield ()
        return
    sizes = list(shape)
    for axis in range(len(sizes)):
        total = 1
        for size in sizes:
            total *= size
        if total <= most:
            break
        if axis not in uncut:
            sizes[axis] = max(1, sizes[axis] * most // total)
    starts = [range(0, whole, size) for whole, size in zip(shape, sizes, strict=True)]
    for corner in product(*starts):
        yield tuple(slice(start, min(start + size, whole)) for start, size, whole in zip(corner, sizes, shape, strict=True))
