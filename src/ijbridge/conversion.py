"""Conversion of any model that runs here into a bioimage.io 0.5 package with an ONNX network.

What is written is read again before it is put in place: the description has to mean the same, and the model has to give its
test tensors. Nothing is known here of the format that a model came in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ijbridge import planning
from ijbridge.converters import ImageLike
from ijbridge.description import ModelDescription
from ijbridge.errors import ConversionError, IJBridgeError, NotAModelError
from ijbridge.examples import made_example, own_example
from ijbridge.formats import read_model
from ijbridge.formats.beyond import KEY, Difference, differences, entries
from ijbridge.formats.bioimageio_writer import plainly
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.package_writer import PackageWriter
from ijbridge.packing import check_target, is_zip, placed
from ijbridge.testing import test_model


@dataclass(frozen=True)
class Conversion:
    """What became of one model: ``target`` is None and ``error`` says why where it was not converted.

    ``kept`` are the differences that went to ``config.ijbridge``; ``made`` and ``left_out`` name files and the like.
    ``is_model`` is False for a file of a folder of models that is none.
    """

    source: str
    model: str | None = None
    target: str | None = None
    kept: tuple[Difference, ...] = ()
    made: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    error: str | None = None
    is_model: bool = True

    @property
    def outcome(self) -> Literal["converted", "failed", "skipped"]:
        """What became of it, in one word."""
        return "converted" if self.target is not None else "failed" if self.is_model else "skipped"

    @property
    def line(self) -> str:
        """Say it in one line."""
        if self.error is not None:
            return f"{self.outcome:<9} " + (self.error if self.source in self.error else f"{self.source}: {self.error}")
        about = [f"{self.outcome:<9} {self.source} -> {self.target}"]
        about += [f"made {', '.join(self.made)}"] if self.made else []
        about += [f"left out {', '.join(self.left_out)}"] if self.left_out else []
        about += [f"kept in config.{KEY} {', '.join(one.field for one in self.kept)}"] if self.kept else []
        return "; ".join(about)

    def __str__(self) -> str:
        """Say it with what 0.5 says instead of what is kept."""
        kept = [f"  {one.field}: 0.5 says {one.says!r}, meant is {one.meant!r}" for one in self.kept]
        return "\n".join([self.line, *kept])

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data (JSON)."""
        return {
            "source": self.source,
            "model": self.model,
            "target": self.target,
            "outcome": self.outcome,
            "kept": entries(self.kept),
            "made": list(self.made),
            "left_out": list(self.left_out),
            "error": self.error,
        }


def summary(reports: Iterable[Conversion]) -> dict[str, Any]:
    """Give what became of several models as plain data (JSON), and count it."""
    reports = list(reports)
    counts = {word: sum(one.outcome == word for one in reports) for word in ("converted", "failed")}
    return {"models": [one.to_dict() for one in reports], **counts}


def convert(
    model: str | Path | ModelDescription,
    target: str | Path,
    options: Options | None = None,
    *,
    images: Mapping[str, ImageLike] | ImageLike | None = None,
    axes: str | None = None,
    overwrite: bool = False,
) -> Conversion:
    """Convert one model.

    Parameters
    ----------
    model
        The path of a model, or its description.
    target
        A folder that is made, or the name of a zip.
    options
        What is said of the model in place of its files, such as ``normalize``; what they say of a run means nothing here.
    images, axes
        Test images, as `ijbridge.predict` takes them. Without them the model's own test tensors are kept or, where it has none,
        made of a random image.
    overwrite
        Whether a package that ijbridge wrote there before is replaced.

    Raises
    ------
    IJBridgeError
        If the model cannot be used, or not be written; nothing is there then that was not before.
    """
    target = Path(target).absolute()
    check_target(target, overwrite=overwrite, is_replaceable=_is_replaceable)
    with LoadedModel(model) as stated:
        _check_apart(target, Path(stated.description.location))
        chosen = options or Options()
        planning.check_runnable(stated.described(chosen))
        _check_onnx(stated)
        description = _of_network(stated.variant(chosen).description)
    with LoadedModel(description) as loaded:
        given = {} if images is None else loaded.images(images, axes)
        example = (None if given else own_example(loaded)) or made_example(loaded, given)
        with placed(target) as folder:
            writer = PackageWriter(folder, loaded, example)
            writer.write_weights(as_zip=is_zip(target))
            kept = writer.write()
            _check(folder, loaded)
    return Conversion(
        source=description.location,
        model=description.name,
        target=str(target),
        kept=tuple(kept),
        made=tuple(writer.made),
        left_out=tuple(writer.left_out),
    )


def _of_network(description: ModelDescription) -> ModelDescription:
    """Describe the outputs as the network gives them where a description's test tensor is the label image made of one."""
    objects = description.objects
    if objects is None or objects.stated_by is None:
        return description
    outputs = (replace(one, test_tensor=None, sample_tensor=None) for one in description.outputs)
    return replace(description, outputs=tuple(outputs), objects=replace(objects, stated_by=None))


def is_folder_of_models(path: str | Path) -> bool:
    """Whether a path is a folder that is not itself a model; nor is one that has other things beside the folder of a model."""
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        return False
    try:
        below = "/" in (read_model(path).file or "")
    except NotAModelError:
        return True
    except IJBridgeError:
        return False
    return below and len(_entries(Path(path))) > 1


def _entries(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if not one.name.startswith("."))


def convert_all(
    folder: str | Path, target: str | Path, options: Options | None = None, *, overwrite: bool = False
) -> Iterator[Conversion]:
    """Convert every model of a folder, each into a folder of its name under `target`; what fails does not stop the others.

    ``options`` are said of every one of them, as `convert` takes them.

    Raises
    ------
    ConversionError
        If the target cannot be a folder.
    """
    folder, target = Path(folder).resolve(), Path(target).resolve()
    if is_zip(target):
        raise ConversionError(f"{target} is one zip, but {folder} is a folder of models: name a folder.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        found = [one for one in _entries(folder) if one != target]
    except OSError as error:
        raise ConversionError(f"{error.filename} cannot be used: {error.strerror}.") from error
    if not found:
        read_model(folder)  # says what is missing
    names = [one.name if one.is_dir() else one.stem for one in found]
    for one, name in zip(found, names, strict=True):
        # where two models have one name, that of the file tells them apart
        place = target / (name if names.count(name) == 1 else one.name.replace(".", "-"))
        try:
            yield convert(one, place, options, overwrite=overwrite)
        except IJBridgeError as error:
            is_model = one.is_dir() or is_zip(one) or not isinstance(error, NotAModelError)
            yield Conversion(str(one), error=str(error), is_model=is_model)


def _check_apart(target: Path, location: Path) -> None:
    """Refuse to write a package into the model that it is made of, or over it."""
    place, model = target.resolve(), location.resolve()
    if place == model or (model.is_dir() and place.is_relative_to(model)):
        raise ConversionError(f"{target} is part of the model that is to be converted: choose a place outside of {location}.")


def _check_onnx(model: LoadedModel) -> None:
    """Refuse a model whose network is not made into ONNX, before anything else is asked for."""
    _ = model.network


def _is_replaceable(target: Path) -> bool:
    """Whether something is an empty folder, or a package that was written here."""
    if target.is_dir() and not any(target.iterdir()):
        return True
    try:
        own = read_model(target).config.get(KEY)
    except IJBridgeError:
        return False
    return isinstance(own, Mapping) and "converted_from" in own


def _check(folder: Path, original: LoadedModel) -> None:
    """Hold a written package against the model that it was made of: what it means, and what it gives."""
    meant = plainly(original.description, _types(original))
    with LoadedModel(folder) as written:
        found = differences(meant, plainly(written.description, _types(written)))
        if found:
            raise ConversionError(
                f"{original.description.name!r} cannot be converted: {found[0].field} would be {found[0].says!r} instead of "
                f"{found[0].meant!r}. Please report it."
            )
        report = test_model(written, Options.read())
    if not report.reproduces:
        raise ConversionError(
            f"{original.description.name!r} cannot be converted: the package does not give the model's test tensors "
            f"({report.error or 'its outputs are others'}). Please report it."
        )


def _types(model: LoadedModel) -> Mapping[str, str]:
    return model.variant(Options()).types
