"""What callers give as an image, and how it becomes one: arrays, xarray, files.

A host that knows other images (ImageJ's, for example) registers a converter for them; nothing here needs to know it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ijbridge.errors import ImageFormatError
from ijbridge.image import Image, from_xarray, make_image, with_axes
from ijbridge.image_io import read_image

if TYPE_CHECKING:
    import xarray as xr

#: Anything a converter takes: numpy.ndarray, xarray.DataArray, a path, or what was registered.
ImageLike: TypeAlias = Any


@dataclass(frozen=True)
class Converter:
    """Makes an image of the values for which ``accepts`` is true.

    ``convert`` is given such a value, and the caller's axes or None. ``give_back`` is given a result as an xarray.DataArray
    and the value that it was made of, and gives it as a value of that kind; without it results stay what they are.
    """

    accepts: Callable[[Any], bool]
    convert: Callable[[Any, str | None], Image]
    give_back: Callable[[xr.DataArray, Any], Any] | None = None


def _is_array(value: Any) -> bool:
    import numpy as np

    return isinstance(value, np.ndarray)


def _is_xarray(value: Any) -> bool:
    # asks without importing xarray: who has a DataArray has imported it
    return any(f"{one.__module__}.{one.__name__}" == "xarray.core.dataarray.DataArray" for one in type(value).__mro__)


_converters = [
    Converter(lambda value: isinstance(value, str | Path), read_image),
    Converter(lambda value: isinstance(value, Image), lambda value, axes: with_axes(value, axes) if axes else value),
    Converter(_is_array, make_image),
    Converter(_is_xarray, from_xarray),
]


def register_converter(converter: Converter) -> None:
    """Add a converter; the last added is asked first."""
    _converters.insert(0, converter)


def to_image(value: ImageLike, axes: str | None = None) -> Image:
    """Make an image of what a caller gave.

    Parameters
    ----------
    value
        A numpy.ndarray (with `axes`, unless it has two dimensions), an xarray.DataArray, or the path of a file.
    axes
        One letter per dimension, slowest first; overrides what `value` says of itself.

    Raises
    ------
    ImageFormatError
        If it is none of these.
    """
    return converter_of(value).convert(value, axes)


def converter_of(value: ImageLike) -> Converter:
    """Give the converter that takes a value; errors are those of `to_image`."""
    for converter in _converters:
        if converter.accepts(value):
            return converter
    raise ImageFormatError(
        f"A {type(value).__name__} is not an image: give a numpy.ndarray, an xarray.DataArray or the path of a file."
    )
