"""The network that a file of a whole Keras model states as JSON (its ``model_config``), read into layers.

Functional and sequential models of Keras 2 and 3, of layers that have one output and are used once. A layer that holds code
(``Lambda``, one of the author's own) is refused like any other that ONNX has nothing for: nothing of it is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ijbridge.errors import CannotRunError, DescriptionError
from ijbridge.formats.json_text import parse_json
from ijbridge.weights.keras_layers import Layer, LayerGraph, is_whole

#: More layers than any network has.
_MOST_LAYERS = 5000


def read_model_config(text: str, name: str) -> LayerGraph:
    """Read the layers of a model.

    Parameters
    ----------
    name
        The name of the file, for errors.

    Raises
    ------
    DescriptionError
        If it is not what Keras writes.
    CannotRunError
        If it is a network that ijbridge has nothing for, by name.
    """
    try:
        model = parse_json(text.encode(), f"The network in {name}")
        kind, config = model["class_name"], model["config"]
        layers = config["layers"] if isinstance(config, Mapping) else config
        if len(layers) > _MOST_LAYERS:
            raise ValueError(f"{len(layers)} layers")
        if kind == "Sequential":
            return _with_input(_sequential(layers))
        if kind not in ("Functional", "Model"):
            raise CannotRunError(
                f"The network of {name} is a Keras model of the kind {kind}, which is made by code that ijbridge does not "
                "execute: ask for ONNX weights."
            )
        return _with_input(_functional(config, layers))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise DescriptionError(
            f"The network in {name} is not one that Keras writes ({type(error).__name__}: {error}): get the model again."
        ) from error


def _with_input(graph: LayerGraph) -> LayerGraph:
    if not any(layer.kind == "InputLayer" for layer in graph.layers):
        raise ValueError("no input")
    return graph


def _functional(config: Mapping[str, Any], given: list[Any]) -> LayerGraph:
    layers: dict[str, Layer] = {}
    waiting = {one["config"]["name"]: one for one in given}
    if len(waiting) < len(given):
        raise ValueError("layers that have the same name")
    taken = {name: _taken(one) for name, one in waiting.items()}
    while waiting:
        ready = [name for name in waiting if all(other in layers for other in taken[name])]
        if not ready:
            raise ValueError("layers that take each other in a circle")
        for name in ready:
            layers[name] = _layer(waiting.pop(name), tuple(taken[name]))
    outputs = config["output_layers"]
    names = [one[0] for one in ([outputs] if isinstance(outputs[0], str) else outputs)]
    return LayerGraph(tuple(layers.values()), {name: layers[name].id for name in names})


def _sequential(given: list[Any]) -> LayerGraph:
    layers: list[Layer] = []
    for one in given:
        if not layers and one["class_name"] != "InputLayer":
            shape = one["config"].get("batch_input_shape") or one["config"]["batch_shape"]
            layers.append(Layer("input", "InputLayer", (), "input", {"shape": _input_shape(shape)}))
        layers.append(_layer(one, (layers[-1].id,) if layers else ()))
    return LayerGraph(tuple(layers), {layers[-1].id: layers[-1].id})


def _taken(layer: Mapping[str, Any]) -> list[str]:
    """Give the names of the layers whose outputs a layer takes."""
    nodes = layer["inbound_nodes"]
    if len(nodes) > 1:
        raise _named(layer).refusal("which is used more than once")
    if not nodes:
        return []
    if isinstance(nodes[0], Mapping):  # Keras 3
        tensors = _tensors(nodes[0]["args"])
    else:
        tensors = nodes[0] if isinstance(nodes[0][0], list) else nodes
    if any(one[1:3] != [0, 0] for one in tensors):
        raise _named(layer).refusal("which takes another than the first output of a layer")
    return [str(one[0]) for one in tensors]


def _tensors(value: Any) -> list[list[Any]]:
    """Find the tensors among the arguments of a layer, as Keras 3 writes them."""
    if isinstance(value, list):
        return [tensor for one in value for tensor in _tensors(one)]
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        return [list(value["config"]["keras_history"])]
    return []


def _named(layer: Mapping[str, Any]) -> Layer:
    return Layer("", str(layer["class_name"]), (), str(layer["config"]["name"]))


def _layer(given: Mapping[str, Any], inputs: tuple[str, ...]) -> Layer:
    kind, settings, name = str(given["class_name"]), dict(given["config"]), str(given["config"]["name"])
    layer = Layer(name, kind, inputs, name, settings)
    if settings.get("data_format", "channels_last") not in ("channels_last", None):
        raise layer.refusal("whose channels come first, which ijbridge has nothing for")
    if kind == "InputLayer":
        shape = settings.get("batch_input_shape") or settings["batch_shape"]
        return Layer(name, kind, (), name, {"shape": _input_shape(shape)})
    if kind == "Concatenate" and settings.get("axis", -1) != -1 and settings["axis"] not in (3, 4):
        raise layer.refusal(f"along the axis {settings['axis']}, which is not that of the channels")
    return layer


def _input_shape(shape: list[Any]) -> tuple[int | None, ...]:
    sizes = [one for one in shape if one is not None]
    if len(shape) not in (4, 5) or shape[-1] is None or not all(is_whole(one, 1) for one in sizes):
        raise ValueError(f"an input of the shape {shape}")
    return tuple(shape[1:])
