"""bioimage.io 0.4, brought into the terms of 0.5: modes, axes left out, offsets of half an element, sizes, halos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from descriptions import REMOVED, changed, read, v04
from ijbridge.description import Axis, FileRef, FixedSize, FreeSize, ModelDescription, ReferencedSize, Size, SteppedSize
from ijbridge.formats import read_model
from ijbridge.operations import (
    Binarize,
    Clip,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Operation,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Sigmoid,
    UnsupportedOperation,
    ZeroMeanUnitVariance,
)

FLOAT = EnsureDtype("float32")


def tensors(folder: Path, **root: Any) -> ModelDescription:
    """Read one input of all axes and one output of them."""
    given: dict[str, Any] = {"name": "raw", "axes": "bitczyx", "data_type": "float32", "shape": [1, 2, 3, 4, 5, 6, 7]}
    result: dict[str, Any] = {"name": "out", "axes": "bitczyx", "data_type": "float32", "shape": [1, 2, 3, 4, 5, 6, 7]}
    return read(folder, v04(inputs=[given | root.pop("given", {})], outputs=[result | root.pop("result", {})], **root))


# --- axes and sizes --------------------------------------------------------------------------------------------------


def test_every_letter_is_an_axis_with_the_id_it_has_in_0_5(tmp_path: Path) -> None:
    assert tensors(tmp_path).inputs[0].axes == (
        Axis("batch", "batch", FixedSize(1), "b"),
        Axis("index", "index", FixedSize(2)),
        Axis("time", "time", FixedSize(3), "t"),
        Axis("channel", "channel", FixedSize(4), "c"),
        Axis("z", "space", FixedSize(5), "z"),
        Axis("y", "space", FixedSize(6), "y"),
        Axis("x", "space", FixedSize(7), "x"),
    )


def test_a_stepped_size_has_a_minimum_and_a_step_and_the_batch_is_free(tmp_path: Path) -> None:
    sizes = [axis.size for axis in read(tmp_path, v04()).inputs[0].axes]
    assert sizes == [FixedSize(1), FixedSize(1), SteppedSize(64, 16), SteppedSize(64, 16)]
    sizes = [axis.size for axis in read(tmp_path, changed(v04(), "inputs.0.shape.step", [1, 0, 16, 16])).inputs[0].axes]
    assert sizes[0] == FreeSize()


def test_a_minimum_of_zero_keeps_the_grid_of_the_step(tmp_path: Path) -> None:
    described = changed(v04(), "inputs.0.shape.min", [1, 1, 0, 64])
    assert read(tmp_path, described).inputs[0].axes[2].size == SteppedSize(16, 16)


@pytest.mark.parametrize(
    ("scale", "offset", "expected"),
    [
        (1, 0, ReferencedSize("raw", "y")),
        (0.5, 0, ReferencedSize("raw", "y", Fraction(1, 2))),
        (2, -3, ReferencedSize("raw", "y", Fraction(2), Fraction(-6))),
        (1, 0.5, ReferencedSize("raw", "y", Fraction(1), Fraction(1))),
        (1, -1.5, ReferencedSize("raw", "y", Fraction(1), Fraction(-3))),
        (0.3333333, 0, ReferencedSize("raw", "y", Fraction(1, 3))),
        (0, 0.5, FixedSize(1)),
        (0, 3, FixedSize(6)),
        (None, 1.5, FixedSize(3)),
    ],
)
def test_an_output_size_is_scaled_and_gets_twice_the_offset(
    tmp_path: Path, scale: float | None, offset: float, expected: Size
) -> None:
    described = changed(changed(v04(), "outputs.0.shape.scale.2", scale), "outputs.0.shape.offset.2", offset)
    described = changed(described, "outputs.0.halo", REMOVED)
    assert read(tmp_path, described).outputs[0].axes[2].size == expected


def test_an_axis_follows_that_of_its_letter_else_of_its_place(tmp_path: Path) -> None:
    result = {
        "name": "out",
        "axes": "bxyi",
        "shape": {"reference_tensor": "raw", "scale": [1, 1, 1, 2], "offset": [0, 0, 0, 0]},
    }
    given = {"axes": "bcyx", "shape": [1, 1, 6, 7]}
    model = tensors(tmp_path, given=given, result=result)
    assert [axis.size for axis in model.outputs[0].axes] == [
        FreeSize(),
        ReferencedSize("raw", "x"),
        ReferencedSize("raw", "y"),
        ReferencedSize("raw", "x", Fraction(2)),
    ]


def test_an_output_may_refer_to_another_output(tmp_path: Path) -> None:
    described = v04()
    other = changed(described["outputs"][0], "name", "labels")
    other["shape"] = {"reference_tensor": "prob", "scale": [1, 1, 2, 2], "offset": [0, 0, 0, 0]}
    described["outputs"].append(other)
    model = read(tmp_path, described)
    assert model.outputs[1].axes[2].size == ReferencedSize("prob", "y", Fraction(2))
    assert model.outputs[1].axes[1].size == ReferencedSize("prob", "channel")


def test_a_halo_has_a_number_per_axis_of_the_output(tmp_path: Path) -> None:
    assert [axis.halo for axis in read(tmp_path, v04()).outputs[0].axes] == [0, 0, 8, 8]
    assert [axis.halo for axis in tensors(tmp_path, result={"halo": [0, 0, 1, 0, 1, 2, 3]}).outputs[0].axes] == [
        0,
        0,
        1,
        0,
        1,
        2,
        3,
    ]
    assert [axis.halo for axis in read(tmp_path, changed(v04(), "outputs.0.halo", REMOVED)).outputs[0].axes] == [0, 0, 0, 0]


# --- operations ------------------------------------------------------------------------------------------------------

ALL = ("channel", "y", "x")

OPERATIONS: list[tuple[str, dict[str, Any] | None, Operation]] = [
    ("sigmoid", None, Sigmoid()),
    ("binarize", {"threshold": 0.5}, Binarize((0.5,))),
    ("clip", {"min": 0, "max": 1}, Clip(0.0, 1.0)),
    ("scale_linear", {"gain": 2, "offset": 1}, ScaleLinear((2.0,), (1.0,))),
    ("scale_linear", {"gain": [2, 3], "axes": "yx"}, ScaleLinear((2.0, 3.0), (0.0, 0.0), "channel")),
    ("scale_linear", {"offset": [2, 3]}, ScaleLinear((1.0, 1.0), (2.0, 3.0), "channel")),
    ("zero_mean_unit_variance", {}, ZeroMeanUnitVariance(ALL)),
    ("zero_mean_unit_variance", {"mode": "per_sample", "axes": "yx", "eps": 1e-5}, ZeroMeanUnitVariance(("y", "x"), 1e-5)),
    ("zero_mean_unit_variance", {"mode": "per_sample", "axes": ["y", "x"]}, ZeroMeanUnitVariance(("y", "x"))),
    ("zero_mean_unit_variance", {"mode": "per_dataset"}, ZeroMeanUnitVariance(("batch", *ALL))),
    ("zero_mean_unit_variance", {"mode": "per_dataset", "axes": "yx"}, ZeroMeanUnitVariance(("batch", "y", "x"))),
    ("zero_mean_unit_variance", {"mode": "fixed", "mean": 1, "std": 2}, FixedZeroMeanUnitVariance((1.0,), (2.0,), None, 1e-6)),
    (
        "zero_mean_unit_variance",
        {"mode": "fixed", "axes": "yx", "mean": [1, 2], "std": [3, 4], "eps": 0.1},
        FixedZeroMeanUnitVariance((1.0, 2.0), (3.0, 4.0), "channel", 0.1),
    ),
    ("scale_range", {}, ScaleRange(0.0, 100.0, ALL)),
    (
        "scale_range",
        {
            "mode": "per_sample",
            "axes": "yx",
            "min_percentile": 1,
            "max_percentile": 99.8,
            "eps": 1e-5,
            "reference_tensor": "raw",
        },
        ScaleRange(1.0, 99.8, ("y", "x"), 1e-5, "raw"),
    ),
    ("scale_range", {"mode": "per_dataset"}, ScaleRange(0.0, 100.0, ("batch", *ALL))),
    ("scale_mean_variance", {"mode": "per_sample", "reference_tensor": "raw"}, ScaleMeanVariance("raw", ALL)),
    (
        "scale_mean_variance",
        {"mode": "per_dataset", "reference_tensor": "raw", "axes": "c", "eps": 1e-4},
        ScaleMeanVariance("raw", ("batch", "channel"), 1e-4),
    ),
]


@pytest.mark.parametrize(("name", "kwargs", "expected"), OPERATIONS)
def test_every_operation_is_read_with_its_arguments_and_defaults(
    tmp_path: Path, name: str, kwargs: dict[str, Any] | None, expected: Operation
) -> None:
    entry = {"name": name} if kwargs is None else {"name": name, "kwargs": kwargs}
    described = changed(v04(), "outputs.0.shape.offset", [0, 1, 0, 0])  # two channels
    output = read(tmp_path, changed(described, "outputs.0.postprocessing", [entry])).outputs[0]
    assert output.operations == (FLOAT, expected, FLOAT)


@pytest.mark.parametrize("name", ["softmax", "ensure_dtype", "unheard_of"])
def test_an_operation_that_0_4_has_not_is_kept_with_the_reason(tmp_path: Path, name: str) -> None:
    operation = read(tmp_path, changed(v04(), "outputs.0.postprocessing", [{"name": name}])).outputs[0].operations[1]
    assert operation == UnsupportedOperation(
        name,
        "bioimage.io 0.4 has binarize, clip, scale_linear, scale_mean_variance, scale_range, sigmoid, zero_mean_unit_variance",
    )


def test_operations_compute_in_float32_whatever_the_type(tmp_path: Path) -> None:
    described = changed(v04(), "inputs.0.data_type", "uint8")
    model = read(tmp_path, changed(described, "outputs.0.data_type", "uint8"))
    assert model.inputs[0].operations == (FLOAT, ZeroMeanUnitVariance(("y", "x")))
    assert model.inputs[0].dtype == "float32"
    assert model.outputs[0].operations == (FLOAT, Sigmoid(), EnsureDtype("uint8"))


def test_without_operations_the_input_is_of_the_described_type(tmp_path: Path) -> None:
    described = changed(changed(v04(), "inputs.0.data_type", "uint8"), "inputs.0.preprocessing", REMOVED)
    model = read(tmp_path, changed(described, "outputs.0.postprocessing", REMOVED))
    assert model.inputs[0].operations == (EnsureDtype("uint8"),)
    assert model.outputs[0].operations == (FLOAT,)


# --- everything else -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([0, 255], (0.0, 255.0)),
        ([float("-inf"), float("inf")], (None, None)),
        (["-inf", 1], (None, 1.0)),
        (REMOVED, (None, None)),
    ],
)
def test_an_infinite_range_is_open(tmp_path: Path, value: Any, expected: Any) -> None:
    assert read(tmp_path, changed(v04(), "inputs.0.data_range", value)).inputs[0].value_range == expected


def test_test_and_sample_tensors_are_those_of_the_same_place_in_their_lists(tmp_path: Path) -> None:
    model = read(tmp_path, v04())
    assert (model.inputs[0].test_tensor, model.inputs[0].sample_tensor) == (FileRef("test_input.npy"), FileRef("sample.tif"))
    assert (model.outputs[0].test_tensor, model.outputs[0].sample_tensor) == (FileRef("test_output.npy"), None)


@pytest.mark.parametrize(
    "path",
    ["type", "description", "authors", "cite", "license", "documentation", "test_inputs", "test_outputs", "sample_inputs",
     "inputs.0.data_range", "inputs.0.preprocessing", "inputs.0.preprocessing.0.kwargs", "outputs.0.postprocessing",
     "outputs.0.halo", "inputs.0.preprocessing.0.kwargs.mode", "inputs.0.preprocessing.0.kwargs.axes",
     "weights.onnx.opset_version"],
)  # fmt: skip
@pytest.mark.parametrize("value", [REMOVED, None])
def test_an_optional_field_that_is_missing_does_not_stop_it(tmp_path: Path, path: str, value: Any) -> None:
    assert isinstance(read(tmp_path, changed(v04(), path, value)), ModelDescription)


# --- a published model -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v0_4_0", "v0_4_9"])
def test_the_published_model_reads_the_same_in_0_4_as_in_0_5(shared_sample: Path, name: str) -> None:
    old, new = read_model(shared_sample / f"{name}.bioimageio.yaml"), read_model(shared_sample / "bioimageio.yaml")
    assert (old.format_version, new.format_version) == (name[1:].replace("_", "."), "0.5.4")
    for one, other in zip((*old.inputs, *old.outputs), (*new.inputs, *new.outputs), strict=True):
        assert (one.id, one.dtype, one.description) == (other.id, other.dtype, other.description)
        assert [(axis.id, axis.kind, axis.letter, axis.halo) for axis in one.axes] == [
            (axis.id, axis.kind, axis.letter, axis.halo) for axis in other.axes
        ]
        assert [axis.size for axis in one.axes[1:]] == [axis.size for axis in other.axes[1:]]
        assert (one.test_tensor or FileRef("")).source == (other.test_tensor or FileRef("?")).source
    # 0.5 lists the axes the other way round and casts in between, which changes no number
    assert old.inputs[0].operations == (FLOAT, ZeroMeanUnitVariance(("y", "x")))
    assert new.inputs[0].operations == (FLOAT, ZeroMeanUnitVariance(("x", "y")), FLOAT)
    assert old.outputs[0].operations == (FLOAT, Sigmoid(), FLOAT)
    assert new.outputs[0].operations == (Sigmoid(), FLOAT)
    assert (old.name, old.authors, old.cite[0], old.license, old.tags) == (
        new.name,
        new.authors,
        new.cite[0],
        new.license,
        new.tags,
    )
    assert {one.format: one.available for one in old.weights} == {one.format: one.available for one in new.weights}
    assert old.weights[0].file == new.weights[0].file
