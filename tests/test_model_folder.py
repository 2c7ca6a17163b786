"""Models that are put into ImageJ's folder: looked at, copied whole or not at all, never in place of another."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from builders import one_conv, write_model
from ijbridge.errors import InstallError, ModelError, PackageError
from ijbridge.model_folder import install, look


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write_model(tmp_path / "my model", one_conv())
    (made / "more").mkdir()
    (made / "more" / "notes.txt").write_text("notes")
    return made


@pytest.fixture
def zipped(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.make_archive(str(tmp_path / "my zip"), "zip", folder))


def test_size_and_hash_of_a_zip_are_those_any_tool_gives(zipped: Path) -> None:
    seen = look(zipped)
    assert (seen.files, seen.size) == (("my zip.zip",), zipped.stat().st_size)
    assert seen.sha256 == hashlib.sha256(zipped.read_bytes()).hexdigest()
    assert seen.description.name == "Little Network"


def test_the_hash_of_a_folder_tells_of_every_file(folder: Path) -> None:
    before = look(folder)
    assert sorted(before.files) == ["README.md", "bioimageio.yaml", "more/notes.txt", "weights.onnx"]
    (folder / "more" / "notes.txt").write_text("other")
    assert look(folder).sha256 != before.sha256


@pytest.mark.parametrize("kind", ["zipped", "folder"])
def test_an_installed_model_is_the_same_and_nothing_else_is_there(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    source = request.getfixturevalue(kind)
    models = tmp_path / "ImageJ" / "models"
    copy = install(source, models)
    assert copy == models / source.name
    assert look(copy).sha256 == look(source).sha256
    assert list(models.iterdir()) == [copy]
    assert install(source, models) == copy  # once more changes nothing


def test_a_description_file_is_refused_because_its_folder_may_hold_anything(folder: Path) -> None:
    with pytest.raises(InstallError, match=re.escape(f"give its folder, {folder}, or a zip of that")):
        look(folder / "bioimageio.yaml")


def test_another_model_of_that_name_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "models" / "my model", one_conv(seed=3))
    before = look(other).sha256
    with pytest.raises(InstallError, match="is there already and is another one"):
        install(folder, tmp_path / "models")
    assert look(other).sha256 == before


def test_what_an_interrupted_copy_left_is_removed(folder: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / ".my model.part" / "half").mkdir(parents=True)
    copy = install(folder, models)
    assert list(models.iterdir()) == [copy]
    assert not (copy / "half").exists()


def test_what_is_no_model_or_was_altered_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="is not a model"):
        look(tmp_path / "empty")
    (folder / "weights.onnx").write_bytes(b"other")
    with pytest.raises(PackageError, match="is not the file that was described"):
        look(folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "more" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InstallError, match="is a link to a file outside"):
        install(folder, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_folder_that_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(InstallError, match="cannot be copied"):
        install(folder, tmp_path / "models")
