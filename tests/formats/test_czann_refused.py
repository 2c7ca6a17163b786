"""ZEISS' .czann: files that are broken, contradict their network, or are not run."""

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
from hypothesis import given, settings

import ijbridge
from builders import Network, one_conv, subtraction
from commandline import Run, pixels
from descriptions import REMOVED, changed, changes, check_refusal
from ijbridge.describing import description_dict, description_text
from ijbridge.errors import AgreementError, CannotRunError, DescriptionError, IJBridgeError, PackageError
from ijbridge.formats import read_model
from zeiss_models import CLASSES, channels_last, rewritten, write_segmentation


@pytest.fixture
def segmentation(tmp_path: Path) -> Path:
    return write_segmentation(tmp_path / "m")


def results(path: Path, image: Any, **options: Any) -> dict[str, Any]:
    found = ijbridge.predict(path, image, **options)
    return {name: np.asarray(one) for name, one in found.items()} if isinstance(found, dict) else {"": np.asarray(found)}


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
    ("data", "weights", "says"),
    [
        (packed("m/data.pkl", "m/constants.pkl"), "torchscript", "is a program (TorchScript program)"),
        (packed("m/data.pkl"), "pytorch_state_dict", "The model 'Cell Finder' has no weights that ijbridge runs"),
    ],
)
def test_weights_of_other_frameworks_are_told_by_their_content_and_named(
    segmentation: Path, data: bytes, weights: str, says: str
) -> None:
    rewritten(segmentation, lambda entries: entries.update({"model.model": data}))
    assert read_model(segmentation).weights[0].format == weights
    with pytest.raises((CannotRunError, AgreementError)) as caught:
        ijbridge.plan(segmentation, pixels(20, 24))
    check_refusal(caught.value, says)


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
