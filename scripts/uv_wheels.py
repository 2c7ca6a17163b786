"""Fetches the uv that the zips for ImageJ carry: the version and bytes that ``uv.txt`` names, for each platform."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from setup_environment import ROOT, fail, say

_NAMED = ROOT / "scripts" / "uv.txt"
_KEPT = ROOT / "build" / "uv"

#: What pip calls the platforms that the plugin runs on; Python's own packages have wheels for all of them.
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_28_aarch64", "macosx_11_0_arm64", "macosx_10_12_x86_64", "win_amd64")


def uv_wheels(platforms: Sequence[str] = PLATFORMS) -> list[Path]:
    """Give the wheels of these platforms; what was fetched before is taken again, without the network.

    Raises
    ------
    SystemExit
        Where they are not there and cannot be fetched.
    """
    return [_fetched(one) for one in platforms]


def this_platform() -> str:
    """Give the one of `PLATFORMS` that this runs on."""
    arm = platform.machine() in ("arm64", "aarch64")
    if sys.platform == "win32":
        return "win_amd64"
    if sys.platform == "darwin":
        return PLATFORMS[2] if arm else PLATFORMS[3]
    return PLATFORMS[1] if arm else PLATFORMS[0]


def _fetched(name: str) -> Path:
    folder = _KEPT / name
    there = [wheel for wheel in folder.glob("*.whl") if _is_named(wheel)]
    if not there:
        say(f"fetching uv for {name}")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--platform", name, "--require-hashes", "-r", str(_NAMED), "-d", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "PIP_NO_INPUT": "1"})
        if done.returncode != 0:
            fail(f"pip could not fetch the uv that {_NAMED.name} names for {name}: {done.stderr.strip()}")
        there = [wheel for wheel in folder.glob("*.whl") if _is_named(wheel)]
    return there[0]


def _is_named(wheel: Path) -> bool:
    return f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in _NAMED.read_text(encoding="utf-8")
