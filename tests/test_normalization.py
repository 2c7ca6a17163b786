"""The option ``normalize``: its forms, its numbers, what it takes the place of, and the way back to the image's range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from builders import Network, channel, described, identity, space, subtraction, write_model
from commandline import Run, pixels
from ijbridge.errors import OptionError
from ijbridge.formats import read_model
from ijbridge.normalization import Normalization, with_normalization
from ijbridge.operations import EnsureDtype, RestoreRange, ScaleRange
from ijbridge.options import Options
from reference.csbdeep_cases import FOLDER


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


# --- in place of what a description states ---------------------------------------------------------------------------

PERCENTILES = Normalization("percentile", (2, 99.8))
IMAGE = np.random.default_rng(0).gamma(2, 100, (2, 40, 44)).astype(np.float32)


def percentiles(image: Any, low: float, high: float) -> Any:
    """Normalise every channel of (c, y, x) on its own, as csbdeep and stardist do."""
    lows, highs = (np.percentile(image, one, axis=(1, 2), keepdims=True) for one in (low, high))
    return (image - lows) / (highs - lows + 1e-20)


def predict(path: Path, image: Any = IMAGE, axes: str = "cyx", **options: Any) -> Any:
    return ijbridge.predict(path, image, axes=axes, **options)


def model(folder: Path, *pre: tuple[str, dict[str, Any]]) -> Path:
    """A network of two channels that gives what it gets."""
    operations = [{"id": name, "kwargs": kwargs} for name, kwargs in pre]
    return write_model(folder / "m", identity(channels=2), channels=("a", "b"), out_channels=("a", "b"), pre=operations)


STATED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "nothing": [],
    "percentiles": [("scale_range", {"min_percentile": 5, "max_percentile": 95, "axes": ["y", "x"]})],
    "mean and deviation": [("zero_mean_unit_variance", {"axes": ["channel", "y", "x"]})],
    "numbers": [("scale_linear", {"gain": 0.1, "offset": 3}), ("fixed_zero_mean_unit_variance", {"mean": 5, "std": 2})],
}


@pytest.mark.parametrize("stated", STATED.values(), ids=STATED.keys())
@pytest.mark.parametrize(("low", "high"), [(2, 99.8), (0, 100)])
def test_two_percentiles_take_the_place_of_what_is_stated(
    tmp_path: Path, stated: list[tuple[str, dict[str, Any]]], low: float, high: float
) -> None:
    found = predict(model(tmp_path, *stated), normalize=(low, high))
    np.testing.assert_allclose(found, percentiles(IMAGE, low, high), 1e-5, 1e-6)


@pytest.mark.parametrize("stated", STATED.values(), ids=STATED.keys())
def test_none_leaves_the_pixels_as_they_are(tmp_path: Path, stated: list[tuple[str, dict[str, Any]]]) -> None:
    np.testing.assert_array_equal(predict(model(tmp_path, *stated), normalize="none"), IMAGE)


def test_other_operations_keep_their_places(tmp_path: Path) -> None:
    """What comes before the normalisation that is stated still does."""
    path = model(tmp_path, ("clip", {"min": 50, "max": 300}), ("scale_linear", {"gain": 3, "offset": 0}), ("sigmoid", {}))
    found = predict(path, normalize="1,99")
    expected = 1 / (1 + np.exp(-percentiles(np.clip(IMAGE, 50, 300), 1, 99)))
    np.testing.assert_allclose(found, expected, 1e-5)


def test_it_is_taken_of_every_position_that_is_looped_over(tmp_path: Path) -> None:
    stack = np.stack([IMAGE, 5 * IMAGE + 3])
    found = predict(model(tmp_path), stack, "tcyx", normalize=(2, 99.8))
    for one, image in zip(np.asarray(found), stack, strict=True):
        np.testing.assert_allclose(one, percentiles(image, 2, 99.8), 1e-4, 1e-6)


def test_of_several_inputs_those_are_meant_that_are_normalised(tmp_path: Path) -> None:
    path = subtraction(tmp_path / "m", ("a", "b"))
    description = read_model(path)
    with pytest.raises(
        OptionError, match=r"has 2 inputs \(a, b\) and normalises none of them, so it is not known which is meant"
    ):
        with_normalization(description, PERCENTILES)
    free = {"min": 1, "step": 1}
    inputs = [described(name, channel("c"), space("y", free), space("x", free)) for name in ("a", "b")]
    inputs[1]["preprocessing"] = [{"id": "scale_range"}]
    outputs = [described("y", channel("c"), space("y", 8), space("x", 8))]
    path = write_model(tmp_path / "another", _two_inputs(), inputs=inputs, outputs=outputs)
    a, b = with_normalization(read_model(path), PERCENTILES).inputs
    assert not any(isinstance(one, ScaleRange) for one in a.operations)
    assert [one for one in b.operations if isinstance(one, ScaleRange)] == [ScaleRange(2, 99.8, ("y", "x"), 1e-20)]


def _two_inputs() -> Network:
    net = Network()
    a, b = net.input("a"), net.input("b")
    net.output(net.node("Sub", [a, b], 1), "y")
    return net


# --- where the format does not state it ------------------------------------------------------------------------------


def test_results_get_the_range_back_that_was_taken() -> None:
    description = with_normalization(read_model(FOLDER / "care-2d"), Normalization("percentile", (10, 90)))
    assert description.inputs[0].operations == (ScaleRange(10, 90, ("y", "x"), 1e-20), EnsureDtype("float32"))
    assert description.outputs[0].operations == (RestoreRange("input", 10, 90, ("y", "x")),)


def test_without_normalisation_the_network_alone_is_run() -> None:
    description = with_normalization(read_model(FOLDER / "care-2d"), Normalization("none"))
    assert description.inputs[0].operations == (EnsureDtype("float32"),)
    assert description.outputs[0].operations == ()


def test_other_percentiles_change_nothing_that_is_linear_but_the_range_that_is_clipped() -> None:
    """The same numbers, whether the percentiles are taken here or by the caller and undone after."""
    image = IMAGE[0]
    low, high = np.percentile(image, (10, 90))
    found = predict(FOLDER / "care-2d", image, "yx", normalize=(10, 90))
    bare = predict(FOLDER / "care-2d", (image - low) / (high - low), "yx", normalize="none")
    np.testing.assert_allclose(found, np.asarray(bare) * (high - low) + low, 1e-4, 1e-2)


def test_a_plan_says_what_is_asked_for_and_the_record_what_was_taken() -> None:
    plan = ijbridge.plan(FOLDER / "care-2d", IMAGE[0], axes="yx", normalize=(10, 90))
    assert "scale_range (percentiles 10, 90 over y, x)" in str(plan)
    said = {one.id: one.sentence for one in plan.findings}
    assert said["normalize"] == "Images for input are normalised by percentile 10 90, as the option normalize says."
    assert "normalisation-assumed" not in said
    result = predict(FOLDER / "care-2d", IMAGE[0], "yx", normalize="none")
    assert result.attrs["provenance"]["statistics"] == []


def test_it_is_an_option_of_the_command_line_too(tmp_path: Path, run: Run) -> None:
    given, out = tmp_path / "cells.npy", tmp_path / "out.npy"
    np.save(given, IMAGE[0])
    status, _, err = run("predict", FOLDER / "care-2d", given, "-o", out, "--normalize", "10,90")
    assert (status, err.count("error")) == (0, 0)
    expected = predict(FOLDER / "care-2d", IMAGE[0], "yx", normalize=(10, 90))
    np.testing.assert_array_equal(np.load(out), expected)
    status, _, err = run("plan", FOLDER / "care-2d", given, "--normalize", "90,10")
    assert status == 2
    assert err.startswith("error: normalize=90,10 is not understood: use auto, none, percentile LOW HIGH")


@pytest.mark.parametrize(
    ("value", "given_back"), [("min-max", True), ("mean-std", False), ("divide 200", False), ("none", False)]
)
def test_a_range_is_given_back_where_one_was_taken_and_else_it_is_said(value: str, given_back: bool) -> None:
    plan = ijbridge.plan(FOLDER / "care-2d", IMAGE[0], axes="yx", normalize=value)
    (said,) = [one.sentence for one in plan.findings if one.id == "normalize"]
    assert ("output not given the range of the image back" in said) is not given_back
    assert any(isinstance(one, RestoreRange) for one in plan.outputs[0].tensor.operations) is given_back


def test_the_largest_value_of_a_type_is_that_of_the_image_also_where_a_description_casts_before(tmp_path: Path) -> None:
    image = pixels(2, 20, 24).astype(np.uint8)
    found = predict(model(tmp_path, ("scale_linear", {"gain": 3, "offset": 1})), image, normalize="divide type")
    np.testing.assert_array_equal(found, (image / 255).astype(np.float32))


def test_pixels_that_are_processed_before_are_not_divided_by_the_largest_value_of_their_type(tmp_path: Path) -> None:
    path = model(tmp_path, ("clip", {"min": 50, "max": 300}), ("scale_linear", {"gain": 3, "offset": 0}))
    with pytest.raises(OptionError, match="is processed before it is normalised: name the number"):
        predict(path, normalize="divide type")
