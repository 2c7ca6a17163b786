"""Objects of StarDist's networks: those of ``predict_instances``, stored by scripts/compare_stardist.py, whole and in tiles."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

import ijbridge
from commandline import Run
from converted import check_package
from descriptions import check_refusal
from ijbridge.conversion import convert
from ijbridge.description import IMAGEJ_MACRO, Macro
from ijbridge.errors import CannotRunError, OptionError
from ijbridge.formats import read_model
from ijbridge.image import make_image
from ijbridge.loaded import LoadedModel, Results
from ijbridge.object_plans import result_names
from ijbridge.options import Options
from ijbridge.server import InferenceServer
from reference.csbdeep_cases import NUCLEI, WITH_OBJECTS, Array, Network, image, with_objects
from specification import LEAVES_FILES_OPEN

NETWORK = {one.name: one for one in WITH_OBJECTS}
TRAINED = NETWORK["stardist-2d-trained"]


def stored(network: Network) -> dict[str, Array]:
    return _stored(network.folder)


@cache
def _stored(folder: Path) -> dict[str, Array]:
    with np.load(folder / "objects.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module", params=WITH_OBJECTS, ids=lambda one: one.name)
def network(request: pytest.FixtureRequest) -> Network:
    chosen: Network = request.param
    return chosen


@pytest.fixture(scope="module")
def model(network: Network, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return LoadedModel(with_objects(network, tmp_path_factory.mktemp("model") / network.name))


def find(model: LoadedModel, network: Network, given: Array | None = None, **options: Any) -> Results:
    thresholds = {name: float(stored(network)[name]) for name in ("prob_thresh", "nms_thresh")}
    images = model.images(image(network) if given is None else given, options.pop("axes", network.axes.lower()))
    return model.run(images, Options.named({"tile": "whole", **thresholds, **options}))


def test_labels_are_those_of_predict_instances(model: LoadedModel, network: Network) -> None:
    found, expected = find(model, network), stored(network)
    assert found.objects
    labels = found.images["labels"]
    assert labels.array.dtype == np.int32
    np.testing.assert_array_equal(labels.array, expected["whole/labels"])
    if network.kind == "StarDist3D":
        assert len(found.objects) == expected["whole/labels"].max()
        return
    np.testing.assert_allclose([one.probability for one in found.objects], expected["whole/prob"], 1e-4)
    centres = [[one.centre[axis] for axis in "yx"] for one in found.objects]
    np.testing.assert_array_equal(centres, expected["whole/points"])
    if "whole/class_id" in expected:
        np.testing.assert_array_equal([one.class_id for one in found.objects], expected["whole/class_id"])


def test_outlines_are_those_of_predict_instances(model: LoadedModel, network: Network) -> None:
    if network.kind == "StarDist3D":
        with pytest.raises(OptionError) as caught:
            find(model, network, objects="both")
        check_refusal(caught.value, "objects=both", "volumes", "labels or raw")
        return
    found = find(model, network, objects="rois")
    assert not found.images
    outlines = np.array([one.outline for one in found.objects or ()])
    np.testing.assert_allclose(outlines, stored(network)["whole/coord"], 1e-4, 1e-3)


def test_tiles_give_the_objects_of_the_whole_each_once(model: LoadedModel, network: Network) -> None:
    """On an image of several tiles along each axis, with objects on the borders between them."""
    given = np.tile(
        image(network), {"YX": (2, 1) if network.trained else (3, 3), "YXC": (3, 3, 1), "ZYX": (4, 2, 2)}[network.axes]
    )
    axes, tile = network.axes.lower(), "y=64,x=64" if network.kind == "StarDist2D" else "z=24,y=48,x=48"
    plan = model.plan({"input": make_image(given, axes).header}, Options.read(tile=tile))
    assert plan.tile_count >= 4
    whole, tiles = (find(model, network, given, tile=one) for one in ("whole", tile))
    assert len(whole.objects or ()) > len(stored(network)["whole/prob"])
    np.testing.assert_array_equal(tiles.images["labels"].array, whole.images["labels"].array)
    assert [one.centre for one in tiles.objects or ()] == [one.centre for one in whole.objects or ()]
    assert [one.pixels for one in tiles.objects or ()] == np.bincount(whole.images["labels"].array.ravel())[1:].tolist()


def test_tiles_give_the_labels_that_stardist_gives_in_its_tiles(model: LoadedModel, network: Network) -> None:
    if network.tiles:
        np.testing.assert_array_equal(find(model, network, tile=64).images["labels"].array, stored(network)["tiles/labels"])


def test_thresholds_are_those_of_the_file_and_options_take_their_place() -> None:
    count = {}
    for options in ({}, {"prob_thresh": 0.8}, {"nms_thresh": 0.0}, {"prob_thresh": "1"}):
        found = ijbridge.predict(TRAINED.folder, image(TRAINED), **options)
        count[str(options)] = len(found.attrs["objects"])
        assert found.values.max() == count[str(options)]
    assert count["{}"] == len(stored(TRAINED)["whole/prob"])
    assert 0 < count["{'prob_thresh': 0.8}"] < count["{}"]
    assert 0 < count["{'nms_thresh': 0.0}"] < count["{}"]
    assert count["{'prob_thresh': '1'}"] == 0


def test_each_time_point_has_labels_from_1_and_those_it_has_alone() -> None:
    cells = image(TRAINED)
    film = np.stack([cells, cells[::-1, ::-1]])
    found = ijbridge.predict(TRAINED.folder, film, axes="tyx", tile=128)
    for time, frame in enumerate(film):
        alone = ijbridge.predict(TRAINED.folder, frame, axes="yx", tile="whole")
        np.testing.assert_array_equal(found.values[time], alone.values)
        listed = [one for one in found.attrs["objects"] if one["position"] == {"t": time}]
        assert [one["label"] for one in listed] == [one["label"] for one in alone.attrs["objects"]]


def test_labels_lie_on_the_image_and_have_its_pixel_size() -> None:
    given = make_image(image(TRAINED), "yx", pixel_size={"y": 0.5, "x": 0.5}, unit={"y": "µm", "x": "µm"}, origin={"x": 7.0})
    model = LoadedModel(TRAINED.folder)
    found = model.run({"input": given}, Options())
    labels = found.images["labels"].header
    assert (labels.shape, labels.pixel_size, labels.unit) == (given.header.shape, given.header.pixel_size, given.header.unit)
    assert labels.origin == {"x": 7.0}
    first = (found.objects or ())[0]
    assert (first.size, first.unit) == (first.pixels * 0.25, "µm²")


def test_a_rescaled_image_gives_objects_where_they_are_in_the_image() -> None:
    """An image of twice the pixels along each axis, resampled to the pixel size of the model."""
    coarse = image(TRAINED)
    fine = make_image(np.kron(coarse, np.ones((2, 2), np.uint16)), "yx", pixel_size={"y": 0.5, "x": 0.5},
                      unit={"y": "µm", "x": "µm"})  # fmt: skip
    model = LoadedModel(TRAINED.folder)
    found = model.run({"input": fine}, Options.read(rescale=True, model_pixel_size="1 um", objects="both"))
    expected = model.run(model.images(coarse), Options())
    labels, reference = found.images["labels"].array, np.kron(expected.images["labels"].array, np.ones((2, 2), np.int32))
    assert labels.shape == reference.shape
    overlap = np.count_nonzero((labels > 0) & (reference > 0)) / np.count_nonzero((labels > 0) | (reference > 0))
    assert overlap > 0.9
    centres = {tuple(one.centre.values()) for one in found.objects or ()}
    meant = {tuple((place + 0.5) * 2 - 0.5 for place in one.centre.values()) for one in expected.objects or ()}
    assert len(centres & meant) > 0.5 * len(meant)  # the edges of both grids lie upon each other
    for one in found.objects or ():
        outline = np.asarray(one.outline)
        assert np.abs(outline.mean(axis=1) - [one.centre["y"], one.centre["x"]]).max() < 15


def test_objects_of_the_nuclei_of_stardist_are_found() -> None:
    """The network was trained for some minutes on the left half of this image, and has not seen the right quarter."""
    from stardist.data import test_image_nuclei_2d
    from stardist.matching import matching

    nuclei, mask = test_image_nuclei_2d(return_mask=True)
    found = ijbridge.predict(NUCLEI.folder, nuclei, axes="yx", tile=128).values
    unseen = np.s_[:, NUCLEI.columns[1] :]
    assert matching(mask, found, thresh=0.5).f1 > 0.9
    assert matching(mask[unseen], found[unseen], thresh=0.5).f1 > 0.9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objects": "polygons"}, ["objects=polygons", "labels, rois, both, raw"]),
        ({"prob_thresh": 1.5}, ["prob_thresh=1.5", "from 0 to 1"]),
        ({"nms_thresh": "much"}, ["nms_thresh=much", "from 0 to 1"]),
        ({"objects": "raw", "nms_thresh": 0.5}, ["nms_thresh=0.5", "objects=raw"]),
    ],
    ids=str,
)
def test_options_that_are_none_are_refused(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(OptionError) as caught:
        ijbridge.plan(TRAINED.folder, image(TRAINED), **options)
    check_refusal(caught.value, *words)


def test_a_macro_for_what_the_network_gives_is_not_given_objects() -> None:
    macro = Macro("after", IMAGEJ_MACRO, "post.ijm", is_run=True)
    description = replace(read_model(TRAINED.folder), macros=(macro,))
    with pytest.raises(OptionError) as caught:
        result_names(description, Options())
    check_refusal(caught.value, "post.ijm", "objects=raw")
    assert result_names(description, Options(objects="raw")) == ("prob", "dist")
    assert result_names(replace(description, macros=(replace(macro, is_run=False),)), Options()) == ("labels",)


def test_options_on_objects_are_refused_for_other_models() -> None:
    with pytest.raises(OptionError) as caught:
        ijbridge.plan(TRAINED.folder.parent / "care-2d", image(TRAINED), objects="labels")
    check_refusal(caught.value, "objects=labels", "StarDist", "leave it out")


def test_imagej_is_told_what_it_is_given_and_gets_the_table_of_a_file(run: Run, tmp_path: Path) -> None:
    cells = image(TRAINED)
    server, header = InferenceServer(), {"name": "cells.tif", "shape": cells.shape, "axes": "yx", "dtype": "uint16"}
    plan = server.plan(str(TRAINED.folder), header, {"objects": "both"})
    (labels,) = plan["outputs"]
    assert (labels["title"], labels["dtype"], labels["shape"]) == ("cells-labels", "float32", [303, 384])
    assert labels["labels"]
    assert plan["objects"] == "cells-objects"
    assert ["Objects", "star-convex, 32 rays, of a probability above 0.633743, that overlap by at most 0.3: both"] in plan[
        "words"
    ]
    result = np.empty(cells.shape, np.float32)
    given = server.predict(str(TRAINED.folder), header, {"objects": "both"}, cells, [result])
    np.testing.assert_array_equal(result, stored(TRAINED)["whole/labels"])
    tifffile.imwrite(tmp_path / "cells.tif", cells)
    status, _, errors = run("predict", TRAINED.folder, tmp_path / "cells.tif", "-o", tmp_path / "out", "--objects", "both")
    assert status == 0, errors
    assert given["objects"] == (tmp_path / "out" / "cells-objects.csv").read_bytes().decode()


def test_imagej_is_given_no_image_where_only_outlines_are_asked_for() -> None:
    header = {"name": "cells", "shape": (303, 384), "axes": "yx", "dtype": "uint16"}
    server = InferenceServer()
    assert server.plan(str(TRAINED.folder), header, {"objects": "rois"})["outputs"] == []
    assert server.plan(str(TRAINED.folder), header, {"objects": "raw"})["objects"] == ""


def test_the_command_line_writes_labels_and_a_table(tmp_path: Path, run: Run) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", image(TRAINED))
    status, _, errors = run("predict", TRAINED.folder, tmp_path / "cells.tif", "-o", tmp_path / "out", "--objects", "both")
    assert status == 0, errors
    labels = tifffile.imread(tmp_path / "out" / "cells-labels.tif")
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, stored(TRAINED)["whole/labels"])
    with (tmp_path / "out" / "cells-objects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["label"]) for row in rows] == list(range(1, labels.max() + 1))
    assert [int(row["pixels"]) for row in rows] == np.bincount(labels.ravel())[1:].tolist()
    corners = rows[0]["outline"].removeprefix("POLYGON ((").removesuffix("))").split(", ")
    assert corners[0] == corners[-1]
    outline = np.array([[float(one) for one in corner.split()] for corner in corners[:-1]])
    np.testing.assert_allclose(outline.T[::-1], stored(TRAINED)["whole/coord"][0], 1e-4, 1e-2)


def test_a_plan_says_what_is_made_of_objects(run: Run, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", image(TRAINED))
    _, told, _ = run("plan", TRAINED.folder, tmp_path / "cells.tif", "--nms-thresh", "0.25")
    assert "overlap by at most 0.25: labels" in told
    assert "cells-labels: 303 x 384 (yx) int32" in told
    _, told, _ = run("plan", TRAINED.folder, tmp_path / "cells.tif", "--json")
    assert json.loads(told)["objects"]["prob_thresh"] == read_model(TRAINED.folder).objects.prob_thresh  # type: ignore[union-attr]


@LEAVES_FILES_OPEN
def test_a_converted_model_gives_the_same_objects(network: Network, model: LoadedModel, tmp_path: Path) -> None:
    convert(model.description, tmp_path / "converted")
    check_package(tmp_path / "converted", model.description)
    with LoadedModel(tmp_path / "converted") as converted:
        assert converted.description.objects == model.description.objects
        found, expected = (find(one, network, tile=64) for one in (converted, model))
    np.testing.assert_array_equal(found.images["labels"].array, expected.images["labels"].array)
    assert found.objects == expected.objects
    np.testing.assert_array_equal(found.images["labels"].array, stored(network)["whole/labels"])


WITHOUT = """
import sys
sys.modules["stardist"] = None
from ijbridge.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_the_package_the_command_that_installs_it_is_named_and_raw_works(tmp_path: Path) -> None:
    shutil.copytree(TRAINED.folder, tmp_path / "net")
    tifffile.imwrite(tmp_path / "cells.tif", image(TRAINED)[:64, :64])

    def without(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", WITHOUT, *arguments], cwd=tmp_path, capture_output=True, text=True)

    predict = ("predict", "net", "cells.tif", "-o", "out")
    refused = without(*predict)
    assert refused.returncode == 1
    assert 'pip install "ijbridge[stardist]"' in refused.stderr
    assert "objects=raw" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert without(*predict, "--objects", "raw").returncode == 0
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"cells-prob.tif", "cells-dist.tif"}
    assert without("inspect", "net").returncode == 0
    assert without("tune", "net", "--memory", "40 MB").returncode == 0


def test_stardist_is_used_without_tensorflow() -> None:
    code = (
        "import sys, warnings; before = warnings.formatwarning; from ijbridge.objects import load_stardist; load_stardist();"
        "print('tensorflow' in sys.modules, 'stardist.models' in sys.modules, warnings.formatwarning is before)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False", "True"]


GRID = NETWORK["stardist-2d-grid"]


def package(folder: Path, **stardist: Any) -> Path:
    """Write what ``export_bioimageio`` describes: one output on the image's grid, probability first, zero between positions."""
    folder.mkdir()
    shutil.copy(GRID.folder / "converted.onnx", folder)
    np.save(folder / "test.npy", np.zeros((1, 64, 64, 1), np.float32))
    stated = {"config": json.loads((GRID.folder / "config.json").read_text()), "thresholds": {"prob": 0.49, "nms": 0.3}}
    described = {
        "format_version": "0.4.10", "type": "model", "name": "nuclei", "description": "", "authors": [], "cite": [],
        "test_inputs": ["test.npy"], "test_outputs": ["test.npy"], "config": {"stardist": {**stated, **stardist}},
        "inputs": [{
            "name": "input", "axes": "byxc", "data_type": "float32", "shape": {"min": [1, 8, 8, 1], "step": [0, 8, 8, 0]},
            "preprocessing": [{"name": "scale_range", "kwargs": {
                "mode": "per_sample", "axes": "yx", "min_percentile": 1.0, "max_percentile": 99.8, "eps": 1e-20,
            }}],
        }],
        "outputs": [{
            "name": "output", "axes": "byxc", "data_type": "float32", "halo": [0, 0, 0, 0],
            "shape": {"reference_tensor": "input", "scale": [1, 1, 1, 0], "offset": [0, 0, 0, 4.5]},
        }],
        "weights": {"onnx": {"source": "converted.onnx"}},
    }  # fmt: skip
    (folder / "bioimageio.yaml").write_text(yaml.safe_dump(described))
    return folder


@pytest.mark.parametrize("tile", ["whole", 64])
def test_a_package_of_bioimage_io_gives_the_objects_of_the_folder_it_was_exported_from(tmp_path: Path, tile: str | int) -> None:
    given = np.tile(image(GRID)[:88, :104], (2, 2))
    found = ijbridge.predict(package(tmp_path / "net"), given, axes="yx", tile=tile)
    expected = ijbridge.predict(GRID.folder, given, axes="yx", tile="whole", prob_thresh=0.49, nms_thresh=0.3)
    assert expected.values.max() > 20
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"config": {"n_rays": 32}}, "33"), ({"config": None}, "config"), ({"thresholds": {"prob": "high"}}, "prob")],
    ids=["rays", "no config", "threshold"],
)
def test_a_package_whose_stardist_section_does_not_fit_gives_its_outputs_and_says_why(
    tmp_path: Path, change: dict[str, Any], word: str
) -> None:
    description = read_model(package(tmp_path / "net", **change))
    assert description.objects is None
    (note,) = (one.sentence for one in description.findings if one.id == "objects-not-found")
    assert word in note
    assert ijbridge.plan(tmp_path / "net", image(GRID), axes="yx").results.keys() == {"output"}


RAYS = NETWORK["stardist-3d"]


@pytest.mark.parametrize(
    ("rays", "words"),
    [
        ({"name": "__import__('os').system"}, ["name", "Rays_GoldenSpiral"]),
        ({"name": "Rays_Explicit", "kwargs": {"vertices0": [], "faces0": []}}, ["name", "Rays_Explicit"]),
        ({"name": "Rays_GoldenSpiral", "kwargs": {"n": 13}}, ["12, as `n_rays`"]),
        ({"name": "Rays_GoldenSpiral", "kwargs": {"n": 12, "anisotropy": [1, 0, 1]}}, ["anisotropy", "three numbers"]),
        ({"name": "Rays_Octo", "kwargs": {"n_level": 40}}, ["n_level", "from 1 to 6"]),
        ({"name": "Rays_Octo", "kwargs": {"level": 2}}, ["'level'", "n_level"]),
    ],
    ids=lambda one: str(one)[:40],
)
def test_rays_that_are_none_are_refused(tmp_path: Path, rays: dict[str, Any], words: list[str]) -> None:
    folder = shutil.copytree(RAYS.folder, tmp_path / "net")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rays_json": rays}))
    with pytest.raises(ijbridge.IJBridgeError) as caught:
        read_model(folder)
    check_refusal(caught.value, "config.json", *words)


def test_rays_of_another_number_than_the_network_has_are_refused(tmp_path: Path) -> None:
    folder = with_objects(RAYS, tmp_path / "net")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rays_json": {"name": "Rays_Octo", "kwargs": {"n_level": 2}}}))
    with pytest.raises(CannotRunError) as caught:
        find(LoadedModel(folder), RAYS)
    check_refusal(caught.value, "Rays_Octo", "12 distances")
