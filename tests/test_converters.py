"""What callers may give as an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ijbridge import converters
from ijbridge.converters import Converter, register_converter, to_image
from ijbridge.errors import AxesError, ImageFormatError
from ijbridge.image import make_image

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


class Planes:
    """An image of some other library."""

    def __init__(self, planes: list[Any]) -> None:
        self.planes = planes


class OwnArray(xr.DataArray):  # type: ignore[no-untyped-call] # xarray's own __init_subclass__
    """A kind of DataArray that another library made."""

    __slots__ = ()


@pytest.fixture
def planes_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters, "_converters", [*converters._converters])
    register_converter(
        Converter(
            lambda value: isinstance(value, Planes), lambda value, axes: make_image(np.stack(value.planes), axes or "zyx")
        )
    )


@pytest.mark.parametrize("give", [str, Path])
def test_a_path_is_the_image_in_its_file(tmp_path: Path, give: Any) -> None:
    np.save(tmp_path / "cells.npy", PIXELS)
    image = to_image(give(tmp_path / "cells.npy"))
    assert image.header.name == "cells"
    np.testing.assert_array_equal(image.array, PIXELS)


def test_an_array_is_an_image_whose_axes_the_caller_names() -> None:
    assert to_image(PIXELS).header.axes == "yx"
    assert to_image(PIXELS, "xy").header.axes == "xy"
    assert to_image(PIXELS[None], ("t", "row", "col")).header.axes == "tyx"  # type: ignore[arg-type]
    with pytest.raises(AxesError):
        to_image(PIXELS[None])


@pytest.mark.parametrize("kind", [xr.DataArray, OwnArray])
def test_a_dataarray_says_its_axes_and_the_caller_may_overrule_them(kind: Any) -> None:
    data = kind(PIXELS, dims=("row", "col"), name="cells")
    assert to_image(data).header.axes == "yx"
    assert to_image(data, "xy").header.axes == "xy"


def test_an_image_stays_as_it_is() -> None:
    image = make_image(PIXELS, "yx")
    assert to_image(image) is image


@pytest.mark.parametrize("value", [None, 5, [[1, 2], [3, 4]], b"cells.tif", xr.Dataset(), Planes([])])
def test_anything_else_is_refused_with_what_may_be_given(value: Any) -> None:
    with pytest.raises(ImageFormatError) as caught:
        to_image(value)
    assert str(caught.value).startswith(f"A {type(value).__name__} is not an image: give a numpy.ndarray, ")


@pytest.mark.usefixtures("planes_are_known")
def test_a_host_can_register_images_of_its_own() -> None:
    image = to_image(Planes([PIXELS, PIXELS]))
    assert (image.header.axes, image.header.shape) == ("zyx", (2, 3, 4))
    assert to_image(Planes([PIXELS, PIXELS]), "tyx").header.axes == "tyx"


@pytest.mark.usefixtures("planes_are_known")
def test_the_converter_registered_last_is_asked_first() -> None:
    register_converter(Converter(lambda value: isinstance(value, Planes), lambda value, axes: make_image(PIXELS, "yx")))
    assert to_image(Planes([])).header.axes == "yx"
