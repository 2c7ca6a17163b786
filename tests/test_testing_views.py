"""A model's own test as pictures, through the inference server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import one_conv, write_model
from commandline import network_gives, pixels
from ijbridge.errors import DescriptionError
from ijbridge.server import InferenceServer
from ijbridge.testing_views import picture


def own_test_of(model: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the report and the pictures by what they show."""
    server = InferenceServer()
    views = server.test_views(str(model))["views"]
    assert json.loads(json.dumps(views)) == views
    arrays = [np.zeros(one["shape"], one["dtype"]) for one in views]
    report = server.test(str(model), {}, arrays)
    assert json.loads(json.dumps(report)) == report
    return report, {one["view"]: array for one, array in zip(views, arrays, strict=True)}


def test_a_model_that_reproduces_shows_no_difference(little_model: Path) -> None:
    report, seen = own_test_of(little_model)
    assert report["words"][0] == "Little Network runs, and reproduces its test outputs."
    assert {view: array.shape for view, array in seen.items()} == dict.fromkeys(
        ("input", "expected", "found", "difference"), (20, 24)
    )
    np.testing.assert_array_equal(seen["input"], pixels(20, 24, seed=1))
    np.testing.assert_array_equal(seen["expected"], network_gives(little_model, pixels(20, 24, seed=1)))
    np.testing.assert_allclose(seen["found"], seen["expected"], atol=1e-6)
    np.testing.assert_allclose(seen["difference"], 0, atol=1e-6)


def test_what_is_wrong_is_seen_where_it_is(tmp_path: Path) -> None:
    given = pixels(20, 24, seed=1)
    folder = write_model(tmp_path / "m", one_conv(), halo=1)
    expected = network_gives(folder, given).copy()
    expected[3, 5] += 2
    write_model(folder, one_conv(), halo=1, test_input=given[None, None], test_output=expected[None, None])
    report, seen = own_test_of(folder)
    assert "does NOT reproduce" in report["words"][0]
    assert "1 of 480 values" in report["words"][1]
    assert np.argwhere(np.abs(seen["difference"]) > 0.1).tolist() == [[3, 5]]
    assert seen["difference"][3, 5] == pytest.approx(-2, abs=1e-5)


def test_a_result_of_another_shape_is_not_shown(tmp_path: Path) -> None:
    given = pixels(20, 24, seed=1)[None, None]
    folder = write_model(tmp_path / "m", one_conv(), halo=1, test_input=given, test_output=given[..., :10])
    report, seen = own_test_of(folder)
    assert "cannot be compared" in report["words"][1]
    assert np.isnan(seen["found"]).all()
    assert np.isnan(seen["difference"]).all()


def test_a_model_without_test_tensors_is_said(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", one_conv())
    with pytest.raises(DescriptionError, match="describes no test tensor for 'raw'"):
        InferenceServer().test_views(str(folder))


@pytest.mark.parametrize(
    ("shape", "letters", "axes"),
    [((1, 1, 4, 5), "bcyx", "yx"), ((3, 2, 4, 5), "bcyx", "tcyx"), ((1, 4, 5, 2), "byxc", "cyx"), ((4, 5, 6), "xyz", "zyx")],
)
def test_axes_are_put_in_the_order_of_imagej(shape: tuple[int, ...], letters: str, axes: str) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    shown = picture(array, letters)
    assert shown is not None
    assert shown[1] == axes
    wanted = [letters.index("b" if letter == "t" else letter) for letter in axes]
    rest = [number for number in range(len(letters)) if number not in wanted]
    np.testing.assert_array_equal(shown[0], array.transpose([*rest, *wanted]).reshape([shape[one] for one in wanted]))


@pytest.mark.parametrize(("shape", "letters"), [((3, 4), "bc"), ((2, 4, 5), "iyx"), ((2, 3, 4, 5), "btyx"), ((4,), "x")])
def test_what_is_no_picture_is_none(shape: tuple[int, ...], letters: str) -> None:
    assert picture(np.zeros(shape), letters) is None
