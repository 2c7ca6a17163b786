"""The public functions: check, plan, predict, load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias, Unpack

from ijbridge import results
from ijbridge.converters import ImageLike
from ijbridge.description import ModelDescription
from ijbridge.findings import Finding
from ijbridge.formats import read_model
from ijbridge.imagej.jvm import has_imagej
from ijbridge.imagej.macros import run_with_macros
from ijbridge.loaded import LoadedModel
from ijbridge.options import OptionArguments, Options
from ijbridge.plans import Plan
from ijbridge.prediction import Progress
from ijbridge.results import Output
from ijbridge.testing import TestReport, test_model

#: A path, a description, or a model that is loaded already.
ModelLike: TypeAlias = "str | Path | ModelDescription | Model"


class Model:
    """A loaded model, for repeated calls. Made by `load`; a context manager.

    ::

        with ijbridge.load("my-model.zip") as model:
            for path in paths:
                result = model.predict(path)
    """

    def __init__(self, source: str | Path | ModelDescription, device: str = "auto") -> None:
        self._loaded = LoadedModel(source)
        self._device = device

    @property
    def description(self) -> ModelDescription:
        """What is known of the model."""
        return self._loaded.description

    def check(
        self, image: ImageLike | Mapping[str, ImageLike], *, axes: str | None = None, **options: Unpack[OptionArguments]
    ) -> tuple[Finding, ...]:
        """Say what is worth knowing before a run; the parameters are those of `ijbridge.predict`."""
        return self._loaded.check(self._loaded.images(image, axes), self._options(options))

    def plan(
        self, image: ImageLike | Mapping[str, ImageLike], *, axes: str | None = None, **options: Unpack[OptionArguments]
    ) -> Plan:
        """Plan a run; the parameters are those of `ijbridge.predict`."""
        images = self._loaded.images(image, axes)
        return self._loaded.plan({name: one.header for name, one in images.items()}, self._options(options))

    def predict(
        self,
        image: ImageLike | Mapping[str, ImageLike],
        *,
        axes: str | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        output: Output | None = None,
        **options: Unpack[OptionArguments],
    ) -> Any:
        """Run the model; parameters, result and errors are those of `ijbridge.predict`."""
        checked = self._options(options)
        give = results.giver(image, output)
        images = self._loaded.images(image, axes)
        if checked.macros is not None:
            return give(run_with_macros(self._loaded, images, checked, progress, cancelled))
        return give(self._loaded.run(images, checked, progress=progress, cancelled=cancelled))

    def test(self, *, device: str | None = None, trust: str | None = None) -> TestReport:
        """Run the model's own test tensors and compare; ``trust`` is that of `ijbridge.predict`."""
        return test_model(self._loaded, Options.read(device=device or self._device, trust=trust))

    def _options(self, options: OptionArguments) -> Options:
        options.setdefault("device", self._device)
        checked = Options.named(options)
        # where it is left out, nobody looks for Java
        return checked if checked.macros is None else replace(checked, in_imagej=has_imagej())

    def close(self) -> None:
        """Give the network's memory back."""
        self._loaded.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def load(source: str | Path | ModelDescription, *, device: str = "auto") -> Model:
    """Read a model for repeated calls; its network is loaded at the first of them and kept."""
    return Model(source, device)


def check(
    model: ModelLike,
    image: ImageLike | Mapping[str, ImageLike],
    *,
    axes: str | None = None,
    **options: Unpack[OptionArguments],
) -> tuple[Finding, ...]:
    """Say what is worth knowing of an image before a model runs on it: all findings, errors first. No network is run.

    An image that does not fit is no error here but a finding of severity "error". Parameters are those of `predict`.
    """
    return _model(model).check(image, axes=axes, **options)


def plan(
    model: ModelLike,
    image: ImageLike | Mapping[str, ImageLike],
    *,
    axes: str | None = None,
    **options: Unpack[OptionArguments],
) -> Plan:
    """Say what `predict` would do: axes, tiles, halo, memory, findings. No pixel is read and no network run.

    Parameters and errors are those of `predict`.
    """
    return _model(model).plan(image, axes=axes, **options)


def predict(
    model: ModelLike,
    image: ImageLike | Mapping[str, ImageLike],
    *,
    axes: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    output: Output | None = None,
    **options: Unpack[OptionArguments],
) -> Any:
    """Run a model on an image.

    Parameters
    ----------
    model
        The path of a model's folder, zip or file, a description, or what `load` gave.
    image
        A numpy.ndarray, an xarray.DataArray, the path of a TIFF or ``.npy`` file, or an image of Java's (`ijbridge.imagej`);
        for a model of several inputs a mapping from the input's name to one of these.
    axes
        The meaning of each dimension, slowest first, such as ``"tyx"``; needed for arrays that do not say it themselves.
    progress
        Called with (tiles done, tiles in all) after each tile.
    cancelled
        Asked before each tile whether to stop.
    output
        ``"xarray"`` or ``"java"``; left out: Java's for an image of Java's, xarray for every other.
    tile
        ``"auto"``, ``"whole"``, one size in pixels, or one per axis (``{"y": 512, "x": 512}``, ``"y=512,x=512"``).
    halo
        Pixels that neighbouring tiles share on every side: ``"auto"``, ``"declared"`` or a number.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    channel
        Which channels of the image: a number (from 1, as ImageJ counts), a name, or several in the model's order
        (``[1, 3]``, ``"DAPI,GFP"``); all of them where it is left out.
    rescale
        True: resample the image to the model's pixel size, and the results back onto the image's grid.
    memory
        Bytes that may be used beyond the image, or text (``"4 GB"``); ``"auto"``: what is free.
    normalize
        In place of the normalisation that the model's description states or its reader assumed: two percentiles that become 0
        and 1 in every channel on its own (``(2, 99.8)``, ``"2,99.8"``), ``"none"`` (the pixels as they are), ``"min-max"``,
        ``"mean-std"``, ``"divide 255"`` or ``"divide type"`` (see `ijbridge.normalization`); ``"auto"``: as it is.
    model_axes
        The order of the axes of a bare ONNX network: ``"bcyx"``, or by name ``"raw=bcyx,mask=byxc"``.
    model_pixel_size
        The pixel size that the model is made for: micrometres (``0.65``), text (``"650 nm"``), or one per axis.
    min_confidence
        Per cent, 0 to 99: where a model gives labels with a confidence, the label of a pixel below it becomes 0.
    objects
        What a model that finds objects (StarDist's) gives: ``"labels"`` (a label image; the default), ``"rois"`` (the outlines
        of objects in planes), ``"both"``, or ``"raw"`` (the network's own outputs).
    prob_thresh, nms_thresh
        From 0 to 1, in place of the model's: the probability above which there may be an object; by how much two may overlap.
    macros
        Where ImageJ runs in this process (`ijbridge.imagej`), the model's ImageJ macros that it runs before and after the
        network: ``"run"`` for all that the model names, or the names of their files. They are programs of a stranger: this is a
        yes to them as they are now, which is remembered by their hashes (docs/security.md).
    trust
        ``"torchscript"``: a yes to weights in TorchScript, which are a program; remembered by their hash, so that it is needed
        once.

    Returns
    -------
    xarray.DataArray or image of Java's, or a dict of them by name for a model of several outputs
        With the image's axes in its order. An xarray.DataArray has ``pixel_size``, ``unit``, ``origin`` and ``provenance``
        in its ``attrs``, and the names of dimensions that the image has, if it is one. Of Java's an ``ImagePlus`` gives an
        ``ImagePlus``, a ``Dataset`` or ``ImgPlus`` one of these; any other gives what `ijbridge.imagej.to_java` makes. Of
        objects the labels are int32, from 1 in each sample that the model sees, and ``attrs["objects"]`` lists them: label,
        position, probability, centre, pixels, and where they are known size, class and outline. ``objects="rois"`` gives
        the list alone.

    Raises
    ------
    IJBridgeError
        If model or image cannot be used, in one sentence that says what to do (see `ijbridge.errors`).
    """
    return _model(model).predict(image, axes=axes, progress=progress, cancelled=cancelled, output=output, **options)


def _model(model: ModelLike) -> Model:
    return model if isinstance(model, Model) else Model(model)


__all__ = ["Model", "check", "load", "plan", "predict", "read_model"]
