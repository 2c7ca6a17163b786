"""Findings say what was found, what is expected and what to do, and say nothing where all is well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders import channel, described, follows, identity, space, write_model
from ijbridge import checks
from ijbridge.checks import Finding
from ijbridge.description import ModelDescription, Tensor
from ijbridge.formats import read_model
from ijbridge.image import Header


def read(folder: Path, *pre: Any, dtype: str = "float32", unit: str = "micrometer", scale: float = 0.5) -> ModelDescription:
    axes = [space(one, {"min": 1, "step": 1}, unit=unit, scale=scale) for one in "yx"]
    raw = described("raw", channel("c"), *axes, dtype=dtype, preprocessing=list(pre))
    out = described("out", channel("c"), *(follows(one, scale=scale, unit=unit) for one in "yx"))
    return read_model(write_model(folder / "m", identity(), inputs=[raw], outputs=[out]))


def raw(description: ModelDescription) -> Tensor:
    return description.inputs[0]


def image(size: float | None, unit: str | None) -> Header:
    sizes = {} if size is None else {"y": size, "x": size}
    return Header((20, 30), "uint8", "yx", sizes, {} if unit is None else dict.fromkeys(sizes, unit), name="cells")


@pytest.mark.parametrize(("size", "unit"), [(0.5, "µm"), (500.0, "nm"), (0.53, "µm"), (0.47, "micron")])
def test_a_pixel_size_that_is_the_models_is_not_mentioned(tmp_path: Path, size: float, unit: str) -> None:
    assert checks.check_pixel_size(raw(read(tmp_path)), image(size, unit)) == []


def test_a_pixel_size_that_differs_is_given_with_its_factor(tmp_path: Path) -> None:
    found = checks.check_pixel_size(raw(read(tmp_path)), image(250.0, "nm"))
    assert [(one.id, one.severity) for one in found] == [("pixel-size-differs", "warning")] * 2
    assert found[0].sentence == (
        "cells has pixels of 250 nm along y, the model expects 0.5 µm, a factor of 0.5: objects may be missed or split; "
        "resample the image to the model's pixel size."
    )


@pytest.mark.parametrize(("unit", "said"), [(None, "no stated unit"), ("s", "s"), ("furlong", "furlong")])
def test_a_pixel_size_that_is_no_length_is_asked_for(tmp_path: Path, unit: str | None, said: str) -> None:
    found = checks.check_pixel_size(raw(read(tmp_path)), image(0.5, unit))
    assert [one.id for one in found] == ["pixel-size-unit"] * 2
    assert f"cells has pixels of 0.5 {said} along x, the model expects 0.5 µm" in found[1].sentence


def test_a_pixel_size_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    found = checks.check_pixel_size(raw(read(tmp_path)), image(None, None))
    assert [one.id for one in found] == ["pixel-size-missing"] * 2
    assert "cells has no pixel size along x, the model expects 0.5 µm" in found[1].sentence


def test_a_model_that_states_no_pixel_size_expects_none(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", identity())
    assert checks.check_pixel_size(raw(read_model(path)), image(None, None)) == []


SCALED = {"id": "scale_range", "kwargs": {}}
BINARY = {"id": "binarize", "kwargs": {"threshold": 3}}


def ensure(dtype: str) -> dict[str, Any]:
    return {"id": "ensure_dtype", "kwargs": {"dtype": dtype}}


@pytest.mark.parametrize(
    ("dtype", "pre", "warned"),
    [
        ("uint8", [SCALED], True),
        ("int16", [ensure("float32"), SCALED], True),
        ("float32", [SCALED], False),
        ("uint8", [], False),
        ("uint8", [SCALED, BINARY], False),
        ("uint8", [SCALED, BINARY, ensure("uint8")], False),
        ("uint8", [BINARY], False),
        ("uint8", [SCALED, ensure("float32")], False),
        ("float32", [SCALED, ensure("uint8"), ensure("float32")], True),
    ],
)
def test_fractions_that_a_cast_to_integers_cuts_off_are_warned_of(
    tmp_path: Path, dtype: str, pre: list[Any], warned: bool
) -> None:
    found = checks.check_casts(raw(read(tmp_path, *pre, dtype=dtype)))
    assert [one.id for one in found] == ["cast-to-integers"] * warned


def test_weights_that_are_not_used_and_not_there_are_noted(tmp_path: Path) -> None:
    weights = {"onnx": {"source": "weights.onnx"}, "keras_hdf5": {"source": "w.h5"}, "torchscript": {"source": "w.pt"}}
    description = read_model(write_model(tmp_path / "m", identity(), weights=weights))
    (found,) = checks.check_weights(description, "onnx")
    assert (found.id, found.severity) == ("weights-missing", "note")
    assert found.sentence == "The package lacks its weights for torchscript, keras_hdf5; onnx is used."
    assert checks.check_weights(read_model(write_model(tmp_path / "all", identity())), "onnx") == []


def test_a_sentence_leaves_out_what_there_is_not() -> None:
    assert Finding("x", "note", "It is so").sentence == "It is so."
    assert Finding("x", "note", "It is so", "not otherwise").sentence == "It is so, not otherwise."
    assert Finding("x", "note", "It is so", advice="change it").sentence == "It is so: change it."
