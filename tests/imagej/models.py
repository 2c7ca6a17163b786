"""Small models whose result on any picture is known exactly, written as bioimage.io 0.5 packages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

#: What `tilted` adds up, by (dy, dx): no two neighbours weigh the same, so that a flip or a transposition shows.
WEIGHTS = {(0, 0): 8.0, (-1, 0): 4.0, (0, -1): 2.0, (1, 0): 1.0, (0, 1): 0.5}

PIXEL_SIZE = {"y": 0.2, "x": 0.107}


def tilted(folder: Path) -> Path:
    """Write a model of one channel: each pixel becomes a sum of itself and its neighbours, each weighed differently."""
    kernel = np.zeros((1, 1, 3, 3), np.float32)
    for (dy, dx), weight in WEIGHTS.items():
        kernel[0, 0, dy + 1, dx + 1] = weight
    node = helper.make_node("Conv", ["image", "kernel"], ["sum"], pads=[1, 1, 1, 1])
    return _write(folder, "tilted", 1, {"sum": ["sum"]}, [node], {"kernel": kernel})


def twins(folder: Path) -> Path:
    """Write a model of two channels and two outputs: their difference, and the two in the other order."""
    halves = [
        helper.make_node("Split", ["image"], ["a", "b"], axis=1),
        helper.make_node("Sub", ["a", "b"], ["difference"]),
        helper.make_node("Concat", ["b", "a"], ["swapped"], axis=1),
    ]
    return _write(folder, "twins", 2, {"difference": ["difference"], "swapped": ["second", "first"]}, halves, {})


def mixed(folder: Path) -> Path:
    """Write a model of three channels and one output: the first, twice the second and four times the third."""
    kernel = np.array([1, 2, 4], np.float32).reshape(1, 3, 1, 1)
    node = helper.make_node("Conv", ["image", "kernel"], ["mix"])
    return _write(folder, "mixed", 3, {"mix": ["mix"]}, [node], {"kernel": kernel})


def slow(folder: Path, layers: int = 12, width: int = 128) -> Path:
    """Write a model of one channel that works long on whole numbers, so that tiles of any size give the same bytes."""
    rng = np.random.default_rng(0)
    kernels = {"first": rng.integers(-1, 2, (width, 1, 3, 3)).astype(np.float32)}
    for layer in range(layers):
        kernels[f"layer{layer}"] = np.eye(width, dtype=np.float32)[rng.permutation(width)][:, :, None, None]
    kernels["sum"] = rng.integers(-1, 2, (1, width, 1, 1)).astype(np.float32)
    befores = ["image", *list(kernels)[:-1]]
    nodes = [
        helper.make_node("Conv", [before, f"kernel of {kernel}"], [kernel], pads=[1] * 4 if kernel == "first" else [0] * 4)
        for before, kernel in zip(befores, kernels, strict=True)
    ]
    constants = {f"kernel of {kernel}": values for kernel, values in kernels.items()}
    return _write(folder, "slow", 1, {"sum": ["sum"]}, nodes, constants)


def tilt(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Do to the last two axes of a picture what `tilted` does, in plain numpy."""
    padded = np.pad(picture.astype(np.float32), [(0, 0)] * (picture.ndim - 2) + [(1, 1)] * 2)
    height, width = picture.shape[-2:]
    out = np.zeros(picture.shape, np.float32)
    for (dy, dx), weight in WEIGHTS.items():
        out += np.float32(weight) * padded[..., 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
    return out


def _write(
    folder: Path,
    name: str,
    channels: int,
    outputs: dict[str, list[str]],
    nodes: list[Any],
    constants: dict[str, NDArray[np.float32]],
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["b", channels, "y", "x"])],
        [helper.make_tensor_value_info(one, TensorProto.FLOAT, ["b", len(names), "y", "x"]) for one, names in outputs.items()],
        [numpy_helper.from_array(array, constant) for constant, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=8)
    onnx.save(model, str(folder / "weights.onnx"))
    description = {
        "type": "model",
        "format_version": "0.5.4",
        "name": name,
        "description": f"A test model: {name}.",
        "license": "CC0-1.0",
        "authors": [{"name": "The ijbridge authors"}],
        "cite": [{"text": "none", "url": "https://example.org"}],
        "documentation": "README.md",
        "inputs": [_tensor("image", [f"c{i}" for i in range(channels)], is_input=True)],
        "outputs": [_tensor(one, names, is_input=False) for one, names in outputs.items()],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": 12}},
    }
    path = folder / "rdf.yaml"
    path.write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    return folder


def _tensor(name: str, channel_names: list[str], *, is_input: bool) -> dict[str, Any]:
    def space(axis: str) -> dict[str, Any]:
        described: dict[str, Any] = {"type": "space", "id": axis, "unit": "micrometer", "scale": PIXEL_SIZE[axis]}
        if is_input:
            return {**described, "size": {"min": 16, "step": 8}}
        return {**described, "size": {"tensor_id": "image", "axis_id": axis}, "halo": 1}

    return {
        "id": name,
        "axes": [{"type": "batch"}, {"type": "channel", "channel_names": channel_names}, space("y"), space("x")],
        "data": {"type": "float32"},
    }


def without_sizes(log: Sequence[str]) -> list[str]:
    """Give the lines of a log but those on pixel sizes, which are said before a run."""
    return [line for line in log if not re.search("has (no pixel size|pixels of) ", line)]
