"""What somebody said yes to: kept by hash, asked again when it changes, and nobody else's word."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ijbridge import agreements, platforms
from ijbridge.agreements import Code
from ijbridge.errors import AgreementError

CODE = Code("/models/a", "pre.ijm", "ImageJ macro", "1" * 64)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IJBRIDGE_CONFIG", str(tmp_path / "settings"))
    return tmp_path


def test_a_yes_is_remembered_for_these_bytes_wherever_they_lie() -> None:
    assert not agreements.is_agreed(CODE)
    agreements.agree(CODE)
    agreements.agree(CODE)
    assert agreements.is_agreed(CODE)
    assert agreements.is_agreed(replace(CODE, model="/elsewhere", file="other.ijm"))
    assert not agreements.is_agreed(replace(CODE, sha256="2" * 64))
    assert len(agreements.place().read_text().splitlines()) == 1


def test_without_a_yes_the_refusal_names_the_file_and_the_way() -> None:
    with pytest.raises(AgreementError, match=r"^pre\.ijm of the model /models/a is a program .* read it, then do this\.$"):
        agreements.check_agreed(CODE, "do this")


def test_other_bytes_in_a_file_that_was_agreed_to_need_another_yes() -> None:
    agreements.agree(CODE)
    changed = replace(CODE, sha256="2" * 64)
    assert agreements.has_changed(changed)
    with pytest.raises(AgreementError, match=r"pre\.ijm of the model /models/a is not the ImageJ macro any more"):
        agreements.agree(changed)
    agreements.agree(changed, again=True)
    assert agreements.is_agreed(changed)
    assert not agreements.has_changed(changed)


def test_a_change_is_seen_where_the_bytes_were_first_agreed_to_in_another_model() -> None:
    agreements.agree(replace(CODE, model="/models/b"))
    agreements.agree(CODE)
    assert agreements.has_changed(replace(CODE, sha256="2" * 64))


@pytest.mark.skipif(platforms.WINDOWS, reason="rights are not in a file's mode there")
def test_the_list_is_the_persons_alone_and_not_believed_where_others_may_write_it() -> None:
    agreements.agree(CODE)
    assert stat.S_IMODE(agreements.place().stat().st_mode) == 0o600
    agreements.place().chmod(0o622)
    with pytest.raises(AgreementError, match="Other people may write the list"):
        agreements.is_agreed(CODE)


def test_lines_that_are_no_yes_are_none() -> None:
    agreements.agree(CODE)
    with agreements.place().open("a") as file:
        file.write('{"model": "/models/a"}\n[]\nnonsense\n{"sha256": "' + "2" * 64)
    assert agreements.is_agreed(CODE)
    assert not agreements.is_agreed(replace(CODE, sha256="2" * 64))


def test_a_yes_that_cannot_be_written_down_is_none(home: Path) -> None:
    (home / "settings").write_text("a file in the place of the folder")
    with pytest.raises(AgreementError, match=r"cannot be (read|written)"):
        agreements.agree(CODE)
