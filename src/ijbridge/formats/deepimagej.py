"""What both generations of DeepImageJ write: pixel sizes as texts, the constants of TensorFlow by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

from ijbridge import units
from ijbridge.description import Tensor
from ijbridge.findings import noted

#: TensorFlow's constants, which the descriptions name instead of their values.
_CONSTANTS = {
    "tf.saved_model.tag_constants.SERVING": "serve",
    "tf.saved_model.tag_constants.TRAINING": "train",
    "tf.saved_model.tag_constants.GPU": "gpu",
    "tf.saved_model.tag_constants.TPU": "tpu",
    "tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY": "serving_default",
    "tf.saved_model.signature_constants.PREDICT_METHOD_NAME": "tensorflow/serving/predict",
    "tf.saved_model.signature_constants.CLASSIFY_METHOD_NAME": "tensorflow/serving/classify",
    "tf.saved_model.signature_constants.REGRESS_METHOD_NAME": "tensorflow/serving/regress",
}

#: What is said where the model's own pixel size is taken from the image that it was tried with.
PIXEL_SIZE_OF_TEST = noted("The pixel size is that of DeepImageJ's test image", "pixel-size-assumed")

#: Pixel sizes along y and x that differ by more than this factor contradict each other.
_MOST = 10

#: How a pixel is continued where a text gives several sizes: ``0.16µmx0.16µm``.
_BETWEEN = re.compile(r"\s*[x×]\s*(?=[\d.])")
_SIZE = re.compile(r"([\d.,]+(?:[eE][-+]?\d+)?)\s*([^\d\s]*)")


def constant(name: str) -> str:
    """Give the value of a constant of TensorFlow, or the text itself where it is none."""
    return _CONSTANTS.get(name, name)


def pixel_sizes(stated: Mapping[str, str]) -> tuple[dict[str, float], str | None]:
    """Read pixel sizes by axis.

    Parameters
    ----------
    stated
        Texts such as ``0.38 µm``, ``1,60E-04 cm`` or ``1.0 pixel`` (which states nothing), by the letter of an axis.

    Returns
    -------
    dict, str or None
        Micrometres by axis, and why they are not used where they contradict each other.
    """
    sizes = {}
    for letter, text in stated.items():
        found = _SIZE.fullmatch(text.strip())
        factor = units.factor(found[2], "µm") if found else None
        if found and factor is not None and re.fullmatch(r"(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", found[1].replace(",", ".")):
            size = float(found[1].replace(",", ".")) * factor
            if isfinite(size) and size > 0:
                sizes[letter] = size
    if "y" in sizes and "x" in sizes and not 1 / _MOST <= sizes["y"] / sizes["x"] <= _MOST:
        return {}, f"The pixel size {stated['x']} by {stated['y']} contradicts itself: it is not used"
    return sizes, None


def split_sizes(text: str) -> dict[str, str]:
    """Take a text such as ``0.16µmx0.16µm`` apart, by the letter of an axis: x, y and perhaps z."""
    return dict(zip("xyz", _BETWEEN.split(text.strip()), strict=False))


def calibrated(tensor: Tensor, sizes: Mapping[str, float]) -> Tensor:
    """Give a tensor whose axes of space have these pixel sizes, where they state none of their own."""
    return replace(
        tensor,
        axes=tuple(
            replace(axis, pixel_size=sizes[axis.id], unit="micrometer")
            if axis.pixel_size is None and axis.id in sizes
            else axis
            for axis in tensor.axes
        ),
    )
