"""DeepImageJ 2: what config.deepimagej adds to a bioimage.io description, whatever of it is broken."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import ijbridge
from builders import one_conv
from commandline import Run, pixels
from descriptions import REMOVED, changed, changes, check_changed, check_refusal, read, said, v03, v04, v05, write
from ijbridge.description import Benchmark, FixedSize, ModelDescription
from ijbridge.errors import PlanError
from ijbridge.formats import read_model


def own(**more: Any) -> dict[str, Any]:
    """``config.deepimagej`` as version 2 writes it, misspelt key and null entry and all."""
    return {
        "pyramidal_model": False,
        "allow_tiling": True,
        "model_keys": {
            "tensorflow_model_tag": "tf.saved_model.tag_constants.SERVING",
            "tensorflow_siganture_def": "tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY",
        },
        "test_information": {
            "inputs": [
                {"name": "a.tif", "size": "348 x 260 x 1 x 1", "pixel_size": {"x": "0.38 µm", "y": "0,38 µm", "z": "1.0 pixel"}}
            ],
            "outputs": [{"name": "b.tif", "type": "image", "size": "348 x 260 x 1 x 1"}],
            "memory_peak": "268.0 Mb",
            "runtime": 5.5,
        },
        "prediction": {
            "preprocess": [{"spec": "ij.IJ::runMacroFile", "kwargs": "pre.ijm"}],
            "postprocess": [{"spec": None}, {"spec": "General.jar Post::run"}],
        },
        **more,
    }


def described(**more: Any) -> dict[str, Any]:
    plain = v04(config={"deepimagej": own(**more)})
    del plain["inputs"][0]["preprocessing"], plain["outputs"][0]["postprocessing"]
    plain["weights"]["tensorflow_saved_model_bundle"] = {"source": "bundle.zip", "tensorflow_version": 1.15}
    return plain


def model_of(
    folder: Path, description: dict[str, Any], macro: str | None = 'run("32-bit"); run("Divide...", "value=255");'
) -> ModelDescription:
    folder.mkdir(exist_ok=True)
    if macro is not None:
        (folder / "pre.ijm").write_text(macro)
    return read(folder, description)


def test_all_that_it_states_is_read(tmp_path: Path, run: Run) -> None:
    model = model_of(tmp_path, described())
    assert [round(axis.pixel_size or 0, 9) for axis in model.inputs[0].axes[2:]] == [0.38, 0.38]
    assert "The pixel size is that of DeepImageJ's test image." in said(model)
    assert model.benchmark == Benchmark("348 x 260 x 1 x 1", "348 x 260 x 1 x 1", "268.0 Mb", "5.5")
    assert [(one.when, one.kind, one.source, one.normalize) for one in model.macros] == [
        ("before", "ImageJ macro", "pre.ijm", "divide 255"),
        ("after", "Java class", "General.jar Post::run", None),
    ]
    weights = {one.format: one.details for one in model.weights}["tensorflow_saved_model_bundle"]
    assert (weights["tag"], weights["signature"], weights["tensorflow_version"]) == ("serve", "serving_default", 1.15)
    out = run("inspect", tmp_path / "bioimageio.yaml")[1]
    assert "before       pre.ijm (ImageJ macro, SHA-256 " in out
    assert "after        General.jar Post::run (Java class, missing), not run" in out


def test_macros_in_place_of_operations_are_warned_of_and_have_a_native_meaning(tmp_path: Path) -> None:
    model = model_of(tmp_path, described())
    assert model.inputs[0].assumed is not None
    assert "normalize=divide,255 does what its text says" in model.inputs[0].assumed.sentence
    assert [one.id for one in model.findings] == ["pixel-size-assumed", "macro-not-run"]
    one_conv().save(tmp_path / "weights.onnx")
    plain = changed(described(), "outputs.0.shape", {"reference_tensor": "raw", "scale": [1] * 4, "offset": [0] * 4})
    path, image = write(tmp_path, changed(plain, "outputs.0.name", "out")), pixels(64, 80)
    divided = np.asarray(ijbridge.predict(path, image, normalize="divide 255"))
    np.testing.assert_array_equal(
        divided, np.asarray(ijbridge.predict(path, (image / np.float64(255)).astype(np.float32), normalize="none"))
    )


def test_macros_beside_described_operations_are_a_note(tmp_path: Path) -> None:
    model = model_of(tmp_path, v04(config={"deepimagej": own()}))
    assert model.inputs[0].assumed is None
    assert [(one.severity, one.found) for one in model.findings] == [
        ("note", "The pixel size is that of DeepImageJ's test image"),
        ("note", "DeepImageJ ran pre.ijm before the network"),
        ("note", "DeepImageJ ran General.jar Post::run after the network"),
    ]


def test_a_model_without_macros_says_nothing_of_them(tmp_path: Path) -> None:
    predictions: tuple[Any, ...] = ({}, None, {"preprocess": None, "postprocess": []}, {"preprocess": [{"spec": None}]})
    for prediction in predictions:
        model = model_of(tmp_path, described(prediction=prediction))
        assert (model.macros, model.inputs[0].assumed) == ((), None)
        assert [one.id for one in model.findings] == ["pixel-size-assumed"]


@pytest.mark.parametrize(("allowed", "forbidden"), [(True, False), (None, False), (REMOVED, False), (False, True)])
def test_tiles_may_be_forbidden(tmp_path: Path, allowed: Any, forbidden: bool) -> None:
    path = write(tmp_path / "m", changed(runnable(), "config.deepimagej.allow_tiling", allowed))
    one_conv().save(tmp_path / "m" / "weights.onnx")
    assert (read_model(path).whole_because is not None) is forbidden
    image = pixels(96, 128)
    if forbidden:
        with pytest.raises(PlanError) as caught:
            ijbridge.plan(path, image, memory="240 kB")
        check_refusal(caught.value, "cannot be run in tiles (its description says allow_tiling: false)")
    else:
        assert ijbridge.plan(path, image, memory="240 kB").tile_count > 1
    named = ijbridge.plan(path, image, tile=64)
    assert ("tiles-forbidden" in [one.id for one in named.findings]) is forbidden
    assert named.tile_count > 1


def runnable() -> dict[str, Any]:
    plain = described()
    plain["outputs"][0] |= {"name": "out", "shape": {"reference_tensor": "raw", "scale": [1] * 4, "offset": [0] * 4}}
    return plain


@pytest.mark.parametrize(
    ("pixel_size", "expected"),
    [
        ({"x": "1,60E-04 cm", "y": "60E-04 cm"}, None), ({"x": "1,60E-04 cm", "y": "1.60E-04 cm"}, 1.6),
        ({"x": 0.5, "y": 0.5}, None), ({"x": "1 pixel", "y": "1 pixel"}, None), (["0.5µmx0.5µm"], None), ({}, None),
        (None, None),
    ],
)  # fmt: skip
def test_pixel_sizes_are_used_where_they_make_sense(tmp_path: Path, pixel_size: Any, expected: float | None) -> None:
    model = model_of(tmp_path, changed(described(), "config.deepimagej.test_information.inputs.0.pixel_size", pixel_size))
    assert [axis.pixel_size and round(axis.pixel_size, 9) for axis in model.inputs[0].axes[2:]] == [expected, expected]


def test_the_pixel_size_of_0_3_is_one_text(tmp_path: Path) -> None:
    test = {"input_size": ["64x64"], "pixel_size": ["0.16µmx0.16µm"], "memory_peak": "1 Mb", "runtime": "1s"}
    model = read(tmp_path, v03(config={"deepimagej": own(test_information=test)}))
    assert [axis.pixel_size for axis in model.inputs[0].axes[2:]] == [0.16, 0.16]


def test_a_pixel_size_of_the_axes_themselves_is_kept(tmp_path: Path) -> None:
    model = read(tmp_path, v05(config={"deepimagej": own()}))
    assert [axis.pixel_size for axis in model.inputs[0].axes[2:]] == [0.5, 0.5]
    assert isinstance(model.inputs[0].axes[1].size, FixedSize)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("config.deepimagej", "yes"), ("config.deepimagej.allow_tiling", "no"),
        ("config.deepimagej.test_information", "none"), ("config.deepimagej.prediction", ["x"]),
        ("config.deepimagej.prediction.preprocess", "pre.ijm"), ("config.deepimagej.prediction.preprocess.0.kwargs", REMOVED),
        ("config.deepimagej.prediction.preprocess.0.spec", {}), ("config.deepimagej.model_keys", "serve"),
    ],
)  # fmt: skip
def test_what_is_not_as_deepimagej_writes_it_is_a_note_and_no_error(tmp_path: Path, path: str, value: Any) -> None:
    model = model_of(tmp_path, changed(described(), path, value))
    (note,) = [one for one in said(model) if "not as DeepImageJ writes it" in one]
    assert path.split(".0")[0] in note or path.rpartition(".")[2] in note
    assert model.macros == ()


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(changes(described()))
def test_a_config_with_any_node_changed_is_read_or_refused_in_a_sentence(drawn: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        check_changed(Path(folder), described(), drawn)
