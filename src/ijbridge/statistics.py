"""Exact statistics of pixels that need not fit into memory: mean, standard deviation, percentiles.

The pixels come in *blocks*: parts of one array of shape ``shape``, each with the slices where it lies. Mean and standard
deviation are merged block by block in float64 (Chan, Golub and LeVeque 1983). Percentiles come from exact order statistics:
one histogram pass for types of up to 16 bits, one pass per 16 bits for wider ones; where there are many groups of few
elements, each group is sorted.
"""

from __future__ import annotations

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
    one pass over the chunks for types of up to 16 bits, two for 32, four for 64.
    """
    dtype = np.dtype(np.uint8)
    prefix = {(group, rank): 0 for group in groups for rank in ranks}
    left = {(group, rank): rank for group in groups for rank in ranks}
    bits_read, bits = 0, 16
    while bits_read < bits:
        counts: dict[tuple[Group, int], Array] = {}
        for group, chunk in chunks():
            dtype, bits = chunk.dtype, chunk.dtype.itemsize * 8
            width = min(bits, 16)
            keys = _keys(chunk)
            digits = ((keys >> (bits - bits_read - width)) & (2**width - 1)).astype(np.intp)
            for one in {prefix[group, rank] for rank in ranks}:
                chosen = digits if bits_read == 0 else digits[(keys >> (bits - bits_read)) == one]
                found = np.bincount(chosen, minlength=2**width)
                counts[group, one] = counts[group, one] + found if (group, one) in counts else found
        for (group, rank), one in prefix.items():
            below = np.cumsum(counts[group, one])
            digit = int(np.searchsorted(below, left[group, rank], side="right"))
            left[group, rank] -= int(below[digit - 1]) if digit else 0
            prefix[group, rank] = (one << width) | digit
        bits_read += width
    return {group: [_value(prefix[group, rank], dtype) for rank in ranks] for group in groups}


def _keys(chunk: Array) -> Array:
    """Give unsigned integers in the order of the elements."""
    values = np.ascontiguousarray(chunk.ravel(), dtype=chunk.dtype.newbyteorder("="))
    bits = values.dtype.itemsize * 8
    unsigned = values.view(f"u{values.dtype.itemsize}")
    sign = np.array(1 << (bits - 1), unsigned.dtype)
    if values.dtype.kind == "f":
        # negative numbers: larger bit patterns are smaller values
        unsigned = np.where(unsigned & sign, ~unsigned, unsigned | sign)
    elif values.dtype.kind == "i":
        unsigned = unsigned ^ sign
    return unsigned


def _value(key: int, dtype: np.dtype[np.generic]) -> float:
    bits = dtype.itemsize * 8
    sign = 1 << (bits - 1)
    if dtype.kind == "f":
        key = key ^ sign if key & sign else ~key & (2**bits - 1)
    elif dtype.kind == "i":
        key ^= sign
    return float(np.array([key], f"u{dtype.itemsize}").view(dtype.newbyteorder("="))[0])
