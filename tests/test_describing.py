"""Descriptions for people and for programs."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from descriptions import REMOVED, changed, read, v04, v05
from ijbridge.describing import description_dict, description_text, plain, size_text
from ijbridge.description import FixedSize, FreeSize, ReferencedSize, Size, SteppedSize


def shown(folder: Path, description: dict[str, Any]) -> dict[str, Any]:
    """Give a description as a program that reads its JSON sees it."""
    loaded: dict[str, Any] = json.loads(json.dumps(description_dict(read(folder, description)), allow_nan=False))
    return loaded


@pytest.mark.parametrize("description", [v04, v05])
def test_the_keys_that_programs_rely_on_are_there(tmp_path: Path, description: Any) -> None:
    data = shown(tmp_path, description())
    assert {"format", "format_version", "name", "inputs", "outputs", "weights", "authors", "cite", "license", "version",
            "config", "documentation", "training_data", "location", "digest", "findings"} <= set(data)  # fmt: skip
    assert data["format"] == "bioimage.io"
    for tensor in (*data["inputs"], *data["outputs"]):
        assert {"id", "axes", "dtype", "operations", "test_tensor", "sample_tensor", "value_range"} <= set(tensor)
        assert all({"id", "type", "size", "letter"} <= set(axis) for axis in tensor["axes"])
    assert {"format", "file", "available", "opset_version"} <= set(data["weights"][0])


def test_axes_are_lists_of_mappings_with_all_that_is_known(tmp_path: Path) -> None:
    data = shown(tmp_path, v05())
    assert data["inputs"][0]["axes"][1:3] == [
        {"id": "channel", "type": "channel", "letter": "c", "size": 2, "channel_names": ["dapi", "gfp"]},
        {"id": "y", "type": "space", "letter": "y", "size": {"min": 64, "step": 16}, "pixel_size": 0.5, "unit": "micrometer"},
    ]
    assert data["outputs"][0]["axes"][2] == {
        "id": "y",
        "type": "space",
        "letter": "y",
        "size": {"tensor_id": "raw", "axis_id": "y", "ratio": 0.5, "offset": 0},
        "pixel_size": None,
        "unit": None,
        "halo": 8,
    }


def test_operations_are_names_with_arguments(tmp_path: Path) -> None:
    data = shown(tmp_path, changed(v05(), "outputs.0.postprocessing", [{"id": "custom", "kwargs": {}}]))
    assert data["inputs"][0]["operations"] == [
        {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
        {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"], "eps": 1e-05}},
        {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
    ]
    assert data["outputs"][0]["operations"][0]["id"] == "custom"
    assert data["outputs"][0]["operations"][0]["supported"] is False
    assert "Python code" in data["outputs"][0]["operations"][0]["why"]


def test_numbers_that_json_lacks_become_texts(tmp_path: Path) -> None:
    data = shown(tmp_path, v05(config={"a": float("nan"), "b": [float("inf"), -float("inf")], 3: {"c": None}}))
    assert data["config"] == {"a": "nan", "b": ["inf", "-inf"], "3": {"c": None}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Fraction(3), 3), (Fraction(1, 2), 0.5), ((1, (2,)), [1, [2]]), (FixedSize(3), {"size": 3}), (None, None), (True, True)],
)
def test_plain_data_is_made_of_what_a_description_holds(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (FixedSize(512), "512"),
        (SteppedSize(64, 16), "64 + n × 16"),
        (ReferencedSize("raw", "y"), "as raw.y"),
        (ReferencedSize("raw", "y", Fraction(1, 2), Fraction(3)), "as raw.y × 1/2 + 3"),
        (ReferencedSize("raw", "y", Fraction(2), Fraction(-1)), "as raw.y × 2 - 1"),
        (FreeSize(), "free"),
        (FreeSize(2, 9), "2 to 9"),
        (FreeSize(1, 9), "1 to 9"),
        (FreeSize(2), "2 to any"),
    ],
)
def test_a_size_is_said_shortly(size: Size, text: str) -> None:
    assert size_text(size) == text


def test_the_page_for_people_says_what_they_look_for(tmp_path: Path) -> None:
    page = description_text(read(tmp_path, v05(version="1.2", tags=["nuclei"], training_data={"id": "data"})))
    lines = [" ".join(line.split()) for line in page.splitlines()]
    for line in (
        "Two Inputs (version 1.2)",
        "format bioimage.io 0.5.4",
        "authors A. Tester",
        "licence CC0-1.0",
        "cite Nobody 2020 (10.1000/1)",
        "tags nuclei",
        "trained on data",
        "input raw: float32 from 0, the image",
        "channel 2; dapi, gfp",
        "y 64 + n × 16; 0.5 micrometer",
        "first zero_mean_unit_variance axes=['y', 'x'], eps=1e-05",
        "output prob: float32 from 0 to 1",
        "y as raw.y × 1/2; halo 8",
        "then sigmoid",
        "weights onnx: weights.onnx (missing)",
    ):
        assert line in lines, f"{line!r} is not on the page:\n{page}"


@pytest.mark.parametrize(
    ("bounds", "text"),
    [([0, 1], "float32 from 0 to 1"), ([None, 1], "float32 to 1"), ([0, None], "float32 from 0"), (REMOVED, "float32,")],
)
def test_a_range_may_be_open_on_either_side(tmp_path: Path, bounds: Any, text: str) -> None:
    page = description_text(read(tmp_path, changed(v05(), "inputs.0.data.range", bounds)))
    assert f"raw: {text}" in page


def test_the_page_shows_an_operation_that_cannot_be_run(tmp_path: Path) -> None:
    page = description_text(read(tmp_path, changed(v05(), "outputs.0.postprocessing", [{"id": "custom"}])))
    assert "custom (cannot be run)" in page


def test_what_is_not_stated_is_said_to_be(tmp_path: Path) -> None:
    page = description_text(read(tmp_path, v05(authors=[], license=None, cite=None)))
    assert "authors      not stated" in page
    assert "licence      not stated" in page
