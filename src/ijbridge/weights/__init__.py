"""Weights of every format made into an ONNX network, which is what is run and what is followed.

One module per way of making one. Which of a model's weights are taken is decided in ``planning``; here is what there is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ijbridge.errors import CannotRunError

if TYPE_CHECKING:
    from ijbridge.description import ModelDescription, Weights
    from ijbridge.formats.package import Package

#: The formats that can be run, best first, by the names that bioimage.io has for them.
FORMATS = ("onnx", "keras_hdf5", "tensorflow_saved_model_bundle")


def onnx_source(description: ModelDescription, weights: Weights) -> Path | bytes:
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
    from ijbridge.formats.package import open_package

    package = open_package(description.location)
    if weights.format == "keras_hdf5":
        return _from_keras(package, weights)
    if weights.format == "tensorflow_saved_model_bundle":
        from ijbridge.weights.saved_model import convert

        return _taken_apart(convert(package, weights), weights)
    return _onnx(package, weights, description.name)


def _onnx(package: Package, weights: Weights, model: str) -> Path | bytes:
    data = package.read(weights.file, f"{weights.format} weights")
    path = package.path(weights.file.source)
    if weights.external_data is not None:
        package.read(weights.external_data, "external data of the weights")
        if path is None:
            raise CannotRunError(
                f"The weights of {model!r} lie in two files, which cannot be loaded from inside a zip: unpack it and give the "
                "folder."
            )
        return path
    return data


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


def _from_keras(package: Package, weights: Weights) -> bytes:
    from ijbridge.weights.csbdeep_networks import layers_of
    from ijbridge.weights.keras_config import read_model_config
    from ijbridge.weights.keras_h5 import KerasFile
    from ijbridge.weights.keras_onnx import to_onnx

    name = weights.file.source
    with KerasFile(package.read(weights.file, f"{weights.format} weights"), name) as file:
        if weights.architecture is not None:
            return to_onnx(layers_of(weights.architecture), file)
        config = file.model_config
        if config is None:
            raise CannotRunError(
                f"The file {name} holds weights without a network (it has no `model_config`), and the description does not "
                "state one either: save the whole Keras model, or export it to ONNX."
            )
        return to_onnx(read_model_config(config, name), file, channels_last=True)
