"""Findings that only the pixels tell, of one pass over them.

================  ========  ================================================================================
id                severity  what was found
================  ========  ================================================================================
not-finite        error     NaN or infinite values
beyond-type       error     values beyond the floating point type that the model reads
bit-depth         warning   values that the type that the model reads does not hold
intensity-range   warning   values that the description does not allow (a note where the model normalises)
saturated         warning   many pixels at the largest value of the type or of a camera (a note where few)
beyond-1          warning   floating point numbers beyond 0 to 1 for a model that takes these and divides integers only
constant          warning   one value everywhere (where the model normalises, `ijbridge.measuring` says it)
================  ========  ================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ijbridge import views
from ijbridge.checks import first_type, is_normalised
from ijbridge.description import Tensor
from ijbridge.findings import Finding
from ijbridge.image import Image
from ijbridge.operations import DivideByTypeMaximum
from ijbridge.typing import Array

#: The largest values of cameras and detectors of 8 to 16 bits.
_LARGEST = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))

#: From these shares of pixels at the largest value on, saturation is worth a note, and a warning.
_NOTED, _WARNED = 0.001, 0.01


@dataclass(frozen=True)
class PixelSummary:
    """Smallest and largest finite value, how many are not finite, and what is saturated.

    ``saturated`` is the share of pixels at the largest value of a camera, ``saturated_at`` that value, of the channel that has
    most of them.
    """

    low: float
    high: float
    not_finite: int = 0
    saturated: float = 0.0
    saturated_at: float = 0.0


def summarise(image: Image) -> PixelSummary:
    """Look at every pixel once."""
    header = image.header
    if "c" in header.axes:
        axis = header.axes.index("c")
        parts = [_channel(image, axis, number) for number in range(header.shape[axis])]
    else:
        parts = [image.array]
    found = [_summarised(part) for part in parts]
    finite = [one for one in found if one.low <= one.high]
    return PixelSummary(
        low=min((one.low for one in finite), default=0.0),
        high=max((one.high for one in finite), default=0.0),
        not_finite=sum(one.not_finite for one in found),
        saturated=max(one.saturated for one in found),
        saturated_at=max(found, key=lambda one: one.saturated).high,
    )


def _channel(image: Image, axis: int, number: int) -> Array:
    where: tuple[slice | int, ...] = (*(slice(None),) * axis, number)
    part: Array = image.array[where]
    return part


def _summarised(pixels: Array) -> PixelSummary:
    """Look at the pixels of one channel; where none is finite, low is above high."""
    kind, low, high, bad = pixels.dtype.kind, np.inf, -np.inf, 0
    at = dict.fromkeys(_LARGEST, 0)
    for where in views.blocks(pixels.shape):
        block: Array = np.asarray(pixels[where])
        smallest, largest = block.min(), block.max()
        if kind == "f" and not (np.isfinite(smallest) and np.isfinite(largest)):
            finite = block[np.isfinite(block)]
            bad += block.size - finite.size
            if not finite.size:
                continue
            smallest, largest = finite.min(), finite.max()
        low, high = min(low, float(smallest)), max(high, float(largest))
        if kind == "u" and int(largest) in at:
            at[int(largest)] += int(np.count_nonzero(block == largest))
    share = at.get(int(high), 0) / pixels.size if kind == "u" else 0.0
    if share >= _NOTED and _is_mask(pixels, low, high):
        share = 0.0
    return PixelSummary(low, high, bad, share, high)


def _is_mask(pixels: Array, low: float, high: float) -> bool:
    """Whether there are two values only, which is what a mask has."""
    return all(bool(((pixels[where] == low) | (pixels[where] == high)).all()) for where in views.blocks(pixels.shape))


def check_pixels(tensor: Tensor, image: Image) -> list[Finding]:
    """Say what the pixels of an image tell, with its channels chosen and before anything is computed with them."""
    found, name = summarise(image), image.header.name
    if found.not_finite:
        return [
            Finding(
                "not-finite", "error", f"{name} holds {found.not_finite} pixels that are NaN or infinite",
                "no network makes anything of these", "replace them by numbers first (in ImageJ: Process > Math > Macro)",
            )
        ]  # fmt: skip
    findings = _beyond_type(tensor, image, found)
    if found.low == found.high and not is_normalised(tensor):
        findings.append(
            Finding("constant", "warning", f"{name} is constant: every pixel is {found.low:g}",
                    "so there is nothing in it to find", "see that the right channel and image are given")
        )  # fmt: skip
    divides = tensor.operations[:1] == (DivideByTypeMaximum(),)
    if divides and image.header.dtype.startswith("float") and not 0 <= found.low <= found.high <= 1:
        findings.append(
            Finding(
                "beyond-1", "warning", f"{name} holds {image.header.dtype} from {found.low:g} to {found.high:g}",
                "the model takes 0 to 1, and by what such numbers are divided is not known",
                "name it, such as normalize=divide,255, or normalize=min-max",
            )
        )  # fmt: skip
    low, high = tensor.value_range
    if (low is not None and found.low < low) or (high is not None and found.high > high):
        allowed = f"{'-inf' if low is None else f'{low:g}'} to {'inf' if high is None else f'{high:g}'}"
        normalised = is_normalised(tensor)
        findings.append(
            Finding(
                "intensity-range", "note" if normalised else "warning",
                f"{name} holds values from {found.low:g} to {found.high:g}", f"the model allows {allowed}",
                "its normalisation makes up for the scale" if normalised else "scale the values to that range",
            )
        )  # fmt: skip
    if found.saturated >= _NOTED and found.low < found.high:
        share = f"{100 * found.saturated:.2g} % of the pixels of {name}"
        findings.append(
            Finding(
                "saturated", "warning" if found.saturated >= _WARNED else "note",
                f"{share} are at {found.saturated_at:g}, the largest value there is",
                "what is brighter looks alike to the model", "take images with a shorter exposure",
            )
        )  # fmt: skip
    return findings


def _beyond_type(tensor: Tensor, image: Image, found: PixelSummary) -> list[Finding]:
    """Say which values the type that the model reads does not hold."""
    read, name = first_type(tensor), image.header.name
    if read is None or np.can_cast(np.dtype(image.header.dtype), read):
        return []
    holds, kind = f"{name} holds values from {found.low:g} to {found.high:g}", np.dtype(read).kind
    if kind == "f":
        largest = float(np.finfo(read).max)
        if max(abs(found.low), abs(found.high)) <= largest:
            return []
        return [
            Finding("beyond-type", "error", holds, f"the model reads {tensor.id} as {read}, up to {largest:g}",
                    "scale the values down first (in ImageJ: Process > Math > Multiply)")
        ]  # fmt: skip
    limits = (0.0, 1.0) if kind == "b" else (float(np.iinfo(read).min), float(np.iinfo(read).max))
    fractions = image.header.dtype.startswith("float") and kind != "b"
    if limits[0] <= found.low and found.high <= limits[1] and not fractions:
        return []
    return [
        Finding(
            "bit-depth", "warning", f"{holds} as {image.header.dtype}",
            f"the model reads {tensor.id} as {read}, {limits[0]:g} to {limits[1]:g}",
            "the rest and fractions are cut off; convert the image so that its values fit (in ImageJ: Image > Type)",
        )
    ]  # fmt: skip
