"""The demonstration that ``scripts/demo`` sets up; see there."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from skimage import data

from ijbridge.image import make_image
from ijbridge.image_io import read_image, write_image
from imagej_session import ImageJ
from setup_environment import ROOT, fail, say

MODEL = ROOT / "samples" / "phase-cell-unet"
OUTPUT = ROOT / "demo-output"

#: Micrometres per pixel, from the documentation of `skimage.data.cell`.
PIXEL_SIZE = 0.107

MACRO = """
open("{image}");
run("Run Model...", "model=[{model}] tile=auto halo=auto device=auto");
getPixelSize(unit, width, height);
print("active image: " + getTitle() + ", " + getWidth() + " x " + getHeight() + ", " + width + " " + unit + " per pixel");
saveAs("Tiff", "{result}");
return "done";
"""


def main() -> None:
    """Open the image in ImageJ, run the model, save the result, and put the two side by side."""
    OUTPUT.mkdir(exist_ok=True)
    image, result, both = (OUTPUT / name for name in ("cell.tif", "cell-probability.tif", "side-by-side.png"))
    sizes = dict.fromkeys("yx", PIXEL_SIZE)
    write_image(image, make_image(data.cell(), "yx", pixel_size=sizes, unit=dict.fromkeys("yx", "µm"), name="cell"))
    result.unlink(missing_ok=True)

    say("starting ImageJ, opening skimage.data.cell (CC0), running the model by its macro command")
    started = time.monotonic()
    paths = {"image": image.as_posix(), "model": MODEL.as_posix(), "result": result.as_posix()}
    with tempfile.TemporaryDirectory() as folder:
        session = ImageJ(Path(folder), os.environ.get("DISPLAY", "")).run({"demo": MACRO.format(**paths)})
    for line in session.ran["demo"].log:
        print(f"   | {line}")
    if not result.exists():
        fail(f"ImageJ ended without a result; its plugin's log: {session.log_file}")
    print(f"   {time.monotonic() - started:.1f} s")

    side_by_side(image, result, both)
    say("done")
    for path in (result, both):
        print(f"   {path.relative_to(ROOT)}")


def side_by_side(image: Path, result: Path, target: Path) -> None:
    """Draw image and result beside each other, each from its minimum to its maximum, with a scale bar of 10 µm."""
    left, right = (read_image(path) for path in (image, result))
    height, width = left.header.shape
    margin, head = 12, 34
    sheet = Picture.new("L", (2 * width + 3 * margin, height + head + margin), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    titles = ("quantitative phase image (skimage.data.cell)", "cell probability (phase-cell-unet)")
    for number, (picture, title) in enumerate(zip((left, right), titles, strict=True)):
        pixels = np.asarray(picture.array, np.float64)
        low, high = (pixels.min(), pixels.max()) if number == 0 else (0.0, 1.0)
        x = margin + number * (width + margin)
        sheet.paste(Picture.fromarray(((pixels - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)), (x, head))
        draw.text((x, 8), title, fill=0, font=font)
        bar = 10 / picture.header.pixel_size["x"]
        draw.line([(x + 20, head + height - 20), (x + 20 + bar, head + height - 20)], fill=255, width=4)
        draw.text((x + 20, head + height - 44), "10 micrometres", fill=255, font=font)
    sheet.save(target)


if __name__ == "__main__":
    main()
