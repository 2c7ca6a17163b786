"""Reads the HDF5 files of weights that Keras writes: in a process of its own, which `ijbridge.weights.keras_h5` starts.

HDF5 is a large library in C. On the bytes of a stranger it may crash or never come to an end, which then costs this process
and not the one that has a person's images. What it has read goes to the standard output: the length of a JSON text in eight
bytes, the JSON, and the arrays one after the other, each as its bytes in memory after their number in eight. Where one cannot
be read, `REFUSED` takes the place of a number, and a JSON text with the reason follows.

An HDF5 file can point to other files. None of these is opened: only what lies in the file itself is read.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from ijbridge import platforms
from ijbridge.errors import NetworkError
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

#: What HDF5 itself may take besides the file and its arrays.
_WORK_BYTES = 1 << 29


#: Stands where the size of an array would, before the reason why it cannot be read.
REFUSED = 2**64 - 1


class Reader:
    """An open file; a context manager.

    Raises
    ------
    NetworkError
        If it is no HDF5 file that Keras wrote, or a damaged one.
    """

    def __init__(self, data: bytes, name: str) -> None:
        import h5py

        self._name = name
        self._found: dict[str, dict[str, Any]] = {}
        with self._damage_said():
            self._file = file = h5py.File(io.BytesIO(data), "r")
            #: The network, as JSON, where the file holds it.
            self.model_config = _text(_attribute(file, "model_config")) if "model_config" in file.attrs else None
            root = self._member(file, "model_weights") if "model_weights" in file else file
            if "layer_names" not in root.attrs and "layer_names0" not in root.attrs:
                raise self._refusal(
                    "it is not in the layout that csbdeep and stardist load (it has no `layer_names`): save the weights as .h5 "
                    "with one of them, or export the model to ONNX"
                )
            for layer in _texts(root, "layer_names"):
                self._find(root, layer)
            #: The shapes of the arrays of each layer that has weights, by Keras' names of them.
            self.layers = {layer: {part: one.shape for part, one in parts.items()} for layer, parts in self._found.items()}
            size = sum(one.nbytes for parts in self._found.values() for one in parts.values())
            if size > _MOST_BYTES:
                raise self._refusal("its weights take more than 2 GB, which an ONNX network cannot hold")
            if size > _most_unpacked(data):
                raise self._refusal(
                    f"it would unpack {amount(len(data))} to {amount(size)}, as files do that are made to fill memory"
                )

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def arrays(self) -> Iterator[Array]:
        """Read one array after the other, in the order of `layers`."""
        for parts in self._found.values():
            for one in parts.values():
                with self._damage_said():
                    array = one[()]
                yield array

    def _find(self, root: Any, layer: str) -> None:
        group = self._member(root, layer)
        names = _texts(group, "weight_names")
        if not names:
            return
        parts: dict[str, Any] = {}
        for name in names:
            part = name.rpartition("/")[2].partition(":")[0]
            if part in parts or layer in self._found:
                raise self._refusal(f"it has the weights {part!r} of the layer {layer!r} twice")
            parts[part] = self._dataset(group, name)
        self._found[layer] = parts

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


def _most_unpacked(data: bytes) -> int:
    return min(_MOST_BYTES, max(_BOMB_BYTES, _BOMB_RATIO * len(data)))


def main() -> None:
    """Read the file on the standard input; the arguments are its name, for errors, and the processor's seconds it may take."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no part of the answer
    import h5py  # noqa: F401 - what it takes itself is not the file's

    name, seconds = sys.argv[1:]
    data = sys.stdin.buffer.read()
    platforms.limit_process(int(seconds), len(data) + 2 * _most_unpacked(data) + _WORK_BYTES)
    with answer:
        try:
            with Reader(data, name) as read:
                _say(answer, {"model_config": read.model_config, "layers": read.layers})
                for array in read.arrays():
                    answer.write(array.nbytes.to_bytes(8, "little"))
                    answer.write(array.tobytes())
        except NetworkError as error:
            answer.write(REFUSED.to_bytes(8, "little"))
            _say(answer, {"refused": str(error)})


def _say(answer: IO[bytes], value: dict[str, Any]) -> None:
    text = json.dumps(value).encode()
    answer.write(len(text).to_bytes(8, "little") + text)


if __name__ == "__main__":
    main()
