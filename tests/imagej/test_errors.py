"""What cannot be run: one sentence in the Log, the macro stops, and nothing after the failing line is executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagej_session import ABORTED, ImageJ, Session

from .hosts import BOTH_HOSTS
from .models import without_sizes

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

PICTURE = 'newImage("picture", "8-bit ramp", 40, 30, 1);'

#: What each macro does, and what its one sentence says. <net> stands for a model that could be run.
MACROS = {
    "unknown_key": ('<picture> run("Run Model...", "model=[<net>] tiles=64");', "The key \"tiles\" is not known"),
    "no_model": ('<picture> run("Run Model...", "tile=64");', "The key \"model\" is missing"),
    "no_value": ('<picture> run("Run Model...", "model=[<net>");', "has no closing \"]\""),
    "bad_tile": ('<picture> run("Run Model...", "model=[<net>] tile=abc");', "abc"),
    "no_such_model": ('<picture> run("Run Model...", "model=[/no/such model.zip]");', "/no/such model.zip"),
    "not_a_model": ('<picture> run("Run Model...", "model=[<here>]");', "<here>"),
    "no_image": ('run("Run Model...", "model=[<net>]");', "No image is open"),
    "nan": (
        'newImage("picture", "32-bit ramp", 40, 30, 1); setPixel(3, 4, NaN); run("Run Model...", "model=[<net>]");',
        "NaN",
    ),
    "channels": (
        'newImage("picture", "8-bit composite-mode", 40, 30, 3, 1, 1); run("Run Model...", "model=[<twins>]");',
        "has 3 channels, but",
    ),
    "in_batch_mode": (
        'setBatchMode(true); <picture> run("Run Model...", "model=[<net>] key=1");',
        "The key \"key\" is not known",
    ),
    "in_a_loop": (
        'function go() { for (i = 0; i < 3; i++) { run("Run Model...", "no=1"); print("NOT REACHED"); } }'
        " <picture> if (true) { go(); }",
        "The key \"no\" is not known",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def session(imagej: ImageJ, tilted: Path, twins: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    words = {"<picture>": PICTURE, "<net>": str(tilted), "<twins>": str(twins), "<here>": str(imagej.folder / "plugins")}
    macros = {}
    for name, (macro, _) in MACROS.items():
        for word, meaning in words.items():
            macro = macro.replace(word, meaning)
        macros[name] = f'{macro} print("NOT REACHED");'
    works = f'{PICTURE} run("Run Model...", "model=[{tilted}]"); print(getTitle());'
    return imagej.run({**macros, "afterwards": works})


@pytest.mark.parametrize("name", MACROS)
def test_it_is_said_in_one_sentence(session: Session, imagej: ImageJ, name: str) -> None:
    sentence, *more = without_sizes(session.ran[name].log)
    assert sentence.startswith("Run Model: ")
    assert MACROS[name][1].replace("<here>", str(imagej.folder / "plugins")) in sentence
    assert sentence.endswith((".", ")"))
    assert all(line.startswith("Details: ") for line in more)


@pytest.mark.parametrize("name", MACROS)
def test_the_macro_stops(session: Session, name: str) -> None:
    assert session.ran[name].value == ABORTED
    assert not any("NOT REACHED" in line for line in session.ran[name].log)


def test_an_unknown_key_is_told_the_known_ones(session: Session) -> None:
    assert session.ran["unknown_key"].log == (
        'Run Model: The key "tiles" is not known: the keys are model, tile, halo, device, channel, rescale, memory, normalize, '
        "model_axes, model_pixel_size, min_confidence, objects, prob_thresh, nms_thresh, outlines, macros, trust, roi and "
        "environment.",
    )


def test_the_log_file_has_the_trace_of_the_worker(session: Session) -> None:
    assert "Traceback (most recent call last)" in session.log_file
    assert "ModelNotFoundError" in session.log_file


def test_a_good_run_afterwards_works_with_the_same_worker(session: Session, imagej: ImageJ) -> None:
    assert session.ran["afterwards"].log[-1] == "picture-sum"
    assert session.workers == imagej.workers
