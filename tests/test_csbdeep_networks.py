"""CARE and StarDist as csbdeep, stardist and TensorFlow run them: the bare networks, and whole predictions of real files.

What they give was stored by scripts/compare_csbdeep.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from ijbridge.description import ModelDescription
from ijbridge.formats import read_model
from ijbridge.geometry import accepted_sizes
from ijbridge.planning import choose_weights
from ijbridge.runtimes.onnx import OnnxSession
from ijbridge.weights import onnx_network
from reference.csbdeep_cases import NETWORKS, Array, Network, image, kept, normalized

each_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda one: one.name)

#: How far onnxruntime may be from TensorFlow, of a value and beside that.
RELATIVE, ABSOLUTE = 1e-5, 1e-4
#: How far tiles may be from the whole, of the range of the values.
TILED = 1e-5


def stored(network: Network) -> dict[str, Array]:
    return load(network.folder / "results.npz")


@cache
def load(file: Path) -> dict[str, Array]:
    with np.load(file) as arrays:
        return dict(arrays)


def run_network(description: ModelDescription, array: Array) -> list[Array]:
    """Run the bare network on (batch, space, channel); give the outputs in the same order of axes."""
    source = onnx_network(description, choose_weights(description)).source
    session = OnnxSession(source, "cpu", description.name)
    given = np.ascontiguousarray(np.moveaxis(array, -1, 1))
    found = session.run({"input": given}, [one.name for one in session.outputs])
    return [np.moveaxis(one, 1, -1) for one in found]


def arrays(results: Any) -> list[Array]:
    return [one.values for one in (results.values() if isinstance(results, dict) else [results])]


def raw(network: Network) -> dict[str, str]:
    """Give the option with which a network's own outputs are the result."""
    return {} if network.kind == "CARE" else {"objects": "raw"}


def predict(network: Network, model: Path | None = None, **options: object) -> dict[str, Array]:
    """Predict as a user does; give the results with their channels last."""
    given: dict[str, object] = {"tile": "whole", **raw(network), **options}
    found = ijbridge.predict(model or network.folder, image(network), axes=network.axes.lower(), **given)  # type: ignore[arg-type]
    results = found if isinstance(found, dict) else {read_model(network.folder).outputs[0].id: found}
    return {
        name: np.moveaxis(one.values, one.dims.index("c"), -1) if "c" in one.dims else one.values
        for name, one in results.items()
    }


@each_network
def test_the_network_gives_what_it_gives_in_tensorflow(network: Network) -> None:
    description = read_model(network.folder)
    stride = [size for _, size in (one or (0, 0) for one in accepted_sizes(description, description.inputs[0])[2:])]
    found = run_network(description, normalized(network, stride))
    if network.kind == "CARE":
        found = [np.concatenate(found, axis=-1)]
    expected = [array for name, array in stored(network).items() if name.startswith("network/")]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert np.ptp(other) > 0.02
        np.testing.assert_allclose(kept(network, one[0]), other, RELATIVE, ABSOLUTE)


@each_network
def test_a_prediction_is_that_of_the_package(network: Network) -> None:
    """With its normalisation, its padding of both sides or the end, and its way back to the image's range."""
    for name, found in predict(network).items():
        expected = stored(network)[f"whole/{name}"]
        np.testing.assert_allclose(kept(network, found).reshape(expected.shape), expected, RELATIVE, scale(network) * ABSOLUTE)


@pytest.mark.parametrize("network", [one for one in NETWORKS if one.tiles], ids=lambda one: one.name)
def test_tiles_give_what_the_tiles_of_the_package_give(network: Network) -> None:
    for name, found in predict(network, tile=64).items():
        expected = stored(network)[f"tiles/{name}"]
        np.testing.assert_allclose(kept(network, found).reshape(expected.shape), expected, RELATIVE, scale(network) * ABSOLUTE)


@each_network
def test_tiles_give_what_the_whole_gives(network: Network) -> None:
    """On an image as small as it may be to be cut along every axis, of a size that is padded."""
    letters, channels = network.axes.lower().replace("c", ""), network.shape[len(network.axes.replace("C", "")) :]
    plan = ijbridge.plan(network.folder, image(network), axes=network.axes.lower(), tile="whole")
    steps = [size for _, size in (one or (0, 0) for one in accepted_sizes(plan.description, plan.inputs[0].tensor)[2:])]
    tile, shape = {}, []
    for letter, step in zip(letters, steps, strict=True):
        tile[letter] = 2 * plan.halo_of(f"input.{letter}") + 2 * step
        shape.append(tile[letter] + 2 * step + 1)
    given = np.random.default_rng(network.seed).integers(0, 4000, (*shape, *channels)).astype(np.uint16)
    assert ijbridge.plan(network.folder, given, axes=network.axes.lower(), tile=tile).tile_count >= 2 ** len(letters)
    whole, tiles = (
        ijbridge.predict(network.folder, given, axes=network.axes.lower(), tile=one, **raw(network))  # type: ignore[arg-type]
        for one in ("whole", tile)
    )
    for one, other in zip(arrays(tiles), arrays(whole), strict=True):
        np.testing.assert_allclose(one, other, 0, TILED * np.ptp(other))


def test_a_trained_network_takes_the_noise_away() -> None:
    """Its input has the noise of a few photons; what it gives is nearer to the image without."""
    from skimage import data

    network = next(one for one in NETWORKS if one.name == "care-trained")
    clean, noisy = data.cell()[::2, ::2] / 8, image(network)
    restored = predict(network)["output"]
    assert np.mean((restored - clean) ** 2) < 0.5 * np.mean((noisy - clean) ** 2)


def test_more_pixels_of_padding_are_put_after_the_image_than_before() -> None:
    network = next(one for one in NETWORKS if one.name == "care-2d")
    plan = ijbridge.plan(network.folder, image(network), axes="yx", tile="whole")
    lines = {name: (line.starts, line.padded) for name, line in plan.lines.items()}
    assert lines == {"input.y": ((0,), 92), "input.x": ((-1,), 108)}  # of 91 and 106 pixels
    assert "padded to 108 (reflect on both sides)" in str(plan)


def scale(network: Network) -> float:
    """Give what a value of one of the bare network is in a result."""
    if network.kind != "CARE" or network.config.get("n_channel_out", 1) != network.config.get("n_channel_in", 1):
        return 1.0
    return float(np.ptp(image(network)))
