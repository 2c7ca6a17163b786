"""What ``ijbridge install-fiji`` leaves runs: in a real ImageJ, with nothing set but what it recorded."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from ijbridge.installing import OLDEST, PLUGIN, install, jar_folder, uninstall
from imagej_session import JARS, ImageJ

pytestmark = pytest.mark.imagej


def run_model(imagej: ImageJ, model: Path, python: str = "") -> str:
    """Run a model with this value of IJBRIDGE_PYTHON and give what is said at the end; an empty value is as good as none."""
    macro = f"""
        newImage("picture", "8-bit ramp", 40, 30, 1);
        run("Run Model...", "model=[{model}]");
        print("active: " + getTitle());
    """
    return imagej.run_without_windows(macro, {**os.environ, "IJBRIDGE_PYTHON": python})[-1]


def started(imagej: ImageJ) -> str:
    """Give the Python that the worker was started with."""
    (line,) = [line for line in (imagej.folder / "ijbridge.log").read_text(encoding="utf-8").splitlines() if "started:" in line]
    return line.rsplit(", ", 1)[1]


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python whose path is not plain ASCII."""
    path = tmp_path / "Pythön = für alle µ"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_plain_imagej_starts_the_recorded_python(tmp_path: Path, screen: str, tilted: Path, python: Path) -> None:
    folder = tmp_path / "ImageJ"
    (folder / "plugins").mkdir(parents=True)
    install(folder, python=python)
    imagej = ImageJ(folder, screen, installed=True)
    assert run_model(imagej, tilted) == "active: picture-sum"
    assert started(imagej) == str(python)
    commands = 'List.setCommands; print("[" + List.get("Run Model...") + "|" + List.get("DeepImageJ Run") + "]");'
    both = '[org.ijbridge.Run_Model|org.ijbridge.Bridge_Command("deepimagej")]'
    assert imagej.run_without_windows(commands, os.environ) == [both]
    uninstall(folder)
    assert imagej.run_without_windows(commands, os.environ) == ["[|]"]


def test_the_plugin_runs_with_the_oldest_libraries_that_are_found_new_enough(tmp_path: Path, screen: str, tilted: Path) -> None:
    oldest = sorted((JARS / "oldest").iterdir())
    assert [jar.name for jar in oldest] == [f"{name}-{version}.jar" for name, version in sorted(OLDEST.items())]
    imagej = ImageJ(tmp_path / "ImageJ", screen)
    plugins = imagej.folder / "plugins" / "IJBridge"
    for jar in plugins.iterdir():
        if jar.name != PLUGIN:
            jar.unlink()
    for jar in oldest:
        shutil.copy(jar, plugins)
    shutil.copy(jar_folder() / PLUGIN, plugins)
    assert run_model(imagej, tilted, sys.executable) == "active: picture-sum"


def test_one_class_path_for_all_as_fiji_has_it_loads_the_plugin(tmp_path: Path, screen: str, tilted: Path) -> None:
    root = tmp_path / "Fiji"
    (root / "plugins").mkdir(parents=True)
    (root / "jars").mkdir()
    for name in ("groovy", "groovy-json", "jna"):  # what Fiji had in 2024
        shutil.copy(JARS / "oldest" / f"{name}-{OLDEST[name]}.jar", root / "jars")
    install(root)
    class_path = [*sorted((root / "jars").glob("*.jar")), *sorted((root / "plugins").glob("*.jar"))]
    assert len(class_path) == 7
    imagej = ImageJ(root, screen, installed=True, class_path=class_path)
    assert run_model(imagej, tilted) == "active: picture-sum"
    assert started(imagej) == sys.executable


def test_the_released_zip_runs_and_is_replaced_by_an_installation(
    tmp_path: Path, screen: str, tilted: Path, released: Path
) -> None:
    folder = tmp_path / "ImageJ"
    (folder / "plugins").mkdir(parents=True)
    with zipfile.ZipFile(next(released.glob("*-ImageJ.zip"))) as archive:
        archive.extractall(folder / "plugins")
    imagej = ImageJ(folder, screen, installed=True)
    assert run_model(imagej, tilted, sys.executable) == "active: picture-sum"
    assert "  same      plugins/IJBridge/IJBridge_.jar" in install(folder)
    uninstall(folder)
    assert not (folder / "plugins" / "IJBridge").exists()
