"""A plan in plain words, for a person who does not know what a tensor is."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import one_conv, write_model
from ijbridge.image import Header
from ijbridge.plan_words import pixel_words, plan_words, size_words


def words(model: Path, header: Header, **options: object) -> dict[str, str]:
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options

    with LoadedModel(model) as loaded:
        return dict(plan_words(loaded.plan({"raw": header}, Options.named(options))))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "m", one_conv(), halo=1, pixel_size={"y": 0.2, "x": 0.1})


FRAMES = Header((5, 100, 60), "uint16", "tyx", {"y": 0.2, "x": 0.2}, {"y": "um", "x": "um"}, name="cells")


def test_a_plan_says_what_happens_to_axes_pixels_and_tiles(model: Path) -> None:
    said = words(model, FRAMES, tile=40, device="cpu")
    assert said["Image"] == "cells: 60 × 100 pixels, 5 frames, 16 bit"
    assert said["Axes"] == "the model sees y and x, and is run on each of the 5 frames"
    assert said["Pixel size"] == "0.2 µm; the model expects 0.1 × 0.2 µm (x, y)"
    assert said["Tiles"] == "2 × 3 of 40 × 40 pixels (x, y), with 1 pixel of their neighbours on every side"
    assert said["Network"] == "runs 30 times on the CPU"
    assert said["Result"] == "cells-out: 60 × 100 pixels, 5 frames, 32 bit, pixels of 0.2 µm"


def test_resampling_and_a_chosen_channel_are_said(model: Path) -> None:
    sizes, units = dict.fromkeys("yx", 0.2), dict.fromkeys("yx", "um")
    header = Header((2, 100, 60), "uint8", "cyx", sizes, units, channel_names=("DAPI", "GFP"), name="cells")
    said = words(model, header, rescale=True, channel="GFP")
    assert said["Channels"] == "2 (GFP) of 2"
    assert said["Pixel size"].endswith("; resampled to 120 × 100 pixels, 8 bit")


def test_an_image_in_one_piece_is_said_to_be_whole(model: Path) -> None:
    said = words(model, Header((100, 60), "uint8", "yx"), tile="whole")
    assert said["Tiles"] == "one of 60 × 100 pixels, the whole image"
    assert said["Network"].startswith("runs once on ")
    assert said["Pixel size"] == "not known; the model expects 0.1 × 0.2 µm (x, y)"


def test_sizes_are_said_as_imagej_says_them() -> None:
    assert size_words(Header((1, 2, 3, 40, 50), "float32", "tzcyx")) == "50 × 40 pixels, 2 slices, 1 frame, 3 channels, 32 bit"
    assert pixel_words({"x": 1.0, "y": 1.0, "z": 0.002}, {"x": "um", "y": "um", "z": "mm"}) == "x 1 µm, y 1 µm, z 0.002 mm"
    assert pixel_words({"x": 0.5, "y": 0.5}, {"x": "", "y": ""}) == "0.5"
