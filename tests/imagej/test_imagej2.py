"""ImageJ2 and Fiji driven from Python: run where IJBRIDGE_FIJI names the folder of one; no registry at hand has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .playing import play
from .test_sharing_in_python import CELLS, ELSEWHERE

FIJI = os.environ.get("IJBRIDGE_FIJI", "")

pytestmark = [
    pytest.mark.imagej,
    pytest.mark.skipif(not FIJI, reason="IJBRIDGE_FIJI names no folder of an ImageJ2 or Fiji"),
]


@pytest.fixture(scope="module")
def seen(tilted: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return play("gateway", "", "imagej2_scenarios.py", fiji=FIJI, model=str(tilted), folder=str(tmp_path_factory.mktemp("out")))


def test_a_macro_inside_imagej2_uses_this_process(seen: Any) -> None:
    assert seen["macro"]


def test_a_dataset_gives_a_dataset_with_the_bytes_of_numpy(seen: Any) -> None:
    assert seen["dataset"][1]


def test_the_command_runs_by_the_gateway(seen: Any) -> None:
    assert seen["command"].endswith("-sum")
    assert seen["attached"]


@pytest.mark.parametrize("kind", ["ImgPlus", "Dataset"])
def test_imagej2s_images_are_shared_and_keep_axes_and_pixel_size(seen: Any, kind: str) -> None:
    sizes = {"y": 0.2, "x": 0.107}
    assert seen[kind] == [["t", "c", "y", "x"], sizes, {"y": "µm", "x": "µm"}, "cells", True]
    assert seen[f"{kind} result"] == [["t", "y", "x"], sizes, True]
    assert f"net.imagej.{kind}" in seen[f"{kind} class"]


def test_a_dataset_on_the_heap_is_copied(seen: Any) -> None:
    assert seen["heap"] == [["z", "y", "x"], [3, 5, 6]]


@pytest.mark.parametrize(("column", "said"), [(column, said) for row, column, said in CELLS if row in ELSEWHERE])
def test_what_the_tables_say_of_imglyb_is_what_happens(seen: Any, column: str, said: str) -> None:
    assert set(seen["imglyb"][column]) == {said}
