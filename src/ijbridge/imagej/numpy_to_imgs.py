"""Arrays as ImgLib2's images, which look at the array's memory: in one piece, by planes, by cells, or as others make them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import jpype
import numpy as np

from ijbridge.errors import ImageFormatError, OptionError, SharingError
from ijbridge.imagej import buffers
from ijbridge.imagej.imgs_to_numpy import img_to_numpy
from ijbridge.imagej.jvm import extra, find_class
from ijbridge.imagej.pixel_types import PixelType, type_for
from ijbridge.typing import Array

#: What an array becomes: the first of array, planar and cell that can hold it; or that one.
Kind = Literal["auto", "array", "planar", "cell", "shm", "imglyb"]


def numpy_to_img(array: Array, copy: bool | None = None, kind: Kind = "auto") -> Any:
    """Make an image of ImgLib2's that has an array's pixels; see `ijbridge.imagej.to_java`.

    Raises
    ------
    SharingError
        If ``copy`` is False and Java cannot look at the array where it lies.
    ImageFormatError
        If ImgLib2 has no such images.
    ImageJError
        If the JVM lacks the classes.
    """
    if kind not in get_args(Kind):
        raise OptionError(f"kind is {kind!r}: give one of {', '.join(get_args(Kind))}.")
    pixels = type_for(array.dtype)
    if not array.ndim or not array.size:
        raise ImageFormatError(f"An array of the shape {array.shape} has no pixels, or no dimension: it is no image.")
    if any(size > buffers.LIMIT for size in array.shape):
        raise ImageFormatError(f"The array has {max(array.shape)} pixels along an axis, but Java counts to {buffers.LIMIT}.")
    if kind == "shm":
        return _shm(array, pixels, copy)
    if kind == "imglyb":
        return _imglyb(_in_c_order(array, copy), copy)
    if pixels.dtype == "bool":
        return _booleans(array, copy)
    return _on_buffers(_in_c_order(array, copy), pixels, kind)


def _in_c_order(array: Array, copy: bool | None) -> Array:
    if copy or not array.flags.c_contiguous:
        if copy is False:
            raise SharingError(
                f"Java cannot look at this array where it lies, because its strides {array.strides} are not those of C order: "
                "leave copy=False out to have it copied, or give numpy.ascontiguousarray of it."
            )
        return np.array(array, order="C", copy=True)
    return array


# --- buffers ---------------------------------------------------------------------------------------------------------


def _on_buffers(array: Array, pixels: PixelType, kind: Kind) -> Any:
    if kind == "auto":
        plane = int(np.prod(array.shape[-2:])) * array.itemsize
        kind = "array" if array.nbytes <= buffers.LIMIT else "planar" if plane <= buffers.LIMIT else "cell"
    make = {"array": _array_img, "planar": _planar_img, "cell": _cell_img}[kind]
    image = make(array, pixels)
    image.setLinkedType(pixels.new().getNativeTypeFactory().createLinkedType(image))
    return image


def _array_img(array: Array, pixels: PixelType) -> Any:
    (access,) = _accesses(array, [(0, array.nbytes)], pixels, "array")
    return find_class("net.imglib2.img.array.ArrayImg")(access, _longs(reversed(array.shape)), _one())


def _planar_img(array: Array, pixels: PixelType) -> Any:
    plane = int(np.prod(array.shape[-2:])) * array.itemsize
    planes = find_class("java.util.ArrayList")()
    for access in _accesses(array, [(start, start + plane) for start in range(0, array.nbytes, plane)], pixels, "planar"):
        planes.add(access)
    return find_class("net.imglib2.img.planar.PlanarImg")(planes, _longs(reversed(array.shape)), _one())


def _cell_img(array: Array, pixels: PixelType) -> Any:
    shape, parts = buffers.runs(array.shape, array.itemsize)
    sizes = jpype.JArray(jpype.JInt)(list(reversed(shape)))
    grid = find_class("net.imglib2.img.cell.CellGrid")(_longs(reversed(array.shape)), sizes)
    cells = find_class("java.util.ArrayList")()
    for number, access in enumerate(_accesses(array, list(parts), pixels, "cell")):
        low, size = jpype.JArray(jpype.JLong)(array.ndim), jpype.JArray(jpype.JInt)(array.ndim)
        grid.getCellDimensions(number, low, size)
        cells.add(find_class("net.imglib2.img.cell.Cell")(size, low, access))
    listed = find_class("net.imglib2.img.list.ListImg")(cells, grid.getGridDimensions())
    factory = find_class("net.imglib2.img.cell.CellImgFactory")(pixels.new(), sizes)
    return find_class("net.imglib2.img.cell.CellImg")(factory, grid, listed, _one())


def _accesses(array: Array, parts: list[tuple[int, int]], pixels: PixelType, kind: str) -> list[Any]:
    if any(stop - start > buffers.LIMIT for start, stop in parts):
        raise ImageFormatError(
            f"The array has {array.nbytes} bytes, but Java holds at most {buffers.LIMIT} in each piece of an image of the kind "
            f"{kind!r}: leave kind= out."
        )
    made = find_class(f"net.imglib2.img.basictypeaccess.nio.{pixels.number}BufferAccess")
    lent = buffers.lend(array, parts)
    typed = lent if pixels.number == "Byte" else [getattr(one, f"as{pixels.number}Buffer")() for one in lent]
    return [made(one, True) for one in typed]


def _longs(values: Any) -> Any:
    return jpype.JArray(jpype.JLong)(list(values))


def _one() -> Any:
    return find_class("net.imglib2.util.Fraction")()


# --- others ----------------------------------------------------------------------------------------------------------


def _booleans(array: Array, copy: bool | None) -> Any:
    if copy is False:
        raise SharingError(
            "Java cannot look at an array of truth values where it lies, because ImgLib2 has no buffers of them: leave "
            "copy=False "
            'out to have it copied, or give array.view("uint8").'
        )
    if array.nbytes > buffers.LIMIT:
        raise ImageFormatError(f'Java holds at most {buffers.LIMIT} truth values in an image: give array.view("uint8").')
    flat = jpype.JArray(jpype.JBoolean)(np.ascontiguousarray(array).reshape(-1))
    return find_class("net.imglib2.img.array.ArrayImgs").booleans(flat, _longs(reversed(array.shape)))


def _shm(array: Array, pixels: PixelType, copy: bool | None) -> Any:
    if copy is False:
        raise SharingError(
            "Java cannot look at this array as a ShmImg, because it does not lie in shared memory that has a name: give the "
            "appose.NDArray that holds it, or leave copy=False out to have it copied."
        )
    _check_shm(pixels.dtype, array.nbytes)
    sizes = jpype.JArray(jpype.JInt)([int(size) for size in reversed(array.shape)])
    try:
        image = find_class("net.imglib2.appose.ShmImg")(pixels.new(), sizes)
    except jpype.JException as error:
        raise ImageFormatError(f"No shared memory of {array.nbytes} bytes could be made ({error}).") from error
    img_to_numpy(image, copy=False)[...] = array
    return image


def named_to_img(array: Any) -> Any:
    """Make a ShmImg on the shared memory of an ``appose.NDArray``, which must not be closed before it.

    Raises
    ------
    ImageFormatError
        If there is no ShmImg of its type or size.
    """
    _check_shm(array.dtype, array.shm.rsize)
    data_type = find_class("org.apposed.appose.NDArray$DType").fromLabel(array.dtype)
    order = find_class("org.apposed.appose.NDArray$Shape$Order").C_ORDER
    shape = find_class("org.apposed.appose.NDArray$Shape")(order, jpype.JArray(jpype.JInt)(list(array.shape)))
    memory = find_class("org.apposed.appose.SharedMemory").attach(array.shm.name, array.shm.size)
    return find_class("net.imglib2.appose.ShmImg")(find_class("org.apposed.appose.NDArray")(data_type, shape, memory))


def _check_shm(dtype: str, size: int) -> None:
    if dtype == "bool" or dtype.startswith("complex"):
        raise ImageFormatError(f'ImgLib2 has no ShmImg of {dtype} pixels: give them as .astype("uint8") or of another kind=.')
    if size > buffers.LIMIT:
        # it would throw, and leave its memory behind
        raise ImageFormatError(f"A ShmImg holds at most {buffers.LIMIT} bytes, and the array has {size}: leave kind= out.")


def _imglyb(array: Array, copy: bool | None) -> Any:
    if not array.dtype.isnative:
        if copy is False:
            raise SharingError("imglyb cannot look at an array of the other byte order: leave copy=False or kind= out.")
        array = array.astype(array.dtype.newbyteorder("="))
    find_class("net.imglib2.python.ReferenceGuardingRandomAccessibleInterval")
    return extra("imglyb").to_imglib(array)
