"""Resampling: an image on another grid of pixels.

A pixel is an area: the first pixels of both grids begin at the same edge, so that new pixel i lies where the old coordinate
is (i + 0.5) / factor - 0.5, and nothing is shifted. Where there are fewer new pixels than old, a Gaussian of
(1 / factor - 1) / 2 old pixels is applied first (the rule of scikit-image's ``resize``), or what is finer than the new pixels
would come back as patterns that are not there. Values between pixels are linear. Labels are never mixed: they are those of
the nearest pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

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
        As ``array``, but for its sizes along the axes in ``factors``; integers are rounded to.
    nearest
        Take the nearest pixel's value instead of values in between, for labels.
    """
    import numpy as np

    moved = [number for number, letter in enumerate(axes) if letter in factors]
    sources = np.moveaxis(array, moved, range(-len(moved), 0))
    targets = np.moveaxis(out, moved, range(-len(moved), 0))
    steps = [factors[axes[number]] for number in moved]
    for place in np.ndindex(sources.shape[: -len(moved)]):
        if nearest:
            targets[place] = _nearest(sources[place], steps, targets[place].shape)
        else:
            targets[place] = _linear(sources[place], steps, targets[place].shape, out.dtype)


def _nearest(values: Array, factors: Sequence[float], shape: Sequence[int]) -> Array:
    import numpy as np

    places = [
        np.minimum(((np.arange(new) + 0.5) / factor).astype(np.intp), old - 1)
        for new, old, factor in zip(shape, values.shape, factors, strict=True)
    ]
    return values[np.ix_(*places)]


def _linear(values: Array, factors: Sequence[float], shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    import numpy as np
    from scipy import ndimage

    narrow = values.dtype == np.float32 or values.dtype.itemsize < 4
    smooth: Array = values.astype(np.float32 if narrow else np.float64)
    for axis, factor in enumerate(factors):
        if factor < 1:
            smooth = ndimage.gaussian_filter1d(smooth, (1 / factor - 1) / 2, axis=axis, mode="reflect")
    result: Array = ndimage.affine_transform(
        smooth,
        [1 / factor for factor in factors],
        [0.5 / factor - 0.5 for factor in factors],
        tuple(shape),
        order=1,
        mode="nearest",
    )
    if dtype.kind == "b":
        return result >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(np.rint(result), limits.min, limits.max)
    return result
