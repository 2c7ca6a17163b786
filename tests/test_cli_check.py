"""``ijbridge check`` and ``plan --measure``: what is worth knowing of an image before a model runs on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from builders import channel, described, follows, one_conv, space, write_model
from commandline import Run, edit, pixels


def found(run: Run, *arguments: object, status: int = 0) -> list[dict[str, Any]]:
    """Give the findings of a check, whose text and JSON must agree."""
    given, out, err = run("check", *arguments, "--json")
    assert (given, err) == (status, "")
    reply = json.loads(out)
    assert set(reply) == {"model", "image", "fits", "findings"}
    assert reply["fits"] is (status == 0)
    findings: list[dict[str, Any]] = reply["findings"]
    for one in findings:
        assert list(one) == ["id", "severity", "message", "found", "expected", "advice"]
    text = run("check", *arguments)
    assert (text[0], text[2]) == (status, "")
    if findings:
        assert text[1].splitlines() == [f"{one['severity']:<8} {one['id']}: {one['message']}" for one in findings]
    return findings


def ids(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["id"], one["severity"]) for one in findings]


def save(folder: Path, array: Any) -> Path:
    np.save(folder / "image.npy", array)
    return folder / "image.npy"


@pytest.fixture
def sized_model(tmp_path: Path) -> Path:
    """A model with all that an image can miss: pixel size, range, smallest size."""
    axes = [space(one, {"min": 32, "step": 8}, unit="micrometer", scale=0.5) for one in "yx"]
    raw = described("raw", channel("c"), *axes)
    raw["data"]["range"] = [0, 255]
    out = described("out", channel("c"), *(follows(one, 1, unit="micrometer", scale=0.5) for one in "yx"))
    return write_model(tmp_path / "model", one_conv(), inputs=[raw], outputs=[out])


def sized(folder: Path, array: Any, axes: str = "YX", pixel: float = 0.5) -> Path:
    resolution = (1 / pixel, 1 / pixel)
    tifffile.imwrite(folder / "cells.tif", array, imagej=True, resolution=resolution, metadata={"unit": "um", "axes": axes})
    return folder / "cells.tif"


def test_an_image_that_fits_is_said_to(run: Run, sized_model: Path, tmp_path: Path) -> None:
    image = sized(tmp_path, pixels(40, 50, dtype="uint8"))
    assert found(run, sized_model, image) == []
    assert run("check", sized_model, image) == (0, f"{image} fits Little Network: there is nothing to say.\n", "")


def test_all_that_is_wrong_is_said_at_once(run: Run, sized_model: Path, tmp_path: Path) -> None:
    array = pixels(3, 20, 50, dtype="uint16") * 100
    array[:, :5] = 65535
    image = sized(tmp_path, array, "TYX", 0.25)
    findings = found(run, sized_model, image)
    assert ids(findings) == [
        ("pixel-size-differs", "warning"),
        ("few-pixels", "warning"),
        ("intensity-range", "warning"),
        ("saturated", "warning"),
        ("axis-looped", "note"),
    ]
    assert findings[0]["found"] == "cells has pixels of 0.25 µm along y and x"
    assert findings[0]["expected"] == "the model expects 0.5 µm, a factor of 0.5"
    assert findings[0]["advice"].startswith("objects may be missed or split")


def test_options_are_checked_with(run: Run, sized_model: Path, tmp_path: Path) -> None:
    image = sized(tmp_path, pixels(2, 80, 90, dtype="uint8"), "CYX", 0.25)
    assert ids(found(run, sized_model, image, status=1)) == [("wrong-channels", "error"), ("pixel-size-differs", "warning")]
    assert ids(found(run, sized_model, image, "--channel", 2, "--rescale")) == [("rescaled", "note")]
    assert ids(found(run, sized_model, image, "--channel", 3, status=1)) == [("image-refused", "error")]


@pytest.mark.parametrize(
    ("shape", "axes", "refused"),
    [
        ((4, 40, 50), "cyx", ["wrong-channels"]),
        ((4, 3, 40, 50), "ciyx", ["wrong-channels", "extra-axis"]),
    ],
)
def test_axes_that_do_not_fit_are_errors_and_all_are_listed(
    run: Run, little_model: Path, tmp_path: Path, shape: tuple[int, ...], axes: str, refused: list[str]
) -> None:
    image = save(tmp_path, pixels(*shape))
    assert [one["id"] for one in found(run, little_model, image, "--axes", axes, status=1)] == refused


def test_a_missing_axis_is_an_error(run: Run, tmp_path: Path) -> None:
    axes = [space(one, {"min": 4, "step": 2}) for one in "zyx"]
    out = described("out", channel("c"), *(follows(one, 1) for one in "zyx"))
    model = write_model(tmp_path / "m", one_conv(ndim=3), inputs=[described("raw", channel("c"), *axes)], outputs=[out])
    (one,) = found(run, model, save(tmp_path, pixels(40, 50)), status=1)
    assert (one["id"], one["severity"]) == ("missing-axis", "error")
    assert one["message"].startswith(
        "image is 40 x 50 (yx) float32, but the model's input 'raw' needs depth (z) too, at least 4"
    )


def test_pixels_that_are_no_numbers_are_an_error_beside_the_rest(run: Run, sized_model: Path, tmp_path: Path) -> None:
    array = pixels(40, 50)
    array[0, 0] = np.nan
    image = sized(tmp_path, array, pixel=0.25)
    assert ids(found(run, sized_model, image, status=1))[0] == ("not-finite", "error")
    assert {one["id"] for one in found(run, sized_model, image, status=1)} == {"not-finite", "pixel-size-differs"}


def test_a_constant_image_is_found_whether_it_is_normalised_or_not(run: Run, little_model: Path, tmp_path: Path) -> None:
    image = save(tmp_path, np.full((40, 50), 9, np.uint8))
    assert ids(found(run, little_model, image)) == [("constant", "warning")]
    edit(little_model, "inputs.0.preprocessing", [{"id": "zero_mean_unit_variance", "kwargs": {}}])
    assert ids(found(run, little_model, image)) == [("constant", "warning")]


def test_a_model_that_cannot_run_is_an_error_like_the_others(run: Run, little_model: Path, little_image: Path) -> None:
    (little_model / "weights.onnx").unlink()
    (one,) = found(run, little_model, little_image, status=1)
    assert (one["id"], one["severity"]) == ("cannot-run", "error")
    assert "has no weights that ijbridge runs" in one["message"]


def test_a_size_the_model_does_not_take_is_an_error(run: Run, little_model: Path, little_image: Path) -> None:
    (one,) = found(run, little_model, little_image, "--rescale", status=1)
    assert (one["id"], one["severity"]) == ("no-plan", "error")


def test_what_is_neither_model_nor_image_is_an_error_line(run: Run, little_model: Path, tmp_path: Path) -> None:
    status, out, err = run("check", little_model, tmp_path / "none.npy", "--json")
    assert (status, out) == (1, "")
    assert err.startswith("error: There is no image")
    assert run("check", little_model, tmp_path / "none.npy", "--memory", "much")[0] == 2


def test_nothing_is_written_by_a_check(run: Run, little_model: Path, little_image: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    run("check", little_model, little_image)
    assert sorted(tmp_path.rglob("*")) == before


def test_plan_measure_shows_the_numbers_and_what_the_pixels_tell(run: Run, sized_model: Path, tmp_path: Path) -> None:
    edit(sized_model, "inputs.0.preprocessing", [{"id": "zero_mean_unit_variance", "kwargs": {}}])
    array = pixels(40, 50, dtype="uint8")
    array[:20] = 255
    image = sized(tmp_path, array)
    status, out, err = run("plan", sized_model, image, "--measure")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    numbers = f"{array.mean():g}, {array.std():g}"
    assert f"measured   zero_mean_unit_variance of raw: mean, std over all axes = {numbers}" in lines
    assert lines[-1].startswith("warning    50 % of the pixels of cells are at 255")
    reply = json.loads(run("plan", sized_model, image, "--measure", "--json")[1])
    assert reply["statistics"][0]["values"][0][0] == [array.mean()]
    assert [one["id"] for one in reply["findings"]] == ["saturated"]
    assert "saturated" not in run("plan", sized_model, image)[1]
