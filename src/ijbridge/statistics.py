"""Exact statistics of pixels that need not fit into memory: mean, standard deviation, percentiles.

The pixels come in *blocks*: parts of one array of shape ``shape``, each with the slices where it lies. Mean and standard
deviation are merged block by block in float64 (Chan, Golub and LeVeque 1983). Percentiles come from exact order statistics:
one histogram pass for types of up to 16 bits, one pass per 16 bits for wider ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from math import ceil, floor
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from ijbridge.typing import Array, Float

#: Makes the blocks anew: (slices of the block in the whole array, its elements).
Blocks: TypeAlias = "Callable[[], Iterable[tuple[tuple[slice, ...], Array]]]"

#: Up to so many groups, each is counted in passes of its own; more are sorted in memory.
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
    for where, block in blocks():
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
) -> tuple[Float, ...]:
    """Give percentiles over the reduced axes.

    Parameters
    ----------
    wanted
        Percentiles in 0 to 100.
    interpolate
        True: linear between the two nearest values (numpy's "linear"). False: the smallest value whose share of values
        not above it reaches the percentile (numpy's "inverted_cdf").

    Returns
    -------
    tuple of float64 arrays
        One per percentile, of `reduced_shape`.
    """
    results = tuple(np.zeros(reduced_shape(shape, reduced)) for _ in wanted)
    groups = list(product(*(range(1 if gone else size) for size, gone in zip(shape, reduced, strict=True))))
    make = _sorted_groups if len(groups) > _MAX_COUNTED_GROUPS else _counted_groups
    group_values = make(blocks, shape, reduced)
    for group in groups:
        n, values_of_ranks = group_values(group)
        places = [_place(one, n, interpolate) for one in wanted]
        ranks = sorted({rank for low, high, _ in places for rank in (low, high)})
        values = dict(zip(ranks, values_of_ranks(ranks), strict=True))
        for result, (low, high, fraction) in zip(results, places, strict=True):
            result[group] = values[low] + (values[high] - values[low]) * fraction
    return results


def _place(percentile: float, n: int, interpolate: bool) -> tuple[int, int, float]:
    """Give the two ranks a percentile lies between, and how far it is from the first."""
    if not interpolate:
        rank = min(n - 1, max(0, ceil(percentile / 100 * n) - 1))
        return rank, rank, 0.0
    position = percentile / 100 * (n - 1)
    low = floor(position)
    return low, min(low + 1, n - 1), position - low


#: For a group (an index along the axes that are kept): how many elements it has, and which values stand at given ranks.
_GroupValues: TypeAlias = "Callable[[tuple[int, ...]], tuple[int, Callable[[Sequence[int]], list[float]]]]"


def _counted_groups(blocks: Blocks, shape: Sequence[int], reduced: Sequence[bool]) -> _GroupValues:  # noqa: ARG001
    def of(group: tuple[int, ...]) -> tuple[int, Callable[[Sequence[int]], list[float]]]:
        def chunks() -> Iterator[Array]:
            for where, block in blocks():
                inside = [one.start <= index < one.stop for one, index in zip(where, group, strict=True)]
                if all(gone or hit for gone, hit in zip(reduced, inside, strict=True)):
                    yield block[
                        tuple(
                            slice(None) if gone else index - one.start
                            for one, index, gone in zip(where, group, reduced, strict=True)
                        )
                    ]

        return sum(chunk.size for chunk in chunks()), lambda ranks: order_statistics(chunks, ranks)

    return of


def _sorted_groups(blocks: Blocks, shape: Sequence[int], reduced: Sequence[bool]) -> _GroupValues:
    parts = list(blocks())
    samples = Counter(tuple((one.start, one.stop) for one in where) for where, _ in parts)
    whole = np.empty((max(samples.values()), *shape), parts[0][1].dtype)
    for where, block in reversed(parts):
        key = tuple((one.start, one.stop) for one in where)
        samples[key] -= 1
        whole[samples[key]][where] = block
    kept = [axis for axis, gone in enumerate(reduced) if not gone]
    moved = np.moveaxis(whole, [axis + 1 for axis in kept], range(len(kept)))
    ordered = np.sort(moved.reshape(*(shape[axis] for axis in kept), -1), axis=-1)

    def of(group: tuple[int, ...]) -> tuple[int, Callable[[Sequence[int]], list[float]]]:
        values = ordered[tuple(group[axis] for axis in kept)]
        return len(values), lambda ranks: [float(values[rank]) for rank in ranks]

    return of


# --- order statistics ------------------------------------------------------------------------------------------------


def order_statistics(chunks: Callable[[], Iterable[Array]], ranks: Sequence[int]) -> list[float]:
    """Give the values that would stand at ``ranks`` (from 0) if all elements were sorted, without sorting them."""
    first = next(iter(chunks()))
    bits = first.dtype.itemsize * 8
    width = min(bits, 16)
    prefix = dict.fromkeys(ranks, 0)
    left = {rank: rank for rank in ranks}
    for shift in range(bits - width, -1, -width):
        counts = {one: np.zeros(2**width, np.int64) for one in set(prefix.values())}
        for chunk in chunks():
            keys = _keys(chunk)
            for one, count in counts.items():
                chosen = keys if shift == bits - width else keys[(keys >> np.uint64(shift + width)) == one]
                digits = (chosen >> np.uint64(shift)) & np.uint64(2**width - 1) if bits > 16 else chosen
                count += np.bincount(digits.astype(np.int64), minlength=2**width)
        for rank in ranks:
            below = np.cumsum(counts[prefix[rank]])
            digit = int(np.searchsorted(below, left[rank], side="right"))
            left[rank] -= int(below[digit - 1]) if digit else 0
            prefix[rank] = (prefix[rank] << width) | digit
    return [_value(prefix[rank], first.dtype) for rank in ranks]


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
    return unsigned if bits <= 16 else unsigned.astype(np.uint64)


def _value(key: int, dtype: np.dtype[np.generic]) -> float:
    bits = dtype.itemsize * 8
    sign = 1 << (bits - 1)
    if dtype.kind == "f":
        key = key ^ sign if key & sign else ~key & (2**bits - 1)
    elif dtype.kind == "i":
        key ^= sign
    return float(np.array([key], f"u{dtype.itemsize}").view(dtype.newbyteorder("="))[0])
