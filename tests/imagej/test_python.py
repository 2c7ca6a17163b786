"""Which Python runs the models, and what is said where there is none; without windows, by ImageJ's ``-batch``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from imagej_session import ImageJ

pytestmark = pytest.mark.imagej


def _macro(model: Path) -> str:
    return f"""
        newImage("picture", "8-bit ramp", 40, 30, 1);
        run("Run Model...", "model=[{model}]");
        print("active: " + getTitle());
    """


def test_no_python_is_said_with_how_to_get_it(imagej: ImageJ, tilted: Path) -> None:
    said = imagej.run_without_windows(_macro(tilted), {**os.environ, "IJBRIDGE_PYTHON": ""})
    assert said == [
        'Run Model: No Python with ijbridge found: install it with "pip install ijbridge", run "ijbridge install-fiji" with '
        "this ImageJ's folder, or set the environment variable IJBRIDGE_PYTHON to that Python's full path, then start ImageJ "
        "again."
    ]


def test_a_python_without_ijbridge_is_named(imagej: ImageJ, tilted: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'appose'\" >&2\nexit 1\n", encoding="ascii")
    python.chmod(0o755)
    sentence, *more = imagej.run_without_windows(_macro(tilted), {**os.environ, "IJBRIDGE_PYTHON": str(python)})
    assert sentence.startswith(
        f"Run Model: The Python {python} cannot run ijbridge (ModuleNotFoundError: No module named 'appose'): install it"
    )
    assert all(line.startswith("Details: ") for line in more)


def test_a_python_that_is_not_there_is_named(imagej: ImageJ, tilted: Path) -> None:
    (sentence,) = imagej.run_without_windows(_macro(tilted), {**os.environ, "IJBRIDGE_PYTHON": "/no/python"})
    assert sentence.startswith('Run Model: The environment variable IJBRIDGE_PYTHON names "/no/python", which does not exist')


def test_the_preference_goes_before_the_environment(imagej: ImageJ, tilted: Path) -> None:
    macro = f'call("ij.Prefs.set", "ijbridge.python", "{sys.executable}");' + _macro(tilted)
    said = imagej.run_without_windows(macro, {**os.environ, "IJBRIDGE_PYTHON": "/no/python"})
    assert said[-1] == "active: picture-sum"


def test_a_preference_whose_python_is_gone_is_passed_over_and_said(imagej: ImageJ, tilted: Path) -> None:
    macro = 'call("ij.Prefs.set", "ijbridge.python", "/gone/python");' + _macro(tilted)
    notice, *_, last = imagej.run_without_windows(macro, os.environ)
    assert notice.startswith('Run Model: ImageJ\'s preference ijbridge.python names "/gone/python", which does not exist: ')
    assert notice.endswith(f": the Python {sys.executable} is taken instead.")
    assert last == "active: picture-sum"
