"""Which of ImgLib2's pixel types is which of numpy's.

=========================  ==========  ====================================================================================
ImgLib2                    numpy       how
=========================  ==========  ====================================================================================
(Unsigned)ByteType         (u)int8     the same bytes
(Unsigned)ShortType        (u)int16    the same bytes
(Unsigned)IntType          (u)int32    the same bytes
(Unsigned)LongType         (u)int64    the same bytes
FloatType, DoubleType      float32/64  the same bytes
NativeBoolType             bool        the same bytes where it lies outside of Java's heap, as imglyb's do
BitType                    bool        64 pixels of it lie in a ``long``
ARGBType                   uint8       red, green and blue are an axis c of 3 before y and x; how opaque it is, is not kept
=========================  ==========  ====================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ijbridge.errors import ImageFormatError
from ijbridge.imagej.jvm import find_class


@dataclass(frozen=True)
class PixelType:
    """A pixel type: the class of ImgLib2's, numpy's name of what lies in memory, and Java's name of one such number."""

    java: str
    dtype: str
    number: str

    @property
    def is_packed(self) -> bool:
        """Whether what lies in memory is not one pixel in numpy's type."""
        return self.java.endswith((".BitType", ".ARGBType"))

    def new(self) -> Any:
        """Make a pixel of it."""
        return find_class(self.java)()


_INTEGER = "net.imglib2.type.numeric.integer."

PIXEL_TYPES = (
    PixelType(_INTEGER + "UnsignedByteType", "uint8", "Byte"),
    PixelType(_INTEGER + "ByteType", "int8", "Byte"),
    PixelType(_INTEGER + "UnsignedShortType", "uint16", "Short"),
    PixelType(_INTEGER + "ShortType", "int16", "Short"),
    PixelType(_INTEGER + "UnsignedIntType", "uint32", "Int"),
    PixelType(_INTEGER + "IntType", "int32", "Int"),
    PixelType(_INTEGER + "UnsignedLongType", "uint64", "Long"),
    PixelType(_INTEGER + "LongType", "int64", "Long"),
    PixelType("net.imglib2.type.numeric.real.FloatType", "float32", "Float"),
    PixelType("net.imglib2.type.numeric.real.DoubleType", "float64", "Double"),
    PixelType("net.imglib2.type.logic.NativeBoolType", "bool", "Boolean"),
    PixelType("net.imglib2.type.logic.BitType", "bool", "Long"),
    PixelType("net.imglib2.type.numeric.ARGBType", "uint32", "Int"),
)

_BY_CLASS = {one.java: one for one in PIXEL_TYPES}
_BY_DTYPE = {one.dtype: one for one in reversed(PIXEL_TYPES) if not one.is_packed}


def type_of(image: Any) -> PixelType:
    """Give the pixel type of an image of ImgLib2's.

    Raises
    ------
    ImageFormatError
        If numpy has none for it.
    """
    pixel = find_class("net.imglib2.util.Util").getTypeFromInterval(image)
    name = str(pixel.getClass().getName())
    if name not in _BY_CLASS:
        raise ImageFormatError(
            f"An image of pixels of the type {name} is not supported: convert it in Java to one of "
            f"{', '.join(one.java.rpartition('.')[2] for one in PIXEL_TYPES)}."
        )
    return _BY_CLASS[name]


def type_for(dtype: Any) -> PixelType:
    """Give the pixel type of an array's elements, of either byte order.

    Raises
    ------
    ImageFormatError
        If ImgLib2 has none for it.
    """
    name = dtype.newbyteorder("=").name
    if name not in _BY_DTYPE:
        advice = 'give it as .astype("float32")' if name == "float16" else f"supported are {', '.join(sorted(_BY_DTYPE))}"
        raise ImageFormatError(f"Java has no images of pixels of the type {name}: {advice}.")
    return _BY_DTYPE[name]
