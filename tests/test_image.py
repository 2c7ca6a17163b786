"""Images: arrays with axes and pixel size, and xarray on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from ijbridge.errors import AxesError, IJBridgeError, ImageFormatError, PixelValueError
from ijbridge.image import DTYPES, from_xarray, make_image, to_xarray


def pixels(*shape: int, dtype: str = "uint16") -> Any:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


# --- arrays ----------------------------------------------------------------------------------------------------------


def test_two_dimensions_are_rows_and_columns_without_being_told() -> None:
    image = make_image(pixels(3, 4), None)
    assert (image.header.axes, image.header.shape, image.header.dtype) == ("yx", (3, 4), "uint16")


@pytest.mark.parametrize(("ndim", "proposal"), [(3, "'zyx'"), (4, "'zcyx'"), (5, "'tzcyx'")])
def test_more_than_two_dimensions_need_axes(ndim: int, proposal: str) -> None:
    with pytest.raises(AxesError) as caught:
        make_image(pixels(*[2] * ndim), None, name="stack")
    assert f"stack: nothing says what the {ndim} dimensions of its shape {' x '.join(['2'] * ndim)} are" in str(caught.value)
    assert proposal in str(caught.value)
    assert "--axes, axes=" in str(caught.value)


@pytest.mark.parametrize("shape", [(), (5,)])
def test_an_array_of_less_than_two_dimensions_is_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(AxesError, match=f"has {len(shape)} dimensions?: an image has at least rows and columns"):
        make_image(pixels(*shape), None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_element_type_is_taken_in_both_byte_orders(dtype: str) -> None:
    for array in (np.zeros((2, 3), dtype), np.zeros((2, 3), np.dtype(dtype).newbyteorder("S"))):
        image = make_image(array, None)
        assert image.header.dtype == dtype
        assert image.array is array


@pytest.mark.parametrize("dtype", ["complex64", "datetime64[s]", "S3", "U2", "object", [("a", "u1")]])
def test_other_element_types_are_refused_with_those_that_are_taken(dtype: Any) -> None:
    with pytest.raises(ImageFormatError, match=r"pixels of type .* not supported; supported are bool, uint8"):
        make_image(np.zeros((2, 3), dtype), None)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 3, 4)])
def test_an_image_without_a_pixel_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PixelValueError, match="empty") as caught:
        make_image(np.zeros(shape), "zyx"[-len(shape) :], name="nothing")
    assert " x ".join(map(str, shape)) in str(caught.value)


def test_a_header_speaks_for_people_and_gives_sizes_by_axis() -> None:
    header = make_image(pixels(3, 512, 500), "cyx").header
    assert header.described() == "3 x 512 x 500 (cyx) uint16"
    assert [header.size(axis) for axis in "cyxzt"] == [3, 512, 500, None, None]


def test_pixel_sizes_belong_to_axes_that_are_there_and_are_above_zero() -> None:
    header = make_image(
        pixels(2, 3, 4), "zyx",
        pixel_size={"z": 2.0, "y": 0.5, "x": 0.0, "t": 1.0},
        unit={"z": "micron", "y": "um", "x": "um", "t": "sec"},
        channel_names=("dapi",),
    ).header  # fmt: skip
    assert header.pixel_size == {"z": 2.0, "y": 0.5}
    assert header.unit == {"z": "µm", "y": "µm"}
    assert header.channel_names == ()


def test_a_unit_of_pixels_is_no_unit() -> None:
    header = make_image(pixels(3, 4), None, pixel_size={"x": 1.0, "y": 1.0}, unit={"x": "pixel", "y": ""}).header
    assert header.unit == {}


# --- from xarray -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dims", "axes"),
    [
        (("y", "x"), "yx"),
        (("row", "col"), "yx"),
        (("t", "pln", "row", "col", "ch"), "tzyxc"),
        (("ch", "row", "col"), "cyx"),
        (("T", "C", "Z", "Y", "X"), "tczyx"),
        (("X", "Y"), "xy"),
        (("batch", "channel", "y", "x"), "bcyx"),
    ],
)
def test_dimensions_are_the_axes_whatever_tool_named_them(dims: tuple[str, ...], axes: str) -> None:
    array = pixels(*range(2, 2 + len(dims)))
    image = from_xarray(xr.DataArray(array, dims=dims, name="cells"))
    assert (image.header.axes, image.header.name) == (axes, "cells")
    assert image.array is array


def test_dimensions_that_are_no_axes_can_be_named_by_the_caller() -> None:
    data = xr.DataArray(pixels(2, 3, 4))
    with pytest.raises(AxesError, match="dim_0"):
        from_xarray(data)
    assert from_xarray(data, "tyx").header.axes == "tyx"
    with pytest.raises(AxesError, match="3 dimensions"):
        from_xarray(data, "yx")


@pytest.mark.parametrize(
    ("attrs", "sizes", "units"),
    [
        ({"pixel_size": {"y": 0.5, "x": 0.25}, "unit": {"y": "um", "x": "um"}}, {"y": 0.5, "x": 0.25}, {"y": "µm", "x": "µm"}),
        ({"pixel_size": {"row": 0.5, "col": 0.25}, "unit": "nm"}, {"y": 0.5, "x": 0.25}, {"y": "nm", "x": "nm"}),
        ({"pixel_size": 2, "units": "micron"}, {"y": 2.0, "x": 2.0}, {"y": "µm", "x": "µm"}),
        ({"pixel_size": {"z": 3, "c": 5}}, {}, {}),
        ({"pixel_size": 2, "unit": {"y": None, "x": "mm"}}, {"y": 2.0, "x": 2.0}, {"x": "mm"}),
        ({}, {}, {}),
    ],
)
def test_the_pixel_size_is_in_the_attributes_per_axis_or_for_all(
    attrs: dict[str, Any], sizes: dict[str, float], units: dict[str, str]
) -> None:
    header = from_xarray(xr.DataArray(pixels(3, 4), dims=("row", "col"), attrs=attrs)).header
    assert (header.pixel_size, header.unit) == (sizes, units)


def test_one_pixel_size_for_all_is_not_that_of_time() -> None:
    header = from_xarray(xr.DataArray(pixels(2, 3, 4), dims=("t", "y", "x"), attrs={"pixel_size": 0.5, "unit": "um"})).header
    assert header.pixel_size == {"y": 0.5, "x": 0.5}


def test_evenly_spaced_coordinates_give_the_pixel_size_and_their_unit() -> None:
    data = xr.DataArray(
        pixels(3, 4),
        dims=("row", "col"),
        coords={"row": 10 + 0.5 * np.arange(3), "col": ("col", [0, 2, 4, 6], {"units": "um"})},
    )
    header = from_xarray(data).header
    assert header.pixel_size == pytest.approx({"y": 0.5, "x": 2.0})
    assert header.unit == {"x": "µm"}
    assert header.origin == {"y": 10.0}


@pytest.mark.parametrize("values", [[0, 1, 2, 3], [0.0, 1.0, 2.0, 4.0], [3, 2, 1, 0], [5, 5, 5, 5], ["a", "b", "c", "d"]])
def test_a_count_and_uneven_coordinates_give_no_pixel_size(values: list[Any]) -> None:
    assert from_xarray(xr.DataArray(pixels(3, 4), dims=("y", "x"), coords={"x": values})).header.pixel_size == {}


def test_the_attributes_win_over_the_coordinates() -> None:
    data = xr.DataArray(pixels(3, 4), dims=("y", "x"), coords={"x": [0, 2, 4, 6]}, attrs={"pixel_size": {"x": 7}})
    assert from_xarray(data).header.pixel_size == {"x": 7.0}


def test_texts_along_the_channels_are_their_names() -> None:
    data = xr.DataArray(pixels(2, 3, 4), dims=("ch", "row", "col"), coords={"ch": ["dapi", "gfp"]})
    assert from_xarray(data).header.channel_names == ("dapi", "gfp")
    assert from_xarray(data.assign_coords(ch=[0, 1])).header.channel_names == ()


def test_a_transposed_view_is_taken_as_it_is() -> None:
    data = xr.DataArray(pixels(2, 3, 4), dims=("c", "y", "x")).transpose("y", "x", "c")[::2, ::-1]
    image = from_xarray(data)
    assert (image.header.axes, image.header.shape) == ("yxc", (2, 4, 2))
    np.testing.assert_array_equal(image.array, data.values)


# --- to xarray -------------------------------------------------------------------------------------------------------


def test_an_image_goes_to_xarray_and_back_unchanged() -> None:
    image = make_image(
        pixels(2, 3, 4), "cyx",
        pixel_size={"y": 0.5, "x": 0.25}, unit={"y": "um", "x": "um"}, origin={"y": -3.5, "x": 2.0},
        channel_names=("dapi", "gfp"), name="cells",
    )  # fmt: skip
    data = to_xarray(image, {"provenance": {"model": "m"}})
    assert data.dims == ("c", "y", "x")
    assert data.attrs == {
        "pixel_size": {"y": 0.5, "x": 0.25},
        "unit": {"y": "µm", "x": "µm"},
        "origin": {"y": -3.5, "x": 2.0},
        "provenance": {"model": "m"},
    }
    back = from_xarray(data)
    assert back.header == image.header
    assert back.array is image.array


@pytest.mark.parametrize(
    "attrs", [{"pixel_size": "wide"}, {"pixel_size": {"x": "wide"}}, {"pixel_size": [1, 2]}, {"pixel_size": {"x": None}}]
)
def test_a_pixel_size_that_is_no_number_is_refused_by_name(attrs: dict[str, Any]) -> None:
    with pytest.raises(IJBridgeError, match="pixel_size"):
        from_xarray(xr.DataArray(pixels(3, 4), dims=("y", "x"), attrs=attrs))


def test_an_origin_that_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(IJBridgeError, match="origin of the image is 'left'"):
        from_xarray(xr.DataArray(pixels(3, 4), dims=("y", "x"), attrs={"origin": {"x": "left"}}))


@pytest.mark.parametrize("begin", [0.0, float("inf"), float("nan")])
def test_an_origin_that_says_nothing_is_passed_over(begin: float) -> None:
    assert make_image(np.ones((4, 5)), "yx", origin={"y": begin, "x": -2.0, "z": 1.0}).header.origin == {"x": -2.0}


@pytest.mark.parametrize("size", [0.0, -1.0, float("inf"), float("nan"), 1e-320])
def test_a_pixel_size_that_is_none_is_passed_over(size: float) -> None:
    assert make_image(np.ones((4, 5)), "yx", pixel_size={"y": size, "x": 2.0}).header.pixel_size == {"x": 2.0}
