"""ImageJ2's images, which know their axes: ``ImgPlus`` and ``Dataset``.

They are asked by the methods that their interfaces have, so that no jar of ImageJ2's is needed to build or import this.
"""

from __future__ import annotations

from typing import Any

from ijbridge.errors import ImageJError
from ijbridge.image import Image
from ijbridge.imagej.jvm import find_class, is_a

_LABELS = {"t": "Time", "c": "Channel", "z": "Z", "y": "Y", "x": "X"}
_LETTERS = {label: letter for letter, label in _LABELS.items()}


def is_dataset(value: Any) -> bool:
    """Whether a value is ImageJ2's ``Dataset``."""
    return is_a(value, "net.imagej.Dataset")


def has_imagej2() -> bool:
    """Whether there is an ImageJ2 in the JVM of this process."""
    try:
        find_class("net.imagej.ImgPlus")
    except ImageJError:
        return False
    return True


def told_axes(image: Any) -> str | None:
    """Give the axes of an image that knows them, slowest first; None where it does not, or has others than an image."""
    letters = [_LETTERS.get(str(image.axis(axis).type().getLabel())) for axis in reversed(range(image.numDimensions()))]
    return None if None in letters else "".join(map(str, letters))


def told_space(image: Any, axes: str) -> tuple[dict[str, float], dict[str, str], dict[str, float]]:
    """Give what is known of each axis: the size of a pixel, its unit, and where it begins; one without a unit counts pixels."""
    sizes, units, origin = {}, {}, {}
    for number, letter in enumerate(reversed(axes)):
        axis = image.axis(number)
        unit = axis.unit()
        if letter == "c":
            continue
        origin[letter] = float(axis.calibratedValue(0.0))
        if unit is not None and str(unit) not in ("", "pixel", "pixels"):
            sizes[letter], units[letter] = abs(float(axis.averageScale(0.0, 1.0))), str(unit)
    return sizes, units, origin


def make_imgplus(pixels: Any, image: Image, info: str) -> Any:
    """Make an ``ImgPlus`` of an ``Img`` and what is known of it."""
    import jpype

    header = image.header
    types = find_class("net.imagej.axis.Axes")
    letters = header.axes[::-1]
    made = find_class("net.imagej.ImgPlus")(
        pixels,
        header.name,
        jpype.JArray(find_class("net.imagej.axis.AxisType"))(
            [types.get(_LABELS[one]) if one in _LABELS else types.unknown() for one in letters]
        ),
        jpype.JArray(jpype.JDouble)([header.pixel_size.get(one, 1.0) for one in letters]),
        jpype.JArray(jpype.JString)([header.unit.get(one, "pixel" if one in header.pixel_size else None) for one in letters]),
    )
    for number, letter in enumerate(letters):
        if letter in header.origin:
            made.axis(number).setOrigin(header.origin[letter])
    if info:
        made.getProperties().put("Info", info)
    return made


def make_dataset(imgplus: Any, like: Any) -> Any:
    """Make a ``Dataset`` of an ``ImgPlus``, by the services that made another one."""
    return like.context().service(find_class("net.imagej.DatasetService").class_).create(imgplus)
