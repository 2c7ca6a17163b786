"""Indexed images: ImageJ and Python take the same file for the same pixels, be the palette a LUT or colours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture

import ijbridge
from imagej_session import ImageJ, Session

pytestmark = pytest.mark.imagej

LEVELS = np.arange(256)
NONE = np.zeros(256, int)

#: Tables by red, green and blue: two LUTs, then two palettes of colours.
TABLES: dict[str, Any] = {
    "green": [NONE, LEVELS, NONE],
    "inverted": [LEVELS[::-1]] * 3,
    "scattered": np.random.default_rng(3).integers(0, 256, (3, 256)),
    "sorted": np.clip(LEVELS + np.random.default_rng(4).integers(-9, 10, (3, 256)), 0, 255),
}
LUTS = ("green", "inverted")
COLOURS = ("scattered", "sorted")

#: LUTs of ImageJ's menu, put on an image that is saved by ImageJ and opened again.
MENU = ("Fire", "Ice", "Spectrum", "Red/Green", "Invert LUT")


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path

    def result(self, name: str) -> bytes:
        return np.asarray(tifffile.imread(self.folder / f"{name}-result.tif")).astype("<f4").tobytes()


def _values() -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (40, 35)).astype(np.uint8)


def _table(name: str) -> NDArray[np.uint8]:
    return np.asarray(TABLES[name], np.uint8)


def _macro(folder: Path, model: Path, name: str, file: str, before: str = "") -> str:
    return f"""
        open("{folder}/{file}"); {before}
        run("Run Model...", "model=[{model}]");
        saveAs("Tiff", "{folder}/{name}-result.tif");
    """


def _menu_name(lut: str) -> str:
    return "menu " + lut.replace("/", " ")


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, tilted: Path, mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    macros = {}
    for name in TABLES:
        colormap = _table(name).astype(np.uint16) * 257
        tifffile.imwrite(folder / f"{name}.tif", _values(), photometric="palette", colormap=colormap)
        macros[name] = _macro(folder, mixed if name in COLOURS else tilted, name, f"{name}.tif")
    tifffile.imwrite(folder / "plain.tif", _values(), photometric="minisblack")
    for lut in MENU:
        name = _menu_name(lut)
        saved = f'run("{lut}"); saveAs("Tiff", "{folder}/{name}.tif"); close(); open("{folder}/{name}.tif");'
        macros[name] = _macro(folder, tilted, name, "plain.tif", saved)
    picture = Picture.fromarray(_values(), mode="P")
    picture.putpalette(_table("scattered").T.tobytes())
    for suffix in ("gif", "png"):
        picture.save(folder / f"scattered.{suffix}")
        macros[suffix] = _macro(folder, mixed, suffix, f"scattered.{suffix}")
    contrast = "setMinAndMax(50, 100);"
    macros["contrast"] = _macro(folder, mixed, "contrast", "scattered.tif", contrast)
    rgb = np.random.default_rng(8).integers(0, 256, (40, 35, 3)).astype(np.uint8)
    tifffile.imwrite(folder / "rgb.tif", rgb, photometric="rgb")
    converted = f'run("8-bit Color", "number=256"); saveAs("Tiff", "{folder}/converted.tif");'
    macros["converted"] = _macro(folder, mixed, "converted", "rgb.tif", converted)
    return Seen(imagej.run(macros), folder)


def _from_python(seen: Seen, model: Path, file: str) -> bytes:
    result = ijbridge.predict(model, seen.folder / file)
    assert not isinstance(result, dict)
    return np.asarray(result.values).astype("<f4").tobytes()


@pytest.mark.parametrize("name", [*LUTS, *map(_menu_name, MENU)])
def test_a_lut_in_a_file_is_display_in_imagej_and_in_python(seen: Seen, tilted: Path, name: str) -> None:
    stored = _from_python(seen, tilted, "plain.tif")
    assert seen.result(name) == _from_python(seen, tilted, f"{name}.tif") == stored


@pytest.mark.parametrize("name", COLOURS)
def test_a_palette_of_colours_in_a_file_is_colours_in_imagej_and_in_python(seen: Seen, mixed: Path, name: str) -> None:
    red, green, blue = _table(name).astype(np.float32)[:, _values()]
    assert seen.result(name) == _from_python(seen, mixed, f"{name}.tif") == (red + 2 * green + 4 * blue).tobytes()


def test_what_imagej_converts_to_indexed_colours_is_the_same_in_its_file(seen: Seen, mixed: Path) -> None:
    assert seen.result("converted") == _from_python(seen, mixed, "converted.tif")


@pytest.mark.parametrize("name", ["gif", "png", "contrast"])
def test_neither_the_kind_of_file_nor_the_contrast_changes_the_colours(seen: Seen, name: str) -> None:
    assert seen.result(name) == seen.result("scattered")
