"""What bioimageio.spec, the authority, and ijbridge say of the same descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import yaml

from builders import Network, one_conv, several, unet, write_model
from conftest import REPOSITORY
from descriptions import REMOVED, changed, check_refusal
from ijbridge.errors import IJBridgeError
from ijbridge.formats import read_model
from specification import LEAVES_FILES_OPEN, complaints

pytestmark = LEAVES_FILES_OPEN


def with_test_tensors(folder: Path, network: Network, shape: tuple[int, ...], **how: Any) -> Path:
    """Write a model with test tensors that its network really gives."""
    rng = np.random.default_rng(0)
    given = rng.normal(size=shape).astype(np.float32)
    weights = network.save(folder / "trial.onnx")
    (result,) = ort.InferenceSession(str(weights)).run(["out"], {"raw": given})
    weights.unlink()
    return write_model(folder, network, test_input=given, test_output=result, **how)


OPERATIONS = [
    {"id": "clip", "kwargs": {"min_percentile": 1, "max_percentile": 99, "axes": ["y", "x"]}},
    {"id": "scale_range", "kwargs": {"min_percentile": 1, "max_percentile": 99.8, "axes": ["channel", "y", "x"]}},
    {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}},
    {"id": "fixed_zero_mean_unit_variance", "kwargs": {"mean": 0.1, "std": 2.0}},
    {"id": "scale_linear", "kwargs": {"gain": 2.0, "offset": 1.0}},
    {"id": "sigmoid"},
]

MODELS: dict[str, Any] = {
    "one convolution": lambda folder: with_test_tensors(folder, one_conv(), (1, 1, 16, 17), halo=1),
    "fixed size": lambda folder: with_test_tensors(folder, unet(2), (1, 1, 64, 64), size=64, halo=8),
    "pixel size": lambda folder: with_test_tensors(folder, one_conv(), (1, 1, 16, 16), pixel_size={"y": 0.5, "x": 0.5}),
    "three dimensions": lambda folder: with_test_tensors(folder, one_conv(ndim=3), (1, 1, 16, 17, 18), axes="zyx", halo=1),
    "channels": lambda folder: with_test_tensors(
        folder, one_conv(channels=2, outputs=3), (1, 2, 16, 16), channels=("a", "b"), out_channels=("p", "q", "r")
    ),
    "operations": lambda folder: with_test_tensors(
        folder, one_conv(), (1, 1, 16, 16), pre=OPERATIONS,
        post=[{"id": "scale_mean_variance", "kwargs": {"reference_tensor": "raw"}}, {"id": "sigmoid"}],
    ),
    "several tensors": several,
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_the_models_that_tests_build_are_valid(tmp_path: Path, name: str) -> None:
    folder = MODELS[name](tmp_path)
    assert complaints(folder / "bioimageio.yaml") == []
    assert read_model(folder).format_version == "0.5.4"


def sample_models() -> list[Path]:
    return sorted(file for name in ("rdf.yaml", "bioimageio.yaml") for file in (REPOSITORY / "samples").glob(f"*/{name}"))


def test_the_sample_models_are_valid() -> None:
    if not sample_models():
        pytest.skip("there is no sample model in samples/")
    for file in sample_models():
        assert complaints(file) == []
        model = read_model(file)
        assert all(weights.available for weights in model.weights)
        assert model.findings == ()


@pytest.mark.parametrize("name", ["bioimageio", "v0_4_0.bioimageio", "v0_4_9.bioimageio", "onnx_only.bioimageio"])
def test_the_published_model_is_read_in_every_version(shared_sample: Path, name: str) -> None:
    model = read_model(shared_sample / f"{name}.yaml")
    assert model.name == "UNet 2D Nuclei Broad"
    assert [(weights.format, weights.available) for weights in model.weights if weights.available] == [("onnx", True)]


def test_the_published_invalid_description_is_refused(shared_sample: Path) -> None:
    with pytest.raises(IJBridgeError) as caught:
        read_model(shared_sample / "invalid_v0_4_0_duplicate_tensor_names.bioimageio.yaml")
    check_refusal(caught.value, "two tensors are named 'data'")


#: Changes of a valid model that both refuse.
REFUSED: list[tuple[str, Any]] = [
    ("name", REMOVED),
    ("authors", ["A. Tester"]),
    ("inputs", REMOVED),
    ("inputs", []),
    ("outputs", []),
    ("weights", {}),
    ("weights.onnx.source", REMOVED),
    ("weights.onnx.source", "../weights.onnx"),
    ("weights.onnx.opset_version", "new"),
    ("weights.onnx.sha256", "0" * 64),
    ("inputs.0.test_tensor.sha256", "0" * 64),
    ("inputs.0.id", "out"),
    ("inputs.0.axes", []),
    ("inputs.0.axes.1.channel_names", []),
    ("inputs.0.axes.1.type", "colour"),
    ("inputs.0.axes.2.id", "x"),
    ("inputs.0.axes.2.size", 0),
    ("inputs.0.axes.2.size", -16),
    ("inputs.0.axes.2.size", 16.5),
    ("inputs.0.axes.2.size", {"min": 0, "step": 1}),
    ("inputs.0.axes.2.size", {"min": 16, "step": 0}),
    ("inputs.0.axes.2.size", {"tensor_id": "raw", "axis_id": "y"}),
    ("inputs.0.axes.2.size", {"tensor_id": "none", "axis_id": "y"}),
    ("inputs.0.axes.2.size", REMOVED),
    ("inputs.0.axes.2.scale", 0),
    ("inputs.0.axes.2.scale", -1),
    ("inputs.0.data.type", "float"),
    ("outputs.0.axes.2.size.axis_id", "z"),
    ("outputs.0.axes.2.size.offset", 0.5),
    ("outputs.0.axes.2.halo", -1),
    ("outputs.0.axes.2.size", 16),
    ("inputs.0.preprocessing", [{"id": "binarize", "kwargs": {}}]),
    ("inputs.0.preprocessing", [{"id": "clip", "kwargs": {}}]),
    ("inputs.0.preprocessing", [{"id": "clip", "kwargs": {"min": 0, "min_percentile": 2}}]),
    ("inputs.0.preprocessing", [{"id": "ensure_dtype", "kwargs": {"dtype": "float"}}]),
    ("inputs.0.preprocessing", [{"id": "fixed_zero_mean_unit_variance", "kwargs": {"mean": 0, "std": 0}}]),
    ("inputs.0.preprocessing", [{"id": "scale_linear", "kwargs": {"gain": [1, 2], "offset": [1, 2, 3], "axis": "channel"}}]),
    ("inputs.0.preprocessing", [{"id": "scale_range", "kwargs": {"min_percentile": 60, "max_percentile": 50}}]),
    ("inputs.0.preprocessing", [{"id": "scale_range", "kwargs": {"axes": ["z"]}}]),
    ("inputs.0.preprocessing", [{"id": "scale_range", "kwargs": {"eps": -1}}]),
    ("outputs.0.postprocessing", [{"id": "scale_mean_variance", "kwargs": {}}]),
    ("outputs.0.postprocessing", [{"id": "scale_mean_variance", "kwargs": {"reference_tensor": "none"}}]),
]


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_test_tensors(tmp_path_factory.mktemp("valid"), one_conv(), (1, 1, 16, 16), halo=1)


@pytest.mark.parametrize(("path", "value"), REFUSED)
def test_what_the_authority_refuses_is_refused(valid: Path, path: str, value: Any) -> None:
    described = yaml.safe_load((valid / "bioimageio.yaml").read_text(encoding="utf-8"))
    file = valid / "changed.yaml"
    file.write_text(yaml.safe_dump(changed(described, path, value)), encoding="utf-8")
    assert complaints(file)
    from ijbridge.loaded import verify_files

    with pytest.raises(IJBridgeError) as caught:
        verify_files(read_model(file))
    check_refusal(caught.value)
