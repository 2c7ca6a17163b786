"""What a package shows people where its model brings nothing: a README.md of what is known, and a cover of the test image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ijbridge.description import ModelDescription
from ijbridge.testing import letters_of
from ijbridge.typing import Array

#: Pixels of a side of each of the two pictures of a cover.
_SIDE = 256


def make_cover(description: ModelDescription, arrays: Mapping[str, Array]) -> bytes:
    """Make a PNG of the first input and the first output, side by side, from their test tensors."""
    import imagecodecs

    shown = (description.inputs[0], description.outputs[0])
    pictures = [grey_square(middle_plane(arrays[tensor.id], letters_of(tensor))) for tensor in shown]
    return bytes(imagecodecs.png_encode(np.concatenate(pictures, axis=1), level=9))


def middle_plane(array: Array, letters: Sequence[str]) -> Array:
    """Give the middle plane of the first channel, (y, x), float64; what has no y or x has one row."""
    left, plane = list(letters), array
    for letter in [one for one in left if one not in "yx"]:
        place = left.index(letter)
        plane = plane.take(0 if letter in "bc" else plane.shape[place] // 2, axis=place)
        left.remove(letter)
    return np.atleast_2d(plane.T if left == ["x", "y"] else plane).astype(np.float64)


def limits_of(plane: Array) -> tuple[float, float]:
    """Give what of a plane is black and what is white: nearly its least and its largest value."""
    low, high = np.percentile(plane, (0.5, 99.5))
    return (float(low), float(high)) if high > low else (float(plane.min()), float(plane.max()))


def grey_square(plane: Array, limits: tuple[float, float] | None = None) -> Array:
    """Give a plane as a square of `_SIDE` pixels, uint8, black and white at the limits (by default its own)."""
    low, high = limits_of(plane) if limits is None else limits
    grey = np.clip((plane - low) / ((high - low) or 1.0), 0, 1) * 255
    longest = max(grey.shape)
    indices = [
        (np.arange(max(1, _SIDE * size // longest)) * longest / _SIDE).astype(int).clip(0, size - 1) for size in grey.shape
    ]
    small = grey[np.ix_(*indices)].astype(np.uint8)
    square = np.zeros((_SIDE, _SIDE), np.uint8)
    top, left = ((_SIDE - size) // 2 for size in small.shape)
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def make_readme(description: ModelDescription, test: str, beyond: Sequence[str]) -> str:
    """Write what is known of a model, what its test tensors are (``test``), and which fields 0.5 cannot say (``beyond``)."""
    lines = [f"# {description.name}", ""]
    if description.description:
        lines += [description.description, ""]
    lines += [f"Converted from {description.format} {description.format_version}".rstrip() + " by ijbridge.", ""]
    people = [person.name for person in description.authors if person.name]
    stated = {
        "Authors": ", ".join(people),
        "Licence": description.license or "",
        "Development": description.git_repo or "",
        "Further documentation": description.documentation.source if description.documentation else "",
    }
    lines += [f"- {name}: {value}" for name, value in stated.items() if value]
    lines += [f"- Cite: {one.text} {one.doi or one.url or ''}".rstrip() for one in description.cite]
    lines += [f"- Note: {one.sentence}" for one in description.all_findings]
    if beyond:
        lines += [
            "",
            "## What only ijbridge reads",
            "",
            "bioimage.io 0.5 has no field for these; `config.ijbridge` keeps them, and other programs do without them:",
            "",
            *(f"- `{field}`" for field in beyond),
        ]
    lines += [
        "",
        "## Validation",
        "",
        f"The model's test tensors are {test}; `ijbridge test` compares. They tell that it runs as it did here, not how good "
        "it is.",
    ]
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n"
