"""Findings: what is worth saying about a model and an image before anything runs.

A finding never changes what is computed. One that must stop a run is an error instead, raised where it is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ijbridge import units
from ijbridge.description import Binarize, EnsureDtype, ModelDescription, Operation, Tensor
from ijbridge.image import Header

#: Pixel sizes that differ by less than this factor are taken to be the same.
_SAME_PIXEL_SIZE = 1.1


@dataclass(frozen=True)
class Finding:
    """One finding: what was ``found``, what is ``expected``, and what to do.

    ``id`` names its kind and stays the same between versions.
    """

    id: str
    severity: Literal["warning", "note"]
    found: str
    expected: str = ""
    advice: str = ""

    @property
    def sentence(self) -> str:
        """Say it in one sentence."""
        expected = f", {self.expected}" if self.expected else ""
        advice = f": {self.advice}" if self.advice else ""
        return f"{self.found}{expected}{advice}."


def check_pixel_size(tensor: Tensor, image: Header) -> list[Finding]:
    """Compare the image's pixel size with the one the model was made for."""
    findings = []
    for axis in tensor.axes:
        letter = axis.letter
        if letter is None or axis.kind != "space" or letter not in image.axes or axis.pixel_size is None:
            continue
        expected = f"the model expects {axis.pixel_size:g} {units.symbol(axis.unit)}"
        size = image.pixel_size.get(letter)
        factor = units.factor(image.unit.get(letter), axis.unit)
        if size is not None and factor is None:
            unit = image.unit.get(letter)
            findings.append(
                Finding(
                    "pixel-size-unit", "warning",
                    f"{image.name} has pixels of {size:g} {unit or 'no stated unit'} along {letter}", expected,
                    "set their size in a unit of length (in ImageJ: Image > Properties), or make sure that it is the same",
                )
            )  # fmt: skip
            continue
        if size is None or factor is None:
            findings.append(
                Finding(
                    "pixel-size-missing", "warning", f"{image.name} has no pixel size along {letter}", expected,
                    "set it (in ImageJ: Image > Properties), or make sure that it is the same",
                )
            )  # fmt: skip
            continue
        ratio = size * factor / axis.pixel_size
        if not 1 / _SAME_PIXEL_SIZE <= ratio <= _SAME_PIXEL_SIZE:
            findings.append(
                Finding(
                    "pixel-size-differs", "warning",
                    f"{image.name} has pixels of {size:g} {image.unit[letter]} along {letter}",
                    f"{expected}, a factor of {ratio:.3g}",
                    "objects may be missed or split; resample the image to the model's pixel size",
                )
            )  # fmt: skip
    return findings


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
