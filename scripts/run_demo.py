"""The demonstration that ``scripts/demo`` sets up; see there."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from imagej_session import make_imagej_folder, run_macro
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from setup_environment import ROOT, fail, say
from skimage import data

from ijbridge.image import make_image
from ijbridge.image_io import read_image, write_image

MODEL = ROOT / "samples" / "phase-cell-unet"
OUTPUT = ROOT / "demo-output"

#: Micrometres per pixel, from the documentation of `skimage.data.cell`.
PIXEL_SIZE = 0.107

MACRO = """
open("{image}");
run("Run Model...", "model=[{model}] tile=auto halo=auto device=auto");
getPixelSize(unit, width, height);
print("result: " + getTitle() + ", " + getWidth() + " x " + getHeight() + ", pixel size " + width + " " + unit);
saveAs("Tiff", "{result}");
print("done");
saveText = File.saveString(getInfo("log"), "{log}");
eval("script", "System.exit(0)");
"""


def main() -> None:
    """Open the image in ImageJ, run the model, save the result, and put the two side by side."""
    OUTPUT.mkdir(exist_ok=True)
    image, result, both, log = (
        OUTPUT / name for name in ("cell.tif", "cell-probability.tif", "side-by-side.png", "imagej-log.txt")
    )
    sizes = dict.fromkeys("yx", PIXEL_SIZE)
    write_image(image, make_image(data.cell(), "yx", pixel_size=sizes, unit=dict.fromkeys("yx", "µm"), name="cell"))
    result.unlink(missing_ok=True)
    log.unlink(missing_ok=True)

    say("starting ImageJ, opening skimage.data.cell (CC0), running the model by its macro command")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        imagej = make_imagej_folder(Path(folder))
        macro = imagej / "macros" / "demo.ijm"
        paths = {"image": image, "model": MODEL, "result": result, "log": log}
        macro.write_text(MACRO.format(**{name: path.as_posix() for name, path in paths.items()}))
        finished = run_macro(imagej, macro, Path(sys.executable), os.environ)
    if not result.exists():
        fail(f"ImageJ ended without a result:\n{finished.stdout}{finished.stderr}")
    print(f"   {time.monotonic() - started:.1f} s; ImageJ's log says:")
    print("".join(f"   | {line}\n" for line in log.read_text().splitlines()), end="")

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
        draw.text((x + 20, head + height - 44), "10 µm", fill=255, font=font)
    sheet.save(target)


if __name__ == "__main__":
    main()
