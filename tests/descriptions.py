"""Whole bioimage.io descriptions as plain data, to change one thing at a time, and what a refusal must look like."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from ijbridge.describing import description_dict, description_text
from ijbridge.description import ModelDescription
from ijbridge.errors import IJBridgeError
from ijbridge.formats import read_model

#: Stands for a field that is taken away.
REMOVED: Any = type("Removed", (), {"__repr__": lambda self: "REMOVED"})()


def v05(**root: Any) -> dict[str, Any]:
    """A valid 0.5 description: two inputs, one as large as the other; an output of half their size."""
    return {
        "format_version": "0.5.4",
        "type": "model",
        "name": "Two Inputs",
        "description": "A description for tests.",
        "authors": [{"name": "A. Tester", "affiliation": "Nowhere", "orcid": "0000-0001-2345-6789", "github_user": "tester"}],
        "cite": [{"text": "Nobody 2020", "doi": "10.1000/1"}],
        "license": "CC0-1.0",
        "documentation": "README.md",
        "inputs": [
            {
                "id": "raw",
                "description": "the image",
                "axes": [
                    {"type": "batch"},
                    {"type": "channel", "channel_names": ["dapi", "gfp"]},
                    {"type": "space", "id": "y", "size": {"min": 64, "step": 16}, "unit": "micrometer", "scale": 0.5},
                    {"type": "space", "id": "x", "size": {"min": 64, "step": 16}, "unit": "micrometer", "scale": 0.5},
                ],
                "data": {"type": "float32", "range": [0, None], "unit": "arbitrary unit"},
                "preprocessing": [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"], "eps": 1e-5}}],
                "test_tensor": {"source": "test_input.npy", "sha256": "0" * 64},
                "sample_tensor": {"source": "sample.tif"},
            },
            {
                "id": "mask",
                "optional": True,
                "axes": [
                    {"type": "batch"},
                    {"type": "channel", "channel_names": ["mask"]},
                    {"type": "space", "id": "y", "size": {"tensor_id": "raw", "axis_id": "y"}, "scale": 0.5},
                    {"type": "space", "id": "x", "size": {"tensor_id": "raw", "axis_id": "x"}, "scale": 0.5},
                ],
                "data": {"type": "uint8", "values": [0, 1]},
            },
        ],
        "outputs": [
            {
                "id": "prob",
                "axes": [
                    {"type": "batch"},
                    {"type": "channel", "channel_names": ["background", "cell"]},
                    {"type": "space", "id": "y", "size": {"tensor_id": "raw", "axis_id": "y"}, "scale": 1.0, "halo": 8},
                    {"type": "space", "id": "x", "size": {"tensor_id": "raw", "axis_id": "x"}, "scale": 1.0, "halo": 8},
                ],
                "data": {"type": "float32", "range": [0.0, 1.0]},
                "postprocessing": [{"id": "sigmoid"}],
                "test_tensor": {"source": "test_output.npy"},
            }
        ],
        "weights": {"onnx": {"source": "weights.onnx", "sha256": "1" * 64, "opset_version": 17}},
        **root,
    }


def v04(**root: Any) -> dict[str, Any]:
    """A valid 0.4 description: an output of half the input's size with a new channel axis."""
    return {
        "format_version": "0.4.9",
        "type": "model",
        "name": "Half Size",
        "description": "A description for tests.",
        "authors": [{"name": "A. Tester"}],
        "cite": [{"text": "Nobody 2020", "doi": "10.1000/1"}],
        "license": "CC0-1.0",
        "documentation": "README.md",
        "inputs": [
            {
                "name": "raw",
                "axes": "bcyx",
                "data_type": "float32",
                "data_range": [0, 255],
                "shape": {"min": [1, 1, 64, 64], "step": [0, 0, 16, 16]},
                "preprocessing": [{"name": "zero_mean_unit_variance", "kwargs": {"mode": "per_sample", "axes": "yx"}}],
            }
        ],
        "outputs": [
            {
                "name": "prob",
                "axes": "bcyx",
                "data_type": "float32",
                "shape": {"reference_tensor": "raw", "scale": [1, 0, 0.5, 0.5], "offset": [0, 1, 0, 0]},
                "halo": [0, 0, 8, 8],
                "postprocessing": [{"name": "sigmoid"}],
            }
        ],
        "test_inputs": ["test_input.npy"],
        "test_outputs": ["test_output.npy"],
        "sample_inputs": ["sample.tif"],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": 12}},
        **root,
    }


def v03(version: str = "0.3.6", **root: Any) -> dict[str, Any]:
    """A valid 0.3 description as that version writes it: an output of half the input's size."""
    patch = int(version.split(".")[2])
    people = [{"name": "A. Tester", "affiliation": "Nowhere"}, {"name": "B. Tester"}]
    reference = "reference_tensor" if patch >= 3 else "reference_input"
    shape = {reference: "raw", "scale": [1.0, 1.0, 0.5, 0.5], "offset": [0.0, 0.0, 0.0, 0.0]}
    return {
        "format_version": version,
        **({"type": "model", "version": "0.1.3"} if patch >= 2 else {}),
        "name": "Half Size",
        "description": "A description for tests.",
        "authors": people if patch >= 2 else [one["name"] for one in people],
        "cite": [{"text": "Nobody 2020", "doi": "https://doi.org/10.1000/1"}],
        "license": "MIT",
        "documentation": "README.md",
        "covers": ["cover.png"],
        "tags": ["unet"],
        "timestamp": "2021-04-07T19:49:30.000301",
        "language": "python",
        "framework": "pytorch",
        "source": "unet.py:UNet",
        "sha256": "2" * 64,
        "kwargs": {"depth": 4},
        "dependencies": "conda:environment.yaml",
        "inputs": [
            {
                "name": "raw",
                "axes": "bcyx",
                "data_type": "float32",
                "data_range": [float("-inf"), float("inf")],
                "shape": {"min": [1, 1, 64, 64], "step": [0, 0, 16, 16]},
                "preprocessing": [{"name": "zero_mean_unit_variance", "kwargs": {"mode": "per_sample", "axes": "yx"}}],
            }
        ],
        "outputs": [
            {
                "name": "prob",
                "axes": "bcyx",
                "data_type": "float32",
                "shape": shape | ({"halo": [0, 0, 8, 8]} if patch == 0 else {}),
                **({"halo": [0, 0, 8, 8]} if patch else {}),
                "postprocessing": [{"name": "sigmoid", "kwargs": {}}],
            }
        ],
        "test_inputs": ["test_input.npy"],
        "test_outputs": ["test_output.npy"],
        "weights": {
            "pytorch_state_dict": {"source": "https://x.y/weights.pth", "authors": people if patch >= 2 else ["A. Tester"]},
            "onnx": {"source": "./weights.onnx", "sha256": "1" * 64, "opset_version": 12},
            "pytorch_script": {"source": "weights.pt"},
        },
        **({"config": {"future": {"0.3.2": {"version": "0.1.3", "authors": people}}}} if patch < 2 else {}),
        **root,
    }


def changed(description: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Give a copy with another value (or none: REMOVED) at a path such as ``inputs.0.axes.1.size``."""
    result = copy.deepcopy(description)
    node: Any = result
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    for part in way:
        node = node.setdefault(part, {}) if isinstance(node, dict) else node[part]
    if value is REMOVED:
        del node[last]
    elif isinstance(node, list) and last == len(node):
        node.append(value)
    else:
        node[last] = value
    return result


def write(folder: Path, description: Any, name: str = "bioimageio.yaml") -> Path:
    """Write a description alone and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(yaml.safe_dump(description, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def read(folder: Path, description: Any) -> ModelDescription:
    """Write a description and read it."""
    return read_model(write(folder, description))


def check_refusal(error: IJBridgeError, *words: str) -> None:
    """Hold a refusal against what every one of them must be: one sentence on one line that names what is meant."""
    sentence = str(error)
    assert sentence.isprintable()
    assert len(sentence) < 2100
    assert sentence.endswith(".")
    assert not sentence.endswith("..") or sentence.endswith("...")
    for word in words:
        assert word in sentence, f"{word!r} is not in: {sentence}"


#: Values that no field expects, and some that many do.
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 10**400, -(10**400), 0.5, -0.5, 1e-300, 1e300, float("nan"), float("inf"), float("-inf"),
    "", " ", "x", "y", "raw", "prob", "float32", "channel", "batch", "../x", "/x", "a\nb", "µ", "0.5.4", "9" * 50, "https://x.y/z",
    [], [1], [1, 2], [1, 2, 3, 4], ["x"], ["y", "x"], [None], [[]], [{}], {}, {"a": 1}, {"min": 1}, {"min": 0, "max": 3},
    {"min": 1, "step": 0}, {"min": 1, "step": 1}, {"tensor_id": "raw", "axis_id": "y"}, {"tensor_id": "prob", "axis_id": "x"},
    {"reference_tensor": "raw", "scale": [1, 1, 0, 0], "offset": [0, 0, 0, 0]}, {"source": "x"}, {"type": "batch"}, {1: 2},
]  # fmt: skip


def paths(node: Any, prefix: str = "") -> Iterator[str]:
    """Give the path of every node below ``node``."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if isinstance(node, dict) and not isinstance(key, str):
            continue
        yield f"{prefix}{key}"
        yield from paths(value, f"{prefix}{key}.")


@st.composite
def changes(draw: st.DrawFn, description: dict[str, Any]) -> list[tuple[str, Any]]:
    """Give one to three changes: a node taken away, or replaced by an odd value or by another node."""
    drawn = []
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*paths(description)]))
        other = draw(st.sampled_from([*paths(description)]))
        value = draw(st.sampled_from([REMOVED, *ODD, at(description, other)]))
        drawn.append((path, value))
        description = changed(description, path, value)
    return drawn


def check_changed(folder: Path, description: dict[str, Any], drawn: list[tuple[str, Any]]) -> None:
    """Read a changed description: it is refused in a sentence, or can be read and shown in every way."""
    for path, value in drawn:
        description = changed(description, path, value)
    try:
        model = read(folder, description)
    except IJBridgeError as error:
        check_refusal(error)
    else:
        assert model.inputs
        assert model.outputs
        assert description_text(model)
        assert json.loads(json.dumps(description_dict(model)))["format_version"] == model.format_version


def at(description: dict[str, Any], path: str) -> Any:
    """Give the node at a path."""
    node: Any = description
    for part in path.split("."):
        node = node[int(part) if isinstance(node, list) else part]
    return node


def said(model: ModelDescription) -> list[str]:
    """Give what is said of a model, in sentences."""
    return [one.sentence for one in model.all_findings]
