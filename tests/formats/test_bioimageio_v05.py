"""bioimage.io 0.5: every kind of axis, size and operation, what may be left out, and what is refused in which words."""

from __future__ import annotations

import copy
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from descriptions import REMOVED, changed, check_refusal, read, said, v05
from ijbridge.description import Axis, FileRef, FixedSize, FreeSize, ModelDescription, ReferencedSize, SteppedSize, Tolerance
from ijbridge.errors import DescriptionError
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
    Softmax,
    UnsupportedOperation,
    ZeroMeanUnitVariance,
)

FLOAT = EnsureDtype("float32")


def with_axis(folder: Path, axis: dict[str, Any], *, side: str = "outputs") -> Axis:
    """Read the description with a third axis before y, and give that axis."""
    description = v05()
    tensor = description[side][0]
    tensor["axes"].insert(2, axis)
    tensor["preprocessing" if side == "inputs" else "postprocessing"] = []
    read_tensors: Any = getattr(read(folder, description), side)
    return read_tensors[0].axes[2]


# --- axes and sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ({"type": "index", "size": 3}, Axis("index", "index", FixedSize(3))),
        ({"type": "index", "id": "object", "size": {"min": 2, "max": 9}}, Axis("object", "index", FreeSize(2, 9))),
        ({"type": "index", "size": {"min": 2}}, Axis("index", "index", FreeSize(2, None))),
        ({"type": "index", "size": {}}, Axis("index", "index", FreeSize(1, None))),
        ({"type": "time", "size": 5}, Axis("time", "time", FixedSize(5), "t")),
        (
            {"type": "time", "id": "frame", "size": 5, "unit": "second", "scale": 2},
            Axis("frame", "time", FixedSize(5), "t", unit="second", pixel_size=2.0),
        ),
        ({"type": "space", "id": "z", "size": 7}, Axis("z", "space", FixedSize(7), "z")),
        ({"type": "space", "id": "Z", "size": 7.0, "description": "depth"}, Axis("z", "space", FixedSize(7), "z", "depth")),
        ({"type": "space", "id": "w", "size": 7}, Axis("w", "space", FixedSize(7))),
        (
            {"type": "space", "id": "z", "size": {"tensor_id": "raw", "axis_id": "X", "offset": -3}, "scale": 0.25},
            Axis("z", "space", ReferencedSize("raw", "x", Fraction(2), Fraction(-3)), "z"),
        ),
    ],
)
def test_every_kind_of_output_axis_and_size_is_read(tmp_path: Path, axis: dict[str, Any], expected: Axis) -> None:
    assert with_axis(tmp_path, axis) == expected


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ({"type": "space", "id": "z", "size": {"min": 1, "step": 4}}, Axis("z", "space", SteppedSize(1, 4), "z")),
        (
            {"type": "time", "size": {"min": 3, "step": 2}, "concatenable": True},
            Axis("time", "time", SteppedSize(3, 2), "t", concatenable=True),
        ),
        ({"type": "index", "size": {"min": 3, "step": 2}}, Axis("index", "index", SteppedSize(3, 2))),
    ],
)
def test_every_kind_of_input_axis_and_size_is_read(tmp_path: Path, axis: dict[str, Any], expected: Axis) -> None:
    assert with_axis(tmp_path, axis, side="inputs") == expected


def test_a_batch_axis_is_free_or_one(tmp_path: Path) -> None:
    assert read(tmp_path, v05()).inputs[0].axes[0] == Axis("batch", "batch", FreeSize(), "b")
    described = changed(v05(), "inputs.0.axes.0.size", 1)
    assert read(tmp_path, described).inputs[0].axes[0] == Axis("batch", "batch", FixedSize(1), "b")


def test_a_channel_axis_is_as_long_as_it_has_names(tmp_path: Path) -> None:
    axis = read(tmp_path, changed(v05(), "inputs.0.axes.1.channel_names", ["a", 1, "c"])).inputs[0].axes[1]
    assert axis == Axis("channel", "channel", FixedSize(3), "c", channel_names=("a", "1", "c"))


def test_an_axis_without_id_has_that_of_its_kind(tmp_path: Path) -> None:
    described = changed(v05(), "inputs.0.axes.3.id", REMOVED)
    assert [axis.id for axis in read(tmp_path, described).inputs[0].axes] == ["batch", "channel", "y", "x"]


@pytest.mark.parametrize(("given_id", "meant"), [("c", "channel"), ("C", "channel"), ("Channel", "channel")])
def test_a_short_id_is_the_long_one_wherever_it_is_used(tmp_path: Path, given_id: str, meant: str) -> None:
    described = changed(v05(), "outputs.0.axes.1.id", given_id)
    described = changed(described, "outputs.0.postprocessing", [{"id": "softmax", "kwargs": {"axis": given_id}}])
    output = read(tmp_path, described).outputs[0]
    assert output.axes[1].id == meant
    assert output.operations == (Softmax(meant), FLOAT)


def test_a_scale_is_a_pixel_size_only_with_a_unit(tmp_path: Path) -> None:
    model = read(tmp_path, v05())
    assert [(axis.pixel_size, axis.unit) for axis in model.inputs[0].axes[2:]] == [(0.5, "micrometer")] * 2
    assert [(axis.pixel_size, axis.unit) for axis in model.outputs[0].axes[2:]] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("reference", "own", "ratio"),
    [(0.5, 1.0, Fraction(1, 2)), (0.107, 0.0535, Fraction(2)), (1.0, 3.0, Fraction(1, 3)), (0.3, 0.1, Fraction(3))],
)
def test_a_referenced_size_follows_the_ratio_of_the_scales(
    tmp_path: Path, reference: float, own: float, ratio: Fraction
) -> None:
    described = changed(changed(v05(), "inputs.0.axes.2.scale", reference), "outputs.0.axes.2.scale", own)
    described = changed(described, "inputs.1.axes.2.scale", reference)
    assert read(tmp_path, described).outputs[0].axes[2].size == ReferencedSize("raw", "y", ratio, Fraction(0))


def test_a_scale_that_is_no_simple_fraction_stays_exact(tmp_path: Path) -> None:
    size = read(tmp_path, changed(v05(), "outputs.0.axes.2.scale", 2.718281828)).outputs[0].axes[2].size
    assert isinstance(size, ReferencedSize)
    assert float(size.ratio) == pytest.approx(0.5 / 2.718281828, rel=1e-12)


@pytest.mark.parametrize(
    ("ratio", "offset", "size", "expected"),
    [("1/2", 0, 65, 32), ("1/2", 1, 65, 33), ("2", -3, 10, 17), ("1/3", 0, 10, 3), ("1/10", 0, 30, 3)],
)
def test_a_referenced_size_is_rounded_down(ratio: str, offset: int, size: int, expected: int) -> None:
    assert ReferencedSize("raw", "y", Fraction(ratio), Fraction(offset)).of(size) == expected


def test_references_may_follow_one_another_and_look_forward(tmp_path: Path) -> None:
    described = changed(v05(), "inputs.0.axes.3.size", {"tensor_id": "raw", "axis_id": "y"})
    described = changed(described, "outputs.0.axes.3.size", {"tensor_id": "prob", "axis_id": "y"})
    model = read(tmp_path, described)
    assert model.inputs[0].axes[3].size == ReferencedSize("raw", "y")
    assert model.outputs[0].axes[3].size == ReferencedSize("prob", "y")


# --- operations ------------------------------------------------------------------------------------------------------

OPERATIONS: list[tuple[str, dict[str, Any] | None, Operation]] = [
    ("binarize", {"threshold": 0.5}, Binarize((0.5,))),
    ("binarize", {"threshold": [1, 2], "axis": "channel"}, Binarize((1.0, 2.0), "channel")),
    ("clip", {"min": 0, "max": 1}, Clip(0.0, 1.0)),
    ("clip", {"max": 1e5}, Clip(max=1e5)),
    ("clip", {"min_percentile": 5, "max": 1, "axes": ["x"]}, Clip(max=1.0, min_percentile=5.0, axes=("x",))),
    ("clip", {"max_percentile": 99.8}, Clip(max_percentile=99.8)),
    ("ensure_dtype", {"dtype": "uint16"}, EnsureDtype("uint16")),
    ("fixed_zero_mean_unit_variance", {"mean": 1, "std": 2}, FixedZeroMeanUnitVariance((1.0,), (2.0,))),
    (
        "fixed_zero_mean_unit_variance",
        {"mean": [1, 2], "std": [3, 4], "axis": "channel"},
        FixedZeroMeanUnitVariance((1.0, 2.0), (3.0, 4.0), "channel"),
    ),
    (
        "fixed_zero_mean_unit_variance",
        {"mean": [1, 2], "std": 3, "axis": "channel"},
        FixedZeroMeanUnitVariance((1.0, 2.0), (3.0, 3.0), "channel"),
    ),
    ("scale_linear", {"gain": 2}, ScaleLinear((2.0,), (0.0,))),
    ("scale_linear", {"offset": -1}, ScaleLinear((1.0,), (-1.0,))),
    ("scale_linear", {"gain": [2, 3], "axis": "channel"}, ScaleLinear((2.0, 3.0), (0.0, 0.0), "channel")),
    ("scale_linear", {"gain": 2, "offset": [1, 2], "axis": "channel"}, ScaleLinear((2.0, 2.0), (1.0, 2.0), "channel")),
    ("scale_range", None, ScaleRange(0.0, 100.0, None, 1e-6, None)),
    (
        "scale_range",
        {"min_percentile": 1, "max_percentile": 99.8, "axes": ["y", "x"], "eps": 1e-3, "reference_tensor": "raw"},
        ScaleRange(1.0, 99.8, ("y", "x"), 1e-3, "raw"),
    ),
    ("scale_mean_variance", {"reference_tensor": "raw"}, ScaleMeanVariance("raw", None, 1e-6)),
    (
        "scale_mean_variance",
        {"reference_tensor": "raw", "axes": ["batch", "x"], "eps": 1e-4},
        ScaleMeanVariance("raw", ("batch", "x"), 1e-4),
    ),
    ("sigmoid", None, Sigmoid()),
    ("sigmoid", {}, Sigmoid()),
    ("softmax", None, Softmax("channel")),
    ("softmax", {"axis": "x"}, Softmax("x")),
    ("zero_mean_unit_variance", None, ZeroMeanUnitVariance(None, 1e-6)),
    ("zero_mean_unit_variance", {"axes": ["Y", "c"], "eps": 1e-5}, ZeroMeanUnitVariance(("y", "channel"), 1e-5)),
]


@pytest.mark.parametrize(("name", "kwargs", "expected"), OPERATIONS)
def test_every_operation_is_read_with_its_arguments_and_defaults(
    tmp_path: Path, name: str, kwargs: dict[str, Any] | None, expected: Operation
) -> None:
    entry = {"id": name} if kwargs is None else {"id": name, "kwargs": kwargs}
    described = changed(v05(), "outputs.0.postprocessing", [entry, {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}])
    assert read(tmp_path, described).outputs[0].operations == (expected, FLOAT)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("custom", "it runs Python code from the model package, which ijbridge never does"),
        ("cellpose_flow_dynamics", "objects"),
        ("unheard_of", "ijbridge knows binarize, clip, ensure_dtype"),
    ],
)
def test_an_operation_that_cannot_be_run_is_kept_with_the_reason(tmp_path: Path, name: str, words: str) -> None:
    described = changed(v05(), "outputs.0.postprocessing", [{"id": name, "kwargs": {"anything": [1]}, "source": "x.py"}])
    operation = read(tmp_path, described).outputs[0].operations[0]
    assert isinstance(operation, UnsupportedOperation)
    assert operation.name == name
    assert words in operation.why


BINARIZE, SIGMOID, BYTE = (
    {"id": "binarize", "kwargs": {"threshold": 1}},
    {"id": "sigmoid"},
    {"id": "ensure_dtype", "kwargs": {"dtype": "uint8"}},
)


@pytest.mark.parametrize(
    ("written", "before", "after"),
    [
        ([], (FLOAT,), (FLOAT,)),
        ([SIGMOID], (FLOAT, Sigmoid(), FLOAT), (Sigmoid(), FLOAT)),
        ([BINARIZE], (FLOAT, Binarize((1.0,))), (Binarize((1.0,)),)),
        ([BYTE], (EnsureDtype("uint8"),), (EnsureDtype("uint8"),)),
        ([BYTE, SIGMOID], (EnsureDtype("uint8"), Sigmoid(), FLOAT), (EnsureDtype("uint8"), Sigmoid(), FLOAT)),
        ([SIGMOID, BYTE], (FLOAT, Sigmoid(), EnsureDtype("uint8")), (Sigmoid(), EnsureDtype("uint8"))),
    ],
)
def test_the_casts_that_the_specification_implies_are_put_in(
    tmp_path: Path, written: list[Any], before: tuple[Operation, ...], after: tuple[Operation, ...]
) -> None:
    described = changed(v05(), "inputs.0.preprocessing", copy.deepcopy(written))
    model = read(tmp_path, changed(described, "outputs.0.postprocessing", copy.deepcopy(written)))
    assert model.inputs[0].operations == before
    assert model.outputs[0].operations == after


# --- everything else -------------------------------------------------------------------------------------------------


def test_everything_that_is_described_is_there(tmp_path: Path) -> None:
    tolerance = {"relative_tolerance": 0.01, "output_ids": ["prob"], "weights_formats": ["onnx"]}
    model = read(
        tmp_path,
        v05(
            version="1.2", covers=["cover.png", {"source": "b.png", "sha256": "2" * 64}], tags=["nuclei", 2],
            git_repo="https://x.y", timestamp="2024-01-01", maintainers=[{"github_user": "m"}], packaged_by=[{"name": "P"}],
            training_data={"id": "data"}, links=["x/y"],
            config={
                "bioimageio": {"reproducibility_tolerance": [tolerance, {"output_ids": "any_discrete_output"}]},
                "own": {"a": [1]},
            },
        ),
    )  # fmt: skip
    assert (model.format, model.format_version, model.name) == ("bioimage.io", "0.5.4", "Two Inputs")
    assert (model.authors[0].name, model.authors[0].orcid) == ("A. Tester", "0000-0001-2345-6789")
    assert (model.packaged_by[0].name, model.maintainers[0].name) == ("P", "m")
    assert (model.cite[0].text, model.cite[0].doi) == ("Nobody 2020", "10.1000/1")
    assert (model.license, model.version, model.timestamp, model.git_repo) == ("CC0-1.0", "1.2", "2024-01-01", "https://x.y")
    assert model.documentation == FileRef("README.md")
    assert model.covers == (FileRef("cover.png"), FileRef("b.png", "2" * 64))
    assert (model.tags, model.training_data) == (("nuclei", "2"), {"id": "data"})
    assert (model.config["own"], model.other) == ({"a": [1]}, {"links": ["x/y"]})
    assert model.tolerances == (
        Tolerance(0.01, 1e-3, 100.0, ("prob",), ("onnx",)),
        Tolerance(0.0, 0.0, 1000.0, "any_discrete_output"),
    )
    raw, mask = model.inputs
    assert (raw.value_range, raw.value_unit, raw.dtype, raw.description) == (
        (0.0, None),
        "arbitrary unit",
        "float32",
        "the image",
    )
    assert (raw.test_tensor, raw.sample_tensor) == (FileRef("test_input.npy", "0" * 64), FileRef("sample.tif"))
    assert (mask.values, mask.dtype, mask.optional, raw.optional) == ((0, 1), "uint8", True, False)
    assert model.weights[0].file == FileRef("weights.onnx", "1" * 64)
    assert (model.weights[0].available, model.weights[0].opset_version) == (False, 17)


@pytest.mark.parametrize(
    "path",
    ["type", "description", "authors", "cite", "license", "documentation", "inputs.0.id", "inputs.0.description",
     "inputs.0.data", "inputs.0.preprocessing", "inputs.0.test_tensor", "inputs.0.axes.2.unit", "inputs.0.axes.2.scale",
     "outputs.0.postprocessing", "outputs.0.axes.2.halo", "inputs.1.optional", "weights.onnx.sha256",
     "weights.onnx.opset_version", "inputs.0.preprocessing.0.kwargs", "authors.0.name", "cite.0.doi", "cite.0.text"],
)  # fmt: skip
@pytest.mark.parametrize("value", [REMOVED, None])
def test_an_optional_field_that_is_missing_does_not_stop_it(tmp_path: Path, path: str, value: Any) -> None:
    described = changed(v05(), path, value)
    if path == "inputs.0.id":
        described = changed(described, "inputs.0.id", "raw")  # its name is referred to
        described["outputs"][0].pop("id")
    assert isinstance(read(tmp_path, described), ModelDescription)


def test_the_data_of_channels_one_by_one_are_those_of_the_first(tmp_path: Path) -> None:
    described = changed(v05(), "inputs.0.data", [{"type": "uint8", "range": [0, 255]}, {"type": "uint8"}])
    assert read(tmp_path, described).inputs[0].dtype == "uint8"
    assert read(tmp_path, described).inputs[0].value_range == (0.0, 255.0)


@pytest.mark.parametrize(("value", "expected"), [("MIT", "MIT"), ({"source": "LICENSE.txt"}, "LICENSE.txt"), (None, None)])
def test_a_licence_is_an_identifier_or_a_file(tmp_path: Path, value: Any, expected: str | None) -> None:
    assert read(tmp_path, v05(license=value)).license == expected


def test_a_newer_patch_is_read_and_noted(tmp_path: Path) -> None:
    assert read(tmp_path, v05()).findings == ()
    assert "newer than 0.5.14" in said(read(tmp_path, v05(format_version="0.5.99")))[0]


@pytest.mark.parametrize("version", ["0.2.9", "0.6.0", "1.0", "0.1"])
def test_another_version_is_refused_with_those_that_are_read(tmp_path: Path, version: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(tmp_path, v05(format_version=version))
    check_refusal(caught.value, f"bioimage.io {version}", "ijbridge reads 0.3, 0.4 and 0.5")
