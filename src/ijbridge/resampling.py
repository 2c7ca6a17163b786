"""Resampling: an image on another grid of pixels.

A pixel is an area: the first pixels of both grids begin at the same edge, so that new pixel i lies where the old coordinate
is (i + 0.5) / factor - 0.5, and nothing is shifted. Where there are fewer new pixels than old, a Gaussian of
(1 / factor - 1) / 2 old pixels is applied first (the rule of scikit-image's ``resize``), or what is finer than the new pixels
would come back as patterns that are not there. Values between pixels are linear. Labels are never mixed: they are those of
the nearest pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, prod
from typing import TYPE_CHECKING

from ijbridge.processing import cast

if TYPE_CHECKING:
    from ijbridge.typing import Array

#: So far from a whole number of pixels is rounding.
_ROUNDING = 1e-6


def resampled_size(size: int, factor: float) -> int:
    """Give how many new pixels cover ``size`` old ones, where there are ``factor`` of them to an old one."""
    return max(1, ceil(size * factor - _ROUNDING))


def resample(array: Array, axes: str, factors: Mapping[str, float], out: Array, *, nearest: bool = False) -> None:
    """Fill ``out`` with an array on another grid.

    Parameters
    ----------
    array, axes
        The pixels, and the letter of each axis.
    factors
        New pixels per old pixel, of each axis that is resampled.
    out
        As ``array``, but for its sizes along the axes in ``factors``; integers are rounded to, masks at a half.
    nearest
        Take the nearest pixel's value instead of values in between, for labels.
    """
    import numpy as np

    moved = [number for number, letter in enumerate(axes) if letter in factors]
    sources = np.moveaxis(array, moved, range(-len(moved), 0))
    targets = np.moveaxis(out, moved, range(-len(moved), 0))
    steps = [factors[axes[number]] for number in moved]
    for place in np.ndindex(sources.shape[: -len(moved)]):
        source, target = sources[place], targets[place]
        for start, stop in _slabs(source.shape, target.shape):
            part = (_nearest if nearest else _linear)(source, steps, target.shape, start, stop)
            target[start:stop] = cast(part if nearest or out.dtype.kind == "f" else np.rint(part), out.dtype.name)


#: Elements, old or new, that are resampled at once.
_SLAB = 2**23


def _slabs(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut the first of the new axes so that no more than `_SLAB` elements are held at once, as floats and copies of them."""
    rows = max(1, int(new[0] * _SLAB / max(prod(old), prod(new), 1)))
    for start in range(0, new[0], rows):
        yield start, min(start + rows, new[0])


def _nearest(values: Array, factors: Sequence[float], shape: Sequence[int], start: int, stop: int) -> Array:
    import numpy as np

    places = [
        np.minimum(((np.arange(new) + 0.5) / factor).astype(np.intp), old - 1)
        for new, old, factor in zip(shape, values.shape, factors, strict=True)
    ]
    return values[np.ix_(places[0][start:stop], *places[1:])]


def _linear(values: Array, factors: Sequence[float], shape: Sequence[int], start: int, stop: int) -> Array:
    import numpy as np
    from scipy import ndimage

    sigmas = [(1 / factor - 1) / 2 if factor < 1 else 0.0 for factor in factors]
    # beyond four standard deviations, and one pixel for the interpolation, nothing reaches the slab
    margin = int(4 * sigmas[0] + 0.5) + 2
    first = max(0, int((start + 0.5) / factors[0] - 0.5) - margin)
    last = min(values.shape[0], int((stop - 0.5) / factors[0] - 0.5) + margin + 1)
    narrow = values.dtype.itemsize <= (4 if values.dtype.kind == "f" else 2)
    smooth: Array = values[first:last].astype(np.float32 if narrow else np.float64)
    for axis, sigma in enumerate(sigmas):
        if sigma:
            ndimage.gaussian_filter1d(smooth, sigma, axis=axis, mode="reflect", output=smooth)
    offsets = [0.5 / factor - 0.5 for factor in factors]
    offsets[0] += start / factors[0] - first
    result: Array = ndimage.affine_transform(
        smooth, [1 / factor for factor in factors], offsets, (stop - start, *shape[1:]), order=1, mode="nearest"
    )
    return result
