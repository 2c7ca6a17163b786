"""What a person states of a model: it takes the place of what its description lacks, or assumes."""

from __future__ import annotations

from dataclasses import replace

from ijbridge.description import ArgMax, Axis, ModelDescription
from ijbridge.errors import OptionError
from ijbridge.normalization import with_normalization
from ijbridge.options import Options


def stated(description: ModelDescription, options: Options) -> ModelDescription:
    """Give the description as the options ``normalize``, ``model_pixel_size`` and ``min_confidence`` complete it.

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
    return description


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
