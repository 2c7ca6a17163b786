"""Images in files: TIFF (ImageJ, OME, plain) and ``.npy`` in, ImageJ TIFF and ``.npy`` out.

An uncompressed TIFF and every ``.npy`` is mapped, not read: pixels come into memory as they are used. A file is written
under a temporary name and moved, so that a half-written one is never taken for a result.
"""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ijbridge import axes as ax
from ijbridge import units
from ijbridge.errors import ImageFormatError, ImageNotFoundError, ResultError
from ijbridge.image import Image, make_image
from ijbridge.tiff_metadata import colour_table, imagej_origin, is_scattered, read_metadata
from ijbridge.tiff_safety import check_named_files, check_pieces, check_structure

if TYPE_CHECKING:
    import tifffile

    from ijbridge.typing import Array

TIFF_SUFFIXES = (".tif", ".tiff")
SUFFIXES = (*TIFF_SUFFIXES, ".npy")

#: The element types an ImagePlus has, with those that fit into them without loss.
_IMAGEJ_DTYPES = {"bool": "uint8", "uint8": "uint8", "uint16": "uint16"}

#: Unit names that every ImageJ reads; others are written as they are.
_IMAGEJ_UNITS = {"µm": "micron", "Å": "angstrom", "µs": "usec", "s": "sec"}

#: So much is not unpacked from a file that is so many times smaller: it is damaged, or made to fill memory. LZW and deflate
#: reach 1,400 on an image of one value.
_BOMB_BYTES = 1 << 30
_BOMB_RATIO = 10_000

#: What tifffile raises, beside its own error, on a file that is damaged, cut off, or says that it is larger than memory.
_DAMAGE = (
    OSError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, MemoryError,
    RuntimeError, struct.error, zlib.error,
)  # fmt: skip


def read_image(path: str | Path, axes: str | None = None) -> Image:
    """Read the image of a file.

    Parameters
    ----------
    path
        A TIFF (its first series) or a ``.npy`` file.
    axes
        The meaning of each dimension, where the file does not say it or says it wrong.

    Raises
    ------
    ImageNotFoundError, ImageFormatError, AxesError, PixelValueError
        If there is no such file, no image in it, its axes are unknown, or it has no pixels.
    """
    path = Path(path)
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a name is too long
        raise ImageNotFoundError(f"There is no image {path}: check the path.")
    if path.suffix.lower() == ".npy":
        return make_image(_map_npy(path), axes, name=path.stem)
    if path.suffix.lower() in TIFF_SUFFIXES:
        return _read_tiff(path, axes)
    raise ImageFormatError(
        f"{path.name} is not an image ijbridge reads: give a TIFF ({', '.join(TIFF_SUFFIXES)}) or .npy file; ImageJ saves "
        "anything it opens as TIFF."
    )


def read_info(path: Path) -> str:
    """Give the text that Image > Show Info shows of an ImageJ TIFF; empty where there is none, or no TIFF that can be read."""
    import tifffile

    try:
        with _opened(path) as tiff:
            return str((tiff.imagej_metadata or {}).get("Info", ""))
    except (tifffile.TiffFileError, *_DAMAGE):
        return ""


def tiff_shape(path: Path) -> tuple[int, ...]:
    """Give the shape of a TIFF's first image, as its header says; () where there is none, or no TIFF that can be read."""
    import tifffile

    try:
        with _opened(path) as tiff:
            return tuple(tiff.series[0].shape)
    except (tifffile.TiffFileError, *_DAMAGE):
        return ()


def write_image(path: str | Path, image: Image, info: str = "") -> None:
    """Write an image, as ``.npy`` (the array alone) or as a TIFF that ImageJ opens with axes, calibration and `info`.

    Raises
    ------
    ResultError
        If the suffix is neither, the values do not fit ImageJ's types, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    check_writable(path)
    with _temporary(path) as temporary:
        if suffix == ".npy":
            import numpy as np

            with temporary.open("wb") as file:
                np.save(file, image.array)
        else:
            _write_tiff(temporary, image, info)


def check_writable(path: Path) -> None:
    """Raise ResultError, before anything is computed, where no result can be written to `path`."""
    if path.suffix.lower() not in SUFFIXES:
        raise ResultError(
            f"Results are written as ImageJ TIFF or .npy, not as {path.suffix or 'a file without suffix'!r}: "
            f"end {path.name!r} in .tif or .npy."
        )
    if not os.path.isdir(path.parent):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        raise ResultError(f"The folder {path.parent} does not exist: make it first, or choose another.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ResultError(f"The folder {path.parent} may not be written to: choose another, or change its rights.")
    if os.path.isdir(path):  # noqa: PTH112
        raise ResultError(f"{path} is a folder: name a file in it, such as {path / 'result.tif'}.")


def check_file(path: str | Path) -> None:
    """Refuse a TIFF that is damaged or ends too early, which other programs read as if the rest were black.

    What its planes mean does not matter here, nor do files of other formats.

    Raises
    ------
    ImageFormatError
        If not all of its first series can be read.
    """
    import tifffile

    path = Path(path)
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return
    try:
        with _opened(path) as tiff:
            if not tiff.series or not tiff.series[0].shape:
                raise ImageFormatError(f"{path.name} is a TIFF without an image.")
            _tiff_array(path, tiff, tiff.series[0])
    except (tifffile.TiffFileError, *_DAMAGE) as error:
        raise ImageFormatError(f"{path.name} is not a TIFF that can be read: {_first_line(error)}") from error


def imagej_dtype(dtype: str) -> str:
    """Give the type of an ImagePlus (uint8, uint16, float32) that holds values of ``dtype``."""
    return _IMAGEJ_DTYPES.get(dtype, "float32")


def to_imagej_dtype(array: Array, name: str = "result") -> Array:
    """Give the array in its ImageJ type.

    Raises
    ------
    ResultError
        If integers are too large for the 24 bits that float32 holds exactly.
    """
    dtype = imagej_dtype(array.dtype.name)
    if dtype == "float32" and array.dtype.kind in "iu" and array.itemsize > 2 and array.size:
        largest = max(abs(int(array.min())), abs(int(array.max())))
        if largest > 2**24:
            raise ResultError(
                f"{name} holds integers up to {largest}, which no ImageJ image type holds exactly (at most {2**24}): "
                "write it as .npy."
            )
    return array.astype(dtype, copy=False)


# --- reading ---------------------------------------------------------------------------------------------------------


def _map_npy(path: Path) -> Array:
    from tokenize import TokenError

    import numpy as np

    try:
        with np.errstate(over="ignore"):  # of a size that no file has
            array: Array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, TypeError, OverflowError, SyntaxError, TokenError) as error:
        # the last two come of a header that is damaged: it is a Python literal
        raise ImageFormatError(f"{path.name} is not a .npy file of numbers that can be read: {_first_line(error)}.") from error
    return array


def _read_tiff(path: Path, axes: str | None) -> Image:
    import tifffile

    try:
        with _opened(path) as tiff:
            if not tiff.series or not tiff.series[0].shape:
                raise ImageFormatError(f"{path.name} is a TIFF without an image.")
            series = tiff.series[0]
            found = series.axes if axes is None else axes
            unknown = [number for number, one in enumerate(found) if ax.letter(one) in (None, "i")]
            if axes is None and unknown:
                size = series.shape[unknown[0]]
                raise ImageFormatError(
                    f"{path.name} holds {size} planes and does not say whether they are depth (z), time (t) or channels "
                    "(c): name the axes, such as --axes zyx."
                )
            pixel_size, unit, channel_names = read_metadata(tiff)
            origin = imagej_origin(tiff.imagej_metadata or {}, pixel_size)
            array = _tiff_array(path, tiff, series)
            letters = ax.parse_axes(found, array.ndim)
            table = colour_table(series)
            if table is not None and "c" not in letters and is_scattered(table):
                array, letters = table.T[array], letters + "c"
    except (tifffile.TiffFileError, *_DAMAGE) as error:
        raise ImageFormatError(f"{path.name} is not a TIFF that can be read: {_first_line(error)}.") from error
    if "c" not in letters or not all(channel_names) or len(channel_names) != array.shape[letters.index("c")]:
        channel_names = ()
    return make_image(
        array, letters, pixel_size=pixel_size, unit=unit, origin=origin, channel_names=channel_names, name=path.stem
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    import tifffile

    check_structure(path)
    with tifffile.TiffFile(path) as tiff:
        check_named_files(tiff)
        yield tiff


def _tiff_array(path: Path, tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Array:
    import numpy as np

    # of an ImageJ stack that ends too early, tifffile gives what is there
    promised = (tiff.imagej_metadata or {}).get("images", 1)
    if series.size < promised * tiff.pages[0].size:
        raise ValueError("the file ends before its pixels do")
    if series.keyframe.parent is not tiff:  # tifffile would look for its pixels in this one
        raise ValueError(f"its image begins in {series.keyframe.parent.filename}: give that file")
    if series.dataoffset is not None and series.size > 0:
        dtype = np.dtype(series.dtype).newbyteorder(tiff.byteorder)
        if series.dataoffset + series.size * dtype.itemsize <= path.stat().st_size:
            return np.memmap(path, dtype=dtype, mode="r", offset=series.dataoffset, shape=series.shape)
        raise ValueError("the file ends before its pixels do")
    size = series.size * np.dtype(series.dtype).itemsize  # of pixels of one bit, which series.nbytes counts in the file
    if size > max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size):
        raise ValueError(f"it says that it has {units.amount(size)} of pixels in a file of {units.amount(path.stat().st_size)}")
    missing = sum(page is None for page in series)
    if missing:  # tifffile gives 0 for their pixels
        raise ValueError(
            f"{missing} of its {len(series)} planes are neither in it nor in the files that it names, which must lie beside it"
        )
    check_pieces(series)
    array: Array = series.asarray()
    return array


# --- writing ---------------------------------------------------------------------------------------------------------


def _write_tiff(path: Path, image: Image, info: str) -> None:
    import tifffile

    header = image.header
    unknown = [axis for axis in header.axes if axis not in ax.IMAGEJ_ORDER]
    if unknown:
        raise ResultError(
            f"{header.name} has the axis {unknown[0]!r} ({header.axes}), which an ImageJ TIFF cannot hold: write it as .npy."
        )
    order = [axis for axis in ax.IMAGEJ_ORDER if axis in header.axes]
    array = image.array.transpose([header.axes.index(axis) for axis in order])
    metadata: dict[str, Any] = {"axes": "".join(order).upper(), "Info": info or None}
    length = header.unit.get("x") or header.unit.get("y")
    resolution = None
    if length is not None:
        in_length = {
            axis: size * factor
            for axis, size in header.pixel_size.items()
            if axis in "zyx" and (factor := units.factor(header.unit.get(axis), length)) is not None
        }
        x = in_length.get("x", in_length.get("y", 1.0))
        resolution = (1 / x, 1 / in_length.get("y", x))
        metadata["unit"] = _IMAGEJ_UNITS.get(length, length)
        metadata["spacing"] = in_length.get("z")
    if "t" in header.pixel_size:
        metadata["finterval"] = header.pixel_size["t"] * (units.factor(header.unit.get("t"), "s") or 1.0)
    for axis in header.origin:
        if axis in "zyx":
            metadata[f"{axis}origin"] = -header.origin[axis] / header.pixel_size.get(axis, 1.0)
    if header.size("c") is not None and (header.size("c") or 1) > 1:
        metadata["mode"] = "grayscale"
    tifffile.imwrite(
        path,
        to_imagej_dtype(array, header.name),
        imagej=True,
        resolution=resolution,
        metadata={key: value for key, value in metadata.items() if value is not None},
    )


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; move it there if all went well, else remove it."""
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=".ijbridge-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        # mkstemp makes files that only the user can read; a result gets the rights any new file has.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # else a machine that fails may have moved it before it is on disk
        temporary.replace(path)
    except (OSError, ValueError) as error:
        raise ResultError(f"{path} cannot be written: {_first_line(error)}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
