"""A person who has never seen Python: chooses from the menu with the mouse, records it, and replays it in batch mode."""

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

from imagej_session import IMAGEJ, JARS, ImageJ, find_java
from setup_environment import display

from . import models
from .hands import Hands, window_manager

pytestmark = [
    pytest.mark.imagej,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mouse and keyboard are moved on an X server of its own"),
]

#: Programs besides those of every test in ImageJ.
NEEDED = ("Xvfb", "openbox", "xdotool")


@dataclass(frozen=True)
class Done:
    recorded: str
    driven: NDArray[Any]
    replayed: NDArray[Any]
    image: NDArray[Any]


@pytest.fixture(scope="module")
def done(screen: str, tmp_path_factory: pytest.TempPathFactory) -> Done:
    lacks = [one for one in NEEDED if shutil.which(one) is None]
    if lacks:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {', '.join(lacks)} (Debian: xvfb openbox xdotool)")
    folder = tmp_path_factory.mktemp("hands")
    picture = np.random.default_rng(1).integers(0, 256, (3, 120, 90)).astype(np.uint16)
    tifffile.imwrite(folder / "cells.tif", picture, imagej=True, metadata={"axes": "TYX"})
    with display(hidden=True) as environment, window_manager(environment):
        imagej = ImageJ(folder / "ImageJ", environment["DISPLAY"])
        models.tilted(imagej.folder / "models" / "tilted")
        for file in (JARS / "test-classes").glob("Watched*.class"):
            shutil.copy(file, imagej.folder / "plugins")
        by_hand(imagej, folder, environment)
        recorded = (folder / "recorded.ijm").read_text(encoding="utf-8")
        replay = f'setBatchMode(true); open("{folder}/cells.tif"); {recorded} saveAs("Tiff", "{folder}/replayed.tif");'
        imagej.run({"replayed": replay})
    driven, replayed = (np.asarray(tifffile.imread(folder / f"{name}.tif")) for name in ("driven", "replayed"))
    return Done(recorded, driven, replayed, picture)


def by_hand(imagej: ImageJ, folder: Path, environment: dict[str, str]) -> None:
    """Run a model from the menu on a picture that is open, and leave the result and what was recorded."""
    java = subprocess.Popen(
        [
            *(str(find_java()), f"-Duser.home={imagej.folder}", f"-Dijbridge.log={imagej.folder / 'ijbridge.log'}"),
            *("-cp", str(IMAGEJ), "ij.ImageJ", "-port0", "-ijpath", str(imagej.folder)),
            *("-eval", f'open("{folder}/cells.tif"); call("Watched.by", "{folder}");'),
        ],
        env={**environment, "IJBRIDGE_PYTHON": sys.executable},
    )
    try:
        hands = Hands(environment, folder / "state")
        hands.waits_for(lambda: hands.told("image") == ["cells.tif"], "the picture does not open")
        title = "Run Model on cells.tif"
        hands.chooses("Plugins", "Run Model...", lambda: hands.told("dialog") == [title])
        hands.activates(title)
        hands.does(
            lambda: hands.clicks("models:tilted"),
            lambda: hands.told("text", "models") == ["tilted"],
            "the model is not chosen",
        )

        def writes_tile() -> None:
            hands.clicks("tile", 0.3)
            hands.types("64")

        hands.does(writes_tile, lambda: hands.told("text", "tile") == ["64"], "the tile is not written")
        hands.waits_for(lambda: hands.told("enabled", "go") == ["true"], "the model cannot be run")
        hands.does(lambda: hands.clicks("go"), lambda: not hands.told("dialog"), "the dialog stays")
        hands.waits_for(lambda: ["image", "cells-sum"] in hands.sees(), "there is no result")
        hands.waits_for(lambda: "Run Model..." in "".join(hands.told("recorded")), "nothing is recorded")
        (folder / "end").touch()
        assert java.wait(60) == 0
    finally:
        java.kill()
        java.wait()


def test_what_was_done_by_mouse_and_keyboard_is_recorded_as_one_line(done: Done) -> None:
    (line,) = [one for one in done.recorded.splitlines() if one.strip()]
    assert line == 'run("Run Model...", "model=tilted tile=64 halo=auto device=auto");'


def test_the_recorded_line_gives_the_same_bytes_in_batch_mode(done: Done) -> None:
    assert done.driven.tobytes() == done.replayed.tobytes()
    inside = np.s_[..., 1:-1, 1:-1]
    assert np.array_equal(done.driven[inside], models.tilt(done.image)[inside])
