"""Objects of a star-convex shape, and how they are made of what a network of StarDist gives: frozen data.

Schmidt et al. 2018, doi:10.1007/978-3-030-00934-2_30; in volumes Weigert et al. 2020, doi:10.1109/WACV45572.2020.9093435.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

#: What an argument of a set of rays may be.
RayArgument: TypeAlias = int | tuple[float, ...] | None

#: Sets of directions in a volume that stardist makes (``stardist.rays3d``), and their arguments.
RAYS = {
    "Rays_GoldenSpiral": ("n", "anisotropy"),
    "Rays_Octo": ("n_level",),
    "Rays_Tetra": ("n_level",),
}

#: So many positions of the grid along the border of the padded image have no candidates (``b`` of ``stardist.nms``), where no
#: others are stated.
BORDER = 2

#: The most rays, pixels per position of the grid, and rays of a set by its level, which has four times those of the one below.
MOST_RAYS, MOST_GRID, MOST_LEVEL = 4096, 64, 6

#: No distance is smaller (``stardist.models.base``).
SMALLEST_DISTANCE = 1e-3


@dataclass(frozen=True)
class Rays:
    """A set of directions in a volume: one of `RAYS`."""

    name: str
    arguments: tuple[tuple[str, RayArgument], ...]


@dataclass(frozen=True)
class StarConvex:
    """How objects are made of a network's outputs.

    ``prob``, ``dist`` and ``prob_class`` are the ids of outputs: the probability that there is an object, the distances to its
    border along ``n_rays`` rays in pixels, the probabilities of its classes (None: it has none). Where ``dist`` is ``prob``,
    that output has the probability and, behind it, the distances as channels. ``axes`` are the letters of the network's axes of
    space; along each, ``grid`` has pixels and ``spacing`` elements of the outputs per position of the grid, and ``multiple``
    the number of pixels that an image is padded to multiples of, beyond ``least``. ``rays`` are the directions in a volume;
    ``border`` are the positions without candidates before and behind, where they are not `BORDER`. ``stated_by`` is the id of
    the output whose description says that it becomes the label image, which its test tensor is then; else None.
    """

    prob: str
    dist: str
    prob_class: str | None
    axes: str
    grid: tuple[int, ...]
    multiple: tuple[int, ...]
    n_rays: int
    prob_thresh: float
    nms_thresh: float
    spacing: tuple[int, ...]
    rays: Rays | None = None
    least: tuple[int, ...] = ()
    border: tuple[tuple[int, int], ...] = ()
    stated_by: str | None = None

    def positions(self, size: tuple[int, ...]) -> tuple[range, ...]:
        """Give the positions of the grid, per axis, that candidates may have in an image of ``size`` pixels."""
        least = self.least or (0,) * len(size)
        border = self.border or ((BORDER, BORDER),) * len(size)
        padded = [
            low + max(0, ceil((pixels - low) / multiple)) * multiple
            for pixels, low, multiple in zip(size, least, self.multiple, strict=True)
        ]
        return tuple(
            range(before, min(ceil(pixels / step), whole // step - behind))
            for pixels, step, whole, (before, behind) in zip(size, self.grid, padded, border, strict=True)
        )
