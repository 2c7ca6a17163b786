"""What stays with the person: no image in the home or in a log, no open port, files for the user alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from commandline import pixels, shell
from test_appose_worker import Worker, about, files


def home_at(folder: Path) -> dict[str, str]:
    """Give the environment of a person whose home, and all that usually lies below it, is that folder."""
    hidden = {name for name in os.environ if name.startswith("XDG_") or name in ("ORT_DISABLE_TELEMETRY", "IJBRIDGE_CACHE")}
    ours = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**ours, **dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(folder))}


def check_home(home: Path) -> None:
    """Check that all there is in it is what the network told, for the user alone."""
    kept = [file for file in home.rglob("*") if file.is_file()]
    assert [file.parent.name for file in kept] == ["networks"]
    content = json.loads(kept[0].read_text(encoding="utf-8"))
    assert {key.split()[0] for key in content} == {"signature", "facts"}
    if sys.platform != "win32":
        assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
        assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700


def test_a_run_leaves_nothing_of_the_image_in_the_home(little_model: Path, little_image: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = shell("predict", little_model, little_image, "-o", tmp_path / "out.tif", env=home_at(home))
    assert done.returncode == 0, done.stderr
    check_home(home)


def test_a_worker_leaves_nothing_of_the_image_in_the_home_and_talks_to_nobody_but_imagej(
    little_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, shared = tmp_path / "home", tmp_path / "shared"
    home.mkdir()
    shared.mkdir()
    for name, value in home_at(home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("IJBRIDGE_CACHE", raising=False)
    worker = Worker(shared)
    try:
        array = pixels(40, 50)
        with files(shared, array.nbytes, array.nbytes) as segments:
            Path(segments[0]["file"]).write_bytes(array.tobytes())
            assert "error" not in worker.call("predict", segments, model=str(little_model), image=about(array), options={})
        process = psutil.Process(worker.call("hello")["pid"])
        assert process.net_connections() == []
        assert worker.service.error_lines() == []
    finally:
        worker.end()
    check_home(home)


@pytest.mark.skipif(sys.platform == "win32", reason="rights are not in the mode there")
def test_a_result_has_the_rights_that_the_person_gives_every_new_file_and_none_while_it_is_written(
    little_model: Path, little_image: Path, tmp_path: Path
) -> None:
    """A person who keeps files to oneself (umask 077) finds results kept, too."""
    command = [sys.executable, "-m", "ijbridge", "predict", str(little_model), str(little_image), "-o", str(tmp_path / "a.tif")]
    for mask, mode in ((0o077, 0o600), (0o022, 0o644)):
        subprocess.run(command, check=True, umask=mask)
        assert stat.S_IMODE((tmp_path / "a.tif").stat().st_mode) == mode


def test_a_traceback_holds_no_pixels(little_model: Path, tmp_path: Path) -> None:
    array = np.full((40, 50), 1234.5, np.float32)
    array[3, 4] = np.nan
    np.save(tmp_path / "cells.npy", array)
    done = shell("predict", little_model, tmp_path / "cells.npy", "-o", tmp_path / "out.tif", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "1234.5" not in done.stderr
