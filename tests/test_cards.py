"""A model's card: texts and the cover picture."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

import ijbridge
from builders import one_conv, write_model
from ijbridge.cards import card

PICTURE = b"\x89PNG not really"


def model(folder: Path, *covers: str, **more: object) -> Path:
    return write_model(folder / "m", one_conv(), covers=list(covers), **more)  # type: ignore[arg-type]


def test_a_card_has_what_a_person_asks_of_a_model(tmp_path: Path) -> None:
    made = card(ijbridge.read_model(model(tmp_path, version="1.2", tags=["cells", "2d"])))
    assert (made["name"], made["version"], made["license"]) == ("Little Network", "1.2", "CC0-1.0")
    assert (made["authors"], made["cite"], made["tags"]) == ("A. Tester", ["nobody (10.1000/1)"], "cells, 2d")
    assert made["cover"] == ""


@pytest.mark.parametrize("zipped", [False, True])
def test_the_first_cover_that_can_be_shown_is_on_the_card(tmp_path: Path, zipped: bool) -> None:
    folder = model(tmp_path, "missing.png", "https://example.org/a.png", "drawing.svg", "cover.PNG")
    (folder / "drawing.svg").write_bytes(b"<svg/>")
    (folder / "cover.PNG").write_bytes(PICTURE)
    source = Path(shutil.make_archive(str(tmp_path / "m"), "zip", folder)) if zipped else folder
    assert base64.b64decode(card(ijbridge.read_model(source))["cover"]) == PICTURE


def test_a_cover_that_lies_outside_or_is_too_large_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PICTURE)
    folder = model(tmp_path, "../secret.png", "link.png", "huge.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    with (folder / "huge.png").open("wb") as file:
        file.truncate(4_000_001)
    assert card(ijbridge.read_model(folder))["cover"] == ""
