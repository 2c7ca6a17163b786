"""Takes the pictures of docs/guide.md: starts ImageJ on a display of its own and opens each window.

``.venv/bin/python scripts/take_screenshots.py``, after `scripts/test` has built the plugin and its tests' classes.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
import venv
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from ijbridge.image import make_image
from ijbridge.image_io import write_image
from imagej_session import JARS, ImageJ
from setup_environment import ROOT, display

IMAGES = ROOT / "docs" / "images"

#: Enough to read the windows, in a few kilobytes.
COLOURS = 64

MACROS = """
open("{folder}/coarse.tif");
call("Person.photographs", "Run Model...", "phase-cell-unet", "256", "false", "{folder}/run.png");
call("Person.photographs", "Run Model...", "phase-cell-unet", "huge", "false", "{folder}/refused.png");
call("Person.photographs", "Inspect Model...", "phase-cell-unet", "", "true", "{folder}/inspect.png");
call("Person.installs", "{folder}/another model.zip", "{folder}/install.png");
call("ij.Prefs.set", "ijbridge.batch_input", "{folder}");
call("ij.Prefs.set", "ijbridge.batch_output", "{folder}/results");
call("Person.photographs", "Batch Run Model...", "phase-cell-unet", "auto", "false", "{folder}/batch.png");
call("Person.photographs", "About IJBridge", "", "", "false", "{folder}/about.png");
call("Person.photographsScreen", "IJBridge Settings...", "{folder}/settings.png");
close("*"); print("\\\\Clear");
run("Test Model...", "model=phase-cell-unet");
call("Person.places", "Log", "264", "450", "920", "120");
call("Person.photographsScreen", "", "{folder}/test.png");
"""


def python(folder: Path) -> Path:
    """Make a Python that has what this one has, and whose paths and system are nobody's."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "all.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    system = 'import platform\nplatform.platform = lambda *given: "Linux-6.1-x86_64-with-glibc2.36"\n'
    (packages / "sitecustomize.py").write_text(system)
    return folder / "bin" / "python"


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with display(hidden=True) as environment, tempfile.TemporaryDirectory(prefix="screenshots-") as made:
        folder = Path(made)
        for name, size in {"cell": 0.107, "coarse": 0.2}.items():
            sizes = dict.fromkeys("yx", size)
            image = make_image(data.cell(), "yx", pixel_size=sizes, unit=dict.fromkeys("yx", "µm"), name=name)
            write_image(folder / f"{name}.tif", image)
        os.environ["IJBRIDGE_PYTHON"] = str(python(folder / "python"))
        imagej = ImageJ(folder / "ImageJ", environment["DISPLAY"], java=["-Dos.version=6.1"])
        for file in (JARS / "test-classes").glob("Person*.class"):
            shutil.copy(file, imagej.folder / "plugins")
        models = imagej.folder / "models"
        shutil.copytree(ROOT / "samples" / "phase-cell-unet", models / "phase-cell-unet")
        shutil.make_archive(str(folder / "another model"), "zip", ROOT / "samples" / "phase-cell-unet")
        imagej.run({"screenshots": MACROS.format(folder=folder.as_posix())})
        for name in ("run", "refused", "inspect", "install", "batch", "about", "settings", "test"):
            picture = Image.open(folder / f"{name}.png").convert("RGB")
            if name == "test":
                ink = np.argwhere(np.asarray(picture).any(axis=-1))
                (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
                picture = picture.crop((int(left), int(top), int(right), int(bottom)))
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
