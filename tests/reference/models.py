"""The images that the cases name, and the packages of their models; needs neither ijbridge nor bioimageio."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper

Array: TypeAlias = "np.ndarray[Any, Any]"

#: What is stored of a result of 512 x 512: 11 has no factor in common with what networks pool by.
KEPT = (slice(5, None, 11), slice(5, None, 11))

_TYPES = {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "uint16": TensorProto.UINT16, "int16": TensorProto.INT16,
}  # fmt: skip

_ROOT = {
    "type": "model",
    "name": "Identity",
    "description": "Gives what it gets.",
    "authors": [{"name": "A. Tester"}],
    "cite": [{"text": "nobody", "doi": "10.1000/1"}],
    "license": "CC0-1.0",
    "documentation": "README.md",
    "timestamp": "2026-01-01T00:00:00+00:00",
}


def images() -> dict[str, Array]:
    """Make the little images, each (batch, channel, y, x)."""
    rng = np.random.default_rng(20)
    shape = (2, 2, 5, 6)
    scale, offset = np.array([3.0, 11.0]).reshape(2, 1, 1), np.array([5.0, -20.0]).reshape(2, 1, 1)
    halves = np.arange(60).reshape(1, 2, 5, 6) % 13 / 2 - 3
    beyond = np.array(
        [-1e5, -300.0, -129.0, -1.7, -0.5, 0.0, 0.5, 0.99, 1.7, 126.5, 127.5, 200.0, 254.6, 255.4, 256.0, 300.0, 7e4, 1e5]
    )
    holes = rng.normal(5, 3, (1, 2, 5, 6))
    holes[0, 0, 2, 3] = np.nan
    return {
        "float32": (rng.normal(0, 1, shape) * scale + offset).astype(np.float32),
        "another float32": (rng.normal(0, 2, shape) * scale - offset).astype(np.float32),
        "a third float32": (rng.normal(0, 5, shape) * scale + 40).astype(np.float32),
        "float64": rng.normal(0, 1, shape) * scale + offset,
        "uint8": rng.integers(0, 256, shape).astype(np.uint8),
        "uint16": rng.integers(100, 4096, shape).astype(np.uint16),
        "int16": rng.integers(-900, 900, shape).astype(np.int16),
        "zero to one": rng.uniform(0, 1, shape).astype(np.float32),
        "fractions": rng.uniform(0, 9, shape).astype(np.float32),
        "large": rng.normal(0, 60, shape).astype(np.float32),
        # numbers that thresholds of halves and tenths meet exactly, in three channels and as many columns
        "halves": halves.astype(np.float32),
        "tenths": (np.arange(60).reshape(1, 2, 5, 6) % 11 / 10).astype(np.float32),
        "three by three": rng.uniform(0, 1, (1, 3, 4, 3)).astype(np.float32),
        # fractions, and numbers that integer types do not hold
        "beyond": np.stack([beyond, beyond[::-1]]).reshape(1, 2, 3, 6).astype(np.float32),
        "constant": np.full((1, 2, 5, 6), 0.1, np.float32),
        "constant uint8": np.full((1, 2, 5, 6), 7, np.uint8),
        "on an offset": (rng.normal(0, 0.5, (1, 2, 5, 6)) + 30000).astype(np.float32),
        "with a NaN": holes.astype(np.float32),
    }


def cells(dtype: str) -> Array:
    """Make an image of 512 x 512 pixels with round bright spots on noise, by whole numbers only: the same on every machine."""
    y, x = np.indices((512, 512), dtype=np.int64)
    picture = 20 + ((x * 1103515245 + y * 12345 + x * y * 40503) >> 7) % 23
    state = 7
    for _ in range(60):
        numbers = []
        for span in (512, 512, 24):
            state = (state * 1664525 + 1013904223) % 2**32
            numbers.append((state >> 8) % span)
        squared, radius = (y - numbers[0]) ** 2 + (x - numbers[1]) ** 2, 9 + numbers[2]
        picture = np.where(squared < radius**2, np.maximum(picture, 200 - 120 * squared // radius**2 + picture // 2), picture)
    match dtype:
        case "uint8":
            return picture.astype(np.uint8)
        case "uint16":
            return (picture * 150 + 300).astype(np.uint16)
        case _:
            return (picture.astype(np.float32) - 60) / 16


def write_package(folder: Path, record: Mapping[str, Any], pictures: Mapping[str, Array]) -> Path:
    """Write the model of a case, with a network that gives each input back, and give the path of its description."""
    folder.mkdir(parents=True)
    inputs, outputs = record["inputs"], record["outputs"]
    name = "id" if record["format"] == "0.5" else "name"
    _write_network(folder / "weights.onnx", [one[name] for one in inputs], [one[name] for one in outputs], record["network"])
    (folder / "README.md").write_text("# Identity\n\nFor tests.\n", encoding="utf-8")
    files = []
    for number, tensor in enumerate([*inputs, *outputs]):
        given = [*record["images"].values()][number % len(inputs)][0]
        dtype = tensor["data"]["type"] if record["format"] == "0.5" else tensor["data_type"]
        files.append(f"test_{number}.npy")
        # bioimageio.spec wants test tensors, and no small numbers in them
        np.save(folder / files[-1], np.resize(np.arange(1, 8), pictures[given][:1].shape).astype(dtype))
    weights = {"source": "weights.onnx", "sha256": _sha256(folder / "weights.onnx"), "opset_version": 17}
    root: dict[str, Any] = {**_ROOT, "weights": {"onnx": weights}}
    if record["format"] == "0.5":
        tested = [{**one, "test_tensor": {"source": file}} for one, file in zip([*inputs, *outputs], files, strict=True)]
        root |= {"format_version": "0.5.4", "inputs": tested[: len(inputs)], "outputs": tested[len(inputs) :]}
    else:
        root |= {"format_version": "0.4.10", "inputs": inputs, "outputs": outputs}
        root |= {"test_inputs": files[: len(inputs)], "test_outputs": files[len(inputs) :]}
    # JSON is YAML too, and needs no library
    (folder / "rdf.yaml").write_text(json.dumps(root, indent=1), encoding="utf-8")
    return folder / "rdf.yaml"


def _write_network(file: Path, inputs: list[str], outputs: list[str], types: list[str]) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", [one], [other]) for one, other in zip(inputs, outputs, strict=True)],
        "identity",
        [helper.make_tensor_value_info(one, _TYPES[dtype], [None] * 4) for one, dtype in zip(inputs, types, strict=True)],
        [helper.make_tensor_value_info(one, _TYPES[dtype], [None] * 4) for one, dtype in zip(outputs, types, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
