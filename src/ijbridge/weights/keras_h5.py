"""Weights in the HDF5 files that Keras writes (``.h5``): the arrays of each layer, and the network where the file has one.

Keras' layout of 2015 to 2023, which csbdeep and stardist keep: a group per layer, named in the attribute ``layer_names``, whose
attribute ``weight_names`` names its arrays. In a file of a whole model these groups lie in ``model_weights``, and the
attribute ``model_config`` holds the network as JSON.

HDF5 itself is only ever loaded in a process of its own (`ijbridge.weights.hdf5_reader`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING

from ijbridge import platforms
from ijbridge.errors import DescriptionError, NetworkError

if TYPE_CHECKING:
    from ijbridge.typing import Array

#: Seconds of the processor that a file may take, one more for so many bytes, and how many times as long by the clock.
_SECONDS, _BYTES_PER_SECOND, _PATIENCE = 10, 50_000_000, 9


class KerasFile:
    """What a file of weights holds.

    Raises
    ------
    NetworkError
        If it is no HDF5 file that Keras wrote, a damaged one, or one that HDF5 fails on.
    """

    def __init__(self, data: bytes, name: str) -> None:
        import numpy as np

        self._name = name
        answer = memoryview(self._read(data))
        end = 8 + int.from_bytes(answer[:8], "little")
        said = json.loads(bytes(answer[8:end]))
        if "refused" in said:
            raise NetworkError(said["refused"])
        #: The network, as JSON, where the file holds it.
        self.model_config: str | None = said["model_config"]
        self._layers: dict[str, dict[str, Array]] = {}
        for layer, shapes in said["layers"].items():
            self._layers[layer] = {}
            for part, shape in shapes.items():
                values = np.frombuffer(answer, np.float32, prod(shape), end)
                self._layers[layer][part] = values.reshape(shape)
                end += values.nbytes

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

    def _read(self, data: bytes) -> bytes:
        seconds = _SECONDS + len(data) // _BYTES_PER_SECOND
        try:
            done = subprocess.run(  # noqa: S603 - this Python (-P: not what lies where it is called)
                [sys.executable, "-P", "-m", "ijbridge.weights.hdf5_reader", self._name, str(seconds)],
                input=data, capture_output=True, check=False, timeout=_PATIENCE * seconds, creationflags=platforms.NO_WINDOW,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise self._endless(seconds) from error
        if platforms.took_too_long(done.returncode):
            raise self._endless(seconds)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = said[-1] if said else f"status {done.returncode}"
            raise NetworkError(f"The weights {self._name} cannot be read: HDF5 failed on them ({why}): get the model again.")
        return done.stdout

    def _endless(self, seconds: int) -> NetworkError:
        return NetworkError(
            f"The weights {self._name} cannot be read: HDF5 has not come to an end after {seconds} s: get the model again."
        )


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "nothing"
