"""ImgLib2's images of every kind and type, made and filled by Java alone; the JVM must run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jpype
import numpy as np

#: Of the images, slowest dimension first.
SHAPE = (3, 4, 5)


def longs(shape: Any = SHAPE) -> Any:
    return jpype.JArray(jpype.JLong)([int(size) for size in reversed(shape)])


def ints(shape: Any = SHAPE) -> Any:
    return jpype.JArray(jpype.JInt)([int(size) for size in reversed(shape)])


def new_type(dtype: str) -> Any:
    names = {"bool": "logic.NativeBool", "bits": "logic.Bit", "rgb": "numeric.ARGB"}
    names |= {"float32": "numeric.real.Float", "float64": "numeric.real.Double"}
    for bits, name in ((8, "Byte"), (16, "Short"), (32, "Int"), (64, "Long")):
        names |= {f"int{bits}": f"numeric.integer.{name}", f"uint{bits}": f"numeric.integer.Unsigned{name}"}
    return jpype.JClass(f"net.imglib2.type.{names[dtype]}Type")()


def fill(image: Any, values: Any) -> Any:
    """Set every pixel by Java's own random access."""
    access = image.randomAccess()
    for place in np.ndindex(*values.shape):
        at(access, place)
        if hasattr(access.get(), "setReal"):
            access.get().setReal(jpype.JDouble(float(values[place])))
        else:
            access.get().set(jpype.JInt(int(values[place])) if values.dtype == np.uint32 else bool(values[place]))
    return image


def at(access: Any, place: Any) -> Any:
    access.setPosition(longs(place))
    return access.get()


def on_buffers(kind: str) -> Callable[[str], Any]:
    """Give what makes an image on one direct buffer of Java's, for each plane or cell a part of it."""

    def make(dtype: str) -> Any:
        pixel = new_type(dtype)
        number = {"rgb": "Int"}.get(dtype) or {1: "Byte", 2: "Short", 4: "Int", 8: "Long"}[np.dtype(dtype).itemsize]
        number = {"float32": "Float", "float64": "Double"}.get(dtype, number)
        size = {"Byte": 1, "Short": 2, "Int": 4, "Long": 8, "Float": 4, "Double": 8}[number]
        whole = jpype.JClass("java.nio.ByteBuffer").allocateDirect(int(np.prod(SHAPE)) * size)
        access = jpype.JClass(f"net.imglib2.img.basictypeaccess.nio.{number}BufferAccess")
        order = jpype.JClass("java.nio.ByteOrder").nativeOrder()
        count = {"array": 1, "planar": SHAPE[0], "cell": SHAPE[0] * 2}[kind]
        parts = jpype.JClass("java.util.ArrayList")()
        for number_of_part in range(count):
            part = whole.duplicate()
            length = whole.capacity() // count
            part.position(number_of_part * length).limit((number_of_part + 1) * length)
            part = part.slice().order(order)
            parts.add(access(part if number == "Byte" else getattr(part, f"as{number}Buffer")(), True))
        one = jpype.JClass("net.imglib2.util.Fraction")()
        if kind == "array":
            image = jpype.JClass("net.imglib2.img.array.ArrayImg")(parts.get(0), longs(), one)
        elif kind == "planar":
            image = jpype.JClass("net.imglib2.img.planar.PlanarImg")(parts, longs(), one)
        else:
            shape = (1, SHAPE[1] // 2, SHAPE[2])
            grid = jpype.JClass("net.imglib2.img.cell.CellGrid")(longs(), ints(shape))
            cells = jpype.JClass("java.util.ArrayList")()
            for number_of_part in range(count):
                low, dimensions = jpype.JArray(jpype.JLong)(3), jpype.JArray(jpype.JInt)(3)
                grid.getCellDimensions(number_of_part, low, dimensions)
                cells.add(jpype.JClass("net.imglib2.img.cell.Cell")(dimensions, low, parts.get(number_of_part)))
            listed = jpype.JClass("net.imglib2.img.list.ListImg")(cells, grid.getGridDimensions())
            factory = jpype.JClass("net.imglib2.img.cell.CellImgFactory")(pixel, ints(shape))
            image = jpype.JClass("net.imglib2.img.cell.CellImg")(factory, grid, listed, one)
        image.setLinkedType(pixel.getNativeTypeFactory().createLinkedType(image))
        return image

    return make


def on_heap(kind: str) -> Callable[[str], Any]:
    def make(dtype: str) -> Any:
        if kind == "cell":
            return jpype.JClass("net.imglib2.img.cell.CellImgFactory")(new_type(dtype), ints((2, 3, 2))).create(longs())
        return jpype.JClass(f"net.imglib2.img.{kind}.{kind.title()}ImgFactory")(new_type(dtype)).create(longs())

    return make


def in_shared_memory(dtype: str) -> Any:
    return jpype.JClass("net.imglib2.appose.ShmImg")(new_type(dtype), ints())


def of_imglyb(dtype: str) -> Any:
    """Make what imglyb makes, without its wrapper: an ArrayImg on an address, here of memory that Java owns."""
    number = {"rgb": "Int", "bool": "Boolean", "float32": "Float", "float64": "Double"}.get(dtype)
    number = number or {1: "Byte", 2: "Short", 4: "Int", 8: "Long"}[np.dtype(dtype).itemsize]
    count = int(np.prod(SHAPE)) * (2 if number == "Long" else 1)  # imglib2-unsafe 1.1.0 reserves half of what longs need
    owner = jpype.JClass(f"net.imglib2.img.basictypelongaccess.unsafe.owning.Owning{number}Unsafe")(count)
    if dtype != "uint8":  # one on the bare address as well
        access = jpype.JClass(f"net.imglib2.img.basictypelongaccess.unsafe.{number}Unsafe")
        owner = access(jpype.JLong(owner.getAddress()), jpype.JObject(owner, jpype.JClass("java.lang.Object")))
    image = jpype.JClass("net.imglib2.img.array.ArrayImg")(owner, longs(), jpype.JClass("net.imglib2.util.Fraction")())
    image.setLinkedType(new_type(dtype).getNativeTypeFactory().createLinkedType(image))
    return image


def view(dtype: str) -> Any:
    source = on_heap("array")(dtype)
    return jpype.JClass("net.imglib2.view.Views").translate(source, longs((2, 3, 4)))
