"""Networks as Keras states them: layers by name, with Keras' own words for what they do. Frozen data.

They come from what a format states of its networks (``csbdeep_networks``) or from the file itself (``keras_config``), and
become an ONNX network in ``keras_onnx``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ijbridge.errors import CannotRunError
from ijbridge.formats.fields import is_number, shown

#: What Keras calls a layer that was given no name, before its number.
AUTOMATIC = {
    "Conv2D": "conv2d",
    "Conv3D": "conv3d",
    "BatchNormalization": "batch_normalization",
}

#: What a kernel or a border may have at most, and a number in float32.
_LARGEST_SIZE, _LARGEST_FLOAT = 2**31 - 1, 3.4e38


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

    # --- settings, which may be anything in a stranger's file; a size or number that is null has its default ---

    def flag(self, name: str, default: bool) -> bool:
        """Give a setting that is true or false; Keras takes 1, 0 and null for them."""
        value = self.settings.get(name, default)
        if value not in (True, False, None):
            raise self._odd(name)
        return bool(value)

    def number(self, name: str, default: float) -> float:
        """Give a setting that is a number which float32 can hold."""
        value = self._given(name, default)
        if not is_number(value) or not abs(value) <= _LARGEST_FLOAT:
            raise self._odd(name)
        return float(value)

    def whole(self, name: str, default: int | None = None) -> int:
        """Give a setting that is a whole number above 0."""
        value = self._given(name, default)
        if not is_whole(value, 1):
            raise self._odd(name)
        return int(value)

    def sizes(self, name: str, ndim: int, default: Any = None) -> list[int]:
        """Give a setting that is one whole number above 0 per axis of space, or one for all of them."""
        sizes = _per_axis(self._given(name, default), ndim)
        if len(sizes) != ndim or not all(is_whole(one, 1) for one in sizes):
            raise self._odd(name)
        return sizes

    def pairs(self, name: str, ndim: int, default: Any) -> list[tuple[int, int]]:
        """Give a setting that is two whole numbers from 0 per axis, or one that is both of them, or one for all axes."""
        pairs = [
            tuple(one) if isinstance(one, list | tuple) else (one, one) for one in _per_axis(self._given(name, default), ndim)
        ]
        if len(pairs) != ndim or not all(len(pair) == 2 and all(is_whole(one, 0) for one in pair) for pair in pairs):
            raise self._odd(name)
        return pairs

    def refusal(self, what: str) -> CannotRunError:
        """Make the error for a layer that ONNX, or ijbridge, has nothing for."""
        name = f" {self.name!r}" if self.name else ""
        return CannotRunError(f"The network has the Keras layer{name} of the kind {self.kind}, {what}: ask for ONNX weights.")

    def _given(self, name: str, default: Any) -> Any:
        value = self.settings.get(name)
        return default if value is None else value

    def _odd(self, name: str) -> CannotRunError:
        return self.refusal(f"whose {name} is {shown(self.settings.get(name))}")


def is_whole(value: Any, low: int) -> bool:
    """Whether a value is a whole number from ``low`` that an axis, a kernel or a border may have."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= _LARGEST_SIZE


def _per_axis(value: Any, ndim: int) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value] * ndim


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
