"""Cases drawn from a seed: a generated network, described, with an image and a tile; and what comes out in tiles and whole.

A case is all in its seed and number, so that it can be run again alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil, lcm, prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort

import ijbridge
import naive
from builders import channel, described, space, write_model
from generated_layers import Drawn
from generated_networks import KINDS
from ijbridge.formats import read_model

#: The largest difference that is allowed, as a part of the range of the output.
TOLERANCE = 1e-5

#: Sizes of the images that are larger than the others can be.
_LARGE = {
    2: ((1003, 511), (701, 997), (1100, 89), (857, 733), (1021, 769), (59, 1009)),
    3: ((37, 257, 263), (101, 151, 139), (23, 401, 211)),
}
#: Networks that make more numbers of a pixel than this are spared them.
_MOST_WIDTH = 100
_MOST = {2: (700, 700), 3: (48, 128, 140)}
_MOST_SIZES_TRIED = 16
_MOST_TILES = {2: 48, 3: 24}

#: Per axis of an output, the ratio and the offset of its size.
_Sizes: TypeAlias = "list[tuple[Fraction, int]]"


@dataclass(frozen=True)
class Case:
    """A model in a folder, an image for each input, the first of them of ``shape`` along ``axes``, and a tile."""

    seed: int
    number: int
    network: str
    model: Path
    axes: str
    shape: tuple[int, ...]
    images: Mapping[str, Any]
    tile: str | int | Mapping[str, int]
    memory: str = "auto"

    @property
    def tile_text(self) -> str:
        """The tile as the command line takes it, and the memory that makes one."""
        if isinstance(self.tile, Mapping):
            return ",".join(f"{axis}={size}" for axis, size in self.tile.items())
        return str(self.tile) if self.memory == "auto" else f"{self.tile} in {self.memory}"

    def __str__(self) -> str:
        """Name the case so that it can be found and run again."""
        return f"case {self.number} of seed {self.seed}: {self.network}; {by(self.shape)}, tile {self.tile_text}"


@dataclass(frozen=True)
class Outcome:
    """The halo and the tiles that were taken, and the largest difference from the whole as a part of the output's range."""

    case: Case
    halo: tuple[int, ...]
    tiles: int
    difference: float

    @property
    def holds(self) -> bool:
        """Whether the tiles gave what the whole gave."""
        return self.difference <= TOLERANCE


def by(sizes: Sequence[int]) -> str:
    """Write a size."""
    return " x ".join(map(str, sizes))


# --- drawing ---------------------------------------------------------------------------------------------------------


def draw_case(number: int, seed: int, folder: Path) -> Case:
    """Draw a case and write its model into a folder."""
    names = list(KINDS)
    kind = names[number % len(names)]
    draw = np.random.default_rng([seed, number])
    layers, dimensions = KINDS[kind]
    net = Drawn(draw, dimensions[-1] if len(dimensions) == 1 or draw.random() < 0.3 else dimensions[0])
    outputs = layers(net)
    network = f"{kind} ({', '.join(net.words)})" if net.words else kind
    return written(net, outputs, folder, network, seed=seed, number=number)


def written(net: Drawn, outputs: Sequence[str], folder: Path, network: str, *, seed: int = 0, number: int = 0) -> Case:
    """Describe a network as it was measured, and draw an image and a tile for it."""
    draw, axes, ids = net.draw, "zyx"[-net.ndim :], [f"out{place or ''}" for place in range(len(outputs))]
    for value, name in zip(outputs, ids, strict=True):
        net.output(value, name)
    apart: dict[str, Fraction] = {name: net.reach[name].apart[0] for name in ("raw", "other") if name in net.reach}
    strides = [lcm(*(one.apart[axis].numerator for one in net.reach.values())) for axis in range(net.ndim)]
    smallest, takes_any, sizes = _measured(net, folder, strides, apart, ids)
    # a halo is about half of what a pixel of the output looks at
    halos = [
        ceil(max(net.reach[one].pixels[axis] for one in outputs) / 2) + stride for axis, stride in enumerate(strides)
    ]  # fmt: skip
    # of a smaller image some output has nothing
    least = [
        max(ceil(max(apart.values())), *(ceil((1 - offset) / ratio) for ratio, offset in axis))
        for axis in zip(*sizes.values(), strict=True)
    ]
    # tensors of an input's size that the largest tensor is as large as
    widest = max(float(net.channel_count(name) / prod(one.apart)) for name, one in net.reach.items())
    shape, tile = _draw_sizes(draw, strides, halos, least, large=draw.random() < 0.1 and widest < _MOST_WIDTH)
    memory = "auto"
    if draw.random() < 0.15:
        # tiles of which less is left than the halo would be many
        pixels = max(prod(map(min, shape, (4 * halo + 16 for halo in halos))), prod(shape) / draw.choice([1, 3, 8]))
        memory, tile = f"{max(0.1, pixels * widest * 30 / 1e6):.1f} MB", "auto"

    declared = [int(draw.choice([0, 0, 1, halo, 2 * halo])) for halo in halos]
    steps = [1 if takes_any and draw.random() < 0.5 else stride * int(draw.choice([1, 1, 2])) for stride in strides]
    spaces = {"raw": [space(a, {"min": low, "step": step}) for a, low, step in zip(axes, smallest, steps, strict=True)]}
    if "other" in apart:
        spaces["other"] = [_following(axis, 1 / apart["other"], 0) for axis in axes]
    for name, found in sizes.items():
        spaces[name] = [
            _following(axis, ratio, offset, halo=ceil(halo * ratio))
            for axis, (ratio, offset), halo in zip(axes, found, declared, strict=True)
        ]
    counts = {name: net.channel_count(name) for name in apart} | {name: net.output_channels(name) for name in ids}
    tensors = {
        name: described(name, channel(*(f"c{one}" for one in range(counts[name]))), *spaces[name]) for name in spaces
    }  # fmt: skip
    write_model(folder, net, inputs=[tensors[one] for one in apart], outputs=[tensors[one] for one in ids])
    images: dict[str, Any] = {}
    for name, distance in apart.items():
        channels = [counts[name]] if counts[name] > 1 else []
        images[name] = draw.normal(0, 1, [*channels, *(int(one / distance) for one in shape)]).astype(np.float32)
    return Case(seed, number, network, folder, axes, shape, images, tile, memory)


def _following(axis: str, ratio: Fraction, offset: int, **more: Any) -> dict[str, Any]:
    return space(axis, {"tensor_id": "raw", "axis_id": axis, "offset": offset}, scale=float(1 / ratio), **more)


def _measured(
    net: Drawn, folder: Path, strides: Sequence[int], apart: Mapping[str, Fraction], ids: Sequence[str]
) -> tuple[list[int], bool, dict[str, _Sizes]]:
    """Run the network: give a smallest size, whether all larger ones will do, and how the sizes of its outputs follow.

    If not all will do, those are taken for possible that are larger by multiples of the stride.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(net.save(folder / "weights.onnx"), options, providers=["CPUExecutionProvider"])

    def shapes(size: Sequence[int]) -> list[Sequence[int]] | None:
        if any(one % distance for one in size for distance in apart.values()):
            return None
        feeds = {
            name: np.zeros((1, net.channel_count(name), *(int(one / distance) for one in size)), np.float32)
            for name, distance in apart.items()
        }
        try:
            return [found.shape[2:] for found in session.run(list(ids), feeds)]
        except Exception:  # noqa: BLE001 - onnxruntime has many kinds of them and no name for all
            return None

    for low in range(int(net.draw.integers(1, 2 * max(strides) + 1)), 200):
        at = [[low + times * stride for stride in strides] for times in range(3)]
        found = [shape for shape in map(shapes, at) if shape is not None and min(map(min, shape)) >= 1]
        if len(found) < len(at):
            continue
        grown, again = (np.subtract(later, earlier) for earlier, later in pairwise(found))
        if np.min(grown) < 1 or not np.array_equal(grown, again):
            continue  # rounding still shows at so small a size
        ratios = [[Fraction(int(n), stride) for n, stride in zip(step, strides, strict=True)] for step in grown]
        sizes = [
            [(ratio, size - int(low * ratio)) for ratio, size in zip(per_axis, shape, strict=True)]
            for per_axis, shape in zip(ratios, found[0], strict=True)
        ]

        def follow(size: int, sizes: list[_Sizes] = sizes) -> bool:
            wanted = [[int(size * ratio) + offset for ratio, offset in one] for one in sizes]
            given = shapes([size] * net.ndim)
            return given is not None and [list(one) for one in given] == wanted

        takes_any = max(strides) <= _MOST_SIZES_TRIED and all(follow(low + more) for more in range(1, max(strides)))
        return [low] * net.ndim, takes_any, dict(zip(ids, sizes, strict=True))
    raise AssertionError("no size was found that the network takes")


def _draw_sizes(
    draw: np.random.Generator, strides: Sequence[int], halos: Sequence[int], least: Sequence[int], *, large: bool
) -> tuple[tuple[int, ...], str | int | dict[str, int]]:
    """Draw the size of an image and a tile, such that there are some tiles, not thousands, mostly of a size of their own."""
    ndim = len(strides)
    shape = [0] * ndim
    if large:
        shape = [max(pair) for pair in zip(_LARGE[ndim][int(draw.integers(len(_LARGE[ndim])))], least, strict=True)]
    tile, left = [0] * ndim, float(_MOST_TILES[ndim])
    for number, axis in enumerate(draw.permutation(ndim)):
        stride, halo, most = strides[axis], halos[axis], _MOST[ndim][axis]
        # what is left of a tile: if it were less than the halo, most would be computed many times over
        inside = max(halo, 4, int(draw.choice([1, 8, 40, 120])) * stride) + int(draw.integers(8 * stride))
        if large:
            inside = max(inside, ceil(shape[axis] / min(left, 5)))
        tile[axis] = 2 * halo + inside
        is_cut = draw.random() < (0.95 if number == 0 else 0.6) and tile[axis] < most and left > 1
        if not large:
            end = 2 * halo + int(inside * min(left, draw.choice([2, 3, 5, 9]))) if is_cut else tile[axis]
            low, high = max(least[axis], tile[axis] + 1 if is_cut else 1), min(most, end)
            shape[axis] = int(draw.integers(low, max(low, high) + 1))
        left /= max(1, ceil((shape[axis] - 2 * halo) / inside))
    if draw.random() < 0.5 and max(tile) < max(shape):
        return tuple(shape), max(tile)
    return tuple(shape), {"zyx"[-ndim:][axis]: tile[axis] for axis in range(ndim)}


# --- running ---------------------------------------------------------------------------------------------------------


def outcome(case: Case) -> Outcome:
    """Run a case in tiles and whole, and compare."""
    given = case.images if len(case.images) > 1 else next(iter(case.images.values()))
    axes = "c" * (np.ndim(case.images["raw"]) > len(case.axes)) + case.axes
    with ijbridge.load(case.model) as model:
        plan = model.plan(given, axes=axes, tile=case.tile, memory=case.memory)
        results = model.predict(given, axes=axes, tile=case.tile, memory=case.memory)
    found = results if isinstance(results, dict) else {"out": results}
    ids = ["batch", "channel", *case.axes]
    images = {
        name: naive.tensor(image.reshape((1, -1, *image.shape[-len(case.axes) :])), ids) for name, image in case.images.items()
    }
    differences = []
    for name, expected in naive.run(read_model(case.model), images).items():
        values = found[name].transpose("c", *case.axes) if "c" in found[name].dims else found[name].transpose(*case.axes)
        differences.append(difference(values.values.reshape(expected[0].shape), expected[0]))
    halo = tuple(plan.halo_of(name) for name in plan.lines if name.startswith("raw."))
    return Outcome(case, halo, plan.tile_count, max(differences))


def difference(found: Any, expected: Any) -> float:
    """Give the largest difference as a part of the range."""
    if not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found.astype(np.float64) - expected).max() / max(np.ptp(expected), 1e-3))


def outcomes(numbers: Sequence[int], seed: int) -> Iterator[Outcome]:
    """Draw and run cases, one after the other, and keep nothing that is large."""
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            found = outcome(draw_case(number, seed, Path(folder)))
        yield replace(found, case=replace(found.case, images={}))
