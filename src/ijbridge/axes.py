"""Axis labels: the one vocabulary, and the names other tools use for the same things.

Inside ijbridge an image axis is one letter of ``bitczyx``, in the order of the array (slowest first), as bioimage.io 0.4
and OME write it:

====== ============ =========================== ===================================================
letter meaning      bioimage.io 0.5             elsewhere
====== ============ =========================== ===================================================
``b``  batch        ``batch``                   ``n``
``i``  index        ``index``                   no image file has it
``t``  time         ``time``                    ``frame``, ``frames``
``c``  channel      ``channel``                 ``ch``, ``channels``, TIFF ``s`` (samples of RGB)
``z``  depth        space axis ``z``            ``pln``, ``plane``, ``slice``, ``slices``, ``depth``, ``d``
``y``  row          space axis ``y``            ``row``, ``height``, ``h``
``x``  column       space axis ``x``            ``col``, ``column``, ``width``, ``w``
====== ============ =========================== ===================================================

ImageJ names the axes of a hyperstack fastest first, ``XYCZT``; its arrays are ``tzcyx`` here. This room knows labels and
their order only: no pixels, no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ijbridge.errors import AxesError

#: All letters of an image axis.
LETTERS = "bitczyx"

#: The order in which ImageJ stores a hyperstack, slowest axis first (ImageJ itself says XYCZT, fastest first).
IMAGEJ_ORDER = "tzcyx"

#: Axes along which distances are measured, so that a pixel has a size.
PHYSICAL = "tzyx"

_ALIASES = {
    "batch": "b", "n": "b",
    "index": "i",
    "time": "t", "frame": "t", "frames": "t",
    "channel": "c", "channels": "c", "ch": "c", "s": "c", "sample": "c",
    "depth": "z", "d": "z", "pln": "z", "plane": "z", "slice": "z", "slices": "z",
    "height": "y", "h": "y", "row": "y",
    "width": "x", "w": "x", "col": "x", "column": "x",
}  # fmt: skip


def letter(name: str) -> str | None:
    """Give the letter of an axis that another tool names ``name``, or None if it is not an image axis."""
    lower = name.strip().lower()
    if len(lower) == 1 and lower in LETTERS:
        return lower
    return _ALIASES.get(lower)


def parse_axes(axes: str | Iterable[str], ndim: int | None = None) -> str:
    """Read the axes of an array.

    Parameters
    ----------
    axes
        One letter per axis (``"tyx"``), or names separated by commas or given as a sequence
        (``("t", "row", "col")``), slowest axis first; upper or lower case.
    ndim
        The number of axes the array has.

    Returns
    -------
    str
        One letter of ``bitczyx`` per axis.

    Raises
    ------
    AxesError
        If a name is unknown, occurs twice, if there are more or fewer than `ndim`, or y or x is missing.
    """
    names: Sequence[str]
    if isinstance(axes, str):
        names = [part for part in axes.split(",") if part.strip()] if "," in axes else list(axes.strip())
    else:
        names = [str(name) for name in axes]
    shown = ",".join(names) if any(len(name) > 1 for name in names) else "".join(names)
    letters = []
    for name in names:
        found = letter(name)
        if found is None:
            raise AxesError(
                f"The axes {shown!r} contain {name!r}, which is not an axis of an image: use letters of "
                f"{LETTERS!r} (batch, index, time, channel, depth, row, column), slowest axis first."
            )
        letters.append(found)
    result = "".join(letters)
    check_axes(result, ndim)
    return result


def check_axes(axes: str, ndim: int | None = None) -> None:
    """Raise AxesError unless ``axes`` are distinct letters, as many as ``ndim``, with y and x among them."""
    for one in axes:
        if axes.count(one) > 1:
            raise AxesError(f"The axes {axes!r} name {one!r} more than once: every axis has a letter of its own.")
    if ndim is not None and len(axes) != ndim:
        raise AxesError(
            f"The axes {axes!r} are {len(axes)}, but the image has {ndim} dimensions: give one letter per dimension."
        )
    missing = [one for one in "yx" if one not in axes]
    if missing:
        raise AxesError(f"The axes {axes!r} lack {' and '.join(missing)}: an image has rows (y) and columns (x).")
