"""The options of a run, from texts and from Python values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ijbridge.errors import OptionError
from ijbridge.options import Options


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("auto", "auto"), ("whole", "whole"), (" Whole ", "whole"), ("512", 512), (512, 512), (1, 1),
        ("y=512,x=256", {"y": 512, "x": 256}), ("y=512, x=512, z=16", {"y": 512, "x": 512, "z": 16}), ("z=4", {"z": 4}),
        ({"y": 64, "x": 32}, {"y": 64, "x": 32}), ({"row": 64, "col": 32}, {"y": 64, "x": 32}), ("Y=8", {"y": 8}),
    ],
)  # fmt: skip
def test_a_tile_is_a_word_a_number_or_a_number_per_axis(value: Any, expected: Any) -> None:
    assert Options.read(tile=value).tile == expected


@pytest.mark.parametrize(
    "value",
    ["", "big", "0", "-5", "5.5", "y=", "=5", "y=0", "y=5,y=6", "y=5,row=6", "c=3", "b=1", "q=5", "y=5;x=5", "y=5,,x=5", "y:5",
     0, -1, 5.5, True, None, {}, {"c": 3}, {"y": 0}, {"y": "5"}, {"y": True}, {"y": 5, "row": 6}, [512, 512]],
)  # fmt: skip
def test_a_tile_that_is_not_understood_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(OptionError) as caught:
        Options.read(tile=value)
    assert str(caught.value).startswith("tile=")
    assert "use auto, whole, a number of pixels" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"), [("auto", "auto"), ("Declared", "declared"), ("32", 32), (32, 32), (0, 0), ("0", 0)]
)
def test_a_halo_is_a_word_or_a_number(value: Any, expected: Any) -> None:
    assert Options.read(halo=value).halo == expected


@pytest.mark.parametrize("value", ["", "some", "-1", -1, "1.5", 1.5, True, None, "y=5"])
def test_a_halo_that_is_not_understood_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^halo=.* use auto, declared, or a number of pixels"):
        Options.read(halo=value)


@pytest.mark.parametrize(("value", "expected"), [("auto", "auto"), ("CPU", "cpu"), (" cuda ", "cuda")])
def test_a_device_is_one_of_three_words(value: str, expected: str) -> None:
    assert Options.read(device=value).device == expected


@pytest.mark.parametrize("value", ["", "gpu", "cuda:0", None])
def test_a_device_that_is_not_known_is_refused_with_those_that_are(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^device=.* auto, cpu, cuda"):
        Options.read(device=value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ()), ("", ()), (" ", ()), ("2", ("2",)), (2, (2,)), ("1,3", ("1,3",)), ([3, 1], (3, 1)),
     ("DAPI, GFP", ("DAPI, GFP",)), (("DAPI", 2), ("DAPI", 2)), (np.int64(2), (2,))],
)  # fmt: skip
def test_channels_are_numbers_and_names(value: Any, expected: Any) -> None:
    assert Options.read(channel=value).channels == expected


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "1,,2", ",", [0], [""], [None]])
def test_a_channel_that_is_not_understood_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^channel=.* use a channel's number, from 1, or its name"):
        Options.read(channel=value)


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), ("true", True), (" False ", False)])
def test_rescale_is_true_or_false(value: Any, expected: bool) -> None:
    assert Options.read(rescale=value).rescale is expected


@pytest.mark.parametrize("value", ["yes", "", 1, 0, None, 0.5])
def test_a_rescale_that_is_neither_is_refused(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^rescale=.* use true or false"):
        Options.read(rescale=value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("auto", None), (1000, 1000), ("1000", 1000), ("500 MB", 500 * 10**6), ("4GB", 4 * 10**9), ("1.5 gb", 15 * 10**8),
     ("2 GiB", 2**31), (" 3 kB ", 3000)],
)  # fmt: skip
def test_memory_is_an_amount(value: Any, expected: Any) -> None:
    assert Options.read(memory=value).memory == expected


@pytest.mark.parametrize("value", ["", "much", "4 G", "-1", 0, "0", "4 GB free", True, None, "1e9"])
def test_an_amount_of_memory_that_is_not_understood_is_refused(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^memory=.* use auto, or an amount such as 500 MB or 4 GB"):
        Options.read(memory=value)


def test_without_options_everything_is_automatic() -> None:
    assert Options.read() == Options(
        tile="auto", halo="auto", device="auto", channels=(), rescale=False, memory=None, normalize=None
    )


@pytest.mark.parametrize(
    "options",
    [
        {"tile": np.array([1, 2])},
        {"halo": np.array([1, 2])},
        {"channel": np.array([1, 2])},
        {"memory": 10**400},
        {"tile": "9" * 5000},
    ],
)
def test_what_no_option_can_be_is_refused_as_one(options: Any) -> None:
    with pytest.raises(OptionError):
        Options.read(**options)


def test_an_option_of_another_name_is_refused_with_the_names_there_are() -> None:
    known = "tile, halo, device, channel, rescale, memory, normalize, model_axes, model_pixel_size, min_confidence, objects, "
    known += "prob_thresh, nms_thresh, macros, trust"
    with pytest.raises(OptionError, match=rf"There is no option 'chanel': the options are {known}\."):
        Options.named({"chanel": 2})
    assert Options.named({"rescale": np.True_}).rescale is True


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.65, (("", 0.65),)), ("0.65", (("", 0.65),)), ("650 nm", (("", 0.65),)), ("6.5e-7 m", (("", 0.65),)),
        ("0.65 um", (("", 0.65),)), ("z=2,y=0.5,x=0.5", (("z", 2), ("y", 0.5), ("x", 0.5))), ("z = 2000 nm", (("z", 2),)),
        ({"row": 0.5, "col": "500nm"}, (("y", 0.5), ("x", 0.5))),
    ],
)  # fmt: skip
def test_a_models_pixel_size_is_in_micrometres_or_a_unit_for_all_axes_or_each(value: Any, expected: Any) -> None:
    found = Options.read(model_pixel_size=value).model_pixel_size
    assert [letter for letter, _ in found] == [letter for letter, _ in expected]
    np.testing.assert_allclose([size for _, size in found], [size for _, size in expected])


@pytest.mark.parametrize(
    "value",
    ["", "big", "0", "-1", "nan", "1 px", "5 s", "t=2", "c=1", "y=1,y=2", "y=1,row=2", "y:1", "1..2", "1e999", True, [1]],
)
def test_a_models_pixel_size_that_is_not_understood_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(OptionError, match=r"model_pixel_size=.*"):
        Options.read(model_pixel_size=value)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (51, 51), ("51", 51), ("51 %", 51), ("62.5%", 62.5), (99, 99)])
def test_a_confidence_is_a_number_of_per_cent(value: Any, expected: float) -> None:
    assert Options.read(min_confidence=value).min_confidence == expected


@pytest.mark.parametrize("value", ["", "-1", 100, "99.5", "half", "nan", True, [51]])
def test_a_confidence_that_is_not_understood_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(OptionError, match=r"min_confidence=.* per cent from 0 to 99"):
        Options.read(min_confidence=value)
