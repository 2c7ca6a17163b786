"""A real ImageJ for the tests of this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagej_session import JARS, ImageJ, missing
from setup_environment import display

from . import models


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """A display; the tests are skipped, or fail where all is to be tested, if ImageJ cannot be run here."""
    lacks = missing()
    if lacks and os.environ.get("CI"):
        pytest.fail("; ".join(lacks))
    if lacks:
        pytest.skip("; ".join(lacks))
    with display(hidden=True) as environment:
        yield environment["DISPLAY"]


@pytest.fixture(scope="module")
def imagej(screen: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> ImageJ:
    """A fresh ImageJ for each module; its plugin starts a worker, or runs in a Python process where a module asks for both."""
    kind = getattr(request, "param", ImageJ)
    assert issubclass(kind, ImageJ)
    return kind(tmp_path_factory.mktemp("ImageJ"), screen)


@pytest.fixture(scope="module")
def person(imagej: ImageJ) -> None:
    """Let macros call what Java's ``Person`` does: `call("Person.answers", ...)`."""
    for file in (JARS / "test-classes").glob("Person*.class"):
        shutil.copy(file, imagej.folder / "plugins")


@pytest.fixture(scope="session")
def tilted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one channel, in a folder whose name has blanks."""
    return models.tilted(tmp_path_factory.mktemp("models") / "a tilted net")


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two channels and two outputs."""
    return models.twins(tmp_path_factory.mktemp("models") / "twins")


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that works for seconds."""
    return models.slow(tmp_path_factory.mktemp("models") / "slow")


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three channels."""
    return models.mixed(tmp_path_factory.mktemp("models") / "mixed")
