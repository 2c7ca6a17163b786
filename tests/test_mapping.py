"""Each row of the table that says which axis of the image is which axis of the model."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ijbridge.description import Axis, AxisKind, FixedSize, FreeSize, Size, SteppedSize, Tensor
from ijbridge.errors import AxesError, CannotRunError
from ijbridge.image import Header
from ijbridge.mapping import map_input, result_axes

KINDS: dict[str, AxisKind] = {"b": "batch", "c": "channel", "t": "time", "i": "index"}


def tensor(axes: str, channels: int = 1, smallest: int = 16, sizes: Mapping[str, Size] | None = None) -> Tensor:
    """An input with these axes; t, z, y, x of any size from ``smallest`` unless given."""
    described = []
    for letter in axes:
        size: Size = (sizes or {}).get(letter, SteppedSize(smallest, 1))
        names: tuple[str, ...] = ()
        if letter == "b":
            size = FreeSize()
        if letter == "c":
            size, names = FixedSize(channels), tuple(f"stain {number}" for number in range(channels))
        described.append(Axis(letter, KINDS.get(letter, "space"), size, letter if letter != "i" else None, channel_names=names))
    return Tensor("raw", tuple(described), "float32")


def header(axes: str, *shape: int) -> Header:
    return Header(shape, "uint8", axes, name="cells")


def test_an_axis_that_both_have_is_mapped_wherever_it_stands() -> None:
    found = map_input(tensor("bczyx", channels=2), header("yxzc", 20, 30, 40, 2))
    assert found.letters == (None, "c", "z", "y", "x")
    assert found.loops == {}


@pytest.mark.parametrize("letter", ["t", "z", "c", "b"])
def test_an_axis_the_model_does_not_know_is_looped(letter: str) -> None:
    found = map_input(tensor("byx"), header(f"{letter}yx", 7, 20, 30))
    assert found.letters == (None, "y", "x")
    assert found.loops == {letter: 7}


def test_several_unknown_axes_are_looped_in_the_images_order() -> None:
    found = map_input(tensor("bcyx"), header("ztcyx", 2, 3, 1, 20, 30))
    assert list(found.loops.items()) == [("z", 2), ("t", 3)]


def test_a_batch_is_looped_one_sample_at_a_time() -> None:
    found = map_input(tensor("bcyx"), header("bcyx", 5, 1, 20, 30))
    assert found.letters == (None, "c", "y", "x")
    assert found.loops == {"b": 5}


@pytest.mark.parametrize(("have", "want"), [(2, 1), (1, 2), (4, 3)])
def test_another_number_of_channels_is_refused(have: int, want: int) -> None:
    with pytest.raises(AxesError, match=rf"cells has {have} channels?, but the model's input 'raw' takes {want} channel"):
        map_input(tensor("bcyx", channels=want), header("cyx", have, 20, 30))


def test_the_names_of_the_channels_that_are_wanted_are_said() -> None:
    with pytest.raises(AxesError, match=r"takes 2 channels \(stain 0, stain 1\)"):
        map_input(tensor("bcyx", channels=2), header("cyx", 3, 20, 30))


def test_a_channel_of_one_is_added_where_the_image_has_none() -> None:
    assert map_input(tensor("bcyx"), header("yx", 20, 30)).letters == (None, None, "y", "x")


def test_several_channels_are_not_made_of_none() -> None:
    with pytest.raises(AxesError, match=r"cells has no channel axis, so one channel, but .* takes 3 channels"):
        map_input(tensor("bcyx", channels=3), header("yx", 20, 30))


@pytest.mark.parametrize("letter", ["t", "z"])
@pytest.mark.parametrize("size", [FixedSize(1), SteppedSize(1, 4)])
def test_an_axis_of_one_is_added_where_the_model_accepts_it(letter: str, size: Size) -> None:
    assert map_input(tensor(f"bc{letter}yx", sizes={letter: size}), header("yx", 20, 30)).letters == (
        None,
        None,
        None,
        "y",
        "x",
    )


@pytest.mark.parametrize("letter", ["t", "z"])
@pytest.mark.parametrize(("size", "said"), [(FixedSize(4), ", 4 of it"), (SteppedSize(2, 1), ", at least 2 of it")])
def test_an_axis_the_model_needs_more_of_is_refused(letter: str, size: Size, said: str) -> None:
    name = {"t": "time", "z": "depth"}[letter]
    with pytest.raises(AxesError, match=rf"needs {name} \({letter}\) too{said}"):
        map_input(tensor(f"bc{letter}yx", sizes={letter: size}), header("yx", 20, 30))


def test_an_image_smaller_than_the_model_wants_is_mapped_all_the_same() -> None:
    assert map_input(tensor("bcyx", smallest=64), header("yx", 1, 1)).letters == (None, None, "y", "x")


def test_rows_and_columns_are_never_looped() -> None:
    with pytest.raises(AxesError, match=r"cells has the axis row \(y\), but the model's input 'raw' has none"):
        map_input(tensor("bcx"), header("yx", 20, 30))


def test_an_axis_that_no_image_has_cannot_be_filled() -> None:
    with pytest.raises(CannotRunError, match=r"has an axis 'i' \(index\), which is no axis of an image"):
        map_input(tensor("biyx", sizes={"i": FixedSize(4)}), header("yx", 20, 30))


def test_an_index_of_one_is_added() -> None:
    assert map_input(tensor("biyx", sizes={"i": FixedSize(1)}), header("yx", 20, 30)).letters == (None, None, "y", "x")


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "kept", "expected"),
    [
        ("yx", "yx", "yx"),
        ("xy", "yx", "xy"),
        ("yxc", "cyx", "yxc"),
        ("yx", "cyx", "cyx"),
        ("zyx", "zcyx", "zcyx"),
        ("tyx", "tzyx", "tzyx"),
        ("xyz", "cxyz", "cxyz"),
        ("zyx", "yx", "yx"),
        ("yx", "iyx", "iyx"),
        ("bcyx", "bcyx", "bcyx"),
        ("tcyx", "tyx", "tyx"),
    ],
)
def test_a_result_has_the_images_order_and_new_axes_where_imagej_has_them(image: str, kept: str, expected: str) -> None:
    assert result_axes(image, set(kept), set(kept)) == expected


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.permutations("btczyx"), st.sets(st.sampled_from("btczyxi")), st.sets(st.sampled_from("btczyxi")))
def test_a_result_has_every_axis_once_and_the_images_in_its_order(image: list[str], kept: set[str], added: set[str]) -> None:
    found = result_axes("".join(image), kept, kept | added)
    assert sorted(found) == sorted((kept & set(image)) | kept | added)
    own = [letter for letter in found if letter in image and letter in kept]
    assert own == [letter for letter in image if letter in kept]
