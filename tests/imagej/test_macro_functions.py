"""The functions for macros, and every example of docs/macros.md as it stands."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import ijbridge
from deepimagej_models import DIVIDE, channels_last, folder_of
from imagej_session import ImageJ, Session
from reference.csbdeep_cases import FOLDER, WITH_OBJECTS
from setup_environment import ALIASES, ROOT

from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

EXAMPLES = re.findall(r"^```\n(.*?)^```$", (ROOT / "docs" / "macros.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)

#: What each example prints, in their order.
PRINTED = [
    ["cell-cells"],
    [],
    ["[aborted]"],
    ["image", "bcyx", "0.107 micrometer"],
    ["2"],
    ["model=phase-cell-unet"],
    ["another", "160"],
    ["stopped"],
    ["Preprocessing", "cell-values"],
    ["160"],
    ["nuclei-labels", "NUCLEI objects, the first of PIXELS pixels", "NUCLEI outlines"],
    ["yes"],
    ["Phase cell U-Net of cell.tif"],
    ["cell-output"],
    ["nuclei-labels, MANAGED outlines"],
]

#: A model that finds objects.
FINDER = next(one for one in WITH_OBJECTS if one.trained).folder


#: What the line in place of StarDist's command asks for.
STARDISTS: dict[str, Any] = {"normalize": (1, 99.8), "prob_thresh": 0.6, "nms_thresh": 0.4}

#: How lines begin that the commands write themselves.
SAID = ("Run Model: ", "Test Model: ", "Batch Run Model: ", "DeepImageJ Run: ", "IJBridge: ", "Details: ")


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path

    def log(self, macro: str) -> tuple[str, ...]:
        return self.session.ran[macro].log


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, twins: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    from stardist.data import test_image_nuclei_2d

    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(ROOT / "samples" / "phase-cell-unet", imagej.folder / "models" / "phase-cell-unet")
    folder_of(imagej.folder / "models" / "deepimagej-cells", None, channels_last(outputs=1), {
        "preprocessing.txt": DIVIDE, "postprocessing.txt": "",
    })  # fmt: skip
    shutil.copytree(FINDER, imagej.folder / "models" / "stardist-nuclei")
    tifffile.imwrite(folder / "nuclei.tif", test_image_nuclei_2d()[:160, :200], imagej=True)
    picture = np.random.default_rng(4).random((160, 160)).astype(np.float32)
    resolution = (1 / 0.107, 1 / 0.107)
    tifffile.imwrite(folder / "cell.tif", picture, imagej=True, resolution=resolution, metadata={"unit": "um"})
    shutil.copytree(FOLDER / "care-2d", folder / "denoise")
    shutil.copy(ALIASES, imagej.folder / "plugins" / "IJBridge")
    (folder / "part.ijm").write_text('run("Run Model...", "model=no-such-model");', encoding="utf-8")
    two = np.random.default_rng(4).integers(0, 9, (2, 40, 50)).astype(np.uint8)
    tifffile.imwrite(folder / "two.tif", two, imagej=True, metadata={"axes": "CYX"})
    function = "org.ijbridge.Macro"
    replacement = next(text for text in EXAMPLES if "/data/denoise" in text)
    macros = {f"example{number}": text.replace("/data", str(folder)) for number, text in enumerate(EXAMPLES)}
    labelled = next(text for text in EXAMPLES if "outlines=manager" in text)
    macros["labelled"] = (labelled + 'saveAs("Tiff", "/data/labelled.tif");').replace("/data", str(folder))
    macros["denoised"] = (replacement + 'saveAs("Tiff", "/data/denoised.tif");').replace("/data", str(folder))
    for mode in ("windows", "batch"):
        macros[mode] = f"""
            setBatchMode({str(mode == "batch").lower()});
            open("{folder}/two.tif"); two = getImageID();
            newImage("another", "8-bit black", 10, 10, 1);
            ids = split(call("{function}.run", two, "model=[{twins}]"), ",");
            print("active: " + getTitle() + " " + getImageID() + " " + ids.length + " " + nImages);
            for (i = 0; i < ids.length; i++) {{
                selectImage(parseInt(ids[i])); print("result: " + getTitle());
                saveAs("Tiff", "{folder}/{mode}" + i + ".tif");
            }}"""
    macros["asks"] = f"""
        open("{folder}/two.tif");
        print(call("{function}.outputs", "{twins}"));
        print("tile: " + call("{function}.tile", getImageID(), "model=[{twins}] tile=32"));
        print(call("{function}.plan", getImageID(), "model=[{twins}] tile=32"));
        print("size: " + call("{function}.pixelSize", "phase-cell-unet", "y"));
        print("findings: " + call("{function}.check", getImageID(), "model=phase-cell-unet"));"""
    wrong = {
        "no model": 'call("{f}.inputs", "nothing");',
        "no tensor": 'call("{f}.axes", "{m}", "other");',
        "no axis": 'call("{f}.pixelSize", "{m}", "z");',
        "no image": 'call("{f}.run", "-77", "model=[{m}]");',
        "refused": 'call("{f}.run", getImageID(), "model=[{m}]");',
        "unknown key": 'call("{f}.tile", getImageID(), "model=[{m}] tiles=3");',
    }
    for name, text in wrong.items():
        call = text.replace("{f}", function).replace("{m}", str(twins))
        macros[name] = f'newImage("cells", "8-bit ramp", 40, 30, 1); x = {call} print(x);'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IJBRIDGE_CONFIG", str(tmp_path_factory.mktemp("settings")))
        yield Seen(imagej.run(macros), folder)


def test_every_example_has_something_to_say(seen: Seen) -> None:
    assert len(EXAMPLES) == len(PRINTED)


@pytest.mark.parametrize("number", range(len(PRINTED)))
def test_an_example_of_the_page_does_what_it_says(seen: Seen, number: int) -> None:
    printed = [line for line in seen.log(f"example{number}") if not line.startswith(SAID)]
    found = ijbridge.predict(FINDER, seen.folder / "nuclei.tif", prob_thresh=0.6).attrs["objects"]
    managed = ijbridge.predict(FINDER, seen.folder / "nuclei.tif", **STARDISTS).attrs["objects"]
    counts = {"NUCLEI": str(len(found)), "PIXELS": str(found[0]["pixels"]), "MANAGED": str(len(managed))}
    assert printed == [re.sub("NUCLEI|PIXELS|MANAGED", lambda name: counts[name[0]], line) for line in PRINTED[number]]


def test_the_example_that_saves_saves(seen: Seen) -> None:
    saved = np.asarray(tifffile.imread(seen.folder / "cell-probability.tif"))
    expected = ijbridge.predict(ROOT / "samples" / "phase-cell-unet", seen.folder / "cell.tif", tile="y=144,x=144")
    assert saved.astype("<f4").tobytes() == np.asarray(expected).tobytes()


def test_the_line_in_place_of_csbdeeps_gives_what_python_gives(seen: Seen) -> None:
    saved = np.asarray(tifffile.imread(seen.folder / "denoised.tif"))
    expected = ijbridge.predict(FOLDER / "care-2d", seen.folder / "cell.tif", normalize=(3, 99.8))
    assert saved.astype("<f4").tobytes() == np.asarray(expected).tobytes()


def test_the_line_in_place_of_stardists_gives_the_labels_that_python_gives(seen: Seen) -> None:
    saved = np.asarray(tifffile.imread(seen.folder / "labelled.tif"))
    expected = ijbridge.predict(FINDER, seen.folder / "nuclei.tif", **STARDISTS)
    assert saved.max() > 5
    np.testing.assert_array_equal(saved, np.asarray(expected))


@pytest.mark.parametrize("mode", ["windows", "batch"])
def test_a_run_by_id_leaves_the_active_image_active_and_gives_all_results(seen: Seen, twins: Path, mode: str) -> None:
    active, *results = [line for line in seen.log(mode) if not line.startswith(SAID)]
    assert re.fullmatch(r"active: another -\d+ 2 4", active)
    assert results == ["result: two-difference", "result: two-swapped"]
    expected = ijbridge.predict(twins, seen.folder / "two.tif")
    assert isinstance(expected, dict)
    for number, name in enumerate(("difference", "swapped")):
        result = np.asarray(tifffile.imread(seen.folder / f"{mode}{number}.tif"))
        assert result.astype("<f4").tobytes() == np.asarray(expected[name]).tobytes()


def test_a_macro_asks_for_names_tile_plan_pixel_size_and_findings(seen: Seen) -> None:
    log = seen.log("asks")
    assert log[:3] == ("difference", "swapped", "tile: y=32,x=32")
    assert "Tiles: 2 × 2 of 32 × 32 pixels (x, y), with 0 pixels of their neighbours on every side" in log
    assert "size: 0.107" in log
    (findings,) = [line for line in log if line.startswith("findings: ")]
    assert findings.startswith("findings: error: ")


@pytest.mark.parametrize(
    ("macro", "words"),
    [
        ("no model", "There is no model at "),
        ("no tensor", 'has no input or output "other": there are image, difference, swapped'),
        ("no axis", 'has no axis "z"'),
        ("no image", 'There is no image with the ID "-77"'),
        ("refused", "has no channel axis|channels"),
        ("unknown key", 'The key "tiles" is not known'),
    ],
)
def test_what_cannot_be_answered_is_a_sentence_in_log_and_answer(seen: Seen, macro: str, words: str) -> None:
    log = [line for line in seen.log(macro) if not line.startswith("Details: ")]
    assert re.search(words, log[0]) or words in log[0]
    assert log == [f"IJBridge: {log[0].removeprefix('IJBridge: ')}", f"error: {log[0].removeprefix('IJBridge: ')}"]
