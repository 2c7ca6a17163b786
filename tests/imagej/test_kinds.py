"""Every kind of image that ImageJ has, with windows and in batch mode, whole and cropped to the box around its selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from imagej_session import ABORTED, ImageJ, Session

from . import models

pytestmark = pytest.mark.imagej

Y, X = 40, 35

#: Of each kind the axes of its file, the type of its pixels, the model it is run on, and its axes for that.
KINDS: dict[str, tuple[str, type[np.generic], str, str]] = {
    "gray8": ("YX", np.uint8, "tilted", "yx"),
    "gray16": ("YX", np.uint16, "tilted", "yx"),
    "gray32": ("YX", np.float32, "tilted", "yx"),
    "rgb": ("YXS", np.uint8, "mixed", "cyx"),
    "colour8": ("YX", np.uint8, "mixed", "cyx"),
    "stack": ("ZYX", np.uint16, "tilted", "zyx"),
    "rgbstack": ("ZYXS", np.uint8, "mixed", "zcyx"),
    "hyper": ("TZCYX", np.uint16, "twins", "tzcyx"),
    "virtual": ("TZCYX", np.uint16, "twins", "tzcyx"),
}
SIZES = {"T": 3, "Z": 4, "C": 2, "Y": Y, "X": X, "S": 3}

#: A selection that is no box, and the box around it: x, y, width, height.
SELECTION = (3, 4, 21, 18)
MODES = ("windows", "batch")
PARTS = ("whole", "crop")
NAMES = ("DAPI", "GFP")

#: What the picture is seen with, and what the place of a pixel is counted from.
CALIBRATION = {"unit": "um", "spacing": 0.5, "finterval": 2.0, "tunit": "sec"}
ORIGIN = (5, 7)


def _picture(kind: str) -> NDArray[Any]:
    """Give a picture that is like itself in no mirror and no other order of axes."""
    axes, dtype, _, _ = KINDS[kind]
    return np.random.default_rng(11).integers(0, 256, [SIZES[axis] for axis in axes]).astype(dtype)


def _palette() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (3, 256)).astype(np.uint8)


def _given(kind: str, part: str) -> NDArray[Any]:
    """Give the pixels as the model is to see them."""
    picture = _picture(kind)
    if kind == "colour8":
        picture = _palette()[:, picture]
    elif KINDS[kind][0].endswith("S"):
        picture = np.moveaxis(picture, -1, -3)
    x, y, width, height = SELECTION if part == "crop" else (0, 0, X, Y)
    return picture[..., y : y + height, x : x + width]


#: What each model does, in plain numpy, away from the border.
DONE: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "tilted": models.tilt,
    "mixed": lambda p: p[..., 0, :, :] + np.float32(2) * p[..., 1, :, :] + np.float32(4) * p[..., 2, :, :],
    "twins": lambda p: p[..., 0, :, :].astype(np.float32) - p[..., 1, :, :],
}


def _save(path: Path, kind: str) -> None:
    resolution = (1 / models.PIXEL_SIZE["x"], 1 / models.PIXEL_SIZE["y"])
    picture, axes = _picture(kind), KINDS[kind][0]
    if kind == "colour8":
        colormap = _palette().astype(np.uint16) * 257
        tifffile.imwrite(path, picture, photometric="palette", colormap=colormap, resolution=resolution)
        return
    metadata: dict[str, Any] = {"axes": axes, **CALIBRATION}
    if kind == "hyper":
        places = [(t, z, c) for t in range(3) for z in range(4) for c in range(2)]
        metadata["Labels"] = [f"c:{c + 1}/2 z:{z + 1}/4 t:{t + 1}/3 - {NAMES[c]}" for t, z, c in places]
    tifffile.imwrite(path, picture, imagej=True, resolution=resolution, metadata=metadata)


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path
    paths: dict[str, Path]

    def line(self, macro: str, key: str) -> str:
        (line,) = [one for one in self.session.ran[macro].log if one.startswith(f"{key}: ")]
        return line.removeprefix(f"{key}: ").strip()

    def result(self, name: str) -> NDArray[Any]:
        return np.asarray(tifffile.imread(self.folder / f"{name}-result.tif"))

    def expected(self, kind: str, part: str) -> NDArray[Any]:
        _, _, model, axes = KINDS[kind]
        result = ijbridge.predict(self.paths[model], _given(kind, part), axes=axes, tile=32)
        return np.asarray(result["difference"] if isinstance(result, dict) else result)


def _macro(folder: Path, model: Path, kind: str, mode: str, part: str) -> str:
    open_it = f'run("TIFF Virtual Stack...", "open=[{folder}/virtual.tif]");'
    x, y, width, height = SELECTION
    return rf"""
        setBatchMode({str(mode == "batch").lower()});
        {open_it if kind == "virtual" else f'open("{folder}/{kind}.tif");'}
        print("opened: " + is("Virtual Stack") + " " + bitDepth());
        run("Properties...", "unit=um origin={ORIGIN[0]},{ORIGIN[1]}");
        makeOval({x}, {y}, {width}, {height});
        run("Run Model...", "model=[{model}] tile=32 roi={part}");
        print("active: " + getTitle());
        Stack.getDimensions(w, h, c, z, t);
        print("axes: " + c + " " + z + " " + t);
        getVoxelSize(vw, vh, vd, unit);
        print("size: " + vw + " " + vh + " " + vd + " " + Stack.getFrameInterval() + " " + unit);
        left = 0; top = 0; toScaled(left, top);
        print("corner: " + left + " " + top);
        setPixel(0, 0, getPixel(0, 0));
        saveAs("Tiff", "{folder}/{kind}-{mode}-{part}-result.tif");
    """


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, tilted: Path, twins: Path, mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    paths = {"tilted": tilted, "twins": twins, "mixed": mixed}
    for kind in KINDS:
        _save(folder / f"{kind}.tif", kind)
    macros = {
        f"{kind}-{mode}-{part}": _macro(folder, paths[KINDS[kind][2]], kind, mode, part)
        for kind in KINDS
        for mode in MODES
        for part in PARTS
    }
    for name in (*NAMES, "RFP"):
        macros[name] = f"""open("{folder}/hyper.tif"); run("Run Model...", "model=[{tilted}] channel={name}");
            saveAs("Tiff", "{folder}/{name}-result.tif");"""
    macros["no selection"] = f'open("{folder}/gray8.tif"); run("Run Model...", "model=[{tilted}] roi=crop");'
    return Seen(imagej.run(macros), folder, paths)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_pixel_is_where_it_belongs(seen: Seen, kind: str, mode: str, part: str) -> None:
    result = seen.result(f"{kind}-{mode}-{part}")
    assert result.astype("<f4").tobytes() == seen.expected(kind, part).tobytes()
    inside = np.s_[..., 1:-1, 1:-1]
    assert np.array_equal(result[inside], DONE[KINDS[kind][2]](_given(kind, part))[inside])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_result_has_the_axes_and_the_calibration_of_the_image(seen: Seen, kind: str, mode: str) -> None:
    axes, sizes = KINDS[kind][0], models.PIXEL_SIZE
    for part in PARTS:
        name = f"{kind}-{mode}-{part}"
        assert seen.line(name, "axes") == f"1 {SIZES['Z'] if 'Z' in axes else 1} {SIZES['T'] if 'T' in axes else 1}"
        width, height, depth, interval, unit = seen.line(name, "size").split()
        assert [float(width), float(height)] == pytest.approx([sizes["x"], sizes["y"]])
        assert unit == "µm"
        assert float(depth) == (0.5 if "Z" in axes else 1)
        assert float(interval) == (2 if "T" in axes else 0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_crop_lies_where_the_selection_was(seen: Seen, kind: str, mode: str) -> None:
    sizes = models.PIXEL_SIZE
    x, y, width, height = SELECTION
    for part, (left, top) in {"whole": (0, 0), "crop": (x, y)}.items():
        corner = [float(one) for one in seen.line(f"{kind}-{mode}-{part}", "corner").split()]
        assert corner == pytest.approx([(left - ORIGIN[0]) * sizes["x"], (top - ORIGIN[1]) * sizes["y"]])
    output = {"tilted": "sum", "mixed": "mix", "twins": "difference"}[KINDS[kind][2]]
    assert seen.line(f"{kind}-{mode}-whole", "active") == f"{kind}-{output}"
    assert seen.line(f"{kind}-{mode}-crop", "active") == f"{kind} ({width}x{height} at {x},{y})-{output}"


@pytest.mark.parametrize("mode", MODES)
def test_a_virtual_stack_is_one(seen: Seen, mode: str) -> None:
    assert seen.line(f"virtual-{mode}-whole", "opened") == "1 16"


def test_a_channel_is_found_by_the_name_in_the_slice_labels(seen: Seen) -> None:
    for number, name in enumerate(NAMES):
        expected = ijbridge.predict(seen.paths["tilted"], _picture("hyper")[:, :, number], axes="tzyx")
        assert seen.result(name).astype("<f4").tobytes() == np.asarray(expected).tobytes()


def test_a_name_that_no_channel_has_is_refused_with_those_there_are(seen: Seen) -> None:
    assert seen.session.ran["RFP"].value == ABORTED
    assert "has 2 channels (DAPI, GFP), but not the channel RFP" in seen.session.ran["RFP"].log[0]


def test_a_crop_without_a_selection_is_refused(seen: Seen) -> None:
    assert seen.session.ran["no selection"].value == ABORTED
    assert seen.session.ran["no selection"].log[0] == (
        'Run Model: The image "gray8.tif" has no selection, but roi=crop runs on the box around one: select something, or '
        "leave roi out."
    )
