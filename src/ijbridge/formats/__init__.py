"""Readers of model descriptions: one module per format, each with ``INFO``, ``matches(package)`` and ``read(package)``.

A reader turns its format into the one `ModelDescription`; nothing downstream knows which format a model came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Protocol, cast

from ijbridge.description import ModelDescription
from ijbridge.errors import NotAModelError, OptionError
from ijbridge.formats.info import FormatInfo
from ijbridge.formats.limits import check_limits
from ijbridge.formats.package import Package, open_package


class Reader(Protocol):
    """What every module of a format offers."""

    #: What there is to say of the format.
    INFO: FormatInfo

    def matches(self, package: Package) -> bool:
        """Whether the package holds a model in this format, told by its content."""
        ...

    def read(self, package: Package) -> ModelDescription:
        """Read its description."""
        ...


#: The modules of the formats, in the order in which they are asked.
FORMATS = ("bioimageio", "czann", "stardist", "csbdeep", "deepimagej_xml", "czmodel", "bare_onnx")


def readers() -> Iterator[Reader]:
    """Give the reader of every format, each loaded when it is asked: most models are the first one's."""
    for name in FORMATS:
        yield cast("Reader", import_module(f"{__name__}.{name}"))


def read_model(source: str | Path, *, model_axes: str | None = None) -> ModelDescription:
    """Read a model's description.

    Parameters
    ----------
    source
        The path of a model's folder, zip or file, in one of the formats of `readers`.
    model_axes
        The order of the axes of a bare ONNX network, such as ``"bcyx"`` (see `ijbridge.formats.bare_onnx`).

    Raises
    ------
    ModelError
        If there is no model, or its description is broken; the message names the field.
    OptionError
        If `model_axes` is given for a model that states its axes, or is malformed.
    """
    package = open_package(source)
    for reader in readers():
        if reader.matches(package):
            description = reader.read(package) if model_axes is None else _read_with_axes(reader, package, model_axes)
            if all(one.severity != "error" for one in description.all_findings):
                # else it cannot be run, and its reader says why
                check_limits(description, PurePosixPath(description.file or package.location.name).name)
            return description
    looked_for = [reader.INFO.looked_for for reader in readers()]
    raise NotAModelError(
        f"{package.location} is not a model that ijbridge reads: there is no {', no '.join(looked_for[:-1])} and no "
        f"{looked_for[-1]} in it."
    )


def _read_with_axes(reader: Reader, package: Package, model_axes: str) -> ModelDescription:
    from ijbridge.formats import bare_onnx

    if reader is not bare_onnx:
        raise OptionError(
            f"model_axes={model_axes} is for a bare ONNX network, but {package.location} is a {reader.INFO.name} model, "
            "which states the order of its axes: leave it out."
        )
    return bare_onnx.read(package, model_axes)
