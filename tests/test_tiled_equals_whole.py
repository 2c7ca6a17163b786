"""Tiled equals whole: generated networks, sizes and tiles against the naive run of the whole sample in one piece.

The largest difference may be 1e-5 of the range of the output. Halos are declared as small as they may be: one element less
and the same comparison fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
import naive
from builders import Network, channel, described, one_conv, space, unet, unet_halo, write_model
from ijbridge.formats import read_model

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Kind:
    """A kind of network; numbers are per axis in the order of ``axes``, or one for all."""

    network: Callable[[], Network]
    halo: int | tuple[int, ...]
    step: int | tuple[int, ...] = 1
    smallest: int = 1
    scale: float = 1.0
    offset: int = 0
    axes: str = "yx"


def chain(*steps: Callable[[Network, str], str], ndim: int = 2, seed: int = 1) -> Network:
    """A network that is one step after the other."""
    net = Network(seed, ndim)
    x = net.input("raw")
    for step in steps:
        x = step(net, x)
    net.output(x, "out")
    return net


def conv(net: Network, x: str, **more: Any) -> str:
    return net.conv(x, **{"channels": 3, "relu": False, **more})


def dilated(net: Network, x: str) -> str:
    weights = net.constant(np.random.default_rng(5).normal(0, 0.3, (2, 1, 3, 3)))
    return net.node("Conv", [x, weights], 2, kernel_shape=[3, 3], dilations=[3, 3], pads=[3, 3, 3, 3])


def grouped(net: Network, x: str) -> str:
    weights = net.constant(np.random.default_rng(5).normal(0, 0.3, (4, 1, 5, 5)))
    return net.node("Conv", [x, weights], 4, kernel_shape=[5, 5], group=4, pads=[2, 2, 2, 2])


def transposed(net: Network, x: str, kernel: int = 2, pad: int = 0) -> str:
    weights = net.constant(np.random.default_rng(5).normal(0, 0.3, (3, 2, kernel, kernel)))
    return net.node("ConvTranspose", [x, weights], 2, kernel_shape=[kernel] * 2, strides=[2, 2], pads=[pad] * 4)


def pool(net: Network, x: str, factor: int = 2) -> str:
    return net.pool(x, factor)


def upsample(net: Network, x: str, factor: int = 2) -> str:
    return net.upsample(x, factor)


def linear(net: Network, x: str) -> str:
    scales = net.constant(np.array([1, 1, 2, 2]), np.float32)
    return net.node("Resize", [x, "", scales], 3, mode="linear", coordinate_transformation_mode="half_pixel")


def flat_unet() -> Network:
    """A U-Net in 3D that pools along y and x only, as anisotropic stacks want it."""
    net = Network(2, 3)
    skip = net.conv(net.input("raw"), 4)
    x = net.node("MaxPool", [skip], 4, kernel_shape=[1, 2, 2], strides=[1, 2, 2])
    x = net.conv(x, 8)
    x = net.node("Resize", [x, "", net.constant(np.array([1, 1, 1, 2, 2]), np.float32)], 8, mode="nearest",
                 coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    net.output(net.conv(net.concat(x, skip), 1, relu=False), "out")
    return net


KINDS = {
    "one convolution": Kind(one_conv, 1),
    "dilated": Kind(partial(chain, dilated), 3),
    "grouped": Kind(partial(chain, partial(conv, channels=4), grouped), 3),
    "unet of depth 1": Kind(partial(unet, 1), unet_halo(1), 2, 2),
    "unet of depth 2": Kind(partial(unet, 2), unet_halo(2), 4, 16),
    "unet of depth 3": Kind(partial(unet, 3), unet_halo(3), 8, 32),
    "strided to 1/2": Kind(partial(chain, partial(conv, stride=2)), 1, 2, 2, scale=2.0),
    "strided to 1/4": Kind(partial(chain, partial(conv, stride=2), partial(conv, stride=2)), 1, 4, 4, scale=4.0),
    "pooled to 1/2": Kind(partial(chain, conv, pool), 1, 2, 2, scale=2.0),
    "pooled to 1/4": Kind(partial(chain, conv, partial(pool, factor=4), conv), 2, 4, 8, scale=4.0),
    "valid": Kind(partial(chain, partial(conv, pad=False), partial(conv, kernel=5, pad=False)), 0, 1, 7, offset=-6),
    "valid, to 1/2": Kind(partial(chain, partial(conv, pad=False), pool), 0, 2, 4, scale=2.0, offset=-1),
    "transposed to 2": Kind(partial(chain, conv, transposed), 2, scale=0.5),
    "overlapping transposed to 2": Kind(partial(chain, conv, partial(transposed, kernel=4, pad=1)), 3, scale=0.5),
    "upsampled to 2": Kind(partial(chain, upsample, conv), 1, scale=0.5),
    "upsampled to 4": Kind(partial(chain, conv, partial(upsample, factor=4), conv), 5, scale=0.25),
    "resized linearly to 2": Kind(partial(chain, conv, linear), 3, scale=0.5),
    "3D": Kind(partial(unet, 1, ndim=3), unet_halo(1), 2, 2, axes="zyx"),
    "3D, anisotropic": Kind(flat_unet, (3, 5, 5), (1, 2, 2), 2, axes="zyx"),
}

#: Sizes of the image, and the tile: a number, or one per axis.
PLANES: list[tuple[tuple[int, ...], Any]] = [
    ((300, 211), 96),
    ((257, 1), 80),
    ((131, 300), {"y": 112, "x": 64}),
    ((77, 150), 64),
    ((33, 299), {"x": 72}),
]
STACKS: list[tuple[tuple[int, ...], Any]] = [
    ((17, 60, 45), {"z": 14, "y": 32, "x": 26}),
    ((3, 75, 71), {"y": 30, "x": 36}),
    ((40, 21, 33), 20),
]
CASES = [
    pytest.param(name, shape, tile, id=f"{name}-{'x'.join(map(str, shape))}")
    for name, kind in KINDS.items()
    for shape, tile in (STACKS if kind.axes == "zyx" else PLANES)
    if int(min(shape) / kind.scale) + kind.offset >= 1
]


def write(folder: Path, kind: Kind, less: int = 0) -> Path:
    """Write the model of a kind with a halo that is so much smaller than needed."""

    def each(number: int | tuple[int, ...]) -> tuple[int, ...]:
        return number if isinstance(number, tuple) else (number,) * len(kind.axes)

    network = kind.network()
    inputs = [space(axis, {"min": kind.smallest, "step": step}) for axis, step in zip(kind.axes, each(kind.step), strict=True)]
    outputs = [
        space(axis, {"tensor_id": "raw", "axis_id": axis, "offset": kind.offset}, scale=kind.scale, halo=max(0, halo - less))
        for axis, halo in zip(kind.axes, each(kind.halo), strict=True)
    ]
    names = [f"p{number}" for number in range(network.output_channels("out"))]
    return write_model(
        folder,
        network,
        inputs=[described("raw", channel("c"), *inputs)],
        outputs=[described("out", channel(*names), *outputs)],
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("kinds")
    return {name: write(folder / str(number), kind) for number, (name, kind) in enumerate(KINDS.items())}


def picture(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def whole(model: Path, image: Any) -> Any:
    found = naive.run(read_model(model), {"raw": naive.tensor(image[None, None], ["batch", "channel", *"zyx"[-image.ndim :]])})
    return found["out"][0]


def tiled(model: Path, image: Any, tile: Any, halo: Any = "declared") -> Any:
    axes = "zyx"[-image.ndim :]
    result = ijbridge.predict(model, image, axes=axes, tile=tile, halo=halo)
    assert not isinstance(result, dict)
    return result.values if result.ndim > image.ndim else result.values[None]


def difference(found: Any, expected: Any) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / max(np.ptp(expected), 1e-3))


@pytest.mark.parametrize(("name", "shape", "tile"), CASES)
def test_tiled_equals_whole(models: dict[str, Path], name: str, shape: tuple[int, ...], tile: Any) -> None:
    image = picture(shape)
    expected = whole(models[name], image)
    assert ijbridge.plan(models[name], image, axes=KINDS[name].axes, tile=tile, halo="declared").tile_count > 1
    assert difference(tiled(models[name], image, tile), expected) <= TOLERANCE
    assert difference(tiled(models[name], image, tile, halo="auto"), expected) <= TOLERANCE


@pytest.mark.parametrize("name", KINDS)
def test_one_piece_equals_whole(models: dict[str, Path], name: str) -> None:
    image = picture((9, 22, 31)[-len(KINDS[name].axes) :])
    np.testing.assert_array_equal(tiled(models[name], image, "whole"), whole(models[name], image))


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.halo != 0])
def test_a_halo_one_element_too_small_is_seen(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    model = write(tmp_path / "m", kind, less=1)
    shape, tile = (STACKS if kind.axes == "zyx" else PLANES)[0]
    image = picture(shape)
    assert difference(tiled(model, image, tile), whole(model, image)) > TOLERANCE


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 3), (5, 1)])
def test_an_image_smaller_than_the_model_wants_is_padded_and_cut(models: dict[str, Path], shape: tuple[int, int]) -> None:
    for name in ("one convolution", "unet of depth 3", "upsampled to 4"):
        image = picture(shape)
        assert difference(tiled(models[name], image, 64), whole(models[name], image)) <= TOLERANCE


# --- networks of fixed size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "tile"), [(1, 32), (2, 64), (3, 128)])
@pytest.mark.parametrize("shape", [(211, 300), (131, 64), (1, 257)])
def test_a_network_of_fixed_size_gives_what_one_of_free_size_gives(
    tmp_path: Path, depth: int, tile: int, shape: tuple[int, int]
) -> None:
    reach = unet_halo(depth)
    free = write_model(tmp_path / "free", unet(depth), size={"min": 2**depth, "step": 2**depth})
    fixed = write_model(tmp_path / "fixed", unet(depth), size=tile, halo=reach)
    image = picture(shape)
    image = np.pad(image, [(0, max(0, tile - size)) for size in shape], mode="symmetric")
    found, expected = tiled(fixed, image, "auto"), whole(free, image)
    # beyond the image's far edges the two are padded to different sizes
    inside = tuple(slice(0, size - reach if size > tile else size) for size in image.shape)
    scale = np.ptp(expected)
    assert np.abs(found[0][inside] - expected[0][inside]).max() <= TOLERANCE * scale


@pytest.mark.parametrize(("network", "size"), [("pooled to 1/2", 32), ("upsampled to 2", 128)])
def test_a_fixed_output_beside_a_fixed_input_follows_it(
    tmp_path: Path, models: dict[str, Path], network: str, size: int
) -> None:
    kind = KINDS[network]
    fixed = write_model(
        tmp_path / "fixed",
        kind.network(),
        inputs=[described("raw", channel("c"), space("y", 64), space("x", 64))],
        outputs=[described("out", channel("a", "b", "c"), space("y", size), space("x", size))],
    )
    image = picture((64 * 3, 150))
    found, expected = tiled(fixed, image, "auto", halo=2), whole(models[network], image)
    inside = (slice(None), slice(None), slice(0, expected.shape[2] - 4))
    assert np.abs(found[inside] - expected[inside]).max() <= TOLERANCE * np.ptp(expected)


# --- borders that depend on the size ---------------------------------------------------------------------------------


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_a_border_that_depends_on_the_size_is_reckoned_with(tmp_path: Path, auto_pad: str) -> None:
    net = Network(1)
    x = net.node("AveragePool", [net.input("raw")], 1, kernel_shape=[3, 3], strides=[3, 3], auto_pad=auto_pad)
    net.output(net.node("Pad", [x, net.constant([0, 0, 1, 1, 0, 0, 0, 0], np.int64)], 1), "out")
    model = write_model(
        tmp_path,
        net,
        inputs=[described("raw", channel("c"), *(space(axis, {"min": 10, "step": 3}) for axis in "yx"))],
        outputs=[described("out", channel("p"), *(space(axis, {"tensor_id": "raw", "axis_id": axis, "offset": 2}, scale=3.0)
                                                  for axis in "yx"))],
    )  # fmt: skip
    image = picture((97, 130))
    assert difference(tiled(model, image, 40, halo="auto"), whole(model, image)) <= TOLERANCE


@pytest.mark.parametrize(("before", "after"), [(0, 4), (1, 3)])
def test_a_second_input_may_be_smaller_by_some_pixels(tmp_path: Path, before: int, after: int) -> None:
    net = Network(1)
    first, second = net.input("raw"), net.input("other")
    pads = net.constant([0, 0, before, before, 0, 0, after, after], np.int64)
    net.output(net.node("Add", [first, net.node("Pad", [second, pads], 1)], 1), "out")

    def along(axis: str, offset: int = 0) -> dict[str, Any]:
        return space(axis, {"tensor_id": "raw", "axis_id": axis, "offset": offset})

    free = {"min": 8, "step": 1}
    model = write_model(
        tmp_path,
        net,
        inputs=[
            described("raw", channel("c"), space("y", free), space("x", free)),
            described("other", channel("c"), along("y", -4), along("x", -4)),
        ],
        outputs=[described("out", channel("p"), along("y"), along("x"))],
    )
    images = {"raw": picture((97, 71)), "other": picture((93, 67), seed=1)}
    result = ijbridge.predict(model, images, axes="yx", tile=40)
    assert not isinstance(result, dict)
    padded = np.pad(images["other"], (before, after))
    np.testing.assert_allclose(result.values, images["raw"] + padded, atol=1e-5)


def test_a_tile_is_no_smaller_than_a_border_that_is_mirrored(tmp_path: Path) -> None:
    net = Network(1)
    x = net.node("Pad", [net.input("raw"), net.constant([0, 0, 10, 10, 0, 0, 10, 10], np.int64)], 1, mode="reflect")
    cut = [net.constant(one, np.int64) for one in ([10, 10], [-10, -10], [2, 3])]
    net.output(net.node("Slice", [x, *cut], 1), "out")
    model = write_model(tmp_path, net, size={"min": 1, "step": 1})
    image = picture((60, 60))
    assert difference(tiled(model, image, 4, halo="auto"), whole(model, image)) <= TOLERANCE
