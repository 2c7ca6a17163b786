"""What a TIFF says of its pixels beside their values: pixel sizes, origin and channel names (ImageJ, OME), and its colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ijbridge import units
from ijbridge.tiff_safety import local_name

if TYPE_CHECKING:
    import tifffile

    from ijbridge.typing import Array


def colour_table(series: tifffile.TiffPageSeries) -> Array | None:
    """Give the table of an image with a palette, shape (3, n), uint8; None where ImageJ, too, takes only the values."""
    import numpy as np
    from tifffile import PHOTOMETRIC

    page = series.keyframe
    if page.photometric != PHOTOMETRIC.PALETTE or page.colormap is None or series.dtype != np.uint8:
        return None
    table: Array = (page.colormap >> 8).astype(np.uint8)  # a TIFF has 16 bits for each colour
    return table


def is_scattered(table: Array) -> bool:
    """Tell colours that pixels are looked up in from a look-up table (LUT) that only says how intensities are shown.

    A LUT is smooth: three of four steps are the step before, within 2 levels. So it is in 43 of the 48 LUTs of ImageJ and
    Fiji (not in phase, 3-3-2 RGB and the three for labels), and in none of the tables that Pillow's three ways of choosing
    4 to 256 colours make of ten photographs. ImageJ's own measure, the standard deviation of the steps, takes 220 of these
    540 tables for LUTs. Java's ``Palette`` measures as it is done here.

    Parameters
    ----------
    table
        Red, green and blue of each value, shape (3, n), integers of 0 to 255. What is black at its end does not count: files
        fill up with it. A table of grays is never scattered, nor one of two colours.
    """
    import numpy as np

    used = np.flatnonzero(table.any(axis=0))
    levels = table[:, : used[-1] + 1 if used.size else 0].astype(int)
    bends = abs(np.diff(levels, 2, axis=1)).max(axis=0)
    return bool((levels != levels[0]).any() and 4 * np.count_nonzero(bends > 2) > bends.size)


def read_metadata(tiff: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str], tuple[str, ...]]:
    """Give pixel sizes and units by axis, and the names of the channels, of which an image may have more or fewer."""
    if tiff.is_ome:
        return _ome_metadata(tiff.ome_metadata or "")
    if tiff.is_imagej:
        return *_imagej_calibration(tiff), ()
    return {}, {}, ()  # the resolution of a plain TIFF is that of a printer or a screen


def _imagej_calibration(tiff: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str]]:
    metadata: Mapping[str, Any] = tiff.imagej_metadata or {}
    pixel_size: dict[str, float] = {}
    unit: dict[str, str] = {}
    length = units.symbol(str(metadata.get("unit", "")))
    if length is not None:
        tags = tiff.pages[0].tags
        for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
            if tag in tags and tags[tag].value[0] > 0:
                numerator, denominator = tags[tag].value
                pixel_size[axis] = denominator / numerator
        if isinstance(metadata.get("spacing"), int | float):
            pixel_size["z"] = abs(float(metadata["spacing"]))
        # y and z may have units of their own
        unit = {axis: units.symbol(str(metadata.get(f"{axis}unit", length))) or length for axis in pixel_size}
    if isinstance(metadata.get("finterval"), int | float) and metadata["finterval"] > 0:
        pixel_size["t"] = float(metadata["finterval"])
        unit["t"] = str(metadata.get("tunit", "s"))
    return pixel_size, unit


def imagej_origin(metadata: Mapping[str, Any], pixel_size: Mapping[str, float]) -> dict[str, float]:
    """Give where the axes begin; ImageJ says, in pixels, where their 0 is."""
    zeros = {axis: metadata.get(f"{axis}origin") for axis in "zyx"}
    return {axis: -zero * pixel_size.get(axis, 1.0) for axis, zero in zeros.items() if isinstance(zero, int | float)}


def _ome_metadata(xml: str) -> tuple[dict[str, float], dict[str, str], tuple[str, ...]]:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        pixels = next((node for node in fromstring(xml).iter() if local_name(node) == "Pixels"), None)
    except (ParseError, DefusedXmlException) as error:
        raise ValueError(f"its OME description is broken ({error})") from error
    pixel_size: dict[str, float] = {}
    unit: dict[str, str] = {}
    if pixels is None:
        return pixel_size, unit, ()
    names = {"x": "PhysicalSizeX", "y": "PhysicalSizeY", "z": "PhysicalSizeZ", "t": "TimeIncrement"}
    for axis, name in names.items():
        if name in pixels.attrib:
            pixel_size[axis] = float(pixels.attrib[name])
            unit[axis] = pixels.attrib.get(f"{name}Unit", "s" if axis == "t" else "µm")
    return pixel_size, unit, tuple(node.attrib.get("Name", "").strip() for node in pixels if local_name(node) == "Channel")
