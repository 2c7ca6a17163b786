"""What a run on tiles costs at least: onnxruntime on the same tiles of the same image, and nothing else done to the pixels.

Run by `benchmarks` as a process of its own, without ijbridge: ``bench_floor.py NETWORK IMAGE RESULT [TILES]``. TILES is JSON,
``[[from, to, keep from, keep to], ...]`` for each axis; without it the image is run in one piece.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime
import tifffile


def main() -> None:
    """Run the network on every tile."""
    network, image_file, result_file, *tiles = sys.argv[1:]
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    image = tifffile.imread(image_file)
    rows, columns = json.loads(tiles[0]) if tiles else [[[0, size, 0, size]] for size in image.shape]
    result = np.empty(image.shape, np.float32)
    for top, bottom, first_row, last_row in rows:
        for left, right, first, last in columns:
            given = np.ascontiguousarray(image[None, None, top:bottom, left:right], np.float32)
            (found,) = session.run(None, {name: given})
            kept = found[0, 0, first_row - top : last_row - top, first - left : last - left]
            result[first_row:last_row, first:last] = kept
    tifffile.imwrite(result_file, result)


if __name__ == "__main__":
    main()
