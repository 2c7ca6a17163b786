"""Weights of DeepImageJ's folders that are not ONNX: the SavedModels that most of them hold, and Keras' files."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import ijbridge
from ijbridge.formats import read_model
from ijbridge.formats.package import package_of
from ijbridge.weights.saved_model import kept_at, part_of, read_files
from reference.csbdeep_cases import FOLDER

CARE = FOLDER / "care-2d-probabilistic"
IMAGE = np.random.default_rng(1).random((40, 44)).astype(np.float32)

CONFIG = """<Model><ModelInformation><Name>Cells</Name></ModelInformation><ModelCharacteristics>
<ModelTag>{tag}</ModelTag><SignatureDefinition>{signature}</SignatureDefinition>
<InputNames0>{names[0]}</InputNames0><InputOrganization0>{order}</InputOrganization0>
<OutputNames0>{names[1]}</OutputNames0><OutputOrganization0>{order}</OutputOrganization0>
<FixedPatch>false</FixedPatch><MinimumSize>{step}</MinimumSize><PatchSize>48</PatchSize><Padding>5</Padding>
</ModelCharacteristics></Model>"""

SERVING = "tf.saved_model.tag_constants.SERVING"
DEFAULT = "tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY"


def folder_of(folder: Path, tag: str = SERVING, signature: str = DEFAULT, order: str = "NHWC", step: int = 4) -> Path:
    folder.mkdir()
    text = CONFIG.format(tag=tag, signature=signature, order=order, step=step, names=("input", "output"))
    (folder / "config.xml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))


def keep(model: Path) -> None:
    """Put there what the model was converted to before, so that no TensorFlow is needed."""
    description = read_model(model)
    package, weights = package_of(description), description.weights[0]
    files = read_files(package, weights, package.read(weights.file, "weights"))
    kept = kept_at(files, *part_of(weights))
    kept.parent.mkdir(parents=True)
    shutil.copy(CARE / "converted.onnx", kept)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("as_zip", [False, True], ids=["in the folder", "in a zip in the folder"])
def test_a_savedmodel_runs_and_tells_how_many_channels_its_output_has(tmp_path: Path, as_zip: bool) -> None:
    folder = folder_of(tmp_path / "m")
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
    usual = read_model(folder_of(tmp_path / "usual")).weights[0]
    other = read_model(folder_of(tmp_path / "other", "train", "predict")).weights[0]
    assert part_of(usual) == ("serve", "serving_default")
    assert part_of(other) == ("train", "predict")
    assert len({kept_at({}), kept_at({}, *part_of(usual)), kept_at({}, *part_of(other)), kept_at({}, "train")}) == 3


def test_a_file_of_keras_runs_without_tensorflow(tmp_path: Path) -> None:
    with np.load(FOLDER / "keras-3-sequential.npz") as arrays:
        given, expected = arrays["input"], arrays["output 0"]
    folder = folder_of(tmp_path / "m", order="NDHWC", step=1)
    shutil.copy(FOLDER / "keras-3-sequential.h5", folder / "model.h5")
    found = ijbridge.predict(folder, np.moveaxis(given[0], -1, 0), axes="czyx", normalize="none", tile="whole")
    np.testing.assert_allclose(found.transpose("z", "y", "x", "c"), expected[0], 1e-5, 1e-5)
