"""A model's own test: run its test tensors through the same path as any image and compare.

"Runs" (the network gave outputs of the described shapes) and "reproduces" (they are the described ones, within the
tolerance) are told apart. An element mismatches where |found - expected| > absolute + relative * |expected|; so many per
million may (bioimage.io 0.5, ``config.bioimageio.reproducibility_tolerance``).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from tokenize import TokenError
from typing import Any

import numpy as np

from ijbridge.description import ModelDescription, Tensor, Tolerance
from ijbridge.errors import DescriptionError, IJBridgeError
from ijbridge.formats.package import package_of
from ijbridge.image import Image, make_image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.typing import Array, Float


@dataclass(frozen=True)
class OutputReport:
    """How one output compares with its test tensor; ``worst`` is where they differ most, per axis.

    ``reason`` says why the two cannot be compared, where they cannot.
    """

    output: str
    passed: bool
    mismatched: int
    elements: int
    max_difference: float
    worst: dict[str, int]
    found: float
    expected: float
    tolerance: Tolerance
    array: Array
    axes: str
    reason: str | None = None


@dataclass(frozen=True)
class TestReport:
    """What a model's own test gave; ``error`` says why it does not run."""

    __test__ = False  # not a test of pytest's

    model: str
    runs: bool
    reproduces: bool
    outputs: tuple[OutputReport, ...] = ()
    error: str | None = None
    warnings: tuple[str, ...] = ()


def test_model(model: LoadedModel, options: Options) -> TestReport:
    """Run a model's test tensors.

    Raises
    ------
    DescriptionError, PackageError
        If it has none, or their files are missing or altered.
    """
    description = model.description
    inputs = {tensor.id: as_image(tensor, load_tensor(description, tensor)) for tensor in description.inputs}
    expected = {tensor.id: load_tensor(description, tensor) for tensor in description.outputs}
    # a description that says that an output becomes a label image has that as its test tensor
    labels = description.objects.stated_by if description.objects is not None else None
    if description.objects is not None:
        options = replace(options, objects="raw" if labels is None else "labels")
    try:
        results = model.run(inputs, options)
    except IJBridgeError as error:
        return TestReport(description.name, runs=False, reproduces=False, error=str(error))
    outputs = tuple(
        compare(
            tensor,
            results.images["labels" if tensor.id == labels else tensor.id],
            expected[tensor.id],
            tolerance_for(description, tensor, expected[tensor.id]),
        )
        for tensor in description.outputs
    )
    return TestReport(
        description.name,
        runs=True,
        reproduces=all(one.passed for one in outputs),
        outputs=outputs,
        warnings=results.warnings,
    )


test_model.__test__ = False  # type: ignore[attr-defined] # not a test of pytest's


def tolerance_for(description: ModelDescription, tensor: Tensor, expected: Array) -> Tolerance:
    """Give the first tolerance of the description that is meant for this output, else the specification's default."""
    discrete = expected.dtype.kind in "iub"
    for one in description.tolerances:
        if one.weights_formats and "onnx" not in one.weights_formats:
            continue
        if one.output_ids == "any_discrete_output":
            meant = discrete
        elif one.output_ids == "any_continuous_output":
            meant = not discrete
        else:
            meant = not one.output_ids or tensor.id in one.output_ids
        if meant:
            return one
    return Tolerance(0.0, 0.0, 1000.0) if discrete else Tolerance()


def compare(tensor: Tensor, result: Image, expected: Array, tolerance: Tolerance) -> OutputReport:
    """Compare a result with a test tensor of the tensor's axes; one of another shape does not pass."""
    letters = letters_of(tensor)
    found, axes = result.array, result.header.axes
    dropped = tuple(number for number, letter in enumerate(letters) if letter not in axes)
    kept = [size for number, size in enumerate(expected.shape) if number not in dropped]
    left = [letter for letter in letters if letter in axes]
    order = [left.index(letter) for letter in axes if letter in left]
    if (
        any(expected.shape[number] != 1 for number in dropped)
        or len(order) != len(axes)
        or tuple(kept[number] for number in order) != found.shape
    ):
        return OutputReport(
            output=tensor.id, passed=False, mismatched=found.size, elements=found.size, max_difference=float("inf"),
            worst={}, found=float("nan"), expected=float("nan"), tolerance=tolerance, array=found, axes=axes,
            reason=f"its test tensor has the shape {expected.shape}, the result is {result.header.described()}",
        )  # fmt: skip
    aligned = expected.reshape(kept).transpose(order)
    difference, limit = _differences(found.astype(np.float64), aligned.astype(np.float64), tolerance)
    mismatched = int((difference > limit).sum())
    place = np.unravel_index(int(difference.argmax()), difference.shape)
    return OutputReport(
        output=tensor.id,
        passed=mismatched * 1e6 <= tolerance.mismatched_per_million * difference.size,
        mismatched=mismatched,
        elements=difference.size,
        max_difference=float(difference[place]),
        worst={letter: int(index) for letter, index in zip(axes, place, strict=True)},
        found=float(found[place]),
        expected=float(aligned[place]),
        tolerance=tolerance,
        array=found,
        axes=axes,
    )


def _differences(found: Float, expected: Float, tolerance: Tolerance) -> tuple[Float, Float]:
    """Give how far off each value is and may be; what is not finite has to be the same, or is infinitely far off."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(found - expected)
        limit = tolerance.absolute + tolerance.relative * np.abs(expected)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    difference[~np.isfinite(difference)] = np.inf
    difference[same] = 0
    limit[~np.isfinite(limit)] = 0
    return difference, limit


def report_dict(report: TestReport) -> dict[str, Any]:
    """Give a report as plain data (JSON)."""
    return {
        "model": report.model,
        "runs": report.runs,
        "reproduces": report.reproduces,
        "error": report.error,
        "warnings": list(report.warnings),
        "outputs": [
            {
                "id": one.output,
                "passed": one.passed,
                "reason": one.reason,
                "max_difference": one.max_difference,
                "worst": {"at": one.worst, "found": one.found, "expected": one.expected},
                "mismatched": one.mismatched,
                "elements": one.elements,
                "tolerance": {
                    "relative": one.tolerance.relative,
                    "absolute": one.tolerance.absolute,
                    "mismatched_per_million": one.tolerance.mismatched_per_million,
                },
            }
            for one in report.outputs
        ],
    }


def letters_of(tensor: Tensor) -> list[str]:
    """Give the letters under which a tensor's axes are those of an image; ``i`` for one that no image has."""
    return [axis.letter or "i" for axis in tensor.axes]


def as_image(tensor: Tensor, array: Array) -> Image:
    """Give an array of a tensor's axes as an image."""
    return make_image(array, "".join(letters_of(tensor)), name=tensor.id)


def load_tensor(description: ModelDescription, tensor: Tensor) -> Array:
    """Read the test tensor of an input or output, with the axes that are described.

    Raises
    ------
    DescriptionError, PackageError
        If there is none, it is missing or altered, or is no array of numbers with as many axes.
    """
    file = tensor.test_tensor
    if file is None:
        raise DescriptionError(f"The model {description.name!r} describes no test tensor for {tensor.id!r}.")
    data = package_of(description).read(file, f"test tensor of {tensor.id!r}")
    try:
        array: Array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError, TypeError, OverflowError, MemoryError, SyntaxError, TokenError) as error:
        # the last two (and MemoryError, too) come of a header that is damaged: it is a Python literal
        raise DescriptionError(f"The test tensor {file.source!r} is not a .npy file of numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise DescriptionError(f"The test tensor {file.source!r} is of type {array.dtype.name}, not of numbers.")
    if array.ndim != len(tensor.axes):
        raise DescriptionError(
            f"The test tensor {file.source!r} has {array.ndim} dimensions, but {tensor.id!r} is described with "
            f"{len(tensor.axes)} axes."
        )
    return array
