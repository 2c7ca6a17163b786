"""Weights of every format made into an ONNX network, which is what is run and what is followed; TorchScript is read as it is.

One module per way of making one. Which of a model's weights are taken is decided in ``planning``; here is what there is.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ijbridge.errors import CannotRunError
from ijbridge.known_networks import KnownNetwork

if TYPE_CHECKING:
    from ijbridge.description import ModelDescription, Weights
    from ijbridge.formats.package import Package
    from ijbridge.graph import Network
    from ijbridge.network_facts import Signature

#: The formats that can be run, best first, by the names that bioimage.io has for them.
FORMATS = ("onnx", "keras_hdf5", "tensorflow_saved_model_bundle", "torchscript")


class OnnxNetwork:
    """A network in ONNX.

    Parameters
    ----------
    weights
        Those that it was made of, with the SHA-256 of their file.
    source
        Its file, where another with weights lies beside it, else its bytes.
    external
        The file that the rest of its weights lies in.
    """

    def __init__(self, weights: Weights, source: Path | bytes, external: Path | None = None) -> None:
        self.weights = weights
        self.source = source
        self.external = external
        self._signature: Signature | None = None

    @property
    def size(self) -> int:
        """Bytes that it has, in all of its files."""
        files = [file for file in (self.source, self.external) if isinstance(file, Path)]
        return sum(file.stat().st_size for file in files) + (len(self.source) if isinstance(self.source, bytes) else 0)

    @property
    def inputs(self) -> list[str]:
        """The names of its inputs."""
        return [one.name for one in self.signature.inputs]

    @property
    def outputs(self) -> list[str]:
        """The names of its outputs."""
        return [one.name for one in self.signature.outputs]

    @property
    def signature(self) -> Signature:
        """What it states besides its graph."""
        return self._signature if self._signature is not None else self.known().signature

    def known(self) -> KnownNetwork:
        """Give what it tells; that is not kept here, as a network that is parsed holds all weights once more.

        Raises
        ------
        NetworkError, PackageError, CannotRunError
            If it is none, or none that is to be loaded.
        """
        # what lies in two files is looked at every time: whether the other is where it may be is no matter of its content
        digest = hashlib.sha256(self.source).hexdigest() if isinstance(self.source, bytes) else None
        known = KnownNetwork(digest, self._parse)
        self._signature = known.signature
        return known

    def _parse(self) -> Network:
        from ijbridge.graph import Network

        return Network(self.source, self.external)


def onnx_network(description: ModelDescription, weights: Weights) -> OnnxNetwork:
    """Give a model's network in ONNX: the file where it is one, else its bytes.

    Raises
    ------
    PackageError
        If the file is missing or altered.
    CannotRunError
        If the network cannot be made into one here; what is missing is named.
    NetworkError, DescriptionError
        If the weights are damaged, or are not those of the network that is described.
    """
    from ijbridge.formats.package import package_of

    if weights.format == "torchscript":
        raise CannotRunError(
            f"The weights {weights.file.source} of {description.name!r} are TorchScript, which is not made into ONNX here: "
            "export the network with PyTorch (torch.onnx.export)."
        )
    package = package_of(description)
    known, data = read_weights(package, weights)
    if weights.format == "keras_hdf5":
        return OnnxNetwork(known, _from_keras(data, weights))
    if weights.format == "tensorflow_saved_model_bundle":
        from ijbridge.weights.saved_model import convert

        return OnnxNetwork(known, _taken_apart(convert(package, weights, data), weights))
    if weights.external_data is None:
        return OnnxNetwork(known, data)
    package.read(weights.external_data, "external data of the weights")
    path = package.path(weights.file.source)
    if path is None:
        raise CannotRunError(
            f"The weights of {description.name!r} lie in two files, which cannot be loaded from inside a zip: unpack it "
            "and give the folder."
        )
    return OnnxNetwork(known, path, package.path(weights.external_data.source))


def read_weights(package: Package, weights: Weights) -> tuple[Weights, bytes]:
    """Give the file of weights, and the weights with its SHA-256; errors are those of `Package.read`."""
    data = package.read(weights.file, f"{weights.format} weights")
    digest = weights.file.sha256 or hashlib.sha256(data).hexdigest()
    return replace(weights, file=replace(weights.file, sha256=digest)), data


def _taken_apart(data: bytes, weights: Weights) -> bytes:
    """Take the last axis of a network's one output apart into several outputs."""
    if not weights.joined:
        return data
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(data)
    (output,) = model.graph.output
    rank = len(output.type.tensor_type.shape.dim)
    del model.graph.output[:]
    begin = 0
    for name, size in weights.joined:
        # Slice is the same in all versions from 10 on, which Split is not
        places = [helper.make_tensor(f"{name} {what}", TensorProto.INT64, [1], [at])
                  for what, at in (("begin", begin), ("end", begin + size), ("axis", rank - 1))]  # fmt: skip
        model.graph.initializer.extend(places)
        model.graph.node.append(helper.make_node("Slice", [output.name, *(one.name for one in places)], [name]))
        shape = [*(f"{name} {axis}" for axis in range(rank - 1)), size]
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        begin += size
    made: bytes = model.SerializeToString()
    return made


def _from_keras(data: bytes, weights: Weights) -> bytes:
    from ijbridge.weights.csbdeep_networks import layers_of
    from ijbridge.weights.keras_config import read_model_config
    from ijbridge.weights.keras_h5 import KerasFile
    from ijbridge.weights.keras_onnx import to_onnx

    name = weights.file.source
    file = KerasFile(data, name)
    if weights.architecture is not None:
        return to_onnx(layers_of(weights.architecture), file)
    if file.model_config is None:
        raise CannotRunError(
            f"The file {name} holds weights without a network (it has no `model_config`), and the description does not "
            "state one either: save the whole Keras model, or export it to ONNX."
        )
    return to_onnx(read_model_config(file.model_config, name), file, channels_last=True)
