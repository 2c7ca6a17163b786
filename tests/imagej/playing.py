"""Plays scenarios: Python programs with a JVM in them, each in a process of its own, because a JVM starts only once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imagej_session import IMAGEJ, JARS

_HERE = Path(__file__).parent
_TIMEOUT_S = 120

#: ImgLib2 with its images in shared memory and those of imglyb, what these need, and a plain ImageJ.
IMGLIB2 = [str(IMAGEJ), *(str(jar) for folder in ("imglib2", "dependency") for jar in sorted((JARS / folder).glob("*.jar")))]


def play(scenario: str, display: str, script: str = "scenarios.py", before: Sequence[str] = (), **arguments: Any) -> Any:
    """Play a scenario of a script in this folder, which must end by itself, and give what it saw.

    ``before`` is a command that runs the one that stands behind it.
    """
    given = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "IJBRIDGE_PYTHON")}
    command = [*before, sys.executable, str(_HERE / script), scenario, json.dumps(arguments)]
    environment = {**given, "DISPLAY": display, "PYTHONPATH": str(_HERE.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
