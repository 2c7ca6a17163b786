"""ImageJ's own images: an ImagePlus as an image, and an image as an ImagePlus.

Both ways copy the pixels once, in bulk: an ImagePlus keeps its planes in arrays on Java's heap, which nothing else can look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ijbridge.errors import ImageFormatError, ResultError, SharingError
from ijbridge.image import Image, make_image
from ijbridge.image_io import to_imagej_dtype
from ijbridge.imagej.jvm import is_a, java_class
from ijbridge.server import header_of

#: The order of axes in which Java takes arrays: ImageJ's own, backwards.
_ORDER = "tzcyx"

_ON_HEAP = "an ImagePlus keeps its planes in arrays on Java's heap"


def is_imageplus(value: Any) -> bool:
    """Whether a value is Java's ``ij.ImagePlus``, asked without importing JPype: who has one has imported it."""
    return is_a(value, "ij.ImagePlus")


def from_imageplus(image: Any, copy: bool | None = None) -> Image:
    """Make an image of an ``ij.ImagePlus`` of any type.

    Its axes are those of ``tzc`` with more than one entry, then ``yx``; colours are an axis c of 3.

    Raises
    ------
    ImageFormatError
        If it has no pixels, or cannot be read.
    SharingError
        If ``copy`` is False.
    """
    import jpype
    import numpy as np

    from ijbridge.imagej.buffers import windows
    from ijbridge.imagej.java_values import to_python

    if copy is False:
        raise SharingError(
            f"numpy cannot look at the pixels of {image.getTitle()} where they lie, because {_ON_HEAP}: leave copy=False "
            "out to have them copied."
        )
    images = java_class("InProcessImages")
    try:
        told = to_python(images.header(image))
        pixels = np.empty(told["shape"], told["dtype"])
        images.copy(image, *windows(pixels, int(java_class("InProcess").reach())))
    except jpype.JException as error:
        raise ImageFormatError(_said(error)) from error
    header = header_of(told)
    return make_image(
        pixels,
        header.axes,
        pixel_size=header.pixel_size,
        unit=header.unit,
        origin=header.origin,
        channel_names=header.channel_names,
        name=header.name,
    )


def make_imageplus(image: Image, info: str, copy: bool | None = None) -> Any:
    """Make an ``ij.ImagePlus`` that can be edited, with the pixel size; it is not shown yet.

    Parameters
    ----------
    image
        Of any type and order of axes.
    info
        What Image > Show Info... shows.

    Raises
    ------
    ResultError
        If ImageJ has no such images.
    SharingError
        If ``copy`` is False.
    """
    import jpype
    import numpy as np

    from ijbridge.imagej.buffers import windows
    from ijbridge.imagej.java_values import to_java

    header = image.header
    if copy is False:
        raise SharingError(
            f"{header.name} cannot become an ImagePlus without a copy, because {_ON_HEAP}: leave copy=False out."
        )
    unknown = [axis for axis in header.axes if axis not in _ORDER]
    if unknown or not {"y", "x"} <= set(header.axes):
        raise ResultError(
            f"{header.name} has the axes {header.axes}, but ImageJ shows images with axes out of t, z, c, then y and x: "
            "choose one of the others, or name them (axes=)."
        )
    order = [axis for axis in _ORDER if axis in header.axes]
    array = to_imagej_dtype(image.array.transpose([header.axes.index(axis) for axis in order]), header.name)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    described: Mapping[str, Any] = {
        "title": header.name,
        "axes": "".join(order),
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "pixel_size": dict(header.pixel_size),
        "units": {axis: header.unit.get(axis, "pixel") for axis in header.pixel_size},
        "origin": dict(header.origin),
        "channel_names": list(header.channel_names),
    }
    images = java_class("InProcessImages")
    try:
        return images.make(to_java(described), info, *windows(array, int(java_class("InProcess").reach())))
    except jpype.JException as error:
        raise ResultError(_said(error)) from error


def _said(error: Any) -> str:
    message = error.getMessage()
    return str(message) if message is not None else str(error)
