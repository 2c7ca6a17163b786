"""What a person types to install an extra of this package."""

from __future__ import annotations

import importlib.util
import sys


def install_command(extra: str) -> str:
    """Give the command that installs an extra into the Python that runs this, which is often not the shell's.

    The environment that the plugin makes is without pip; Python brings it along.
    """
    python = f'"{sys.executable}"' if sys.executable else "python"
    first = "" if importlib.util.find_spec("pip") is not None else f"{python} -m ensurepip, then "
    return f'{first}{python} -m pip install "ijbridge[{extra}]"'
