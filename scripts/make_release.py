"""Builds the wheel, the sdist and the zip for ImageJ's plugins folder, and checks that they belong together."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from email.parser import BytesParser
from pathlib import Path

from ijbridge._version import __version__
from ijbridge.installing import MANIFEST, PLUGIN, manifest_text
from setup_environment import ROOT, build_jar, fail, say

_README = f"""IJBridge {__version__}

Put this folder into ImageJ's plugins folder, set the environment variable IJBRIDGE_PYTHON to the full path of a Python that
has ijbridge {__version__}, and start ImageJ again. Fiji has some of these jars itself: for it, use "ijbridge install-fiji".
The jars beside IJBridge_.jar are Appose (BSD-2-Clause), Groovy and JNA (Apache-2.0).
"""


def make_release(folder: Path) -> list[Path]:
    """Build wheel, sdist and zip into a folder, and give their paths.

    Raises
    ------
    SystemExit
        Where the build fails, or the parts are not of one version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plugin = build_jar()
    say("building the wheel and the sdist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(folder.resolve())]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"hatchling could not build the wheel and the sdist: {done.stdout}{done.stderr}")
    wheel = folder / f"ijbridge-{__version__}-py3-none-any.whl"
    archive = _zip(folder, plugin)
    check_versions(wheel, archive)
    return [wheel, folder / f"ijbridge-{__version__}.tar.gz", archive]


def check_versions(wheel: Path, archive: Path) -> None:
    """End with a sentence unless the wheel, its jars and those of the zip are of one version, and the jars the same."""
    with zipfile.ZipFile(wheel) as file:
        metadata = BytesParser().parsebytes(file.read(f"ijbridge-{__version__}.dist-info/METADATA"))
        in_wheel = {Path(name).name: file.read(name) for name in file.namelist() if name.endswith(".jar")}
    with zipfile.ZipFile(archive) as file:
        in_zip = {Path(name).name: file.read(name) for name in file.namelist() if name.endswith(".jar")}
        with file.open(f"IJBridge/{PLUGIN}") as inner, zipfile.ZipFile(inner) as jar:
            version_of_jar = jar.read("org/ijbridge/jar.properties").decode().strip().removeprefix("version=")
    if not metadata["Version"] == version_of_jar == __version__:
        fail(
            f"The wheel is of version {metadata['Version']}, the jar of {version_of_jar}, src/ijbridge/_version.py of "
            f"{__version__}: java/pom.xml has to carry the same."
        )
    if in_wheel != in_zip:
        fail(f"The wheel and the zip do not carry the same jars ({sorted(in_wheel)}; {sorted(in_zip)}).")


def _zip(folder: Path, plugin: Path) -> Path:
    """Pack the jars with a manifest, by which `ijbridge install-fiji` can replace and remove them."""
    jars = (plugin, *sorted(plugin.parent.glob("dependency/*.jar")))
    files = {jar.name: jar.read_bytes() for jar in jars}
    files |= {"README.txt": _README.encode(), "LICENSE.txt": (ROOT / "LICENSE").read_bytes()}
    files |= {"THIRD-PARTY.txt": (ROOT / "java" / "THIRD-PARTY.txt").read_bytes()}
    named = [(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()]
    files[MANIFEST] = manifest_text(__version__, named).encode()
    # as in the wheel: hatchling's own time, where none is given
    written = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "1580601600")))[:6]
    path = folder / f"IJBridge-{__version__}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"IJBridge/{name}", written)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # else the bytes would say which system packed it
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def main() -> None:
    """Build into the folder that is named and say what came out."""
    for path in make_release(Path(sys.argv[1])):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


if __name__ == "__main__":
    main()
