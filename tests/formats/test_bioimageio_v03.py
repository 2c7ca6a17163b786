"""bioimage.io 0.3 as it was published: each version gives what bioimageio.spec makes of it in 0.4, and runs."""

from __future__ import annotations

import copy
import zipfile
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings

import ijbridge
from builders import Network
from commandline import pixels
from descriptions import REMOVED, changed, changes, check_changed, check_refusal, read, v03, write
from ijbridge.describing import description_dict
from ijbridge.description import FixedSize, Person, ReferencedSize
from ijbridge.errors import DescriptionError
from ijbridge.formats import read_model
from ijbridge.operations import Binarize, EnsureDtype, ZeroMeanUnitVariance
from old_models import packaged

VERSIONS = [f"0.3.{patch}" for patch in range(7)]

#: What differs between a description and the same one brought into 0.4: of what it was read.
_OF_THE_FILE = ("format_version", "location", "file", "digest", "config", "other")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read_as_the_authority_brings_it_into_0_4(tmp_path: Path, version: str) -> None:
    converter = pytest.importorskip("bioimageio.spec.model._v0_3_converter")
    described = v03(version)
    described["outputs"][0]["shape"].pop("halo", None)  # which the converter leaves where it is
    described["outputs"][0]["halo"] = [0, 0, 8, 8]
    for operation in described["inputs"][0]["preprocessing"]:
        operation["kwargs"]["eps"] = 1e-5  # whose default it leaves too
    converted = copy.deepcopy(described)
    converter.convert_model_from_v0_3_to_0_4_0(converted)
    assert converted["format_version"] == "0.4.0"
    found, expected = (description_dict(read(tmp_path / name, one)) for name, one in (("3", described), ("4", converted)))
    assert {key: value for key, value in found.items() if key not in _OF_THE_FILE} == {
        key: value for key, value in expected.items() if key not in _OF_THE_FILE
    }
    assert found["format_version"] == version


@pytest.mark.parametrize("version", VERSIONS)
def test_people_are_texts_until_0_3_1_and_told_more_of_in_the_config(tmp_path: Path, version: str) -> None:
    model = read(tmp_path, v03(version))
    assert model.authors == (Person("A. Tester", "Nowhere"), Person("B. Tester"))
    assert model.version == "0.1.3"
    plain = read(tmp_path, v03(version, authors=["Someone;@github"] if version < "0.3.2" else [{"name": "X"}], config={}))
    assert [one.name for one in plain.authors] == (["Someone;@github"] if version < "0.3.2" else ["X"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_halo_may_lie_inside_the_shape(tmp_path: Path, version: str) -> None:
    axes = read(tmp_path, v03(version)).outputs[0].axes
    assert [axis.halo for axis in axes] == [0, 0, 8, 8]
    assert axes[2].size == ReferencedSize("raw", "y", ratio=Fraction(1, 2))


@pytest.mark.parametrize(("version", "eps"), [("0.3.0", 1e-7), ("0.3.1", 1e-7), ("0.3.2", 1e-6), ("0.3.6", 1e-6)])
def test_eps_that_is_left_out_is_the_one_of_its_version(tmp_path: Path, version: str, eps: float) -> None:
    assert read(tmp_path, v03(version)).inputs[0].operations == (EnsureDtype("float32"), ZeroMeanUnitVariance(("y", "x"), eps))


def test_weights_have_the_names_of_later_versions(tmp_path: Path) -> None:
    weights = {one.format: one for one in read(tmp_path, v03()).weights}
    assert list(weights) == ["onnx", "torchscript", "pytorch_state_dict"]
    details = weights["pytorch_state_dict"].details
    assert (details["architecture"], details["architecture_sha256"], details["kwargs"]) == (
        "unet.py:UNet",
        "2" * 64,
        {"depth": 4},
    )
    renamed = changed(v03(), "weights.onnx.parent", "pytorch_script")
    assert {one.format: one.parent for one in read(tmp_path, renamed).weights}["onnx"] == "torchscript"


def test_a_channel_may_be_scaled_and_a_batch_left_out(tmp_path: Path) -> None:
    described = v03("0.3.2")
    described["inputs"][0] |= {"axes": "yxc", "shape": [64, 64, 1], "preprocessing": []}
    described["outputs"][0] |= {
        "axes": "byxc",
        "halo": [0, 8, 8, 0],
        "shape": {"reference_input": "raw", "scale": [1, 1, 1, 3], "offset": [0, 0, 0, 0]},
    }
    del described["outputs"][0]["shape"]["offset"]
    with pytest.raises(DescriptionError, match=r"outputs\[0\]\.shape\.offset` is missing"):
        read(tmp_path, described)
    described["outputs"][0]["shape"]["offset"] = [0, 0, 0, 0]
    model = read(tmp_path, described)
    assert [axis.size for axis in model.inputs[0].axes] == [FixedSize(64), FixedSize(64), FixedSize(1)]
    assert model.outputs[0].axes[3].size.of(1) == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_of_every_version_runs(tmp_path: Path, version: str) -> None:
    import onnxruntime as ort

    path, image = packaged(tmp_path / "m", version), pixels(64, 80)
    wide = image.astype(np.float64)
    eps = 1e-7 if version < "0.3.2" else 1e-6
    normalised = ((wide - wide.mean()) / (wide.std() + eps)).astype(np.float32)
    (raw,) = ort.InferenceSession(str(path / "weights.onnx")).run(None, {"raw": normalised[None, None]})
    found = np.asarray(ijbridge.predict(path, image))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-raw[0, 0])), rtol=1e-6)


def test_an_output_may_have_the_name_of_an_input(tmp_path: Path) -> None:
    net = Network()
    net.output(net.input("raw"), "prob")
    folder = tmp_path / "m"
    described = changed(changed(v03(), "outputs.0.name", "raw"), "weights.onnx.sha256", REMOVED)
    described["outputs"][0]["shape"] |= {"scale": [1, 1, 1, 1]}
    described["outputs"][0]["postprocessing"] = [{"name": "binarize", "kwargs": {"threshold": 0}}]
    net.save(write(folder, described).parent / "weights.onnx")
    model = read_model(folder)
    assert (model.outputs[0].id, model.outputs[0].source) == ("raw (output)", "raw")
    assert Binarize((0.0,)) in model.outputs[0].operations
    image = pixels(64, 80)
    np.testing.assert_array_equal(np.asarray(ijbridge.predict(folder, image)), image > image.mean())


def test_a_zip_made_on_windows_with_byte_order_mark_and_nested_folders_is_read(tmp_path: Path) -> None:
    folder = packaged(tmp_path / "m", "0.3.2")
    text = b"\xef\xbb\xbf" + (folder / "rdf.yaml").read_bytes().replace(b"\n", b"\r\n")
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        for name, data in (("rdf.yaml", text), ("weights.onnx", (folder / "weights.onnx").read_bytes())):
            archive.writestr(f"models-main\\my model\\v1\\{name}", data)
    assert read_model(tmp_path / "windows.zip").file == "models-main/my model/v1/rdf.yaml"
    assert np.asarray(ijbridge.predict(tmp_path / "windows.zip", pixels(64, 80))).shape == (32, 40)


BROKEN: list[tuple[str, Any, list[str]]] = [
    ("name", REMOVED, ["`name` is missing"]),
    ("authors", "A. Tester", ["`authors` is 'A. Tester'", "a list"]),
    ("authors.0", 5, ["`authors[0]` must be a mapping", "5"]),
    ("authors.0", None, ["`authors[0]` must be a mapping"]),
    ("inputs", REMOVED, ["`inputs` is missing"]),
    ("inputs.0", "raw", ["`inputs[0]` must be a mapping"]),
    ("inputs.0.name", None, ["`inputs[0].name` is None", "a text"]),
    ("inputs.0.preprocessing", "none", ["`inputs[0].preprocessing`", "a list"]),
    ("inputs.0.preprocessing.0.kwargs", [1], ["kwargs` must be a mapping"]),
    ("outputs", None, ["`outputs` is None"]),
    ("outputs.0.shape", "same", ["`outputs[0].shape` must be a mapping"]),
    ("outputs.0.shape.reference_input", REMOVED, ["`outputs[0].shape.reference_tensor` is missing"]),
    ("outputs.0.shape.reference_input", "image", ["reference_tensor` names 'image'"]),
    ("outputs.0.halo", [8, 8], ["`outputs[0].halo` is [8, 8]"]),
    ("weights", REMOVED, ["`weights` is missing"]),
    ("weights.pytorch_script", "weights.pt", ["`weights.torchscript` must be a mapping"]),
    ("weights.onnx.source", REMOVED, ["`weights.onnx.source` is missing"]),
]


@pytest.mark.parametrize(("path", "value", "words"), BROKEN)
def test_a_broken_0_3_description_is_refused_naming_the_field(tmp_path: Path, path: str, value: Any, words: list[str]) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(tmp_path, changed(v03("0.3.1"), path, value))
    check_refusal(caught.value, "bioimageio.yaml: ", *words)


@pytest.mark.parametrize("version", ["0.2.0", "0.1.0", "0.6.0", "1.0"])
def test_other_versions_are_refused_by_name(tmp_path: Path, version: str) -> None:
    with pytest.raises(DescriptionError, match=rf"bioimage\.io {version}, but ijbridge reads 0\.3, 0\.4 and 0\.5"):
        read(tmp_path, v03() | {"format_version": version})


PLAIN = v03("0.3.0", config={})


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(changes(PLAIN))
def test_a_0_3_description_with_any_node_changed_is_read_or_refused_in_a_sentence(drawn: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        check_changed(Path(folder), PLAIN, drawn)


def test_the_description_that_is_given_is_left_as_it_is() -> None:
    from ijbridge.formats.bioimageio_v03 import as_v04

    given = v03("0.3.0")
    before = yaml.safe_dump(given)
    as_v04(given)
    assert yaml.safe_dump(given) == before
