"""The option ``normalize``: another normalisation than the description's, and the way back to the image's range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from builders import Network, channel, described, identity, space, subtraction, write_model
from commandline import Run
from ijbridge.description import EnsureDtype, RestoreRange, ScaleRange
from ijbridge.errors import PlanError
from ijbridge.formats import read_model
from ijbridge.normalizing import with_normalization
from reference.csbdeep_cases import FOLDER

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
        PlanError, match=r"has 2 inputs \(a, b\) and normalises none of them, so it is not known which is meant"
    ):
        with_normalization(description, (2, 99.8))
    free = {"min": 1, "step": 1}
    inputs = [described(name, channel("c"), space("y", free), space("x", free)) for name in ("a", "b")]
    inputs[1]["preprocessing"] = [{"id": "scale_range"}]
    outputs = [described("y", channel("c"), space("y", 8), space("x", 8))]
    path = write_model(tmp_path / "another", _two_inputs(), inputs=inputs, outputs=outputs)
    a, b = with_normalization(read_model(path), (2, 99.8)).inputs
    assert not any(isinstance(one, ScaleRange) for one in a.operations)
    assert [one for one in b.operations if isinstance(one, ScaleRange)] == [ScaleRange(2, 99.8, ("y", "x"), 1e-20)]


def _two_inputs() -> Network:
    net = Network()
    a, b = net.input("a"), net.input("b")
    net.output(net.node("Sub", [a, b], 1), "y")
    return net


# --- where the format does not state it ------------------------------------------------------------------------------


def test_results_get_the_range_back_that_was_taken() -> None:
    description = with_normalization(read_model(FOLDER / "care-2d"), (10, 90))
    assert description.inputs[0].operations == (ScaleRange(10, 90, ("y", "x"), 1e-20), EnsureDtype("float32"))
    assert description.outputs[0].operations == (RestoreRange("input", 10, 90, ("y", "x")),)


def test_without_normalisation_the_network_alone_is_run() -> None:
    description = with_normalization(read_model(FOLDER / "care-2d"), "none")
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
    assert said["normalize"] == (
        "image is normalised by the percentiles 10 and 90, as the option says and not the description."
    )
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
    assert err.startswith("error: normalize=90,10 is not understood: use auto (what the model's description says), none")
