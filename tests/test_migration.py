"""The report on models and macros of years: what runs, what that takes, what differs, and what to write in a line's place."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from builders import one_conv, write_model
from commandline import Run
from deepimagej_models import DIVIDE, channels_last, folder_of, several, text
from ijbridge.agreements import agree
from ijbridge.errors import ModelNotFoundError
from ijbridge.formats import read_model
from ijbridge.formats.package import open_package
from ijbridge.loaded import LoadedModel, Variant
from ijbridge.macro_choice import code_of
from ijbridge.migration import Migration, migrate
from ijbridge.migration.report import html
from ijbridge.migration.report import text as text_of
from ijbridge.options import Options
from ijbridge.weights.saved_model import kept_at, read_files
from reference.csbdeep_cases import FOLDER

IMAGE = (np.add.outer(np.arange(60), 2 * np.arange(80)) % 251).astype(np.uint8)

HOSTILE = '<script>alert("x")</script>'


def old_model(folder: Path, name: str, *edits: Callable[[Element], Any], macros: dict[str, str] | None = None) -> Path:
    without = [text(tag, None) for tag in ("PixelSize", "PreprocessingFile", "PostprocessingFile")]
    return folder_of(folder, several(text("Name", name), *without, *edits), channels_last(outputs=1), macros)


def save_example(model: Path, change: Callable[[NDArray[Any]], Any] | None = None, **options: Any) -> None:
    """Save the image and the result beside a model, as DeepImageJ 1 has them."""
    tifffile.imwrite(model / "exampleImage.tiff", IMAGE)
    result = np.array(ijbridge.predict(model, model / "exampleImage.tiff", **options))
    if change is not None:
        change(result)
    tifffile.imwrite(model / "resultImage.tiff", result)


def only(report: Migration) -> Any:
    (model,) = report.models
    return model


def lines(tmp_path: Path, macro: str, name: str = "old.ijm") -> list[Any]:
    (tmp_path / name).write_text(macro, encoding="utf-8")
    return [line for one in migrate(tmp_path).macros for line in one.lines]


# --- models ----------------------------------------------------------------------------------------------------------


def test_a_model_that_gives_its_saved_result_runs(tmp_path: Path) -> None:
    save_example(old_model(tmp_path / "a" / "cells", "Cells"))
    report = migrate(tmp_path)
    model = only(report)
    (compared,) = model.comparisons
    assert (model.verdict, model.name, model.format) == ("runs", "Cells", "DeepImageJ 1")
    assert (compared.verdict, compared.largest, compared.given, compared.expected) == (
        "same", 0, "exampleImage.tiff", "resultImage.tiff",
    )  # fmt: skip
    assert [one.caption for one in compared.pictures[:3]] == ["image", "saved result", "result now"]
    assert report.is_done


def test_a_result_that_differs_is_told_with_how_much(tmp_path: Path) -> None:
    def brighter(result: NDArray[Any]) -> None:
        result[20:30, 20:40] += 5

    save_example(old_model(tmp_path / "cells", "Cells"), brighter)
    report = migrate(tmp_path)
    (compared,) = only(report).comparisons
    saved = np.asarray(tifffile.imread(tmp_path / "cells" / "resultImage.tiff"))
    assert (only(report).verdict, compared.verdict) == ("differs", "differs")
    assert compared.largest == pytest.approx(5)
    assert compared.relative == pytest.approx(5 / np.ptp(saved))
    difference = compared.pictures[3].pixels
    assert (difference.max(), difference[0].max()) == (255, 0)
    assert not report.is_done


def test_a_result_that_differs_at_its_border_alone_is_told_apart(tmp_path: Path) -> None:
    def edges(result: NDArray[Any]) -> None:
        result[0] += 9
        result[:, -1] -= 9

    save_example(old_model(tmp_path / "cells", "Cells"), edges)
    (compared,) = only(migrate(tmp_path)).comparisons
    assert (compared.verdict, compared.border, compared.inside) == ("border", 1, 0)
    assert compared.relative > 1e-3


def test_a_macro_whose_meaning_is_plain_is_taken_for_its_step(tmp_path: Path) -> None:
    save_example(old_model(tmp_path / "cells", "Cells", macros={"preprocessing.txt": DIVIDE}), normalize="divide 255")
    model = only(migrate(tmp_path))
    assert (model.verdict, model.normalize, model.comparisons[0].verdict) == ("runs", "divide 255", "same")


def test_a_macro_that_is_not_plain_needs_a_yes_and_is_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    macros = {"preprocessing.ijm": f'File.saveString("x", "{made}");', "postprocessing.ijm": 'run("Invert");'}
    named = [text(f"{one}processingFile", f"{one.lower()}processing.ijm") for one in ("Pre", "Post")]
    save_example(old_model(tmp_path / "cells", "Cells", *named, macros=macros))
    model = only(migrate(tmp_path))
    assert model.verdict == "needs"
    assert model.needs == (
        "a yes to its macro preprocessing.ijm before the network (macros=run in ImageJ)",
        "a yes to its macro postprocessing.ijm after the network (macros=run in ImageJ)",
    )
    assert not made.exists()


def test_a_broken_model_is_told_and_does_not_stop_the_others(tmp_path: Path) -> None:
    old_model(tmp_path / "a good one", "Good")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.xml").write_text("<Model><ModelCharacteristics>", encoding="utf-8")
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4 and no more")
    broken = write_model(tmp_path / "no weights", one_conv(), name="No Weights")
    (broken / "weights.onnx").write_bytes(b"")
    verdicts = {model.path.name: (model.verdict, model.error) for model in migrate(tmp_path).models}
    assert verdicts["a good one"] == ("runs", "")
    assert verdicts["broken"][0] == verdicts["no weights"][0] == "does not run"
    assert "config.xml" in verdicts["broken"][1]
    assert "weights.onnx" in verdicts["no weights"][1]


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed")
def test_a_saved_model_without_tensorflow_needs_the_extra_until_it_was_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IJBRIDGE_CACHE", str(tmp_path / "cache"))
    export = tmp_path / "old" / "denoise.zip"
    export.parent.mkdir()
    shutil.copy(FOLDER / "care-2d-probabilistic" / "TF_SavedModel.zip", export)
    model = only(migrate(export.parent))
    assert (model.verdict, model.needs) == (
        "needs",
        (f'an extra, once: "{sys.executable}" -m pip install "ijbridge[tensorflow]"',),
    )
    package, weights = open_package(export), read_model(export).weights[0]
    kept = kept_at(read_files(package, weights, package.read(weights.file, "weights")))
    kept.parent.mkdir(parents=True)
    shutil.copy(FOLDER / "care-2d-probabilistic" / "converted.onnx", kept)
    assert only(migrate(export.parent)).verdict == "runs"


def test_torchscript_needs_a_yes_which_a_report_never_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IJBRIDGE_CONFIG", str(tmp_path / "settings"))
    model = write_model(tmp_path / "old" / "script", one_conv(), weights={"torchscript": {"source": "weights.pt"}})
    (model / "weights.onnx").unlink()
    with zipfile.ZipFile(model / "weights.pt", "w") as archive:
        for name in ("m/data.pkl", "m/constants.pkl", "m/code/n.py"):
            archive.writestr(name, b"x")
    (line,) = lines(tmp_path / "old", 'run("DeepImageJ Run", "model_path=script trust=torchscript macros=run");')
    report = only(migrate(tmp_path / "old"))
    assert (report.verdict, report.needs[0]) == ("needs", "a yes to weights that are a program (trust=torchscript)")
    assert (line.verdict, line.replacement) == ("needs", 'run("Run Model...", "model=script trust=torchscript");')
    assert "nobody has said yes to it" in line.why
    assert not (tmp_path / "settings").exists()


def test_test_tensors_and_sample_images_of_bioimageio_are_compared(tmp_path: Path) -> None:
    model = write_model(tmp_path / "plain", one_conv())
    given = np.random.default_rng(1).random((1, 1, 40, 50)).astype(np.float32)
    expected = np.asarray(ijbridge.predict(model, given[0, 0], axes="yx"))[None, None]
    made = write_model(tmp_path / "tested", one_conv(), name="Tested", test_input=given, test_output=expected + 1)
    tifffile.imwrite(made / "sample_input_0.tif", given[0, 0])
    tifffile.imwrite(made / "sample_output_0.tif", expected[0, 0])
    shutil.make_archive(str(tmp_path / "zipped"), "zip", made)
    models = {one.path.name: one for one in migrate(tmp_path).models}
    assert models["plain"].comparisons == ()
    for name in ("tested", "zipped.zip"):
        found = {one.expected: one.verdict for one in models[name].comparisons}
        assert found == {"test_output.npy": "differs", "sample_output_0.tif": "same"}


def test_what_cannot_be_compared_says_why(tmp_path: Path) -> None:
    model = old_model(tmp_path / "cells", "Cells")
    save_example(model)
    tifffile.imwrite(model / "resultImage.tiff", np.zeros((7, 7), np.float32))
    (compared,) = only(migrate(tmp_path)).comparisons
    assert compared.verdict == "not compared"
    assert compared.reason == "The saved result is 7 x 7 (yx) float32, what comes out 60 x 80 (yx) float32."
    (model / "exampleImage.tiff").write_bytes(b"no TIFF at all")
    (compared,) = only(migrate(tmp_path)).comparisons
    assert "exampleImage.tiff is not a TIFF that can be read" in compared.reason
    report = migrate(tmp_path)
    assert (only(report).verdict, report.is_done) == ("unknown", False)


def test_an_example_on_which_the_model_does_not_run_is_no_success(tmp_path: Path) -> None:
    save_example(old_model(tmp_path / "cells", "Cells"))
    tifffile.imwrite(
        tmp_path / "cells" / "exampleImage.tiff", np.zeros((2, 30, 40), np.uint8), imagej=True, metadata={"axes": "CYX"}
    )
    model = only(migrate(tmp_path))
    assert model.verdict == "unknown"
    assert "2 channels" in model.comparisons[0].reason


def test_a_defect_with_one_model_does_not_cost_the_report_on_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        old_model(tmp_path / name, name)

    def variant(model: LoadedModel, options: Options) -> Variant:
        if model.description.name == "a":
            raise ZeroDivisionError("division by zero")
        return original(model, options)

    original = LoadedModel.variant
    monkeypatch.setattr(LoadedModel, "variant", variant)
    first, second = migrate(tmp_path).models
    assert (first.verdict, second.verdict) == ("does not run", "runs")
    assert "failed in a way it should not (ZeroDivisionError: division by zero)" in first.error


def test_models_are_found_at_any_depth_and_each_once(tmp_path: Path) -> None:
    old_model(tmp_path / "a" / "b" / "c" / "d" / "deep", "Deep")
    write_model(tmp_path / "package", one_conv())
    (tmp_path / "package" / "more").mkdir()
    shutil.copy(tmp_path / "package" / "weights.onnx", tmp_path / "package" / "more" / "other.onnx")
    (tmp_path / "networks").mkdir()
    for name in ("one", "two"):
        shutil.copy(tmp_path / "package" / "weights.onnx", tmp_path / "networks" / f"{name}.onnx")
    (tmp_path / "papers.zip").write_bytes(
        Path(shutil.make_archive(str(tmp_path / "x"), "zip", FOLDER.parent, "cases.py")).read_bytes()
    )
    (tmp_path / "link").symlink_to(tmp_path)
    found = sorted(one.path.relative_to(tmp_path).as_posix() for one in migrate(tmp_path).models)
    assert found == ["a/b/c/d/deep", "networks/one.onnx", "networks/two.onnx", "package"]


# --- macros ----------------------------------------------------------------------------------------------------------

_NO = "preprocessing=[no preprocessing] postprocessing=[no postprocessing]"


@pytest.mark.parametrize(
    ("options", "verdict", "replacement"),
    [
        (f'"model=[Cell Finder] {_NO} patch=48 overlap=5"', "runs", '"model=cells normalize=none"'),
        (f'"model=cells {_NO} axes=Y,X,C tile=64,64,1 logging=Normal"', "runs", '"model=cells normalize=none"'),
        ('"model=cells preprocessing=[preprocessing.txt] patch=" + size', "runs", '"model=cells normalize=divide,255"'),
        ('"model_path=[C:\\\\Fiji.app\\\\models\\\\cells] input_path=null"', "runs", '"model=cells"'),
        ('"model=[" + name + "] patch=48 overlap=5"', "unknown", '"model=[" + name + "]"'),
        ('"model=&net patch=48"', "unknown", '"model=&net"'),
        ("options", "unknown", None),
        ('"model=other patch=48"', "needs", '"model=other"'),
        ('"model=cells tiles=48"', "needs", '"model=cells"'),
        ('"model=[cells patch=48"', "needs", None),
        ('"model=cells preprocessing=[other.ijm]"', "needs", '"model=cells"'),
    ],
)
def test_a_line_of_deepimagej_is_told_with_the_one_in_its_place(
    tmp_path: Path, options: str, verdict: str, replacement: str | None
) -> None:
    old_model(tmp_path / "models" / "cells", "Cell Finder", macros={"preprocessing.txt": DIVIDE})
    (line,) = lines(tmp_path, f'open("a.tif");\nrun("DeepImageJ Run", {options});')
    assert (line.number, line.verdict) == (2, verdict)
    assert line.replacement == (f'run("Run Model...", {replacement});' if replacement is not None else "")


def test_a_line_that_asks_for_macros_of_the_model_needs_a_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IJBRIDGE_CONFIG", str(tmp_path / "settings"))
    model = old_model(tmp_path / "models" / "cells", "Cells", macros={"preprocessing.ijm": 'run("Invert");'})
    macro = (
        'run("DeepImageJ Run", "model=Cells preprocessing=[preprocessing.ijm] postprocessing=[no postprocessing] patch=48");'
    )
    (line,) = lines(tmp_path, macro)
    assert line.verdict == "needs"
    assert line.why.startswith("It runs once somebody has said yes to preprocessing.ijm, which ImageJ runs: read it before.")
    assert line.replacement == 'run("Run Model...", "model=cells macros=preprocessing.ijm");'
    description = read_model(model)
    agree(code_of(description, description.macros[0]))
    assert [line.verdict for line in lines(tmp_path, macro)] == ["runs"]


def test_a_folder_of_images_becomes_a_batch(tmp_path: Path) -> None:
    old_model(tmp_path / "models" / "cells", "Cell Finder")
    macro = 'run("DeepImageJ Run", "model_path=cells input_path=[" + dir + "] output_folder=[/my results]");'
    (line,) = lines(tmp_path, macro)
    assert line.replacement == 'run("Batch Run Model...", "model=cells input=[" + dir + "] output=[/my results]");'


def test_the_lines_of_csbdeep_and_stardist_are_replaced(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "care-2d", tmp_path / "denoise")
    macro = """
        run("Run your network", "input=a.tif normalizeinput=true percentilebottom=2.5 percentiletop=99.0 " +
            "modelfile=/x/denoise.zip");
        run("Run your network", "input=a.tif normalizeInput=false modelFile=" + file);
        run("Command From Macro", "command=[de.csbdresden.stardist.StarDist2D], args=['input':'a.tif', "
            + "'modelChoice':'Model (.zip) from File', 'modelFile':'/models/nuclei.zip', 'percentileBottom':'1.0', "
            + "'percentileTop':'99.8', 'probThresh':'0.6', 'nmsThresh':'0.4', 'outputType':'Both'], process=[false]");
        run("Command From Macro", "command=[some.other.Plugin], args=[], process=[false]");
    """
    found = lines(tmp_path, macro, "old.txt")
    assert [line.replacement for line in found] == [
        'run("Run Model...", "model=/x/denoise.zip normalize=2.5,99");',
        'run("Run Model...", "model=[" + file + "] normalize=none");',
        'run("Run Model...", "model=/models/nuclei.zip normalize=1,99.8 prob_thresh=0.6 nms_thresh=0.4 '
        'objects=both outlines=manager");',
    ]
    assert {line.verdict for line in found} == {"replace"}


def test_comments_strings_and_other_commands_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "other.ijm").write_text('run("Gaussian Blur...", "sigma=2");')
    (tmp_path / "notes.txt").write_text("no macro")
    macro = """
        // run("DeepImageJ Run", "model=a");
        /* run("DeepImageJ Run", "model=b"); */
        print('run("DeepImageJ Run", "model=c")');
        IJ.run("DeepImageJ Run", "model=d // no comment");
        run("DeepImageJ Run");
        run("DeepImageJ Validate");
        run("DeepImageJ Run", "model=e
    """
    report_lines = lines(tmp_path, macro)
    assert [(line.number, line.verdict) for line in report_lines] == [(5, "needs"), (6, "runs"), (7, "unknown"), (8, "unknown")]
    assert migrate(tmp_path).others == 1


#: Texts that a careless reader follows to the end of the macro, from each of their beginnings.
_REPEATED = ['\\"', "'\"", "/*", "run(", 'run("DeepImageJ Run"', 'run("a");', 'run("DeepImageJ Run", "a=[', "[(", '"\\\n']


@pytest.mark.parametrize("repeated", _REPEATED)
def test_a_macro_of_whatever_text_is_read_once(tmp_path: Path, repeated: str) -> None:
    macro = 'run("DeepImageJ Run");\n' + repeated * (300_000 // len(repeated))
    assert next(line.number for line in lines(tmp_path, macro)) == 1


def test_a_macro_in_any_encoding_or_with_any_bytes_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.ijm").write_bytes(b'\xef\xbb\xbfrun("DeepImageJ Run", "model=\xb5 \0 \xff");\x00((((((')
    assert [line.verdict for one in migrate(tmp_path).macros for line in one.lines] == ["needs"]


# --- the report ------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Collects the tags of a page and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data")]
        assert not [name for name, _ in attributes if name.startswith("on")]


def hostile(folder: Path) -> Migration:
    model = old_model(folder / "'\"><img src=x onerror=alert(1)>", HOSTILE, text("Credit", HOSTILE))
    save_example(model)
    macro = f'run("DeepImageJ Run", "model=[<img src=x onerror=alert(1)>] patch={HOSTILE}");\n'
    (folder / "<b>old.ijm").write_text(macro + 'run("DeepImageJ Run", "model=[\x1b[31mred]");', encoding="utf-8")
    return migrate(folder)


def test_the_page_stands_alone_and_nothing_of_a_stranger_is_a_tag_of_it(tmp_path: Path) -> None:
    page = html(hostile(tmp_path))
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.tags
    assert tags.tags >= {"img", "section", "pre", "h3"}
    assert len(tags.sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in tags.sources)
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in page
    assert "default-src &#x27;none&#x27;" in page


def test_the_text_has_no_control_characters_of_a_stranger(tmp_path: Path) -> None:
    said = text_of(hostile(tmp_path))
    assert "\x1b" not in said
    assert HOSTILE in said


def test_nothing_is_changed_in_the_folder(tmp_path: Path) -> None:
    hostile(tmp_path)
    before = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.rglob("*") if file.is_file()}
    html(migrate(tmp_path))
    assert {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_the_command_prints_the_report_writes_the_page_and_says_by_its_status_whether_there_is_something_to_do(
    tmp_path: Path, run: Run
) -> None:
    folder = tmp_path / "old"
    model = old_model(folder / "cells", "Cells")
    save_example(model)
    (folder / "old.ijm").write_text(f'run("DeepImageJ Run", "model=Cells {_NO} patch=48 overlap=5");')
    status, out, err = run("migrate", folder, "--report", tmp_path / "report.html")
    assert (status, err) == (0, "")
    assert "runs             cells: Cells (DeepImageJ 1)" in out
    assert (
        "The output 'values' is the same as resultImage.tiff (made from exampleImage.tiff): largest difference 0, 0 of" in out
    )
    assert out.endswith("altogether: everything runs as it did\n")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    save_example(model, lambda result: result.__iadd__(np.arange(80, dtype=np.float32)))
    status, out, _ = run("migrate", folder)
    assert status == 1
    assert re.search(r"^runs but differs cells: Cells", out, re.MULTILINE)


def test_a_folder_or_report_that_cannot_be_is_one_sentence(tmp_path: Path, run: Run) -> None:
    status, _, err = run("migrate", tmp_path / "nothing")
    assert (status, err.count("\n")) == (1, 1)
    assert "There is no folder" in err
    for wrong in (tmp_path / "report.pdf", tmp_path / "nowhere" / "report.html"):
        status, _, err = run("migrate", tmp_path, "--report", wrong)
        assert (status, err.count("\n")) == (2, 1)
        assert "is no HTML file in a folder that is there" in err
    with pytest.raises(ModelNotFoundError):
        migrate(tmp_path / "nothing")


def test_an_empty_folder_is_done(tmp_path: Path, run: Run) -> None:
    status, out, _ = run("migrate", tmp_path)
    assert status == 0
    assert "models: 0\n" in out
