"""Objects of StarDist: candidates collected tile by tile, thinned out over the whole image, drawn into labels.

What is computed with them (non-maximum suppression, rendering) is the package ``stardist``'s own (the extra ``stardist``),
of which only what needs no TensorFlow is loaded. Which candidates there are follows ``predict_instances`` of stardist 0.9.2.
Only candidates are kept of what the tiles give, in the order of their places: objects do not know of tiles.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ijbridge import views
from ijbridge.errors import CannotRunError
from ijbridge.extras import install_command
from ijbridge.object_plans import ObjectsPlan
from ijbridge.plans import Plan
from ijbridge.prediction import TilePart
from ijbridge.star_convex import SMALLEST_DISTANCE, Rays
from ijbridge.typing import Array


@dataclass(frozen=True)
class FoundObject:
    """An object.

    ``label`` is its value in the label image of its sample, from 1 in descending order of ``probability``; ``position`` that of
    the sample along the axes that are looped over, from 0. ``centre`` is where its rays begin, in pixels of the image (0: the
    centre of the first one). ``pixels`` have its label, which may be none where another is painted over it; ``size`` is their
    area or volume in ``unit``, None where pixels have no size. ``class_id`` is 0 for background. ``outline`` has the
    coordinates of its vertices, (2, rays): y, x.
    """

    label: int
    position: Mapping[str, int]
    probability: float
    centre: Mapping[str, float]
    pixels: int
    size: float | None = None
    unit: str | None = None
    class_id: int | None = None
    class_probability: float | None = None
    outline: Array | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data (JSON); what it does not have is left out."""
        found: dict[str, Any] = {
            "label": self.label,
            "position": dict(self.position),
            "probability": self.probability,
            "centre": dict(self.centre),
            "pixels": self.pixels,
            "size": self.size,
            "unit": self.unit,
            "class_id": self.class_id,
            "class_probability": self.class_probability,
            "outline": self.outline.tolist() if self.outline is not None else None,
        }
        return {name: one for name, one in found.items() if one is not None}


class Candidates:
    """Takes what each tile gives (`ijbridge.prediction.Sink`) and keeps the places that may have an object."""

    def __init__(self, plan: Plan, objects: ObjectsPlan) -> None:
        self._how = objects.how
        self._places = self._how.positions(objects.size)
        self._outputs = {one.tensor.id: one for one in plan.outputs}
        self._found: dict[int, list[tuple[Array, ...]]] = {}

    def begin(self) -> None:
        """Forget what was taken: a run begins, perhaps once more."""
        self._found = {}

    def take(self, sample: int, parts: Iterable[tuple[str, TilePart]]) -> None:
        """Keep the candidates of a tile."""
        how, given = self._how, dict(parts)
        prob, begin = self._channels_last(given, how.prob)
        mask = prob[..., 0] > how.prob_thresh
        places = []
        for axis, (start, spacing, allowed) in enumerate(zip(begin, how.spacing, self._places, strict=True)):
            elements = np.arange(start, start + mask.shape[axis])
            place = elements // spacing
            allowed_here = (elements % spacing == 0) & (place >= allowed.start) & (place < allowed.stop)
            mask &= np.expand_dims(allowed_here, [one for one in range(mask.ndim) if one != axis])
            places.append(place)
        where = np.nonzero(mask)
        points = np.stack([place[one] for place, one in zip(places, where, strict=True)], axis=1)
        dist = prob[where][:, 1:] if how.dist == how.prob else self._channels_last(given, how.dist)[0][where]
        taken = [points, prob[..., 0][where], np.maximum(np.float32(SMALLEST_DISTANCE), dist)]
        if how.prob_class is not None:
            taken.append(self._channels_last(given, how.prob_class)[0][where])
        if len(points):
            self._found.setdefault(sample, []).append(tuple(taken))

    def of(self, sample: int) -> tuple[Array, ...] | None:
        """Give places on the grid, probabilities, distances and (if there are classes) their probabilities; None: nothing.

        They are in the order of their places, whatever the tiles were.
        """
        if sample not in self._found:
            return None
        joined = tuple(np.concatenate(one) for one in zip(*self._found[sample], strict=True))
        order = np.lexsort(joined[0].T[::-1])
        return tuple(one[order] for one in joined)

    def _channels_last(self, parts: Mapping[str, TilePart], name: str) -> tuple[Array, list[int]]:
        """Give a part as (space..., channel), and the element at which it begins along each axis of space."""
        array, target = parts[name]
        axes = self._outputs[name].tensor.axes
        space = [next(number for number, axis in enumerate(axes) if axis.letter == letter) for letter in self._how.axes]
        others = [number for number in range(len(axes)) if number not in space]
        moved = np.transpose(array, [*space, *others]).reshape(*(array.shape[number] for number in space), -1)
        starts = [one.start or 0 if isinstance(one, slice) else 0 for one in (target[number] for number in space)]
        return moved, starts


def find_objects(
    objects: ObjectsPlan, candidates: Candidates, loops: Mapping[str, int], labels: Array
) -> tuple[FoundObject, ...]:
    """Choose among candidates and draw the chosen.

    Parameters
    ----------
    loops
        The axes that are looped over, and their sizes.
    labels
        Of the shape of ``objects.labels``, any type of integers that holds them; filled in place, 0 where there is none.

    Raises
    ------
    CannotRunError
        If stardist is not there, or makes other rays than the network has.
    """
    found: list[FoundObject] = []
    for sample, position in enumerate(views.positions(loops)):
        view = views.sample_view(labels, objects.labels.axes, position, objects.letters)
        given = candidates.of(sample)
        if given is None:
            view[...] = 0
        else:
            found += _one_sample(objects, given, position, view)
    return tuple(found)


def _one_sample(objects: ObjectsPlan, given: Sequence[Array], position: Mapping[str, int], view: Array) -> list[FoundObject]:
    how, stardist = objects.how, load_stardist()
    places, prob, dist = given[:3]
    points, step = places * np.array(how.grid), 1 / np.array(objects.factors)
    rays = _rays(how.rays, how.n_rays) if how.rays is not None else None
    more = (rays,) if rays is not None else ()
    suppress = stardist.nms.non_maximum_suppression_3d_sparse if more else stardist.nms.non_maximum_suppression_sparse
    points, prob, dist, chosen = suppress(dist, prob, points, *more, nms_thresh=how.nms_thresh)
    if any(factor != 1 for factor in objects.factors):
        points = (points + 0.5) * step - 0.5  # the edges of both grids lie upon each other
    outlines: Array | None = None
    if rays is not None:
        drawn = stardist.geometry.polyhedron_to_label(
            dist, points, rays.copy(scale=step), objects.shape, prob=prob, verbose=False
        )
        # as stardist does: those that others cover have no label
        kept = np.unique(drawn)
        kept = kept[kept > 0]
        numbers = np.zeros(len(points) + 1, np.int32)
        numbers[kept] = np.arange(1, len(kept) + 1)
        drawn, kept = numbers[drawn], kept - 1
    else:
        drawn = stardist.geometry.polygons_to_label(dist, points, objects.shape, prob=prob, scale_dist=tuple(step))
        kept = np.arange(len(points))
        if objects.has_outlines:
            outlines = stardist.geometry.dist_to_coord(dist, points, scale_dist=tuple(step))
    view[...] = drawn
    counts = np.bincount(drawn.ravel(), minlength=len(kept) + 1)
    classes = given[3][chosen] if how.prob_class is not None else None
    pixel, unit = _pixel(objects)
    return [
        FoundObject(
            label=label,
            position=dict(position),
            probability=float(prob[number]),
            centre={axis: float(one) for axis, one in zip(how.axes, points[number], strict=True)},
            pixels=int(counts[label]),
            size=None if pixel is None else float(counts[label] * pixel),
            unit=unit,
            class_id=None if classes is None else int(np.argmax(classes[number])),
            class_probability=None if classes is None else float(np.max(classes[number])),
            outline=None if outlines is None else outlines[number],
        )
        for label, number in enumerate(kept, start=1)
    ]


def _pixel(objects: ObjectsPlan) -> tuple[float | None, str | None]:
    """Give the area or volume of a pixel with its unit, where all its sizes are known in one."""
    sizes = [objects.labels.pixel_size.get(letter or "") for letter in objects.letters]
    units = {objects.labels.unit.get(letter or "") for letter in objects.letters}
    unit = units.pop() if len(units) == 1 else None
    if unit is None or any(size is None for size in sizes):
        return None, None
    return float(np.prod([size for size in sizes if size is not None])), f"{unit}{'²' if len(sizes) == 2 else '³'}"


def _rays(rays: Rays, count: int) -> Any:
    made = getattr(load_stardist().rays3d, rays.name)(**dict(rays.arguments))
    if len(made) != count:
        raise CannotRunError(f"The rays of the model, {rays.name}, are {len(made)}, but its network gives {count} distances.")
    return made


class _StarDist:
    """What is used of the package stardist."""

    def __init__(self) -> None:
        formatting = warnings.formatwarning
        try:
            from stardist import geometry, nms, rays3d
        finally:
            warnings.formatwarning = formatting  # which stardist puts its own in place of, for everybody
        self.geometry, self.nms, self.rays3d = geometry, nms, rays3d


@cache
def load_stardist() -> Any:
    """Load what is used of stardist.

    Raises
    ------
    CannotRunError
        If it is not there, with the command that installs it.
    """
    try:
        return _StarDist()
    except ImportError as error:
        raise CannotRunError(
            f"Objects of StarDist's networks are made by the package stardist, which cannot be loaded here ({error}): install "
            f"it with {install_command('stardist')}, or take what the network itself gives with objects=raw."
        ) from error
