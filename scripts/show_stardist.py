"""Find the nuclei of the image that stardist brings along: say how good they are, and take a picture of them in ImageJ.

::

    .venv/bin/python scripts/show_stardist.py

No connection is needed. The model is the little one that scripts/compare_csbdeep.py trained for minutes on the left half of
this very image, as none that was trained on many images can be had without one: the numbers say that objects are made right,
and little of how good StarDist is. Weights and thresholds were chosen by the third quarter, and the fourth it has not seen.
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

from reference.csbdeep_cases import NUCLEI

PICTURE = ROOT / "docs" / "images" / "objects.png"

#: Enough for gray levels, outlines and labels, in some ten kilobytes.
COLOURS = 96

#: Where the macro puts the windows: left, top, right, bottom.
WINDOWS = (0, 0, 1034, 740)

MACRO = """
open("{folder}/nuclei.tif");
setLocation(0, 0);
run("Run Model...", "model=[{model}] objects=both");
setLocation(517, 0);
Table.setLocationAndSize(0, 540, 1034, 200, "nuclei-objects");
call("Person.photographsScreen", "", "{folder}/screen.png");
"""


def main() -> None:
    """Say the numbers, and take the picture."""
    model, unseen = NUCLEI.folder, NUCLEI.columns[1]
    nuclei, mask = test_image_nuclei_2d(return_mask=True)
    found = ijbridge.predict(model, nuclei, axes="yx").values
    for where, part in (("whole", np.s_[:, :]), (f"columns from {unseen}, which it has not seen", np.s_[:, unseen:])):
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
        picture = picture.crop(WINDOWS)
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
