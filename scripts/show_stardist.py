"""Find the nuclei of the image that stardist brings along: say how good they are, and take a picture of them in ImageJ for the guide.

::

    .venv/bin/python scripts/show_stardist.py

No network is needed. The model is the little one that scripts/compare_csbdeep.py trained for a minute on the left three quarters of
this very image, as none that was trained on many images can be had without a network: the numbers say that objects are made
right, and nothing of how good StarDist is. The right quarter it has not seen.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from stardist.data import test_image_nuclei_2d
from stardist.matching import matching

import ijbridge
from imagej_session import JARS, ImageJ
from setup_environment import ROOT, display

sys.path.insert(0, str(ROOT / "tests"))

from reference.csbdeep_cases import WITH_OBJECTS  # noqa: E402 - found by the line above

PICTURE = ROOT / "docs" / "images" / "objects.png"

#: Enough for gray levels, outlines and labels, in some ten kilobytes.
COLOURS = 96

#: Where the columns begin that the network has not seen.
UNSEEN = 384

MACRO = """
open("{folder}/nuclei.tif");
nuclei = getImageID();
run("Run Model...", "model=[{model}] objects=both");
setLocation(500, 0);
selectImage(nuclei);
setLocation(0, 0);
Table.setLocationAndSize(0, 560, 1000, 200, "nuclei-objects");
call("Person.photographsScreen", "", "{folder}/screen.png");
"""


def main() -> None:
    """Say the numbers, and take the picture."""
    model = next(one for one in WITH_OBJECTS if one.trained).folder
    nuclei, mask = test_image_nuclei_2d(return_mask=True)
    found = ijbridge.predict(model, nuclei, axes="yx").values
    for where, part in (("whole", np.s_[:, :]), (f"columns from {UNSEEN}, which it has not seen", np.s_[:, UNSEEN:])):
        for overlap in (0.5, 0.7):
            one = matching(mask[part], found[part], thresh=overlap)
            print(f"{where}: F1 {one.f1:.3f} at IoU {overlap} ({one.tp} of {one.n_true} found, {one.fp} others)")
    with display(hidden=True) as environment, tempfile.TemporaryDirectory(prefix="stardist-") as made:
        folder = Path(made)
        tifffile.imwrite(folder / "nuclei.tif", nuclei, imagej=True)
        imagej = ImageJ(folder / "ImageJ", environment["DISPLAY"])
        for file in (JARS / "test-classes").glob("Person*.class"):
            shutil.copy(file, imagej.folder / "plugins")
        imagej.run({"picture": MACRO.format(folder=folder.as_posix(), model=model)})
        picture = Image.open(folder / "screen.png").convert("RGB")
        ink = np.argwhere(np.asarray(picture).any(axis=-1))
        (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
        picture = picture.crop((int(left), int(top), int(right), int(bottom)))
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
