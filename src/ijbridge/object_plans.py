"""What is planned of objects: which, with which thresholds, and the label image they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ijbridge.description import ModelDescription
from ijbridge.errors import OptionError
from ijbridge.geometry import Geometry, tensor_of
from ijbridge.image import Header
from ijbridge.options import Options
from ijbridge.preparation import Preparation
from ijbridge.star_convex import StarConvex

#: What is given where nobody says.
DEFAULT = "labels"


@dataclass(frozen=True)
class ObjectsPlan:
    """How objects are made of a network's outputs, and what is given of them.

    ``wanted`` is ``labels``, ``rois`` or ``both``; ``title`` names their table. ``letters`` are the axes of the image that
    the network's axes of space are (None: an added one), ``size`` the pixels along them that the network sees, ``factors`` how
    many of them a pixel of the image became. ``labels`` is the header of the label image, which has the image's grid.
    """

    how: StarConvex
    wanted: str
    title: str
    letters: tuple[str | None, ...]
    size: tuple[int, ...]
    factors: tuple[float, ...]
    labels: Header

    @property
    def has_image(self) -> bool:
        """Whether the label image is a result."""
        return self.wanted in ("labels", "both")

    @property
    def has_outlines(self) -> bool:
        """Whether the objects' outlines are a result."""
        return self.wanted in ("rois", "both")

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels of one label image along the network's axes of space."""
        return tuple(1 if letter is None else self.labels.size(letter) or 1 for letter in self.letters)

    def __str__(self) -> str:
        """Say it for a person."""
        return (
            f"star-convex, {self.how.n_rays} rays, of a probability above {self.how.prob_thresh:g}, that overlap by at most "
            f"{self.how.nms_thresh:g}: {self.wanted}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data (JSON)."""
        return {
            "gives": self.wanted,
            "prob_thresh": self.how.prob_thresh,
            "nms_thresh": self.how.nms_thresh,
            "n_rays": self.how.n_rays,
            "grid": list(self.how.grid),
        }


def result_names(description: ModelDescription, options: Options) -> tuple[str, ...]:
    """Give the ids of the images that a run gives.

    Raises
    ------
    OptionError
        If an option on objects does not apply to the model.
    """
    how = _checked(description, options)
    if how is None:
        return tuple(tensor.id for tensor in description.outputs)
    return () if options.objects == "rois" else ("labels",)


def gives_objects(description: ModelDescription, options: Options) -> bool:
    """Whether a run gives objects; errors are those of `result_names`."""
    return _checked(description, options) is not None


def plan_objects(
    description: ModelDescription,
    options: Options,
    network: Geometry,
    loops: Mapping[str, int],
    prepared: Mapping[str, Preparation],
) -> ObjectsPlan | None:
    """Decide what becomes of objects; None where what the network gives is the result.

    Raises
    ------
    OptionError
        If an option on objects does not apply to the model.
    """
    how = _checked(description, options)
    if how is None:
        return None
    prob = next(one for one in description.outputs if one.id == how.prob)
    along = {axis.letter: one.line or "" for axis, one in zip(prob.axes, network.output_axes(prob), strict=True)}
    lines = [along[letter] for letter in how.axes]
    one = prepared[tensor_of(lines[0])]
    letters = tuple(network.letters[line] for line in lines)
    repeated = {letter for letter, size in loops.items() if letter != "b" or size > 1}
    shown = "".join(letter for letter in one.source.axes if letter in repeated or letter in letters)
    source = one.source
    labels = Header(
        shape=tuple(source.size(letter) or 1 for letter in shown),
        dtype="int32",
        axes=shown,
        pixel_size={letter: size for letter, size in source.pixel_size.items() if letter in shown},
        unit={letter: unit for letter, unit in source.unit.items() if letter in shown},
        origin={letter: begin for letter, begin in source.origin.items() if letter in shown},
        name=f"{source.name}-labels",
    )
    return ObjectsPlan(
        how=how,
        wanted=options.objects or DEFAULT,
        title=f"{source.name}-objects",
        letters=letters,
        size=tuple(network.sizes[line] for line in lines),
        factors=tuple(one.factors.get(letter or "", 1.0) for letter in letters),
        labels=labels,
    )


def _checked(description: ModelDescription, options: Options) -> StarConvex | None:
    """Give how objects are made, with the thresholds of the options; None where none are."""
    how, given = description.objects, options.on_objects
    if how is None:
        if given:
            name, value = next(iter(given.items()))
            raise OptionError(
                f"{name}={value} is for models that find objects, as StarDist's do; {description.name!r} is none: leave it out."
            )
        return None
    if options.objects == "raw":
        for name, value in given.items():
            if name != "objects":
                raise OptionError(f"{name}={value} is for objects, of which objects=raw gives none: leave one of the two out.")
        return None
    after = [one.source for one in description.macros if one.is_run and one.when == "after" and not one.is_empty]
    if after:
        raise OptionError(
            f"The model's macro {after[0]} is for what the network gives, but objects would be made of that first: write "
            "objects=raw with it, or leave macros out."
        )
    if options.objects in ("rois", "both") and len(how.grid) > 2:
        raise OptionError(
            f"objects={options.objects} is for objects in planes, but those of {description.name!r} are volumes, which have no "
            "ROIs: use labels or raw."
        )
    return replace(
        how,
        prob_thresh=how.prob_thresh if options.prob_thresh is None else options.prob_thresh,
        nms_thresh=how.nms_thresh if options.nms_thresh is None else options.nms_thresh,
    )
