"""A plain ImageJ folder with the plugin in it, and a macro run in it: what the demo and the tests in ImageJ share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from setup_environment import ROOT

TARGET = ROOT / "java" / "target"


def make_imagej_folder(folder: Path) -> Path:
    """Lay a plain ImageJ out: ``ij.jar`` and ``plugins/IJBridge/`` with the plugin's jar and those it needs."""
    plugins = folder / "plugins" / "IJBridge"
    plugins.mkdir(parents=True, exist_ok=True)
    (folder / "macros").mkdir(exist_ok=True)
    shutil.copy2(TARGET / "imagej" / "ij.jar", folder / "ij.jar")
    for jar in [TARGET / "IJBridge_.jar", *(TARGET / "dependency").glob("*.jar")]:
        shutil.copy2(jar, plugins / jar.name)
    return folder


def run_macro(
    folder: Path, macro: Path, python: Path | None, environment: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Start ImageJ on a macro file, with its windows on the environment's display, and wait until the macro quits it.

    ``python`` is the interpreter the plugin starts as worker; its log goes to ``ijbridge.log`` in the folder.
    """
    settings = {**environment, "HOME": str(folder)}
    settings.pop("IJBRIDGE_PYTHON", None)
    if python is not None:
        settings["IJBRIDGE_PYTHON"] = str(python)
    command = [
        os.environ.get("IJBRIDGE_JAVA", "java"),
        f"-Duser.home={folder}",
        f"-Dijbridge.log={folder / 'ijbridge.log'}",
        f"-Dplugins.dir={folder}",
        "-cp",
        str(folder / "ij.jar"),
        "ij.ImageJ",
        "-ijpath",
        str(folder),
        "-macro",
        str(macro),
    ]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=timeout, check=False, cwd=folder)
