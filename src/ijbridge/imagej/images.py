"""ImageJ's images and ijbridge's: an ImagePlus as the image of a run, and a result as an ImagePlus.

Both ways copy the pixels once, in bulk: an ImagePlus keeps its planes in arrays on Java's heap, which nothing else can hold.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ijbridge.converters import to_image
from ijbridge.errors import ImageFormatError, ResultError
from ijbridge.image import Image, make_image, with_axes
from ijbridge.image_io import to_imagej_dtype
from ijbridge.provenance import provenance_text
from ijbridge.server import header_of

if TYPE_CHECKING:
    import xarray as xr

#: The order of axes in which Java takes arrays: ImageJ's own, backwards.
_ORDER = "tzcyx"


def is_imageplus(value: Any) -> bool:
    """Whether a value is Java's ``ij.ImagePlus``, asked without importing JPype: who has one has imported it."""
    return any(one.__name__ == "ij.ImagePlus" for one in type(value).__mro__)


def from_imageplus(image: Any, axes: str | None = None) -> Image:
    """Make an image of an ``ij.ImagePlus``.

    Parameters
    ----------
    image
        Of any type. Its axes are those of ``tzc`` with more than one entry, then ``yx``; colours are an axis c of 3.
    axes
        One letter per dimension, slowest first, where the image says it wrong.

    Raises
    ------
    ImageFormatError
        If it has no pixels, or cannot be read.
    """
    import jpype
    import numpy as np

    from ijbridge.imagej.java_values import to_python
    from ijbridge.imagej.jvm import java_class
    from ijbridge.imagej.memory import Block

    images = java_class("InProcessImages")
    try:
        told = to_python(images.header(image))
        block = Block(int(images.bytes(image)))
        images.copy(image, block.step, block.buffers(int(images.reach())))
    except jpype.JException as error:
        raise ImageFormatError(_said(error)) from error
    flat = np.frombuffer(block.view, told["dtype"])
    # every view of it, the caller's too, keeps this very array alive
    weakref.finalize(flat, block.free).atexit = False
    made = make_image(
        flat.reshape(told["shape"]),
        told["axes"],
        pixel_size=told["pixel_size"],
        unit=told["units"],
        origin=told["origin"],
        name=header_of(told).name,
    )
    return with_axes(made, axes) if axes is not None else made


def to_imageplus(result: xr.DataArray | Any, axes: str | None = None) -> Any:
    """Make an ``ij.ImagePlus`` that can be edited, with the pixel size, and the record of what made it in its Info.

    Parameters
    ----------
    result
        What `ijbridge.predict` gave, or any other image.
    axes
        One letter per dimension, slowest first, where the image does not say it.

    Raises
    ------
    ResultError
        If ImageJ has no such images.
    """
    import jpype

    from ijbridge.imagej.java_values import to_java
    from ijbridge.imagej.jvm import java_class
    from ijbridge.imagej.memory import Block

    image = to_image(result, axes)
    header = image.header
    unknown = [axis for axis in header.axes if axis not in _ORDER]
    if unknown or not {"y", "x"} <= set(header.axes):
        raise ResultError(
            f"{header.name} has the axes {header.axes}, but ImageJ shows images with axes out of t, z, c, then y and x: "
            "choose one of the others, or name them (axes=)."
        )
    order = [axis for axis in _ORDER if axis in header.axes]
    array = to_imagej_dtype(image.array.transpose([header.axes.index(axis) for axis in order]), header.name)
    record = getattr(result, "attrs", {}).get("provenance")
    described = {
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
    block = Block(array.nbytes)
    try:
        _fill(block, array)
        info = provenance_text(record) if isinstance(record, Mapping) else ""
        return images.make(to_java(described), info, block.step, block.buffers(int(images.reach())))
    except jpype.JException as error:
        raise ResultError(_said(error)) from error
    finally:
        block.free()


def show(result: xr.DataArray | Mapping[str, xr.DataArray] | Any, axes: str | None = None) -> Any:
    """Show a result, or the results of a model of several outputs, in ImageJ; the first is the active image afterwards.

    Parameters and errors are those of `to_imageplus`, which makes what is given back: one ``ij.ImagePlus``, or a dict of them.
    """
    if isinstance(result, Mapping):
        shown = {name: to_imageplus(one, axes) for name, one in result.items()}
        for one in reversed(shown.values()):
            one.show()
        return shown
    image = to_imageplus(result, axes)
    image.show()
    return image


def _fill(block: Any, array: Any) -> None:
    import numpy as np

    np.ndarray(array.shape, array.dtype, buffer=block.view)[...] = array


def _said(error: Any) -> str:
    message = error.getMessage()
    return str(message) if message is not None else str(error)
