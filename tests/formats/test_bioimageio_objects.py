"""The operation ``stardist_postprocessing`` of bioimage.io 0.5, held against what the package stardist itself computes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import yaml
from onnx import TensorProto, helper

import ijbridge
from commandline import edit
from descriptions import check_refusal
from ijbridge.conversion import convert
from ijbridge.errors import CannotRunError, DescriptionError
from ijbridge.formats import read_model
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.testing import test_model as run_own_test
from reference.csbdeep_cases import WITH_OBJECTS, Array, Network, image, with_objects
from specification import LEAVES_FILES_OPEN, complaints

pytestmark = LEAVES_FILES_OPEN

NETWORK = {one.name: one for one in WITH_OBJECTS}
GRID, VOLUME = NETWORK["stardist-2d-grid"], NETWORK["stardist-3d"]

#: Candidates of these random networks are about a sixth of the positions.
THRESHOLDS = {GRID.name: 0.487, VOLUME.name: 0.45}


def picture(network: Network) -> Array:
    """Give an image of a size that the network takes without padding."""
    array = np.tile(image(network), (2, 2) if network is GRID else (2, 1, 1))
    return array[tuple(slice(0, size // 8 * 8) for size in array.shape)].astype(np.float32) / 1000


def kwargs_of(network: Network) -> dict[str, Any]:
    config = network.config
    given: dict[str, Any] = {
        "prob_threshold": THRESHOLDS[network.name],
        "nms_threshold": 0.3,
        "grid": list(config["grid"]),
        "b": 2,
    }
    if network is GRID:
        return {**given, "n_rays": config["n_rays"]}
    return {**given, "n_rays": config["rays"], "anisotropy": [2.0, 1.0, 1.0]}


def joined(network: Network, folder: Path) -> onnx.ModelProto:
    """Make a network of one output: the probability, and behind it the distances."""
    source = LoadedModel(with_objects(network, folder / "keras")).network.source
    made = onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)
    names = [one.name for one in made.graph.output]
    made.graph.node.append(helper.make_node("Concat", names, ["both"], axis=1))
    del made.graph.output[:]
    shape = ["b", 1 + kwargs_of(network)["n_rays"], *network.axes.lower()]
    made.graph.output.append(helper.make_tensor_value_info("both", TensorProto.FLOAT, shape))
    return made


def package(folder: Path, network: Network, *, of_labels: bool = True, **changes: Any) -> Path:
    """Write a package whose test output is the label image; its axes are described as those, or as the network's."""
    folder.mkdir()
    made = joined(network, folder.parent / f"{folder.name}-parts")
    onnx.save(made, str(folder / "weights.onnx"))
    letters, kwargs = network.axes.lower(), {**kwargs_of(network), **changes}
    given = picture(network)
    np.save(folder / "input.npy", given[None, None])
    np.save(folder / "output.npy", expected(folder, network, given, **kwargs)[None, None])
    grid = dict(zip(letters, kwargs["grid"], strict=False))
    channels = ["label"] if of_labels else [f"c{number}" for number in range(1 + kwargs["n_rays"])]

    def follows(letter: str) -> dict[str, Any]:
        scale = 1 if of_labels else grid[letter]
        size = {"tensor_id": "image", "axis_id": letter}
        return {"type": "space", "id": letter, "size": size, "scale": scale}

    described = {
        "format_version": "0.5.14", "type": "model", "name": "nuclei", "description": "nuclei", "license": "CC0-1.0",
        "authors": [{"name": "The ijbridge authors"}], "cite": [{"text": "none", "url": "https://example.org"}],
        "inputs": [{
            "id": "image", "data": {"type": "float32"}, "test_tensor": {"source": "input.npy"},
            "axes": [{"type": "batch"}, {"type": "channel", "channel_names": ["c"]},
                     *({"type": "space", "id": one, "size": {"min": 8, "step": 8}} for one in letters)],
        }],
        "outputs": [{
            "id": "objects", "data": {"type": "int32"}, "test_tensor": {"source": "output.npy"},
            "axes": [{"type": "batch"}, {"type": "channel", "channel_names": channels}, *map(follows, letters)],
            "postprocessing": [{"id": "stardist_postprocessing", "kwargs": kwargs}],
        }],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": made.opset_import[0].version}},
    }  # fmt: skip
    (folder / "bioimageio.yaml").write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return folder


def expected(folder: Path, network: Network, given: Array, **kwargs: Any) -> Array:
    """Do what the operation says, on the whole of the network's output, with the package stardist alone."""
    from stardist.geometry import polygons_to_label, polyhedron_to_label
    from stardist.matching import relabel_sequential
    from stardist.nms import non_maximum_suppression, non_maximum_suppression_3d
    from stardist.rays3d import Rays_GoldenSpiral

    (found,) = ort.InferenceSession(str(folder / "weights.onnx")).run(None, {"input": given[None, None]})
    prob, dist = found[0, 0], np.moveaxis(found[0, 1:], 0, -1)
    how = {"grid": tuple(kwargs["grid"]), "b": kwargs["b"], "prob_thresh": kwargs["prob_threshold"]}
    how |= {"nms_thresh": kwargs["nms_threshold"]}
    if network is GRID:
        points, prob, dist = non_maximum_suppression(dist, prob, **how)
        labels: Array = polygons_to_label(dist, points, given.shape, prob=prob)
        return labels
    rays = Rays_GoldenSpiral(kwargs["n_rays"], anisotropy=kwargs["anisotropy"])
    points, prob, dist = non_maximum_suppression_3d(dist, prob, rays, verbose=False, **how)
    labels = polyhedron_to_label(dist, points, rays, given.shape, prob=prob, verbose=False)
    relabelled: Array = relabel_sequential(labels)[0]
    return relabelled


@pytest.mark.parametrize("network", [GRID, VOLUME], ids=lambda one: one.name)
@pytest.mark.parametrize("of_labels", [True, False], ids=["labels described", "network described"])
@pytest.mark.parametrize("border", [2, 0])
def test_labels_are_those_of_the_operation_whole_and_in_tiles(
    tmp_path: Path, network: Network, of_labels: bool, border: int
) -> None:
    model, given = package(tmp_path / "model", network, of_labels=of_labels, b=border), picture(network)
    if of_labels:  # the specification holds the test tensor, which is the label image, against the axes
        assert complaints(model / "bioimageio.yaml") == []
    labels = np.load(model / "output.npy")[0, 0]
    assert labels.max() > 5
    for tile in ("whole", "y=64,x=64" if network is GRID else "z=8,y=24,x=24"):
        found = ijbridge.predict(model, given, axes=network.axes.lower(), tile=tile)
        np.testing.assert_array_equal(found.values, labels)
    with LoadedModel(model) as loaded:
        report = run_own_test(loaded, Options.read())
    assert report.reproduces, report


def test_borders_may_differ_from_side_to_side(tmp_path: Path) -> None:
    model = package(tmp_path / "model", GRID, b=[[0, 9], [12, 3]])
    found = ijbridge.predict(model, picture(GRID), axes="yx")
    np.testing.assert_array_equal(found.values, np.load(model / "output.npy")[0, 0])
    centres = [one["centre"] for one in found.attrs["objects"]]
    assert min(one["x"] for one in centres) >= 24
    assert max(one["y"] for one in centres) < picture(GRID).shape[0] - 18


def test_an_image_that_the_grid_does_not_divide_is_covered(tmp_path: Path) -> None:
    model = package(tmp_path / "model", GRID, b=0)
    given = picture(GRID)[:-3, :-5]
    labels = ijbridge.predict(model, given, axes="yx")
    assert labels.shape == given.shape
    np.testing.assert_array_equal(labels.values, ijbridge.predict(model, given, axes="yx", tile=64).values)
    rows = {one["centre"]["y"] for one in ijbridge.predict(model, given, axes="yx", objects="rois", nms_thresh=1)}
    assert max(rows) == (given.shape[0] - 1) // 2 * 2


def test_a_converted_package_gives_the_same_objects(tmp_path: Path) -> None:
    model = package(tmp_path / "model", GRID)
    convert(model, tmp_path / "out")
    description = read_model(tmp_path / "out")
    assert description.objects is not None
    assert description.objects.stated_by is None
    before, after = (ijbridge.predict(one, picture(GRID), axes="yx", tile=64) for one in (model, tmp_path / "out"))
    np.testing.assert_array_equal(after.values, before.values)


@pytest.mark.parametrize(
    ("network", "change", "word"),
    [
        (VOLUME, {"rays": {"name": "__import__", "arguments": []}}, "__import__"),
        (VOLUME, {"rays": {"name": "Rays_Explicit", "arguments": []}}, "Rays_Explicit"),
        (VOLUME, {"rays": {"name": "Rays_Octo", "arguments": [["n_level", 60]]}}, "n_level"),
        (
            VOLUME,
            {"rays": {"name": "Rays_GoldenSpiral", "arguments": [["n", 12], ["anisotropy", [1.0, 0.0, 1.0]]]}},
            "anisotropy",
        ),
        (VOLUME, {"rays": None}, "must have rays"),
        (VOLUME, {"n_rays": 11}, "12 channels|13 channels"),
        (GRID, {"n_rays": 4}, "9 channels"),
        (GRID, {"prob": "other", "dist": "other"}, "'other'"),
        (GRID, {"axes": "yyx"}, "'yyx'"),
        (GRID, {"axes": "zy"}, "'zy'"),
        (GRID, {"grid": [2]}, "1 values of grid"),
        (GRID, {"grid": [0, 2]}, "the grid 0"),
        (GRID, {"spacing": [7, 1]}, "spacing 7"),
        (GRID, {"border": [[0, -5], [0, 0]]}, "border"),
        (GRID, {"prob_thresh": -1.0}, "thresholds -1"),
        (GRID, {"prob_class": "none"}, "'none'"),
    ],
    ids=lambda one: one.name if isinstance(one, Network) else str(one),
)
def test_objects_of_a_converted_package_that_do_not_fit_its_outputs_are_refused(
    tmp_path: Path, network: Network, change: dict[str, Any], word: str
) -> None:
    """They are given to compiled code, which looks at nothing."""
    convert(package(tmp_path / "model", network), tmp_path / "out")
    file = tmp_path / "out" / "bioimageio.yaml"
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    (entry,) = [one for one in described["config"]["ijbridge"]["beyond"] if one["field"] == "objects"]
    entry["meant"] |= change
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    with pytest.raises(DescriptionError) as caught:
        read_model(tmp_path / "out")
    check_refusal(caught.value, "bioimageio.yaml")
    assert re.search(word, str(caught.value)), caught.value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"grid": [2, 0]}, ["grid", "[2, 0]", "1 to 64"]),
        ({"grid": [2]}, ["grid", "2 whole numbers"]),
        ({"prob_threshold": 2}, ["prob_threshold", "0 to 1"]),
        ({"nms_threshold": None}, ["nms_threshold"]),
        ({"b": "wide"}, ["kwargs.b`", "'wide'", "2 pairs"]),
        ({"b": [[1, 2]]}, ["kwargs.b`", "2 pairs"]),
        ({"b": -1}, ["kwargs.b`", "-1"]),
        ({"n_rays": 2}, ["n_rays", "2"]),
        ({"n_rays": 10**9}, ["n_rays", "4096"]),
        ({"n_rays": 16}, ["outputs", "9 channels", "17"]),
    ],
    ids=str,
)
def test_arguments_that_are_none_are_refused(tmp_path: Path, change: dict[str, Any], words: list[str]) -> None:
    model = package(tmp_path / "model", GRID, of_labels=False)
    for key, value in change.items():
        edit(model, f"outputs.0.postprocessing.0.kwargs.{key}", value)
    with pytest.raises(DescriptionError) as caught:
        read_model(model)
    check_refusal(caught.value, "bioimageio.yaml", *words)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda model: edit(model, "outputs.0.postprocessing.0.kwargs.overlap_label", 1), "overlap_label"),
        (
            lambda model: edit(
                model,
                "outputs.0.postprocessing",
                [{"id": "stardist_postprocessing", "kwargs": kwargs_of(GRID)}, {"id": "sigmoid"}],
            ),
            "other operations follow it",
        ),
    ],
    ids=["overlap_label", "not the last"],
)
def test_what_cannot_be_done_is_shown_and_refused_in_a_run(tmp_path: Path, change: Callable[[Path], Path], word: str) -> None:
    model = change(package(tmp_path / "model", GRID))
    assert read_model(model).objects is None
    with pytest.raises(CannotRunError) as caught:
        ijbridge.plan(model, picture(GRID), axes="yx")
    check_refusal(caught.value, "stardist_postprocessing", word)
