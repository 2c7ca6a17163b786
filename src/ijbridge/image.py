"""An image: an array, its axes, its pixel size; and what of it can be known without a pixel.

``Image`` is what every other room works on. xarray appears only where a caller gives or wants one
(``from_xarray``, ``to_xarray``): there the dimensions are ijbridge's axis letters, ``attrs["pixel_size"]``, ``attrs["unit"]``
and ``attrs["origin"]`` map an axis to its pixel size, its unit, and where it begins. Reading and writing files is in
``image_io``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from ijbridge import axes as ax
from ijbridge import units
from ijbridge.errors import AxesError, ImageFormatError, PixelValueError

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from ijbridge.typing import Array

#: The element types ijbridge computes with, in numpy's names.
DTYPES = (
    "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64",
)  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What is known of an image without reading a pixel.

    ``axes`` has one letter of ``btczyx`` per dimension of ``shape``, slowest first. ``pixel_size`` maps an axis of
    ``tzyx`` to the distance between two pixels in ``unit`` of that axis; an axis that is not calibrated is absent. ``origin``
    maps an axis of ``tzyx`` to the position at which its first pixel begins, in that unit, or in pixels where it is not
    calibrated; absent, it is 0.
    """

    shape: tuple[int, ...]
    dtype: str
    axes: str
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    unit: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    name: str = "image"

    def size(self, axis: str) -> int | None:
        """Give the number of pixels along an axis, or None where the image has no such axis."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else None

    @property
    def nbytes(self) -> int:
        """The bytes of its pixels."""
        import numpy as np

        return prod(self.shape) * np.dtype(self.dtype).itemsize

    def described(self) -> str:
        """Say shape and axes for a person: ``3 x 512 x 512 (cyx) uint16``."""
        return f"{' x '.join(map(str, self.shape))} ({self.axes}) {self.dtype}"


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels of shape ``header.shape`` with what is known of them; the array is never written to."""

    array: Array
    header: Header


def make_image(
    array: Array,
    axes: str | None,
    *,
    pixel_size: Mapping[str, float] | None = None,
    unit: Mapping[str, str] | None = None,
    origin: Mapping[str, float] | None = None,
    channel_names: tuple[str, ...] = (),
    name: str = "image",
) -> Image:
    """Put an array and what is known of it together.

    Parameters
    ----------
    array
        Of any shape with y and x, of one of `DTYPES`.
    axes
        One letter per dimension; None only where they cannot be mistaken, for a two-dimensional array (yx).

    Raises
    ------
    AxesError
        If the axes are not those of the array, or not given for more or fewer than two dimensions.
    ImageFormatError
        If the element type is none of `DTYPES`.
    PixelValueError
        If there is no pixel.
    """
    if axes is None:
        if array.ndim < 2:
            raise AxesError(
                f"{name}: the array has {array.ndim} dimension{'s' * (array.ndim != 1)}: an image has at least rows and "
                "columns."
            )
        if array.ndim > 2:
            raise AxesError(
                f"{name}: nothing says what the {array.ndim} dimensions of its shape "
                f"{' x '.join(map(str, array.shape))} are: name the axes, slowest first, such as "
                f"{'zyx' if array.ndim == 3 else 'tzcyx'[-min(array.ndim, 5) :]!r} (--axes, axes=)."
            )
        axes = "yx"
    letters = ax.parse_axes(axes, array.ndim)
    dtype = array.dtype.newbyteorder("=").name
    if dtype not in DTYPES:
        raise ImageFormatError(f"{name}: pixels of type {dtype} are not supported; supported are {', '.join(DTYPES)}.")
    if prod(array.shape) == 0:
        raise PixelValueError(
            f"{name}: the image is empty (its shape is {' x '.join(map(str, array.shape))}): give one with pixels."
        )
    sizes = {axis: float(size) for axis, size in (pixel_size or {}).items() if axis in letters and is_pixel_size(size)}
    return Image(
        array=array,
        header=Header(
            shape=tuple(int(n) for n in array.shape),
            dtype=dtype,
            axes=letters,
            pixel_size=sizes,
            unit={axis: symbol for axis in sizes if (symbol := units.symbol((unit or {}).get(axis))) is not None},
            origin=checked_origin({axis: one for axis, one in (origin or {}).items() if axis in letters}),
            channel_names=channel_names if "c" in letters else (),
            name=name,
        ),
    )


def is_pixel_size(size: float) -> bool:
    """Whether a number can be the distance between two pixels, in any unit; files hold others too, which say nothing."""
    return 1e-30 < size < 1e30


def checked_origin(origin: Mapping[str, float]) -> dict[str, float]:
    """Leave out what says nothing: 0, which is meant anyhow, and what is no position at all."""
    return {axis: float(one) for axis, one in origin.items() if axis in ax.PHYSICAL and isfinite(one) and one != 0}


def from_xarray(data: xr.DataArray, axes: str | None = None) -> Image:
    """Take an xarray.DataArray: its dimensions are the axes (pyimagej's ``row``, ``col``, ``pln``, ``ch``, ``t`` too).

    The pixel size is ``attrs["pixel_size"]`` with ``attrs["unit"]``, each a mapping or one value for all; else the step
    of evenly spaced coordinates. The origin is ``attrs["origin"]``, else the first of those coordinates.
    """
    letters = ax.parse_axes(axes if axes is not None else [str(dim) for dim in data.dims], data.ndim)
    pixel_size = _per_axis(data.attrs.get("pixel_size"), letters)
    unit = _per_axis(data.attrs.get("unit", data.attrs.get("units")), letters)
    origin = _per_axis(data.attrs.get("origin"), letters)
    for axis, dim in zip(letters, data.dims, strict=True):
        if axis in ax.PHYSICAL and axis not in pixel_size and dim in data.coords:
            step = _even_step(data.coords[dim].values)
            if step is not None:
                pixel_size[axis] = step
                unit.setdefault(axis, data.coords[dim].attrs.get("units"))
                origin.setdefault(axis, data.coords[dim].values[0])
    channel_names: tuple[str, ...] = ()
    if "c" in letters:
        dim = data.dims[letters.index("c")]
        if dim in data.coords and data.coords[dim].dtype.kind in "UO":
            channel_names = tuple(str(name) for name in data.coords[dim].values)
    return make_image(
        data.data,
        letters,
        pixel_size={axis: _number(size, "pixel_size") for axis, size in pixel_size.items()},
        unit={axis: str(one) for axis, one in unit.items() if one is not None},
        origin={axis: _number(one, "origin") for axis, one in origin.items()},
        channel_names=channel_names,
        name=str(data.name) if data.name is not None else "image",
    )


def to_xarray(image: Image, attrs: Mapping[str, Any] | None = None) -> xr.DataArray:
    """Give an image as xarray.DataArray; the pixels are shared, ``attrs`` are added to pixel size, unit and origin."""
    import xarray as xr

    header = image.header
    coords = {"c": list(header.channel_names)} if header.channel_names else {}
    return xr.DataArray(
        image.array,
        dims=tuple(header.axes),
        coords=coords,
        name=header.name,
        attrs={
            "pixel_size": dict(header.pixel_size),
            "unit": dict(header.unit),
            "origin": dict(header.origin),
            **(attrs or {}),
        },
    )


def with_axes(image: Image, axes: str) -> Image:
    """Give an image other axes; pixel sizes and origins go with their letters."""
    header = image.header
    return make_image(
        image.array,
        axes,
        pixel_size=header.pixel_size,
        unit=header.unit,
        origin=header.origin,
        channel_names=header.channel_names,
        name=header.name,
    )


def _per_axis(value: Any, letters: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        found = {ax.letter(str(name)): one for name, one in value.items()}
        return {axis: one for axis, one in found.items() if axis is not None and axis in letters}
    return {axis: value for axis in letters if axis in ax.PHYSICAL and axis != "t"}


def _number(value: Any, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ImageFormatError(f"The {what} of the image is {value!r}: give one number, or one per axis.") from error


def _even_step(values: np.ndarray[Any, Any]) -> float | None:
    """Give the step of evenly spaced numbers; None for a plain count 0, 1, 2, which says nothing of a distance."""
    import numpy as np

    if values.dtype.kind not in "iuf" or len(values) < 2:
        return None
    steps = np.diff(values.astype(float))
    step = float(steps.mean())
    if step <= 0 or not np.allclose(steps, step, rtol=1e-3, atol=0) or (step == 1.0 and values[0] == 0):
        return None
    return step
