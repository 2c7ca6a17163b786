"""Putting a package's files in place: at once, never over another's, and the same bytes each time."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from descriptions import check_refusal
from ijbridge.errors import ConversionError
from ijbridge.packing import check_target, pack, placed, write_files

FILES = {"b.txt": b"two", "a.yaml": b"one"}


def never(target: Path) -> bool:
    return False


def fill(target: Path) -> None:
    with placed(target) as folder:
        write_files(folder, FILES)


def fill_and_fail(target: Path) -> None:
    with placed(target) as folder:
        write_files(folder, FILES)
        raise KeyError("something else")


def found(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_is_written_is_in_place_as_a_folder_or_a_zip_and_nothing_else_is_left(tmp_path: Path) -> None:
    fill(tmp_path / "model")
    fill(tmp_path / "model.zip")
    assert found(tmp_path / "model") == FILES
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert archive.namelist() == sorted(FILES)
        assert {name: archive.read(name) for name in FILES} == FILES
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model", "model.zip"]


def test_what_fails_halfway_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(KeyError):
        fill_and_fail(tmp_path / "model")
    assert found(tmp_path / "model") == {"mine.txt": b"mine"}
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_what_was_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.txt").write_text("old", encoding="utf-8")
    fill(tmp_path / "model")
    assert found(tmp_path / "model") == FILES
    fill(tmp_path / "x.zip")
    fill(tmp_path / "x.zip")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model", "x.zip"]


def test_what_was_there_is_put_back_where_the_new_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("mine", encoding="utf-8")
    move = Path.rename

    def move_or_fail(source: Path, target: Path) -> Path:
        if source.name == "package":
            raise PermissionError(13, "Permission denied")  # as where Windows has a file of it open
        return move(source, target)

    monkeypatch.setattr(Path, "rename", move_or_fail)
    with pytest.raises(ConversionError, match="model cannot be written: Permission denied"):
        fill(tmp_path / "model")
    assert found(tmp_path / "model") == {"mine.txt": b"mine"}
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_the_same_files_give_the_same_bytes_of_a_zip_whenever_they_were_written(tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two")):
        folder = tmp_path / name
        folder.mkdir()
        for file, data in sorted(FILES.items(), reverse=bool(number)):
            (folder / file).write_bytes(data)
            os.utime(folder / file, (1e9 * (number + 1),) * 2)
            (folder / file).chmod(0o600 if number else 0o644)
        pack(folder, tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_package_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        fill(tmp_path / "model")
        fill(tmp_path / "model.zip")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "model" / "b.txt").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "model.zip").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("name", "overwrite", "said"),
    [
        ("file.txt", False, "is there already: choose another place, or replace it with --overwrite"),
        ("folder", False, "is there already"),
        ("folder", True, "is no package that ijbridge wrote, and is not replaced even with --overwrite"),
        ("none/model", False, "does not exist: make it first"),
    ],
)
def test_a_place_where_nothing_may_be_put_is_refused(tmp_path: Path, name: str, overwrite: bool, said: str) -> None:
    (tmp_path / "file.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConversionError) as caught:
        check_target(tmp_path / name, overwrite=overwrite, is_replaceable=never)
    check_refusal(caught.value, said)


def test_a_link_to_nowhere_is_something_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConversionError, match="is there already"):
        check_target(tmp_path / "link", overwrite=False, is_replaceable=never)


def test_a_place_that_is_free_or_may_be_replaced_is_taken(tmp_path: Path) -> None:
    check_target(tmp_path / "new", overwrite=False, is_replaceable=never)
    (tmp_path / "old").mkdir()
    check_target(tmp_path / "old", overwrite=True, is_replaceable=lambda target: True)


def test_a_place_that_cannot_be_written_to_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught, placed(tmp_path / "none" / "model"):
        pass
    check_refusal(caught.value, "cannot be written: No such file or directory")
