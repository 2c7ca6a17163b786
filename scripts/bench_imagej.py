#!/usr/bin/env python3
"""Measure what it costs to bring pixels from numpy to Java and back in one process, beside a plain copy of as many bytes.

``scripts/test`` prepares what it needs; then ``.venv/bin/python scripts/bench_imagej.py [MB ...]`` (10 and 1000 if left out)
prints a table. Where IJBRIDGE_FIJI names the folder of an ImageJ2 or Fiji, pyimagej's own ways stand beside it. Images of n
MB take about 8 n MB of memory.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import jpype
import numpy as np

import ijbridge.imagej
from imagej_session import IMAGEJ, JARS, missing
from setup_environment import fail

#: Calls of each way; the first is told by itself, of the others the best.
_CALLS = 6

_PLANE = 500


def main() -> None:
    """Print the tables."""
    if lacks := missing():
        fail("; ".join(lacks))
    sizes = [float(word) for word in sys.argv[1:]] or [10.0, 1000.0]
    folder = os.environ.get("IJBRIDGE_FIJI")
    heap = f"-Xmx{int(max(sizes) * 4 + 1000)}m"
    ij = None
    if folder:
        ij = ijbridge.imagej.init(folder, java_options=[heap])
    else:
        jars = [str(IMAGEJ), *map(str, (JARS / "imglib2").glob("*.jar"))]
        jpype.startJVM(heap, "-Djava.awt.headless=true", classpath=jars, convertStrings=False)
    for size in sizes:
        _measure(size, ij)


def _measure(size: float, ij: Any) -> None:
    planes = max(1, round(size * 1e6 / 4 / _PLANE**2))
    array = np.ones((planes, _PLANE, _PLANE), np.float32)
    shared = ijbridge.imagej.to_java(array, copy=False)
    heap = jpype.JClass("net.imglib2.img.array.ArrayImgs").floats(jpype.JArray(jpype.JLong)([_PLANE, _PLANE, planes]))
    plus = ijbridge.imagej.to_imageplus(array, axes="zyx")
    print(f"\n{array.nbytes / 1e6:.0f} MB of float32, {os.cpu_count()} cores")
    plain = _time("a plain copy in numpy", array.copy)
    _time("numpy to ImgLib2, shared", lambda: ijbridge.imagej.to_java(array, copy=False))
    _time("ImgLib2 on buffers to numpy, shared", lambda: ijbridge.imagej.to_numpy(shared, copy=False))
    _time("ImgLib2 on the heap to numpy", lambda: ijbridge.imagej.to_numpy(heap), plain)
    _time("ImagePlus to numpy", lambda: ijbridge.imagej.to_numpy(plus), plain)
    _time("numpy to ImagePlus", lambda: ijbridge.imagej.to_imageplus(array, axes="zyx"), plain)
    _time("ImageJ's own duplicate of that ImagePlus", plus.duplicate, plain)
    if ij is not None:
        dataset = ij.py.to_dataset(array)
        _time("pyimagej: numpy to Java", lambda: ij.py.to_java(array), plain)
        _time("pyimagej: Dataset to numpy", lambda: ij.py.from_java(dataset), plain)
        _time("pyimagej: ImagePlus to numpy", lambda: ij.py.from_java(plus), plain)
        _time("ijbridge: Dataset to numpy", lambda: ijbridge.imagej.to_numpy(dataset), plain)


def _time(what: str, call: Callable[[], Any], plain: float | None = None) -> float:
    taken = []
    for _ in range(_CALLS):
        started = time.perf_counter()
        made = call()
        taken.append(time.perf_counter() - started)
        del made
        gc.collect()
    first, best = taken[0], min(taken[1:])
    times = f"{best / plain:7.2f} times the plain copy" if plain else ""
    print(f"  {what:<40} first {first * 1e3:9.3f} ms, then {best * 1e3:9.3f} ms {times}")
    return best


if __name__ == "__main__":
    main()
