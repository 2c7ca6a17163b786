"""Puts the plugin's jar and the jars it needs into the wheel, under ``ijbridge/jars``: no Java is built on a user's machine.

An editable installation finds them in ``java/target`` and needs none to be there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

from setup_environment import ALIASES, build_jar


class JarHook(BuildHookInterface[BuilderConfig]):
    """Adds the jars to the files of a wheel; builds them first if they are not there or older than their sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the jars as files of the wheel; end the build with one sentence where there is no way to have them."""
        if self.target_name != "wheel" or version == "editable":
            return
        plugin = build_jar()
        for jar in (plugin, ALIASES, *sorted(plugin.parent.glob("dependency/*.jar"))):
            build_data["force_include"][str(jar)] = f"ijbridge/jars/{jar.relative_to(plugin.parent).as_posix()}"
