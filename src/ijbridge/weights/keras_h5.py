"""Weights in the HDF5 files that Keras writes (``.h5``): the arrays of each layer, and the network where the file has one.

Keras' layout of 2015 to 2023, which csbdeep and stardist keep: a group per layer, named in the attribute ``layer_names``, whose
attribute ``weight_names`` names its arrays. In a file of a whole model these groups lie in ``model_weights``, and the
attribute ``model_config`` holds the network as JSON.

An HDF5 file can point to other files. None of these is opened: only what lies in the file itself is read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ijbridge.errors import DescriptionError, NetworkError
from ijbridge.units import amount

if TYPE_CHECKING:
    from ijbridge.typing import Array

#: What h5py raises on a file that is damaged.
_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError)

#: No text of Keras' has more bytes.
_MOST_TEXT = 2**24

#: An ONNX network cannot hold more bytes.
_MOST_BYTES = 2**31 - 2**20

#: Weights compress by a few per cent; what claims so many times the bytes of its file is made to fill memory.
_BOMB_RATIO, _BOMB_BYTES = 200, 256 << 20


class KerasFile:
    """An open file of weights; a context manager.

    Raises
    ------
    NetworkError
        If it is no HDF5 file that Keras wrote, or a damaged one.
    """

    def __init__(self, data: bytes, name: str) -> None:
        import h5py

        self._name = name
        with self._damage_said():
            self._file = h5py.File(io.BytesIO(data), "r")
        #: The names of the layers that have weights.
        self.layers: list[str] = []
        self._arrays: dict[str, dict[str, Any]] = {}
        with self._damage_said():
            root = self._member(self._file, "model_weights") if "model_weights" in self._file else self._file
            if "layer_names" not in root.attrs and "layer_names0" not in root.attrs:
                raise self._refusal(
                    "it is not in the layout that csbdeep and stardist load (it has no `layer_names`): save the weights as .h5 "
                    "with one of them, or export the model to ONNX"
                )
            for layer in _texts(root, "layer_names"):
                self._find(root, layer)
            size = sum(one.nbytes for arrays in self._arrays.values() for one in arrays.values())
        if size > _MOST_BYTES:
            raise self._refusal("its weights take more than 2 GB, which an ONNX network cannot hold")
        if size > max(_BOMB_BYTES, _BOMB_RATIO * len(data)):
            raise self._refusal(
                f"it would unpack {amount(len(data))} to {amount(size)}, as files do that are made to fill memory"
            )

    def __enter__(self) -> KerasFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def model_config(self) -> str | None:
        """The network, as JSON, where the file holds it."""
        with self._damage_said():
            return _text(_attribute(self._file, "model_config")) if "model_config" in self._file.attrs else None

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
        if layer not in self._arrays:
            raise self.contradiction(f"has no weights for the layer {layer!r}")
        found = self._arrays[layer]
        if sorted(found) != sorted(parts):
            raise self.contradiction(f"has {_listed(found)} for the layer {layer!r}, instead of {_listed(parts)}")
        arrays = []
        for part, shape in zip(parts, shapes, strict=True):
            if tuple(found[part].shape) != tuple(shape):
                raise self.contradiction(
                    f"has a {part} of {_by(found[part].shape)} for the layer {layer!r}, instead of {_by(shape)}"
                )
            with self._damage_said():
                arrays.append(found[part][()])
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

    def _find(self, root: Any, layer: str) -> None:
        group = self._member(root, layer)
        names = _texts(group, "weight_names")
        if not names:
            return
        parts: dict[str, Any] = {}
        for name in names:
            part = name.rpartition("/")[2].partition(":")[0]
            if part in parts or layer in self._arrays:
                raise self._refusal(f"it has the weights {part!r} of the layer {layer!r} twice")
            parts[part] = self._dataset(group, name)
        self.layers.append(layer)
        self._arrays[layer] = parts

    def _dataset(self, group: Any, path: str) -> Any:
        import h5py
        import numpy as np

        found = self._member(group, path)
        if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual or found.dtype != np.float32:
            raise self._refusal(f"{path!r} is not an array of float32 that lies in the file itself")
        return found

    def _member(self, group: Any, path: str) -> Any:
        """Give what lies at a path, without following a link to another place or file."""
        import h5py

        for part in filter(None, path.split("/")):
            if not isinstance(group, h5py.Group) or not isinstance(group.get(part, getlink=True), h5py.HardLink):
                raise self._refusal(f"{path!r} does not lie in the file itself")
            group = group[part]
        return group

    def _refusal(self, why: str) -> NetworkError:
        return NetworkError(f"The weights {self._name} cannot be used: {why}.")

    @contextmanager
    def _damage_said(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise NetworkError(
                f"The weights {self._name} are not an HDF5 file that can be read ({error}): get the model again."
            ) from error


def _texts(group: Any, name: str) -> list[str]:
    """Read a list of texts; Keras writes long ones in parts, ``name0``, ``name1`` and so on."""
    if name in group.attrs:
        return [_text(one) for one in _attribute(group, name)]
    texts: list[str] = []
    number = 0
    while f"{name}{number}" in group.attrs:
        texts += [_text(one) for one in _attribute(group, f"{name}{number}")]
        number += 1
    return texts


def _attribute(group: Any, name: str) -> Any:
    """Read an attribute, unless it claims to be larger than any of Keras' is."""
    identifier = group.attrs.get_id(name)
    size = prod(identifier.shape) * identifier.dtype.itemsize
    if size > _MOST_TEXT:
        raise ValueError(f"its attribute {name} claims to have {size} bytes")
    return group.attrs[name]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _listed(parts: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(parts) or "nothing"
