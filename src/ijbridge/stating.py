"""Descriptions completed: by what a person states, in place of what one lacks or assumes, and by what its network has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ijbridge.description import Axis, FixedSize, FreeSize, ModelDescription, Tensor
from ijbridge.errors import OptionError
from ijbridge.macro_choice import with_macros
from ijbridge.network_facts import Signature
from ijbridge.normalization import with_normalization
from ijbridge.operations import ArgMax
from ijbridge.options import Options


def stated(description: ModelDescription, options: Options) -> ModelDescription:
    """Give the description as ``normalize``, ``model_pixel_size``, ``min_confidence`` and ``macros`` complete it.

    Raises
    ------
    OptionError
        If one of them does not apply to the model.
    """
    if options.normalize is not None:
        description = with_normalization(description, options.normalize)
    if options.model_pixel_size:
        description = _measured(description, dict(options.model_pixel_size))
    if options.min_confidence is not None:
        description = _confident(description, options.min_confidence)
    if options.macros is not None:
        normalized = options.normalize is not None and options.normalize.kind != "none"
        description = with_macros(description, options.macros, in_imagej=options.in_imagej, normalized=normalized)
    return description


def sized(description: ModelDescription, signature: Signature, names: Mapping[str, str]) -> ModelDescription:
    """Give the description with the channels that it leaves free as many as its network has.

    Parameters
    ----------
    names
        The network's name for each tensor of the description.
    """
    shapes = {one.name: one.shape for one in (*signature.inputs, *signature.outputs)}

    def completed(tensor: Tensor) -> Tensor:
        shape = shapes.get(names[tensor.id]) or ()
        if len(shape) != len(tensor.axes):
            return tensor
        pairs = zip(tensor.axes, shape, strict=True)
        return replace(tensor, axes=tuple(_with_size(axis, size) for axis, size in pairs))

    return replace(
        description,
        inputs=tuple(completed(tensor) for tensor in description.inputs),
        outputs=tuple(completed(tensor) for tensor in description.outputs),
    )


def _with_size(axis: Axis, size: int | None) -> Axis:
    is_free = axis.kind == "channel" and isinstance(axis.size, FreeSize)
    return replace(axis, size=FixedSize(size)) if is_free and size is not None else axis


def _measured(description: ModelDescription, sizes: dict[str, float]) -> ModelDescription:
    letters = {axis.letter for tensor in description.inputs for axis in tensor.axes if axis.kind == "space"}
    unknown = [letter for letter in sizes if letter and letter not in letters]
    if unknown:
        raise OptionError(
            f"model_pixel_size names the axis {unknown[0]}, but the inputs of {description.name!r} have "
            f"{', '.join(sorted(one for one in letters if one))}."
        )

    def sized(axis: Axis) -> Axis:
        size = sizes.get(axis.letter or "", sizes.get(""))
        return replace(axis, pixel_size=size, unit="micrometer") if axis.kind == "space" and size is not None else axis

    inputs = tuple(replace(tensor, axes=tuple(sized(axis) for axis in tensor.axes)) for tensor in description.inputs)
    findings = tuple(one for one in description.findings if one.id != "pixel-size-unknown")
    return replace(description, inputs=inputs, findings=findings)


def _confident(description: ModelDescription, percent: float) -> ModelDescription:
    if not any(isinstance(one, ArgMax) for tensor in description.outputs for one in tensor.operations):
        raise OptionError(
            f"min_confidence={percent:g} is for models that give labels with a confidence, as ZEISS' segmentations do; the "
            f"outputs of {description.name!r} are others: leave it out."
        )
    outputs = tuple(
        replace(
            tensor,
            operations=tuple(
                replace(one, at_least=percent / 100) if isinstance(one, ArgMax) else one for one in tensor.operations
            ),
        )
        for tensor in description.outputs
    )
    return replace(description, outputs=outputs)
