"""Indexed images in TIFF: a palette says either how intensities are shown, or what colours the pixels are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture
from skimage import data

from ijbridge.image_io import read_image
from ijbridge.tiff_metadata import is_scattered

LEVELS = np.arange(256)
NONE = np.zeros(256, int)
CUBE = np.arange(216)

#: Tables of colours by red, green and blue.
RAMPS: dict[str, Any] = {
    "green": [NONE, LEVELS, NONE],
    "green, inverted": [NONE, LEVELS[::-1], NONE],
    "hot": [np.clip(3 * LEVELS - shift, 0, 255) for shift in (0, 255, 510)],
    "gray with marked extremes": [
        np.where(LEVELS == 0, 0, LEVELS),
        np.where(LEVELS == 255, 0, LEVELS),
        np.where(LEVELS == 0, 255, np.where(LEVELS == 255, 0, LEVELS)),
    ],
    "bands": [LEVELS // 16 % 2 * 255, LEVELS // 32 % 2 * 255, LEVELS // 64 * 85],
    "grays in any order": [LEVELS * 91 % 256] * 3,
    "two colours": [[0, 255], [0, 40], [0, 0]],
    "a short ramp": [[0, 80, 160, 240], [0, 0, 0, 0], [0, 0, 0, 0]],
    "one colour": [[255], [0], [0]],
    "nothing but black": [[0], [0], [0]],
}
SCATTERED: dict[str, Any] = {
    "scattered colours": np.random.default_rng(3).integers(0, 256, (3, 256)),
    "the cube of browsers": [CUBE % 6 * 51, CUBE // 6 % 6 * 51, CUBE // 36 * 51],
    "few colours": [[0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]],
}


def palette(name: str) -> NDArray[np.uint8]:
    return np.asarray({**RAMPS, **SCATTERED}[name], np.uint8)


def filled_up(table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(table, [(0, 0), (0, 256 - table.shape[1])])


def pixels(*shape: int, dtype: str = "uint8") -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def indexed(path: Path, values: NDArray[Any], name: str, **more: Any) -> Path:
    colormap = filled_up(palette(name)).astype("uint16") * 257
    tifffile.imwrite(path, values, photometric="palette", colormap=colormap, **more)
    return path


@pytest.mark.parametrize("name", RAMPS)
def test_a_palette_that_only_says_how_intensities_are_shown_changes_no_value(tmp_path: Path, name: str) -> None:
    values = pixels(16, 21)
    image = read_image(indexed(tmp_path / "a.tif", values, name))
    assert (image.header.axes, image.header.dtype) == ("yx", "uint8")
    np.testing.assert_array_equal(image.array, values)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("name", SCATTERED)
def test_a_palette_of_scattered_colours_gives_red_green_and_blue(tmp_path: Path, name: str, compression: str | None) -> None:
    values, table = pixels(16, 21), filled_up(palette(name))
    image = read_image(indexed(tmp_path / "a.tif", values, name, compression=compression))
    assert (image.header.axes, image.header.dtype) == ("yxc", "uint8")
    for channel in range(3):
        np.testing.assert_array_equal(image.array[..., channel], table[channel][values])


@pytest.mark.parametrize("name", [*RAMPS, *SCATTERED])
def test_what_a_palette_is_filled_up_with_does_not_matter(name: str) -> None:
    table = palette(name)
    assert is_scattered(table) == is_scattered(filled_up(table)) == (name in SCATTERED)


@pytest.mark.parametrize("colours", [256, 64, 16, 8])
@pytest.mark.parametrize("name", ["immunohistochemistry", "retina", "hubble_deep_field"])
def test_a_photograph_of_sorted_colours_is_read_in_its_colours(tmp_path: Path, name: str, colours: int) -> None:
    photograph = Picture.fromarray(getattr(data, name)()).reduce(4).quantize(colours, method=Picture.Quantize.MEDIANCUT)
    photograph.save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").array, np.asarray(photograph.convert("RGB")))


@pytest.mark.parametrize(("given", "expected"), [(None, "zyxc"), ("tyx", "tyxc"), ("cyx", "cyx")])
def test_planes_of_indexed_colours_keep_their_axes_and_channels_are_no_colours(
    tmp_path: Path, given: str | None, expected: str
) -> None:
    values, table = pixels(5, 16, 21), palette("scattered colours")
    image = read_image(indexed(tmp_path / "a.tif", values, "scattered colours", imagej=True, metadata={"axes": "ZYX"}), given)
    assert image.header.axes == expected
    np.testing.assert_array_equal(image.array, values if expected == "cyx" else table.T[values])


def test_a_palette_of_16_bits_is_not_looked_up_as_in_imagej(tmp_path: Path) -> None:
    values = pixels(16, 21, dtype="uint16")
    table = np.random.default_rng(0).integers(0, 65536, (3, 65536)).astype("uint16")
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="palette", colormap=table)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").array, values)
