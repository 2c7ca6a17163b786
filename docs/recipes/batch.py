"""Run a model on all TIFF images of a folder, without a display: python batch.py MODEL FOLDER OUT [--part 0 --parts 4]."""

import argparse
import sys
from pathlib import Path

import jpype

import ijbridge
import ijbridge.imagej


def main() -> int:
    """Write one result per image, and go on where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", type=int, default=0, help="which part of the images, from 0 (%(default)s)")
    parser.add_argument("--parts", type=int, default=1, help="how many parts there are (%(default)s)")
    parser.add_argument("--imagej", default="net.imagej:ij", help="or the folder of a Fiji (%(default)s)")
    given = parser.parse_args()

    ijbridge.imagej.init(given.imagej, mode="headless")
    ij = jpype.JClass("ij.IJ")
    given.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    with ijbridge.load(given.model) as model:
        for path in sorted(given.folder.glob("*.tif"))[given.part :: given.parts]:
            try:
                result = model.predict(ij.openImage(str(path)))  # an ImagePlus, with the pixel size of the image
            except ijbridge.IJBridgeError as error:
                print(f"{path.name}: {error}", file=sys.stderr)
                failed += 1
                continue
            ij.saveAsTiff(result, str(given.out / path.name))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
