"""Readers of model descriptions: one module per format, each with ``matches(package)`` and ``read(package)``.

A reader turns its format into the one `ModelDescription`; nothing downstream knows which format a model came in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ijbridge.description import ModelDescription
from ijbridge.errors import NotAModelError
from ijbridge.formats import bioimageio, csbdeep, stardist
from ijbridge.formats.package import Package, open_package


class Reader(Protocol):
    """What every module of a format offers."""

    def matches(self, package: Package) -> bool:
        """Whether the package holds a model in this format, told by its content."""
        ...

    def read(self, package: Package) -> ModelDescription:
        """Read its description."""
        ...


#: In the order in which they are asked.
READERS: tuple[Reader, ...] = (bioimageio, stardist, csbdeep)


def read_model(source: str | Path) -> ModelDescription:
    """Read a model's description.

    Parameters
    ----------
    source
        The path of a model's folder, zip or description file: bioimage.io 0.4 or 0.5, CSBDeep (CARE), StarDist.

    Raises
    ------
    ModelError
        If there is no model, or its description is broken; the message names the field.
    """
    package = open_package(source)
    for reader in READERS:
        if reader.matches(package):
            return reader.read(package)
    raise NotAModelError(package.nothing_found())
