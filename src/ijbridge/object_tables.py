"""Objects as a table of comma-separated values, one for files and for ImageJ, and labels in the fewest bits that hold them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ijbridge.errors import ResultError
from ijbridge.image import Image
from ijbridge.objects import FoundObject

#: What a position along an axis is called that is looped over, as ImageJ calls it.
POSITIONS = {"b": "sample", "t": "frame", "z": "slice", "c": "channel"}


def narrow_labels(image: Image) -> Image:
    """Give labels in 16 bits where these hold them: files of ImageJ have no integers of 32."""
    if int(image.array.max()) > 65535:
        return image
    return Image(image.array.astype("uint16"), replace(image.header, dtype="uint16"))


def table_text(objects: Iterable[FoundObject]) -> str:
    """Give objects as comma-separated values (RFC 4180), a line for each.

    ``frame``, ``slice`` and the like count from 1, as ImageJ does; ``z``, ``y`` and ``x`` are pixels, 0 being the centre of the
    first. ``outline`` is a polygon in well-known text (ISO 19125), x before y.
    """
    rows = [_row(one) for one in objects]
    columns = list(dict.fromkeys(column for row in rows for column in row)) or ["label", "probability", "pixels"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_table(path: Path, objects: Iterable[FoundObject]) -> None:
    """Write objects as `table_text` gives them; the file is moved to its place when it is whole.

    Raises
    ------
    ResultError
        If it cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.write_text(table_text(objects), encoding="utf-8", newline="")
        unfinished.replace(path)
    except OSError as error:
        raise ResultError(f"The table {path} cannot be written: {error.strerror}.") from error


def _row(one: FoundObject) -> dict[str, Any]:
    row: dict[str, Any] = {"label": one.label}
    row |= {POSITIONS.get(axis, axis): number + 1 for axis, number in one.position.items()}
    row["probability"] = f"{one.probability:.6g}"
    row |= {axis: _coordinate(place) for axis, place in one.centre.items()}
    row["pixels"] = one.pixels
    if one.size is not None:
        row |= {"area" if len(one.centre) == 2 else "volume": f"{one.size:.6g}", "unit": one.unit}
    if one.class_id is not None:
        row |= {"class": one.class_id, "class_probability": f"{one.class_probability:.6g}"}
    if one.outline is not None:
        y, x = one.outline
        corners = [f"{_coordinate(right)} {_coordinate(down)}" for down, right in zip(y, x, strict=True)]
        row["outline"] = f"POLYGON (({', '.join([*corners, corners[0]])}))"
    return row


def _coordinate(pixels: float) -> str:
    """Write a thousandth of a pixel, however large the image is."""
    return f"{pixels:.3f}".rstrip("0").removesuffix(".")
