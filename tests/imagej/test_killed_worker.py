"""A worker that the system kills, as Linux does when memory runs out: the run is tried once more, in smaller tiles."""

from __future__ import annotations

import os
import re
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from imagej_session import ABORTED, ImageJ, Ran, Session

from .models import without_sizes
from .shared_memory import has_begun

pytestmark = [
    pytest.mark.imagej,
    pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows what a process works on"),
]

SHAPE = (8, 256, 256)

#: Which workers are killed, as they come up one after the other: the macro that each is killed in.
KILLED = {1: "once", 2: "twice", 3: "twice", 4: "together", 5: "cancelled"}

WARNING = (
    "Run Model: The Python worker was killed by the system, mostly for want of memory: it is run again with smaller tiles."
)


class Reaper(threading.Thread):
    """Kills workers as soon as they have written something of a result; when the last one has, makes a file."""

    def __init__(self, log: Path, macro: Path) -> None:
        super().__init__(daemon=True)
        self.killed: list[int] = []
        self.ended = threading.Event()
        self.escape = macro.with_name("escape")
        self._log, self._macro = log, macro

    def run(self) -> None:
        for number, macro in KILLED.items():
            while not (self._at_work(number) and self._text(self._macro) == macro):
                if self.ended.wait(0.002):
                    return
            os.kill(self._workers()[number - 1], signal.SIGKILL)
            self.killed.append(number)
        while not self._at_work(len(KILLED) + 1):
            if self.ended.wait(0.002):
                return
        self.escape.touch()

    def _at_work(self, number: int) -> bool:
        return len(self._workers()) >= number and has_begun(self._workers()[number - 1], int(np.prod(SHAPE)) * 4)

    def _workers(self) -> list[int]:
        return [int(one) for one in re.findall(r"worker started: .*, process (\d+)", self._text(self._log))]

    @staticmethod
    def _text(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            return ""


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path

    def ran(self, macro: str) -> Ran:
        return self.session.ran[macro]

    def pixels(self, name: str) -> NDArray[Any]:
        return np.asarray(tifffile.imread(self.folder / f"{name}.tif"))


def _picture(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 256, SHAPE).astype(np.uint8)


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, person: None, slow: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    for seed, name in enumerate(("first", "second")):
        tifffile.imwrite(folder / f"{name}.tif", _picture(seed), imagej=True, metadata={"axes": "ZYX"})
    running = folder / "macro"
    options = f"model=[{slow}]"
    run = f'run("Run Model...", "{options}");'
    stops = folder / "stops.ijm"
    stops.write_text(f'{run} print("NOT REACHED");', encoding="utf-8")

    def begin(name: str) -> str:
        return f'File.saveString("{name}", "{running}"); open("{folder}/first.tif");'

    macros = {
        "once": f'{begin("once")} {run} print("active: " + getTitle()); saveAs("Tiff", "{folder}/once-result.tif");',
        "twice": f"""{begin("twice")}
            print("ended: " + runMacro("{stops}"));
            print("active: " + getTitle() + "|" + is("changes"));
            saveAs("Tiff", "{folder}/image.tif");""",
        "together": f"""{begin("together")} open("{folder}/second.tif");
            call("Person.startsOnAll", "{options}");
            selectImage("first-sum"); saveAs("Tiff", "{folder}/together-first.tif");
            selectImage("second-sum"); saveAs("Tiff", "{folder}/together-second.tif");""",
    }
    reaper = Reaper(imagej.folder / "ijbridge.log", running)
    macros["cancelled"] = f"""call("Person.pressesEscapeWhenThereIs", "{reaper.escape}");
        {begin("cancelled")} {run} print("NOT REACHED");"""
    macros["afterwards"] = 'print("held: " + exec("sh", "-c", "ls -l /proc/$PPID/fd | grep -c ijbridge-"));'
    reaper.start()
    session = imagej.run(macros)
    reaper.ended.set()
    reaper.join()
    assert reaper.killed == list(KILLED), session
    return Seen(session, folder)


@pytest.fixture(scope="module")
def expected(slow: Path) -> list[bytes]:
    results = [ijbridge.predict(slow, _picture(seed), axes="zyx") for seed in range(2)]
    return [np.asarray(one).tobytes() for one in results]


def test_after_one_kill_the_result_is_right_and_active(seen: Seen, expected: list[bytes]) -> None:
    assert seen.ran("once").log[-1] == "active: first-sum"
    assert seen.pixels("once-result").astype("<f4").tobytes() == expected[0]


def test_the_person_is_told_of_the_kill_and_of_the_smaller_tiles(seen: Seen) -> None:
    assert without_sizes(seen.ran("once").log)[0] == WARNING
    with tifffile.TiffFile(seen.folder / "once-result.tif") as tiff:
        assert "retries: tile y=256,x=256" in (tiff.imagej_metadata or {})["Info"]


def test_a_second_kill_is_an_error_in_one_sentence_and_stops_the_macro(seen: Seen) -> None:
    warning, sentence, ended, _ = without_sizes(seen.ran("twice").log)
    assert warning == WARNING
    assert sentence.startswith("Run Model: The Python worker was killed by the system twice")
    assert sentence.endswith("or run on a smaller part of the image.")
    assert ended == f"ended: {ABORTED}"


def test_a_run_that_waited_for_the_killed_worker_goes_to_the_next_one(seen: Seen, expected: list[bytes]) -> None:
    assert seen.ran("together").value != ABORTED
    assert [line for line in seen.ran("together").log if "killed" in line].count(WARNING) == 1
    for number, name in enumerate(("first", "second")):
        assert seen.pixels(f"together-{name}").astype("<f4").tobytes() == expected[number]


def test_the_second_attempt_can_be_cancelled(seen: Seen) -> None:
    assert without_sizes(seen.ran("cancelled").log) == [WARNING, "Run Model: The run was cancelled."]
    assert seen.ran("cancelled").value == ABORTED


def test_the_image_stays_as_it_was(seen: Seen) -> None:
    assert seen.ran("twice").log[-1] == "active: first.tif|0"
    assert np.array_equal(seen.pixels("image"), _picture(0))


def test_a_worker_is_started_only_where_one_was_killed(seen: Seen) -> None:
    assert seen.session.workers == len(KILLED) + 1


def test_no_shared_memory_is_left(seen: Seen) -> None:
    assert seen.ran("afterwards").log[0] == "held: 0"
