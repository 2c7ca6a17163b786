"""Where the pixels lie while ImageJ and the worker share them, and that nothing of them is left, whoever ends and how."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from imagej_session import ABORTED, JARS, ImageJ, Session
from processes import cannot_mount, ends

from .models import without_sizes
from .shared_memory import SmallPlaces, has_begun

pytestmark = pytest.mark.imagej

MB = 1_000_000
SHAPE = (40, 256, 256)

#: The bytes of image and result, and of the result alone.
RESULT = int(np.prod(SHAPE)) * 4
NEEDED = int(np.prod(SHAPE)) * 5

#: /dev/shm and temporary folder, by where the pixels go then.
PLACES = {"memory": (4 * NEEDED, MB), "file": (MB, 4 * NEEDED)}
NOWHERE = (MB, 2 * MB)

#: Kilobytes that are used of each, and names: what an empty place has.
EMPTY = ["0", "0"]


def _picture() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(1, 256, SHAPE).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def places_of_ones_own() -> None:
    if reason := cannot_mount():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "stack.tif"
    tifffile.imwrite(path, _picture(), imagej=True, metadata={"axes": "ZYX"})
    return path


def _imagej(folder: Path, screen: str, sizes: tuple[int, int]) -> tuple[ImageJ, SmallPlaces]:
    places = SmallPlaces(folder / "places", *sizes)
    return ImageJ(folder / "ImageJ", screen, places.before, [f"-Djava.io.tmpdir={places.temporary_folder}"]), places


# --- runs that end by themselves -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    session: Session
    places: SmallPlaces
    folder: Path

    def result(self, name: str) -> bytes:
        return np.asarray(tifffile.imread(self.folder / f"{name}.tif")).astype("<f4").tobytes()


@pytest.fixture(scope="module", params=PLACES)
def seen(request: pytest.FixtureRequest, screen: str, stack: Path, tilted: Path, tmp_path_factory: Any) -> Seen:
    folder = tmp_path_factory.mktemp(request.param)
    imagej, places = _imagej(folder, screen, PLACES[request.param])
    run = f'run("Run Model...", "model=[{tilted}]");'
    nan = f'run("32-bit"); setPixel(3, 4, NaN); {run} print("NOT REACHED");'
    macros = {
        "first": f'open("{stack}"); {run} saveAs("Tiff", "{folder}/first.tif");',
        "refused by the worker": f'open("{stack}"); {nan}',
        "again": f'open("{stack}"); {run} saveAs("Tiff", "{folder}/again.tif");',
    }
    return Seen(imagej.run(macros), places, folder)


def test_the_result_is_the_same_wherever_the_pixels_lie(seen: Seen, tilted: Path) -> None:
    expected = np.asarray(ijbridge.predict(tilted, _picture(), axes="zyx")).tobytes()
    assert seen.result("first") == seen.result("again") == expected


def test_the_pixels_lie_in_a_file_only_where_memory_is_too_small(seen: Seen) -> None:
    said = "1.0 MB are free in /dev/shm"
    assert (said in seen.session.log_file) == (seen.places.memory == MB)


def test_a_run_that_fails_in_the_worker_stops_nothing_else(seen: Seen) -> None:
    assert seen.session.ran["refused by the worker"].value == ABORTED
    assert "NaN" in without_sizes(seen.session.ran["refused by the worker"].log)[0]
    assert seen.session.workers == 1


def test_nothing_is_left_in_memory_or_folder(seen: Seen) -> None:
    assert seen.places.left == EMPTY


def test_where_no_place_has_the_room_both_are_named(screen: str, stack: Path, tilted: Path, tmp_path: Path) -> None:
    imagej, places = _imagej(tmp_path, screen, NOWHERE)
    macro = f'open("{stack}"); run("Run Model...", "model=[{tilted}]"); print("NOT REACHED");'
    ran = imagej.run({"refused": macro}).ran["refused"]
    assert ran.value == ABORTED
    assert ran.log == (
        "Run Model: The image and its result need 13.1 MB to be shared with Python, but 1.0 MB are free in /dev/shm and 2.0 "
        f"MB are free in {places.temporary_folder}: make one of the two larger (/dev/shm in a container: --shm-size; another "
        "temporary folder: -Djava.io.tmpdir), or run on a smaller part of the image.",
    )
    assert places.left == EMPTY


# --- runs that are ended ---------------------------------------------------------------------------------------------


class Killer(threading.Thread):
    """Ends one process as soon as the worker has begun to write a result."""

    def __init__(self, imagej: ImageJ, end: Callable[[int], None]) -> None:
        super().__init__(daemon=True)
        self.done = False
        self._log, self._end = imagej.folder / "ijbridge.log", end
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.01):
            worker = self._worker()
            if worker and has_begun(worker, RESULT):
                self._end(worker)
                self.done = True
                return

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _worker(self) -> int:
        text = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
        _, _, after = text.partition("worker started:")
        words = after.partition(", process ")[2].partition(",")[0]
        return int(words) if words.isdecimal() else 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("whose", "sent", "status"),
    [("ImageJ", signal.SIGKILL, 137), ("ImageJ", signal.SIGTERM, 143), ("both", signal.SIGKILL, 137)],
    ids=["imagej killed", "imagej told to end", "both killed"],
)
def test_nothing_is_left_when_imagej_ends_in_the_middle_of_a_run(
    screen: str, stack: Path, slow: Path, tmp_path: Path, place: str, whose: str, sent: signal.Signals, status: int
) -> None:
    imagej, places = _imagej(tmp_path, screen, PLACES[place])
    workers: list[int] = []

    def end(worker: int) -> None:
        workers.append(worker)
        os.kill(places.pid, sent)
        if whose == "both":
            os.kill(worker, sent)

    killer = Killer(imagej, end)
    killer.start()
    imagej.run({"run": f'open("{stack}"); run("Run Model...", "model=[{slow}]");'}, status=status)
    killer.stop()
    assert killer.done
    assert places.left == EMPTY
    assert all(ends(worker) for worker in workers)


def test_nothing_is_left_of_a_worker_that_is_killed_and_of_a_run_that_is_cancelled(
    screen: str, stack: Path, slow: Path, tmp_path: Path
) -> None:
    imagej, places = _imagej(tmp_path, screen, PLACES["file"])
    for file in (JARS / "test-classes").glob("Person*.class"):
        shutil.copy(file, imagej.folder / "plugins")
    escape = tmp_path / "escape"

    def end(worker: int) -> None:
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while (imagej.folder / "ijbridge.log").read_text(encoding="utf-8").count("worker started:") < 2:
            assert time.monotonic() < deadline, "no other worker was started"
            time.sleep(0.02)
        escape.touch()

    killer = Killer(imagej, end)
    killer.start()
    macro = f"""call("Person.pressesEscapeWhenThereIs", "{escape}");
        open("{stack}"); run("Run Model...", "model=[{slow}]"); print("NOT REACHED");"""
    session = imagej.run({"run": macro})
    killer.stop()
    assert killer.done
    assert session.ran["run"].log[-1] == "Run Model: The run was cancelled."
    assert places.left == EMPTY
