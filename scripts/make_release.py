"""Builds the wheel, the sdist and the zips for the plugins folders of ImageJ and Fiji, and checks that they belong together."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from email.parser import BytesParser
from pathlib import Path

from ijbridge._version import __version__
from ijbridge.installing import MANIFEST, PLUGIN, manifest_text
from setup_environment import ROOT, build_jar, fail, say
from uv_wheels import PLATFORMS, uv_wheels

#: The zips by the end of their name: for which program, and whether it brings Appose, Groovy and JNA itself.
KINDS = {"ImageJ": False, "Fiji": True}

_README = """IJBridge {version} for {program}

Put this folder into the folder "plugins" of {program} and start {program} again. At its first use, Plugins > IJBridge > Run
Model... offers to set up a Python of its own, out of what lies in "wheels" and what it fetches over the network; a macro says
environment=install for that. Without a network, put the wheels that wheels/environment.txt names beside it before, such as by
    pip download --only-binary :all: -r environment.txt
on a computer of the same kind, which needs Python 3.11, 3.12 or 3.13 then, as the other one does.
Who has a Python with ijbridge {version} already may name it by the environment variable IJBRIDGE_PYTHON instead.

{libraries}
"""
_LIBRARIES = {
    False: "The jars beside IJBridge_.jar are Appose (BSD-2-Clause), Groovy and JNA (Apache-2.0); uv is Apache-2.0 or MIT.",
    True: "Appose, Groovy and JNA are Fiji's own: a Fiji that lacks them needs an update (Help > Update...), or else\n"
    '"ijbridge install-fiji", which adds what is missing. The uv in wheels is Apache-2.0 or MIT.',
}


def make_release(folder: Path, platforms: Sequence[str] = PLATFORMS) -> list[Path]:
    """Build wheel, sdist and zips into a folder, and give their paths.

    Parameters
    ----------
    folder
        Where to.
    platforms
        The ones that the zips shall have uv for.

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
    wheels = [wheel, *uv_wheels(platforms)]
    archives = [_zip(folder, kind, plugin, wheels) for kind in KINDS]
    for archive in archives:
        check_versions(wheel, archive)
    return [wheel, folder / f"ijbridge-{__version__}.tar.gz", *archives]


def check_versions(wheel: Path, archive: Path) -> None:
    """End with a sentence unless the wheel, its jars and those of a zip are of one version, and the zip's jars of the wheel."""
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
    if in_zip != {name: in_wheel.get(name) for name in in_zip}:
        fail(f"The jars of the wheel and of the zip are not the same ({sorted(in_wheel)}; {sorted(in_zip)}).")


def _zip(folder: Path, kind: str, plugin: Path, wheels: Sequence[Path]) -> Path:
    """Pack jars and wheels with a manifest, by which `ijbridge install-fiji` can replace and remove them."""
    libraries = () if KINDS[kind] else sorted(plugin.parent.glob("dependency/*.jar"))
    files = {jar.name: jar.read_bytes() for jar in (plugin, *libraries)}
    files |= {f"wheels/{wheel.name}": wheel.read_bytes() for wheel in wheels}
    files["wheels/environment.txt"] = (ROOT / "environment.txt").read_bytes()
    readme = _README.format(version=__version__, program=kind, libraries=_LIBRARIES[KINDS[kind]])
    files |= {"README.txt": readme.encode(), "LICENSE.txt": (ROOT / "LICENSE").read_bytes()}
    files["THIRD-PARTY.txt"] = (ROOT / "java" / "THIRD-PARTY.txt").read_bytes()
    named = [(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()]
    files[MANIFEST] = manifest_text(__version__, named).encode()
    # as in the wheel: hatchling's own time, where none is given
    written = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "1580601600")))[:6]
    path = folder / f"IJBridge-{__version__}-{kind}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"IJBridge/{name}", written)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # else the bytes would say which system packed it
            archive.writestr(entry, content, zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED)
    return path


def main() -> None:
    """Build into the folder that is named and say what came out."""
    for path in make_release(Path(sys.argv[1])):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


if __name__ == "__main__":
    main()
