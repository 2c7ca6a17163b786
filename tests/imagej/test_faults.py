"""A worker that dies at any stage of a run, and two ImageJs at the same time, each with a worker of its own."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import ijbridge
from imagej_session import ABORTED, ImageJ

from .models import PIXEL_SIZE

pytestmark = pytest.mark.imagej

DYING = Path(__file__).parents[1] / "dying"

#: Planes of `_picture`, each of which is one run of the network.
PLANES = 3

#: What the person reads when the system has ended a worker that had answered before.
AGAIN = "it is run again with smaller tiles."


def _picture() -> Any:
    return np.random.default_rng(3).integers(1, 256, (PLANES, 120, 120)).astype(np.uint8)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    x, y = PIXEL_SIZE["x"], PIXEL_SIZE["y"]
    tifffile.imwrite(
        tmp_path / "cells.tif", _picture(), imagej=True, resolution=(1 / x, 1 / y), metadata={"axes": "ZYX", "unit": "micron"}
    )
    return tmp_path / "cells.tif"


def _macro(picture: Path, model: Path, result: Path) -> str:
    return f'open("{picture}"); run("Run Model...", "model=[{model}]"); saveAs("Tiff", "{result}");'


def _pixels(file: Path) -> bytes:
    return np.asarray(tifffile.imread(file)).astype("<f4").tobytes()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("stage", ["start", "load", "tile 1", f"tile {PLANES}"])
def test_a_worker_that_dies_at_any_stage_is_a_sentence_or_another_try_and_the_next_run_is_right(
    screen: str, picture: Path, tilted: Path, tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DYING))
    monkeypatch.setenv("IJBRIDGE_DIES_AT", stage)
    monkeypatch.setenv("IJBRIDGE_DIED", str(tmp_path / "died"))
    macros = {name: _macro(picture, tilted, tmp_path / f"{name}-result.tif") for name in ("dies", "next")}
    session = ImageJ(tmp_path / "ImageJ", screen).run(macros)
    assert (tmp_path / "died").exists()
    expected = np.asarray(ijbridge.predict(tilted, _picture(), axes="zyx")).tobytes()
    dies = session.ran["dies"]
    if dies.value == ABORTED:
        assert dies.log[0].startswith("Run Model: ")
        assert [line.partition(":")[0] for line in dies.log[1:]] in ([], ["Details"])
        assert not (tmp_path / "dies-result.tif").exists()
    else:
        assert dies.log[0].endswith(AGAIN)
        assert _pixels(tmp_path / "dies-result.tif") == expected
    assert session.ran["next"].log == ()
    assert _pixels(tmp_path / "next-result.tif") == expected


def test_two_imagejs_have_a_worker_each_and_the_end_of_one_is_nothing_to_the_other(
    screen: str, picture: Path, tilted: Path, slow: Path, tmp_path: Path
) -> None:
    """One ImageJ is killed in the middle of a run; the other, which runs at the same time, goes on."""
    one, other = (ImageJ(tmp_path / name, screen) for name in ("one", "other"))
    kill = f'exec("sh", "-c", "kill -{int(signal.SIGKILL)} $PPID");' if os.name != "nt" else 'run("Quit");'
    macros = {f"run {number}": _macro(picture, tilted, tmp_path / f"{number}.tif") for number in range(3)}
    with ThreadPoolExecutor(2) as both:
        ended = both.submit(
            one.run, {"run": _macro(picture, tilted, tmp_path / "one.tif"), "end": kill}, status=-signal.SIGKILL
        )
        went_on = both.submit(other.run, macros)
        assert ended.result().workers == 1
        session = went_on.result()
    assert session.workers == 1
    expected = np.asarray(ijbridge.predict(tilted, _picture(), axes="zyx")).tobytes()
    assert {_pixels(tmp_path / f"{name}.tif") for name in ("0", "1", "2", "one")} == {expected}
