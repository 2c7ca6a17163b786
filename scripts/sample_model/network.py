"""The U-Net: one table of layers that runs in jax, is exported to ONNX and tells how far a pixel reaches.

Nothing in it looks at the whole image (no batch or instance normalisation, no global pooling), so that an image may be
predicted in tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from jax import lax
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT, OUTPUT = "image", "cells"
OPSET = 17
STRIDE = 8

Parameters = dict[str, jax.Array]


class Layer(NamedTuple):
    """One row of the table.

    ``kind`` is ``conv`` (then ReLU), ``head`` (convolution without ReLU), ``pool`` (keeps its input for ``join``),
    ``up`` (2 x 2 transposed convolution) or ``join`` (concatenates what the matching ``pool`` kept).
    """

    kind: str
    name: str
    inputs: int = 0
    outputs: int = 0
    kernel: int = 3


def _table(widths: tuple[int, ...] = (8, 16, 32), bottom: int = 48) -> tuple[Layer, ...]:
    def block(way: str, level: int, inputs: int) -> list[Layer]:
        first = Layer("conv", f"{way}{level}a", inputs, widths[level])
        # Optics resolve several pixels: a second convolution at full resolution costs most and finds nothing.
        return [first, Layer("conv", f"{way}{level}b", widths[level], widths[level])] if level else [first]

    layers: list[Layer] = []
    channels = 1
    for level, width in enumerate(widths):
        layers += [*block("down", level, channels), Layer("pool", f"pool{level}")]
        channels = width
    for step in "abc":
        layers += [Layer("conv", f"bottom{step}", channels, bottom)]
        channels = bottom
    for level, width in reversed(list(enumerate(widths))):
        layers += [Layer("up", f"grow{level}", channels, width, 2), Layer("join", f"join{level}")]
        layers += block("up", level, 2 * width)
        channels = width
    return (*layers, Layer("head", "head", channels, 1, 1))


LAYERS = _table()


def new_parameters(key: jax.Array) -> Parameters:
    """Draw He-initialised weights; the head starts at a low cell probability, as cells are the minority."""
    parameters: Parameters = {}
    for layer in LAYERS:
        if layer.kind in ("pool", "join"):
            continue
        key, used = jax.random.split(key)
        inputs_first = layer.kind == "up"
        shape = (layer.inputs, layer.outputs) if inputs_first else (layer.outputs, layer.inputs)
        fan_in = layer.inputs * (1 if inputs_first else layer.kernel**2)
        weight = jax.random.normal(used, (*shape, layer.kernel, layer.kernel)) * np.sqrt(2 / fan_in)
        parameters[f"{layer.name}.weight"] = weight
        parameters[f"{layer.name}.bias"] = jnp.full(layer.outputs, -1.5 if layer.kind == "head" else 0.0)
    return parameters


def apply(parameters: Mapping[str, jax.typing.ArrayLike], images: jax.typing.ArrayLike) -> jax.Array:
    """Return logits ``(N, 1, Y, X)`` of normalised images of that shape, ``Y`` and ``X`` multiples of the stride."""
    value, kept = jnp.asarray(images), []
    for layer in LAYERS:
        if layer.kind == "pool":
            kept.append(value)
            value = lax.reduce_window(value, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
            continue
        if layer.kind == "join":
            value = jnp.concatenate([kept.pop(), value], axis=1)
            continue
        weight, bias = (jnp.asarray(parameters[f"{layer.name}.{part}"]) for part in ("weight", "bias"))
        bias = bias[:, None, None]
        if layer.kind == "up":
            count, _, height, width = value.shape
            grown = jnp.einsum("nchw,coij->nohiwj", value, weight)
            value = grown.reshape(count, layer.outputs, 2 * height, 2 * width) + bias
        else:
            order = ("NCHW", "OIHW", "NCHW")
            value = lax.conv_general_dilated(value, weight, (1, 1), "SAME", dimension_numbers=order) + bias
            if layer.kind == "conv":
                value = jax.nn.relu(value)
    return value


def reach() -> int:
    """Return how far an output pixel sees along one axis, over all its positions in the pooling grid."""
    farthest = 0
    for position in range(STRIDE):
        low = high = position
        skipped: list[tuple[int, int]] = []
        for layer in reversed(LAYERS):
            if layer.kind in ("conv", "head"):
                low, high = low - layer.kernel // 2, high + layer.kernel // 2
            elif layer.kind == "join":
                skipped.append((low, high))
            elif layer.kind == "up":
                low, high = low // 2, high // 2
            else:
                left, right = skipped.pop()
                low, high = min(2 * low, left), max(2 * high + 1, right)
        farthest = max(farthest, position - low, high - position)
    return farthest


def to_onnx(parameters: Mapping[str, np.ndarray], name: str) -> onnx.ModelProto:
    """Write the same table as an ONNX graph with free batch, y and x."""
    nodes: list[onnx.NodeProto] = []
    value, kept = INPUT, []
    for layer in LAYERS:
        arguments = [value, f"{layer.name}.weight", f"{layer.name}.bias"]
        if layer.kind == "pool":
            kept.append(value)
            nodes.append(helper.make_node("MaxPool", [value], [layer.name], kernel_shape=[2, 2], strides=[2, 2]))
        elif layer.kind == "join":
            nodes.append(helper.make_node("Concat", [kept.pop(), value], [layer.name], axis=1))
        elif layer.kind == "up":
            node = helper.make_node("ConvTranspose", arguments, [layer.name], kernel_shape=[2, 2], strides=[2, 2])
            nodes.append(node)
        else:
            kernel, edge = [layer.kernel] * 2, [layer.kernel // 2] * 4
            made = f"{layer.name}.sum" if layer.kind == "conv" else OUTPUT
            nodes.append(helper.make_node("Conv", arguments, [made], kernel_shape=kernel, pads=edge))
            if layer.kind == "conv":
                nodes.append(helper.make_node("Relu", [made], [layer.name]))
        value = nodes[-1].output[0]
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["batch", 1, "y", "x"]) for end in (INPUT, OUTPUT)]
    weights = [numpy_helper.from_array(np.asarray(array, np.float32), key) for key, array in parameters.items()]
    graph = helper.make_graph(nodes, name, ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="ijbridge")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
