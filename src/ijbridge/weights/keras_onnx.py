"""Layers of Keras turned into an ONNX network, with their weights as they are.

Inside, and from its inputs to its outputs where nothing else is asked for, the network has Keras' axes in the order of ONNX:
batch, channel, then space. Padding and upsampling are TensorFlow's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ijbridge.weights.keras_h5 import KerasFile
from ijbridge.weights.keras_layers import AUTOMATIC, Layer, LayerGraph

if TYPE_CHECKING:
    from ijbridge.typing import Array

#: The version of the operators; onnxruntime 1.12 and newer know it.
_OPSET, _IR = 17, 8

#: Keras' activations and the operators of ONNX that they are.
_ACTIVATIONS = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "Elu", "selu": "Selu", "softplus": "Softplus",
    "softsign": "Softsign", "softmax": "Softmax", "exponential": "Exp",
}  # fmt: skip

#: Layers of two and more inputs that take them element by element.
_TOGETHER = {"Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Maximum": "Max", "Minimum": "Min"}

#: Layers that do nothing once a network is trained.
_NOTHING = ("Dropout", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
            "ActivityRegularization")  # fmt: skip


def to_onnx(graph: LayerGraph, weights: KerasFile, *, channels_last: bool = False) -> bytes:
    """Make an ONNX network.

    Parameters
    ----------
    graph
        The layers. Its inputs have the names of its input layers, its outputs those that it gives.
    channels_last
        Whether inputs and outputs have their channels last, as in Keras; else after the batch.

    Raises
    ------
    CannotRunError
        If there is a layer that ONNX, or this module, has nothing for; it is named.
    DescriptionError
        If the weights are not those of these layers.
    """
    from onnx import TensorProto, helper

    build = _Builder(graph, weights, channels_last)
    for layer in graph.layers:
        build.layer(layer)
    outputs = []
    for name, layer_id in graph.outputs.items():
        build.name_output(name, build.tensors[layer_id])
        shape = build.shape(name, build.channels[layer_id])
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    unused = [one for one in weights.layers if one not in build.used]
    if unused:
        raise weights.contradiction(f"has weights for the layer {unused[0]!r}, which the network lacks")
    made = helper.make_graph(build.nodes, "network", build.inputs, outputs, build.initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    data: bytes = model.SerializeToString()
    return data


class _Builder:
    def __init__(self, graph: LayerGraph, weights: KerasFile, channels_last: bool) -> None:
        self.ndim = graph.ndim
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        #: Name of the tensor and number of channels of each layer's output, by the layer's id.
        self.tensors: dict[str, str] = {}
        self.channels: dict[str, int] = {}
        #: The layers of the file whose weights were taken.
        self.used: set[str] = set()
        self._weights, self._channels_last = weights, channels_last
        named = {one.name for one in graph.layers}
        #: The layers of the file that Keras named itself and that are not taken yet, per kind.
        self._numbered = {
            kind: [name for name in weights.numbered(prefix) if name not in named] for kind, prefix in AUTOMATIC.items()
        }

    def layer(self, layer: Layer) -> None:
        """Add a layer."""
        kind = layer.kind.removesuffix(f"{self.ndim}D")
        makers: Mapping[str, Callable[[Layer, str], str]] = {
            "Conv": self._conv, f"Conv{self.ndim}DTranspose": self._transposed, "MaxPooling": self._pooling,
            "AveragePooling": self._pooling, "UpSampling": self._upsampling, "ZeroPadding": self._zero_padding,
            "BatchNormalization": self._batch_normalization, "Activation": self._activation, "ReLU": self._relu,
            "LeakyReLU": self._leaky, "ELU": self._elu, "Softmax": self._softmax, "Shift": self._shift,
        }  # fmt: skip
        if kind == "InputLayer":
            self._input(layer)
            return
        if not layer.inputs:
            raise layer.refusal("which takes nothing")
        taken = [self.tensors[one] for one in layer.inputs]
        self.channels[layer.id] = self.channels[layer.inputs[0]]
        if kind == "Concatenate":
            self.channels[layer.id] = sum(self.channels[one] for one in layer.inputs)
            made = self.node("Concat", taken, axis=1)
        elif kind in _TOGETHER:
            made = self._together(layer, _TOGETHER[kind], taken)
        elif layer.kind in _NOTHING:
            made = taken[0]
        elif kind in makers and len(taken) == 1:
            made = makers[kind](layer, taken[0])
            made = self._activated(layer, made, layer.settings.get("activation", "linear"))
        else:
            raise layer.refusal("which ijbridge has nothing for")
        self.tensors[layer.id] = made

    def node(self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node and give the name of its output."""
        from onnx import helper

        output = output or f"node {len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def name_output(self, name: str, tensor: str) -> None:
        """Give an output of the network its name."""
        makers = [node for node in self.nodes if node.output[0] == tensor]
        if self._channels_last:
            self.node("Transpose", [tensor], name, perm=[0, *range(2, self.ndim + 2), 1])
        elif any(tensor in node.input for node in self.nodes) or not makers:
            self.node("Identity", [tensor], name)
        else:
            makers[0].output[0] = name
            self.tensors |= {layer: name for layer, one in self.tensors.items() if one == tensor}

    def constant(self, values: Array) -> str:
        """Add a constant and give its name."""
        from onnx import numpy_helper

        name = f"weights {len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def shape(self, name: str, channels: int, sizes: Sequence[int | None] = ()) -> list[int | str]:
        """Give the shape of an input or output, with names for sizes that are free."""
        space = [size or f"{name} {axis}" for axis, size in enumerate(sizes or [None] * self.ndim)]
        return [f"{name} batch", *space, channels] if self._channels_last else [f"{name} batch", channels, *space]

    def weights(self, layer: Layer, parts: Mapping[str, Sequence[int]]) -> list[Array]:
        """Read the weights of a layer, of these shapes."""
        name = layer.name
        if name is None:
            left = self._numbered[layer.kind]
            if not left:
                raise self._weights.contradiction(f"has fewer layers of the kind {layer.kind}")
            name = left.pop(0)
        self.used.add(name)
        return self._weights.arrays(name, list(parts), list(parts.values()))

    # --- kinds of layers, named as in Keras ---

    def _input(self, layer: Layer) -> None:
        from onnx import TensorProto, helper

        *sizes, channels = layer.settings["shape"]
        self.tensors[layer.id], self.channels[layer.id] = layer.id, channels
        shape = self.shape(layer.id, channels, sizes)
        self.inputs.append(helper.make_tensor_value_info(layer.id, TensorProto.FLOAT, shape))
        if self._channels_last:
            self.tensors[layer.id] = self.node("Transpose", [layer.id], perm=[0, self.ndim + 1, *range(1, self.ndim + 1)])

    def _conv(self, layer: Layer, x: str) -> str:
        import numpy as np

        filters, kernel = layer.whole("filters"), layer.sizes("kernel_size", self.ndim)
        groups, channels = layer.whole("groups", 1), self.channels[layer.id]
        if channels % groups or filters % groups:
            raise layer.refusal(f"whose {groups} groups do not divide its channels")
        strides, dilations = layer.sizes("strides", self.ndim, 1), layer.sizes("dilation_rate", self.ndim, 1)
        parts = {"kernel": (*kernel, channels // groups, filters)}
        if layer.flag("use_bias", True):
            parts["bias"] = (filters,)
        values = self.weights(layer, parts)
        values[0] = np.ascontiguousarray(values[0].transpose(self.ndim + 1, self.ndim, *range(self.ndim)))
        self.channels[layer.id] = filters
        return self.node("Conv", [x, *map(self.constant, values)], kernel_shape=kernel, strides=strides, dilations=dilations,
                         group=groups, **self._border(layer, kernel, strides, dilations))  # fmt: skip

    def _transposed(self, layer: Layer, x: str) -> str:
        import numpy as np

        filters, kernel = layer.whole("filters"), layer.sizes("kernel_size", self.ndim)
        strides = layer.sizes("strides", self.ndim, 1)
        if layer.settings.get("output_padding") is not None or prod(layer.sizes("dilation_rate", self.ndim, 1)) != 1:
            raise layer.refusal("whose output_padding or dilation_rate is set, which ijbridge has nothing for")
        parts = {"kernel": (*kernel, filters, self.channels[layer.id])}
        if layer.flag("use_bias", True):
            parts["bias"] = (filters,)
        values = self.weights(layer, parts)
        values[0] = np.ascontiguousarray(values[0].transpose(self.ndim + 1, self.ndim, *range(self.ndim)))
        self.channels[layer.id] = filters
        # an input of n gives n * stride, and where nothing is cut off what a larger kernel adds
        cut = [max(0, k - s) if self._is_same(layer) else 0 for k, s in zip(kernel, strides, strict=True)]
        pads = [*(one // 2 for one in cut), *(one - one // 2 for one in cut)]
        missing = [max(0, s - k) for k, s in zip(kernel, strides, strict=True)]
        return self.node("ConvTranspose", [x, *map(self.constant, values)], kernel_shape=kernel, strides=strides, pads=pads,
                         output_padding=missing)  # fmt: skip

    def _pooling(self, layer: Layer, x: str) -> str:
        pool = layer.sizes("pool_size", self.ndim, 2)
        strides = layer.sizes("strides", self.ndim, pool)
        kind = "MaxPool" if layer.kind.startswith("Max") else "AveragePool"
        border = self._border(layer, pool, strides, [1] * self.ndim)
        return self.node(kind, [x], kernel_shape=pool, strides=strides, **border)

    def _upsampling(self, layer: Layer, x: str) -> str:
        import numpy as np

        if layer.settings.get("interpolation", "nearest") != "nearest":
            raise layer.refusal(f"whose interpolation is {layer.settings['interpolation']}, which ijbridge has nothing for")
        scales = self.constant(np.array([1, 1, *layer.sizes("size", self.ndim, 2)], np.float32))
        return self.node("Resize", [x, "", scales], mode="nearest", coordinate_transformation_mode="asymmetric",
                         nearest_mode="floor")  # fmt: skip

    def _zero_padding(self, layer: Layer, x: str) -> str:
        import numpy as np

        pairs = layer.pairs("padding", self.ndim, 1)
        pads = [0, 0, *(before for before, _ in pairs), 0, 0, *(after for _, after in pairs)]
        return self.node("Pad", [x, self.constant(np.array(pads, np.int64))])

    def _batch_normalization(self, layer: Layer, x: str) -> str:
        import numpy as np

        channels, axis = self.channels[layer.id], layer.settings.get("axis", -1)
        if axis not in (-1, self.ndim + 1, [-1], [self.ndim + 1]):
            raise layer.refusal(f"along the axis {axis}, which is not that of the channels")
        parts = {
            "gamma": layer.flag("scale", True),
            "beta": layer.flag("center", True),
            "moving_mean": True,
            "moving_variance": True,
        }
        held = {name: (channels,) for name, there in parts.items() if there}
        values = dict(zip(held, self.weights(layer, held), strict=True))
        values.setdefault("gamma", np.ones(channels, np.float32))
        values.setdefault("beta", np.zeros(channels, np.float32))
        return self.node("BatchNormalization", [x, *(self.constant(values[name]) for name in parts)],
                         epsilon=layer.number("epsilon", 1e-3))  # fmt: skip

    def _activation(self, layer: Layer, x: str) -> str:  # noqa: ARG002 - what a layer does beside its activation: nothing
        return x

    def _relu(self, layer: Layer, x: str) -> str:
        if any(layer.settings.get(one) for one in ("max_value", "threshold")):
            raise layer.refusal("with a max_value or threshold, which ijbridge has nothing for")
        slope = layer.number("negative_slope", 0)
        return self.node("LeakyRelu", [x], alpha=slope) if slope else self.node("Relu", [x])

    def _leaky(self, layer: Layer, x: str) -> str:
        return self.node("LeakyRelu", [x], alpha=layer.number("alpha", layer.number("negative_slope", 0.3)))

    def _elu(self, layer: Layer, x: str) -> str:
        return self.node("Elu", [x], alpha=layer.number("alpha", 1.0))

    def _softmax(self, layer: Layer, x: str) -> str:
        if layer.settings.get("axis", -1) not in (-1, self.ndim + 1):
            raise layer.refusal(f"along the axis {layer.settings['axis']}, which is not that of the channels")
        return self.node("Softmax", [x], axis=1)

    def _shift(self, layer: Layer, x: str) -> str:
        import numpy as np

        return self.node("Add", [x, self.constant(np.array(layer.number("value", 0), np.float32))])

    def _together(self, layer: Layer, kind: str, taken: Sequence[str]) -> str:
        channels = {self.channels[one] for one in layer.inputs}
        if len(channels) > 1:
            raise layer.refusal(f"of inputs of {' and '.join(map(str, sorted(channels)))} channels")
        result = taken[0]
        for one in taken[1:]:
            result = self.node(kind, [result, one])
        return result

    def _activated(self, layer: Layer, x: str, name: Any) -> str:
        if name == "linear":
            return x
        if not isinstance(name, str) or name not in _ACTIVATIONS:
            raise layer.refusal(f"with the activation {name!r}; those that there are: linear, {', '.join(_ACTIVATIONS)}")
        return self._softmax(layer, x) if name == "softmax" else self.node(_ACTIVATIONS[name], [x])

    # --- what layers have in common ---

    def _is_same(self, layer: Layer) -> bool:
        padding = layer.settings.get("padding", "valid")
        if padding not in ("same", "valid"):
            raise layer.refusal(f"whose padding is {padding!r}")
        return bool(padding == "same")

    def _border(self, layer: Layer, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> dict[str, Any]:
        if not self._is_same(layer):
            return {"pads": [0] * (2 * self.ndim)}
        if max(strides) > 1:
            return {"auto_pad": "SAME_UPPER"}  # how much it is depends on the size, as in TensorFlow
        total = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
        return {"pads": [*(one // 2 for one in total), *(one - one // 2 for one in total)]}
