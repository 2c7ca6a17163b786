"""Measure how fast a network is in tiles of several sizes, so that ``tile=auto`` takes the fastest ones on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from ijbridge import units
from ijbridge.description import ModelDescription
from ijbridge.errors import OptionError
from ijbridge.geometry import accepted_sizes
from ijbridge.image import Image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.plans import Plan
from ijbridge.profiles import keep_profile
from ijbridge.runtimes.onnx import engine_name
from ijbridge.testing import as_image
from ijbridge.tile_choice import tile_pixels

#: The side of the first tile in pixels, by how many axes of space a model has.
_FIRST = {1: 4096, 2: 128, 3: 32}

#: A size is run until this many seconds are over, at least this many times; the fastest run counts.
_SECONDS, _RUNS = 0.4, 2

#: No larger tiles are tried than those of which one takes so many seconds, and no more sizes than these.
_LONGEST, _SIZES = 5.0, 10


@dataclass(frozen=True)
class Tuned:
    """One size that was measured: the tile per axis, its pixels, seconds that one takes, bytes held beyond the image."""

    tile: dict[str, int]
    pixels: int
    seconds: float
    memory: int

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data (JSON)."""
        return {**vars(self), "nanoseconds_per_pixel": 1e9 * self.seconds / self.pixels}


def tune(model: LoadedModel, options: Options) -> list[Tuned]:
    """Measure a model on random images, and keep the result for ``tile=auto`` (see `ijbridge.profiles`).

    Parameters
    ----------
    options
        ``device`` and ``memory`` count, and what is said of the model.

    Returns
    -------
    list
        The sizes, from the smallest.

    Raises
    ------
    OptionError
        If there is nothing to choose: the model has several inputs, or takes one size only.
    IJBridgeError
        If it does not run.
    """
    variant = model.variant(options)
    description = variant.description
    if variant.facts is None:
        raise OptionError(f"The network of {description.name!r} is TorchScript: tune is for networks that onnxruntime runs.")
    if len(description.inputs) > 1:
        raise OptionError(f"The model {description.name!r} has {len(description.inputs)} inputs: tune is for models with one.")
    # what tiles cost is measured, not what noise has of objects
    options = replace(options, tile="whole", objects=None if description.objects is None else "raw")
    found: list[Tuned] = []
    for image in _images(description):
        plan = model.plan({description.inputs[0].id: image.header}, options)
        pixels = tile_pixels(plan.lines)
        if plan.memory > plan.budget or (found and pixels <= found[-1].pixels):
            break
        tile = {name.rpartition(".")[2]: line.tile for name, line in plan.lines.items()}
        found.append(Tuned(tile, pixels, _seconds(model, image, plan), plan.memory))
        if found[-1].seconds > _LONGEST or len(found) == _SIZES:
            break
    if len(found) < 2:
        raise OptionError(f"The model {description.name!r} leaves no choice of tiles here: it runs in one size only.")
    points = [(one.pixels, one.seconds / one.pixels) for one in found]
    keep_profile(str(plan.weights.file.sha256), plan.device, engine_name(), points)
    return found


def tuned_text(found: Sequence[Tuned]) -> str:
    """Say it for a person."""
    best = min(found, key=lambda one: one.seconds / one.pixels)
    lines = [f"{'tile':<24} {'one takes':>10} {'per megapixel':>14} {'memory':>9}"]
    for one in found:
        tile = " x ".join(map(str, one.tile.values()))
        mark = "  fastest" if one is best else ""
        lines.append(
            f"{tile:<24} {one.seconds:>8.3f} s {1e6 * one.seconds / one.pixels:>12.3f} s {units.amount(one.memory):>9}{mark}"
        )
    return "\n".join([*lines, "Kept for this model, device and machine: tile=auto takes the halo into account, too."])


def _images(description: ModelDescription) -> Iterator[Image]:
    """Give random images of the sizes that the model takes, each with twice the pixels of the one before."""
    (tensor,) = description.inputs
    rng = np.random.default_rng(0)
    spatial = sum(axis.kind == "space" for axis in tensor.axes)
    accepted = accepted_sizes(description, tensor)
    for step in range(2 * _SIZES):
        side = _FIRST[max(1, spatial)] * 2 ** (step / max(1, spatial))
        shape = [
            1 if one is None else _at_least(one, side if axis.kind == "space" else 1)
            for axis, one in zip(tensor.axes, accepted, strict=True)
        ]
        yield as_image(tensor, rng.random(shape, np.float32))


def _at_least(accepted: tuple[int, int], size: float) -> int:
    low, step = accepted
    return low + ceil(max(0.0, size - low) / step) * step if step else low


def _seconds(model: LoadedModel, image: Image, plan: Plan) -> float:
    name = plan.inputs[0].tensor.id
    model.run({name: image}, plan)  # the first one also makes room
    taken: list[float] = []
    while sum(taken) < _SECONDS or len(taken) < _RUNS:
        started = time.perf_counter()
        model.run({name: image}, plan)
        taken.append(time.perf_counter() - started)
    return min(taken)
