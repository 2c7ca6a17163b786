"""Macros written for DeepImageJ 1.x, 2.x, 3.0 and 3.1, on models in its own formats: they run, with Python's numbers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pytest
import tifffile
import yaml
from numpy.typing import NDArray

import ijbridge
from builders import Network, one_conv, write_model
from deepimagej_models import DIVIDE, channels_last, folder_of, several, text
from descriptions import v04
from imagej_session import ABORTED, ImageJ, Ran, Session
from setup_environment import ALIASES

from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

_NO = "preprocessing=[no preprocessing] postprocessing=[no postprocessing]"
_TWO = "format=Tensorflow preprocessing=[{}] postprocessing=[{}]"
_NOTHING = ("no preprocessing", "no postprocessing")


@dataclass(frozen=True)
class Line:
    """The options of a line, its model, what Python is asked for, the result's title, and words of what is said."""

    options: str
    model: str
    same: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    said: tuple[str, ...] = ()
    batch: bool = False


FIRST = {
    "as recorded": Line(
        f"model=[Cell Finder] {_NO} patch=48 overlap=5 logging=normal", "cell finder",
        {"tile": 48, "halo": 5, "normalize": "none"}, "Cell Finder of cells.tif",
    ),
    "wrong patch and overlap, in batch mode": Line(
        f"model=[Cell Finder] {_NO} patch=50 overlap=0 logging=mute", "cell finder",
        {"tile": 50, "normalize": "none"}, "Cell Finder of cells.tif",
        ("patch=50 is no size that the network takes: y=52,x=52 is taken.", "overlap=0 is not taken, but what the network"),
        batch=True,
    ),
    "by its folder, with a patch that is fixed": Line(
        f"model=one-size {_NO} patch=768 overlap=22", "one-size", {"normalize": "none", "halo": 22},
        "Fixed of cells.tif", ("patch=768 is no size that the network takes: y=48,x=48 is taken.",),
    ),
    "quotes and brackets in a name, a macro that is known": Line(
        "model=[Anna's net [v2] \\\"b\\\"] preprocessing=[preprocessing.txt] postprocessing=[no postprocessing] patch=64 "
        "overlap=4",
        "anna", {"tile": 64, "halo": 4, "normalize": "divide 255"}, "Anna's net [v2] \"b\" of cells.tif",
        ("preprocessing.txt is done as normalize=divide,255 does it",),
    ),
    "an image that is smaller than its patch": Line(
        f"model=[Cell Finder] {_NO} patch=768 overlap=22", "cell finder", {"normalize": "none"}, "Cell Finder of cells.tif",
    ),
    "in one piece only": Line(
        f"model=everywhere {_NO} patch=32 overlap=4", "everywhere", {}, "everywhere of cells.tif",
        ("patch=32 is not taken: The network looks at the whole image along",),
    ),
}  # fmt: skip

SECOND = {
    "as recorded": Line(
        f"model=[Half Size] {_TWO.format('pre.ijm', 'no postprocessing')} axes=Y,X,C tile=64,80,1 logging=Normal", "half size",
        {"tile": "y=64,x=80", "normalize": "divide 255"}, "Half Size_prob_cells",
        ("pre.ijm is done as normalize=divide,255 does it",),
    ),
    "wrong tile, in batch mode": Line(
        f"model=[Half Size] {_TWO.format(*_NOTHING)} axes=C,Y,X tile=1,70,64 logging=Mute", "half size",
        {"tile": "y=70,x=64", "normalize": "none"}, "Half Size_prob_cells",
        ("tile=y=70,x=64 is no size that the network takes: y=80,x=64 is taken.",), batch=True,
    ),
    "a description that states the step": Line(
        f"model=[Both Say It] {_TWO.format('pre.ijm', 'no postprocessing')} axes=Y,X,C tile=64,64,1", "both", {"tile": 64},
        "Both Say It_prob_cells",
        ("pre.ijm is not run: the description states the preprocessing that is done instead.",
         "The line says no postprocessing, but what the description states is done (sigmoid)."),
    ),
    "a step that is stated and not wanted": Line(
        f"model=[Both Say It] {_TWO.format(*_NOTHING)} axes=Y,X,C tile=64,64,1", "both",
        {"tile": 64, "normalize": "none"}, "Both Say It_prob_cells",
        ("The line says no preprocessing: what the description states (zero_mean_unit_variance) is not done.",),
    ),
    "from another folder": Line(
        f"model=Elsewhere format=ONNX {_NO} axes=B,C,Y,X tile=1,1,64,64 logging=Normal model_dir=[{{away}}]", "away",
        {"tile": 64}, "Elsewhere_prob_cells",
    ),
}  # fmt: skip

THIRD = {
    "as recorded": Line(
        "model_path=[Little Network] input_path=null output_folder=null display_output=all", "little", {}, "cells_out"
    ),
    "a folder of another machine": Line(
        "model_path=[C:\\\\Fiji.app\\\\models\\\\little] input_path=null output_folder=null display_output=all", "little", {},
        "cells_out", ("is not on this machine: ",),
    ),
    "a nickname, in batch mode": Line("model_path=brave-bug", "little", {}, "cells_out", batch=True),
    "by its path": Line("model_path=[{models}/little] display_output=all", "little", {}, "cells_out"),
}  # fmt: skip

LINES = {f"{number} {name}": line for number, lines in enumerate((FIRST, SECOND, THIRD), 1) for name, line in lines.items()}

#: What is refused, and words of the one sentence that ends the macro.
REFUSED = {
    f"model=[Cell Counter] {_NO} patch=48 overlap=5": 'There is no model "Cell Counter" in ',
    f"model=twin {_NO} patch=48 overlap=5": '2 models are called "twin"',
    "model=unsafe preprocessing=[preprocessing.ijm] postprocessing=[no postprocessing] patch=48 overlap=5":
        "is a program (ImageJ macro), which can do anything on this machine, and nobody has said yes to it",
    f"model=[Half Size] {_TWO.format('[pre.ijm, more.ijm]', 'no postprocessing')} axes=Y,X,C tile=64,64,1":
        "has no preprocessing macro 'more.ijm': it has pre.ijm",
    f"model=[Half Size] {_TWO.format(*_NOTHING)} axes=Y,X,C tile=64,64": "axes=Y,X,C and tile=64,64 do not belong together",
    f"model=[Half Size] {_TWO.format(*_NOTHING)} axes=Y,X,C tile=64,64,1 patch=64": 'The key "patch" is not known beside',
    "model_path=little input_path=[/no/such/folder] output_folder=null": 'There is no image or folder "/no/such/folder"',
    "model_path=little tiles=3": 'The key "tiles" is not known',
}  # fmt: skip


def everywhere() -> Network:
    """A network whose output depends on all of its image."""
    net = Network(4)
    x = net.node("Transpose", [net.input("raw", 1, [None, None, None, 1])], 1, perm=[0, 3, 1, 2])
    mean = net.node("ReduceMean", [x], 1, axes=[2, 3])
    x = net.node("Transpose", [net.node("Sub", [x, mean], 1)], 1, perm=[0, 2, 3, 1])
    net.output(x, "values")
    return net


def _half(folder: Path, name: str, *, stated: bool, macro: str) -> None:
    """Write a description of 0.4 as DeepImageJ 2 does, with a network that halves."""
    folder.mkdir(parents=True)
    net = Network(2)
    net.output(net.pool(net.conv(net.input("raw"), 1)), "prob")
    net.save(folder / "weights.onnx", opset=12)
    plain = v04(name=name, config={"deepimagej": {"prediction": {"preprocess": [
        {"spec": "ij.IJ::runMacroFile", "kwargs": "pre.ijm"}], "postprocess": [{"spec": None}]}}})  # fmt: skip
    plain["outputs"][0]["shape"] |= {"scale": [1, 1, 0.5, 0.5], "offset": [0, 0, 0, 0]}
    for key in ("test_inputs", "test_outputs", "sample_inputs"):
        del plain[key]
    if not stated:
        del plain["inputs"][0]["preprocessing"], plain["outputs"][0]["postprocessing"]
    (folder / "rdf.yaml").write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
    (folder / "pre.ijm").write_text(macro, encoding="utf-8")


def _models(folder: Path, away: Path) -> None:
    def named(name: str, *edits: Callable[[Element], Any]) -> Callable[[Element], Any]:
        without = [text(tag, None) for tag in ("PixelSize", "PreprocessingFile", "PostprocessingFile")]
        return several(text("Name", name), *without, *edits)

    network = channels_last(outputs=1)
    folder_of(folder / "cell finder", named("Cell Finder"), network)
    folder_of(folder / "one-size", named("Fixed", text("FixedPatch", "true")), channels_last(outputs=1, size=48))
    folder_of(folder / "anna", named('Anna\'s net [v2] "b"', text("Padding", "4")), network, {"preprocessing.txt": DIVIDE})
    folder_of(folder / "everywhere", named("everywhere"), everywhere())
    for number in (1, 2):
        folder_of(folder / f"number {number}", named("twin"), network)
    folder_of(folder / "unsafe", named("unsafe"), network, {"preprocessing.ijm": 'exec("rm", "-r", "/");'})
    own = {"a.ijm": 'run("Add...", "value=1");', "b.ijm": 'run("32-bit"); run("Divide...", "value=2");'}
    edits = (text("PreprocessingFile", "[b.ijm, a.ijm]"), text("PostprocessingFile", "after.ijm"))
    macros = {**own, "after.ijm": 'run("Multiply...", "value=2");'}
    folder_of(folder / "several", named("several", *edits), network, macros)
    _half(folder / "half size", "Half Size", stated=False, macro='run("32-bit"); run("Divide...", "value=255");')
    _half(folder / "both", "Both Say It", stated=True, macro='run("8-bit");')
    _half(away / "away", "Elsewhere", stated=False, macro='print("nothing");')
    write_model(folder / "little", one_conv(), config={"bioimageio": {"nickname": "brave-bug"}}, halo=1)
    (folder / "broken").mkdir()
    (folder / "broken" / "rdf.yaml").write_text("type: [")


@dataclass(frozen=True)
class Seen:
    session: Session
    imagej: ImageJ
    folder: Path

    def expected(self, line: Line) -> NDArray[Any]:
        place = self.folder / "away" if line.model == "away" else self.imagej.folder / "models"
        result = ijbridge.predict(place / line.model, self.folder / "cells.tif", **line.same)
        assert not isinstance(result, dict)
        return np.asarray(result.values)

    def log(self, name: str) -> tuple[str, ...]:
        return self.session.ran[name].log

    def refused(self, options: str) -> Ran:
        return self.session.ran[f"refused {list(REFUSED).index(options)}"]


@pytest.fixture(scope="module")
def settings(imagej: ImageJ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home for what is agreed to, in each host anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IJBRIDGE_CONFIG", str(tmp_path_factory.mktemp("settings")))
        yield


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, person: None, settings: None, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("data")
    shutil.copy(ALIASES, imagej.folder / "plugins" / "IJBridge")
    _models(imagej.folder / "models", folder / "away")
    picture = np.random.default_rng(5).integers(0, 256, (160, 200)).astype(np.uint8)
    tifffile.imwrite(folder / "cells.tif", picture, imagej=True)
    (folder / "images").mkdir()
    for name in ("a b.tif", "c.tif"):
        shutil.copy(folder / "cells.tif", folder / "images" / name)
    (folder / "images" / "broken.tif").write_bytes((folder / "cells.tif").read_bytes()[:500])
    macros = {}
    for number, (name, line) in enumerate(LINES.items()):
        options = line.options.replace("{away}", str(folder / "away")).replace("{models}", str(imagej.folder / "models"))
        macros[f"line {number}"] = f"""
            setBatchMode({str(line.batch).lower()});
            open("{folder}/cells.tif");
            run("DeepImageJ Run", "{options}");
            print("active: " + getTitle());
            saveAs("Tiff", "{folder}/{number}.tif");
            print("done {name}");
        """
    for number, options in enumerate(REFUSED):
        macros[f"refused {number}"] = f'open("{folder}/cells.tif"); run("DeepImageJ Run", "{options}"); print("NOT REACHED");'
    macros["file"] = f"""
        run("DeepImageJ Run", "model_path=little input_path=[{folder}/images/a b.tif] output_folder=[{folder}/out/deep]");
        print("open: " + nImages);
    """
    macros["files"] = f"""
        run("DeepImageJ Run", "model_path=little input_path=[{folder}/images] output_folder=[{folder}/all]");
        print("NOT REACHED");
    """
    macros["shown"] = f"""
        run("DeepImageJ Run", "model_path=little input_path=[{folder}/images/c.tif] display_output=all");
        print("open: " + getTitle() + " " + nImages);
    """
    macros["nowhere"] = f"""
        open("{folder}/cells.tif");
        run("DeepImageJ Run", "model_path=little display_output=null");
    """
    macros["into itself"] = f"""
        open("{folder}/cells.tif"); rename("cells"); saveAs("Tiff", "{folder}/images2/c_out.tif"); rename("c.tif");
        run("DeepImageJ Run", "model_path=little output_folder=[{folder}/images2]");
    """
    (folder / "images2").mkdir()
    for name, yes in (("no yes", ""), ("yes", " macros=run"), ("yes before", "")):
        macros[name] = f"""
            open("{folder}/cells.tif");
            run("DeepImageJ Run", "model=several preprocessing=[[b.ijm, a.ijm]] postprocessing=[after.ijm] patch=48{yes}");
            saveAs("Tiff", "{folder}/{name}.tif"); print("done");
        """
    macros["no options"] = f'open("{folder}/cells.tif"); run("DeepImageJ Run"); print(nImages);'
    macros["menu"] = f'open("{folder}/cells.tif"); print(call("Person.choosesDeepImageJ", "cell finder")); print(getTitle());'
    for name in ("Explore", "Validate", "Build BundledModel", "StarDist", "Cellpose"):
        macros[f"other {name}"] = f'run("DeepImageJ {name}"); print("NOT REACHED");'
    return Seen(imagej.run(macros), imagej, folder)


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_deepimagej_gives_what_python_gives(seen: Seen, name: str) -> None:
    number = list(LINES).index(name)
    log = seen.log(f"line {number}")
    assert f"done {name}" in log, log
    result = np.asarray(tifffile.imread(seen.folder / f"{number}.tif"))
    expected = seen.expected(LINES[name])
    assert result.shape == expected.shape
    assert result.astype("<f4").tobytes() == expected.astype("<f4").tobytes()


@pytest.mark.parametrize("name", LINES)
def test_the_result_is_active_under_deepimagejs_own_title(seen: Seen, name: str) -> None:
    assert f"active: {LINES[name].title}" in seen.log(f"line {list(LINES).index(name)}")


@pytest.mark.parametrize("name", LINES)
def test_what_is_done_otherwise_is_said_and_nothing_else(seen: Seen, name: str) -> None:
    log = [line.removeprefix("DeepImageJ Run: ") for line in seen.log(f"line {list(LINES).index(name)}")]
    for words in LINES[name].said:
        assert [line for line in log if words in line], (words, log)
    if not LINES[name].said:
        assert [line for line in log if not line.startswith(("active: ", "done "))] == []


@pytest.mark.parametrize("options", REFUSED)
def test_what_cannot_be_done_is_one_sentence_that_ends_the_macro(seen: Seen, options: str) -> None:
    ran = seen.refused(options)
    assert ran.value == ABORTED
    assert REFUSED[options] in ran.log[0]
    assert "NOT REACHED" not in ran.log


def test_the_models_own_macros_run_after_a_yes_in_the_line_which_later_lines_need_not_say_again(seen: Seen) -> None:
    model = seen.imagej.folder / "models" / "several"
    picture = np.asarray(tifffile.imread(seen.folder / "cells.tif")).astype(np.float32)
    expected = 2 * np.asarray(ijbridge.predict(model, picture / 2 + 1, axes="yx", normalize="none"))
    assert seen.session.ran["no yes"].value == ABORTED
    for name in ("yes", "yes before"):
        assert "done" in seen.log(name), seen.log(name)
        result = np.asarray(tifffile.imread(seen.folder / f"{name}.tif"))
        np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_a_file_is_run_and_saved_and_nothing_is_shown(seen: Seen) -> None:
    assert "open: 0" in seen.log("file")
    result = np.asarray(tifffile.imread(seen.folder / "out" / "deep" / "ab_out.tif"))
    assert result.tobytes() == seen.expected(THIRD["as recorded"]).tobytes()


def test_a_broken_file_of_a_folder_does_not_stop_the_others_and_ends_the_macro_after_them(seen: Seen) -> None:
    assert sorted(file.name for file in (seen.folder / "all").iterdir()) == ["ab_out.tif", "c_out.tif"]
    ran = seen.session.ran["files"]
    assert ran.value == ABORTED
    assert any("1 of 3 files have no result (broken.tif): the reasons are in the Log." in line for line in ran.log)


def test_results_of_files_are_shown_where_the_line_says_so(seen: Seen) -> None:
    assert "open: c_out 1" in seen.log("shown")


def test_results_that_go_nowhere_are_said(seen: Seen) -> None:
    assert any("The results are neither shown nor saved" in line for line in seen.log("nowhere"))


def test_a_result_never_replaces_its_image(seen: Seen) -> None:
    assert any("would replace its image" in line for line in seen.log("into itself"))
    assert np.asarray(tifffile.imread(seen.folder / "images2" / "c_out.tif")).dtype == np.uint8


def test_a_line_without_options_does_nothing_and_says_so(seen: Seen) -> None:
    assert seen.log("no options") == ("DeepImageJ Run: nothing is done, as the line has no options.", "1")


def test_the_menu_entry_opens_the_dialog_and_records_the_native_line(seen: Seen) -> None:
    assert 'run("Run Model...", "model=[cell finder] tile=auto halo=auto device=auto");' in seen.log("menu")
    assert "cells-values" in seen.log("menu")


@pytest.mark.parametrize("name", ["Explore", "Validate", "Build BundledModel", "StarDist", "Cellpose"])
def test_the_other_commands_name_what_to_use(seen: Seen, name: str) -> None:
    ran = seen.session.ran[f"other {name}"]
    assert ran.value == ABORTED
    assert ran.log[0].startswith(f"IJBridge: DeepImageJ {name} is not here: ")


def test_without_windows_a_line_runs_too(seen: Seen, tmp_path: Path) -> None:
    macro = f"""
        open("{seen.folder}/cells.tif");
        run("DeepImageJ Run", "model=[Cell Finder] {_NO} patch=48 overlap=5 logging=normal");
        saveAs("Tiff", "{tmp_path}/result.tif");
        print("saved " + getTitle());
    """
    said = seen.imagej.run_without_windows(macro, {**os.environ, "IJBRIDGE_PYTHON": sys.executable})
    assert said[-1] == "saved result.tif"
    result = np.asarray(tifffile.imread(tmp_path / "result.tif"))
    assert result.tobytes() == seen.expected(FIRST["as recorded"]).tobytes()
