"""Findings that only the pixels tell, of one pass over them.

================  ========  ================================================================================
id                severity  what was found
================  ========  ================================================================================
not-finite        error     NaN or infinite values
intensity-range   warning   values that the description does not allow (a note where the model normalises)
saturated         warning   many pixels at the largest value of the type or of a camera (a note where few)
constant          warning   one value everywhere (where the model normalises, `ijbridge.measuring` says it)
================  ========  ================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ijbridge import views
from ijbridge.checks import Finding, is_normalised
from ijbridge.description import Tensor
from ijbridge.image import Image
from ijbridge.typing import Array

#: The largest values of cameras and detectors of 8 to 16 bits.
_LARGEST = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))

#: From these shares of pixels at the largest value on, saturation is worth a note, and a warning.
_NOTED, _WARNED = 0.001, 0.01


@dataclass(frozen=True)
class PixelSummary:
    """Smallest and largest finite value, how many are not finite, and the share of pixels at the largest value of a camera."""

    low: float
    high: float
    not_finite: int = 0
    saturated: float = 0.0


def summarise(image: Image) -> PixelSummary:
    """Look at every pixel once."""
    kind = np.dtype(image.header.dtype).kind
    lows, highs, bad = [], [], 0
    at = dict.fromkeys(_LARGEST, 0)
    for where in views.blocks(image.header.shape):
        block: Array = np.asarray(image.array[where])
        low, high = block.min(), block.max()
        if kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
            finite = block[np.isfinite(block)]
            bad += block.size - finite.size
            if not finite.size:
                continue
            low, high = finite.min(), finite.max()
        lows.append(float(low))
        highs.append(float(high))
        if kind == "u" and int(high) in at:
            at[int(high)] += int(np.count_nonzero(block == high))
    top = max(highs, default=0.0)
    return PixelSummary(min(lows, default=0.0), top, bad, at.get(int(top), 0) / image.array.size)


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
    findings = []
    if found.low == found.high and not is_normalised(tensor):
        findings.append(
            Finding("constant", "warning", f"{name} is constant: every pixel is {found.low:g}",
                    "so there is nothing in it to find", "see that the right channel and image are given")
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
    elif found.saturated >= _NOTED and found.low < found.high:
        findings.append(
            Finding(
                "saturated", "warning" if found.saturated >= _WARNED else "note",
                f"{100 * found.saturated:.2g} % of the pixels of {name} are at {found.high:g}, the largest value there is",
                "what is brighter looks alike to the model", "take images with a shorter exposure",
            )
        )  # fmt: skip
    return findings
