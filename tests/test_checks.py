"""Findings say what was found, what is expected and what to do, and say nothing where all is well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import channel, described, follows, identity, space, write_model
from ijbridge import checks
from ijbridge.description import ModelDescription, Tensor
from ijbridge.findings import Finding
from ijbridge.formats import read_model
from ijbridge.image import Header

SCALED = {"id": "scale_range", "kwargs": {}}
BINARY = {"id": "binarize", "kwargs": {"threshold": 3}}


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
    assert [(one.id, one.severity) for one in found] == [("pixel-size-differs", "warning")]
    assert found[0].sentence == (
        "cells has pixels of 250 nm along y and x, the model expects 0.5 µm, a factor of 0.5: objects may be missed or split; "
        "rescale resamples the image to the model's pixel size."
    )


@pytest.mark.parametrize(("unit", "said"), [(None, "(in no stated unit)"), ("s", "s"), ("furlong", "furlong")])
def test_a_pixel_size_that_is_no_length_is_asked_for(tmp_path: Path, unit: str | None, said: str) -> None:
    found = checks.check_pixel_size(raw(read(tmp_path)), image(0.5, unit))
    assert [one.id for one in found] == ["pixel-size-unit"]
    assert f"cells has pixels of 0.5 {said} along y and x, the model expects 0.5 µm" in found[0].sentence


def test_a_pixel_size_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    found = checks.check_pixel_size(raw(read(tmp_path)), image(None, None))
    assert [one.id for one in found] == ["pixel-size-missing"]
    assert "cells has no pixel size along y and x, the model expects 0.5 µm" in found[0].sentence


def test_a_model_that_states_no_pixel_size_expects_none(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", identity())
    assert checks.check_pixel_size(raw(read_model(path)), image(None, None)) == []


def sized(y: float, x: float, **more: Any) -> Header:
    return replace(image(1.0, "µm"), pixel_size={"y": y, "x": x}, **more)


def ids(tensor: Tensor, header: Header, loops: dict[str, int] | None = None) -> list[str]:
    return [one.id for one in checks.check_header(tensor, header, loops or {})]


def test_pixels_of_other_proportions_than_the_models_are_found(tmp_path: Path) -> None:
    found = checks.check_header(raw(read(tmp_path)), sized(0.5, 0.25), {})
    assert [one.id for one in found] == ["pixel-size-differs", "anisotropy"]
    assert found[1].sentence == (
        "cells has pixels of 0.5 µm (y) x 0.25 µm (x), the model expects other proportions: shapes look stretched; "
        "rescale resamples the image to the model's pixel size."
    )


def test_square_pixels_of_another_size_are_not_stretched(tmp_path: Path) -> None:
    assert "anisotropy" not in ids(raw(read(tmp_path)), sized(5, 5))


def test_pixels_that_are_not_square_are_found_where_the_model_states_no_size(tmp_path: Path) -> None:
    tensor = raw(read_model(write_model(tmp_path / "m", identity())))
    assert ids(tensor, sized(0.5, 0.25)) == ["anisotropy"]
    assert ids(tensor, sized(0.5, 0.47)) == []
    assert ids(tensor, replace(sized(0.5, 500), unit={"y": "µm", "x": "nm"})) == []


def test_an_axis_that_is_looped_over_is_noted(tmp_path: Path) -> None:
    (found,) = checks.check_header(raw(read(tmp_path)), image(0.5, "µm"), {"t": 5, "z": 1})
    assert (found.id, found.severity) == ("axis-looped", "note")
    assert found.sentence == (
        "cells has 5 positions along t, which the model's input 'raw' does not know: it runs once for every position."
    )


def ranged(folder: Path, low: float, high: float, *pre: Any, dtype: str = "float32") -> Tensor:
    described_input = described("raw", channel("c"), space("y", 8), space("x", 8), dtype=dtype, preprocessing=list(pre))
    described_input["data"]["range"] = [low, high]
    outputs = [described("out", channel("c"), space("y", 8), space("x", 8))]
    return raw(read_model(write_model(folder / "m", identity(), inputs=[described_input], outputs=outputs)))


@pytest.mark.parametrize(
    ("model", "given", "found"),
    [
        ("uint8", "uint8", []),
        ("uint8", "uint16", ["bit-depth"]),
        ("uint8", "float32", ["bit-depth"]),
        ("uint8", "bool", []),
        ("uint16", "uint8", []),
        ("uint16", "int16", ["bit-depth"]),
        ("float32", "uint16", []),
    ],
)
def test_a_type_that_a_cast_would_cut_off_is_found(tmp_path: Path, model: str, given: str, found: list[str]) -> None:
    assert ids(raw(read(tmp_path, dtype=model)), replace(image(0.5, "µm"), dtype=given)) == found


@pytest.mark.parametrize(
    ("top", "pre", "given", "found"),
    [
        (255, [], "uint16", []),
        (65535, [], "uint8", ["bit-depth"]),
        (4095, [], "uint8", ["bit-depth"]),
        (4095, [], "uint16", []),
        (255, [], "uint8", []),
        (255, [], "float32", []),
        (1, [], "uint8", []),
        (255, [SCALED], "uint16", []),
    ],
)
def test_a_type_of_fewer_bits_than_the_model_expects_is_found(
    tmp_path: Path, top: float, pre: list[Any], given: str, found: list[str]
) -> None:
    assert ids(ranged(tmp_path, 0, top, *pre), replace(image(None, None), dtype=given)) == found


def test_an_image_smaller_than_the_model_takes_is_found() -> None:
    assert checks.check_few_pixels(image(None, None), "y", 64, 64) == []
    (found,) = checks.check_few_pixels(image(None, None), "y", 40, 64)
    assert (found.id, found.severity) == ("few-pixels", "warning")
    assert found.sentence.startswith("cells has 40 pixels along y, the model takes at least 64: the rest is padding")


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


def test_the_sentence_of_an_error_opposes_what_is_found_to_what_is_expected() -> None:
    found = Finding("x", "error", "It is so", "should not be", "change it")
    assert found.sentence == "It is so, but should not be: change it."
    assert found.to_dict() == {
        "id": "x", "severity": "error", "message": found.sentence, "found": "It is so", "expected": "should not be",
        "advice": "change it",
    }  # fmt: skip
