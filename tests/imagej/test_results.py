"""What a run gives: the same pixels as from Python and from the shell, where they belong, and an image left as it was."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from imagej_session import ImageJ, Session

from . import models
from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

DTYPES: dict[str, type[np.generic]] = {"gray8": np.uint8, "gray16": np.uint16, "gray32": np.float32}

#: Counts what ImageJ holds of shared memory, which on Linux are files without a name.
HELD = "ls -l /proc/$PPID/fd 2>/dev/null | grep -c ijbridge-"

#: All of an image that a person could see changed, as one line of the Log.
STATE = r"""
function state() {
    Stack.getPosition(c, z, t);
    getSelectionBounds(x, y, w, h);
    getMinAndMax(low, high);
    getVoxelSize(vw, vh, vd, unit);
    getLocationAndSize(wx, wy, ww, wh);
    return getTitle() + "|" + c + " " + z + " " + t + "|" + selectionType() + " " + x + " " + y + " " + w + " " + h
        + "|" + low + " " + high + "|" + vw + " " + vh + " " + vd + " " + unit + "|" + Stack.getFrameInterval()
        + "|" + is("changes") + "|" + getMetadata("Info");
}
"""


@dataclass(frozen=True)
class Seen:
    """One session of ImageJ and the folder with its files."""

    session: Session
    folder: Path

    def line(self, macro: str, key: str) -> str:
        """Give what a macro printed after ``key:``."""
        lines = [one for one in self.session.ran[macro].log if one.startswith(f"{key}:")]
        assert len(lines) == 1, self.session.ran[macro]
        return lines[0].removeprefix(f"{key}:").strip()

    def pixels(self, name: str) -> NDArray[Any]:
        """Read a file that ImageJ saved, by another program than ImageJ."""
        return np.asarray(tifffile.imread(self.folder / f"{name}.tif"))


def _picture(dtype: type[np.generic], *shape: int) -> NDArray[Any]:
    """Give a picture that is like itself in no mirror and no other order of axes."""
    return np.random.default_rng(7).integers(0, 256, shape).astype(dtype)


def _save(path: Path, picture: NDArray[Any], axes: str) -> None:
    tifffile.imwrite(
        path,
        picture,
        imagej=True,
        resolution=(1 / models.PIXEL_SIZE["x"], 1 / models.PIXEL_SIZE["y"]),
        metadata={"axes": axes, "unit": "um", "spacing": 0.5, "finterval": 2.0, "tunit": "sec"},
    )


def _macro(folder: Path, model: Path, name: str) -> str:
    """Open a picture, look at it in a special way, run, and tell and save what there is then."""
    return rf"""
        open("{folder / name}.tif");
        run("Properties...", "origin=5,7");
        makeRectangle(3, 4, 10, 12);
        if (nSlices > 1) Stack.setPosition(2, 3, 4);
        if (bitDepth() != 24) setMinAndMax(10, 99);
        print("before: " + state());
        run("Run Model...", "model=[{model}] tile=32");
        print("active: " + getTitle() + "|" + bitDepth() + "|" + is("Virtual Stack"));
        Stack.getUnits(xu, yu, zu, tu, vu);
        getVoxelSize(w, h, d, unit);
        print("size: " + w + " " + h + " " + d + " " + Stack.getFrameInterval() + " " + xu + " " + zu + " " + tu);
        x = 0; y = 0;
        toScaled(x, y);
        print("corner: " + x + " " + y);
        print("info: " + replace(getMetadata("Info"), "\n", "~"));
        getMinAndMax(low, high);
        print("shown: " + low + " " + high);
        titles = getList("image.titles");
        print("titles: " + String.join(titles, "|"));
        print("memory: " + exec("sh", "-c", "{HELD}"));
        saveAs("Tiff", "{folder / name}-result.tif");
        selectImage(1);
        print("after: " + state());
        run("Select None");
        saveAs("Tiff", "{folder / name}-input.tif");
        {STATE}
    """


def _batch(folder: Path, model: Path) -> str:
    return rf"""
        setBatchMode(true);
        open("{folder}/gray16.tif");
        run("Run Model...", "model=[{model}] tile=32 halo=auto device=cpu");
        print("active: " + getTitle() + "|" + nImages());
        run("Add...", "value=1");
        run("Subtract...", "value=1");
        saveAs("Tiff", "{folder}/batch-result.tif");
    """


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, tilted: Path, twins: Path, mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    for name, dtype in DTYPES.items():
        _save(folder / f"{name}.tif", _picture(dtype, 70, 45), "YX")
    _save(folder / "hyper.tif", _picture(np.uint16, 5, 4, 2, 40, 35), "TZCYX")
    colours = _picture(np.uint8, 40, 35, 3)
    tifffile.imwrite(folder / "colour.tif", colours, imagej=True, metadata={"axes": "YXS"})
    models_folder = imagej.folder / "models"
    models.tilted(models_folder / "by name")
    macros = {name: _macro(folder, tilted, name) for name in DTYPES}
    macros["hyper"] = _macro(folder, twins, "hyper")
    macros["colour"] = _macro(folder, mixed, "colour")
    macros["batch"] = _batch(folder, tilted)
    macros["menus"] = 'run("Refresh Menus");' + _macro(folder, Path("by name"), "gray8")
    return Seen(imagej.run(macros), folder)


def _from_python(seen: Seen, model: Path, name: str, output: str | None = None) -> NDArray[Any]:
    result = ijbridge.predict(model, seen.folder / f"{name}.tif", tile=32)
    given = result[output] if isinstance(result, dict) and output is not None else result
    assert not isinstance(given, dict)
    return np.asarray(given.values)


def _bytes(pixels: NDArray[Any]) -> bytes:
    return pixels.astype("<f4").tobytes()


@pytest.mark.parametrize("name", DTYPES)
def test_the_macro_gives_the_same_bytes_as_python(seen: Seen, tilted: Path, name: str) -> None:
    expected = _from_python(seen, tilted, name)
    given = seen.pixels(f"{name}-result")
    assert given.shape == expected.shape == (70, 45)
    assert given.dtype.kind == "f"
    assert _bytes(given) == _bytes(expected)


@pytest.mark.parametrize("name", DTYPES)
def test_the_macro_gives_the_same_bytes_as_the_shell(seen: Seen, tilted: Path, name: str) -> None:
    out = seen.folder / f"{name}-shell.npy"
    command = [sys.executable, "-m", "ijbridge", "predict", str(tilted), str(seen.folder / f"{name}.tif"), "-o", str(out)]
    subprocess.run([*command, "--tile", "32"], check=True, capture_output=True)
    assert _bytes(seen.pixels(f"{name}-result")) == _bytes(np.load(out))


@pytest.mark.parametrize("name", DTYPES)
def test_a_picture_unlike_its_mirror_images_is_not_flipped(seen: Seen, name: str) -> None:
    picture = np.asarray(tifffile.imread(seen.folder / f"{name}.tif"))
    inside = np.s_[1:-1, 1:-1]
    assert np.array_equal(seen.pixels(f"{name}-result")[inside], models.tilt(picture)[inside])


def test_channels_slices_and_frames_stay_where_they_are(seen: Seen, twins: Path) -> None:
    stack = np.asarray(tifffile.imread(seen.folder / "hyper.tif")).astype(np.float32)
    assert stack.shape == (5, 4, 2, 40, 35)
    difference = seen.pixels("hyper-result")
    assert np.array_equal(difference.reshape(5, 4, 40, 35), stack[:, :, 0] - stack[:, :, 1])
    assert _bytes(difference) == _bytes(_from_python(seen, twins, "hyper", "difference"))


def test_the_first_of_several_outputs_is_active(seen: Seen) -> None:
    assert seen.line("hyper", "active") == "hyper-difference|32|0"
    assert seen.line("hyper", "titles") == "hyper.tif|hyper-swapped|hyper-difference"


def test_the_channels_of_a_colour_image_are_red_green_and_blue(seen: Seen) -> None:
    red, green, blue = np.moveaxis(np.asarray(tifffile.imread(seen.folder / "colour.tif")).astype(np.float32), -1, 0)
    assert np.array_equal(seen.pixels("colour-result"), red + 2 * green + 4 * blue)


@pytest.mark.parametrize("name", DTYPES)
def test_the_result_is_active_and_titled(seen: Seen, name: str) -> None:
    assert seen.line(name, "active") == f"{name}-sum|32|0"
    assert seen.line(name, "titles") == f"{name}.tif|{name}-sum"


def test_the_result_is_calibrated(seen: Seen) -> None:
    assert seen.line("gray16", "size").startswith("0.107 0.2 ")
    assert seen.line("gray16", "size").split()[4] == "µm"
    assert seen.line("hyper", "size") == "0.107 0.2 0.5 2 µm µm sec"


def test_a_place_has_the_same_coordinates_in_image_and_result(seen: Seen) -> None:
    assert [float(one) for one in seen.line("gray16", "corner").split()] == pytest.approx([-5 * 0.107, -7 * 0.2])


def test_the_result_says_what_made_it(seen: Seen, tilted: Path) -> None:
    assert "tilted" in seen.line("gray16", "info")


def test_a_float_result_is_shown_between_its_extremes(seen: Seen) -> None:
    low, high = map(float, seen.line("gray8", "shown").split())
    result = seen.pixels("gray8-result")
    assert (low, high) == pytest.approx((result.min(), result.max()))


@pytest.mark.parametrize("name", [*DTYPES, "hyper", "colour"])
def test_the_input_is_left_as_it_was(seen: Seen, name: str) -> None:
    assert seen.line(name, "before") == seen.line(name, "after")
    assert np.array_equal(seen.pixels(f"{name}-input"), np.asarray(tifffile.imread(seen.folder / f"{name}.tif")))


def test_a_result_in_batch_mode_is_active_and_can_be_worked_with(seen: Seen, tilted: Path) -> None:
    assert seen.line("batch", "active") == "gray16-sum|2"
    assert _bytes(seen.pixels("batch-result")) == _bytes(_from_python(seen, tilted, "gray16"))


def test_a_model_is_found_by_its_name(seen: Seen) -> None:
    assert seen.line("menus", "active") == "gray8-sum|32|0"


def test_all_runs_use_one_worker_even_after_the_menus_were_refreshed(seen: Seen, imagej: ImageJ) -> None:
    assert seen.session.workers == imagej.workers


@pytest.mark.parametrize("name", [*DTYPES, "hyper", "colour"])
def test_shared_memory_is_released_after_each_run(seen: Seen, name: str) -> None:
    assert seen.line(name, "memory") == "0"


def test_nothing_went_wrong_unnoticed(seen: Seen) -> None:
    assert not re.search(r"ERROR|Traceback|Exception", seen.session.log_file), seen.session.log_file
