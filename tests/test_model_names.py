"""Models found by the name of their file, or by what they call themselves."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from builders import one_conv, write_model
from ijbridge.errors import ModelNotFoundError, OptionError
from ijbridge.model_names import find


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    write_model(folder / "one", one_conv(), name="Cells of  Mice", config={"bioimageio": {"nickname": "brave-bug"}})
    write_model(tmp_path / "two", one_conv(), name="Other")
    shutil.make_archive(str(folder / "two"), "zip", tmp_path / "two")
    (folder / "notes.txt").write_text("no model")
    return folder


@pytest.mark.parametrize("name", ["one", "Cells of  Mice", "cells of mice", "brave-bug"])
def test_a_folder_is_found_by_each_of_its_names(models: Path, name: str) -> None:
    found = find(name, [models.parent / "not there", models])
    assert (found.path, found.note) == (models / "one", "")


@pytest.mark.parametrize("name", ["two", "two.zip", "Other"])
def test_a_zip_is_found_with_and_without_its_ending(models: Path, name: str) -> None:
    assert find(name, [models]).path == models / "two.zip"


def test_a_path_is_that(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(str(models / "one"), []).path == models / "one"
    monkeypatch.chdir(models)
    assert find("one", []).path == models / "one"


@pytest.mark.parametrize("path", [r"C:\Fiji.app\models\one", "/home/somebody/Fiji.app/models/Cells of  Mice"])
def test_a_path_of_another_machine_is_found_by_its_last_name_and_that_is_said(models: Path, path: str) -> None:
    found = find(path, [models])
    assert found.path == models / "one"
    assert found.note == f"{path} is not on this machine: {models / 'one'} is taken, which has its name."


def test_a_name_with_slashes_is_a_name_before_it_is_a_path(models: Path) -> None:
    write_model(models / "three", one_conv(), name="Nuclei/one")
    assert find("Nuclei/one", [models]).path == models / "three"
    write_model(models / "lab" / "four", one_conv(), name="Four")
    assert find("lab/four", [models]).path == models / "lab" / "four"


def test_an_earlier_folder_goes_first_and_a_file_before_a_name(models: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "first" / "mine", one_conv(), name="one")
    assert find("one", [tmp_path / "first", models]).path == models / "one"
    assert find("two", [models, tmp_path / "first"]).path == models / "two.zip"


def test_a_model_that_was_renamed_since_is_found_by_its_new_name(models: Path) -> None:
    assert find("brave-bug", [models]).path == models / "one"
    description = models / "one" / "bioimageio.yaml"
    description.write_text(description.read_text().replace("brave-bug", "brave-beetle"))
    assert find("brave-beetle", [models]).path == models / "one"
    with pytest.raises(ModelNotFoundError):
        find("brave-bug", [models])


def test_several_of_one_name_are_an_error_that_names_them(models: Path) -> None:
    shutil.copytree(models / "one", models / "again")
    with pytest.raises(OptionError, match=re.escape(f'2 models are called "brave-bug" ({models / "again"}, {models / "one"})')):
        find("brave-bug", [models])


def test_what_is_not_there_is_told_with_what_is(models: Path) -> None:
    with pytest.raises(ModelNotFoundError) as refused:
        find("mice", [models])
    assert str(refused.value) == (
        f'There is no model "mice" in {models}, neither by file nor by name: there are Cells of  Mice, Other, or give its '
        "path; what is in notes.txt cannot be read."
    )
