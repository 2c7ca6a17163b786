"""ImageJ in the process of a Python script: the same bytes whoever hosts whom, images both ways, and memory given back."""

from __future__ import annotations

import os
import shutil
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
from deepimagej_models import DIVIDE, channels_last, folder_of
from imagej_session import IMAGEJ, JARS, ImageJ
from reference.csbdeep_cases import WITH_OBJECTS

from . import models
from .playing import play

pytestmark = pytest.mark.imagej

#: Per picture its type, shape, axes in the file, model and ijbridge's axes.
PICTURES: dict[str, tuple[type[np.generic], tuple[int, ...], str, str, str]] = {
    "gray8": (np.uint8, (70, 45), "YX", "tilted", "yx"),
    "gray16": (np.uint16, (70, 45), "YX", "tilted", "yx"),
    "gray32": (np.float32, (70, 45), "YX", "tilted", "yx"),
    "stack": (np.uint8, (3, 40, 35), "ZYX", "tilted", "zyx"),
    "hyper": (np.uint16, (5, 4, 2, 40, 35), "TZCYX", "twins", "tzcyx"),
    "colour": (np.uint8, (40, 35, 3), "YXS", "mixed", "cyx"),
}

#: What ran each model on its picture: the ending of the file with the result.
WAYS = ("worker.tif", "host.tif", "api.npy", "shown.tif", "shell.npy", "scijava.tif", "pieces.tif", "again.tif")


#: A model that finds objects.
FINDER = str(next(one for one in WITH_OBJECTS if one.trained).folder)


@dataclass(frozen=True)
class Seen:
    folder: Path
    models: dict[str, str]
    pictures: dict[str, Any]
    scijava: dict[str, Any]

    def pixels(self, name: str) -> NDArray[Any]:
        path = self.folder / name
        return np.asarray(np.load(path) if path.suffix == ".npy" else tifffile.imread(path))


def test_a_models_macros_are_run_where_imagej_runs_in_this_process_and_refused_where_it_does_not(
    screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IJBRIDGE_CONFIG", str(tmp_path / "settings"))
    post = {"preprocessing.txt": DIVIDE, "postprocessing.txt": 'run("Multiply...", "value=2");'}
    model = folder_of(tmp_path / "model", network=channels_last(outputs=1), macros=post)
    picture = np.random.default_rng(3).integers(0, 256, (40, 52)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "cells.tif", picture, imagej=True)
    found = play("macros", screen, folder=str(tmp_path), model=str(model), picture=str(tmp_path / "cells.tif"))
    assert found["without"][0] == "OptionError"
    assert found["without"][1].startswith(
        "macros=run cannot be done: a model's macros are run by ImageJ, and there is none here"
    )
    expected = ijbridge.predict(model, (picture / np.float32(255)).astype(np.float32), axes="yx", normalize="none") * 2
    for name in ("of a file", "of an ImagePlus"):
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), expected, rtol=1e-6, atol=1e-6)
        assert [one.split(" (SHA-256 ")[0] for one in found[name][1]["before"]] == ["preprocessing.txt"]
    assert found["open"] == ["cells.tif 1 8"]
    assert "macro-run" in found["planned"]
    assert "macro-not-run" not in found["planned"]
    assert found["changed"][0] == "AgreementError"


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, screen: str, tilted: Path, twins: Path, mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    from stardist.data import test_image_nuclei_2d

    folder = tmp_path_factory.mktemp("pictures")
    packages = {"tilted": tilted, "twins": twins, "mixed": mixed}
    chosen = {}
    macros = {}
    for name, (dtype, shape, axes, model, _) in PICTURES.items():
        path = folder / f"{name}.tif"
        picture = np.random.default_rng(7).integers(0, 256, shape).astype(dtype)
        resolution = (1 / models.PIXEL_SIZE["x"], 1 / models.PIXEL_SIZE["y"])
        metadata: dict[str, Any] = {
            "axes": axes,
            "unit": "um",
            "spacing": 0.5,
            "finterval": 2.0,
            "tunit": "sec",
            "xorigin": 5,
            "yorigin": -7,
        }
        if name == "hyper":
            metadata["Labels"] = ["DAPI", "GFP"] * (shape[0] * shape[1])
        tifffile.imwrite(path, picture, imagej=True, resolution=resolution, metadata=metadata)
        chosen[name] = str(packages[model])
        run = f'run("Run Model...", "model=[{chosen[name]}] tile=32");'
        macros[name] = f'open("{path}"); {run} saveAs("Tiff", "{folder}/{name}-worker.tif");'
        out = folder / (f"{name}-shell.npy" if model != "twins" else name)
        out.mkdir() if model == "twins" else None
        command = [sys.executable, "-m", "ijbridge", "predict", chosen[name], str(path), "-o", str(out), "--tile", "32"]
        subprocess.run(command, check=True, capture_output=True)
    imagej.run(macros)
    tifffile.imwrite(folder / "nuclei.tif", test_image_nuclei_2d()[:128, :160], imagej=True)
    jars = [str(IMAGEJ), *map(str, (JARS / "scijava").glob("*.jar"))]
    return Seen(
        folder,
        chosen,
        play("pictures", screen, folder=str(folder), models=chosen),
        play("scijava", "", folder=str(folder), models=chosen, jars=jars, no_model="/no/such model.zip", finder=FINDER),
    )


def first_output(seen: Seen, name: str, way: str) -> NDArray[Any]:
    if way == "shell.npy" and name == "hyper":
        (file,) = (seen.folder / name).glob("*difference*")
        return np.asarray(tifffile.imread(file))
    return seen.pixels(f"{name}-{way}")


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_bytes(seen: Seen, name: str, way: str) -> None:
    result = ijbridge.predict(seen.models[name], seen.folder / f"{name}.tif", tile=32)
    expected = next(iter(result.values())) if isinstance(result, dict) else result
    given = first_output(seen, name, way)
    # a channel of one is an axis of an array, but of no ImageJ image
    assert given.squeeze().shape == expected.values.squeeze().shape
    assert given.astype("<f4").tobytes() == np.asarray(expected.values).astype("<f4").tobytes()


@pytest.mark.parametrize("name", PICTURES)
def test_an_imageplus_is_the_image_that_its_file_holds(seen: Seen, name: str) -> None:
    axes = PICTURES[name][4]
    held = tifffile.imread(seen.folder / f"{name}.tif")
    given = seen.pixels(f"{name}-image.npy")
    assert given.dtype == held.dtype
    np.testing.assert_array_equal(given, np.moveaxis(held, -1, 0) if name == "colour" else held)
    sizes = {"x": 0.107, "y": 0.2, "z": 0.5, "t": 2.0}
    found_axes, found_sizes, units, origin, title = seen.pictures[name]["header"]
    assert origin == pytest.approx({"x": -5 * 0.107, "y": 7 * 0.2}, rel=1e-6)
    assert (found_axes, title) == (axes, name)
    assert found_sizes == pytest.approx({axis: sizes[axis] for axis in axes if axis in sizes}, rel=1e-6)
    assert units == {axis: "s" if axis == "t" else "µm" for axis in axes if axis in sizes}


def test_an_imageplus_has_the_channel_names_of_its_slice_labels(seen: Seen) -> None:
    assert {name: picture["channels"] for name, picture in seen.pictures.items() if picture["channels"]} == {
        "hyper": ["DAPI", "GFP"]
    }


@pytest.mark.parametrize("name", PICTURES)
def test_an_array_in_any_order_of_axes_becomes_an_imageplus_that_is_not_flipped(seen: Seen, name: str) -> None:
    held = tifffile.imread(seen.folder / f"{name}.tif")
    np.testing.assert_array_equal(seen.pixels(f"{name}-same.tif"), np.moveaxis(held, -1, 0) if name == "colour" else held)


@pytest.mark.parametrize("name", PICTURES)
def test_a_shown_result_is_calibrated_and_says_what_made_it(seen: Seen, name: str) -> None:
    shown = seen.pictures[name]
    assert shown["size"] == f"0.107 0.2 {'0.5' if 'z' in PICTURES[name][4] else '1'} µm"
    assert [float(one) for one in shown["corner"].split()] == pytest.approx([-5 * 0.107, 7 * 0.2])
    assert shown["info"].startswith("Made by ijbridge\n")
    assert f"model.name: {PICTURES[name][3]}\n" in shown["info"]


@pytest.mark.parametrize("name", PICTURES)
def test_a_shown_result_can_be_edited(seen: Seen, name: str) -> None:
    assert seen.pictures[name]["edited"] == "77"


def test_of_several_results_the_first_is_active(seen: Seen) -> None:
    assert seen.pictures["hyper"]["active"] == "hyper-difference"
    assert seen.pictures["hyper"]["titles"] == ["hyper.tif", "hyper-swapped", "hyper-difference"]


# --- the SciJava command ---------------------------------------------------------------------------------------------


def test_the_scijava_command_is_listed_and_gives_all_outputs(seen: Seen) -> None:
    assert seen.scijava["listed"]
    assert seen.scijava["results"]["hyper"] == ["hyper-difference", "hyper-swapped"]


def test_what_the_scijava_command_cannot_run_is_an_exception_with_the_sentence(seen: Seen) -> None:
    sentence = "There is no model at /no/such model.zip: give the path of a model's folder, zip or file."
    assert sentence in seen.scijava["refused"]


def test_objects_are_outputs_of_the_scijava_command_and_labels_an_image_of_java(seen: Seen) -> None:
    expected = ijbridge.predict(FINDER, seen.folder / "nuclei.tif").attrs["objects"]
    pixels, names = [one["pixels"] for one in expected], [f"{one['label']:04}" for one in expected]
    assert len(expected) > 3
    assert seen.scijava["objects"] == {
        "labels": ["nuclei-labels", pixels, None],
        "both": ["nuclei-labels", pixels, names],
        "rois": [None, pixels, names],
    }
    assert seen.scijava["python"] == ["ij.ImagePlus", float(len(expected))]
    assert seen.scijava["listed_objects"] == len(expected)


def test_the_scijava_command_remembers_nothing(seen: Seen) -> None:
    assert "tile: y=70,x=45" not in seen.scijava["tile_afterwards"]
    assert "tile: y=32,x=32" not in seen.scijava["tile_afterwards"]


# --- threads, and a Java that was started by others ------------------------------------------------------------------


def test_eight_threads_of_java_and_threads_of_python_get_their_own_results(screen: str, tilted: Path, tmp_path: Path) -> None:
    jars = [str(IMAGEJ), *map(str, (JARS / "scijava").glob("*.jar"))]
    rounds = 6
    seen = play("threads", "", folder=str(tmp_path), model=str(tilted), jars=jars, no_model="/no/such.zip", rounds=rounds)
    sentence = "There is no model at /no/such.zip: give the path of a model's folder, zip or file."
    assert (seen["right"], seen["wrong"]) == (7 * rounds, [])
    assert seen["refused"] == [sentence] * rounds
    assert "Traceback (most recent call last)" in seen["log"]
    assert "ModelNotFoundError: There is no model" in seen["log"]


def test_a_java_that_was_started_without_the_plugin_is_given_it(screen: str, tilted: Path) -> None:
    seen = play("late", screen, model=str(tilted), jars=[str(IMAGEJ)])
    assert seen["titles"] == ["picture-sum"] * 3
    assert seen["refused"].startswith("RunError: There is no model at /no/such.zip")


def test_a_plain_imagej_without_windows_takes_and_gives_images(screen: str, tilted: Path) -> None:
    seen = play("headless", "", model=str(tilted))
    assert seen["result"] == ["ij.ImagePlus", "picture-sum", 3]
    assert (seen["macro"], seen["active"]) == ("42", True)
    assert seen["command"].startswith(
        "RunError: The macro was stopped: a plain ImageJ without windows cannot call commands by run()"
    )


# --- progress, cancelling, errors, memory ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cancelling(screen: str, slow: Path) -> Any:
    return play("cancelling", screen, model=str(slow))


def test_progress_is_told_tile_by_tile(cancelling: Any) -> None:
    told = [one for one in cancelling["status"] if "Running picture: " in one]
    assert len(told) > 5
    assert all(one.endswith(" tiles") for one in told)


def test_escape_stops_a_run_after_the_tile(cancelling: Any) -> None:
    assert cancelling["cancelled"] == "RunError: The run was cancelled."
    assert any("tiles" in one for one in cancelling["until_cancelled"])
    assert not any("100 of 100" in one for one in cancelling["until_cancelled"])
    assert cancelling["log"].endswith("Run Model: The run was cancelled.\n")
    assert (cancelling["title"], cancelling["open"]) == ("picture-sum", "picture")


def test_a_run_that_waits_for_another_can_be_stopped(cancelling: Any) -> None:
    assert cancelling["waiting"] == "RunError: The run was cancelled."


def test_the_keyboards_interrupt_stops_a_run_and_reaches_the_script(cancelling: Any) -> None:
    assert cancelling["interrupted"]
    assert not any("100 of 100" in one for one in cancelling["until_interrupted"])
    assert cancelling["handler"]


@pytest.fixture(scope="module")
def failing(screen: str, tilted: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return play("failing", screen, folder=str(tmp_path_factory.mktemp("empty")), model=str(tilted))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("no_jvm", "ImageJError: No Java runs in this process: call ijbridge.imagej.init() first."),
        ("no_attach", "ImageJError: No Java runs in this process: call ijbridge.imagej.init() first."),
        ("no_imagej", "/nothing: give an ij.jar, or the folder of an ImageJ or Fiji."),
        ("no_jar", " is no ImageJ: give the folder of a Fiji or ImageJ2 (with jars/ in it), or that of a plain ImageJ "),
        ("second", "ImageJError: A Java virtual machine runs already in this process, and there can be one only: "),
        ("no_mode", "OptionError: mode is 'batch': give one of headless, interactive, gui."),
        ("stopped", "RunError: The macro was stopped"),
        ("five_axes", "ResultError: image has the axes byx, but ImageJ shows images with axes out of t, z, c, then y and x"),
        ("coloured", 'ImageFormatError: The image "c" has 2 channels of colour pixels: split them'),
        ("no_memory", "RunError: The system gives no 100.0 MB of memory for pixels"),
    ],
)
def test_what_goes_wrong_is_said_in_one_sentence(failing: Any, what: str, sentence: str) -> None:
    assert sentence in failing[what]


def test_a_defect_is_an_answer_and_no_exception_in_java(failing: Any) -> None:
    kind, message = failing["defect"]
    assert kind == "Defect"
    assert message == "ijbridge failed in a way it should not (KeyError: 'op'): please report it with the log."


def test_a_macro_gives_its_value_and_a_run_after_all_errors_works(failing: Any) -> None:
    assert failing["same"]
    assert failing["value"] == ["", "given", ""]
    assert failing["afterwards"] == "picture-sum"


def test_an_imagej_without_the_plugin_is_left_as_it_is_and_has_the_command(screen: str, tilted: Path, tmp_path: Path) -> None:
    shutil.copy(IMAGEJ, tmp_path)
    (tmp_path / "plugins").mkdir()
    seen = play("foreign", screen, folder=str(tmp_path), model=str(tilted))
    assert seen == {"titles": ["picture-sum", "picture-sum"], "plugins": [str(tmp_path / "ij.jar")]}


def test_the_dialog_starts_no_worker(screen: str) -> None:
    assert play("dialog", screen, python=sys.executable) == {"dialogs": ["Run Model on picture"], "started": []}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="how memory is counted differs elsewhere")
def test_memory_is_given_back_after_every_run(screen: str, tilted: Path) -> None:
    size = 3600  # 52 MB, and as much for the result
    seen = play("repeating", screen, model=str(tilted), runs=20, size=size)
    for way in ("macro", "convert"):
        grown = seen[way][-1] - seen[way][4]
        assert grown < 4 * size**2, (way, seen[way])
    # pages that are given back are new ones for who still looks at them
    assert seen["left"] == [1, 0]


def test_a_missing_extra_is_one_sentence_with_its_pip_line(tmp_path: Path) -> None:
    (tmp_path / "jpype.py").write_text("raise ModuleNotFoundError(\"No module named 'jpype'\", name='jpype')", encoding="ascii")
    code = "import ijbridge.imagej; ijbridge.imagej.init('net.imagej:ij', mode='interactive')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        "ijbridge.errors.ImageJError: The Python package jpype is not installed, which ImageJ in Python needs: "
        f'"{sys.executable}" -m pip install "ijbridge[imagej]".'
    )


def test_an_imagej_that_cannot_be_fetched_is_one_sentence(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9"  # the port at which nothing is ever served
    given = {**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "HTTPS_PROXY": nobody, "https_proxy": nobody}
    code = f"""
from pathlib import Path
from ijbridge.imagej import session
session.jar_folder = lambda: Path({str(tmp_path)!r})  # as where no checkout has built one
session._find_plain("net.imagej:ij")
"""
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ijbridge.errors.ImageJError: ImageJ (net.imagej:ij:1.54p) cannot be fetched (")
    assert last.endswith(": give the path of an ij.jar.")


def test_no_display_is_one_sentence(tmp_path: Path, imagej: ImageJ) -> None:
    code = "import ijbridge.imagej; ijbridge.imagej.init('net.imagej:ij', mode='interactive')"
    given = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ijbridge.errors.ImageJError: ImageJ cannot open its windows (")
    assert last.endswith('or mode="headless", where no macro calls commands.')
