"""What is said of objects must fit the outputs that they are made of: compiled code is given both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ijbridge.description import FixedSize, Tensor
from ijbridge.formats.fields import shown
from ijbridge.star_convex import MOST_GRID, MOST_LEVEL, MOST_RAYS, RAYS, Rays, StarConvex

#: The most that a size is padded to multiples of, or that is left out along the border.
_MOST_PIXELS = 2**20

_RATIOS = (0.01, 100.0)


def object_problems(objects: StarConvex, outputs: Sequence[Tensor]) -> Iterator[str]:
    """Say what of ``objects`` cannot be, or does not fit the outputs of the description."""
    ndim = len(objects.axes)
    if objects.axes not in ("yx", "zyx"):
        yield f"objects lie in the axes {objects.axes!r}, but must in yx or zyx"
        return
    for name in ("grid", "multiple", "spacing", "least", "border"):
        count = len(getattr(objects, name))
        if count != ndim and not (count == 0 and name in ("least", "border")):
            yield f"objects have {count} values of {name}, but must have one for each of {objects.axes}"
            return
    for grid, multiple, spacing in zip(objects.grid, objects.multiple, objects.spacing, strict=True):
        if not (1 <= grid <= MOST_GRID and 1 <= multiple <= _MOST_PIXELS and spacing in (1, grid)):
            said = f"the grid {shown(grid)}, multiple {shown(multiple)} and spacing {shown(spacing)}"
            yield f"objects have {said}, which do not go together"
    if not all(0 <= one <= _MOST_PIXELS for one in (*objects.least, *(one for pair in objects.border for one in pair))):
        yield "objects have a least size or a border below 0, or beyond all sizes"
    if not (0 <= objects.prob_thresh <= 1 and 0 <= objects.nms_thresh <= 1):
        yield f"objects have the thresholds {objects.prob_thresh} and {objects.nms_thresh}, but must have some of 0 to 1"
    if not 3 <= objects.n_rays <= MOST_RAYS:
        yield f"objects have {shown(objects.n_rays)} rays, but must have 3 to {MOST_RAYS}"
    if (objects.rays is not None) != (ndim == 3):
        yield "objects in volumes must have rays, and only these"
    elif objects.rays is not None:
        yield from _ray_problems(objects.rays)
    yield from _output_problems(objects, {tensor.id: tensor for tensor in outputs})


def _ray_problems(rays: Rays) -> Iterator[str]:
    if rays.name not in RAYS:
        yield f"objects have the rays {shown(rays.name)}, but must have one of {', '.join(RAYS)}"
        return
    for key, value in rays.arguments:
        fits = key in RAYS[rays.name]
        if key == "anisotropy":
            low, high = _RATIOS
            fits &= value is None or (isinstance(value, tuple) and len(value) == 3 and all(low <= one <= high for one in value))
        else:
            fits &= isinstance(value, int) and 1 <= value <= (MOST_LEVEL if key == "n_level" else MOST_RAYS)
        if not fits:
            yield f"the rays {rays.name} of objects have {shown(key)} {shown(value)}, which they cannot have"


def _output_problems(objects: StarConvex, outputs: dict[str, Tensor]) -> Iterator[str]:
    counts = {objects.prob: 1, objects.dist: objects.n_rays}
    if objects.prob == objects.dist:
        counts = {objects.prob: 1 + objects.n_rays}
    if objects.prob_class is not None:
        counts[objects.prob_class] = 0
    for name, count in counts.items():
        if name not in outputs:
            yield f"objects are made of {name!r}, but the outputs are {', '.join(outputs)}"
            continue
        sizes = [axis.size for axis in outputs[name].axes if axis.kind == "channel"]
        size = sizes[0].size if len(sizes) == 1 and isinstance(sizes[0], FixedSize) else None
        if size is None or (count and size != count):
            yield f"the output {name!r} has {size or 'no fixed number of'} channels, but objects need {count or 'one'}"
        letters = "".join(axis.letter or "?" for axis in outputs[name].axes if axis.kind == "space")
        if sorted(letters) != sorted(objects.axes):
            yield f"the output {name!r} has the axes {letters} of space, but objects lie in {objects.axes}"
