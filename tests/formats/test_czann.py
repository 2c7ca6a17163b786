"""ZEISS' .czann: written by ZEISS' own package, run as onnxruntime runs the network, refused where it contradicts itself."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings

import ijbridge
from builders import Network, one_conv, subtraction
from commandline import Run, pixels
from descriptions import REMOVED, changed, changes, check_refusal, said
from ijbridge.describing import description_dict, description_text
from ijbridge.description import FixedSize, ReferencedSize, SteppedSize
from ijbridge.errors import CannotRunError, DescriptionError, IJBridgeError, OptionError, PackageError
from ijbridge.formats import read_model
from ijbridge.image_io import read_image
from zeiss_models import CLASSES, channels_last, raw_values, write_czann


def results(path: Path, image: Any, **options: Any) -> dict[str, Any]:
    found = ijbridge.predict(path, image, **options)
    return {name: np.asarray(one) for name, one in found.items()} if isinstance(found, dict) else {"": np.asarray(found)}


@pytest.fixture
def segmentation(tmp_path: Path) -> Path:
    return write_czann(
        tmp_path / "m", channels_last(), [64, 64, 1], [64, 64, 3], min_overlap=[12, 20], scaling=[0.65e-6, 0.5e-6]
    )


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


# --- what is refused -------------------------------------------------------------------------------------------------


def rewritten(path: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    """Write a model's zip anew with other entries."""
    with zipfile.ZipFile(path) as archive:
        entries: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    entries["model.json"] = json.loads(entries["model.json"])
    edit(entries)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, json.dumps(data) if isinstance(data, dict | list) else data)
    return path


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("SingleClassInstanceSegmentation", "not in the file"), ("MultiClassInstanceSegmentation", "not in the file"),
        ("ObjectDetection", "boxes"), ("SingleClassClassification", "the class of a whole image"),
        ("MultiClassClassification", "the classes of a whole image"),
    ],
)  # fmt: skip
def test_a_type_that_gives_no_image_is_shown_and_refused_by_name(segmentation: Path, kind: str, why: str, run: Run) -> None:
    rewritten(segmentation, lambda entries: entries["model.json"].update(Type=kind, OutputShape=[1, 1, 3]))
    status, out, _ = run("inspect", segmentation)
    assert (status, "cannot run" in out, kind in out) == (0, True, True)
    with pytest.raises(CannotRunError) as caught:
        ijbridge.predict(segmentation, pixels(20, 24))
    check_refusal(caught.value, repr(kind), why)


#: The node of model.json that is changed, its new value, and words of the sentence.
BROKEN: list[tuple[str, Any, list[str]]] = [
    ("Type", REMOVED, ["`Type` is missing", "one of SingleClassSemanticSegmentation"]),
    ("Type", "Segmentation", ["`Type` is 'Segmentation'"]),
    ("Type", None, ["`Type` is None"]),
    ("InputShape", REMOVED, ["`InputShape` is missing", "[y, x, channels]"]),
    ("InputShape", None, ["`InputShape` is None"]),
    ("InputShape", "64,64,1", ["`InputShape` is '64,64,1'", "three or four whole numbers"]),
    ("InputShape", [64, 64], ["`InputShape` is [64, 64]", "three or four whole numbers"]),
    ("InputShape", [64, 64, 0], ["`InputShape` is [64, 64, 0]", "at least 1"]),
    ("InputShape", [64, 64, "1"], ["`InputShape`"]),
    ("InputShape", [64, 64, 1.5], ["`InputShape`"]),
    ("InputShape", [1, 64, 64, 1], ["`InputShape` is [1, 64, 64, 1] and `OutputShape` [64, 64, 3]", "as many sizes"]),
    ("OutputShape", REMOVED, ["`OutputShape` is missing"]),
    ("OutputShape", [64, 64, 1], ["`Classes` names 3 (background, border, nucleus)", "[64, 64, 1] has 1 of them"]),
    ("MinOverlap", [12], ["`MinOverlap` is [12]", "per axis of y, x"]),
    ("MinOverlap", [12, 12, 0], ["`MinOverlap` is [12, 12, 0]"]),
    ("MinOverlap", [12, 13], ["`MinOverlap` is [12, 13]", "even"]),
    ("MinOverlap", [-2, 0], ["`MinOverlap`", "at least 0"]),
    ("MinOverlap", 12, ["`MinOverlap` is 12", "a list"]),
    ("Classes", ["a", "b"], ["`Classes` names 2 (a, b)", "has 3 of them"]),
    ("Classes", "a, b, c", ["`Classes` is 'a, b, c'", "a list"]),
    ("Classes", ["a", None, "c"], ["`Classes`", "a list of names"]),
    ("Scaling", [0.5e-6], ["`Scaling`", "two or three numbers above 0"]),
    ("Scaling", [0.5e-6, 0], ["`Scaling`", "above 0"]),
    ("Scaling", [0.5e-6, "x"], ["`Scaling`"]),
    ("ModelName", ["x"], ["`ModelName` is ['x']", "a text"]),
    ("InputShape", [512, 512, 5], ["`InputShape` says 512 x 512 x 5, but 'raw' of the network is ? x ? x ? x 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "words"), BROKEN)
def test_a_broken_description_is_refused_naming_the_field(segmentation: Path, path: str, value: Any, words: list[str]) -> None:
    rewritten(segmentation, lambda entries: entries.update({"model.json": changed(entries["model.json"], path, value)}))
    with pytest.raises(DescriptionError) as caught:
        read_model(segmentation)
    check_refusal(caught.value, "model.czann, model.json: ", *words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["broken JSON in line 1"]), (b"{", ["in line 1"]), (b'{"a": 1,\n}', ["line 2"]), (b"\xff\xfe{}", ["UTF-8"]),
        (b"[" * 100000, ["nested too deeply"]), (b'{"Type": "Regression", "Type": "x"}', ["'Type' is given twice"]),
        (b"[1, 2]", ["must be a mapping"]), (b"null", ["must be a mapping"]), (b"1" * 5000, ["digits"]),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused_naming_the_place(segmentation: Path, data: bytes, words: list[str]) -> None:
    rewritten(segmentation, lambda entries: entries.update({"model.json": data}))
    with pytest.raises(DescriptionError) as caught:
        read_model(segmentation)
    check_refusal(caught.value, "model.json", *words)


def test_a_byte_order_mark_and_other_line_ends_are_read(segmentation: Path) -> None:
    rewritten(
        segmentation,
        lambda entries: entries.update(
            {"model.json": b"\xef\xbb\xbf" + json.dumps(entries["model.json"], indent=1).replace("\n", "\r\n").encode()}
        ),
    )
    assert read_model(segmentation).name == "Cell Finder"


def other(network: Network, classes: int = 3) -> Callable[[dict[str, Any]], None]:
    def edit(entries: dict[str, Any]) -> None:
        entries["model.model"] = network.model().SerializeToString()
        entries["model.json"]["OutputShape"][-1] = classes

    return edit


def two_inputs(entries: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        entries["model.model"] = (subtraction(Path(folder) / "m", ["a", "b"]) / "weights.onnx").read_bytes()


def unpadded() -> Network:
    net = Network()
    x = net.node("Transpose", [net.input("raw", 1, [None, None, None, 1])], 1, perm=[0, 3, 1, 2])
    net.output(net.node("Transpose", [net.conv(x, 3, pad=False)], 3, perm=[0, 2, 3, 1]), "values")
    return net


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (other(channels_last(1, 2)), ["`OutputShape` says 64 x 64 x 3, but 'values' of the network is ? x ? x ? x 2"]),
        (other(channels_last(2)), ["`InputShape` says 64 x 64 x 1, but 'raw' of the network is ? x ? x ? x 2"]),
        (other(channels_last(size=(32, 64))), ["says 64 x 64 x 1, but 'raw' of the network is 1 x 32 x 64 x 1, batch first"]),
        (other(channels_last(ndim=3)), ["says 64 x 64 x 1, but 'raw' of the network is ? x ? x ? x ? x 1"]),
        (other(one_conv(outputs=3)), ["says 64 x 64 x 1, but 'raw' of the network is ? x 1 x ? x ?"]),
        (other(unpadded()), ["`OutputShape` has 64 along y where `InputShape` has 64", "makes 62 of 64"]),
        (two_inputs, ["it describes one input, but its network has 2 (b, a)"]),
    ],
)
def test_a_network_that_contradicts_its_description_is_refused_naming_both(
    segmentation: Path, edit: Callable[[dict[str, Any]], None], words: list[str]
) -> None:
    with pytest.raises(DescriptionError) as caught:
        read_model(rewritten(segmentation, edit))
    check_refusal(caught.value, "model.czann, model.json: ", *words, "do not belong together")


def packed(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "weights"),
    [
        (packed("m/data.pkl", "m/constants.pkl"), "torchscript"), (packed("m/data.pkl"), "pytorch_state_dict"),
    ],
)  # fmt: skip
def test_weights_of_other_frameworks_are_told_by_their_content_and_named(segmentation: Path, data: bytes, weights: str) -> None:
    rewritten(segmentation, lambda entries: entries.update({"model.model": data}))
    assert read_model(segmentation).weights[0].format == weights
    with pytest.raises(CannotRunError) as caught:
        ijbridge.plan(segmentation, pixels(20, 24))
    check_refusal(caught.value, weights, "'Cell Finder'", "onnx")


def test_a_damaged_savedmodel_is_refused_in_one_sentence(segmentation: Path) -> None:
    data = packed("model\\saved_model.pb", "model\\variables\\variables.index")
    rewritten(segmentation, lambda entries: entries.update({"model.model": data}))
    assert read_model(segmentation).weights[0].format == "tensorflow_saved_model_bundle"
    with pytest.raises(DescriptionError) as caught:
        ijbridge.plan(segmentation, pixels(20, 24))
    check_refusal(caught.value, "model.model is not a SavedModel of TensorFlow that can be read")


@pytest.mark.parametrize("data", [b"", b"hello", packed(), packed("readme.txt"), b"PK\x03\x04broken", b"\x08\x08broken"])
def test_weights_that_are_none_are_refused(segmentation: Path, data: bytes) -> None:
    rewritten(segmentation, lambda entries: entries.update({"model.model": data}))
    with pytest.raises(PackageError) as caught:
        read_model(segmentation)
    check_refusal(caught.value, "'model.model'", "model.czann", "get the model again")


def test_weights_that_are_missing_are_refused(segmentation: Path) -> None:
    with pytest.raises(PackageError, match=r"The network of model\.czann is missing: .*'model\.model'"):
        read_model(rewritten(segmentation, lambda entries: entries.pop("model.model")))


def test_a_zip_of_another_name_and_a_folder_are_told_by_their_content(segmentation: Path, tmp_path: Path) -> None:
    image = pixels(20, 24, dtype="uint8")
    expected = results(segmentation, image)["labels"]
    with zipfile.ZipFile(segmentation) as archive:
        archive.extractall(tmp_path / "folder" / "inner")
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        for file in (tmp_path / "folder" / "inner").iterdir():
            archive.writestr(f"my model\\{file.name}", file.read_bytes())
    for path in (segmentation.rename(tmp_path / "model.dat"), tmp_path / "folder", tmp_path / "windows.zip"):
        np.testing.assert_array_equal(results(path, image)["labels"], expected)


def test_an_entry_that_leads_out_of_the_zip_is_never_reached(segmentation: Path) -> None:
    rewritten(segmentation, lambda entries: entries.update({"../outside.txt": b"x", "/outside.txt": b"x"}))
    assert results(segmentation, pixels(20, 24, dtype="uint8"))["labels"].shape == (20, 24)
    assert not (segmentation.parent.parent / "outside.txt").exists()


def test_a_description_that_would_fill_the_memory_is_not_read(segmentation: Path) -> None:
    with zipfile.ZipFile(segmentation, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", b" " * (65 * 2**20))
        archive.writestr("model.model", b"")
    with pytest.raises(PackageError) as caught:
        read_model(segmentation)
    check_refusal(caught.value, "'model.json'", "a description has at most 1 MB")


FULL = {
    "FormatVersion": "2.1.0", "Id": "1", "Type": "SingleClassSemanticSegmentation", "InputShape": [64, 64, 1],
    "OutputShape": [64, 64, 3], "MinOverlap": [12, 20], "Classes": list(CLASSES), "ModelName": "Cell Finder",
    "Scaling": [1e-6, 1e-6], "ModelDescription": "finds cells",
}  # fmt: skip
NETWORK = channels_last().model().SerializeToString()


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(changes(FULL))
def test_a_description_with_any_node_changed_is_read_or_refused_in_a_sentence(drawn: list[tuple[str, Any]]) -> None:
    description: Any = FULL
    for path, value in drawn:
        description = changed(description, path, value)
    with TemporaryDirectory() as folder:
        with zipfile.ZipFile(Path(folder) / "model.czann", "w") as archive:
            archive.writestr("model.json", json.dumps(description))
            archive.writestr("model.model", NETWORK)
        try:
            model = read_model(Path(folder) / "model.czann")
        except IJBridgeError as error:
            check_refusal(error)
        else:
            assert description_text(model)
            assert json.dumps(description_dict(model))
