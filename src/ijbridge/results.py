"""Results in the world of who asked for them: xarray, with the names that the caller's dimensions have, or Java's images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ijbridge import axes as ax
from ijbridge.converters import ImageLike, converter_of
from ijbridge.errors import OptionError
from ijbridge.image import to_xarray
from ijbridge.imagej import to_java
from ijbridge.loaded import Results

if TYPE_CHECKING:
    import xarray as xr

#: The worlds that results can be asked for in.
Output = Literal["xarray", "java"]

#: What pyimagej names dimensions, which are ijbridge's letters else.
_PYIMAGEJ = {"t": "t", "z": "pln", "y": "row", "x": "col", "c": "ch"}


def giver(image: ImageLike | Mapping[str, ImageLike], output: Output | None) -> Callable[[Results], Any]:
    """Give what makes of results what a caller who gave an image (or several, by name) is given back.

    Raises
    ------
    OptionError
        If there is no such ``output``.
    """
    if output not in (None, "xarray", "java"):
        raise OptionError(f"output is {output!r}: give 'xarray' or 'java', or leave it out to get what you gave.")
    given = list(image.values()) if isinstance(image, Mapping) else [image]
    known = [(converter_of(one).give_back, one) for one in given]
    # of several images the first that is Java's says what kind
    back, like = next((one for one in known if one[0] is not None), (None, given[0] if given else None))
    if output == "xarray" or (output is None and back is None):
        return lambda results: _each(results, lambda one: _named_like(one, like))
    return lambda results: _each(results, to_java if back is None else lambda one: back(one, like))


def _each(results: Results, make: Callable[[xr.DataArray], Any]) -> Any:
    attrs: dict[str, Any] = {"provenance": dict(results.record)}
    if results.objects is not None:
        attrs["objects"] = [one.to_dict() for one in results.objects]
        if not results.images:
            return attrs["objects"]
    made = {name: make(to_xarray(image, attrs)) for name, image in results.images.items()}
    return made if len(made) > 1 else next(iter(made.values()))


def _named_like(result: xr.DataArray, like: Any) -> xr.DataArray:
    """Give a result the names of the caller's dimensions, and its coordinates along those of the same size."""
    dims = getattr(like, "dims", ())
    if not dims or not hasattr(like, "coords"):
        return result
    names = {letter: dim for letter, dim in zip(map(ax.letter, map(str, dims)), dims, strict=True) if letter is not None}
    if any(dim in ("pln", "row", "col", "ch") for dim in dims):
        names = {**_PYIMAGEJ, **names}
    result = result.rename({dim: names.get(str(dim), dim) for dim in result.dims})
    kept = {
        dim: like.coords[dim]
        for dim in result.dims
        if dim in like.coords and like.sizes[dim] == result.sizes[dim] and (ax.letter(str(dim)) or "c") in ax.PHYSICAL
    }
    return result.assign_coords(kept)
