"""Findings: what is worth saying about a model and an image before anything runs.

A finding never changes what is computed. One of severity "error" stops the run: where a plan is made its sentence is raised,
`ijbridge check` lists it with the others. Here are those that a header tells; those that only pixels tell are in
``pixel_checks``.

=====================  ========  ===========================================================================
id                     severity  what was found
=====================  ========  ===========================================================================
wrong-channels         error     another number of channels than the model takes
missing-axis           error     an axis that the model needs is not there
extra-axis             error     an axis that can be neither mapped nor looped over
axis-looped            note      an axis the model does not know: it runs once for every position
pixel-size-missing     warning   the model has a pixel size, the image has none
pixel-size-unit        warning   the image's unit cannot be compared
pixel-size-differs     warning   by which factor
anisotropy             warning   pixels of other proportions than the model's
few-pixels             warning   fewer than the model takes, the rest is padding
bit-depth              warning   the image's type holds other values than the model reads
cast-to-integers       warning   the description cuts its own normalised fractions off
weights-missing        note      other weights that the description names
=====================  ========  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ijbridge import processing, units
from ijbridge.description import Binarize, EnsureDtype, ModelDescription, Operation, Tensor
from ijbridge.image import Header

#: From what stops a run to what is only worth knowing.
SEVERITIES = ("error", "warning", "note")

#: Pixel sizes that differ by less than this factor are taken to be the same.
_SAME_PIXEL_SIZE = 1.1


@dataclass(frozen=True)
class Finding:
    """One finding: what was ``found``, what is ``expected``, and what to do.

    ``id`` names its kind and stays the same between versions.
    """

    id: str
    severity: Literal["error", "warning", "note"]
    found: str
    expected: str = ""
    advice: str = ""

    @property
    def sentence(self) -> str:
        """Say it in one sentence."""
        link = ", but " if self.severity == "error" else ", "
        expected = f"{link}{self.expected}" if self.expected else ""
        advice = f": {self.advice}" if self.advice else ""
        return f"{self.found}{expected}{advice}."

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data (JSON)."""
        return {
            "id": self.id,
            "severity": self.severity,
            "message": self.sentence,
            "found": self.found,
            "expected": self.expected,
            "advice": self.advice,
        }


def check_header(tensor: Tensor, image: Header, loops: Mapping[str, int]) -> list[Finding]:
    """Say what a header tells of an image whose axes fit.

    Parameters
    ----------
    loops
        The axes of the image that the model does not know, with their sizes.
    """
    return [
        *_loops(tensor, image, loops),
        *check_pixel_size(tensor, image),
        *_proportions(tensor, image),
        *_bit_depth(tensor, image),
        *check_casts(tensor),
    ]


def is_normalised(tensor: Tensor) -> bool:
    """Whether an input is scaled by statistics of its own, so that the scale of its values does not matter."""
    return any(processing.needs(operation) for operation in tensor.operations)


def pixel_size_factor(tensor: Tensor, image: Header, letter: str) -> float | None:
    """Give how many times larger the image's pixels are than the model's along an axis; None where one is not known."""
    axis = next((one for one in tensor.axes if one.letter == letter and one.kind == "space"), None)
    size = image.pixel_size.get(letter)
    if axis is None or axis.pixel_size is None or size is None:
        return None
    factor = units.factor(image.unit.get(letter), axis.unit)
    return None if factor is None else size * factor / axis.pixel_size


def check_pixel_size(tensor: Tensor, image: Header) -> list[Finding]:
    """Compare the image's pixel size with the one the model was made for."""
    findings = []
    for axis in tensor.axes:
        letter = axis.letter
        if letter is None or axis.kind != "space" or letter not in image.axes or axis.pixel_size is None:
            continue
        expected = f"the model expects {axis.pixel_size:g} {units.symbol(axis.unit)}"
        size, unit = image.pixel_size.get(letter), image.unit.get(letter)
        ratio = pixel_size_factor(tensor, image, letter)
        if size is None:
            findings.append(
                Finding(
                    "pixel-size-missing", "warning", f"{image.name} has no pixel size along {letter}", expected,
                    "set it (in ImageJ: Image > Properties), or make sure that it is the same",
                )
            )  # fmt: skip
        elif ratio is None:
            findings.append(
                Finding(
                    "pixel-size-unit", "warning",
                    f"{image.name} has pixels of {size:g} {unit or 'no stated unit'} along {letter}", expected,
                    "set their size in a unit of length (in ImageJ: Image > Properties), or make sure that it is the same",
                )
            )  # fmt: skip
        elif not _same(ratio):
            findings.append(
                Finding(
                    "pixel-size-differs", "warning", f"{image.name} has pixels of {size:g} {unit} along {letter}",
                    f"{expected}, a factor of {ratio:.3g}",
                    "objects may be missed or split; rescale resamples the image to the model's pixel size",
                )
            )  # fmt: skip
    return findings


def check_few_pixels(image: Header, letter: str, size: int, smallest: int) -> list[Finding]:
    """Say that an image is smaller than the smallest input a model takes."""
    if size >= smallest:
        return []
    return [
        Finding(
            "few-pixels", "warning", f"{image.name} has {size} pixels along {letter}", f"the model takes at least {smallest}",
            "the rest is padding, in which it may find objects that are not there; give a larger image",
        )
    ]  # fmt: skip


def _same(ratio: float) -> bool:
    return 1 / _SAME_PIXEL_SIZE <= ratio <= _SAME_PIXEL_SIZE


def _loops(tensor: Tensor, image: Header, loops: Mapping[str, int]) -> list[Finding]:
    return [
        Finding(
            "axis-looped", "note", f"{image.name} has {size} positions along {letter}",
            f"which the model's input {tensor.id!r} does not know", "it runs once for every position",
        )
        for letter, size in loops.items() if size > 1
    ]  # fmt: skip


def _proportions(tensor: Tensor, image: Header) -> list[Finding]:
    """Compare the proportions of a pixel: with the model's, or, where it states none, of y and x with a square."""
    letters = [axis.letter for axis in tensor.axes if axis.kind == "space" and axis.letter in image.pixel_size]
    stated = {letter: factor for letter in letters if letter and (factor := pixel_size_factor(tensor, image, letter))}
    expected, advice = "the model expects other proportions", "rescale resamples the image to the model's pixel size"
    if not any(axis.pixel_size is not None for axis in tensor.axes if axis.kind == "space"):
        y_in_x = units.factor(image.unit.get("y"), image.unit.get("x")) if {"y", "x"} <= set(letters) else None
        stated = {"y": image.pixel_size["y"] * y_in_x, "x": image.pixel_size["x"]} if y_in_x else {}
        expected, advice = "the model states no pixel size, and most are made for square pixels", "scale the image to these"
    if len(stated) < 2 or _same(max(stated.values()) / min(stated.values())):
        return []
    shown = " x ".join(f"{image.pixel_size[letter]:g} {image.unit.get(letter, '')} ({letter})" for letter in stated)
    return [
        Finding("anisotropy", "warning", f"{image.name} has pixels of {shown}", expected, f"shapes look stretched; {advice}")
    ]


def _bit_depth(tensor: Tensor, image: Header) -> list[Finding]:
    import numpy as np

    held, first = np.dtype(image.dtype), tensor.operations[0] if tensor.operations else None
    if isinstance(first, EnsureDtype) and np.dtype(first.dtype).kind in "iu" and not np.can_cast(held, first.dtype):
        read = np.iinfo(first.dtype)
        lost = "fractions and values" if held.kind == "f" else "values"
        return [
            Finding(
                "bit-depth", "warning", f"{image.name} is {image.dtype}",
                f"the model reads {tensor.id} as {first.dtype}, {read.min} to {read.max}",
                f"{lost} beyond that are cut off; convert the image so that its values fit (in ImageJ: Image > Type)",
            )
        ]  # fmt: skip
    top = tensor.value_range[1]
    depths = {float(2**bits - 1) for bits in (8, 10, 12, 14, 16)}
    if top not in depths or held.kind != "u" or is_normalised(tensor) or np.iinfo(held).max == np.iinfo(_holding(top)).max:
        return []
    return [
        Finding(
            "bit-depth", "warning", f"{image.name} is {image.dtype}, with values up to {np.iinfo(held).max}",
            f"the model expects up to {top:g} and does not normalise", "scale its values to that range",
        )
    ]  # fmt: skip


def _holding(top: float) -> str:
    return "uint8" if top < 256 else "uint16"


def check_casts(tensor: Tensor) -> list[Finding]:
    """Say where a description casts normalised numbers back to integers, which is standard and seldom meant."""
    fraction_made: Operation | None = None
    for operation in tensor.operations:
        if isinstance(operation, EnsureDtype):
            if "int" in operation.dtype and fraction_made is not None:
                return [
                    Finding(
                        "cast-to-integers", "warning",
                        f"The description casts {tensor.id} to {operation.dtype} after scaling it", "as it is written",
                        "fractions are cut off; the model's author may have meant float32",
                    )
                ]  # fmt: skip
            fraction_made = None
        else:
            fraction_made = operation if not isinstance(operation, Binarize) else None
    return []


def check_weights(description: ModelDescription, used: str) -> list[Finding]:
    """Say which described weights are not in the package."""
    missing = [one.format for one in description.weights if not one.available and one.format != used]
    if not missing:
        return []
    return [Finding("weights-missing", "note", f"The package lacks its weights for {', '.join(missing)}; {used} is used")]
