"""Views show one sample in a network's axis order and copy nothing; blocks cover every element once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ijbridge import views


def test_a_sample_has_the_axes_in_the_networks_order() -> None:
    image = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)  # tcyx
    sample = views.sample_view(image, "tcyx", {"t": 1}, [None, "x", "y", "c"])
    assert sample.shape == (1, 5, 4, 3)
    assert sample[0, 4, 2, 1] == image[1, 1, 2, 4]


def test_a_view_writes_into_the_array_it_shows() -> None:
    image = np.zeros((2, 4, 5))
    views.sample_view(image, "tyx", {"t": 1}, [None, None, "y", "x"])[...] = 1
    assert image[0].sum() == 0
    assert image[1].sum() == 20


def test_positions_along_axes_the_array_lacks_are_passed_over() -> None:
    image = np.arange(6).reshape(2, 3)
    assert views.sample_view(image, "yx", {"t": 7}, ["y", "x"]).tolist() == image.tolist()


def test_positions_go_through_the_last_axis_fastest() -> None:
    assert list(views.positions({"t": 2, "z": 2})) == [
        {"t": 0, "z": 0},
        {"t": 0, "z": 1},
        {"t": 1, "z": 0},
        {"t": 1, "z": 1},
    ]


def test_no_loops_are_one_position() -> None:
    assert list(views.positions({})) == [{}]


def test_a_small_array_is_one_block() -> None:
    assert list(views.blocks((3, 4))) == [(slice(0, 3), slice(0, 4))]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 12), max_size=4), st.integers(1, 60), st.data())
def test_blocks_cover_every_element_once_and_leave_uncut_axes_whole(shape: list[int], most: int, data: st.DataObject) -> None:
    uncut = data.draw(st.lists(st.integers(0, len(shape) - 1), max_size=2)) if shape else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "BLOCK", most)
        found = list(views.blocks(shape, uncut))
    times = np.zeros(shape, int)
    for where in found:
        times[where] += 1
        assert all(where[axis] == slice(0, shape[axis]) for axis in uncut)
    assert (times == 1).all()
    if not uncut:
        assert max(times[where].size for where in found) <= most
