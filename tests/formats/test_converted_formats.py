"""Conversion of models of every other format: the same bytes before and after, and what is said of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import one_conv, sha256
from commandline import Run, edit, pixels
from converted import check_package, check_same, results
from deepimagej_models import DIVIDE, folder_of, keep, little_folder
from deepimagej_models import channels_last as deepimagej_network
from descriptions import REMOVED
from ijbridge.conversion import convert
from ijbridge.description import ModelDescription
from ijbridge.formats import read_model
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from old_models import packaged
from reference.csbdeep_cases import FOLDER, NETWORKS, image
from specification import LEAVES_FILES_OPEN
from zeiss_models import channels_last, write_czann, write_czmodel, write_segmentation

pytestmark = LEAVES_FILES_OPEN

CSBDEEP = {one.name: one for one in NETWORKS}


def copied(name: str) -> Callable[[Path], Path]:
    """Give what copies a folder of csbdeep or stardist, without what else lies there."""

    def copy(folder: Path) -> Path:
        folder.mkdir()
        for file in ("config.json", "weights_best.h5", "thresholds.json"):
            if (FOLDER / name / file).exists():
                shutil.copy(FOLDER / name / file, folder)
        return folder

    return copy


def keras_in_deepimagej(folder: Path) -> Path:
    shutil.copy(FOLDER / "keras-3-sequential.h5", little_folder(folder, order="NDHWC", step=1) / "model.h5")
    return folder


def with_macros(folder: Path) -> Path:
    macros = {"preprocessing.txt": DIVIDE, "postprocessing.txt": 'run("Invert");\n'}
    return folder_of(folder, network=deepimagej_network(), macros=macros)


def bare(folder: Path) -> Path:
    folder.mkdir()
    return one_conv(channels=2, outputs=3).save(folder / "net.onnx")


def volume(folder: Path) -> Path:
    return write_czann(folder, channels_last(ndim=3), [8, 32, 32, 1], [8, 32, 32, 3], scaling=[0.5e-6, 0.5e-6, 2e-6])


def regression(folder: Path) -> Path:
    return write_czann(folder, channels_last(2, 2, last="Tanh"), [64, 64, 2], [64, 64, 2], "Regression")


def legacy(folder: Path) -> Path:
    return write_czmodel(folder, channels_last(3, size=(64, 64)), "Bgr24", "SplitRgb")


def old_version(version: str) -> Callable[[Path], Path]:
    """Give what writes a bioimage.io 0.3 model with its test tensors."""

    def write(folder: Path) -> Path:
        image = pixels(1, 1, 64, 80)
        np.save(packaged(folder, version) / "test_input.npy", image)
        np.save(folder / "test_output.npy", results(folder, image[0, 0])["prob"].values[None, None])
        return folder

    return write


#: What writes a model, an image for it, its axes, and options of tiles.
MODELS: dict[str, tuple[Callable[[Path], Path], Any, str, Any]] = {
    **{name: (copied(name), image(CSBDEEP[name]), CSBDEEP[name].axes.lower(), {"tile": 48})
       for name in ("care-2d", "care-2d-probabilistic", "care-2d-channels", "care-2d-one-to-two", "care-3d", "care-time",
                    "stardist-2d", "stardist-2d-grid", "stardist-2d-classes", "stardist-3d", "stardist-3d-resnet")},
    "czann of a segmentation": (write_segmentation, pixels(90, 75, dtype="uint16"), "yx", {"tile": 64}),
    "czann of a volume": (volume, pixels(10, 40, 36, dtype="uint8"), "zyx", {"tile": 32}),
    "czann of a regression": (regression, pixels(2, 70, 66, dtype="uint8"), "cyx", {"tile": 48}),
    "czmodel": (legacy, pixels(3, 70, 66, dtype="uint8"), "cyx", {}),
    "DeepImageJ with ONNX": (
        lambda folder: folder_of(folder, network=deepimagej_network()), pixels(60, 72), "yx", {"tile": 32},
    ),
    "DeepImageJ with Keras": (keras_in_deepimagej, pixels(2, 10, 14, 12), "czyx", {}),
    "DeepImageJ with macros": (with_macros, pixels(60, 72, dtype="uint8"), "yx", {"tile": 32}),
    "ONNX": (bare, pixels(2, 60, 72), "cyx", {"tile": 32}),
    "bioimage.io 0.3.0": (old_version("0.3.0"), pixels(64, 80), "yx", {}),
    "bioimage.io 0.3.6": (old_version("0.3.6"), pixels(64, 80), "yx", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_any_format_gives_the_same_numbers_before_and_after(tmp_path: Path, name: str) -> None:
    build, array, axes, tiles = MODELS[name]
    model = build(tmp_path / "model")
    convert(model, tmp_path / "package")
    after = check_package(tmp_path / "package", counted(model))
    assert after.findings == read_model(model).findings
    check_same(model, tmp_path / "package", array, axes=axes)
    check_same(model, tmp_path / "package", array, axes=axes, **tiles)


def counted(model: Path, **options: Any) -> ModelDescription:
    """Give a model's description with the channels that it leaves free as many as its network has."""
    with LoadedModel(model) as loaded:
        return loaded.variant(Options.read(**options)).description


def test_weights_of_another_kind_are_made_into_onnx_once_and_named(tmp_path: Path) -> None:
    model = copied("care-2d")(tmp_path / "model")
    report = convert(model, tmp_path / "package")
    assert "weights.onnx" in report.made
    assert report.left_out == ()
    with LoadedModel(model) as loaded:
        assert (tmp_path / "package" / "weights.onnx").read_bytes() == loaded.network.source
    origin = read_model(tmp_path / "package").config["ijbridge"]["converted_from"]
    assert origin["weights"] == {"format": "keras_hdf5", "sha256": sha256(model / "weights_best.h5")}
    assert origin["format"] == "CSBDeep"


@pytest.mark.usefixtures("cache")
def test_a_savedmodel_that_was_converted_before_gives_the_same_numbers_before_and_after(tmp_path: Path) -> None:
    model = little_folder(tmp_path / "model")
    shutil.copy(FOLDER / "care-2d-probabilistic" / "TF_SavedModel.zip", model / "saved_model_bundle.zip")
    keep(model)
    convert(model, tmp_path / "package")
    check_package(tmp_path / "package", counted(model))
    check_same(model, tmp_path / "package", pixels(40, 44), axes="yx", tile=32)


def test_what_is_assumed_of_a_model_is_said_of_its_package_too_and_can_be_replaced_there(tmp_path: Path) -> None:
    model = copied("care-2d")(tmp_path / "model")
    convert(model, tmp_path / "package")
    before, after = read_model(model), read_model(tmp_path / "package")
    assert [one.id for one in after.all_findings] == [one.id for one in before.all_findings]
    assert before.all_findings[0].sentence in (tmp_path / "package" / "README.md").read_text(encoding="utf-8")
    check_same(model, tmp_path / "package", image(CSBDEEP["care-2d"]), axes="yx", normalize="percentile 5 95")


def test_an_option_that_says_something_of_a_model_is_part_of_its_package(tmp_path: Path) -> None:
    model, array = bare(tmp_path / "model"), pixels(2, 60, 72, seed=3)
    options: Any = {"normalize": "mean-std", "model_axes": "bcxy", "model_pixel_size": 0.5}
    convert(model, tmp_path / "package", Options.read(**options))
    after = check_package(tmp_path / "package", counted(model, **options))
    assert [axis.id for axis in after.inputs[0].axes] == ["batch", "channel", "x", "y"]
    assert after.inputs[0].assumed is None
    (expected,) = results(model, array, axes="cyx", **options).values()
    (found,) = results(tmp_path / "package", array, axes="cyx").values()
    assert found.values.tobytes() == expected.values.tobytes()


def test_a_least_confidence_is_part_of_a_package_and_can_be_replaced_there(tmp_path: Path) -> None:
    model, array = write_segmentation(tmp_path / "model"), pixels(90, 75, dtype="uint8")
    convert(model, tmp_path / "package", Options.read(min_confidence=35))
    expected, found = (
        results(model, array, axes="yx", min_confidence=35)["labels"],
        results(tmp_path / "package", array, axes="yx")["labels"],
    )
    assert 0 < (expected.values == 0).mean() < 1
    np.testing.assert_array_equal(found, expected)
    check_same(model, tmp_path / "package", array, axes="yx", min_confidence=34)


def test_where_integers_are_divided_by_their_type_the_test_image_is_one_of_integers(tmp_path: Path) -> None:
    convert(write_segmentation(tmp_path / "model"), tmp_path / "package")
    assert np.load(tmp_path / "package" / "test_raw.npy").dtype == np.uint8


def test_labels_have_the_channels_that_are_left_of_the_networks_in_05(tmp_path: Path) -> None:
    model = write_segmentation(tmp_path / "model")
    report = convert(model, tmp_path / "package")
    assert np.load(tmp_path / "package" / "test_labels.npy").shape[3] == 1
    assert {"outputs[0].axes[3].size.size", "outputs[0].operations", "outputs[0].source", "outputs[0].value_names"} <= {
        one.field for one in report.kept
    }


def test_macros_go_with_a_model_and_are_said_to_be_its_own(tmp_path: Path) -> None:
    model = with_macros(tmp_path / "model")
    convert(model, tmp_path / "package")
    assert read_model(tmp_path / "package").macros == read_model(model).macros
    assert (tmp_path / "package" / "preprocessing.txt").read_text(encoding="utf-8") == DIVIDE


def test_what_deepimagej_wrote_into_a_config_is_not_read_a_second_time(little_model: Path, tmp_path: Path) -> None:
    edit(little_model, "inputs.0.preprocessing", [])
    own = {"prediction": {"preprocess": [{"spec": "ij.IJ::runMacroFile", "kwargs": "pre.ijm"}]}, "allow_tiling": False}
    edit(little_model, "config", {"deepimagej": own})
    (little_model / "pre.ijm").write_text('run("32-bit");\nrun("Divide...", "value=255");\n', encoding="utf-8")
    for name in ("test_input", "test_output"):
        edit(little_model, f"{'in' if name == 'test_input' else 'out'}puts.0.test_tensor", REMOVED)
    before = read_model(little_model)
    convert(little_model, tmp_path / "package")
    after = check_package(tmp_path / "package", little_model)
    assert after.config["deepimagej"] == own
    assert (after.macros, after.whole_because, after.findings) == (before.macros, before.whole_because, before.findings)
    assert before.inputs[0].assumed is not None


def test_a_folder_of_models_may_have_every_format(tmp_path: Path, run: Run) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for name in ("care-2d", "stardist-2d"):
        copied(name)(models / name)
    shutil.copy(write_segmentation(tmp_path / "zeiss"), models / "cells.czann")
    old_version("0.3.2")(models / "old")
    shutil.copy(one_conv().save(tmp_path / "net.onnx"), models / "net.onnx")
    (models / "broken").mkdir()
    (models / "broken" / "config.json").write_text('{"n_rays": 2}', encoding="utf-8")
    status, said, _ = run("convert", models, "-o", tmp_path / "packages")
    assert (status, said.splitlines()[-1]) == (1, "5 converted, 1 failed")
    for name in ("care-2d", "stardist-2d", "cells", "old", "net"):
        status, said, _ = run("test", tmp_path / "packages" / name)
        assert (status, said.splitlines()[0].rpartition(": ")[2]) == (0, "runs, and reproduces its test outputs")
