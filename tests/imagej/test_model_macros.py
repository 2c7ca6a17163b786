"""DeepImageJ's macros in a real ImageJ: run after a yes, on a duplicate, and what goes wrong is one sentence."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from deepimagej_models import DIVIDE, channels_last, folder_of, several, text
from imagej_session import ABORTED, ImageJ, Ran, Session

from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

TWICE = 'run("Multiply...", "value=2");'

#: Macros for before the network, by the name of the model that brings them.
BEFORE = {
    "scales": DIVIDE,
    "fails": "// Calls what does not exist\nx = noSuchFunction(1);",
    "calls": 'run("No Such Command");',
    "leaves": """run("Duplicate...", "title=left"); newImage("other", "8-bit black", 9, 9, 1); selectWindow("left");
        setBatchMode("exit and display"); selectWindow("left"); run("32-bit"); run("Divide...", "value=255");""",
    "closes": 'run("Close All"); newImage("mine", "32-bit ramp", 40, 40, 1);',
    "asks": 'Dialog.create("How much?"); Dialog.addNumber("factor", 2); Dialog.show(); run("Invert");',
    "waits": 'waitForUser("Draw something", "then press OK"); run("Invert");',
    "exits": 'if (bitDepth() == 8) exit("No 8 bit, please"); run("Invert");',
    "ends": 'run("Close All");',
    "loops": "while (true) x = 1;",
    "turns": 'run("Scale...", "x=0.5 y=0.5 width=40 height=30 interpolation=None average create"); run("32-bit");',
}


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path
    agreed: Path

    def ran(self, name: str) -> Ran:
        return self.session.ran[name]

    def pixels(self, name: str) -> NDArray[Any]:
        return np.asarray(tifffile.imread(self.folder / f"{name}.tif"))

    def network(self, model: str, picture: NDArray[Any]) -> NDArray[Any]:
        """What the network alone gives."""
        axes = "tyx"[-picture.ndim :]
        return np.asarray(ijbridge.predict(self.folder / model, picture, axes=axes, normalize="none"))


@pytest.fixture(scope="module")
def agreed(imagej: ImageJ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for what is agreed to, in each host anew."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("settings")
        patch.setenv("IJBRIDGE_CONFIG", str(home))
        yield home / "agreed.jsonl"


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, agreed: Path, person: None, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(5)
    tifffile.imwrite(folder / "cells.tif", rng.integers(0, 256, (60, 80)).astype(np.uint8), imagej=True)
    frames = rng.integers(0, 256, (3, 60, 80)).astype(np.uint8)
    tifffile.imwrite(folder / "frames.tif", frames, imagej=True, metadata={"axes": "TYX"})
    alone = text("PostprocessingFile", "null")
    for name, macro in BEFORE.items():
        folder_of(folder / name, alone, channels_last(outputs=1), {"preprocessing.txt": macro})
    two = several(text("PreprocessingFile", "[b.ijm, a.ijm]"), text("PostprocessingFile", "after.ijm"))
    both = {"a.ijm": TWICE, "b.ijm": 'run("32-bit"); run("Add...", "value=1");', "after.ijm": 'run("Add...", "value=100");'}
    folder_of(folder / "several", two, channels_last(outputs=1), both)
    folder_of(folder / "after", text("PreprocessingFile", "null"), channels_last(outputs=1), {"postprocessing.txt": TWICE})
    folder_of(folder / "none", several(text("PreprocessingFile", "null"), alone), channels_last(outputs=1))

    def run(model: str, keys: str = "macros=run", image: str = "cells", more: str = "") -> str:
        return f"""open("{folder}/{image}.tif"); makeRectangle(3, 4, 20, 30); {more}
            run("Run Model...", "model=[{folder}/{model}] {keys}");
            print("active: " + getTitle()); print("open: " + String.join(getList("image.titles")));
            print("info: " + replace(getMetadata("Info"), "\\n", "~"));
            saveAs("Tiff", "{folder}/out.tif"); File.rename("{folder}/out.tif", "{folder}/" + getArgument() + ".tif");
            close(); print("then: " + getTitle() + " " + bitDepth()); Roi.getBounds(x, y, w, h); print("roi: " + x + " " + h);
            saveAs("Tiff", "{folder}/" + getArgument() + "-image.tif");"""

    def asked(model: str, batch: bool = False) -> str:
        return f"""setBatchMode({str(batch).lower()}); open("{folder}/frames.tif"); frames = getImageID();
            open("{folder}/cells.tif"); makeRectangle(3, 4, 20, 30);
            print(call("org.ijbridge.Macro.run", getImageID(), "model=[{folder}/{model}] macros=run"));
            print("open: " + String.join(getList("image.titles")) + " " + nImages);
            print("then: " + getTitle() + " " + is("Batch Mode")); Roi.getBounds(x, y, w, h); print("roi: " + x + " " + h);
            selectImage(frames); print("frames: " + getTitle() + " " + nSlices);
            getRawStatistics(n, mean); print("mean: " + mean);"""

    macros = {
        "not asked": run("scales", keys=""),
        "scaled": run("scales"),
        "scaled frames": run("scales", image="frames"),
        "cropped": run("scales", keys="macros=run roi=crop"),
        "several": run("several"),
        "one of several": run("several", keys="macros=a.ijm"),
        "after": run("after"),
        "turned": run("turns"),
        "left": run("leaves"),
        "closed": run("closes"),
        **{
            f"asked {model}": asked(model) for model in ("fails", "calls", "asks", "waits", "exits", "ends", "closes", "scales")
        },
        **{f"in batch {model}": asked(model, batch=True) for model in ("fails", "closes", "scales")},
        "stopped": f'open("{folder}/cells.tif"); run("Run Model...", "model=[{folder}/fails] macros=run"); print("went on");',
        "escaped": f"""open("{folder}/cells.tif"); call("Person.pressesEscapeWhenStatusSays", "running preprocessing.txt");
            run("Run Model...", "model=[{folder}/loops] macros=run"); print("went on");""",
        "none": f'open("{folder}/cells.tif"); run("Run Model...", "model=[{folder}/none] macros=run");',
        "unknown": f'open("{folder}/cells.tif"); run("Run Model...", "model=[{folder}/scales] macros=other.ijm");',
        "twice": f'open("{folder}/cells.tif"); run("Run Model...", "model=[{folder}/scales] macros=run normalize=1,99.8");',
        "changed": f"""open("{folder}/cells.tif"); File.append("// more", "{folder}/after/postprocessing.txt");
            run("Run Model...", "model=[{folder}/after] macros=run"); print("went on");""",
        "ticked": f"""open("{folder}/cells.tif"); print(call("Person.agreesToMacros", "{folder}/after"));
            saveAs("Tiff", "{folder}/ticked.tif");""",
        "ticked again": f'open("{folder}/cells.tif"); print(call("Person.agreesToMacros", "{folder}/after"));',
    }
    named = {name: macro.replace("getArgument()", f'"{name}"') for name, macro in macros.items()}
    return Seen(imagej.run(named), folder, agreed)


def line(ran: Ran, start: str) -> str:
    return next(one for one in ran.log if one.startswith(start)).removeprefix(start)


def the_image_is_whole(seen: Seen, name: str, image: str = "cells") -> None:
    assert np.array_equal(seen.pixels(f"{name}-image"), seen.pixels(image))
    assert line(seen.ran(name), "then: ") == f"{image}.tif 8"
    assert line(seen.ran(name), "roi: ") == "3 30"


def test_without_a_yes_the_macro_is_not_run_and_the_log_says_so(seen: Seen) -> None:
    assert np.array_equal(seen.pixels("not asked"), seen.network("scales", seen.pixels("cells")))
    assert [one for one in seen.ran("not asked").log if "(preprocessing.txt) is not run" in one and "macros=run" in one]


@pytest.mark.parametrize(("name", "image"), [("scaled", "cells"), ("scaled frames", "frames")])
def test_a_macro_that_normalises_is_run_on_a_duplicate_of_each_sample(seen: Seen, name: str, image: str) -> None:
    expected = seen.network("scales", (seen.pixels(image) / np.float32(255)).astype(np.float32))
    np.testing.assert_allclose(seen.pixels(name), expected, rtol=1e-6, atol=1e-6)
    the_image_is_whole(seen, name, image)
    assert not [one for one in seen.ran(name).log if "is not run" in one]


def test_the_result_is_called_after_the_image_and_records_the_macro_and_its_hash(seen: Seen) -> None:
    ran = seen.ran("scaled")
    assert line(ran, "active: ") == "cells-values"
    assert line(ran, "open: ") == "cells.tif, cells-values"
    assert re.search(r"~macros\.before: preprocessing\.txt \(SHA-256 [0-9a-f]{64}\)~", line(ran, "info: "))


def test_of_a_part_of_the_image_the_macro_sees_the_part(seen: Seen) -> None:
    part = seen.pixels("cells")[4:34, 3:23]
    expected = seen.network("scales", (part / np.float32(255)).astype(np.float32))
    np.testing.assert_allclose(seen.pixels("cropped"), expected, rtol=1e-6, atol=1e-6)
    assert line(seen.ran("cropped"), "active: ") == "cells (20x30 at 3,4)-values"


def test_several_macros_are_run_in_the_order_that_the_model_names(seen: Seen) -> None:
    expected = seen.network("several", (seen.pixels("cells").astype(np.float32) + 1) * 2) + 100
    np.testing.assert_allclose(seen.pixels("several"), expected, rtol=1e-6, atol=1e-4)
    assert "~macros.after: after.ijm (SHA-256 " in line(seen.ran("several"), "info: ")


def test_one_of_several_can_be_named_and_the_others_are_said_not_to_be_run(seen: Seen) -> None:
    twice = np.minimum(seen.pixels("cells").astype(int) * 2, 255).astype(np.uint8)
    assert np.array_equal(seen.pixels("one of several"), seen.network("several", twice))
    assert [one for one in seen.ran("one of several").log if "(after.ijm) is not run" in one]


def test_what_comes_after_is_run_on_the_result(seen: Seen) -> None:
    assert np.array_equal(seen.pixels("after"), seen.network("after", seen.pixels("cells")) * 2)
    assert line(seen.ran("after"), "active: ") == "cells-values"


def test_a_macro_may_change_size_and_type_of_the_image(seen: Seen) -> None:
    assert seen.pixels("turned").shape == (30, 40)
    the_image_is_whole(seen, "turned")


def test_images_that_the_macro_leaves_open_are_closed(seen: Seen) -> None:
    assert np.array_equal(seen.pixels("left"), seen.pixels("scaled"))
    assert line(seen.ran("left"), "open: ") == "cells.tif, cells-values"
    the_image_is_whole(seen, "left")


def test_a_macro_that_closes_all_images_closes_only_its_own(seen: Seen) -> None:
    assert seen.pixels("closed").shape == (40, 40)
    assert line(seen.ran("closed"), "open: ") == "cells.tif, cells-values"
    the_image_is_whole(seen, "closed")


SENTENCES = {
    "asked fails": r"The model's macro preprocessing\.txt failed: Undefined identifier.* \(line 2\)\.$",
    "asked calls": r"The model's macro preprocessing\.txt failed: Unrecognized command",
    "asked asks": r"The model's macro preprocessing\.txt opens a window \(\"How much\?\"\) and waits for an answer, but nobody",
    "asked waits": r"The model's macro preprocessing\.txt opens a window \(\"Draw something\"\) and waits",
    "asked exits": r"The model's macro preprocessing\.txt failed: it ended itself",
    "asked ends": r"The model's macro preprocessing\.txt failed: it leaves no image\.$",
    "in batch fails": r"The model's macro preprocessing\.txt failed: Undefined identifier",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_goes_wrong_is_one_sentence_with_the_name_of_the_file(seen: Seen, name: str) -> None:
    ran = seen.ran(name)
    said = next(one for one in ran.log if one.startswith("error: "))
    assert re.match(SENTENCES[name], said.removeprefix("error: ")), said


@pytest.mark.parametrize("batch", ["asked", "in batch"])
@pytest.mark.parametrize("model", ["fails", "closes", "scales"])
def test_images_selection_and_batch_mode_stay_as_they_are(seen: Seen, batch: str, model: str) -> None:
    ran = seen.ran(f"{batch} {model}")
    result = "" if model == "fails" else ", cells-values"
    assert line(ran, "open: ") == f"frames.tif, cells.tif{result} {2 + bool(result)}"
    assert line(ran, "then: ") == f"cells.tif {int(batch == 'in batch')}"
    assert line(ran, "roi: ") == "3 30"
    assert line(ran, "frames: ") == "frames.tif 3"
    assert float(line(ran, "mean: ")) == pytest.approx(seen.pixels("frames")[0].mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stopped", "failed: Undefined identifier"),
        ("escaped", "The run was cancelled."),
        ("none", "macros=run has no macro of 'Cell Finder' to run"),
        ("unknown", "has no macro 'other.ijm': it has preprocessing.txt."),
        ("twice", "normalize and macros would both normalise, as preprocessing.txt does it too"),
        ("changed", "postprocessing.txt of the model"),
    ],
)
def test_what_cannot_be_ends_the_macro(seen: Seen, name: str, words: str) -> None:
    ran = seen.ran(name)
    assert ran.value == ABORTED
    assert [one for one in ran.log if words in one], ran.log
    assert "went on" not in ran.log


def test_a_changed_file_asks_again(seen: Seen) -> None:
    (said,) = [one for one in seen.ran("changed").log if "is not the ImageJ macro any more that was agreed to" in one]
    assert "say yes to it again in the dialog of Run Model..." in said
    assert line(seen.ran("ticked"), "Run the model's macros ") == "postprocessing.txt|false"


def test_the_dialog_names_the_files_and_a_tick_is_a_yes_that_is_recorded_and_remembered(seen: Seen) -> None:
    assert [one for one in seen.ran("ticked").log if re.search(r'^run\("Run Model...", "model=\S+after .*macros=run"\);$', one)]
    assert np.array_equal(seen.pixels("ticked"), seen.pixels("after"))
    assert line(seen.ran("ticked again"), "Run the model's macros ") == "postprocessing.txt|true"


def test_a_yes_is_kept_by_hash_in_a_file_that_is_the_persons_alone(seen: Seen) -> None:
    assert stat.S_IMODE(seen.agreed.stat().st_mode) == 0o600
    lines = [json.loads(one) for one in seen.agreed.read_text().splitlines()]
    after = [one for one in lines if one["model"] == str(seen.folder / "after")]
    assert [one["file"] for one in after] == ["postprocessing.txt"] * 2
    assert len({one["sha256"] for one in after}) == 2


def test_nothing_went_wrong_unnoticed(seen: Seen) -> None:
    assert "in a way it should not" not in seen.session.log_file
