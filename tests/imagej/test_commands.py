"""The commands beside Run Model..., by macro and in their windows."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from builders import one_conv, write_model
from commandline import network_gives, pixels
from imagej_session import ABORTED, ImageJ, Session

from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path
    imagej: ImageJ

    def log(self, macro: str) -> tuple[str, ...]:
        return self.session.ran[macro].log


def _tested(folder: Path, *, off_by: float) -> Path:
    """A model whose test output is what it gives, but for one value."""
    given = pixels(20, 24, seed=1)
    model = write_model(folder, one_conv(), halo=1)
    expected = network_gives(model, given).copy()
    expected[3, 5] += off_by
    return write_model(model, one_conv(), halo=1, test_input=given[None, None], test_output=expected[None, None])


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, person: None, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("models")
    good, wrong = _tested(folder / "good", off_by=0), _tested(folder / "wrong", off_by=2)
    bare = write_model(folder / "bare", one_conv())
    zipped = shutil.make_archive(str(folder / "a zip"), "zip", good)
    test = """
        titles = getList("image.titles"); print("titles: " + String.join(titles, "|"));
        for (i = 0; i < titles.length; i++) {
            selectImage(titles[i]); getMinAndMax(low, high); print("range: " + low + " " + high);
            saveAs("Tiff", "%s/" + titles[i] + ".tif");
        }
        print("rows: " + Table.size + " " + Table.getString("Passed", 0) + " " + Table.get("Values beyond", 0));
        print("table: " + Table.title);"""
    (folder / "out-good").mkdir()
    (folder / "out-wrong").mkdir()
    macros = {
        "about": 'setBatchMode(true); run("About IJBridge");',
        "inspect": f'run("Inspect Model...", "model=[{good}]");',
        "test good": f'run("Test Model...", "model=[{good}]");' + test % (folder / "out-good"),
        "test wrong": f'run("Test Model...", "model=[{wrong}]");' + test % (folder / "out-wrong"),
        "test bare": f'run("Test Model...", "model=[{bare}]"); print("NOT REACHED");',
        "install": f"""run("Install Model...", "model=[{good}]");
            newImage("cells", "8-bit ramp", 40, 30, 1); run("Run Model...", "model=good"); print("active: " + getTitle());""",
        "install again": f'run("Install Model...", "model=[{good}]");',
        "install an address": 'run("Install Model...", "model=[http://127.0.0.1:9/m.zip]"); print("NOT REACHED");',
        "unknown key": f'run("Inspect Model...", "model=[{good}] tile=3"); print("NOT REACHED");',
        "no key": 'setBatchMode(true); run("Test Model..."); print("NOT REACHED");',
        "settings": 'setBatchMode(true); run("IJBridge Settings..."); print("NOT REACHED");',
        "stop": """run("Stop IJBridge Worker"); run("Stop IJBridge Worker");
            newImage("cells", "8-bit ramp", 40, 30, 1); run("Run Model...", "model=good"); print("active: " + getTitle());""",
        "window about": 'print(call("Person.readsWindow", "About IJBridge", ""));',
        "window install": f'print(call("Person.installs", "{zipped}", ""));',
        "window inspect": f'print(call("Person.readsWindow", "Inspect Model...", "{good}"));',
    }
    return Seen(imagej.run(macros), folder, imagej)


def test_about_says_what_a_bug_report_needs(seen: Seen) -> None:
    lines = {line.split()[0]: line for line in seen.log("about")}
    assert {"IJBridge", "ImageJ", "Java", "system", "ijbridge", "Python", "onnxruntime", "devices", "free"} <= lines.keys()
    assert "cpu" in lines["devices"]


def test_inspect_says_what_the_shell_says(seen: Seen) -> None:
    assert seen.log("inspect")[0] == "Little Network"
    assert any(line.startswith("licence      CC0-1.0") for line in seen.log("inspect"))


@pytest.mark.parametrize(("name", "verdict"), [("good", "and reproduces"), ("wrong", "and does NOT reproduce")])
def test_a_models_own_test_says_its_verdict_and_shows_its_images(seen: Seen, name: str, verdict: str) -> None:
    log = seen.log(f"test {name}")
    assert log[0].startswith("Test Model: Little Network runs, ")
    assert verdict in log[0]
    assert "titles: raw input|out expected|out found|out difference" in log
    ranges = [line.removeprefix("range: ") for line in log if line.startswith("range: ")]
    assert ranges[1] == ranges[2]
    low, high = map(float, ranges[3].split())
    assert low == -high
    assert f"rows: 1 {'yes 0' if name == 'good' else 'no 1'}" in log
    found = np.asarray(tifffile.imread(seen.folder / f"out-{name}" / "out found.tif"))
    np.testing.assert_allclose(found, network_gives(seen.folder / name, pixels(20, 24, seed=1)), atol=1e-6)
    difference = np.asarray(tifffile.imread(seen.folder / f"out-{name}" / "out difference.tif"))
    assert difference[3, 5] == pytest.approx(0 if name == "good" else -2, abs=1e-5)


def test_a_model_without_a_test_is_said(seen: Seen) -> None:
    assert "describes no test tensor" in seen.log("test bare")[0]
    assert seen.session.ran["test bare"].value == ABORTED


def test_an_installed_model_is_run_by_its_name(seen: Seen) -> None:
    log = seen.log("install")
    assert log[0] == "Little Network, licence CC0-1.0"
    assert re.fullmatch(r"good: 5 files, \d+ bytes", log[1])
    assert re.fullmatch(r"SHA-256 [0-9a-f]{64}", log[2])
    assert log[3] == f"Install Model: {seen.imagej.folder / 'models' / 'good'}"
    assert log[-1] == "active: cells-out"
    assert seen.session.ran["install again"].value != ABORTED


@pytest.mark.parametrize(
    ("macro", "words"),
    [
        ("install an address", "http://127.0.0.1:9/m.zip cannot be fetched ("),
        ("unknown key", 'The key "tile" is not known: the keys are model and environment.'),
        ("no key", 'The key "model" is missing: write run("Test Model...", "model=[path or name]"), and if need be'),
        ("settings", "is for a person"),
    ],
)
def test_what_is_not_understood_is_refused_and_ends_the_macro(seen: Seen, macro: str, words: str) -> None:
    assert words in seen.log(macro)[0]
    assert seen.session.ran[macro].value == ABORTED


def test_after_the_worker_was_stopped_the_next_run_starts_another(seen: Seen) -> None:
    assert seen.log("stop")[-1] == "active: cells-out"
    assert seen.session.workers == 2 * seen.imagej.workers


def test_a_person_sees_what_is_installed_before_it_is(seen: Seen) -> None:
    zipped = seen.folder / "a zip.zip"
    said, *shown, last, recorded = [line for line in seen.log("window install") if line.strip()]
    assert shown[:2] == ["Little Network, licence CC0-1.0", f"a zip.zip: 1 file, {zipped.stat().st_size} bytes"]
    assert shown[2] == f"SHA-256 {hashlib.sha256(zipped.read_bytes()).hexdigest()}"
    models = seen.imagej.folder / "models"
    assert last == f"It is copied into {models}."
    assert recorded == f'run("Install Model...", "model=[{zipped}]");'
    assert said == f"Install Model: {models / 'a zip.zip'}"
    assert (models / "a zip.zip").read_bytes() == zipped.read_bytes()


def test_the_windows_say_the_same_and_are_copied_by_one_click(seen: Seen) -> None:
    assert seen.log("window about")[0].startswith("IJBridge ")
    assert seen.log("window about")[-1] == "copied: true"
    assert "Little Network" in seen.log("window inspect")
    assert seen.log("window inspect")[-1] == "copied: true"
