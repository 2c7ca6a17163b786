"""Java's images and Python's: which is which, what is shared, and in whose world a result comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ijbridge.converters import to_image
from ijbridge.errors import ImageFormatError
from ijbridge.image import Image, make_image, with_axes
from ijbridge.imagej import spaces
from ijbridge.imagej.imageplus import from_imageplus, is_imageplus, make_imageplus
from ijbridge.imagej.jvm import is_a, running
from ijbridge.provenance import provenance_text
from ijbridge.server import header_of

if TYPE_CHECKING:
    import xarray as xr

    from ijbridge.imagej.numpy_to_imgs import Kind
    from ijbridge.typing import Array


def is_java_image(value: Any) -> bool:
    """Whether a value is an image of Java's, asked without importing JPype: who has one has imported it."""
    return is_imageplus(value) or is_a(value, "net.imglib2.RandomAccessibleInterval")


def from_java(image: Any, axes: str | None = None, copy: bool | None = None) -> Image:
    """Make an image of one of Java's.

    Parameters
    ----------
    image
        An ``ImagePlus``, ``Dataset`` or ``ImgPlus``, which know their axes and pixel sizes; or any other
        ``RandomAccessibleInterval`` of ImgLib2's (an ``Img``, a ``ShmImg``), which knows neither.
    axes
        One letter per dimension, slowest first as in numpy, which is the last of ImgLib2's; where the image does not say it, or
        wrong.
    copy
        As in `to_numpy`.

    Raises
    ------
    ImageFormatError
        If its pixels are of a type that is not supported, or it cannot be read.
    AxesError
        If nothing says what its dimensions are.
    SharingError
        If ``copy`` is False and its pixels cannot be shared.
    """
    if is_imageplus(image):
        made = from_imageplus(image, copy)
        return with_axes(made, axes) if axes is not None else made
    from ijbridge.imagej.imgs_to_numpy import img_to_numpy

    array = img_to_numpy(image, copy)
    if not is_a(image, "net.imagej.space.CalibratedSpace"):
        return make_image(array, axes, name="image")
    told = spaces.told_axes(image)
    sizes, units, origin = spaces.told_space(image, told) if told is not None else ({}, {}, {})
    if told is not None and len(told) == array.ndim - 1:
        told = f"{told[:-2]}c{told[-2:]}"  # the colours of an ARGBType
    title = {"name": str(image.getName() or "image"), "shape": (), "dtype": "", "axes": ""}
    name = header_of(title).name
    return make_image(array, axes or told, pixel_size=sizes, unit=units, origin=origin, name=name)


def to_numpy(image: Any, copy: bool | None = None) -> Array:
    """Give the pixels of Java's image as an array, which shares them where it can.

    Parameters
    ----------
    image
        An ``ImagePlus``, or any ``RandomAccessibleInterval`` of ImgLib2's: ``ArrayImg``, ``PlanarImg``, ``CellImg``,
        ``ShmImg``, ``ImgPlus``, ``Dataset``, views.
    copy
        As in numpy: None copies where it must, False raises where it must, True always copies. docs/sharing.md lists what is
        shared.

    Returns
    -------
    numpy.ndarray
        Of an image of ImgLib2's: its dimensions backwards, (dn, ..., d1, d0), in the type of its pixels. Of an ``ImagePlus``:
        (t, z, c, y, x) without those of t, z, c that have one entry. Colours are an axis of 3 before y and x. What is shared
        keeps Java's image alive; only a ``ShmImg`` that is closed takes its memory away from under it.

    Raises
    ------
    SharingError
        If ``copy`` is False and the pixels cannot be shared; it says why.
    ImageFormatError
        If the pixels are of a type that is not supported, or cannot be read.
    """
    if is_imageplus(image):
        return from_imageplus(image, copy).array
    _check(image)
    from ijbridge.imagej.imgs_to_numpy import img_to_numpy

    return img_to_numpy(image, copy)


def to_xarray(image: Any, copy: bool | None = None, *, axes: str | None = None) -> xr.DataArray:
    """Give Java's image as an xarray.DataArray with its axes, pixel size and unit.

    Parameters and errors are those of `to_numpy`; ``axes`` are needed where the image does not say them, one letter for each
    dimension of the array, slowest first.
    """
    from ijbridge.image import to_xarray as as_xarray

    _check(image)
    return as_xarray(from_java(image, axes, copy))


def to_java(image: Any, copy: bool | None = None, *, axes: str | None = None, kind: Kind = "auto") -> Any:
    """Give an array as one of ImgLib2's images, which shares its pixels where it can.

    Parameters
    ----------
    image
        A numpy.ndarray of any number of dimensions, an xarray.DataArray, the path of a file, or an ``appose.NDArray``, which
        becomes a ``ShmImg`` on the same shared memory.
    copy
        As in numpy: None copies where it must, False raises where it must, True always copies. docs/sharing.md lists what is
        shared.
    axes
        One letter per dimension, slowest first, where the image does not say it and they are wanted.
    kind
        ``"array"``, ``"planar"`` or ``"cell"``: an ``ArrayImg``, ``PlanarImg`` or ``CellImg``; ``"auto"``: the first of these
        that can hold it; ``"shm"``: a ``ShmImg``, whose memory stays until it is closed; ``"imglyb"``: as imglyb
        makes it.

    Returns
    -------
    net.imglib2.RandomAccessibleInterval
        Of the array's dimensions, backwards. An ``ImgPlus`` with axes and pixel sizes, where those are known and ImageJ2 is
        there. It keeps the array alive.

    Raises
    ------
    SharingError
        If ``copy`` is False and the pixels cannot be shared; it says why.
    ImageFormatError
        If ImgLib2 has no such images.
    ImageJError
        If there is no ImgLib2 in the JVM.
    """
    running()
    import numpy as np

    from ijbridge.imagej.numpy_to_imgs import named_to_img, numpy_to_img

    if _is_named(image):
        if copy:
            return numpy_to_img(image.ndarray(), copy, "shm")
        return named_to_img(image)
    if axes is None and isinstance(image, np.ndarray):
        return numpy_to_img(image, copy, kind)
    known = to_image(image, axes)
    pixels = numpy_to_img(known.array, copy, kind)
    return spaces.make_imgplus(pixels, known, _info(image)) if spaces.has_imagej2() else pixels


def to_imageplus(image: Any, copy: bool | None = None, *, axes: str | None = None) -> Any:
    """Give an image as an ``ij.ImagePlus`` that can be edited, with its pixel size, and the record of what made it in its Info.

    Parameters
    ----------
    image
        What `ijbridge.predict` gave, or any other image.
    copy
        False always raises: an ImagePlus keeps its planes in arrays of its own.
    axes
        One letter per dimension, slowest first, where the image does not say it.

    Raises
    ------
    ResultError
        If ImageJ has no such images.
    SharingError
        If ``copy`` is False.
    """
    running()
    return make_imageplus(to_image(image, axes), _info(image), copy)


def give_back(result: xr.DataArray, like: Any) -> Any:
    """Give a result as the kind of image that a caller gave: an ``ImagePlus``, ``Dataset`` or ``ImgPlus``, or an ``Img``."""
    if is_imageplus(like):
        return to_imageplus(result)
    made = to_java(result)
    return spaces.make_dataset(made, like) if spaces.is_dataset(like) else made


def _check(image: Any) -> None:
    if not is_java_image(image):
        raise ImageFormatError(
            f"A {type(image).__name__} is not an image of Java's: give an ImagePlus, or a RandomAccessibleInterval of "
            "ImgLib2's."
        )


def _is_named(value: Any) -> bool:
    return any(f"{one.__module__}.{one.__name__}" == "appose.shm.NDArray" for one in type(value).__mro__)


def _info(image: Any) -> str:
    record = getattr(image, "attrs", {}).get("provenance")
    return provenance_text(record) if isinstance(record, Mapping) else ""
