"""The pixels of ImgLib2's images as arrays: looked at where they lie, or copied in bulk.

They can be looked at where they lie outside of Java's heap and behind one another: in direct buffers (``ArrayImg``,
``PlanarImg`` and ``CellImg`` on them, ``ShmImg``), and at the addresses that imglyb's images have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

import jpype
import numpy as np

from ijbridge.errors import ImageFormatError, SharingError
from ijbridge.imagej import buffers
from ijbridge.imagej.jvm import is_a, java_class
from ijbridge.imagej.pixel_types import PixelType, type_of
from ijbridge.typing import Array

#: Images that give another one pixel by pixel, which ``getSource`` gives.
_SAME_PIXELS = ("net.imglib2.img.ImgView", "net.imglib2.python.ReferenceGuardingRandomAccessibleInterval")


def img_to_numpy(image: Any, copy: bool | None = None) -> Array:
    """Give the pixels of an image as an array of its dimensions, backwards; see `ijbridge.imagej.to_numpy`.

    Raises
    ------
    SharingError
        If ``copy`` is False and its pixels cannot be looked at where they lie.
    ImageFormatError
        If its pixels are of a type that numpy does not have, or it cannot be read.
    """
    if is_a(image, "net.imagej.Dataset"):
        image = image.getImgPlus()
    pixels = type_of(image)
    try:
        shared = _shared(image, pixels)
    except SharingError:
        if copy is False:
            raise
        return _copied(image, pixels)
    return shared.copy() if copy else shared


def _shape(image: Any) -> tuple[int, ...]:
    return tuple(int(image.dimension(axis)) for axis in reversed(range(image.numDimensions())))


# --- looked at where they lie ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Memory:
    """A part of an image's memory, and what keeps it alive."""

    address: int
    size: int
    swapped: bool
    writeable: bool
    keeper: Any


def _shared(image: Any, pixels: PixelType) -> Array:
    storage = _storage(image)
    if pixels.is_packed:
        _refuse(image, f"{pixels.java.rpartition('.')[2]} packs its pixels as numpy does not")
    shape, itemsize = _shape(image), np.dtype(pixels.dtype).itemsize
    parts = [_memory(access, image, size * itemsize) for access, size in _accesses(storage, image, shape)]
    for one, following in pairwise(parts):
        if one.address + one.size != following.address:
            _refuse(image, "its planes or cells do not lie behind one another in memory")
    first = parts[0]
    flat = buffers.at(first.address, sum(one.size for one in parts), (image, [one.keeper for one in parts]))
    dtype = np.dtype(pixels.dtype)
    array: Array = flat.view(dtype.newbyteorder() if first.swapped else dtype).reshape(shape)
    array.flags.writeable = all(one.writeable for one in parts)
    return array


def _storage(image: Any) -> Any:
    """Give the image that holds the pixels of one that only wraps it."""
    while True:
        if is_a(image, "net.imglib2.img.WrappedImg"):
            within = image.getImg()
        elif str(image.getClass().getName()) in _SAME_PIXELS and hasattr(image, "getSource"):
            within = image.getSource()
        else:
            return image
        if _shape(within) != _shape(image):
            return image
        image = within


def _accesses(storage: Any, image: Any, shape: tuple[int, ...]) -> Iterator[tuple[Any, int]]:
    """Give, in the order of the pixels, what holds them and how many."""
    if is_a(storage, "net.imglib2.img.array.ArrayImg"):
        yield storage.update(None), int(np.prod(shape))
    elif is_a(storage, "net.imglib2.img.planar.PlanarImg"):
        for number in range(storage.numSlices()):
            yield storage.getPlane(number), int(np.prod(shape[-2:]))
    elif is_a(storage, "net.imglib2.img.cell.CellImg"):
        grid = storage.getCellGrid()
        cell = [min(int(grid.cellDimension(len(shape) - 1 - axis)), whole) for axis, whole in enumerate(shape)]
        cut = next((axis for axis, size in enumerate(cell) if size > 1), len(cell) - 1)
        if any(size < whole for size, whole in zip(cell[cut + 1 :], shape[cut + 1 :], strict=True)):
            _refuse(image, f"its cells are boxes of {' x '.join(map(str, cell))} (slowest first), not runs of rows or planes")
        for one in storage.getCells():
            yield one.getData(), int(one.size())
    else:
        _refuse(image, f"a {type(storage).__name__} computes its pixels, or holds them in a way of its own")


def _memory(access: Any, image: Any, size: int) -> _Memory:
    for method in ("getAddress", "getAddres"):  # imglib2-unsafe has both
        if hasattr(access, method):
            return _Memory(int(getattr(access, method)()), size, swapped=False, writeable=True, keeper=access)
    if not hasattr(access, "getCurrentStorageArray"):
        _refuse(image, f"its pixels are in a {type(access).__name__}")
    storage = access.getCurrentStorageArray()
    if not is_a(storage, "java.nio.Buffer"):
        _refuse(image, f"its pixels are in a {type(storage).__name__} on Java's heap")
    if not storage.isDirect():
        _refuse(image, "its buffers are on Java's heap")
    looked = np.asarray(memoryview(storage))
    if looked.nbytes < size:
        _refuse(image, f"a buffer of {looked.nbytes} bytes is too small for {size} bytes of pixels")
    return _Memory(
        looked.ctypes.data, size, swapped=not looked.dtype.isnative, writeable=not storage.isReadOnly(), keeper=storage
    )


def _refuse(image: Any, reason: str) -> NoReturn:
    raise SharingError(
        f"numpy cannot look at the pixels of this {type(image).__name__} where they lie, because {reason}: leave copy=False "
        "out to have them copied."
    )


# --- copied ----------------------------------------------------------------------------------------------------------


def _copied(image: Any, pixels: PixelType) -> Array:
    shape = _shape(image)
    if pixels.java.endswith(".BitType"):
        words = _words(image)
        if words is not None:
            return np.unpackbits(words, count=int(np.prod(shape)), bitorder="little").view(bool).reshape(shape)
    copied = np.empty(shape, pixels.dtype)
    step, windows = buffers.windows(copied, int(java_class("InProcess").reach()))
    try:
        java_class("InProcessImgs").copy(_storage(image), copied.nbytes, step, windows)
    except jpype.JException as error:
        raise ImageFormatError(f"The pixels of this {type(image).__name__} cannot be read ({error}).") from error
    return _colours(copied) if pixels.java.endswith(".ARGBType") else copied


def _words(image: Any) -> Array | None:
    """Give the bytes in which an ArrayImg packs its bits, the first pixel's first; None where there are none."""
    storage = _storage(image)
    if not is_a(storage, "net.imglib2.img.array.ArrayImg"):
        return None
    access = storage.update(None)
    words = access.getCurrentStorageArray() if hasattr(access, "getCurrentStorageArray") else None
    if not isinstance(words, jpype.JArray(jpype.JLong)):
        return None
    return np.asarray(words).astype("<i8", copy=False).view(np.uint8)


def _colours(packed: Array) -> Array:
    """Make packed colours planes of red, green and blue, before y and x."""
    planes = np.empty((*packed.shape[:-2], 3, *packed.shape[-2:]), np.uint8)
    for number, shift in enumerate((16, 8, 0)):
        planes[..., number, :, :] = packed >> shift & 255
    return planes
