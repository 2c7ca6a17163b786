"""The life of the worker: started early, kept, replaced when it died, shared by runs that queue, ended with ImageJ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from imagej_session import ABORTED, ImageJ, Session
from processes import ends

from .models import without_sizes

pytestmark = pytest.mark.imagej

SIZES = (200, 120, 160)


def _picture(number: int) -> NDArray[np.uint8]:
    return np.random.default_rng(number).integers(1, 256, (SIZES[number], 96)).astype(np.uint8)


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path

    def log(self, macro: str) -> tuple[str, ...]:
        return self.session.ran[macro].log

    def result(self, name: str) -> bytes:
        return np.asarray(tifffile.imread(self.folder / f"{name}.tif")).astype("<f4").tobytes()

    def workers(self) -> list[int]:
        """The numbers of the worker processes, in the order of their start."""
        return [int(one) for one in re.findall(r"worker started: .*, process (\d+)", self.session.log_file)]


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, person: None, tilted: Path, slow: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(len(SIZES)):
        tifffile.imwrite(folder / f"p{number}.tif", _picture(number))
    tifffile.imwrite(folder / "large.tif", np.tile(_picture(0), (3, 6)))
    large = f'open("{folder}/large.tif");'
    log = imagej.folder / "ijbridge.log"
    first = f'open("{folder}/p0.tif");'
    run = f'run("Run Model...", "model=[{tilted}]");'
    # the workers are the children of ImageJ whose command names Appose; the brackets keep the shell itself out
    find = "pkill -P $PPID -f [a]ppose.python_worker"
    kill = f'exec("sh", "-c", "{find} -KILL; sleep 0.3");'
    # stopped, it lives when it is asked, and dies then
    kill_soon = f'exec("sh", "-c", "{find} -STOP; (sleep 1; {find} -KILL) >/dev/null 2>&1 & sleep 0.1");'
    macros = {
        "looks": f'{first} print("started: " + call("Person.looksAtTheDialogUntil", "{log}", "worker started:"));',
        "part": f"""{first} makeRectangle(8, 9, 24, 32); print(call("Person.choosesPart", "{tilted}", "crop"));
            print("active: " + getTitle());""",
        "queue": f"""{first} open("{folder}/p1.tif"); open("{folder}/p2.tif");
            call("Person.startsOnAll", "model=[{tilted}] tile=32");
            for (i = 0; i < 3; i++) {{ selectImage("p" + i + "-sum"); saveAs("Tiff", "{folder}/queue" + i + ".tif"); }}""",
        "refreshed": f'run("Refresh Menus"); {first} {run} print("active: " + getTitle());',
        "watched": f"""{large} call("Person.watches"); run("Run Model...", "model=[{slow}] tile=64");
            print(call("Person.saw"));""",
        "died": f'{kill} {first} {run} saveAs("Tiff", "{folder}/died.tif");',
        "died at the plan": f'{kill_soon} {first} {run} saveAs("Tiff", "{folder}/died at the plan.tif");',
        "refreshed again": f'run("Refresh Menus"); {first} {run} print("active: " + getTitle());',
        "cancelled": f"""{large} call("Person.pressesEscapeWhenStatusSays", "Running large");
            run("Run Model...", "model=[{slow}] tile=64"); print("NOT REACHED");""",
        "afterwards": f'{first} {run} print("active: " + getTitle());',
    }
    return Seen(imagej.run(macros), folder)


def _expected(model: Path, number: int, **options: Any) -> bytes:
    result = ijbridge.predict(model, _picture(number), **options)
    return np.asarray(result).tobytes()


def test_python_starts_while_the_dialog_is_open(seen: Seen) -> None:
    assert seen.log("looks") == ("started: true",)


def test_the_dialog_offers_the_box_around_a_selection_and_records_it(seen: Seen) -> None:
    recorded, active = [one for one in seen.log("part") if one.startswith(("run(", "active"))]
    assert recorded.endswith('tile=auto halo=auto device=auto roi=crop");')
    assert active == "active: p0 (24x32 at 8,9)-sum"


def test_runs_that_begin_together_queue_and_give_what_they_give_alone(seen: Seen, tilted: Path) -> None:
    for number in range(len(SIZES)):
        assert seen.result(f"queue{number}") == _expected(tilted, number)


@pytest.mark.parametrize("macro", ["refreshed", "refreshed again", "afterwards"])
def test_a_run_goes_on_with_the_worker_there_is(seen: Seen, macro: str) -> None:
    assert seen.log(macro)[-1] == "active: p0-sum"


@pytest.mark.parametrize("macro", ["died", "died at the plan"])
def test_a_worker_that_died_before_the_run_had_begun_is_replaced(seen: Seen, tilted: Path, macro: str) -> None:
    assert not [line for line in seen.log(macro) if "killed" in line or "ended" in line]
    assert seen.result(macro) == _expected(tilted, 0)


def test_only_a_death_makes_another_worker(seen: Seen) -> None:
    assert len(seen.workers()) == 3


def test_status_and_progress_bar_move_with_the_tiles(seen: Seen) -> None:
    lines = seen.log("watched")
    told = [re.fullmatch(r"Run Model: Running large.tif: (\d+) of (\d+) tiles", line) for line in lines]
    numbers = [int(one[1]) for one in told if one]
    assert len(numbers) >= 3
    assert numbers == sorted(numbers)
    bars = [float(line.removeprefix("bar at ")) for line in lines if line.startswith("bar at ")]
    assert len({one for one in bars if 0 < one < 1}) >= 3


def test_escape_ends_the_run_between_two_tiles_and_the_worker_stays(seen: Seen) -> None:
    assert seen.session.ran["cancelled"].value == ABORTED
    assert without_sizes(seen.log("cancelled")) == ["Run Model: The run was cancelled."]


def test_the_workers_end_with_imagej(seen: Seen) -> None:
    assert all(ends(worker) for worker in seen.workers())


def test_nothing_went_wrong_unnoticed(seen: Seen) -> None:
    lines = [line for line in seen.session.log_file.splitlines() if "The run was cancelled" not in line]
    assert not [line for line in lines if re.search(r"ERROR|Traceback|Exception", line)], seen.session.log_file
