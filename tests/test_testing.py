"""A model's own test: it runs or not, it reproduces or not, and where it is off is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import channel, described, follows, identity, one_conv, space, write_model
from ijbridge.description import ModelDescription, Tolerance
from ijbridge.errors import DescriptionError, PackageError
from ijbridge.formats import read_model
from ijbridge.image import make_image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.testing import OutputReport, TestReport, compare, report_dict, test_model, tolerance_for

FREE = {"min": 1, "step": 1}


def report(model: Path) -> TestReport:
    with LoadedModel(model) as loaded:
        return test_model(loaded, Options.read())


def picture(*shape: int) -> Any:
    return np.random.default_rng(0).uniform(1, 2, shape).astype(np.float32)


def config(*tolerances: dict[str, Any]) -> dict[str, Any]:
    return {"config": {"bioimageio": {"reproducibility_tolerance": list(tolerances)}}}


def off_by(folder: Path, change: Any, **root: Any) -> TestReport:
    """Test an identity whose test output differs by ``change`` from its input."""
    array = picture(1, 1, 20, 30)
    return report(write_model(folder / "m", identity(), size=FREE, test_input=array, test_output=array + change, **root))


# --- runs and reproduces ---------------------------------------------------------------------------------------------


def test_a_model_that_gives_its_test_output_reproduces(tmp_path: Path) -> None:
    array = picture(1, 1, 40, 50)
    path = write_model(tmp_path / "m", one_conv(), halo=1)
    with LoadedModel(path) as model:
        given = model.run({"raw": make_image(array[0, 0], "yx")}, Options.read()).images["out"].array
    found = report(write_model(tmp_path / "m", one_conv(), halo=1, test_input=array, test_output=given[None, None]))
    assert (found.runs, found.reproduces, found.error) == (True, True, None)
    assert (found.outputs[0].max_difference, found.outputs[0].mismatched) == (0.0, 0)


def test_a_model_that_gives_something_else_runs_but_does_not_reproduce(tmp_path: Path) -> None:
    change = np.zeros((1, 1, 20, 30), np.float32)
    change[0, 0, 7, 11] = 0.5
    change[0, 0, 3, 2] = -0.25
    found = off_by(tmp_path, change)
    assert (found.runs, found.reproduces, found.error) == (True, False, None)
    (out,) = found.outputs
    assert out.worst == {"c": 0, "y": 7, "x": 11}
    assert (out.mismatched, out.elements) == (2, 600)
    assert out.max_difference == pytest.approx(0.5, rel=1e-5)
    assert out.expected - out.found == pytest.approx(0.5, rel=1e-5)
    assert out.array.shape == (1, 20, 30)


def test_a_model_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    array = picture(1, 2, 20, 30)
    found = report(write_model(tmp_path / "m", one_conv(), test_input=array, test_output=array))
    assert (found.runs, found.reproduces, found.outputs) == (False, False, ())
    assert found.error is not None
    assert "takes 1 channel" in found.error


def test_several_outputs_are_compared_each_with_its_own(tmp_path: Path) -> None:
    net = identity()
    net.output("raw", "twin")
    array = picture(1, 1, 20, 30)
    tensors = [described(name, channel("c"), follows("y"), follows("x")) for name in ("out", "twin")]
    path = write_model(tmp_path / "m", net, size=FREE, outputs=tensors, test_input=array, test_output=array)
    np.save(path / "twin.npy", array + 1)
    tensors[1]["test_tensor"] = {"source": "twin.npy"}
    found = report(write_model(path, net, size=FREE, outputs=tensors, test_input=array, test_output=array))
    assert [(one.output, one.passed) for one in found.outputs] == [("out", True), ("twin", False)]
    assert not found.reproduces


def test_a_batch_of_test_images_is_compared_as_a_whole(tmp_path: Path) -> None:
    array = picture(3, 1, 20, 30)
    path = write_model(tmp_path / "m", identity(), size=FREE, test_input=array, test_output=array)
    assert report(path).reproduces
    change = np.zeros_like(array)
    change[2, 0, 0, 1] = 1
    found = report(write_model(tmp_path / "m", identity(), size=FREE, test_input=array, test_output=array + change))
    assert found.outputs[0].worst == {"b": 2, "c": 0, "y": 0, "x": 1}


# --- tolerances ------------------------------------------------------------------------------------------------------


def test_a_thousandth_is_tolerated_unless_the_description_says_otherwise(tmp_path: Path) -> None:
    assert off_by(tmp_path, 0.0009).reproduces
    assert not off_by(tmp_path, 0.004).reproduces


def test_the_tolerance_of_the_description_decides(tmp_path: Path) -> None:
    wide = {"relative_tolerance": 0, "absolute_tolerance": 0.6, "mismatched_elements_per_million": 0}
    tight = {"relative_tolerance": 0, "absolute_tolerance": 1e-5, "mismatched_elements_per_million": 0}
    assert off_by(tmp_path, 0.5, **config(wide)).reproduces
    assert not off_by(tmp_path, 0.0009, **config(tight)).reproduces


def test_a_relative_tolerance_grows_with_what_is_expected(tmp_path: Path) -> None:
    relative = {"relative_tolerance": 0.01, "absolute_tolerance": 0, "mismatched_elements_per_million": 0}
    array = np.array([[[[100.0, 1.0]]]], np.float32)
    for change, passes in ((np.array([[[[0.9, 0.0]]]]), True), (np.array([[[[0.0, 0.9]]]]), False)):
        tensor = array + change.astype(np.float32)
        path = write_model(tmp_path / "m", identity(), size=FREE, test_input=array, test_output=tensor, **config(relative))
        assert report(path).reproduces is passes


def test_so_many_of_a_million_may_be_off(tmp_path: Path) -> None:
    change = np.zeros((1, 1, 20, 30), np.float32)
    change.ravel()[:3] = 1  # 3 of 600 are 5000 of a million
    for allowed, passes in ((5000, True), (4999, False)):
        some = {"relative_tolerance": 0, "absolute_tolerance": 0, "mismatched_elements_per_million": allowed}
        assert off_by(tmp_path, change, **config(some)).reproduces is passes


def described_model(folder: Path, *tolerances: Tolerance) -> ModelDescription:
    return replace(read_model(write_model(folder / "m", identity())), tolerances=tolerances)


def test_the_first_tolerance_that_is_meant_for_an_output_is_taken(tmp_path: Path) -> None:
    elsewhere = Tolerance(0.1, output_ids=("other",))
    torch = Tolerance(0.2, weights_formats=("torchscript",))
    mine = Tolerance(0.3, output_ids=("out",), weights_formats=("onnx", "torchscript"))
    last = Tolerance(0.4)
    description = described_model(tmp_path, elsewhere, torch, mine, last)
    assert tolerance_for(description, description.outputs[0], picture(1, 1, 2, 2)) is mine


def test_discrete_and_continuous_outputs_have_tolerances_of_their_own(tmp_path: Path) -> None:
    discrete, continuous = Tolerance(0.1, output_ids="any_discrete_output"), Tolerance(0.2, output_ids="any_continuous_output")
    description = described_model(tmp_path, discrete, continuous)
    out = description.outputs[0]
    for dtype in ("uint8", "int32", "bool"):
        assert tolerance_for(description, out, np.zeros(1, dtype)) is discrete
    assert tolerance_for(description, out, np.zeros(1, np.float16)) is continuous


def test_labels_must_be_equal_but_for_one_in_a_thousand(tmp_path: Path) -> None:
    description = described_model(tmp_path)
    assert tolerance_for(description, description.outputs[0], np.zeros(1, np.uint16)) == Tolerance(0.0, 0.0, 1000.0)


# --- comparing -------------------------------------------------------------------------------------------------------


def compared(folder: Path, found: Any, axes: str, expected: Any) -> OutputReport:
    tensor = read_model(write_model(folder / "m", identity())).outputs[0]
    return compare(tensor, make_image(found, axes), expected, Tolerance())


def test_a_result_in_another_axis_order_is_turned_before_it_is_compared(tmp_path: Path) -> None:
    array = picture(1, 2, 5, 7)
    out = compared(tmp_path, array[0].transpose(2, 0, 1), "xcy", array)
    assert out.passed
    moved = array.copy()
    moved[0, 1, 4, 6] += 1
    assert compared(tmp_path, array[0].transpose(2, 0, 1), "xcy", moved).worst == {"x": 6, "c": 1, "y": 4}


@pytest.mark.parametrize("shape", [(1, 1, 5, 8), (1, 2, 5, 7), (2, 1, 5, 7)])
def test_a_test_tensor_of_another_shape_does_not_pass_and_says_why(tmp_path: Path, shape: tuple[int, ...]) -> None:
    found = compared(tmp_path, picture(5, 7), "yx", picture(*shape))
    assert not found.passed
    assert found.reason == f"its test tensor has the shape {shape}, the result is 5 x 7 (yx) {found.array.dtype}"


def test_what_is_no_number_never_matches(tmp_path: Path) -> None:
    found = picture(5, 7)
    found[2, 3] = np.nan
    out = compared(tmp_path, found, "yx", picture(1, 1, 5, 7))
    assert (out.passed, out.mismatched, out.worst) == (False, 1, {"y": 2, "x": 3})


# --- test tensors ----------------------------------------------------------------------------------------------------


def test_a_model_without_test_tensors_has_no_test(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match="'Little Network' describes no test tensor for 'raw'"):
        report(write_model(tmp_path / "m", identity()))


def test_a_test_tensor_that_is_missing_or_altered_is_an_error(tmp_path: Path) -> None:
    array = picture(1, 1, 20, 30)
    path = write_model(tmp_path / "m", identity(), test_input=array, test_output=array)
    np.save(path / "test_input.npy", array + 1)
    with pytest.raises(PackageError, match="is not the file that was described"):
        report(path)
    (path / "test_input.npy").unlink()
    with pytest.raises(PackageError, match="is missing"):
        report(path)


@pytest.mark.parametrize("content", [b"", b"no array", np.array([{}], object).dumps()])
def test_a_test_tensor_that_is_no_array_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = write_model(tmp_path / "m", identity(), outputs=None)
    (path / "broken.npy").write_bytes(content)
    tensors = [described("raw", channel("c"), space("y", FREE), space("x", FREE), test_tensor={"source": "broken.npy"})]
    outputs = [described("out", channel("c"), follows("y"), follows("x"), test_tensor={"source": "broken.npy"})]
    with pytest.raises(DescriptionError, match=r"'broken.npy' is not a .npy file of numbers"):
        report(write_model(path, identity(), inputs=tensors, outputs=outputs))


def test_a_test_tensor_with_other_axes_than_described_is_an_error(tmp_path: Path) -> None:
    array = picture(20, 30)
    with pytest.raises(DescriptionError, match="has 2 dimensions, but 'raw' is described with 4 axes"):
        report(write_model(tmp_path / "m", identity(), test_input=array, test_output=array))


def test_a_report_as_data_names_the_place(tmp_path: Path) -> None:
    data = report_dict(off_by(tmp_path, 1.0))
    assert (data["runs"], data["reproduces"], data["error"]) == (True, False, None)
    (out,) = data["outputs"]
    assert set(out["worst"]) == {"at", "found", "expected"}
    assert out["tolerance"] == {"relative": 1e-3, "absolute": 1e-3, "mismatched_per_million": 100.0}
    assert out["mismatched"] == 600
