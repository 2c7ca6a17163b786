"""Fixtures that any test may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from builders import one_conv, write_model
from commandline import Run, network_gives, pixels
from ijbridge.cli import main
from make_release import make_release
from setup_environment import JAR
from uv_wheels import this_platform

REPOSITORY = Path(__file__).parents[1]
SHARED_SAMPLE = REPOSITORY.parent / "shared" / "samples" / "unet2d_nuclei_broad"


@pytest.fixture(scope="session", autouse=True)
def folders_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's own folders alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IJBRIDGE_CACHE", "IJBRIDGE_CONFIG"):
            patch.setenv(name, str(tmp_path_factory.mktemp("own")))
        yield


@pytest.fixture(scope="session")
def shared_sample() -> Path:
    """Give the folder of a published model, which is no part of the repository; skip where it is not there."""
    if not SHARED_SAMPLE.is_dir():
        pytest.skip(f"the published sample model is not there: {SHARED_SAMPLE}")
    return SHARED_SAMPLE


@pytest.fixture
def little_model(tmp_path: Path) -> Path:
    """Give a folder with a model of one 3 x 3 convolution that reproduces its test tensors."""
    folder = write_model(tmp_path / "model", one_conv(), halo=1)
    given = pixels(20, 24, seed=1)
    expected = network_gives(folder, given)
    return write_model(folder, one_conv(), halo=1, test_input=given[None, None], test_output=expected[None, None])


@pytest.fixture
def little_image(tmp_path: Path) -> Path:
    """Give a file with an image of 40 x 50 pixels."""
    np.save(tmp_path / "cells.npy", pixels(40, 50))
    return tmp_path / "cells.npy"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Call the command line in this process; give status, output and errors."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as stop:  # argparse's own refusals
            status = stop.code if isinstance(stop.code, int) else 1
        return (status, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheel, the sdist and the zips for this platform.

    Skip without jars or Maven, or fail where all is to be tested.
    """
    if not JAR.exists() and shutil.which("mvn") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no plugin's jar, and no mvn that would build it")
    folder = tmp_path_factory.mktemp("released")
    make_release(folder, [this_platform()])
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the user's cache folder be one of the test's own."""
    monkeypatch.setenv("IJBRIDGE_CACHE", str(tmp_path / "cache"))
