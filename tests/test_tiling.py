"""Tiles fit together: every output pixel is written once, from where the network saw real neighbours, on its grid."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ijbridge import tiling
from ijbridge.description import FixedSize, PaddingMode, SteppedSize
from ijbridge.errors import PlanError
from ijbridge.tiling import AxisRules, Line, Link

MANY = settings(derandomize=True, max_examples=400, deadline=None)

RATIOS = [Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4), Fraction(3, 2)]


@st.composite
def links(draw: st.DrawFn) -> Link:
    return Link(draw(st.sampled_from(RATIOS)), Fraction(draw(st.integers(-24, 4)), 2), draw(st.integers(0, 9)))


@st.composite
def stepped_rules(draw: st.DrawFn) -> AxisRules:
    accepts = SteppedSize(draw(st.sampled_from([1, 7, 16, 30])), draw(st.sampled_from([1, 2, 3, 4, 8, 16])))
    outputs = tuple(draw(st.lists(links(), min_size=1, max_size=3)))
    stride = draw(st.sampled_from([None, 1, None, 2, None, 6]))
    return AxisRules(accepts, outputs, stride=stride, both_sides=draw(st.booleans()))


#: Sizes of images and the tiles that are wished for; mostly there are several tiles.
SIZES = st.one_of(st.integers(150, 400), st.integers(1, 400))
WISHES = st.sampled_from([1, 40, 64, 75, 90, 200, None])


def check_cover(line: Line, link: Link) -> None:
    """Every pixel of an output is written once, and from where the tile's halo does not reach."""
    written = np.zeros(link.size(line.size), int)
    for number, start in enumerate(line.starts):
        begin, end = line.kept(number, link)
        written[begin:end] += 1
        if end > begin:
            first, last = number == 0, number == len(line.starts) - 1
            assert begin >= link.start(start) + (0 if first else link.halo)
            assert end <= link.start(start) + link.size(line.tile) - (0 if last else link.halo)
    assert (written == 1).all()


@MANY
@given(stepped_rules(), SIZES, WISHES)
def test_every_output_pixel_is_written_once_outside_of_the_halo(rules: AxisRules, size: int, wanted: int | None) -> None:
    assume(all(link.size(size) >= 1 for link in rules.outputs))
    line = tiling.lay(size, rules, wanted)
    for link in rules.outputs:
        check_cover(line, link)


@MANY
@given(stepped_rules(), SIZES, WISHES)
def test_a_tile_starts_on_the_networks_grid_and_has_a_size_it_accepts(rules: AxisRules, size: int, wanted: int | None) -> None:
    accepts = rules.accepts
    assert isinstance(accepts, SteppedSize)
    line = tiling.lay(size, rules, wanted)
    grid = lcm(rules.stride or accepts.step, *(link.ratio.denominator for link in rules.outputs))
    before = -line.starts[0]
    assert all((start + before) % grid == 0 for start in line.starts)
    assert all((link.ratio * start).denominator == 1 for link in rules.outputs for start in line.starts)
    for one in (line.tile, line.padded):
        assert one >= accepts.min
        assert (one - accepts.min) % accepts.step == 0
    assert line.padded - accepts.step < max(size, accepts.min) <= line.padded
    unit = lcm(*(link.ratio.denominator for link in rules.outputs))
    assert before == ((line.padded - size) // 2 // unit * unit if rules.both_sides else 0)
    assert line.starts[-1] + line.tile + before == line.padded
    assert list(line.starts) == sorted(set(line.starts))


@MANY
@given(
    st.integers(8, 128),
    st.lists(links(), min_size=1, max_size=2),
    st.integers(1, 500),
    st.sampled_from([None, 1, 4, 12]),
)
def test_tiles_of_a_fixed_size_cover_an_image_of_any_size(
    tile: int, outputs: list[Link], size: int, stride: int | None
) -> None:
    rules = AxisRules(FixedSize(tile), tuple(outputs), stride=stride)
    assume(all(link.size(size) >= 1 for link in outputs))
    assume(size <= tile or rules.advance(tile) > 0)
    line = tiling.lay(size, rules, None)
    assert line.tile == tile
    assert line.starts[-1] + tile == line.padded >= size
    for link in outputs:
        check_cover(line, link)
        assert all((link.ratio * start).denominator == 1 for start in line.starts)
    assert all(start % (stride or 1) == 0 for start in line.starts)


def test_the_drawing_of_the_docstring() -> None:
    rules = AxisRules(SteppedSize(8, 8), (Link(halo=4),))
    line = tiling.lay(60, rules, 24)
    assert line == Line(size=60, padded=64, tile=24, starts=(0, 16, 32, 40))
    assert [line.kept(number, rules.outputs[0]) for number in range(4)] == [(0, 20), (20, 36), (36, 44), (44, 60)]


def test_half_of_the_padding_lies_before_the_sample_where_both_sides_are_padded() -> None:
    rules = AxisRules(SteppedSize(8, 8), (Link(halo=4),), both_sides=True)
    line = tiling.lay(59, rules, 24)
    assert line == Line(size=59, padded=64, tile=24, starts=(-2, 14, 30, 38))
    assert [line.kept(number, rules.outputs[0]) for number in range(4)] == [(0, 18), (18, 34), (34, 42), (42, 59)]
    assert tiling.lay(60, rules, None) == Line(60, 64, 64, (-2,))


def test_an_output_of_half_the_size_starts_at_half_and_counts_its_own_halo() -> None:
    link = Link(Fraction(1, 2), halo=4)
    line = tiling.lay(100, AxisRules(SteppedSize(16, 4), (link,)), 40)
    assert link.halo_on_line == 8
    assert line.starts[1] == 24
    assert line.kept(0, link) == (0, 12 + 4)


def test_a_valid_convolution_needs_no_halo() -> None:
    link = Link(offset=Fraction(-8))
    line = tiling.lay(100, AxisRules(SteppedSize(1, 1), (link,)), 40)
    assert line.starts[1] == 32
    assert line.kept(0, link) == (0, 32)
    assert line.kept(len(line.starts) - 1, link)[1] == 92


def test_the_whole_axis_is_one_tile_of_the_next_accepted_size() -> None:
    rules = AxisRules(SteppedSize(64, 16), (Link(halo=20),))
    assert tiling.lay(100, rules, None) == Line(100, 112, 112, (0,))
    assert tiling.lay(5, rules, None) == Line(5, 64, 64, (0,))
    assert tiling.lay(100, rules, 5000) == Line(100, 112, 112, (0,))


def test_a_tile_that_is_too_small_for_the_halo_grows() -> None:
    rules = AxisRules(SteppedSize(16, 16), (Link(halo=20),))
    assert rules.smallest_tile == 64
    assert tiling.lay(1000, rules, 16).tile == 64


def test_the_accepted_sizes_around_a_number() -> None:
    rules = AxisRules(SteppedSize(64, 16), ())
    assert [rules.valid(size) for size in (1, 64, 65, 80)] == [64, 64, 80, 80]
    assert [rules.fitting(size) for size in (1, 64, 79, 80)] == [64, 64, 64, 80]
    assert AxisRules(FixedSize(64), ()).valid(65) == AxisRules(FixedSize(64), ()).fitting(65) == 64


def test_a_network_of_any_size_accepts_any() -> None:
    rules = AxisRules(SteppedSize(1, 1), (Link(),))
    assert tiling.lay(37, rules, 10) == Line(37, 37, 10, (0, 10, 20, 27))


def test_a_halo_that_leaves_nothing_of_a_fixed_tile_is_refused() -> None:
    rules = AxisRules(FixedSize(64), (Link(halo=32),))
    assert tiling.lay(64, rules, None).is_whole
    with pytest.raises(PlanError, match="its halo leaves nothing of a tile of 64 pixels"):
        tiling.lay(65, rules, None)


def test_an_axis_that_an_output_lost_is_not_cut() -> None:
    rules = AxisRules(FixedSize(16), (), tileable=False)
    assert tiling.lay(10, rules, None).is_whole
    with pytest.raises(PlanError, match=r"at most 16 .* at once"):
        tiling.lay(17, rules, None)


def test_tiles_of_fixed_size_lie_on_multiples_of_a_power_of_two() -> None:
    line = tiling.lay(700, AxisRules(FixedSize(512), (Link(halo=32),)), None)
    assert line == Line(700, 704, 512, (0, 192))


@pytest.mark.parametrize("mode", get_args(PaddingMode))
@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(1, 12), st.integers(-30, 30), st.integers(1, 40))
def test_what_lies_beyond_the_image_is_numpys_padding(mode: PaddingMode, size: int, start: int, length: int) -> None:
    pixels = np.arange(size)
    # a constant is put there by whoever reads; the positions are those of the edge
    padded = np.pad(pixels, (30, max(0, start + length)), mode="edge" if mode == "constant" else mode)
    found = pixels[tiling.continued(start, length, size, mode)]
    np.testing.assert_array_equal(found, padded[30 + start : 30 + start + length])


def test_what_lies_inside_the_image_is_read_as_it_is() -> None:
    assert tiling.continued(3, 4, 7) == slice(3, 7)


def test_tiles_are_gone_through_with_the_last_line_fastest() -> None:
    lines = {"y": Line(20, 20, 10, (0, 10)), "x": Line(30, 30, 10, (0, 10, 20))}
    assert tiling.tile_count(lines) == 6
    numbers = [(tile.numbers["y"], tile.numbers["x"]) for tile in tiling.tiles(lines)]
    assert numbers == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_no_lines_are_one_tile() -> None:
    assert tiling.tile_count({}) == 1
    assert [dict(tile.numbers) for tile in tiling.tiles({})] == [{}]
