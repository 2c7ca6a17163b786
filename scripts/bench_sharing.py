#!/usr/bin/env python3
"""Measure what it costs to share pixels with the worker: time and memory, beside one plain copy of as many bytes.

``scripts/test`` prepares what it needs; then ``.venv/bin/python scripts/bench_sharing.py [GB ...]`` (1 and 3 if left out)
prints a table. A stack of n GB takes about 4 n GB of memory: image, its block, the result's block, the result.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from imagej_session import IMAGEJ, JARS, ImageJ, find_java, missing
from setup_environment import ROOT, display, fail

sys.path.insert(0, str(ROOT / "tests"))
from builders import channel, described, follows, identity, space, write_model

GB = 1e9

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
        *("-cp", classes, "org.ijbridge.SharingBench", sys.executable, str(model), str(size)),
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
    gigabytes = taken.pop("bytes")[0] / GB
    blocks = taken.pop("blocks")[0] / GB
    print(f"\n{gigabytes:.2f} GB of 16-bit planes, {threads} thread{'s' * (threads > 1)}")
    for step, numbers in taken.items():
        best = min(numbers)
        print(f"  {step:<28} {best:8.3f} s {gigabytes / best:8.1f} GB/s")
    print(
        f"  blocks {blocks:.2f} GB; at most resident, blocks included: "
        + ", ".join(f"{k} {v:.2f} GB" for k, v in peaks.items())
    )


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
