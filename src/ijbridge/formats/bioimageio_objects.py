"""The operation ``stardist_postprocessing`` of bioimage.io 0.5, by which an output becomes a label image.

The specification does not say whether the output's axes are those of the network's tensor (probability and distances, on the
grid) or those of the label image; the number of channels tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any, TypeGuard

from ijbridge.description import Axis, FixedSize, FreeSize, ModelDescription, ReferencedSize, Size, SteppedSize, Tensor
from ijbridge.formats.fields import Fields
from ijbridge.formats.object_limits import object_problems
from ijbridge.operations import UnsupportedOperation
from ijbridge.star_convex import MOST_GRID, MOST_RAYS, Rays, StarConvex

OPERATION = "stardist_postprocessing"


def with_objects(description: ModelDescription, root: Fields) -> ModelDescription:
    """Give the output that becomes a label image the axes that the network gives it, and say how objects are made of it.

    Where it is one of several outputs, or other operations follow, the operation stays one that cannot be run.

    Raises
    ------
    DescriptionError
        If the operation's arguments are broken, or do not fit the output.
    """
    outputs = list(zip(description.outputs, root.mappings("outputs"), strict=True))
    for tensor, fields in outputs:
        stated = list(fields.mappings("postprocessing"))
        names = [one.raw("id") for one in stated]
        if OPERATION not in names:
            continue
        kwargs = stated[names.index(OPERATION)].mapping("kwargs")
        why = _why_not(kwargs, names, len(outputs) + len(description.inputs))
        if why:
            return replace(description, outputs=tuple(_refused(one, why) for one in description.outputs))
        objects = _objects(kwargs, tensor, description.inputs[0])
        output = _of_network(fields, tensor, objects)
        for problem in object_problems(objects, [output]):
            raise kwargs.error(problem)
        return replace(description, outputs=(output,), objects=objects)
    return description


def _why_not(kwargs: Fields, names: Sequence[object], tensors: int) -> str:
    if names[-1] != OPERATION or names.count(OPERATION) > 1:
        return "other operations follow it, which are not applied to objects"
    if tensors > 2:
        return "the model has several inputs or outputs, of which only one would be used"
    if "overlap_label" in kwargs:
        return "it has an overlap_label, which this version does not paint"
    return ""


def _refused(tensor: Tensor, why: str) -> Tensor:
    return replace(
        tensor,
        operations=tuple(
            replace(one, why=why) if isinstance(one, UnsupportedOperation) and one.name == OPERATION else one
            for one in tensor.operations
        ),
    )


def _objects(kwargs: Fields, tensor: Tensor, image: Tensor) -> StarConvex:
    letters = "".join(axis.letter for axis in tensor.axes if axis.kind == "space" and axis.letter)
    letters = "".join(sorted(letters, reverse=True))
    n_rays = kwargs.integer("n_rays", low=3)
    if n_rays > MOST_RAYS:
        raise kwargs.wrong("n_rays", f"a whole number from 3 to {MOST_RAYS}")
    grid = tuple(kwargs.list("grid", required=True))
    if len(grid) != len(letters) or not all(_is_whole(one) and 1 <= one <= MOST_GRID for one in grid):
        raise kwargs.wrong("grid", f"{len(letters)} whole numbers from 1 to {MOST_GRID}")
    rays = None
    if len(letters) > 2:
        anisotropy = kwargs.numbers("anisotropy")
        if anisotropy is None or len(anisotropy) != 3:
            raise kwargs.wrong("anisotropy", "three numbers")
        rays = Rays("Rays_GoldenSpiral", (("n", n_rays), ("anisotropy", anisotropy)))
    sizes = [_accepted(next((axis.size for axis in image.axes if axis.letter == letter), None)) for letter in letters]
    return StarConvex(
        prob=tensor.id,
        dist=tensor.id,
        prob_class=None,
        axes=letters,
        grid=grid,
        multiple=tuple(max(step, one) for (_, step), one in zip(sizes, grid, strict=True)),
        n_rays=n_rays,
        prob_thresh=_threshold(kwargs, "prob_threshold"),
        nms_thresh=_threshold(kwargs, "nms_threshold"),
        spacing=(1,) * len(letters),
        rays=rays,
        least=tuple(low for low, _ in sizes),
        border=_border(kwargs, len(letters)),
        stated_by=tensor.id,
    )


def _accepted(size: Size | None) -> tuple[int, int]:
    """Give the least size of an image, and by how much larger ones grow; 0: by the grid."""
    match size:
        case FixedSize(low) | FreeSize(low):
            return low, 0
        case SteppedSize(low, step):
            return low, step
        case _:
            return 0, 0


def _threshold(kwargs: Fields, key: str) -> float:
    value = kwargs.number(key)
    if not 0 <= value <= 1:
        raise kwargs.wrong(key, "a number from 0 to 1")
    return value


def _border(kwargs: Fields, ndim: int) -> tuple[tuple[int, int], ...]:
    value = kwargs.raw("b")
    pairs: list[Any] = value if isinstance(value, list) else [[value, value]] * ndim
    is_pairs = len(pairs) == ndim and all(isinstance(one, list) and len(one) == 2 for one in pairs)
    if not is_pairs or not all(_is_whole(one) and one >= 0 for pair in pairs for one in pair):
        raise kwargs.wrong("b", f"a whole number, or {ndim} pairs of them")
    return tuple((before, behind) for before, behind in pairs)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_network(fields: Fields, tensor: Tensor, objects: StarConvex) -> Tensor:
    count = 1 + objects.n_rays
    stated = [axis.size.size for axis in tensor.axes if axis.kind == "channel" and isinstance(axis.size, FixedSize)]
    if stated not in ([1], [count]):
        raise fields.error(
            f"`{fields.path}` has {stated[0] if stated else 'no'} channels, but {OPERATION} needs {count} (the probability and "
            f"{objects.n_rays} distances), or 1 where the label image is described"
        )
    grid = dict(zip(objects.axes, objects.grid, strict=True))
    names = ("probability", *(f"distance {number}" for number in range(1, count)))
    axes = [
        replace(axis, size=FixedSize(count), channel_names=names)
        if axis.kind == "channel"
        else _on_grid(fields, axis, grid.get(axis.letter or "", 1), of_labels=stated == [1])
        for axis in tensor.axes
    ]
    at = next(number for number, one in enumerate(tensor.operations) if isinstance(one, UnsupportedOperation))
    return replace(
        tensor, axes=tuple(axes), dtype="float32", operations=tensor.operations[:at], value_range=(None, None), values=(),
    )  # fmt: skip


def _on_grid(fields: Fields, axis: Axis, grid: int, *, of_labels: bool) -> Axis:
    """Give an axis of the grid, with as many positions as it takes to cover an image of any size."""
    each = grid if of_labels else 1
    match axis.size:
        case ReferencedSize(ratio=ratio, offset=offset) if ratio * grid == each:
            covering = offset / each + Fraction(grid - 1, grid)
            size: Size = replace(axis.size, ratio=ratio / each, offset=covering)
        case FixedSize(elements) if elements % each == 0:
            size = FixedSize(elements // each)
        case _ if grid == 1:
            return axis
        case _:
            raise fields.error(f"`{fields.path}` has a size along {axis.id} that does not go with the grid {grid}")
    return replace(
        axis, size=size, halo=ceil(axis.halo / each), pixel_size=None if axis.pixel_size is None else axis.pixel_size * each
    )
