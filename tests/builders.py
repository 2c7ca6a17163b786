"""Real little models for tests: ONNX networks with fixed random weights, and bioimage.io descriptions around them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import yaml
from onnx import TensorProto, helper, numpy_helper

_TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "float16": TensorProto.FLOAT16,
}


class Network:
    """Builds an ONNX graph node by node; every method takes and gives names of tensors, (batch, channel, *space)."""

    def __init__(self, seed: int = 0, ndim: int = 2) -> None:
        self.ndim = ndim
        self._rng = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._channels: dict[str, int] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, channels: int = 1, shape: Sequence[int | None] | None = None, dtype: str = "float32") -> str:
        """Add an input; free spatial sizes unless a whole shape is given."""
        sizes = list(shape) if shape is not None else [None, channels, *[None] * self.ndim]
        dims = [size if size is not None else f"{name}_{axis}" for axis, size in enumerate(sizes)]
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], dims))
        self._channels[name] = channels
        return name

    def output(self, value: str, name: str, rank: int | None = None, dtype: str = "float32") -> str:
        """Make a tensor an output of that name."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        dims = [f"{name}_{axis}" for axis in range(rank if rank is not None else self.ndim + 2)]
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], dims))
        return name

    def conv(self, x: str, channels: int, kernel: int = 3, stride: int = 1, pad: bool = True, relu: bool = True) -> str:
        """Add a convolution, by default of the same size, and a ReLU."""
        weights = self._rng.normal(
            0, (kernel**self.ndim * self._channels[x]) ** -0.5, (channels, self._channels[x], *[kernel] * self.ndim)
        )
        bias = self._rng.normal(0, 0.1, channels)
        border = (kernel - 1) // 2 if pad else 0
        y = self.node(
            "Conv", [x, self.constant(weights), self.constant(bias)], channels,
            kernel_shape=[kernel] * self.ndim, strides=[stride] * self.ndim, pads=[border] * (2 * self.ndim),
        )  # fmt: skip
        return self.node("Relu", [y], channels) if relu else y

    def pool(self, x: str, factor: int = 2) -> str:
        """Add a max pooling."""
        return self.node("MaxPool", [x], self._channels[x], kernel_shape=[factor] * self.ndim, strides=[factor] * self.ndim)

    def upsample(self, x: str, factor: int = 2) -> str:
        """Add a nearest-neighbour upsampling."""
        scales = self.constant(np.array([1, 1, *[factor] * self.ndim]), np.float32)
        return self.node("Resize", [x, "", scales], self._channels[x], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip

    def concat(self, *xs: str) -> str:
        """Join along the channels."""
        return self.node("Concat", list(xs), sum(self._channels[x] for x in xs), axis=1)

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Add a constant."""
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], channels: int, **attributes: Any) -> str:
        """Add any node with one output."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        self._channels[name] = channels
        return name

    def another_output(self, channels: int = 1) -> str:
        """Ask the last node for its next output too."""
        name = f"t{len(self._nodes) - 1}_{len(self._nodes[-1].output)}"
        self._nodes[-1].output.append(name)
        self._channels[name] = channels
        return name

    def channel_count(self, name: str) -> int:
        """Give the number of channels of a tensor."""
        return self._channels[name]

    def output_channels(self, name: str) -> int:
        """Give the number of channels of an output."""
        return self._channels[next(node.input[0] for node in self._nodes if node.output[0] == name)]

    def model(self, opset: int = 17) -> Any:
        """Give the checked model."""
        graph = helper.make_graph(self._nodes, "network", self._inputs, self._outputs, self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def save(self, path: Path, opset: int = 17) -> Path:
        """Check the graph and write it."""
        onnx.save(self.model(opset), str(path))
        return path


def unet(depth: int = 2, seed: int = 0, ndim: int = 2, channels: int = 1, outputs: int = 1) -> Network:
    """A small U-Net from "raw" to "out"; its total stride is 2 ** depth."""
    net = Network(seed, ndim)
    x, skips = net.input("raw", channels), []
    for level in range(depth):
        x = net.conv(x, 4 * 2**level)
        skips.append(x)
        x = net.pool(x)
    x = net.conv(x, 4 * 2**depth)
    for level in reversed(range(depth)):
        x = net.conv(net.concat(net.upsample(x), skips[level]), 4 * 2**level)
    net.output(net.conv(x, outputs, kernel=1, relu=False), "out")
    return net


def one_conv(seed: int = 0, ndim: int = 2, channels: int = 1, outputs: int = 1) -> Network:
    """One 3 x 3 convolution from "raw" to "out": any size, halo 1."""
    net = Network(seed, ndim)
    net.output(net.conv(net.input("raw", channels), outputs, relu=False), "out")
    return net


def space(axis: str, size: Any, **more: Any) -> dict[str, Any]:
    """A space axis of a 0.5 description."""
    return {"type": "space", "id": axis, "size": size, **more}


def channel(*names: str) -> dict[str, Any]:
    """A channel axis of a 0.5 description."""
    return {"type": "channel", "channel_names": list(names) or ["c0"]}


def follows(axis: str, halo: int = 0, tensor: str = "raw", **more: Any) -> dict[str, Any]:
    """A space axis of an output as long as that of an input."""
    return space(axis, {"tensor_id": tensor, "axis_id": axis}, **({"halo": halo} if halo else {}), **more)


def write_model(
    folder: Path,
    network: Network,
    *,
    axes: str = "yx",
    size: Any = None,
    halo: int = 0,
    channels: Sequence[str] = ("c0",),
    out_channels: Sequence[str] = ("p0",),
    pre: Sequence[Mapping[str, Any]] = (),
    post: Sequence[Mapping[str, Any]] = (),
    pixel_size: Mapping[str, float] | None = None,
    inputs: Sequence[Mapping[str, Any]] | None = None,
    outputs: Sequence[Mapping[str, Any]] | None = None,
    test_input: Any = None,
    test_output: Any = None,
    **root: Any,
) -> Path:
    """Write a bioimage.io 0.5 model folder and give its path.

    By default one input "raw" (batch, channel, *axes*) and one output "out" that follows it with that halo; ``size`` is the
    size of every spatial input axis ({"min": 16, "step": 1} unless given). Test tensors are written where they are given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = network.save(folder / "weights.onnx")
    size = {"min": 16, "step": 1} if size is None else size
    scale: dict[str, dict[str, Any]] = {
        axis: {"unit": "micrometer", "scale": value} for axis, value in (pixel_size or {}).items()
    }
    if inputs is None:
        inputs = [{
            "id": "raw",
            "axes": [{"type": "batch"}, channel(*channels), *(space(axis, size, **scale.get(axis, {})) for axis in axes)],
            "data": {"type": "float32"},
            "preprocessing": list(pre),
        }]  # fmt: skip
    if outputs is None:
        outputs = [{
            "id": "out",
            "axes": [{"type": "batch"}, channel(*out_channels), *(follows(axis, halo, **scale.get(axis, {})) for axis in axes)],
            "data": {"type": "float32"},
            "postprocessing": list(post),
        }]  # fmt: skip
    for tensors, array, name in ((inputs, test_input, "test_input.npy"), (outputs, test_output, "test_output.npy")):
        if array is not None:
            np.save(folder / name, array)
            tensors[0]["test_tensor"] = {"source": name, "sha256": sha256(folder / name)}  # type: ignore[index]
    description = {
        "format_version": "0.5.4",
        "type": "model",
        "name": "Little Network",
        "description": "A network for tests.",
        "authors": [{"name": "A. Tester"}],
        "cite": [{"text": "nobody", "doi": "10.1000/1"}],
        "license": "CC0-1.0",
        "documentation": "README.md",
        "inputs": list(inputs),
        "outputs": list(outputs),
        "weights": {"onnx": {"source": weights.name, "sha256": sha256(weights), "opset_version": 17}},
        **root,
    }
    (folder / "bioimageio.yaml").write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    (folder / "README.md").write_text("# A network for tests\n", encoding="utf-8")
    return folder


def sha256(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def identity(ndim: int = 2, channels: int = 1, dtype: str = "float32") -> Network:
    """A network from "raw" to "out" that gives what it gets: what processing does shows in its output."""
    net = Network(0, ndim)
    net.output(net.input("raw", channels, dtype=dtype), "out", dtype=dtype)
    return net


def unet_halo(depth: int) -> int:
    """The smallest halo with which `unet` is exact in tiles that start and end at multiples of its stride."""

    def first(pixel: int, level: int) -> int:
        return pixel - 1 if level == 0 else min(pixel - 2, 2 * first((pixel - 1) // 2, level - 1) - 1)

    def last(pixel: int, level: int) -> int:
        return pixel + 1 if level == 0 else max(pixel + 2, 2 * last((pixel + 1) // 2, level - 1) + 2)

    far = 8 * 2**depth
    left = max(pixel + 1 for pixel in range(far) if first(pixel, depth) < 0)
    right = max(-pixel for pixel in range(-far, 0) if last(pixel, depth) >= 0)
    return max(left, right)


def described(name: str, *axes: Mapping[str, Any], dtype: str = "float32", **more: Any) -> dict[str, Any]:
    """A tensor of a 0.5 description with a batch axis and these."""
    return {"id": name, "axes": [{"type": "batch"}, *axes], "data": {"type": dtype}, **more}


def subtraction(folder: Path, inputs: Sequence[str], outputs: Sequence[str] = ("z", "y")) -> Path:
    """A network that gives z = a - b and y = b - a; described with these inputs and outputs in this order."""
    free = {"min": 1, "step": 1}
    net = Network()
    b, a = net.input("b"), net.input("a")
    net.output(net.node("Sub", [a, b], 1), "z")
    net.output(net.node("Sub", [b, a], 1), "y")
    return write_model(
        folder,
        net,
        inputs=[described(name, channel("c"), space("y", free), space("x", free)) for name in inputs],
        outputs=[
            described(name, channel("c"), follows("y", tensor=inputs[0]), follows("x", tensor=inputs[0])) for name in outputs
        ],
    )


def several(folder: Path) -> Path:
    """Write a model of two inputs and two outputs, which the specification wants test tensors of."""
    folder.mkdir(parents=True, exist_ok=True)
    net = Network(3)
    raw, mask = net.input("raw", 2), net.input("mask", 1)
    net.output(net.conv(net.concat(raw, mask), 3), "out")
    net.output(net.pool(net.conv(mask, 1, relu=False)), "half")
    size = {"min": 16, "step": 2}
    rng = np.random.default_rng(1)
    arrays = {"raw": rng.normal(size=(1, 2, 16, 18)), "mask": rng.normal(size=(1, 1, 16, 18))}
    feeds = {name: array.astype(np.float32) for name, array in arrays.items()}
    weights = net.save(folder / "trial.onnx")
    results = ort.InferenceSession(str(weights)).run(["out", "half"], feeds)
    weights.unlink()
    for name, array in (*feeds.items(), ("out", results[0]), ("half", results[1])):
        np.save(folder / f"{name}.npy", array)
    batch: dict[str, Any] = {"type": "batch"}
    inputs: list[dict[str, Any]] = [
        {
            "id": "raw",
            "axes": [batch, channel("a", "b"), space("y", size), space("x", size)],
            "test_tensor": {"source": "raw.npy"},
        },
        {"id": "mask", "axes": [batch, channel("m"), follows("y"), follows("x")], "test_tensor": {"source": "mask.npy"}},
    ]
    half = [follows("y", scale=2.0), follows("x", scale=2.0)]
    outputs: list[dict[str, Any]] = [
        {
            "id": "out",
            "axes": [batch, channel("p", "q", "r"), follows("y", 1), follows("x", 1)],
            "test_tensor": {"source": "out.npy"},
        },
        {"id": "half", "axes": [batch, channel("h"), *half], "test_tensor": {"source": "half.npy"}},
    ]
    return write_model(folder, net, inputs=inputs, outputs=outputs)
