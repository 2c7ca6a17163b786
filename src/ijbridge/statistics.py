"""Exact statistics of pixels that need not fit into memory: mean, standard deviation, percentiles.

The pixels come in *blocks*: parts of one array of shape ``shape``, each with the slices where it lies. Mean and standard
deviation are merged block by block in float64 (Chan, Golub and LeVeque 1983). Percentiles come from exact order statistics:
one histogram pass for types of up to 16 bits, one pass per 16 bits for wider ones; where there are many groups of few
elements, each group is sorted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, product
from math import ceil, floor, prod
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from ijbridge.typing import Array, Float

#: Makes the blocks anew: (slices of the block in the whole array, its elements). Called with the axes that must not be cut;
#: the blocks of several arrays that lie at the same place follow each other.
Blocks: TypeAlias = "Callable[[Sequence[int]], Iterable[tuple[tuple[slice, ...], Array]]]"

#: Up to so many groups, each is counted; more are sorted, block by block.
_MAX_COUNTED_GROUPS = 64


def reduced_shape(shape: Sequence[int], reduced: Sequence[bool]) -> tuple[int, ...]:
    """Give the shape of a statistic: 1 where an axis is reduced over."""
    return tuple(1 if gone else size for size, gone in zip(shape, reduced, strict=True))


def moments(blocks: Blocks, shape: Sequence[int], reduced: Sequence[bool]) -> tuple[Float, Float]:
    """Give mean and standard deviation (ddof 0) over the reduced axes.

    Returns
    -------
    tuple of float64 arrays
        Mean and standard deviation, of `reduced_shape`.
    """
    over = tuple(axis for axis, gone in enumerate(reduced) if gone)
    count = np.zeros(reduced_shape(shape, reduced))
    mean, squares = np.zeros_like(count), np.zeros_like(count)
    for where, block in blocks(()):
        at = tuple(slice(None) if gone else one for one, gone in zip(where, reduced, strict=True))
        values = block.astype(np.float64)
        n = float(np.prod([values.shape[axis] for axis in over]))
        block_mean = values.mean(axis=over, keepdims=True)
        values -= block_mean
        np.square(values, out=values)
        total, delta = count[at] + n, block_mean - mean[at]
        squares[at] += values.sum(axis=over, keepdims=True) + delta**2 * count[at] * n / total
        mean[at] += delta * n / total
        count[at] = total
    return mean, np.sqrt(squares / count)


def percentiles(
    blocks: Blocks,
    shape: Sequence[int],
    reduced: Sequence[bool],
    wanted: Sequence[float],
    *,
    interpolate: bool = True,
    samples: int = 1,
) -> tuple[Float, ...]:
    """Give percentiles over the reduced axes.

    Parameters
    ----------
    wanted
        Percentiles in 0 to 100.
    interpolate
        True: linear between the two nearest values (numpy's "linear"). False: the smallest value whose share of values
        not above it reaches the percentile (numpy's "inverted_cdf").
    samples
        How many arrays of ``shape`` the blocks are of, all taken together.

    Returns
    -------
    tuple of float64 arrays
        One per percentile, of `reduced_shape`.
    """
    n = samples * prod(size for size, gone in zip(shape, reduced, strict=True) if gone)
    places = [_place(one, n, interpolate) for one in wanted]
    ranks = sorted({rank for low, high, _ in places for rank in (low, high)})
    results = tuple(np.zeros(reduced_shape(shape, reduced)) for _ in wanted)
    found: Iterator[tuple[tuple[Any, ...], dict[int, Float]]]
    if prod(reduced_shape(shape, reduced)) > _MAX_COUNTED_GROUPS:
        found = _sorted_values(blocks, reduced, ranks)
    else:
        found = _counted_values(blocks, shape, reduced, ranks)
    for where, values in found:
        for result, (low, high, fraction) in zip(results, places, strict=True):
            result[where] = values[low] + (values[high] - values[low]) * fraction
    return results


def _place(percentile: float, n: int, interpolate: bool) -> tuple[int, int, float]:
    """Give the two ranks a percentile lies between, and how far it is from the first."""
    if not interpolate:
        rank = min(n - 1, max(0, ceil(percentile / 100 * n) - 1))
        return rank, rank, 0.0
    position = percentile / 100 * (n - 1)
    low = floor(position)
    return low, min(low + 1, n - 1), position - low


#: An index along the axes that are kept, 0 along those that are reduced over.
Group: TypeAlias = tuple[int, ...]


def _grouped(blocks: Blocks, reduced: Sequence[bool]) -> Iterator[tuple[Group, Array]]:
    """Cut every block into its groups."""
    for where, block in blocks(()):
        kept = [range(1) if gone else range(one.start, one.stop) for one, gone in zip(where, reduced, strict=True)]
        for group in product(*kept):
            inside = tuple(
                slice(None) if gone else index - one.start for one, index, gone in zip(where, group, reduced, strict=True)
            )
            yield group, block[inside]


def _counted_values(
    blocks: Blocks, shape: Sequence[int], reduced: Sequence[bool], ranks: Sequence[int]
) -> Iterator[tuple[Group, dict[int, Float]]]:
    groups = list(product(*(range(size) for size in reduced_shape(shape, reduced))))
    found = order_statistics(lambda: _grouped(blocks, reduced), groups, ranks)
    for group, values in found.items():
        yield group, dict(zip(ranks, np.array(values), strict=True))


def _sorted_values(
    blocks: Blocks, reduced: Sequence[bool], ranks: Sequence[int]
) -> Iterator[tuple[tuple[slice, ...], dict[int, Float]]]:
    """Sort every group, in blocks that hold whole groups: with many groups each is a small part of the whole."""
    gone = [axis for axis, one in enumerate(reduced) if one]
    for where, same in groupby(blocks(gone), itemgetter(0)):
        stacked = np.stack([block for _, block in same], axis=-1)
        shape = reduced_shape(stacked.shape[:-1], reduced)
        moved = np.moveaxis(stacked, gone, range(-len(gone) - 1, -1)).reshape(*shape, -1)
        ordered = np.sort(moved, axis=-1)[..., list(ranks)].astype(np.float64)
        at = tuple(slice(0, 1) if one else place for one, place in zip(reduced, where, strict=True))
        yield at, {rank: ordered[..., number] for number, rank in enumerate(ranks)}


# --- order statistics ------------------------------------------------------------------------------------------------


def order_statistics(
    chunks: Callable[[], Iterable[tuple[Group, Array]]], groups: Sequence[Group], ranks: Sequence[int]
) -> dict[Group, list[float]]:
    """Give, per group, the values that would stand at ``ranks`` (from 0) if its elements were sorted, without sorting them.

    Elements are counted by their leading 16 bits, then those that begin as the wanted ones do by the next 16, and so on:
    one pass over the chunks for types of up to 16 bits, two for 32, four for 64. The bits are counted as they lie in memory;
    which of them belong to smaller numbers is asked of the few thousand counts, not of every element.
    """
    dtype = np.dtype(np.uint8)
    begins: dict[tuple[Group, int], tuple[int, ...]] = {(group, rank): () for group in groups for rank in ranks}
    left = {(group, rank): rank for group in groups for rank in ranks}
    level, levels = 0, 1
    while level < levels:
        counts: dict[tuple[Group, tuple[int, ...]], Array] = {}
        for group, chunk in chunks():
            dtype = chunk.dtype.newbyteorder("=")
            digits = _digits(chunk)
            levels = len(digits)
            for begin in {begins[group, rank] for rank in ranks}:
                chosen = digits[level]
                if begin:
                    chosen = chosen[np.logical_and.reduce([digit == one for digit, one in zip(digits, begin, strict=False)])]
                found = np.bincount(chosen, minlength=_DIGITS)
                counts[group, begin] = counts[group, begin] + found if (group, begin) in counts else found
        for (group, rank), begin in begins.items():
            order = _ascending(dtype, begin)
            below = np.cumsum(counts[group, begin][order])
            place = int(np.searchsorted(below, left[group, rank], side="right"))
            left[group, rank] -= int(below[place - 1]) if place else 0
            begins[group, rank] = (*begin, int(order[place]))
        level += 1
    return {group: [_value(begins[group, rank], dtype) for rank in ranks] for group in groups}


#: The values of a digit, of 16 bits.
_DIGITS = 2**16


def _digits(chunk: Array) -> list[Array]:
    """Give the bits of the elements 16 by 16, the most significant first (types of 8 bits: these alone)."""
    values = np.ascontiguousarray(chunk.ravel(), dtype=chunk.dtype.newbyteorder("="))
    if values.dtype.itemsize == 1:
        return [values.view(np.uint8)]
    words = values.view(np.uint16).reshape(len(values), -1)
    columns = [words[:, number] for number in range(words.shape[1])]
    return columns[::-1] if sys.byteorder == "little" else columns


def _ascending(dtype: np.dtype[Any], begin: tuple[int, ...]) -> Array:
    """Give the values of the digit after ``begin`` in the order of the numbers that they belong to."""
    digits = np.arange(_DIGITS)
    if dtype.itemsize == 1:
        return digits if dtype.kind in "ub" else np.concatenate([digits[128:256], digits[:128], digits[256:]])
    positive, negative = digits[: _DIGITS // 2], digits[_DIGITS // 2 :]
    if dtype.kind == "f":
        # the bits of negative numbers grow as the numbers fall
        if begin:
            return digits[::-1] if begin[0] >= _DIGITS // 2 else digits
        return np.concatenate([negative[::-1], positive])
    return np.concatenate([negative, positive]) if dtype.kind == "i" and not begin else digits


def _value(digits: tuple[int, ...], dtype: np.dtype[Any]) -> float:
    words = digits[::-1] if sys.byteorder == "little" else digits
    return float(np.array(words, np.uint8 if dtype.itemsize == 1 else np.uint16).view(dtype)[0])
