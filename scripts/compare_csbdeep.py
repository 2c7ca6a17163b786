"""Write the networks of tests/reference/csbdeep_cases.py with csbdeep, stardist and Keras, run them, and keep what they give.

It needs an environment of its own, with TensorFlow.

::

    python3 -m venv tensorflow-env
    tensorflow-env/bin/pip install -r scripts/csbdeep_requirements.txt
    tensorflow-env/bin/python scripts/compare_csbdeep.py

Weights are random but fixed, or trained for a minute or two on one image. Results that are kept: those of the bare network, and
those of the package's own ``predict``, on the whole image and in tiles.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from reference.csbdeep_cases import FOLDER, NETWORKS, Array, Network, image, kept, normalized  # noqa: E402 - found by the line above

VERSIONS = ("csbdeep", "stardist", "tensorflow", "keras", "tf_keras", "tf2onnx", "onnx", "h5py", "numpy")


def main() -> None:
    """Make what was asked for, each in a process of its own: a process has one version of Keras."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="the networks to make, or keras-2, keras-3 (all)")
    parser.add_argument("--here", action="store_true", help="make the one network in this process")
    arguments = parser.parse_args()
    networks = {one.name: one for one in NETWORKS}
    versions = {**{name: one.keras for name, one in networks.items()}, "keras-2": 2, "keras-3": 3}
    chosen = arguments.names or [*versions]
    if arguments.here:
        make(networks[chosen[0]]) if chosen[0] in networks else make_keras(chosen[0])
        return
    for name in chosen:
        environment = {**os.environ, "TF_USE_LEGACY_KERAS": str(int(versions[name] == 2)), "CUDA_VISIBLE_DEVICES": ""}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
        subprocess.run([sys.executable, __file__, "--here", name], env=environment, check=True)
    FOLDER.joinpath("versions.json").write_text(json.dumps({name: version(name) for name in VERSIONS}, indent=1) + "\n")


def make(network: Network) -> None:
    """Write a network's folder and its results."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(network.seed)
    shutil.rmtree(network.folder, ignore_errors=True)
    model = build(network)
    if network.trained:
        (train_care if network.kind == "CARE" else train_stardist)(model, network)
    else:
        set_weights(model.keras_model, network.seed)
        model.keras_model.save_weights(str(network.folder / "weights_best.h5"))
    if network.thresholds:
        network.folder.joinpath("thresholds.json").write_text(json.dumps(dict(network.thresholds)))
    stride = model._axes_div_by(model.config.axes)
    results = {}
    given = model.keras_model.predict(normalized(network, stride), verbose=0)
    for number, array in enumerate(given if isinstance(given, list | tuple) else [given]):
        results[f"network/{number}"] = kept(network, array[0])
    results |= {f"whole/{name}": kept(network, one) for name, one in predicted(model, network, None).items()}
    if network.tiles:
        results |= {f"tiles/{name}": kept(network, one) for name, one in predicted(model, network, network.tiles).items()}
    np.savez_compressed(network.folder / "results.npz", **results)  # type: ignore[arg-type] # numpy's own stub
    if network.export:
        model.export_TF()
        convert(network)
    print(network.name, {name: array.shape for name, array in results.items()})


def convert(network: Network) -> None:
    """Convert an exported SavedModel to ONNX, as ijbridge does it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.unpack_archive(network.folder / "TF_SavedModel.zip", folder)
        command = ["tf2onnx.convert", "--saved-model", folder, "--output", str(network.folder / "converted.onnx")]
        options = ["--opset", "12", "--tag", "serve", "--signature_def", "serving_default"]
        subprocess.run([sys.executable, "-m", *command, *options], check=True)


def build(network: Network) -> Any:
    """Make a model with its folder."""
    config: dict[str, Any] = dict(network.config)
    if network.kind == "CARE":
        from csbdeep.models import CARE, Config

        training = {"train_epochs": 40, "train_steps_per_epoch": 20, "train_batch_size": 8, "train_tensorboard": False}
        return CARE(Config(network.axes, **config, **training), network.name, FOLDER)
    from stardist.models import Config2D, Config3D, StarDist2D, StarDist3D

    made, kind = (Config2D, StarDist2D) if network.kind == "StarDist2D" else (Config3D, StarDist3D)
    config |= {"train_tensorboard": False}
    if network.trained:
        config |= {"train_epochs": network.epochs, "train_steps_per_epoch": 20, "train_patch_size": (128, 128)}
    return kind(made(axes=network.axes, **config), network.name, FOLDER)


def make_keras(name: str) -> None:
    """Write whole Keras models of many kinds of layers, and what they give."""
    import tensorflow as tf

    for kind, model in keras_models(tf.keras).items():
        set_weights(model, 7)
        file = FOLDER / f"{name}-{kind}.h5"
        model.save(file)
        if kind in ("functional", "sequential"):
            given = np.random.default_rng(3).normal(0, 1, (1, *(8, 12, 10)[: len(model.input_shape) - 2], 2)).astype(np.float32)
            found = model.predict(given, verbose=0)
            found = found if isinstance(found, list | tuple) else [found]
            arrays = {f"output {number}": array for number, array in enumerate(found)}
            np.savez_compressed(file.with_suffix(".npz"), input=given, **arrays)
        print(file.name)


def keras_models(keras: Any) -> dict[str, Any]:
    """Make a functional model and a sequential one of what ijbridge reads, and some of what it does not."""
    layers = keras.layers
    image = layers.Input((None, None, 2), name="image")
    x = layers.Conv2D(5, (3, 2), strides=2, padding="same", activation="relu", name="half")(image)
    x = layers.BatchNormalization(center=False, epsilon=0.01)(x)
    skipped = layers.LeakyReLU()(x)
    x = layers.Conv2D(4, (2, 4), padding="same")(skipped)
    x = layers.Conv2D(4, 3, dilation_rate=2, padding="same", use_bias=False)(x)
    x = layers.ELU()(layers.SpatialDropout2D(0.2)(x))
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same", activation="tanh")(x)
    x = layers.Concatenate()([layers.ReLU()(layers.AveragePooling2D(2)(x)), skipped])
    x = layers.UpSampling2D((2, 1))(layers.MaxPooling2D((2, 1))(x))
    x = layers.Conv2DTranspose(6, 2, strides=2)(layers.GaussianNoise(0.1)(x))
    wide = layers.Conv2D(6, 3, padding="valid")(layers.ZeroPadding2D(1)(x))
    x = layers.Add()([layers.Multiply()([x, wide]), layers.Maximum()([x, wide]), layers.Subtract()([x, wide])])
    first = layers.Activation("softmax", name="first")(layers.Dropout(0.5)(x))
    second = layers.Conv2D(2, 1, activation="sigmoid", name="second")(layers.AveragePooling2D(3, strides=1, padding="same")(x))
    volume = [
        layers.Input((None, None, None, 2)),
        layers.Conv3D(3, 3, padding="same", activation="selu"),
        layers.MaxPooling3D((1, 2, 2)),
        layers.Conv3DTranspose(4, (1, 3, 3), strides=(1, 2, 2), padding="same"),
        layers.BatchNormalization(),
        layers.Softmax(),
    ]
    small = layers.Input((None, None, 1))
    shared = layers.Conv2D(1, 1)
    return {
        "functional": keras.Model(image, [first, second]),
        "sequential": keras.Sequential(volume),
        "lambda": keras.Model(small, layers.Lambda(lambda x: x * 2)(layers.Conv2D(1, 1)(small))),
        "depthwise": keras.Model(small, layers.DepthwiseConv2D(3, name="deep")(small)),
        "shared": keras.Model(small, shared(shared(small))),
    }


def set_weights(model: Any, seed: int) -> None:
    """Give a Keras model random weights under which values neither vanish nor explode."""
    rng = np.random.default_rng(seed)
    weights = []
    for variable, array in zip(model.weights, model.get_weights(), strict=True):
        name = getattr(variable, "path", variable.name)
        if array.ndim > 1:
            weights.append(rng.normal(0, (1.5 / np.prod(array.shape[:-1])) ** 0.5, array.shape))
        elif "variance" in name or "gamma" in name:
            weights.append(rng.uniform(0.7, 1.4, array.shape))
        else:
            weights.append(rng.normal(0.05, 0.1, array.shape))
    model.set_weights(weights)


def predicted(model: Any, network: Network, tiles: Any) -> dict[str, Array]:
    """Run the package's own ``predict`` on a network's image, with its own normalisation; channels are last."""
    from csbdeep.data import PercentileNormalizer

    given = image(network)
    if network.kind == "CARE":
        mean, scale = model._predict_mean_and_scale(given, network.axes, PercentileNormalizer(), _resizer(), tiles)
        return {"output": mean} if scale is None else {"mean": mean, "scale": scale}
    normalizer = PercentileNormalizer(1, 99.8, do_after=False)
    found = model.predict(given, axes=network.axes, normalizer=normalizer, n_tiles=tiles, show_tile_progress=False)
    return dict(zip(("prob", "dist", "prob_class"), found, strict=False))


def _resizer() -> Any:
    from csbdeep.data import PadAndCropResizer

    return PadAndCropResizer()


def train_care(model: Any, network: Network) -> None:
    """Train to take the noise away that its image has."""
    from skimage import data

    rng = np.random.default_rng(network.seed)
    clean = data.cell().astype(np.float32)
    noisy = rng.poisson(clean / 8).astype(np.float32)
    low, high = np.percentile(noisy, (2, 99.8))
    noisy, clean = (noisy - low) / (high - low), (clean / 8 - low) / (high - low)
    corners = rng.integers(0, np.array(clean.shape) - 64, (256, 2))
    pairs = [np.stack([one[y : y + 64, x : x + 64, None] for y, x in corners]) for one in (noisy, clean)]
    model.train(pairs[0][:224], pairs[1][:224], validation_data=(pairs[0][224:], pairs[1][224:]))


def train_stardist(model: Any, network: Network) -> None:
    """Train on the nuclei that come with stardist."""
    from csbdeep.utils import normalize
    from stardist.data import test_image_nuclei_2d

    rng = np.random.default_rng(network.seed)
    nuclei, mask = test_image_nuclei_2d(return_mask=True)
    nuclei = normalize(nuclei, 1, 99.8)

    def turned(x: Array, y: Array) -> tuple[Array, Array]:
        times, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        x, y = (np.rot90(one, times) for one in (x, y))
        x, y = (one[:, ::-1] if mirrored else one for one in (x, y))
        return x * rng.uniform(0.8, 1.2), y

    first, second = network.columns
    parts = [(slice(0, 512), slice(0, first)), (slice(0, 512), slice(first, second))]
    (x, y), (x_val, y_val) = (([nuclei[part]], [mask[part]]) for part in parts)
    model.train(x, y, validation_data=(x_val, y_val), augmenter=turned, seed=network.seed)
    model.optimize_thresholds(x_val, y_val)
    network.folder.joinpath("weights_last.h5").unlink()


if __name__ == "__main__":
    main()
