"""What scripts/bench reports is what a program took, and programs that should agree have to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from benchmarks import FLOOR, Program, Row, Taken, _check_agreed, _table, measure
from builders import one_conv
from networks import raw_result
from setup_environment import ROOT


def program(folder: Path, name: str, values: np.ndarray, border: int = 0) -> Program:
    tifffile.imwrite(folder / f"{name}.tif", values.astype(np.float32))
    return Program(name, [], folder / f"{name}.tif", border)


def test_what_a_program_took_is_its_own(tmp_path: Path) -> None:
    held = b"x" * (300 * 10**6)  # what the one who measures holds does not count
    idle = measure([sys.executable, "-c", "pass"], tmp_path)
    busy = measure([sys.executable, "-c", "x = b'x' * (200 * 10**6); sum(range(10**7))"], tmp_path)
    assert idle.peak < 100e6 < busy.peak < len(held) + 100e6
    assert idle.cpu < busy.cpu


def test_a_program_that_fails_ends_the_benchmark_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"ended with status 3: no such thing"):
        measure([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"], tmp_path)


def test_programs_that_differ_by_more_than_rounding_end_the_benchmark(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((20, 30))
    same, near = program(tmp_path, "same", values), program(tmp_path, "near", values + 1e-6)
    _check_agreed("part", [same, near, Program("without a result", [])])
    far = values.copy()
    far[3, 4] += 0.01
    with pytest.raises(SystemExit, match=r"part: far differs from same by .* of the range"):
        _check_agreed("part", [same, program(tmp_path, "far", far)])
    _check_agreed("part", [same, program(tmp_path, "far", far, border=5)])  # there they need not agree
    with pytest.raises(SystemExit, match=r"other gives \(10, 30\), same \(20, 30\)"):
        _check_agreed("part", [same, program(tmp_path, "other", values[:10])])


def test_the_floor_runs_the_tiles_that_it_is_told(tmp_path: Path) -> None:
    network = one_conv().save(tmp_path / "net.onnx")
    image = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    tifffile.imwrite(tmp_path / "image.tif", image)
    rows, columns = [[0, 24, 0, 20], [16, 40, 20, 40]], [[0, 30, 0, 25], [20, 50, 25, 50]]
    for tiles in ([], [json.dumps([rows, columns])]):
        subprocess.run([sys.executable, FLOOR, network, tmp_path / "image.tif", tmp_path / "result.tif", *tiles], check=True)
        (expected,) = raw_result(network, raw=image[None, None])
        np.testing.assert_allclose(tifffile.imread(tmp_path / "result.tif"), expected[0, 0], atol=1e-6)


def test_the_table_has_seconds_of_the_first_and_multiples_of_them() -> None:
    first, other = Taken(2.0, 1.0, 10**8), Taken(5.0, 3.0, 2 * 10**8)
    lines = _table([Row("part", "ours", first, first), Row("part", "theirs", other, first)]).splitlines()
    assert lines[-2:] == ["| part | ours | 2.00 s | 1.00 s | 100 MB |", "|  | theirs | 2.50 × | 3.00 × | 200 MB |"]


def test_both_pages_have_the_place_for_the_table() -> None:
    for page in ("README.md", "docs/performance.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert text.index("<!-- figures: scripts/bench -->") < text.index("<!-- end of figures -->")
