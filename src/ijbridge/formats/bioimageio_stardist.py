"""What stardist's ``export_bioimageio`` (0.9.2) writes into a bioimage.io description: ``config.stardist``.

Its network has one output: the probability, which is 0 between the positions of the grid, and behind it the distances, each
repeated over its position. Exports by hand have ``prob`` and ``dist``. What the operation ``stardist_postprocessing`` of
bioimage.io 0.5 says is read in `ijbridge.formats.bioimageio_objects`, and comes first.
"""

from __future__ import annotations

from dataclasses import replace

from ijbridge.description import FixedSize, ModelDescription, ReferencedSize, Tensor
from ijbridge.errors import DescriptionError
from ijbridge.findings import noted
from ijbridge.formats.csbdeep_config import Config
from ijbridge.formats.fields import Fields
from ijbridge.formats.object_limits import object_problems
from ijbridge.formats.stardist import read_network, read_thresholds, star_convex
from ijbridge.star_convex import StarConvex


def with_stardist(description: ModelDescription, root: Fields) -> ModelDescription:
    """Add how objects are made of the outputs, where ``config.stardist`` says it; else say why they are not."""
    if description.objects is not None or not isinstance(description.config.get("stardist"), dict):
        return description
    stated = root.mapping("config").mapping("stardist")
    try:
        objects = _objects(description, stated)
        for problem in object_problems(objects, description.outputs):
            raise stated.error(problem)
    except DescriptionError as error:
        note = noted(
            f"No objects are made of the outputs, as `config.stardist` does not say how ({error})", "objects-not-found"
        )
        return replace(description, findings=(*description.findings, note))
    return replace(description, objects=objects)


def _objects(description: ModelDescription, stated: Fields) -> StarConvex:
    if "config" not in stated:
        raise stated.wrong("config", "a mapping, the model's config.json")
    config = Config(stated.mapping("config"), "stardist")
    letters = config.axes("YX" if config.fields.raw("n_dim") != 3 else "ZYX")
    if "t" in letters:
        raise config.fields.wrong("axes", "Z, Y and X, or Y and X, and C at the end")
    network = read_network(config, len(letters))
    thresholds, _ = read_thresholds(stated.mapping("thresholds"))
    found = star_convex(config, network, letters, thresholds)
    outputs = {tensor.id: tensor for tensor in description.outputs}
    if {"prob", "dist"} <= set(outputs):
        classes = found.prob_class if found.prob_class in outputs else None
        return replace(found, prob_class=classes, spacing=_spacing(outputs["prob"], found, stated))
    if len(outputs) == 1:
        (one,) = description.outputs
        if _channels(one) == 1 + network.n_rays:
            return replace(found, prob=one.id, dist=one.id, prob_class=None, spacing=_spacing(one, found, stated))
    raise stated.error(
        f"the outputs are {', '.join(outputs)}, but must be prob and dist, or one of {1 + network.n_rays} channels, the "
        "probability and the distances"
    )


def _channels(tensor: Tensor) -> int | None:
    sizes = [axis.size for axis in tensor.axes if axis.kind == "channel"]
    return sizes[0].size if len(sizes) == 1 and isinstance(sizes[0], FixedSize) else None


def _spacing(tensor: Tensor, found: StarConvex, stated: Fields) -> tuple[int, ...]:
    """Tell the elements per position of the grid from the size that an output has."""
    spacing = []
    for letter, grid in zip(found.axes, found.grid, strict=True):
        sizes = [axis.size for axis in tensor.axes if axis.letter == letter]
        each = sizes[0].ratio * grid if len(sizes) == 1 and isinstance(sizes[0], ReferencedSize) else 0
        if each not in (1, grid):
            raise stated.error(f"the output {tensor.id} has neither the image's size along {letter} nor that of the grid")
        spacing.append(int(each))
    return tuple(spacing)
