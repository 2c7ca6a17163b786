"""The measurements of ``scripts/bench``, which runs this: whole processes in turns, after one turn that is not counted."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tifffile

from ijbridge import read_model
from ijbridge.image import Image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from setup_environment import ROOT, fail

sys.path.insert(0, str(ROOT / "tests"))
from builders import Network, write_model

FLOOR = ROOT / "scripts" / "bench_floor.py"
BEGIN, END = "<!-- figures: scripts/bench -->", "<!-- end of figures -->"

#: The largest difference of programs that should agree, of the values' range.
_AGREED = 1e-4


#: The least that a program does which runs a network.
_ONCE = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
session.run(None, {session.get_inputs()[0].name: numpy.zeros((1, 1, 256, 256), numpy.float32)})
"""

#: The sizes that the network's description allows, and its halo; the network needs one of 22.
_SIZE = {"min": 128, "step": 64}
_HALO = 32


@dataclass(frozen=True, eq=False)
class Program:
    """A command to be measured; ``result`` is the image that it writes, which is held against those of the others.

    ``border`` are the pixels at its border that are not, because the image is continued there in another way.
    """

    name: str
    command: Sequence[str | Path]
    result: Path | None = None
    border: int = 0


@dataclass(frozen=True)
class Taken:
    """What one run took: seconds of all processors (user and system), seconds, bytes resident at most."""

    cpu: float
    wall: float
    peak: int


@dataclass(frozen=True)
class Row:
    """The medians of one program, and which program of the same comparison they are divided by."""

    comparison: str
    program: str
    taken: Taken
    of: Taken


def main() -> None:
    """Run all comparisons and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("core", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="smaller images, fewer rounds, nothing is written")
    given = parser.parse_args()
    side, rounds = (1024, 3) if given.quick else (4096, 5)
    with tempfile.TemporaryDirectory(prefix="ijbridge-bench-") as name:
        os.environ.update(IJBRIDGE_CACHE=str(Path(name, "cache")), ORT_DISABLE_TELEMETRY="1")
        bench = Bench(Path(name), given.core)
        rows = [
            *bench.starting(rounds=7 if given.quick else 15),
            *bench.small(rounds=5 if given.quick else 9),
            *bench.large(side, rounds),
            *bench.tiles(side, rounds=rounds - 2),
            *bench.normalising(side, rounds),
        ]
    table = _table(rows)
    print(table)
    if not given.quick:
        for page in (ROOT / "README.md", ROOT / "docs" / "performance.md"):
            _put(page, table)


class Bench:
    """The comparisons; what they need is made in a folder."""

    def __init__(self, folder: Path, core: Path) -> None:
        self._folder = folder
        self._python = Path(sys.executable)
        self._ours = self._python.parent / "ijbridge"
        self._core = core.parent / "bioimageio"
        self._plain = self._model("plain")
        self._percentile = self._model(
            "percentile", [{"id": "scale_range", "kwargs": {"axes": ["y", "x"], "min_percentile": 1, "max_percentile": 99.8}}]
        )

    def starting(self, rounds: int) -> list[Row]:
        """Compare ``import ijbridge`` with Python alone."""
        programs = [
            Program("`import ijbridge`", [self._python, "-c", "import ijbridge"]),
            Program("Python alone", [self._python, "-c", "pass"]),
        ]
        return self._compare("start", programs, rounds)

    def small(self, rounds: int) -> list[Row]:
        """Compare on one small image, where nearly all is start-up."""
        image = self._image(256)
        once = Program("numpy and onnxruntime, one run", [self._python, "-c", _ONCE, self._plain / "weights.onnx"])
        programs = [self._predict(image), once, self._raw(image), self._by_core(image)]
        return self._compare("256 x 256 float32", programs, rounds)

    def large(self, side: int, rounds: int) -> list[Row]:
        """Compare on a large image with onnxruntime alone, on the same tiles and in one piece, and with bioimageio.core."""
        image = self._image(side)
        programs = [
            self._predict(image),
            self._raw(image, self._tiles(image)),
            self._raw(image),
            self._by_core(image, blocks=512),
        ]
        return self._compare(f"{side} x {side} float32", programs, rounds)

    def tiles(self, side: int, rounds: int) -> list[Row]:
        """Compare the automatic tile with named ones."""
        image = self._image(side)
        named = [tile for tile in ("256", "512", "1024", "2048") if int(tile) < side]
        programs = [self._predict(image), *(self._predict(image, "--tile", tile) for tile in (*named, "whole"))]
        return self._compare(f"{side} x {side} float32, tiles", programs, rounds)

    def normalising(self, side: int, rounds: int) -> list[Row]:
        """Compare a run that needs percentiles of the whole image with one that does not."""
        image = self._image(side, "uint16")
        programs = [self._predict(image, model=self._percentile), self._predict(image)]
        named = [Program(name, one.command) for name, one in zip(("percentiles", "no normalisation"), programs, strict=True)]
        return self._compare(f"{side} x {side} uint16", named, rounds)

    # --- what they are made of ---

    def _model(self, name: str, pre: Sequence[Mapping[str, Any]] = ()) -> Path:
        return write_model(self._folder / name, _unet(), size=_SIZE, halo=_HALO, pre=pre)

    def _image(self, side: int, dtype: str = "float32") -> Path:
        file = self._folder / f"{dtype}-{side}.tif"
        if not file.exists():
            y, x = np.mgrid[:side, :side].astype(np.float32)
            cells = np.sin(x / 7) * np.cos(y / 9) + np.random.default_rng(0).normal(0, 0.2, (side, side))
            tifffile.imwrite(file, (cells * 1000 + 5000).astype(dtype) if dtype == "uint16" else cells.astype(dtype))
        return file

    def _predict(self, image: Path, *options: str, model: Path | None = None) -> Program:
        result = self._folder / f"ours{len(options)}.tif"
        command: list[str | Path] = [
            self._ours,
            "predict",
            model or self._plain,
            image,
            "-o",
            result,
            "--device",
            "cpu",
            *options,
        ]
        return Program(" ".join(["ijbridge", *options[1:]]), command, result)

    def _raw(self, image: Path, tiles: str | None = None) -> Program:
        result = self._folder / f"raw{tiles is not None}.tif"
        command: list[str | Path] = [
            self._python,
            FLOOR,
            self._plain / "weights.onnx",
            image,
            result,
            *([tiles] if tiles else []),
        ]
        return Program("onnxruntime, " + ("same tiles" if tiles else "one piece"), command, result)

    def _by_core(self, image: Path, blocks: int | None = None) -> Program:
        result = self._folder / "core.tif"
        blockwise = (blocks - _SIZE["min"]) // _SIZE["step"] if blocks else False
        command: list[str | Path] = [self._core, "predict", self._plain, f'--inputs=["{image}"]', f"--outputs={result}",
                                     "--overwrite", "--weight-format=onnx", f"--blockwise={blockwise}"]  # fmt: skip
        # it adds a halo of mirrored pixels to the image, where the network and all others see the border
        return Program("bioimageio.core" + (f", blocks of {blocks}" if blocks else ""), command, result, border=2 * _HALO)

    def _tiles(self, image: Path) -> str:
        """Give the tiles that ijbridge takes, as `bench_floor` is told them."""
        with LoadedModel(read_model(self._plain)) as model:
            plan = model.plan({"raw": _header(image)}, Options.read(device="cpu"))
        described = []
        for one in plan.ladder[0].values():
            edges = [one.kept(number, plan.outputs[0].axes[-1].link)[0] for number in range(len(one.starts))] + [one.size]
            described.append(
                [[start, start + one.tile, *kept] for start, kept in zip(one.starts, pairwise(edges), strict=True)]
            )
        return json.dumps(described)

    def _compare(self, what: str, programs: Sequence[Program], rounds: int) -> list[Row]:
        taken: list[list[Taken]] = [[] for _ in programs]
        for turn in range(rounds + 1):
            for program, found in zip(programs, taken, strict=True):
                one = measure(program.command, self._folder)
                if turn:
                    found.append(one)
            print(f"  {what}: {turn} of {rounds}", end="\r" if turn < rounds else "\n", file=sys.stderr, flush=True)
        _check_agreed(what, programs)
        middle = [
            Taken(median(one.cpu for one in found), median(one.wall for one in found), int(median(one.peak for one in found)))
            for found in taken
        ]
        return [Row(what, program.name, one, middle[0]) for program, one in zip(programs, middle, strict=True)]


def measure(command: Sequence[str | Path], folder: Path) -> Taken:
    """Run a command and give what it and its children took."""
    said = folder / "said.txt"
    done = subprocess.run(
        [sys.executable, "-S", ROOT / "scripts" / "measured.py", said, *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        fail(f"{Path(command[0]).name} ended with status {done.returncode}: {said.read_text()[-2000:]}{done.stderr}")
    return Taken(**json.loads(done.stdout))


def _unet(width: int = 8, depth: int = 2) -> Network:
    """Give a U-Net with two convolutions per level, as those that are published have, but of little width."""
    net = Network(0)
    x, skips = net.input("raw"), []
    for level in range(depth):
        x = net.conv(net.conv(x, width * 2**level), width * 2**level)
        skips.append(x)
        x = net.pool(x)
    x = net.conv(net.conv(x, width * 2**depth), width * 2**depth)
    for level in reversed(range(depth)):
        x = net.conv(net.conv(net.concat(net.upsample(x), skips[level]), width * 2**level), width * 2**level)
    net.output(net.conv(x, 1, kernel=1, relu=False), "out")
    return net


def _header(image: Path) -> Any:
    from ijbridge.image_io import read_image

    found: Image = read_image(image)
    return found.header


def _check_agreed(what: str, programs: Sequence[Program]) -> None:
    results = {one: np.squeeze(tifffile.imread(one.result)) for one in programs if one.result is not None}
    for (first, right), (other, result) in pairwise([*results.items()]):
        if result.shape != right.shape:
            fail(f"{what}: {other.name} gives {result.shape}, {first.name} {right.shape}.")
        border = max(first.border, other.border)
        inside = (slice(border, -border or None),) * 2
        difference = float(np.abs(result[inside] - right[inside]).max() / np.ptp(right))
        if not difference <= _AGREED:
            fail(f"{what}: {other.name} differs from {first.name} by {difference:.1e} of the range, more than {_AGREED:g}.")


def _table(rows: Sequence[Row]) -> str:
    lines = [
        f"{_processor()}, {os.cpu_count()} processors, Python {platform.python_version()}. Medians of whole processes, run "
        "in turns; times of the others are multiples of those of the first of each part.",
        "",
        "| | program | CPU | wall | at most resident |",
        "|---|---|--:|--:|--:|",
    ]
    before = ""
    for row in rows:
        first = row.comparison != before
        before = row.comparison
        cpu, wall = (
            (f"{row.taken.cpu:.2f} s", f"{row.taken.wall:.2f} s")
            if first
            else (f"{row.taken.cpu / row.of.cpu:.2f} ×", f"{row.taken.wall / row.of.wall:.2f} ×")
        )
        lines.append(f"| {row.comparison if first else ''} | {row.program} | {cpu} | {wall} | {row.taken.peak / 1e6:.0f} MB |")
    return "\n".join(lines) + "\n"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def _put(page: Path, table: str) -> None:
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after and not rest:
        fail(f"{page.name} has no place for the figures ({BEGIN}).")
    page.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
