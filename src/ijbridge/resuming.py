"""Whether a result is there already: what a batch that was ended leaves out when it is begun again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ijbridge.description import ModelDescription
from ijbridge.image_io import TIFF_SUFFIXES, read_info


def is_done(results: Iterable[Path], images: Iterable[str | Path], description: ModelDescription) -> bool:
    """Whether all results are there, younger than all images, and made by this model as far as their record says by which.

    Files are moved to their places when they are whole, so that what is there is whole. Nothing is known of the options, and of
    the model only in a TIFF.
    """
    youngest = max(os.path.getmtime(image) if os.path.exists(image) else float("inf") for image in images)  # noqa: PTH110, PTH204
    return all(_is_done(file, youngest, description) for file in results)


def _is_done(file: Path, since: float, description: ModelDescription) -> bool:
    if not file.is_file() or file.stat().st_mtime < since:
        return False
    made_by = f"model.sha256: {description.digest}"
    return file.suffix.lower() not in TIFF_SUFFIXES or made_by in read_info(file).splitlines()
