"""Weights of DeepImageJ's folders that are not ONNX: the SavedModels that most of them hold, and Keras' files."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import ijbridge
from deepimagej_models import keep, little_folder
from ijbridge.formats import read_model
from ijbridge.weights.saved_model import kept_at, part_of
from reference.csbdeep_cases import FOLDER

CARE = FOLDER / "care-2d-probabilistic"
IMAGE = np.random.default_rng(1).random((40, 44)).astype(np.float32)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("as_zip", [False, True], ids=["in the folder", "in a zip in the folder"])
def test_a_savedmodel_runs_and_tells_how_many_channels_its_output_has(tmp_path: Path, as_zip: bool) -> None:
    folder = little_folder(tmp_path / "m")
    if as_zip:
        shutil.copy(CARE / "TF_SavedModel.zip", folder / "saved_model_bundle.zip")
    else:
        with zipfile.ZipFile(CARE / "TF_SavedModel.zip") as archive:
            archive.extractall(folder)
        (folder / "meta.json").unlink()
    keep(folder)
    session = ort.InferenceSession(CARE / "converted.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"input": IMAGE[None, ..., None]})
    found = ijbridge.predict(folder, IMAGE, axes="yx", normalize="none")
    assert found.dims == ("c", "y", "x")
    np.testing.assert_allclose(found, np.moveaxis(expected[0], -1, 0), 1e-5, 1e-6)


def test_the_tag_and_the_signature_that_are_named_are_those_that_are_converted(tmp_path: Path) -> None:
    usual = read_model(little_folder(tmp_path / "usual")).weights[0]
    other = read_model(little_folder(tmp_path / "other", "train", "predict")).weights[0]
    assert part_of(usual) == ("serve", "serving_default")
    assert part_of(other) == ("train", "predict")
    assert len({kept_at({}), kept_at({}, *part_of(usual)), kept_at({}, *part_of(other)), kept_at({}, "train")}) == 3


def test_a_file_of_keras_runs_without_tensorflow(tmp_path: Path) -> None:
    with np.load(FOLDER / "keras-3-sequential.npz") as arrays:
        given, expected = arrays["input"], arrays["output 0"]
    folder = little_folder(tmp_path / "m", order="NDHWC", step=1)
    shutil.copy(FOLDER / "keras-3-sequential.h5", folder / "model.h5")
    found = ijbridge.predict(folder, np.moveaxis(given[0], -1, 0), axes="czyx", normalize="none", tile="whole")
    np.testing.assert_allclose(found.transpose("z", "y", "x", "c"), expected[0], 1e-5, 1e-5)
