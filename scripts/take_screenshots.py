"""Takes the pictures of docs/guide.md: starts ImageJ on a display of its own and opens each window.

``.venv/bin/python scripts/take_screenshots.py``, after `scripts/test` has built the plugin and its tests' classes.
"""

from __future__ import annotations

import shutil
import tempfile
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
open("{folder}/cell.tif");
call("Person.photographs", "Run Model...", "phase-cell-unet", "256", "false", "{folder}/run.png");
call("Person.photographs", "Run Model...", "phase-cell-unet", "huge", "false", "{folder}/refused.png");
call("Person.photographs", "Inspect Model...", "phase-cell-unet", "", "true", "{folder}/inspect.png");
call("ij.Prefs.set", "ijbridge.batch_input", "{folder}");
call("ij.Prefs.set", "ijbridge.batch_output", "{folder}/results");
call("Person.photographs", "Batch Run Model...", "phase-cell-unet", "auto", "false", "{folder}/batch.png");
call("Person.photographs", "About IJBridge", "", "", "false", "{folder}/about.png");
call("Person.photographsScreen", "IJBridge Settings...", "{folder}/settings.png");
close("*");
run("Test Model...", "model=phase-cell-unet");
selectWindow("Log"); setLocation(224, 430, 860, 140);
call("Person.photographsScreen", "", "{folder}/test.png");
"""


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with display(hidden=True) as environment, tempfile.TemporaryDirectory(prefix="screenshots-") as made:
        folder = Path(made)
        sizes = dict.fromkeys("yx", 0.107)
        write_image(folder / "cell.tif", make_image(data.cell(), "yx", pixel_size=sizes, unit=dict.fromkeys("yx", "µm")))
        imagej = ImageJ(folder / "ImageJ", environment["DISPLAY"])
        for file in (JARS / "test-classes").glob("Person*.class"):
            shutil.copy(file, imagej.folder / "plugins")
        models = imagej.folder / "models"
        shutil.copytree(ROOT / "samples" / "phase-cell-unet", models / "phase-cell-unet")
        imagej.run({"screenshots": MACROS.format(folder=folder.as_posix())})
        for name in ("run", "refused", "inspect", "batch", "about", "settings", "test"):
            picture = Image.open(folder / f"{name}.png").convert("RGB")
            if name == "test":
                ink = np.argwhere(np.asarray(picture).any(axis=-1))
                (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
                picture = picture.crop((int(left), int(top), int(right), int(bottom)))
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
