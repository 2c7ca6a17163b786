"""Spoilt bytes into every reader, for some seconds; ``scripts/fuzz.py`` does the same for as long as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzzing import CORPUS, READERS, Report, check, corpus, fuzz

#: A model's macro is only listed, whatever it says.
NEVER_REFUSED = {"model-macro"}

EXAMPLES = {"onnx": 60, "tiff": 100}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")
def test_spoilt_bytes_are_read_or_refused_in_a_sentence(name: str) -> None:
    report = fuzz(name, EXAMPLES.get(name, 150), 1)
    assert bool(report.refused) == (name not in NEVER_REFUSED)


@pytest.mark.parametrize(
    "file", [file for name in READERS for file in corpus(name)], ids=lambda file: f"{file.parent.name}/{file.name}"
)
@pytest.mark.filterwarnings("ignore")
def test_a_small_nasty_of_the_corpus_is_read_or_refused(file: Path, tmp_path: Path) -> None:
    check(file.parent.name, file.read_bytes(), tmp_path, Report())


def test_the_corpus_has_a_folder_for_every_reader_and_is_small() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(READERS)
    assert sum(file.stat().st_size for file in CORPUS.rglob("*")) < 500_000
