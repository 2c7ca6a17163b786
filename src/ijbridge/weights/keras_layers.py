"""Networks as Keras states them: layers by name, with Keras' own words for what they do. Frozen data.

They come from what a format states of its networks (``csbdeep_networks``) or from the file itself (``keras_config``), and
become an ONNX network in ``keras_onnx``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: What Keras calls a layer that was given no name, before its number.
AUTOMATIC = {
    "Conv2D": "conv2d",
    "Conv3D": "conv3d",
    "BatchNormalization": "batch_normalization",
}


@dataclass(frozen=True)
class Layer:
    """A layer: ``kind`` is Keras' name of its class, ``settings`` are its arguments by Keras' names for them.

    ``id`` names its output among the layers of a network, ``inputs`` are the ids of the layers that it takes. ``name`` is the
    layer's name in the file of the weights, None where Keras made it up, which it does from the class and a number.
    """

    id: str
    kind: str
    inputs: tuple[str, ...]
    name: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerGraph:
    """Layers in an order in which each comes after those it takes; ``outputs`` are ids, by the name that they are given."""

    layers: tuple[Layer, ...]
    outputs: Mapping[str, str]

    @property
    def ndim(self) -> int:
        """The number of spatial axes: those of its first input, without batch and channel."""
        return len(next(one for one in self.layers if one.kind == "InputLayer").settings["shape"]) - 1


class Layers:
    """Puts layers one after the other."""

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim
        self.layers: list[Layer] = []

    def add(self, kind: str, *inputs: str, name: str | None = None, **settings: Any) -> str:
        """Add a layer and give its id; ``kind`` without its number of axes: ``Conv``."""
        whole = f"{kind}{self.ndim}D" if kind in ("Conv", "MaxPooling", "UpSampling") else kind
        self.layers.append(Layer(name or f"{whole} {len(self.layers)}", whole, inputs, name, settings))
        return self.layers[-1].id

    def conv(
        self, x: str, filters: int, kernel: Sequence[int], activation: str = "linear", *, name: str | None = None, **more: Any
    ) -> str:
        """Add a convolution of the same size as its input, with an activation."""
        return self.add("Conv", x, name=name, filters=filters, kernel_size=tuple(kernel), activation=activation,
                        padding="same", **more)  # fmt: skip
