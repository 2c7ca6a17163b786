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
