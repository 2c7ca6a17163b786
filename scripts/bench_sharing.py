#!/usr/bin/env python3
"""Measure what it costs to share pixels with the worker: time and memory, beside plain copies of as many bytes.

``scripts/test`` prepares what it needs; then ``.venv/bin/python scripts/bench_sharing.py [GB ...]`` (1 and 3 if left out)
prints a table. A stack of n GB takes about 4 n GB of memory: image, its block, the result's block, the result.

Each step is timed several times in the same processes, and beside each pass a plain copy of the image into new Java arrays.
The first pass stands apart: its memory is new to Java and, on a virtual machine, to the machine, which takes a multiple of the
time for a plain copy too. What the worker's run takes more than the same run on arrays of its own counts for the border.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from ijbridge.server import InferenceServer
from imagej_session import IMAGEJ, JARS, ImageJ, find_java, missing
from setup_environment import ROOT, display, fail

sys.path.insert(0, str(ROOT / "tests"))
from builders import channel, described, follows, identity, space, write_model

GB = 1e9

#: How often each step is timed, after a first time.
_PASSES = 5

#: What Java does at the border.
_BORDER = ("reserve both blocks", "image into the block", "block into the result", "release both blocks")

#: Planes of the image that ImageJ runs the model on: it fits into one tile.
_SIDE = 256


def main() -> None:
    """Print the tables."""
    if lacks := missing():
        fail("; ".join(lacks))
    sizes = [float(word) for word in sys.argv[1:]] or [1.0, 3.0]
    with tempfile.TemporaryDirectory(prefix="ijbridge-bench-") as name:
        folder = Path(name)
        model = _model(folder)
        for size in sizes:
            free = psutil.virtual_memory().available
            if free < 4 * size * GB + 2 * GB:
                print(f"{size:g} GB: skipped, {4 * size + 2:.0f} GB of memory are needed and {free / GB:.0f} GB are free")
                continue
            _shared(folder, model, size, threads=os.cpu_count() or 1)
            if size <= 1:
                _shared(folder, model, size, threads=1)
        _started(folder, model)


def _model(folder: Path) -> Path:
    """Write a model that gives the 16-bit pixels it gets."""
    free = {"min": 1, "step": 1}
    return write_model(
        folder / "identity",
        identity(dtype="uint16"),
        inputs=[described("raw", channel("c"), space("y", free), space("x", free), dtype="uint16")],
        outputs=[described("out", channel("c"), follows("y"), follows("x"), dtype="uint16")],
    )


def _shared(folder: Path, model: Path, size: float, threads: int) -> None:
    java = find_java()
    classes = os.pathsep.join(map(str, [JARS / "classes", JARS / "test-classes", IMAGEJ, JARS / "dependency" / "*"]))
    command = [
        str(java),
        f"-Xmx{int(size * 2300 + 500)}m",
        f"-Djava.util.concurrent.ForkJoinPool.common.parallelism={threads - 1}",
        "-Djava.awt.headless=true",
        f"-Dijbridge.log={folder / 'bench.log'}",
        *("-cp", classes, "org.ijbridge.SharingBench", sys.executable, str(model), str(size), str(1 + _PASSES)),
    ]
    taken: dict[str, list[float]] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as java_process:
        assert java_process.stdout is not None
        for line in java_process.stdout:
            if line.strip() == "done":
                break
            step, _, number = line.strip().partition("\t")
            taken.setdefault(step, []).append(float(number))
        (worker,) = psutil.Process(java_process.pid).children()
        peaks = {"Java": _peak(java_process.pid), "Python": _peak(worker.pid)}
        java_process.communicate("\n")
    (planes,), (blocks,), (started,) = (taken.pop(once) for once in ("planes", "blocks", "start the worker and plan"))
    taken["run, on arrays of its own"] = _alone(model, int(planes))
    gigabytes = blocks / 2 / GB
    print(f"\n{gigabytes:.2f} GB of 16-bit planes there, as many back, {threads} thread{'s' * (threads > 1)}")
    print(f"  {started:.2f} s to start the worker and plan")
    alone = median(taken["run, on arrays of its own"])
    steps = zip(taken["run"], *(taken[step] for step in _BORDER), strict=True)
    taken["all but the run"] = [sum(one) - alone for one in steps]
    both_ways = zip(taken["all but the run"], taken["plain copy"], strict=True)
    taken["in plain copies, each way"] = [border / 2 / copy for border, copy in both_ways]
    print(f"  {'seconds':<28} {'median':>8} {'fastest':>8} {'slowest':>8} {'first':>8}")
    for step, (first, *numbers) in taken.items():
        print(f"  {step:<28} {median(numbers):8.2f} {min(numbers):8.2f} {max(numbers):8.2f} {first:8.2f}")
    print(
        f"  blocks {blocks / GB:.2f} GB; at most resident, blocks included: "
        + ", ".join(f"{k} {v:.2f} GB ({v / gigabytes:.1f} images)" for k, v in peaks.items())
    )


def _alone(model: Path, planes: int) -> list[float]:
    """Time the same run on plain arrays, in this process."""
    shape = (planes, 2000, 2000)
    header = {"name": "bench", "shape": shape, "axes": "zyx", "dtype": "uint16"}
    image, result = np.ones(shape, np.uint16), np.ones(shape, np.uint16)
    server, taken = InferenceServer(), []
    for _ in range(1 + _PASSES):
        start = time.perf_counter()
        server.predict(str(model), header, {}, image, [result])
        taken.append(time.perf_counter() - start)
    return taken


def _peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) * 1024 / GB if found else float("nan")


def _started(folder: Path, model: Path) -> None:
    """Say how long a macro waits for the result of one tile, from its call on: cold, and warm."""
    macro = f"""
        for (i = 0; i < 6; i++) {{
            newImage("picture", "16-bit ramp", {_SIDE}, {_SIDE}, 1);
            start = getTime();
            run("Run Model...", "model=[{model}]");
            print("took: " + (getTime() - start));
            close("*");
        }}"""
    with display(hidden=True) as environment:
        ran = ImageJ(folder / "ImageJ", environment["DISPLAY"]).run({"times": macro}).ran["times"]
    cold, *warm = [float(line.removeprefix("took: ")) / 1000 for line in ran.log if line.startswith("took: ")]
    print(f"\nFrom the macro's call to the result of one tile of {_SIDE} x {_SIDE}")
    print(f"  cold (Python starts)  {cold:.2f} s")
    print(f"  first run again       {warm[0]:.3f} s")
    print(f"  warm, the best of {len(warm)}   {min(warm):.3f} s")


if __name__ == "__main__":
    main()
