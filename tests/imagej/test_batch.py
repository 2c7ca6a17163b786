"""Batch Run Model...: a folder of 200 images with three broken ones, killed half-way and run again."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import numpy as np
import psutil
import pytest
import tifffile
from numpy.typing import NDArray

from imagej_session import ABORTED, JARS, ImageJ, Session

from . import models

pytestmark = pytest.mark.imagej

COUNT = 200

#: What is broken: cut off in the middle (which ImageJ opens, and shows black), no image at all, a stack without its end.
BROKEN = {"i020.tif": "the file ends before", "i060.tif": "is not a TIFF", "i150.tif": "the file ends before"}


def _picture(number: int) -> NDArray[np.uint8]:
    return np.random.default_rng(number).integers(1, 256, (24, 20 + number % 7)).astype(np.uint8)


def _fill(folder: Path) -> None:
    folder.mkdir()
    for number in range(COUNT):
        tifffile.imwrite(folder / f"i{number:03}.tif", _picture(number), imagej=True)
    (folder / "notes.txt").write_text("not one of the images")
    cut = (folder / "i020.tif").read_bytes()
    (folder / "i020.tif").write_bytes(cut[:-200])
    (folder / "i060.tif").write_text("no image")
    tifffile.imwrite(folder / "i150.tif", np.stack([_picture(150)] * 4), imagej=True, metadata={"axes": "TYX"})
    stack = (folder / "i150.tif").read_bytes()
    (folder / "i150.tif").write_bytes(stack[: len(stack) // 2])


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path
    when_killed: dict[str, tuple[int, int]]
    log_when_killed: list[str]

    @property
    def log(self) -> list[list[str]]:
        lines = (self.folder / "out" / "ijbridge-batch.txt").read_text(encoding="utf-8").splitlines()
        return [line.split("\t") for line in lines]


def _kill_when(imagej: ImageJ, log: Path, lines: int) -> Thread:
    """Kill that ImageJ, as a power cut would, as soon as its batch has written so many lines."""

    def watch() -> None:
        while not log.exists() or log.read_text(encoding="utf-8").count("\n") < lines:
            time.sleep(0.01)
        for process in psutil.process_iter(["cmdline"]):
            if f"-Duser.home={imagej.folder}" in (process.info["cmdline"] or []):
                process.kill()

    thread = Thread(target=watch, daemon=True)
    thread.start()
    return thread


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {file.name: (file.stat().st_mtime_ns, file.stat().st_ino) for file in folder.glob("*.tif")}


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, tilted: Path, twins: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("batch")
    _fill(folder / "in")
    out = folder / "out"
    keys = f"input=[{folder}/in] pattern=*.tif tile=32"
    line = f'run("Batch Run Model...", "model=[{tilted}] output=[{out}] {keys}");'
    killer = _kill_when(imagej, out / "ijbridge-batch.txt", COUNT)
    imagej.run({"killed": line}, status=-9)
    killer.join()
    when_killed, log = _stamps(out), (out / "ijbridge-batch.txt").read_text(encoding="utf-8").splitlines()
    # what a kill in the middle of writing leaves: half a line, and a result that is no result yet
    with (out / "ijbridge-batch.txt").open("a", encoding="utf-8") as file:
        file.write("done\ti1")
    (out / ".i199-sum.tif.part").write_text("half")
    (folder / "taken").mkdir()
    (folder / "taken" / "i001-sum.tif").write_text("somebody's")
    (folder / "two").mkdir()
    for suffix in ("tif", "tiff"):
        tifffile.imwrite(folder / "two" / f"same.{suffix}", _picture(1), imagej=True)
    changing = shutil.copytree(tilted, folder / "changing")
    changed = f'run("Batch Run Model...", "model=[{changing}] output=[{folder}/out4] input=[{folder}/in] pattern=i000.tif");'
    macros = {
        "before the change": changed,
        "after the change": f'File.append("# another", "{changing}/rdf.yaml"); {changed}',
        "resumed": f'{line} print("left open: " + nImages);',
        "again": line,
        "another model": f'run("Batch Run Model...", "model=[{twins}] output=[{out}] {keys}"); print("NOT REACHED");',
        "taken": f"""run("Batch Run Model...",
            "model=[{tilted}] output=[{folder}/taken] input=[{folder}/in] pattern=i00[0-2].tif");""",
        "two of a name": f"""run("Batch Run Model...",
            "model=[{tilted}] output=[{folder}/out2] input=[{folder}/two] pattern=*");""",
        "not images": f"""run("Batch Run Model...",
            "model=[{tilted}] output=[{folder}/out3] input=[{folder}/in] pattern=*.txt");""",
        "same folder": f'run("Batch Run Model...", "model=[{tilted}] output=[{folder}/in] {keys}");',
        "no file": f'run("Batch Run Model...", "model=[{tilted}] output=[{out}] input=[{folder}/in] pattern=*.png");',
        "no folder": f'run("Batch Run Model...", "model=[{tilted}] output=[{out}] input=[{folder}/none]");',
        "no input": f'run("Batch Run Model...", "model=[{tilted}] output=[{out}]");',
        "part": f'run("Batch Run Model...", "model=[{tilted}] output=[{out}] {keys} roi=crop");',
    }
    return Seen(imagej.run(macros), folder, when_killed, log)


def test_the_first_run_was_killed_half_way(seen: Seen) -> None:
    assert 50 < len(seen.when_killed) < COUNT - len(BROKEN)
    assert len(seen.log_when_killed) < 2 * COUNT


def test_after_the_second_run_every_good_image_has_its_result_and_no_other(seen: Seen) -> None:
    results = sorted(file.name for file in (seen.folder / "out").iterdir())
    good = [number for number in range(COUNT) if f"i{number:03}.tif" not in BROKEN]
    assert len(good) == 197
    assert results == sorted(["ijbridge-batch.txt", *(f"i{number:03}-sum.tif" for number in good)])
    for number in good:
        result = np.asarray(tifffile.imread(seen.folder / "out" / f"i{number:03}-sum.tif"))
        assert np.array_equal(result[1:-1, 1:-1], models.tilt(_picture(number))[1:-1, 1:-1]), number


def test_what_was_done_before_the_kill_is_not_done_again(seen: Seen) -> None:
    after = _stamps(seen.folder / "out")
    changed = [name for name, stamp in seen.when_killed.items() if after[name] != stamp]
    assert len(changed) <= 1  # the one between its writing and its line in the log


def test_the_log_has_three_failures_each_with_its_reason(seen: Seen) -> None:
    failures = {line[1]: line[4] for line in seen.log if line[0] == "failed"}
    assert failures.keys() == BROKEN.keys()
    for name, words in BROKEN.items():
        assert words in failures[name]


def test_the_second_run_says_how_it_went_and_leaves_no_image_open(seen: Seen) -> None:
    said, left = seen.session.ran["resumed"].log
    assert said.startswith("Batch Run Model: ")
    assert " of 200 images done, " in said
    assert " had been done before, 3 failed" in said
    assert left == "left open: 0"


def test_a_third_run_has_nothing_left_to_do_but_the_broken_ones(seen: Seen) -> None:
    (said,) = seen.session.ran["again"].log
    assert "0 of 200 images done, 197 had been done before, 3 failed" in said


def test_a_result_that_is_somebody_elses_is_not_replaced(seen: Seen) -> None:
    assert (seen.folder / "taken" / "i001-sum.tif").read_text() == "somebody's"
    assert "2 of 3 images done, 1 failed" in seen.session.ran["taken"].log[0]
    assert "in the output folder already" in (seen.folder / "taken" / "ijbridge-batch.txt").read_text()


def test_two_images_that_would_give_one_result_are_told_apart(seen: Seen) -> None:
    assert "1 of 2 images done, 1 failed" in seen.session.ran["two of a name"].log[0]
    assert "as that of same.tif: rename one" in (seen.folder / "out2" / "ijbridge-batch.txt").read_text()


def test_a_file_that_imagej_does_not_read_asks_for_bio_formats(seen: Seen) -> None:
    assert "install Bio-Formats" in (seen.folder / "out3" / "ijbridge-batch.txt").read_text()


@pytest.mark.parametrize(
    ("macro", "words"),
    [
        ("another model", "holds the results of another batch"),
        ("after the change", "holds the results of another batch"),
        ("same folder", "Input and output are the same folder"),
        ("no file", 'fits the pattern "*.png"'),
        ("no folder", "There is no input folder"),
        ("no input", 'The key "input" is missing'),
        ("part", 'The key "roi" is not known'),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(seen: Seen, macro: str, words: str) -> None:
    ran = seen.session.ran[macro]
    assert words in ran.log[0]
    assert ran.value == ABORTED
    assert "NOT REACHED" not in ran.log


def test_the_images_are_left_as_they_were(seen: Seen) -> None:
    for number in (0, 199):
        assert np.array_equal(np.asarray(tifffile.imread(seen.folder / "in" / f"i{number:03}.tif")), _picture(number))


def test_what_imagej_does_not_read_is_read_by_bio_formats_where_that_is_installed(
    screen: str, tilted: Path, tmp_path: Path
) -> None:
    imagej = ImageJ(tmp_path / "ImageJ", screen)
    shutil.copytree(JARS / "test-classes" / "loci", imagej.folder / "plugins" / "loci")
    (tmp_path / "in").mkdir()
    for name, series in {"one": "a ramp", "two": "a ramp\na hill", "broken": "broken"}.items():
        (tmp_path / "in" / f"{name}.czi").write_text(series)
    # ImageJ knows these by their first bytes, and tells with a window what is wrong behind them
    (tmp_path / "in" / "damaged.bmp").write_bytes(b"BM" + bytes(60))
    (tmp_path / "in" / "damaged.fits").write_bytes(b"SIMPLE  = nothing else")
    (tmp_path / "in" / "damaged.dcm").write_bytes(bytes(128) + b"DICM" + bytes(20))
    keys = f"model=[{tilted}] input=[{tmp_path}/in] output=[{tmp_path}/out] pattern=*"
    ran = imagej.run({"run": f'run("Batch Run Model...", "{keys}"); print("and on");'}).ran["run"]
    assert "1 of 6 images done, 5 failed" in ran.log[-2]
    assert ran.log[-1] == "and on"
    result = np.asarray(tifffile.imread(tmp_path / "out" / "one.czi-sum.tif"))
    ramp = np.broadcast_to((np.arange(40) * 256 // 40).astype(np.uint8), (30, 40))
    assert np.array_equal(result[1:-1, 1:-1], models.tilt(ramp)[1:-1, 1:-1])
    said = (tmp_path / "out" / "ijbridge-batch.txt").read_text()
    assert "two.czi holds 2 images: save each as a TIFF of its own." in said
    assert "broken.czi cannot be read by Bio-Formats (java.lang.IllegalArgumentException: broken): save it as TIFF." in said
