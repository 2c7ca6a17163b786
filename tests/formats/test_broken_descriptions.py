"""Descriptions that contradict themselves or their format: each is refused in one sentence that names the field."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings

from descriptions import REMOVED, changed, changes, check_changed, check_refusal, read, v04, v05
from ijbridge.errors import DescriptionError, IJBridgeError

#: The node that is changed, its new value, and words of the sentence.
Row = tuple[str, Any, list[str]]


def pre(*operations: Any) -> Any:
    return [{"id": name, "kwargs": kwargs} for name, kwargs in operations]


BROKEN_V05: list[Row] = [
    # the root
    ("format_version", "five", ["`format_version` is 'five'", "a version such as 0.5.4"]),
    ("format_version", [0, 5], ["`format_version`", "a text"]),
    ("name", REMOVED, ["`name` is missing", "a text"]),
    ("name", ["a"], ["`name` is ['a']", "a text"]),
    ("authors", "A. Tester", ["`authors` is 'A. Tester'", "a list"]),
    ("authors", ["A. Tester"], ["`authors[0]` must be a mapping", "'A. Tester'"]),
    ("cite.0", "Nobody 2020", ["`cite[0]` must be a mapping"]),
    ("tags", "nuclei", ["`tags` is 'nuclei'", "a list"]),
    ("covers", [{"sha256": "0"}], ["`covers.source` is missing"]),
    ("documentation", 5, ["`documentation` must be a mapping"]),
    ("training_data", "some", ["`training_data` must be a mapping"]),
    ("config", ["a"], ["`config` must be a mapping"]),
    ("config", {"bioimageio": {"reproducibility_tolerance": [{"relative_tolerance": -1}]}},
     ["`config.bioimageio.reproducibility_tolerance[0].relative_tolerance` is -1", "at least 0"]),
    ("config", {"bioimageio": {"reproducibility_tolerance": [{"output_ids": 5}]}}, ["output_ids` is 5", "a list"]),
    ("inputs", REMOVED, ["`inputs` is missing", "a list with at least one entry"]),
    ("inputs", [], ["`inputs` is []", "a list with at least one entry"]),
    ("inputs", {"raw": {}}, ["`inputs`", "a list"]),
    ("outputs", REMOVED, ["`outputs` is missing"]),
    ("weights", REMOVED, ["`weights` is missing", "onnx, torchscript"]),
    ("weights", {}, ["`weights` is {}", "onnx, torchscript"]),
    ("weights.onnx", "weights.onnx", ["`weights.onnx` must be a mapping"]),
    ("weights.onnx.source", REMOVED, ["`weights.onnx.source` is missing"]),
    ("weights.onnx.opset_version", "17", ["`weights.onnx.opset_version` is '17'", "a whole number"]),
    # tensors
    ("inputs.0", "raw", ["`inputs[0]` must be a mapping"]),
    ("inputs.1.id", "raw", ["two tensors are named 'raw'"]),
    ("outputs.0.id", "raw", ["two tensors are named 'raw'"]),
    ("inputs.0.data.type", "float", ["`inputs[0].data.type` is 'float'", "float32, float64"]),
    ("inputs.0.data.range", [0], ["`inputs[0].data.range` is [0]", "two numbers"]),
    ("inputs.0.data.range", [0, 1, 2], ["`inputs[0].data.range`", "two numbers"]),
    ("inputs.0.data.range", [True, 1], ["`inputs[0].data.range`", "two numbers"]),
    ("inputs.0.data", "float32", ["`inputs[0].data` must be a mapping"]),
    ("inputs.0.optional", "yes", ["`inputs[0].optional` is 'yes'", "true or false"]),
    ("inputs.0.test_tensor", {"sha256": "0"}, ["`inputs[0].test_tensor.source` is missing"]),
    ("inputs.0.axes", REMOVED, ["`inputs[0].axes` is missing"]),
    # axes and sizes
    ("inputs.0.axes", "bcyx", ["`inputs[0].axes` is 'bcyx'", "a list"]),
    ("inputs.0.axes.2", "y", ["`inputs[0].axes[2]` must be a mapping"]),
    ("inputs.0.axes.2.type", REMOVED, ["`inputs[0].axes[2].type` is missing", "batch, channel, index, time, space"]),
    ("inputs.0.axes.2.type", "depth", ["`inputs[0].axes[2].type` is 'depth'"]),
    ("inputs.1.axes.2.id", "x", ["'mask' has two axes named 'x'"]),
    ("inputs.1.axes.2.id", REMOVED, ["'mask' has two axes named 'x'"]),
    ("inputs.1.axes.0", {"type": "space", "id": "Y", "size": 1}, ["'mask' has two axes named 'y'"]),
    ("inputs.0.axes.1.channel_names", REMOVED, ["`inputs[0].axes[1].channel_names` is missing"]),
    ("inputs.0.axes.1.channel_names", [], ["`inputs[0].axes[1].channel_names` is []"]),
    ("inputs.0.axes.0.size", 0, ["`inputs[0].axes[0].size` is 0", "at least 1"]),
    ("inputs.0.axes.2.size", REMOVED, ["`inputs[0].axes[2].size` is missing"]),
    ("inputs.0.axes.2.size", 0, ["`inputs[0].axes[2].size` is 0", "at least 1"]),
    ("inputs.0.axes.2.size", 64.5, ["`inputs[0].axes[2].size` is 64.5"]),
    ("inputs.0.axes.2.size", "64", ["`inputs[0].axes[2].size` is '64'"]),
    ("inputs.0.axes.2.size", {"min": 64, "step": 0}, ["`inputs[0].axes[2].size.step` is 0", "at least 1"]),
    ("inputs.0.axes.2.size", {"step": 16}, ["`inputs[0].axes[2].size.min` is missing"]),
    ("inputs.0.axes.2.size", {"minimum": 16}, ["`inputs[0].axes[2].size`", "{min, step}"]),
    ("inputs.0.axes.2.scale", 0, ["`inputs[0].axes[2].scale` is 0", "above 0"]),
    ("inputs.0.axes.2.scale", -0.5, ["`inputs[0].axes[2].scale` is -0.5", "above 0"]),
    ("inputs.0.axes.2.scale", float("nan"), ["`inputs[0].axes[2].scale` is nan"]),
    ("inputs.0.axes.2.scale", "0.5", ["`inputs[0].axes[2].scale` is '0.5'"]),
    ("inputs.0.axes.2.halo", 8, ["`inputs[0].axes[2].halo` is given", "only an output axis whose size is a reference"]),
    ("outputs.0.axes.2.size", 64, ["`outputs[0].axes[2].halo` is given"]),
    ("outputs.0.axes.2.halo", -1, ["`outputs[0].axes[2].halo` is -1"]),
    ("outputs.0.axes.2.halo", 1.5, ["`outputs[0].axes[2].halo` is 1.5"]),
    ("outputs.0.axes.2.size.axis_id", "z", ["`outputs[0].axes[2].size` refers to the axis 'z' of 'raw'", "not there"]),
    ("outputs.0.axes.2.size.tensor_id", "image", ["refers to the axis 'y' of 'image'", "not there"]),
    ("outputs.0.axes.2.size.tensor_id", REMOVED, ["`outputs[0].axes[2].size.tensor_id` is missing"]),
    ("outputs.0.axes.2.size.offset", 0.5, ["`outputs[0].axes[2].size.offset` is 0.5", "a whole number"]),
    ("outputs.0.axes.2.size", {"tensor_id": "prob", "axis_id": "y"}, ["axis 'y' of 'prob' refers to itself in a circle"]),
    ("inputs.0.axes.2.size", {"tensor_id": "prob", "axis_id": "y"}, ["in a circle"]),
    # operations
    ("inputs.0.preprocessing", {"id": "sigmoid"}, ["`inputs[0].preprocessing`", "a list"]),
    ("inputs.0.preprocessing", ["sigmoid"], ["`inputs[0].preprocessing[0]` must be a mapping"]),
    ("inputs.0.preprocessing", [{"kwargs": {}}], ["`inputs[0].preprocessing[0].id` is missing"]),
    ("inputs.0.preprocessing.0.kwargs", ["x"], ["`inputs[0].preprocessing[0].kwargs` must be a mapping"]),
    ("inputs.0.preprocessing.0.kwargs.axes", ["z"], ["names the axis 'z'", "batch, channel, y, x"]),
    ("inputs.0.preprocessing.0.kwargs.axes", 5, ["`inputs[0].preprocessing[0].kwargs.axes` is 5"]),
    ("inputs.0.preprocessing.0.kwargs.eps", -1, ["kwargs.eps` is -1", "at least 0"]),
    ("inputs.0.preprocessing", pre(("binarize", {})), ["kwargs.threshold` is missing"]),
    ("inputs.0.preprocessing", pre(("binarize", {"threshold": "high"})), ["kwargs.threshold` is 'high'"]),
    ("inputs.0.preprocessing", pre(("binarize", {"threshold": [1, 2]})), ["2 values", "no axis"]),
    ("inputs.0.preprocessing", pre(("binarize", {"threshold": [1, 2, 3], "axis": "channel"})), ["3 values", "has 2 elements"]),
    ("inputs.0.preprocessing", pre(("clip", {})), ["none of min, max, min_percentile, max_percentile"]),
    ("inputs.0.preprocessing", pre(("clip", {"min": 0, "min_percentile": 1})), ["both min and min_percentile"]),
    ("inputs.0.preprocessing", pre(("clip", {"max": 1, "max_percentile": 1})), ["both max and max_percentile"]),
    ("inputs.0.preprocessing", pre(("ensure_dtype", {"dtype": "float"})), ["kwargs.dtype` is 'float'"]),
    ("inputs.0.preprocessing", pre(("ensure_dtype", {})), ["kwargs.dtype` is missing"]),
    ("inputs.0.preprocessing", pre(("fixed_zero_mean_unit_variance", {"mean": 0})), ["kwargs.std` is missing"]),
    ("inputs.0.preprocessing", pre(("fixed_zero_mean_unit_variance", {"mean": 0, "std": 0})), ["kwargs.std` is 0", "above 0"]),
    ("inputs.0.preprocessing", pre(("fixed_zero_mean_unit_variance", {"mean": [1, 2], "std": [1, 2, 3], "axis": "channel"})),
     ["2 values of mean and 3 of std"]),
    ("inputs.0.preprocessing", pre(("scale_linear", {"gain": [1, 2], "offset": [1, 2, 3], "axis": "x"})), ["2 values of gain"]),
    ("inputs.0.preprocessing", pre(("scale_linear", {"gain": [1, 2]})), ["2 values", "no axis"]),
    ("inputs.0.preprocessing", pre(("scale_range", {"min_percentile": 99, "max_percentile": 1})), ["percentiles 99", "rise"]),
    ("inputs.0.preprocessing", pre(("scale_range", {"max_percentile": 101})), ["percentiles 0", "0 to 100"]),
    ("inputs.0.preprocessing", pre(("scale_range", {"reference_tensor": "image"})), ["'image'", "none of the inputs (raw"]),
    ("outputs.0.postprocessing", pre(("scale_mean_variance", {})), ["kwargs.reference_tensor` is missing"]),
    ("outputs.0.postprocessing", pre(("scale_mean_variance", {"reference_tensor": "prob"})), ["'prob'", "none of the inputs"]),
    ("outputs.0.postprocessing", pre(("softmax", {"axis": "z"})), ["names the axis 'z'"]),
]  # fmt: skip


def named(*operations: Any) -> Any:
    return [{"name": name, "kwargs": kwargs} for name, kwargs in operations]


BROKEN_V04: list[Row] = [
    ("inputs.0.name", REMOVED, ["`inputs[0].name` is missing"]),
    ("inputs.0.axes", REMOVED, ["`inputs[0].axes` is missing"]),
    ("inputs.0.axes", "bcyq", ["`inputs[0].axes` is 'bcyq'", "distinct letters of 'bitczyx'"]),
    ("inputs.0.axes", "bcxx", ["`inputs[0].axes` is 'bcxx'", "distinct letters"]),
    ("inputs.0.axes", ["b", "c", "y", "x"], ["`inputs[0].axes`", "a text"]),
    ("inputs.0.axes", "", ["`inputs[0].axes` is ''"]),
    ("inputs.0.data_type", REMOVED, ["`inputs[0].data_type` is missing"]),
    ("inputs.0.data_type", "float", ["`inputs[0].data_type` is 'float'"]),
    ("inputs.0.data_range", [0, 1, 2], ["`inputs[0].data_range`", "two numbers"]),
    ("inputs.0.shape", REMOVED, ["`inputs[0].shape.min` is missing"]),
    ("inputs.0.shape", "1,1,64,64", ["`inputs[0].shape` must be a mapping"]),
    ("inputs.0.shape", [1, 64, 64], ["`inputs[0].shape` is [1, 64, 64]", "one entry per axis of 'bcyx'"]),
    ("inputs.0.shape", [1, 1, 64, 0], ["`inputs[0].shape`", "at least 1"]),
    ("inputs.0.shape", [1, 1, 64, -64], ["`inputs[0].shape`"]),
    ("inputs.0.shape.min", [1, 0, 64, 64], ["`inputs[0].shape.min`", "at least 1"]),
    ("inputs.0.shape", [1, 1, 64, 64.5], ["`inputs[0].shape`", "whole numbers"]),
    ("inputs.0.shape", [1, 1, 64, None], ["`inputs[0].shape`", "whole numbers"]),
    ("inputs.0.shape.step", [0, 16, 16], ["`inputs[0].shape.step`", "one entry per axis"]),
    ("inputs.0.shape.min", REMOVED, ["`inputs[0].shape.min` is missing"]),
    ("inputs.0.shape.step", [0, 0, -1, 16], ["`inputs[0].shape.step`"]),
    ("outputs.0.shape.reference_tensor", "image", ["`outputs[0].shape.reference_tensor` names 'image'", "raw, prob"]),
    ("outputs.0.shape.reference_tensor", REMOVED, ["`outputs[0].shape.reference_tensor` is missing"]),
    ("outputs.0.shape.reference_tensor", "prob", ["in a circle"]),
    ("outputs.0.shape.scale", [1, 1, 1], ["`outputs[0].shape.scale`", "one entry per axis"]),
    ("outputs.0.shape.scale", [1, 0, "x", 1], ["`outputs[0].shape.scale`", "numbers"]),
    ("outputs.0.shape.scale", [1, 0, float("nan"), 1], ["`outputs[0].shape.scale`", "numbers"]),
    ("outputs.0.shape.scale", [1, 0, -1, 1], ["`outputs[0].shape.scale`"]),
    ("outputs.0.shape.offset", [0, 0.25, 0, 0], ["`outputs[0].shape.offset`"]),
    ("outputs.0.shape.offset", [0, 0, 0, 0], ["`outputs[0].shape.offset`"]),
    ("outputs.0.shape.offset", [0, -1, 0, 0], ["`outputs[0].shape.offset`"]),
    ("outputs.0.halo", [8, 8], ["`outputs[0].halo` is [8, 8]", "one whole number per axis of 'bcyx'"]),
    ("outputs.0.halo", [0, 0, -1, 0], ["`outputs[0].halo`"]),
    ("outputs.0.halo", 8, ["`outputs[0].halo` is 8", "a list"]),
    ("outputs.0.name", "raw", ["two tensors are named 'raw'"]),
    ("inputs.0.preprocessing.0.name", REMOVED, ["`inputs[0].preprocessing[0].name` is missing"]),
    ("inputs.0.preprocessing.0.kwargs.mode", "always", ["kwargs.mode` is 'always'", "fixed, per_dataset, per_sample"]),
    ("inputs.0.preprocessing.0.kwargs.axes", "zyx", ["kwargs.axes` names 'z'", "'bcyx'"]),
    ("inputs.0.preprocessing.0.kwargs.mode", "fixed", ["kwargs.mean` is missing"]),
    ("inputs.0.preprocessing", named(("zero_mean_unit_variance", {"mode": "fixed", "mean": [1, 2, 3], "std": [1, 2]})),
     ["3 values of mean and 2 of std"]),
    ("inputs.0.preprocessing", named(("scale_linear", {"gain": [1, 2], "axes": "x"})), ["2 values", "one axis"]),
    ("inputs.0.preprocessing", named(("scale_range", {"mode": "fixed"})), ["kwargs.mode` is 'fixed'", "per_dataset"]),
    ("inputs.0.preprocessing", named(("scale_range", {"min_percentile": 50, "max_percentile": 5})), ["percentiles 50"]),
    ("inputs.0.preprocessing", named(("scale_range", {"reference_tensor": "image"})), ["'image'", "none of the inputs (raw)"]),
    ("inputs.0.preprocessing", named(("clip", {"min": 0})), ["kwargs.max` is missing"]),
    ("inputs.0.preprocessing", named(("binarize", {})), ["kwargs.threshold` is missing"]),
    ("outputs.0.postprocessing", named(("scale_mean_variance", {"mode": "per_sample"})), ["reference_tensor` is missing"]),
    ("test_inputs", "test_input.npy", ["`test_inputs` is 'test_input.npy'", "a list"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "words"), BROKEN_V05)
def test_a_broken_0_5_description_is_refused_naming_the_field(tmp_path: Path, path: str, value: Any, words: list[str]) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(tmp_path, changed(v05(), path, value))
    check_refusal(caught.value, "bioimageio.yaml: ", *words)


@pytest.mark.parametrize(("path", "value", "words"), BROKEN_V04)
def test_a_broken_0_4_description_is_refused_naming_the_field(tmp_path: Path, path: str, value: Any, words: list[str]) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(tmp_path, changed(v04(), path, value))
    check_refusal(caught.value, "bioimageio.yaml: ", *words)


@pytest.mark.parametrize(
    ("halo", "size", "words"),
    [
        (256, 512, ["the halo of 256 on both sides of the axis 'y' of 'prob' leaves nothing of its 512 elements"]),
        (300, 512, ["the halo of 300"]),
    ],
)
def test_a_halo_that_leaves_nothing_of_a_fixed_size_is_refused(tmp_path: Path, halo: int, size: int, words: list[str]) -> None:
    described = changed(v05(), "inputs.0.axes.2.size", 2 * size)  # the output has half the size
    with pytest.raises(DescriptionError) as caught:
        read(tmp_path, changed(described, "outputs.0.axes.2.halo", halo))
    check_refusal(caught.value, *words)
    assert read(tmp_path, changed(described, "outputs.0.axes.2.halo", size // 2 - 1))


@pytest.mark.parametrize("source", ["../weights.onnx", "/weights.onnx", "C:\\weights.onnx", ""])
@pytest.mark.parametrize("description", [v04, v05])
def test_weights_outside_the_package_are_refused(tmp_path: Path, description: Any, source: str) -> None:
    with pytest.raises(IJBridgeError) as caught:
        read(tmp_path, changed(description(), "weights.onnx.source", source))
    check_refusal(caught.value, repr(source), "outside its package")


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(changes(v05()))
def test_a_0_5_description_with_any_node_changed_is_read_or_refused_in_a_sentence(drawn: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        check_changed(Path(folder), v05(), drawn)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(changes(v04()))
def test_a_0_4_description_with_any_node_changed_is_read_or_refused_in_a_sentence(drawn: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        check_changed(Path(folder), v04(), drawn)
