"""The option ``normalize``: its forms, its numbers, and which models it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from builders import identity
from commandline import pixels
from ijbridge.errors import OptionError
from ijbridge.normalization import Normalization
from ijbridge.options import Options


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("none", "none"), (" None ", "none"), ("min-max", "min-max"), ("mean-std", "mean-std"), ("divide 255", "divide 255"),
        ("divide,4095.5", "divide 4095.5"), ("divide:type", "divide type"), ("percentile 1 99.8", "percentile 1 99.8"),
        ("percentile,0,100", "percentile 0 100"), ("percentile: 2, 98", "percentile 2 98"),
        (("percentile", 1, 99.8), "percentile 1 99.8"), (["divide", "type"], "divide type"), ("2,99.8", "percentile 2 99.8"),
        ((2, 99.8), "percentile 2 99.8"),
    ],
)  # fmt: skip
def test_a_normalisation_is_a_word_and_its_numbers(value: Any, expected: str) -> None:
    read = Options.read(normalize=value).normalize
    assert str(read) == expected
    assert Normalization.read(str(read)) == read


@pytest.mark.parametrize(
    "value",
    ["", "percentile", "percentile 1", "percentile 99 1", "percentile 1 101", "percentile -1 99", "percentile 1 99 2", "divide",
     "divide 0", "divide -1", "divide nan", "divide inf", "divide x", "none 1", "mean-std 2", "zscore", "99 1", "auto 1", "1",
     5, True, ()],
)  # fmt: skip
def test_a_normalisation_that_is_not_understood_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(OptionError, match="normalize="):
        Options.read(normalize=value)


def test_auto_is_what_the_format_states_or_its_reader_assumes(tmp_path: Path, little_model: Path) -> None:
    assert Options.read(normalize="auto") == Options.read()
    image = pixels(20, 24)
    for model in (little_model, identity().save(tmp_path / "net.onnx")):
        how: dict[str, Any] = {} if model == little_model else {"model_axes": "bcyx"}
        plain = np.asarray(ijbridge.predict(model, image, **how))
        np.testing.assert_array_equal(np.asarray(ijbridge.predict(model, image, normalize="auto", **how)), plain)


def of_each_channel(image: Any, numbers: Any) -> Any:
    return np.stack([numbers(channel.astype(np.float64)) for channel in image]).astype(np.float32)


EXPECTED = {
    "none": lambda x: x,
    "min-max": lambda x: (x - x.min()) / (x.max() - x.min() + 1e-20),
    "mean-std": lambda x: (x - x.mean()) / (x.std() + 1e-6),
    "percentile 2 98": lambda x: (x - np.percentile(x, 2)) / (np.percentile(x, 98) - np.percentile(x, 2) + 1e-20),
    "divide 300": lambda x: x / 300,
    "divide type": lambda x: x / 65535,
}


@pytest.mark.parametrize("tile", ["whole", 16])
@pytest.mark.parametrize("value", EXPECTED)
def test_each_channel_is_normalised_by_itself_whole_and_in_tiles(tmp_path: Path, value: str, tile: Any) -> None:
    path = identity(channels=2).save(tmp_path / "net.onnx")
    image = (pixels(2, 40, 44) * np.array([1, 90])[:, None, None]).astype(np.uint16)
    found = ijbridge.predict(path, image, axes="cyx", normalize=value, tile=tile, model_axes="bcyx")
    np.testing.assert_allclose(np.asarray(found), of_each_channel(image, EXPECTED[value]), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("dtype", "divisor"), [("uint8", 255), ("uint16", 65535), ("uint32", 2**32 - 1), ("float32", 1), ("float64", 1)]
)
def test_the_largest_value_of_the_type_is_that_of_the_image(tmp_path: Path, dtype: str, divisor: int) -> None:
    path = identity().save(tmp_path / "net.onnx")
    image = pixels(8, 9).astype(dtype)
    found = ijbridge.predict(path, image, normalize="divide type", model_axes="bcyx")
    np.testing.assert_array_equal(found, (image / np.float64(divisor)).astype(np.float32))


def test_a_constant_image_does_not_divide_by_zero(tmp_path: Path) -> None:
    path = identity().save(tmp_path / "net.onnx")
    for value in ("min-max", "percentile 1 99", "mean-std"):
        found = ijbridge.predict(path, np.full((8, 9), 7, np.uint8), normalize=value, model_axes="bcyx")
        np.testing.assert_array_equal(found, np.zeros((8, 9)))


def test_a_model_that_states_its_normalisation_takes_no_other(little_model: Path) -> None:
    with pytest.raises(OptionError, match=r"normalize=min-max is for models that do not state .* 'Little Network' does"):
        ijbridge.predict(little_model, pixels(20, 24), normalize="min-max")
