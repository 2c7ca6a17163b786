"""Tiled equals whole for generated networks, sizes and tiles; `scripts/worst_cases.py` runs as many more as one likes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import worst_cases
from generated_cases import TOLERANCE, Outcome, difference, draw_case, outcome, outcomes, written
from generated_layers import Drawn
from generated_networks import KINDS, LINKS, link

SEED, CASES = 0, 216


@cache
def ran(kind: str) -> list[Outcome]:
    """Run the cases of one kind."""
    return list(outcomes(range(list(KINDS).index(kind), CASES, len(KINDS)), SEED))


@pytest.mark.parametrize("kind", KINDS)
def test_the_tiles_of_a_generated_case_give_what_the_whole_gives(kind: str) -> None:
    wrong = [f"{one.case}: {one.difference:.1e} of the range, halo {one.halo}" for one in ran(kind) if not one.holds]
    assert not wrong, "\n".join([*wrong, f"each again alone: scripts/worst_cases.py --seed {SEED} --case N"])


def test_the_cases_are_many_and_of_many_sizes_and_most_are_cut() -> None:
    found = [one for kind in KINDS for one in ran(kind)]
    sizes = [size for one in found for size in one.case.shape]
    assert len(found) == CASES >= 200
    assert sum(one.tiles > 1 for one in found) >= 170
    assert sum(len(one.case.axes) == 3 for one in found) >= 40
    assert sum(size > 700 for size in sizes) >= 5
    assert min(sizes) == 1
    assert sum(one.case.tile == "auto" and one.tiles > 1 for one in found) >= 10


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(LINKS), min_size=1, max_size=6), st.integers(0, 999), st.sampled_from([2, 2, 3]))
def test_any_layers_behind_each_other_give_in_tiles_what_they_give_whole(links: list[str], seed: int, ndim: int) -> None:
    net = Drawn(np.random.default_rng(seed), ndim)
    x = net.start()
    for kind in links:
        x = link(net, x, kind)
    with tempfile.TemporaryDirectory() as folder:
        found = outcome(written(net, [net.wide(x, 1)], Path(folder), "+".join(links), seed=seed))
    assert found.holds, f"{found.case}: {found.difference:.1e} of the range, halo {found.halo}"


def test_a_case_is_the_same_whenever_it_is_drawn(tmp_path: Path) -> None:
    first, second = (draw_case(7, 5, tmp_path / name) for name in ("first", "second"))
    assert str(first) == str(second)
    for name in ("weights.onnx", "bioimageio.yaml"):
        assert (first.model / name).read_bytes() == (second.model / name).read_bytes()
    np.testing.assert_array_equal(first.images["raw"], second.images["raw"])
    assert str(draw_case(7, 6, tmp_path / "third")) != str(first)


def test_a_difference_is_told_as_a_part_of_the_range_and_what_is_no_number_is_the_largest() -> None:
    expected = np.array([0.0, 4.0], np.float32)
    assert difference(expected + np.float32(0.5), expected) == pytest.approx(0.125)
    assert difference(np.array([0.0, np.nan], np.float32), expected) > TOLERANCE


def test_the_script_prints_the_worst_first_and_fails_where_one_is_above(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = SimpleNamespace(number=3, network="a network", shape=(30, 40), tile_text="16", axes="yx")
    found = [Outcome(case, (1, 1), tiles, value) for tiles, value in [(1, 0.0), (9, 2e-5), (4, 1e-6)]]  # type: ignore[arg-type]
    monkeypatch.setattr(worst_cases, "outcomes", lambda numbers, seed: iter(found[: len(numbers)]))

    def status(cases: int) -> int:
        monkeypatch.setattr(sys, "argv", ["worst_cases.py", "--cases", str(cases)])
        with pytest.raises(SystemExit) as stopped:
            worst_cases.main()
        return int(str(stopped.value.code))

    assert status(1) == 0
    capsys.readouterr()
    assert status(3) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines[1:4]] == ["ABOVE", "1.0e-06", "0.0e+00"]
    assert "3 cases (3 in 2D, 0 in 3D; tiles: 1 of 1, 1 of 2 to 4, 1 of 5 to 16)" in lines[-1]
    assert "1 above 1e-05" in lines[-1]


def test_the_script_runs_one_case_alone_and_for_no_longer_than_it_may() -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, worst_cases.__file__, *arguments], capture_output=True, text=True, check=False
        )  # fmt: skip

    alone = call("--seed", "3", "--case", "1")
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.splitlines()[1].startswith("1 ")
    assert "1 cases" in alone.stdout
    assert call("--seconds", "0").returncode == 2
