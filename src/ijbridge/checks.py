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
bit-depth              warning   the image's type holds other values than the model reads (a note where it depends)
cast-to-integers       warning   the description cuts its own normalised fractions off
weights-missing        note      other weights that the description names
=====================  ========  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ijbridge import units
from ijbridge.description import ModelDescription, Tensor, Weights
from ijbridge.findings import Finding
from ijbridge.image import Header
from ijbridge.operations import Binarize, Clip, EnsureDtype, Operation, ScaleRange, ZeroMeanUnitVariance

#: Pixel sizes that differ by less than this factor are taken to be the same.
_SAME_PIXEL_SIZE = 1.1


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
    """Whether an input is scaled by statistics of its own before anything is cut off, so that its scale does not matter."""
    for operation in tensor.operations:
        if isinstance(operation, Clip | Binarize) or (isinstance(operation, EnsureDtype) and "int" in operation.dtype):
            return False
        if isinstance(operation, ZeroMeanUnitVariance) or (isinstance(operation, ScaleRange) and operation.reference is None):
            return True
    return False


def first_type(tensor: Tensor) -> str | None:
    """Give the type that an image is cast to before anything else."""
    first = tensor.operations[0] if tensor.operations else None
    return first.dtype if isinstance(first, EnsureDtype) else None


def pixel_size_factor(tensor: Tensor, image: Header, letter: str) -> float | None:
    """Give how many times larger the image's pixels are than the model's along an axis; None where one is not known."""
    axis = next((one for one in tensor.axes if one.letter == letter and one.kind == "space"), None)
    size = image.pixel_size.get(letter)
    if axis is None or axis.pixel_size is None or size is None:
        return None
    factor = units.factor(image.unit.get(letter), axis.unit)
    return None if factor is None else size * factor / axis.pixel_size


def check_pixel_size(tensor: Tensor, image: Header) -> list[Finding]:
    """Compare the image's pixel size with the one the model was made for; axes of which the same is to be said go together."""
    alike: dict[tuple[float | None, str | None, float, str | None], list[str]] = {}
    for axis in tensor.axes:
        letter = axis.letter
        if letter is not None and axis.kind == "space" and letter in image.axes and axis.pixel_size is not None:
            found = (image.pixel_size.get(letter), image.unit.get(letter), axis.pixel_size, axis.unit)
            alike.setdefault(found, []).append(letter)
    findings = []
    for (size, unit, wanted, wanted_unit), letters in alike.items():
        where, expected = f"along {_listed(letters)}", f"the model expects {wanted:g} {units.symbol(wanted_unit)}"
        ratio = pixel_size_factor(tensor, image, letters[0])
        if size is None:
            findings.append(
                Finding(
                    "pixel-size-missing", "warning", f"{image.name} has no pixel size {where}", expected,
                    "set it (in ImageJ: Image > Properties), or make sure that it is the same",
                )
            )  # fmt: skip
        elif ratio is None:
            findings.append(
                Finding(
                    "pixel-size-unit", "warning",
                    f"{image.name} has pixels of {size:g} {(unit or '').strip() or '(in no stated unit)'} {where}", expected,
                    "set their size in a unit of length (in ImageJ: Image > Properties), or make sure that it is the same",
                )
            )  # fmt: skip
        elif not _same(ratio):
            findings.append(
                Finding(
                    "pixel-size-differs", "warning", f"{image.name} has pixels of {size:g} {unit} {where}",
                    f"{expected}, a factor of {ratio:.3g}",
                    "objects may be missed or split; rescale resamples the image to the model's pixel size",
                )
            )  # fmt: skip
    return findings


def _listed(letters: Sequence[str]) -> str:
    return " and ".join((", ".join(letters[:-1]), letters[-1])) if len(letters) > 1 else letters[0]


def check_few_pixels(image: Header, letter: str, size: int, smallest: int) -> list[Finding]:
    """Say that an image is smaller than the smallest input a model takes."""
    if size >= smallest:
        return []
    found = f"{image.name} has {size} pixel{'s' * (size != 1)} along {letter}"
    return [
        Finding(
            "few-pixels", "warning", found, f"the model takes at least {smallest}",
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

    held, read = np.dtype(image.dtype), first_type(tensor)
    if read is not None and np.dtype(read).kind in "iub" and not np.can_cast(held, read):
        return [
            Finding(
                "bit-depth", "note", f"{image.name} is {image.dtype}", f"the model reads {tensor.id} as {read}",
                "what does not fit is cut off; `ijbridge check` tells whether anything is",
            )
        ]  # fmt: skip
    top = tensor.value_range[1]
    if top not in (1023, 4095, 16383, 65535) or image.dtype != "uint8" or is_normalised(tensor):
        return []
    return [
        Finding(
            "bit-depth", "warning", f"{image.name} is {image.dtype}, with values up to 255",
            f"the model expects up to {top:g} and does not normalise", "scale its values to that range",
        )
    ]  # fmt: skip


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


def check_followed(weights: Weights) -> list[Finding]:
    """Say that nothing is known of a network but what its description says."""
    if weights.format != "torchscript":
        return []
    return [
        Finding("network-not-followed", "note", f"The network {weights.file.source} is TorchScript, which is not looked into",
                "so its description is believed: halo, sizes and what it needs of memory")
    ]  # fmt: skip


def check_weights(description: ModelDescription, used: str) -> list[Finding]:
    """Say which described weights are not in the package."""
    missing = [one.format for one in description.weights if not one.available and one.format != used]
    if not missing:
        return []
    return [Finding("weights-missing", "note", f"The package lacks its weights for {', '.join(missing)}; {used} is used")]
