"""The dialog of Run Model...: what it says before a run, what it refuses, and what it records."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from builders import one_conv, write_model
from imagej_session import ImageJ, Session

from . import models
from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

#: What would be a page with a picture, if a name were shown as HTML.
PAGE = "<html><img src='http://192.0.2.1/seen.png'><b>bold"


@dataclass(frozen=True)
class Read:
    """What was to be read in the dialog."""

    card: str
    plan: str
    reason: str
    can_run: bool
    models: tuple[str, ...]
    was_free: bool


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path

    def read(self, macro: str) -> Read:
        card, plan, reason, can_run, listed, free = self.session.ran[macro].log
        return Read(card, plan, reason, can_run == "true", tuple(listed.split("|")), free == "true")

    def pixels(self, name: str) -> NDArray[Any]:
        return np.asarray(tifffile.imread(self.folder / f"{name}.tif"))


def _reads(folder: Path, model: str, tile: str = "auto", image: str = "frames") -> str:
    return f"""open("{folder}/{image}.tif");
        seen = split(call("Person.reads", "{model}", "{tile}"), "\\n"); for (i = 0; i < seen.length; i++) print(seen[i]);"""


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, person: None, tilted: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    picture = np.random.default_rng(2).integers(0, 256, (3, 120, 90)).astype(np.uint16)
    resolution = (1 / models.PIXEL_SIZE["x"], 0.5 / models.PIXEL_SIZE["y"])
    tifffile.imwrite(folder / "frames.tif", picture, imagej=True, resolution=resolution, metadata={"axes": "TYX", "unit": "um"})
    tifffile.imwrite(folder / "three.tif", picture, imagej=True, metadata={"axes": "CYX"})
    place = imagej.folder / "models"
    shutil.copytree(tilted, place / "in the folder")
    write_model(place / "strange", one_conv(), name=PAGE, description=PAGE)
    shutil.make_archive(str(place / "zipped"), "zip", tilted)
    (place / "notes.txt").write_text("no model")
    macros = {
        "first": _reads(folder, "in the folder", "64"),
        "wrong tile": _reads(folder, "in the folder", "huge"),
        "wrong channels": _reads(folder, "zipped", image="three"),
        "no model": _reads(folder, "nowhere"),
        "none named": _reads(folder, ""),
        "a page": _reads(folder, "strange"),
        "driven": f"""open("{folder}/frames.tif");
            recorded = call("Person.drives", "in the folder", "64");
            print(recorded);
            saveAs("Tiff", "{folder}/driven.tif"); close("*");
            setBatchMode(true);
            open("{folder}/frames.tif");
            eval(recorded);
            saveAs("Tiff", "{folder}/replayed.tif");""",
        "afterwards": _reads(folder, "in the folder"),
    }
    return Seen(imagej.run(macros), folder)


def test_the_models_of_the_folder_are_listed_then_those_that_were_used(seen: Seen) -> None:
    assert seen.read("first").models == ("in the folder", "strange", "zipped")
    assert seen.read("afterwards").models == ("in the folder", "strange", "zipped")


def test_the_model_is_shown_with_licence_and_citation(seen: Seen) -> None:
    card = seen.read("first").card
    assert card.startswith("tilted~A test model: tilted.~")
    assert "Licence CC0-1.0~" in card
    assert "Cite none (https://example.org)" in card


def test_the_plan_for_the_image_is_said_in_plain_words_with_its_warnings(seen: Seen) -> None:
    read = seen.read("first")
    assert read.can_run
    assert read.reason == ""
    assert read.plan.startswith("Warning: frames has pixels of 0.4 µm along y, the model expects 0.2")
    assert "~Axes  the model sees y and x, and is run on each of the 3 frames~" in read.plan
    assert re.search(r"~Tiles  2 × 2 of 64 × 64 pixels \(x, y\), with 1 pixel of their neighbours", read.plan), read.plan


def test_the_event_thread_is_free_while_python_starts(seen: Seen) -> None:
    assert seen.read("first").was_free


@pytest.mark.parametrize(
    ("macro", "words"),
    [
        ("wrong tile", "tile=huge is not understood: use auto, whole"),
        ("wrong channels", "three has 3 channels, but"),
        ("no model", "There is no model at "),
    ],
)
def test_what_cannot_be_run_cannot_be_started_and_the_reason_is_there(seen: Seen, macro: str, words: str) -> None:
    read = seen.read(macro)
    assert not read.can_run
    assert words in read.plan
    assert read.reason == "This cannot be run: the reason is above."


def test_without_a_model_the_dialog_says_how_to_choose_one(seen: Seen) -> None:
    read = seen.read("none named")
    assert (read.can_run, read.reason, read.plan) == (False, "No model is chosen.", "")
    assert read.card.startswith("Choose a model from the list")


def test_what_a_stranger_wrote_is_text(seen: Seen) -> None:
    assert seen.read("a page").card.startswith(f"{PAGE}~{PAGE}~")


def test_what_is_chosen_in_the_dialog_is_recorded_as_a_macro_that_replays_in_batch_mode_to_the_same_bytes(seen: Seen) -> None:
    (recorded,) = [line for line in seen.session.ran["driven"].log if line.startswith("run(")]
    assert recorded == 'run("Run Model...", "model=[in the folder] tile=64 halo=auto device=auto");'
    driven, replayed = seen.pixels("driven"), seen.pixels("replayed")
    assert driven.tobytes() == replayed.tobytes()
    frames = tifffile.imread(seen.folder / "frames.tif")
    inside = np.s_[..., 1:-1, 1:-1]
    assert np.array_equal(driven[inside], models.tilt(np.asarray(frames))[inside])


def test_nothing_went_wrong_unnoticed(seen: Seen) -> None:
    assert not re.search(r"Traceback|Exception", seen.session.log_file), seen.session.log_file
