"""What a stranger could send: each is refused in a sentence or does no harm, in 10 s and 1 GB; nothing outside is touched."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nasties import NASTIES, Nasty
from nasties.examiner import Examiner
from nasties.kinds import SECRET

NEEDS = {"pipe": "mkfifo", "device": "mkfifo", "link": "symlink"}


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examiner]:
    with Examiner(tmp_path_factory.mktemp("examiner")) as started:
        yield started


@pytest.mark.parametrize("nasty", NASTIES, ids=lambda nasty: nasty.id)
def test_a_nasty_is_refused_in_a_sentence_or_does_no_harm(nasty: Nasty, examiner: Examiner, tmp_path: Path) -> None:
    _skip_where_it_cannot_be_made(nasty)
    outcome = examiner.examine(nasty, tmp_path)
    assert outcome.broken == "", outcome
    assert bool(outcome.error) == bool(nasty.words), outcome
    assert nasty.words in outcome.sentence
    assert "\n" not in outcome.sentence
    assert len(outcome.sentence) < 2100


@pytest.mark.parametrize("nasty", [one for one in NASTIES if one.use in ("predict", "test")], ids=lambda nasty: nasty.id)
def test_a_nasty_is_converted_without_harm_or_refused_in_a_sentence(nasty: Nasty, examiner: Examiner, tmp_path: Path) -> None:
    _skip_where_it_cannot_be_made(nasty)
    outcome = examiner.examine(replace(nasty, use="convert"), tmp_path)
    assert outcome.broken == "", outcome
    assert "\n" not in outcome.sentence


def test_there_are_at_least_sixty_and_no_two_of_one_name() -> None:
    assert len({nasty.id for nasty in NASTIES}) == len(NASTIES) >= 60


def test_the_examiner_sees_what_must_not_be(examiner: Examiner, tmp_path: Path) -> None:
    """Its checks are seen failing: of a file that is read, one that is written, and one that never ends."""

    def reads(folder: Path) -> Path:
        (folder / "image.npy").symlink_to(folder.parent / SECRET)
        return folder / "image.npy"

    def endless(folder: Path) -> Path:
        os.mkfifo(folder / "image.npy")
        return folder / "image.npy"

    def crowded(folder: Path) -> Path:
        threading.Timer(0.2, (folder / "other").touch).start()
        return endless(folder)

    os.utime(_written(tmp_path / "probe"), (1, 1_000_000_000))
    (tmp_path / "probe").read_bytes()
    if not hasattr(os, "mkfifo") or (tmp_path / "probe").stat().st_atime == 1:
        pytest.skip("files here do not tell that they were read")
    broken = []
    for number, make in enumerate((reads, endless, crowded)):
        (tmp_path / str(number)).mkdir()
        broken.append(examiner.examine(Nasty("", "", make, "", "image"), tmp_path / str(number), within=1).broken)
    assert broken == ["a file outside was read", "it took more than 1 s", "a file was written or changed"]


def _skip_where_it_cannot_be_made(nasty: Nasty) -> None:
    for word, needed in NEEDS.items():
        if word in nasty.name and not hasattr(os, needed):
            pytest.skip(f"there is no {word} here")


def _written(path: Path) -> Path:
    path.write_bytes(b"x")
    return path
