"""What pixels tell: values that are not numbers, not allowed, saturated or all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from builders import channel, described, follows, identity, space, write_model
from ijbridge import views
from ijbridge.errors import PixelValueError
from ijbridge.formats import read_model
from ijbridge.image import make_image
from ijbridge.pixel_checks import check_pixels, summarise

SCALED = {"id": "scale_range", "kwargs": {}}


def model(folder: Path, low: float | None = None, high: float | None = None, pre: Any = ()) -> Path:
    axes = [space(one, {"min": 1, "step": 1}) for one in "yx"]
    raw = described("raw", channel("c"), *axes, preprocessing=list(pre))
    raw["data"]["range"] = [low, high]
    return write_model(folder / "m", identity(), inputs=[raw], outputs=[described("out", channel("c"), *map(follows, "yx"))])


def findings(folder: Path, array: Any, low: float | None = None, high: float | None = None, pre: Any = ()) -> list[Any]:
    tensor = read_model(model(folder, low, high, pre)).inputs[0]
    return check_pixels(tensor, make_image(array, "yx", name="cells"))


def ramp(top: int = 200, dtype: Any = np.uint8) -> Any:
    return np.linspace(0, top, 100 * 100).reshape(100, 100).astype(dtype)


def test_ordinary_pixels_are_not_mentioned(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16, np.int16, np.float32):
        assert findings(tmp_path, ramp(200, dtype), 0, 255) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted(tmp_path: Path, bad: float) -> None:
    array = ramp(dtype=np.float32)
    array[3, 4:9] = bad
    (found,) = findings(tmp_path, array, 0, 1)
    assert (found.id, found.severity) == ("not-finite", "error")
    assert found.sentence.startswith("cells holds 5 pixels that are NaN or infinite, but no network makes anything of these")
    with pytest.raises(PixelValueError, match="cells holds 5 pixels"):
        ijbridge.predict(model(tmp_path), make_image(array, "yx", name="cells"))


def test_values_that_are_all_no_numbers_are_counted_too(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, np.full((20, 30), np.nan))
    assert found.found == "cells holds 600 pixels that are NaN or infinite"


@pytest.mark.parametrize(
    ("low", "high", "allowed"), [(0, 100, "0 to 100"), (None, 199.5, "-inf to 199.5"), (1, None, "1 to inf")]
)
def test_values_that_the_model_does_not_allow_are_found(
    tmp_path: Path, low: float | None, high: float | None, allowed: str
) -> None:
    (found,) = findings(tmp_path, ramp(), low, high)
    assert (found.id, found.severity) == ("intensity-range", "warning")
    assert found.sentence == (f"cells holds values from 0 to 200, the model allows {allowed}: scale the values to that range.")


def test_values_that_are_not_allowed_are_only_noted_where_the_model_normalises(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, ramp(), 0, 100, [SCALED])
    assert (found.id, found.severity) == ("intensity-range", "note")


@pytest.mark.parametrize(
    ("dtype", "top", "pixels", "severity"),
    [
        (np.uint8, 255, 9, None),
        (np.uint8, 255, 10, "note"),
        (np.uint8, 255, 100, "warning"),
        (np.uint8, 254, 100, None),
        (np.uint16, 4095, 100, "warning"),
        (np.uint16, 65535, 100, "warning"),
        (np.uint16, 4096, 100, None),
        (np.float32, 255, 100, None),
    ],
)
def test_saturated_pixels_are_found(tmp_path: Path, dtype: Any, top: int, pixels: int, severity: str | None) -> None:
    array = ramp(200, dtype)
    array.ravel()[:pixels] = top
    found = findings(tmp_path, array)
    assert [(one.id, one.severity) for one in found] == ([("saturated", severity)] if severity else [])


def test_the_share_of_saturated_pixels_is_said(tmp_path: Path) -> None:
    array = ramp(200)
    array[:, 10:35] = 255
    (found,) = findings(tmp_path, array)
    assert found.found == "25 % of the pixels of cells are at 255, the largest value there is"


def test_a_constant_image_is_found(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, np.full((20, 30), 255, np.uint8))
    assert (found.id, found.found) == ("constant", "cells is constant: every pixel is 255")
    assert findings(tmp_path, np.full((20, 30), 255, np.uint8), pre=[SCALED]) == []  # said where it is measured


def test_an_image_in_many_blocks_is_summarised_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(1).integers(0, 256, (5, 61, 83)).astype(np.uint8)
    whole = summarise(make_image(array, "zyx"))
    monkeypatch.setattr(views, "BLOCK", 500)
    assert summarise(make_image(array, "zyx")) == whole
    assert whole.saturated == np.mean(array == 255)
    assert (whole.low, whole.high) == (array.min(), array.max())
