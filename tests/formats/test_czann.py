"""ZEISS' .czann: written by ZEISS' own package, run as onnxruntime runs the network, refused where it contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import ijbridge
from commandline import Run, pixels
from descriptions import check_refusal, said
from ijbridge.description import FixedSize, ReferencedSize, SteppedSize
from ijbridge.errors import OptionError
from ijbridge.formats import read_model
from ijbridge.image_io import read_image
from ijbridge.server import InferenceServer
from zeiss_models import CLASSES, channels_last, raw_values, write_czann, write_segmentation


@pytest.fixture
def segmentation(tmp_path: Path) -> Path:
    return write_segmentation(tmp_path / "m")


def results(path: Path, image: Any, **options: Any) -> dict[str, Any]:
    found = ijbridge.predict(path, image, **options)
    return {name: np.asarray(one) for name, one in found.items()} if isinstance(found, dict) else {"": np.asarray(found)}


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_segmentation_is_read_with_all_that_it_states(segmentation: Path, run: Run) -> None:
    model = read_model(segmentation)
    assert (model.format, model.format_version, model.name) == ("ZEISS CZANN", "2.1.0", "Cell Finder")
    assert (model.license, model.tags) == ("license.txt", ("SingleClassSemanticSegmentation",))
    assert model.config["czann"]["Id"] == "1234"
    (given,) = model.inputs
    assert [axis.letter for axis in given.axes] == ["b", "y", "x", "c"]
    assert [axis.size for axis in given.axes[1:]] == [SteppedSize(2, 2), SteppedSize(2, 2), FixedSize(1)]
    assert {axis.id: axis.unit for axis in given.axes[1:3]} == {"y": "micrometer", "x": "micrometer"}
    assert {axis.id: round(axis.pixel_size or 0, 9) for axis in given.axes[1:3]} == {"y": 0.5, "x": 0.65}
    labels, confidence = model.outputs
    assert (labels.id, labels.source, labels.dtype) == ("labels", "values", "uint8")
    assert (confidence.id, confidence.source, confidence.dtype) == ("confidence", "values", "float32")
    assert labels.value_names == dict(enumerate(CLASSES, start=1))
    assert [axis.halo for axis in labels.axes] == [0, 6, 10, 0]
    status, out, _ = run("inspect", segmentation)
    assert status == 0
    assert "labels     1 background, 2 border, 3 nucleus" in out
    assert "so integers are divided by the largest value of their type, as ZEN does: normalize=divide,4095" in out


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("tile", ["whole", 32])
def test_labels_and_confidence_are_those_of_onnxruntime_whole_and_in_tiles(segmentation: Path, dtype: str, tile: Any) -> None:
    image = (pixels(70, 82) / 200 * {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]).astype(dtype)
    divided = image if dtype == "float32" else image / np.float64(np.iinfo(dtype).max)
    values = raw_values(segmentation.parent, divided.astype(np.float32)[..., None])
    found = results(segmentation, image, tile=tile)
    np.testing.assert_array_equal(found["labels"], values.argmax(-1) + 1)
    np.testing.assert_array_equal(found["confidence"], values.max(-1))
    assert len(np.unique(found["labels"])) > 1
    assert (found["labels"].dtype, found["confidence"].dtype) == (np.uint8, np.float32)


def test_imagej_shows_the_classes_as_labels_and_their_confidence_as_an_image(segmentation: Path) -> None:
    image = {"name": "cells", "shape": [40, 48], "axes": "yx", "dtype": "uint8"}
    outputs = InferenceServer().plan(str(segmentation), image, {})["outputs"]
    assert {one["name"]: one["labels"] for one in outputs} == {"labels": True, "confidence": False}


def test_a_volume_is_segmented_with_its_own_pixel_size_along_z(tmp_path: Path) -> None:
    network = channels_last(ndim=3)
    path = write_czann(
        tmp_path / "m", network, [16, 32, 32, 1], [16, 32, 32, 3], min_overlap=[2, 4, 6], scaling=(1e-7, 2e-7, 3e-7)
    )
    axes = read_model(path).inputs[0].axes
    assert {axis.letter: axis.pixel_size and round(axis.pixel_size, 9) for axis in axes[1:4]} == {"z": 0.3, "y": 0.2, "x": 0.1}
    assert [axis.halo for axis in read_model(path).outputs[0].axes] == [0, 1, 2, 3, 0]
    image = pixels(16, 32, 32, dtype="uint8")
    values = raw_values(path.parent, (image / 255).astype(np.float32)[..., None])
    np.testing.assert_array_equal(results(path, image, axes="zyx")["labels"], values.argmax(-1) + 1)


@pytest.mark.parametrize("tile", ["whole", 32])
def test_a_regression_gives_what_the_network_gives_in_its_own_type(tmp_path: Path, tile: Any) -> None:
    network = channels_last(3, 2, last="Sigmoid", scale=2)
    path = write_czann(tmp_path / "m", network, [64, 64, 3], [128, 128, 2], "Regression", min_overlap=[12, 12])
    (output,) = read_model(path).outputs
    assert output.axes[1].size == ReferencedSize("raw", "y", 2)  # type: ignore[arg-type]
    assert output.axes[1].halo == 12
    image = pixels(3, 48, 56, dtype="uint8")
    values = raw_values(path.parent, (np.moveaxis(image, 0, -1) / 255).astype(np.float32))
    found = ijbridge.predict(path, image, axes="cyx", tile=tile)
    np.testing.assert_array_equal(np.asarray(found), np.moveaxis(values, -1, 0))


def test_colour_pictures_keep_no_channel_axis_in_their_labels(tmp_path: Path) -> None:
    path = write_czann(tmp_path / "m", channels_last(3), [64, 64, 3], [64, 64, 3])
    found = results(path, pixels(3, 20, 24, dtype="uint8"), axes="cyx")
    assert found["labels"].shape == found["confidence"].shape == (20, 24)


def test_a_stack_is_looped_over(segmentation: Path) -> None:
    image = pixels(3, 20, 24, dtype="uint8")
    found = results(segmentation, image, axes="tyx")
    for number in range(3):
        np.testing.assert_array_equal(found["labels"][number], results(segmentation, image[number])["labels"])


def test_a_network_of_one_size_runs_in_tiles_of_it(tmp_path: Path) -> None:
    path = write_czann(tmp_path / "m", channels_last(size=(32, 48)), [32, 48, 1], [32, 48, 3], min_overlap=[8, 8])
    assert [axis.size for axis in read_model(path).inputs[0].axes[1:3]] == [FixedSize(32), FixedSize(48)]
    image = pixels(32, 48, dtype="uint8")
    values = raw_values(path.parent, (image / 255).astype(np.float32)[..., None])
    np.testing.assert_array_equal(results(path, image)["labels"], values.argmax(-1) + 1)
    assert results(path, pixels(70, 80, dtype="uint8"))["labels"].shape == (70, 80)


# --- confidence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0, 40, 51, "62.5", 99])
@pytest.mark.parametrize("tile", ["whole", 32])
def test_pixels_below_the_least_confidence_have_the_label_0(segmentation: Path, percent: Any, tile: Any) -> None:
    image = pixels(70, 82, dtype="uint8")
    values = raw_values(segmentation.parent, (image / 255).astype(np.float32)[..., None])
    found = results(segmentation, image, min_confidence=percent, tile=tile)
    expected = np.where(values.max(-1) < np.float32(float(percent) / 100), 0, values.argmax(-1) + 1)
    np.testing.assert_array_equal(found["labels"], expected)
    np.testing.assert_array_equal(found["confidence"], values.max(-1))


def test_the_command_line_writes_labels_and_confidence_with_names_in_the_record(
    segmentation: Path, tmp_path: Path, run: Run
) -> None:
    np.save(tmp_path / "cells.npy", pixels(20, 24, dtype="uint8"))
    status, out, err = run("predict", segmentation, tmp_path / "cells.npy", "-o", tmp_path / "out", "--min-confidence", "51")
    assert (status, out) == (0, "")
    assert all("has no pixel size" in line for line in err.splitlines())
    found = read_image(tmp_path / "out" / "cells-labels.tif")
    np.testing.assert_array_equal(
        found.array, results(segmentation, pixels(20, 24, dtype="uint8"), min_confidence=51)["labels"]
    )
    with tifffile.TiffFile(tmp_path / "out" / "cells-labels.tif") as file:
        record = (file.imagej_metadata or {})["Info"]
    assert "labels.labels: 1 background, 2 border, 3 nucleus" in record
    assert "operations.labels: argmax (over channel, 0 below 0.51)" in record


def test_a_least_confidence_is_refused_where_there_are_no_labels(tmp_path: Path) -> None:
    path = write_czann(tmp_path / "m", channels_last(1, 1, last="Sigmoid"), [64, 64, 1], [64, 64, 1], "Regression")
    with pytest.raises(OptionError) as caught:
        ijbridge.predict(path, pixels(20, 24), min_confidence=51)
    check_refusal(caught.value, "min_confidence=51", "'Cell Finder'", "leave it out")


def test_a_network_whose_values_are_no_probabilities_is_warned_of(tmp_path: Path, segmentation: Path) -> None:
    path = write_czann(tmp_path / "scores", channels_last(last="Relu"), [64, 64, 1], [64, 64, 3])
    (warning,) = [one for one in ijbridge.plan(path, pixels(20, 24)).findings if one.severity == "warning"]
    assert (warning.id, "ends with Relu" in warning.sentence) == ("confidence-no-probability", True)
    assert not [one for one in ijbridge.plan(segmentation, pixels(20, 24)).findings if one.id == "confidence-no-probability"]


# --- what is assumed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high", "is_said"), [(0, 1, False), (0, 255, True), (-1, 1, True)])
def test_floating_point_numbers_beyond_0_to_1_are_warned_of(segmentation: Path, low: float, high: float, is_said: bool) -> None:
    image = np.linspace(low, high, 480, dtype=np.float32).reshape(20, 24)
    found = {one.id: one.sentence for one in ijbridge.check(segmentation, image, axes="yx")}
    assert ("beyond-1" in found) is is_said
    assert not is_said or "normalize=divide,255" in found["beyond-1"]
    named = ijbridge.check(segmentation, image, axes="yx", normalize="divide 255")
    assert "beyond-1" not in {one.id for one in named}


def test_the_divisor_is_said_and_can_be_named(segmentation: Path) -> None:
    image = pixels(20, 24, dtype="uint16")
    found = [one.id for one in ijbridge.plan(segmentation, image).findings if one.severity == "note"]
    assert found == ["divisor-assumed", "sizes-free"]
    plan = ijbridge.plan(segmentation, image, normalize="divide 4095")
    assert not [one for one in plan.findings if one.id == "divisor-assumed"]
    values = raw_values(segmentation.parent, (image / 4095).astype(np.float32)[..., None])
    noted = results(segmentation, image, normalize="divide 4095")
    np.testing.assert_array_equal(noted["confidence"], values.max(-1))


@pytest.mark.parametrize(("scaling", "used"), [((1.0, 1.0), False), (None, False), ((1e-6, 1e-6), True)])
def test_a_metre_per_pixel_is_no_pixel_size(tmp_path: Path, scaling: Any, used: bool) -> None:
    path = write_czann(tmp_path / "m", channels_last(), [64, 64, 1], [64, 64, 3], scaling=scaling)
    model = read_model(path)
    assert all((axis.pixel_size is not None) is used for axis in model.inputs[0].axes[1:3])
    assert any("metre per pixel" in note for note in said(model)) is (scaling == (1.0, 1.0))
