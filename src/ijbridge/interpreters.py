"""Which Python ImageJ shall start: it is asked for its ijbridge before its path is written down, and who may run it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from ijbridge import platforms
from ijbridge._version import PROTOCOL, __version__
from ijbridge.errors import InstallError

_TIMEOUT_S = 60


def find_interpreter(python: str | Path | None, *, shared: bool) -> Path:
    """Give the full path of an interpreter that has an ijbridge which the plugin can talk to.

    Parameters
    ----------
    python
        Its path; by default the one that runs this.
    shared
        It has to be one that everybody may run, without what only this person's environment adds to it.

    Raises
    ------
    InstallError
        Where it is not there, does not start, has no ijbridge or another, or is not for everybody.
    """
    given = python or sys.executable
    if not given:
        raise InstallError("The Python that runs this does not know its own path: name one by --python.")
    path = Path(os.path.abspath(Path(given).expanduser()))  # noqa: PTH100 - resolve() would leave the virtual environment
    if path.is_dir():
        raise InstallError(f"{path} is a folder: give the Python in it.")
    if not path.is_file():
        raise InstallError(f"There is no Python at {path}.")
    package = _ask_for_ijbridge(path, shared=shared)
    if shared:
        check_open(path, stat.S_IROTH | stat.S_IXOTH, f"The Python {path}")
        check_open(package, stat.S_IROTH, f"The ijbridge of the Python {path}")
    return path


def check_open(path: Path, rights: int, what: str) -> None:
    """Refuse a file or folder that not everybody may use.

    Parameters
    ----------
    path
        What is asked for.
    rights
        The bits of its mode that everybody needs, such as `stat.S_IROTH`.
    what
        What it is called in the refusal.

    Raises
    ------
    InstallError
        Naming the first folder on the way, or the file, that is not open.
    """
    closed = platforms.first_closed(path, rights)
    if closed is not None:
        raise InstallError(
            f"{what} is not for everybody, because {closed} is not: with --shared it has to be where everybody may read it, "
            "such as /opt."
        )


def _ask_for_ijbridge(python: Path, *, shared: bool) -> Path:
    """Start an interpreter as the plugin will, and give the path of its ijbridge."""
    code = "import json, ijbridge, ijbridge._version as v; print(json.dumps([v.__version__, v.PROTOCOL, ijbridge.__file__]))"
    try:
        asked = subprocess.run(  # noqa: S603 - it is the one that the person who calls this wants to have started
            [str(python), *(["-E", "-s"] if shared else []), "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or f"no answer in {_TIMEOUT_S} s"
        raise InstallError(f"{python} cannot be started as a Python ({reason}).") from error
    try:
        version, protocol, file = json.loads(asked.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError, TypeError) as error:
        said = (asked.stderr.strip() or asked.stdout.strip() or f"exit status {asked.returncode}").splitlines()[-1]
        raise InstallError(
            f"The Python {python} does not have ijbridge ({said}): install it there with `{python} -m pip install ijbridge`, "
            "or name another by --python."
        ) from error
    if protocol != PROTOCOL:
        raise InstallError(
            f"The Python {python} has ijbridge {version} (protocol {protocol}), and the plugin of {__version__} (protocol "
            f"{PROTOCOL}) cannot talk to it: install the same version there."
        )
    return Path(file)
