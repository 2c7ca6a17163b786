"""Weights in the HDF5 files that Keras writes (``.h5``): the arrays of each layer, and the network where the file has one.

Keras' layout of 2015 to 2023, which csbdeep and stardist keep: a group per layer, named in the attribute ``layer_names``, whose
attribute ``weight_names`` names its arrays. In a file of a whole model these groups lie in ``model_weights``, and the
attribute ``model_config`` holds the network as JSON.

HDF5 itself is only ever loaded in a process of its own (`ijbridge.weights.hdf5_reader`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, Any

from ijbridge.errors import DescriptionError, NetworkError
from ijbridge.own_process import ProcessError, ask
from ijbridge.weights.hdf5_reader import REFUSED

if TYPE_CHECKING:
    from ijbridge.typing import Array

#: Seconds of the processor that a file may take, and one more for so many bytes.
_SECONDS, _BYTES_PER_SECOND = 10, 50_000_000


class KerasFile:
    """What a file of weights holds.

    Raises
    ------
    NetworkError
        If it is no HDF5 file that Keras wrote, a damaged one, or one that HDF5 fails on.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        #: The network, as JSON, where the file holds it.
        self.model_config: str | None = None
        self._layers: dict[str, dict[str, Array]] = {}
        seconds = _SECONDS + len(data) // _BYTES_PER_SECOND
        try:
            refused = ask("ijbridge.weights.hdf5_reader", name, str(seconds), seconds=seconds, data=data, take=self._take)
        except ProcessError as error:
            advice = "get the model again" if error.by_input else "look after the Python that runs ijbridge"
            raise NetworkError(f"The weights {name} cannot be read: HDF5 {error}: {advice}.") from error
        if refused:
            raise NetworkError(refused)

    @property
    def layers(self) -> list[str]:
        """The names of the layers that have weights."""
        return list(self._layers)

    def arrays(self, layer: str, parts: Sequence[str], shapes: Sequence[Sequence[int]]) -> list[Array]:
        """Read the arrays of a layer, in float32.

        Parameters
        ----------
        parts
            Keras' names of them: ``kernel``, ``bias``.
        shapes
            The shape that each must have.

        Raises
        ------
        DescriptionError
            If the layer or an array is not there, or is not what the description of the network says.
        """
        if layer not in self._layers:
            raise self.contradiction(f"has no weights for the layer {layer!r}")
        found = self._layers[layer]
        if sorted(found) != sorted(parts):
            raise self.contradiction(f"has {_listed(found)} for the layer {layer!r}, instead of {_listed(parts)}")
        arrays = []
        for part, shape in zip(parts, shapes, strict=True):
            if tuple(found[part].shape) != tuple(shape):
                raise self.contradiction(
                    f"has a {part} of {_by(found[part].shape)} for the layer {layer!r}, instead of {_by(shape)}"
                )
            arrays.append(found[part])
        return arrays

    def numbered(self, prefix: str) -> list[str]:
        """Give the layers that Keras named ``prefix``, ``prefix_1``, ... itself, in the order in which they were made."""
        matches = [(re.fullmatch(rf"{prefix}(?:_(\d{{1,9}}))?", name), name) for name in self.layers]
        return [name for _, name in sorted((int(one[1] or 0), name) for one, name in matches if one)]

    def contradiction(self, what: str) -> DescriptionError:
        """Make the error for weights that are not those of the network that is described."""
        return DescriptionError(
            f"The weights {self._name} do not belong to the network that is described: the file {what}; get the model again."
        )

    def _take(self, out: BufferedReader) -> str:
        """Take what the process has read; give the sentence of a refusal, empty where there is none."""
        import numpy as np

        size = _number(out)
        if size == REFUSED:
            return str(_said(out, _number(out))["refused"])
        said = _said(out, size)
        self.model_config = said["model_config"]
        for layer, shapes in said["layers"].items():
            self._layers[layer] = {}
            for part, shape in shapes.items():
                array = np.empty(shape, np.float32)
                size = _number(out)
                if size == REFUSED:
                    return str(_said(out, _number(out))["refused"])
                if size != array.nbytes or (size and out.readinto(array.data.cast("B")) != size):
                    raise EOFError("it ends in an array")
                self._layers[layer][part] = array
        return ""


def _number(out: BufferedReader) -> int:
    data = out.read(8)
    if len(data) < 8:
        raise EOFError("no answer")
    return int.from_bytes(data, "little")


def _said(out: BufferedReader, size: int) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(out.read(size))
    return said


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "nothing"
