"""Tiles are what the user asks for, or as large as memory allows; the ladder below them gets smaller."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ijbridge import tile_choice
from ijbridge.description import FixedSize, SteppedSize
from ijbridge.errors import PlanError
from ijbridge.tile_choice import BYTES_PER_PIXEL
from ijbridge.tiling import AxisRules, Line, Link

GIGABYTE = 10**9


def rules(halo: int = 16, step: int = 8, tileable: bool = True) -> AxisRules:
    return AxisRules(SteppedSize(8, step), (Link(halo=halo),), tileable=tileable)


def ladder(
    sizes: Mapping[str, int],
    one: AxisRules | Mapping[str, AxisRules],
    tile: Any = "auto",
    memory: int = GIGABYTE,
    per_pixel: int = BYTES_PER_PIXEL,
) -> tuple[dict[str, Line], ...]:
    """The ladder for an input named raw; other inputs' axes are named in full."""
    sizes = {full(name): size for name, size in sizes.items()}
    each = {full(name): rule for name, rule in one.items()} if isinstance(one, Mapping) else dict.fromkeys(sizes, one)
    found = tile_choice.ladder(sizes, each, {name: name.rpartition(".")[2] for name in sizes}, tile, memory, per_pixel)
    return tuple({name.removeprefix("raw."): line for name, line in lines.items()} for lines in found)


def full(name: str) -> str:
    return name if "." in name else f"raw.{name}"


def pixels(lines: Mapping[str, Line]) -> int:
    return prod(line.tile for line in lines.values())


def test_a_small_image_is_run_in_one_piece() -> None:
    first = ladder({"y": 500, "x": 300}, rules())[0]
    assert all(line.is_whole for line in first.values())


def test_a_large_image_is_cut_into_tiles_of_no_more_than_the_budget() -> None:
    first = ladder({"y": 5000, "x": 3000}, rules(), memory=100 * GIGABYTE)[0]
    assert not any(line.is_whole for line in first.values())
    assert pixels(first) <= 2**20


def test_less_memory_gives_smaller_tiles() -> None:
    sizes = {"y": 5000, "x": 3000}
    found = [pixels(ladder(sizes, rules(), memory=memory)[0]) for memory in (GIGABYTE, GIGABYTE // 8, GIGABYTE // 64)]
    assert found[0] > found[1] > found[2]


@pytest.mark.parametrize("step", [1, 8, 64, 100])
def test_a_tile_takes_no_more_than_the_memory(step: int) -> None:
    for memory in (GIGABYTE // 4, GIGABYTE // 2, GIGABYTE):
        first = ladder({"y": 5000, "x": 3000}, rules(step=step), memory=memory)[0]
        assert pixels(first) <= memory // BYTES_PER_PIXEL


def test_no_memory_at_all_gives_the_smallest_tile() -> None:
    (only,) = ladder({"y": 5000, "x": 3000}, rules(halo=16), memory=0)
    assert {name: line.tile for name, line in only.items()} == {"y": 40, "x": 40}


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 900), min_size=1, max_size=3),
    st.integers(0, 24),
    st.sampled_from([1, 4, 16]),
    st.sampled_from([0, 10**7, GIGABYTE]),
)
def test_each_step_of_the_ladder_takes_less_memory_than_the_one_before(
    sizes: list[int], halo: int, step: int, memory: int
) -> None:
    found = ladder({f"axis{number}": size for number, size in enumerate(sizes)}, rules(halo, step), memory=memory)
    taken = [pixels(lines) for lines in found]
    assert taken == sorted(set(taken), reverse=True)


def test_an_axis_that_cannot_be_cut_stays_whole_on_every_step() -> None:
    found = ladder({"z": 50, "y": 2000}, {"z": rules(tileable=False), "y": rules()}, memory=GIGABYTE // 8)
    assert len(found) > 1
    assert all(lines["z"].is_whole for lines in found)


def test_short_axes_stay_whole_while_long_ones_are_cut() -> None:
    first = ladder({"z": 10, "y": 4000, "x": 4000}, rules(halo=4))[0]
    assert first["z"].is_whole
    assert not first["y"].is_whole


def test_another_input_of_its_own_size_does_not_make_tiles_smaller() -> None:
    alone = ladder({"y": 3000, "x": 3000}, rules())[0]
    sizes = {"y": 3000, "x": 3000, "other.y": 700, "other.x": 700}
    whole = rules(tileable=False)
    both = ladder(sizes, {"y": rules(), "x": rules(), "other.y": whole, "other.x": whole})[0]
    assert {name: both[name] for name in alone} == alone
    assert both["other.y"].is_whole
    assert tile_choice.pixels({"raw.y": 30, "raw.x": 40, "other.y": 7, "other.x": 5}) == 30 * 40 + 7 * 5


def test_tiles_share_the_pixels_evenly() -> None:
    first = ladder({"y": 1300, "x": 900}, rules(halo=16), memory=2 * 2**20 * BYTES_PER_PIXEL // 2)[0]
    line = first["y"]
    assert len(line.starts) * line.tile < line.size + 2 * 16 * (len(line.starts) - 1) + len(line.starts) * 8


def test_one_number_is_the_tile_along_every_axis() -> None:
    (only,) = ladder({"y": 500, "x": 300}, rules(), 96)
    assert {name: line.tile for name, line in only.items()} == {"y": 96, "x": 96}


def test_a_number_per_axis_leaves_the_others_whole() -> None:
    (only,) = ladder({"z": 60, "y": 500, "x": 300}, rules(), {"y": 96, "z": 48})
    assert {name: line.tile for name, line in only.items()} == {"z": 48, "y": 96, "x": 304}


def test_whole_is_one_piece_however_large() -> None:
    (only,) = ladder({"y": 5000, "x": 3000}, rules(), "whole", memory=1)
    assert all(line.is_whole for line in only.values())


def test_whole_is_refused_where_the_network_takes_one_size() -> None:
    fixed = AxisRules(FixedSize(64), (Link(halo=8),))
    assert ladder({"y": 64}, fixed, "whole")[0]["y"].is_whole
    with pytest.raises(PlanError, match=r"The image has 65 pixels along y and the model takes exactly 64.*use tile=auto"):
        ladder({"y": 65}, fixed, "whole")


def test_an_impossible_tile_is_refused_with_its_axis() -> None:
    fixed = AxisRules(FixedSize(64), (Link(halo=32),))
    with pytest.raises(PlanError, match=r"The model cannot be run on 65 pixels along y: its halo leaves nothing"):
        ladder({"y": 65}, fixed)


def test_tiles_hold_no_more_than_is_enough_where_larger_ones_would_compute_hardly_less() -> None:
    sizes = {"y": 4096, "x": 4096}
    lean = ladder(sizes, rules(halo=22), memory=20 * GIGABYTE, per_pixel=480)[0]
    assert pixels(lean) * 480 < 320e6
    dear = ladder(sizes, rules(halo=100), memory=20 * GIGABYTE, per_pixel=2000)[0]
    assert 320e6 < pixels(dear) * 2000 <= 2000 * 2**20


def test_a_somewhat_smaller_tile_is_taken_where_it_fits_the_image_better() -> None:
    stepped = AxisRules(SteppedSize(128, 64), (Link(halo=22),))
    first = ladder({"y": 4096, "x": 4096}, stepped, memory=20 * GIGABYTE, per_pixel=480)[0]
    assert {name: (len(line.starts), line.tile) for name, line in first.items()} == {"y": (7, 640), "x": (7, 640)}


def test_an_image_that_is_computed_once_in_one_piece_is_not_cut_to_hold_less() -> None:
    first = ladder({"y": 1024, "x": 1024}, rules(halo=22, step=64), memory=20 * GIGABYTE, per_pixel=480)[0]
    assert all(line.is_whole for line in first.values())


def test_a_halo_that_costs_much_makes_tiles_larger_than_enough() -> None:
    """In 3D a tile of a million pixels is a cube of 100, most of which a halo of 40 would throw away."""
    sizes = {"z": 128, "y": 600, "x": 600}
    first = ladder(sizes, rules(halo=40), memory=40 * 2**20 * BYTES_PER_PIXEL)[0]
    work = prod(len(line.starts) * line.tile / line.size for line in first.values())
    assert work <= 1.6
    assert pixels(first) > 2**20
    poor = ladder(sizes, rules(halo=40), memory=2 * 2**20 * BYTES_PER_PIXEL)[0]
    assert pixels(poor) <= 2 * 2**20
