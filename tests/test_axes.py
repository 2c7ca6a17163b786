"""Axis labels: one letter each, whatever other tools call them."""

from __future__ import annotations

import pytest

from ijbridge.axes import IMAGEJ_ORDER, LETTERS, letter, parse_axes
from ijbridge.errors import AxesError


@pytest.mark.parametrize("one", LETTERS)
def test_a_letter_means_itself_in_upper_and_lower_case(one: str) -> None:
    assert letter(one) == one
    assert letter(f" {one.upper()} ") == one


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("batch", "b"), ("N", "b"), ("index", "i"),
        ("time", "t"), ("frame", "t"), ("Frames", "t"),
        ("channel", "c"), ("ch", "c"), ("channels", "c"), ("S", "c"), ("sample", "c"),
        ("pln", "z"), ("plane", "z"), ("slice", "z"), ("slices", "z"), ("depth", "z"),
        ("row", "y"), ("height", "y"), ("col", "x"), ("column", "x"), ("width", "x"),
    ],
)  # fmt: skip
def test_names_of_other_tools_are_understood(name: str, expected: str) -> None:
    assert letter(name) == expected


@pytest.mark.parametrize("name", ["q", "", "xx", "row2", "µ", "yx"])
def test_an_unknown_name_is_no_axis(name: str) -> None:
    assert letter(name) is None


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ("yx", "yx"),
        ("TZCYX", "tzcyx"),
        (" yx ", "yx"),
        ("t, row, col", "tyx"),
        ("y,x", "yx"),
        (("t", "pln", "row", "col", "ch"), "tzyxc"),
        (["Y", "X"], "yx"),
        ("xy", "xy"),
    ],
)
def test_axes_are_read_in_the_order_they_are_written(axes: str | tuple[str, ...], expected: str) -> None:
    assert parse_axes(axes) == expected


def test_the_order_of_an_imagej_hyperstack_is_its_xyczt_reversed() -> None:
    assert IMAGEJ_ORDER[::-1].upper() == "XYCZT"


@pytest.mark.parametrize(
    ("axes", "ndim", "words"),
    [
        ("yqx", 3, ["'yqx'", "'q'", "bitczyx", "slowest axis first"]),
        (("row", "size"), 2, ["'row,size'", "'size'"]),
        ("yxx", 3, ["'yxx'", "'x' more than once"]),
        ("row,y", 2, ["'y' more than once"]),
        ("zyx", 2, ["'zyx' are 3", "2 dimensions"]),
        ("yx", 3, ["'yx' are 2", "3 dimensions"]),
        ("zy", 2, ["lack x"]),
        ("zt", 2, ["lack y and x"]),
        ("", 2, ["0", "2 dimensions"]),
        ("", None, ["lack y and x"]),
    ],
)
def test_axes_that_cannot_be_meant_are_refused(axes: str | tuple[str, ...], ndim: int | None, words: list[str]) -> None:
    with pytest.raises(AxesError) as caught:
        parse_axes(axes, ndim)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
