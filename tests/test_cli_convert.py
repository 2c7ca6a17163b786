"""``ijbridge convert``: one model, a folder of models, and their reports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import one_conv, subtraction, write_model
from commandline import Run, edit, pixels, shell
from descriptions import REMOVED
from ijbridge.formats import read_model


def test_one_model_becomes_a_package_that_its_own_test_passes_on(run: Run, little_model: Path, tmp_path: Path) -> None:
    edit(little_model, "inputs.0.axes.2.description", "d" * 200)
    status, out, err = run("convert", little_model, "-o", tmp_path / "package")
    assert (status, err) == (0, "")
    first, kept = out.splitlines()
    assert first.startswith(
        f"converted {little_model} -> {tmp_path / 'package'}; made cover.png; kept in config.ijbridge inputs[0]"
    )
    assert kept.startswith("  inputs[0].axes[2].description: 0.5 says 'ddd")
    status, out, _ = run("test", tmp_path / "package")
    assert (status, out.splitlines()[0]) == (0, "Little Network: runs, and reproduces its test outputs")


def test_the_report_of_one_model_as_json(run: Run, little_model: Path, tmp_path: Path) -> None:
    status, out, _ = run("convert", little_model, "-o", tmp_path / "model.zip", "--json")
    assert status == 0
    assert json.loads(out) == {
        "source": str(little_model), "model": "Little Network", "target": str(tmp_path / "model.zip"), "outcome": "converted",
        "kept": [], "made": ["cover.png"], "left_out": [], "error": None,
    }  # fmt: skip
    assert read_model(tmp_path / "model.zip").name == "Little Network"


def test_a_test_image_for_each_input(run: Run, tmp_path: Path) -> None:
    model = subtraction(tmp_path / "model", ["a", "b"])
    for seed, name in enumerate(("one", "two")):
        np.save(tmp_path / f"{name}.npy", pixels(40, 44, seed=seed))
    given = ["--test-image", tmp_path / "one.npy", "--input", f"b={tmp_path / 'two.npy'}"]
    status, _, err = run("convert", model, "-o", tmp_path / "package", *given)
    assert (status, err) == (0, "")
    np.testing.assert_array_equal(np.load(tmp_path / "package" / "test_b.npy")[0, 0], pixels(40, 44, seed=1))


@pytest.fixture
def museum(little_model: Path, tmp_path: Path) -> Path:
    """Give a folder of models, some of which cannot be converted."""
    folder = tmp_path / "museum"
    folder.mkdir()
    shutil.copytree(little_model, folder / "good")
    shutil.make_archive(str(folder / "zipped"), "zip", little_model)
    shutil.copytree(little_model, folder / "broken")
    edit(folder / "broken", "inputs.0.axes", REMOVED)
    shutil.copytree(little_model, folder / "lost")
    (folder / "lost" / "weights.onnx").unlink()
    (folder / "cut.zip").write_bytes((folder / "zipped.zip").read_bytes()[:500])
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / ".hidden").mkdir()
    return folder


def test_of_a_folder_of_models_each_has_its_line_and_one_that_fails_stops_no_other(
    run: Run, museum: Path, tmp_path: Path
) -> None:
    status, out, err = run("convert", museum, "-o", tmp_path / "out")
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["failed", "failed", "converted", "failed", "skipped", "converted"]
    for line, words in zip(lines, ["broken", "cut.zip", "good", "lost", "notes.txt", "zipped.zip"], strict=False):
        assert words in line
    assert "`inputs[0].axes` is missing" in lines[0]
    assert "put the file 'weights.onnx' into the model's folder" in lines[3]
    assert lines[-1] == "2 converted, 3 failed"
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["good", "zipped"]
    assert read_model(tmp_path / "out" / "zipped").name == "Little Network"


def test_the_report_of_a_folder_as_json(run: Run, museum: Path, tmp_path: Path) -> None:
    status, out, _ = run("convert", museum, "-o", tmp_path / "out", "--json")
    report = json.loads(out)
    assert status == 1
    assert (report["converted"], report["failed"]) == (2, 3)
    outcomes = {Path(one["source"]).name: one["outcome"] for one in report["models"]}
    assert outcomes == {
        "broken": "failed", "cut.zip": "failed", "good": "converted", "lost": "failed", "notes.txt": "skipped",
        "zipped.zip": "converted",
    }  # fmt: skip
    assert all((one["error"] is None) == (one["outcome"] == "converted") for one in report["models"])


def test_a_folder_whose_models_are_all_converted_ends_well_and_a_second_time_needs_overwrite(
    run: Run, museum: Path, tmp_path: Path
) -> None:
    for name in ("broken", "lost"):
        shutil.rmtree(museum / name)
    (museum / "cut.zip").unlink()
    out = museum / "converted"  # inside the folder, and none of its models
    status, lines, _ = run("convert", museum, "-o", out)
    assert (status, lines.splitlines()[-1]) == (0, "2 converted, 0 failed"), lines
    status, lines, _ = run("convert", museum, "-o", out)
    assert status == 1
    assert lines.count("is there already: choose another place, or replace it with --overwrite.") == 2
    status, lines, _ = run("convert", museum, "-o", out, "--overwrite")
    assert (status, lines.splitlines()[-1]) == (0, "2 converted, 0 failed")


def test_a_zip_beside_the_only_folder_of_a_model_is_not_passed_over(run: Run, little_model: Path, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    shutil.make_archive(str(tmp_path / "two" / "zipped"), "zip", little_model)
    little_model.rename(tmp_path / "two" / "folder")
    status, out, _ = run("convert", tmp_path / "two", "-o", tmp_path / "out")
    assert (status, out.splitlines()[-1]) == (0, "2 converted, 0 failed")
    (tmp_path / "two" / "zipped.zip").unlink()
    status, out, _ = run("convert", tmp_path / "two", "-o", tmp_path / "one")  # as zips made of a folder unpack
    assert (status, read_model(tmp_path / "one").name) == (0, "Little Network")


def test_models_of_one_name_have_places_of_their_own(run: Run, museum: Path, tmp_path: Path) -> None:
    shutil.copy(museum / "zipped.zip", museum / "good.zip")
    run("convert", museum, "-o", tmp_path / "out")
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["good", "good-zip", "zipped"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["model"], 2, "the following arguments are required: -o/--output"),
        (["model", "-o", "new", "--axes", "yx"], 2, "--input and --axes go with --test-image"),
        (["model", "-o", "new", "--input", "raw=x.npy"], 2, "--input and --axes go with --test-image"),
        (["model", "-o", "new", "--test-image", "none.tif"], 1, "There is no image none.tif"),
        (["model", "-o", "model"], 1, "is there already"),
        (["model", "-o", "none/new"], 1, "does not exist: make it first"),
        (["none", "-o", "new"], 1, "There is no model at"),
        (["empty", "-o", "new"], 1, "is not a model that ijbridge reads: there is no bioimage.io description"),
        (["museum", "-o", "new.zip"], 1, "is one zip, but"),
        (["museum", "-o", "new", "--test-image", "x.npy"], 2, "is a folder of models, for which no one image will do"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run: Run, museum: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    found, out, err = run("convert", *arguments)
    assert (found, out) == (status, "")
    assert said in err
    assert not (tmp_path / "new").exists() or not any((tmp_path / "new").iterdir())
    assert not (tmp_path / "new.zip").exists()


def test_a_shell_converts_a_model(little_model: Path, tmp_path: Path) -> None:
    done: Any = shell("convert", little_model, "-o", tmp_path / "package")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("converted ")


def test_nothing_is_left_of_a_conversion_that_fails(run: Run, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), outputs=None, post=[{"id": "scale_linear", "kwargs": {"gain": 0.0}}])
    status, _, err = run("convert", model, "-o", tmp_path / "package")
    assert status == 1
    assert "all values of 'out' are about zero" in err
    assert [one.name for one in tmp_path.iterdir()] == ["model"]
