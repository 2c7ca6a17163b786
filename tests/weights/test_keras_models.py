"""Whole Keras models in HDF5 files, which descriptions name ``keras_hdf5``: many kinds of layers give what Keras gives.

The files and what they give were stored by scripts/compare_csbdeep.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
import yaml

import ijbridge
from descriptions import check_refusal
from ijbridge.architectures import ACTIVATIONS
from ijbridge.errors import CannotRunError, DescriptionError, IJBridgeError
from ijbridge.runtimes.onnx import OnnxSession
from ijbridge.weights.keras_config import read_model_config
from ijbridge.weights.keras_h5 import KerasFile
from ijbridge.weights.keras_layers import LayerGraph, Layers
from ijbridge.weights.keras_onnx import to_onnx
from reference.csbdeep_cases import FOLDER, Array

VERSIONS = pytest.mark.parametrize("keras", [2, 3])


def convert(path: Path) -> bytes:
    file = KerasFile(path.read_bytes(), path.name)
    assert file.model_config is not None
    return to_onnx(read_model_config(file.model_config, path.name), file, channels_last=True)


@VERSIONS
@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_model_of_many_layers_gives_what_keras_gives(keras: int, kind: str) -> None:
    path = FOLDER / f"keras-{keras}-{kind}.h5"
    data = convert(path)
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    session = OnnxSession(data, "cpu", path.name)
    with np.load(path.with_suffix(".npz")) as stored:
        found = session.run({session.inputs[0].name: stored["input"]}, [one.name for one in session.outputs])
        for number, one in enumerate(found):
            expected = stored[f"output {number}"]
            assert np.ptp(expected) > 0.3
            np.testing.assert_allclose(one, expected, 1e-5, 1e-6)


@VERSIONS
def test_outputs_have_the_names_of_their_layers_and_channels_are_last(keras: int) -> None:
    session = OnnxSession(convert(FOLDER / f"keras-{keras}-functional.h5"), "cpu", "model")
    assert [(one.name, one.shape) for one in session.inputs] == [("image", (None, None, None, 2))]
    assert [(one.name, one.shape) for one in session.outputs] == [
        ("first", (None, None, None, 6)), ("second", (None, None, None, 2)),
    ]  # fmt: skip


@VERSIONS
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("lambda", ["the Keras layer 'lambda' of the kind Lambda, which ijbridge has nothing for"]),
        ("depthwise", ["the Keras layer 'deep' of the kind DepthwiseConv2D, which ijbridge has nothing for"]),
        ("shared", ["of the kind Conv2D, which is used more than once"]),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(keras: int, kind: str, words: list[str]) -> None:
    with pytest.raises(CannotRunError) as refused:
        convert(FOLDER / f"keras-{keras}-{kind}.h5")
    check_refusal(refused.value, *words, "ask for ONNX weights")


def test_every_activation_that_descriptions_may_name_has_an_operator() -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as made:
        made.attrs["layer_names"] = np.array([], dtype="S1")
    file = KerasFile(buffer.getvalue(), "w.h5")
    given = np.linspace(-3, 3, 24, dtype=np.float32).reshape(1, 2, 3, 4)
    exact: dict[str, Callable[[Array], Array]] = {
        "linear": lambda x: x,
        "relu": lambda x: np.maximum(x, 0),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "tanh": np.tanh,
        "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
        "selu": lambda x: 1.05070098 * np.where(x > 0, x, 1.67326324 * np.expm1(x)),
        "softplus": lambda x: np.log1p(np.exp(x)),
        "softsign": lambda x: x / (1 + abs(x)),
        "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
        "exponential": np.exp,
    }
    assert set(exact) == set(ACTIVATIONS)
    for name in ACTIVATIONS:
        layers = Layers(2)
        image = layers.add("InputLayer", name="input", shape=(None, None, 2))
        last = layers.add("Activation", image, activation=name)
        session = OnnxSession(to_onnx(LayerGraph(tuple(layers.layers), {"out": last}), file), "cpu", name)
        np.testing.assert_allclose(session.run({"input": given}, ["out"])[0], exact[name](given), 1e-5, 1e-6)


# --- configurations of strangers -------------------------------------------------------------------------------------


def model_config(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(KerasFile(path.read_bytes(), path.name).model_config or "")
    return config


def layer(config: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in config["config"]["layers"] if one["config"]["name"] == name)


def setting(name: str, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda config: layer(config, name)["config"].update(values)


def circle(config: dict[str, Any]) -> None:
    layer(config, "half")["inbound_nodes"] = layer(config, "first")["inbound_nodes"]


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], list[str]]] = {
    "a class of the author's": (lambda config: config.update(class_name="MyModel"), ["a Keras model of the kind MyModel"]),
    "no layers": (lambda config: config["config"].pop("layers"), ["is not one that Keras writes"]),
    "layers that are none": (lambda config: config["config"].update(layers=[1, 2]), ["is not one that Keras writes"]),
    "no outputs": (lambda config: config["config"].update(output_layers=[]), ["is not one that Keras writes"]),
    "a circle": (circle, ["layers that take each other in a circle"]),
    "two of a name": (lambda config: config["config"]["layers"].append(layer(config, "half")), ["that have the same name"]),
    "channels first": (setting("half", data_format="channels_first"), ["of the kind Conv2D, whose channels come first"]),
    "an unknown activation": (setting("half", activation="mine"), ["with the activation 'mine'", "linear, relu"]),
    "an activation with settings": (setting("half", activation={"name": "X"}), ["with the activation {'name': 'X'}"]),
    "an unknown border": (setting("half", padding="causal"), ["whose padding is 'causal'"]),
    "a kernel of nothing": (setting("half", kernel_size=[0, 3]), ["whose kernel_size is [0, 3]"]),
    "another number of filters": (setting("half", filters=6), ["a kernel of 3 x 2 x 2 x 5", "instead of 3 x 2 x 2 x 6"]),
    "groups that do not fit": (setting("half", groups=3), ["whose 3 groups do not divide its channels"]),
    "statistics along y": (setting("batch_normalization", axis=[1]), ["along the axis [1], which is not that of the channels"]),
    "joined along y": (setting("concatenate", axis=1), ["'concatenate' of the kind Concatenate, along the axis 1"]),
    "softmax along y": (
        lambda config: (layer(config, "first").update(class_name="Softmax"), setting("first", axis=1)(config)),
        ["along the axis 1, which is not that of the channels"],
    ),
    "bilinear": (setting("up_sampling2d", interpolation="bilinear"), ["whose interpolation is bilinear"]),
    "a limit": (setting("re_lu", max_value=6.0), ["with a max_value or threshold"]),
    "a border that is computed": (setting("conv2d_transpose", output_padding=[1, 1]), ["whose output_padding or dilation"]),
    "an unknown layer": (lambda config: layer(config, "half").update(class_name="Mine"), ["'half' of the kind Mine, which"]),
    "true for a size": (setting("half", strides=True), ["whose strides is True"]),
    "a size that no number holds": (setting("half", kernel_size=2**64), ["whose kernel_size is 18446744073709551616"]),
    "filters that are none": (setting("half", filters=None), ["whose filters is None"]),
    "groups that are a list": (setting("half", groups=[1]), ["whose groups is [1]"]),
    "a slope that is a text": (setting("re_lu", negative_slope="much"), ["whose negative_slope is 'much'"]),
    "a bias that is a text": (setting("half", use_bias="yes"), ["whose use_bias is 'yes'"]),
    "a statistic without end": (setting("batch_normalization", epsilon=1e400), ["whose epsilon is inf"]),
    "borders of three ends": (
        lambda config: (
            layer(config, "half").update(class_name="ZeroPadding2D"),
            setting("half", padding=[[1] * 3, [1] * 2])(config),
        ),
        ["whose padding is [[1, 1, 1], [1, 1]]"],
    ),
    "a layer that takes nothing": (lambda config: layer(config, "half").update(inbound_nodes=[]), ["which takes nothing"]),
    "no input": (lambda config: layer(config, "image").update(class_name="Dropout"), ["(ValueError: no input)"]),
    "an input of true pixels": (
        setting("image", batch_input_shape=[None, True, None, 2], batch_shape=[None, True, None, 2]), ["an input of the shape"]
    ),
    "a flat input": (setting("image", batch_input_shape=[None, 5], batch_shape=[None, 5]), ["an input of the shape [None, 5]"]),
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_a_network_that_is_not_understood_is_refused_in_one_sentence(
    keras: int, change: Callable[[dict[str, Any]], object], words: list[str]
) -> None:
    path = FOLDER / f"keras-{keras}-functional.h5"
    config = model_config(path)
    change(config)
    file = KerasFile(path.read_bytes(), path.name)
    with pytest.raises(IJBridgeError) as refused:
        to_onnx(read_model_config(json.dumps(config), path.name), file)
    assert isinstance(refused.value, DescriptionError | CannotRunError)
    check_refusal(refused.value, *words)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "5", '{"class_name": "Functional"}', "[" * 10000])
def test_a_network_that_is_no_json_of_keras_is_refused(text: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_model_config(text, "w.h5")
    check_refusal(refused.value, "The network in w.h5 is ")
    assert any(words in str(refused.value) for words in ("not one that Keras writes", "broken JSON"))


# --- packages that name them -----------------------------------------------------------------------------------------


def package(folder: Path, weights: Path) -> Path:
    """Write a bioimage.io package of two outputs around the functional model."""
    folder.mkdir()
    shutil.copy(weights, folder / "weights.h5")

    def axes(channels: int, *space: dict[str, Any]) -> list[dict[str, Any]]:
        names = [f"c{number}" for number in range(channels)]
        return [{"type": "batch"}, *space, {"type": "channel", "channel_names": names}]

    def tensor(name: str, channels: int) -> dict[str, Any]:
        # it halves the image, and goes 2 x 2 up, 2 x 2 down, 2 x 1 down, 2 x 1 up and 2 x 2 up again
        space = [{"type": "space", "id": one, "size": {"tensor_id": "image", "axis_id": one}} for one in "yx"]
        return {"id": name, "axes": axes(channels, *space), "data": {"type": "float32"}}

    description = {
        "format_version": "0.5.4", "type": "model", "name": "Keras", "authors": [{"name": "A. Tester"}],
        "cite": [{"text": "nobody", "doi": "10.1000/1"}], "license": "CC0-1.0", "documentation": "README.md",
        "inputs": [{
            "id": "image", "data": {"type": "float32"},
            "axes": axes(2, *({"type": "space", "id": one, "size": {"min": 8, "step": 4}} for one in "yx")),
        }],
        "outputs": [tensor("second", 2), tensor("first", 6)],
        "weights": {"keras_hdf5": {
            "source": "weights.h5", "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(), "tensorflow_version": "2.21",
        }},
    }  # fmt: skip
    (folder / "rdf.yaml").write_text(yaml.safe_dump(description))
    return folder


@VERSIONS
def test_a_described_model_of_keras_is_run_whole_and_in_tiles(tmp_path: Path, keras: int) -> None:
    weights = FOLDER / f"keras-{keras}-functional.h5"
    folder = package(tmp_path / "m", weights)
    with np.load(weights.with_suffix(".npz")) as stored:
        given, first, second = stored["input"], stored["output 0"], stored["output 1"]
    found = ijbridge.predict(folder, given[0][:, :8], axes="yxc")
    assert isinstance(found, dict)
    assert list(found) == ["second", "first"]
    large = np.random.default_rng(0).normal(0, 1, (120, 140, 2)).astype(np.float32)
    assert ijbridge.plan(folder, large, axes="yxc", tile=64).tile_count > 4
    whole, tiles = (ijbridge.predict(folder, large, axes="yxc", tile=one) for one in ("whole", 64))
    for name in found:
        np.testing.assert_allclose(tiles[name], whole[name], 0, 1e-5)
    assert first.shape[-1] == found["first"].sizes["c"] == 6
    assert second.shape[-1] == found["second"].sizes["c"] == 2


def test_weights_without_a_network_are_refused(tmp_path: Path) -> None:
    folder = package(tmp_path / "m", FOLDER / "care-2d" / "weights_best.h5")
    with pytest.raises(CannotRunError) as refused:
        ijbridge.plan(folder, np.zeros((40, 40, 2), np.float32), axes="yxc")
    check_refusal(refused.value, "The file weights.h5 holds weights without a network (it has no `model_config`)")
