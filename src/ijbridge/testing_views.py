"""A model's own test as pictures: what goes in, what should come out, what does, and how far the two are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ijbridge import axes as ax
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.testing import TestReport, load_tensor, test_model
from ijbridge.typing import Array

#: What is shown of each output, in this order.
VIEWS = ("expected", "found", "difference")


def picture(array: Array, letters: Sequence[str]) -> tuple[Array, str] | None:
    """Give an array as ImageJ has one (axes out of ``tzcyx``); None where it is no picture.

    A batch is shown as time; other axes are left out where there is one element along them.
    """
    kept = [number for number, letter in enumerate(letters) if letter in "yx" or array.shape[number] > 1]
    names = ["t" if letters[number] == "b" else letters[number] for number in kept]
    order = [names.index(letter) for letter in ax.IMAGEJ_ORDER if letter in names]
    if not {"y", "x"} <= set(names) or len(order) < len(names):
        return None
    return array.reshape([array.shape[number] for number in kept]).transpose(order), "".join(names[one] for one in order)


def describe_views(model: LoadedModel) -> list[dict[str, Any]]:
    """Give the header of each picture: all inputs, then `VIEWS` of each output; what is no picture is left out.

    Raises
    ------
    DescriptionError, PackageError
        If a test tensor is missing, altered, or not what is described.
    """
    described = []
    for tensor, _, array in _tensors(model):
        shown = picture(array, [axis.letter or "i" for axis in tensor.axes])
        if shown is None:
            continue
        header = {"name": tensor.id, "axes": shown[1], "shape": list(shown[0].shape), "dtype": "float32"}
        is_input = tensor in model.description.inputs
        described += [{**header, "view": view, "title": f"{tensor.id} {view}"} for view in (("input",) if is_input else VIEWS)]
    return described


def fill_views(model: LoadedModel, options: Options, arrays: Sequence[Array]) -> TestReport:
    """Run the test and fill the arrays that `describe_views` described; what is not there is NaN."""
    report = test_model(model, options)
    found = {one.output: one for one in report.outputs if one.reason is None}
    places = iter(arrays)
    for tensor, is_input, array in _tensors(model):
        letters = [axis.letter or "i" for axis in tensor.axes]
        shown = picture(array, letters)
        if shown is None:
            continue
        next(places)[...] = shown[0]
        if is_input:
            continue
        result, difference = next(places), next(places)
        one = found.get(tensor.id)
        given = picture(one.array, one.axes) if one is not None else None
        if given is None or given[0].shape != result.shape:
            result[...] = difference[...] = np.nan
            continue
        result[...] = given[0]
        np.subtract(given[0], shown[0], out=difference, casting="unsafe", dtype=np.float64)
    return report


def report_words(report: TestReport) -> list[str]:
    """Say how a test went, the verdict first."""
    if report.error is not None:
        return [f"{report.model} does not run: {report.error}"]
    lines = [f"{report.model} runs, and {'reproduces' if report.reproduces else 'does NOT reproduce'} its test outputs."]
    for one in report.outputs:
        if one.reason is not None:
            lines.append(f"{one.output} cannot be compared: {one.reason}.")
            continue
        lines.append(
            f"{one.output}: largest difference {one.max_difference:.3g}; {one.mismatched} of {one.elements} values beyond "
            f"{one.tolerance.absolute:g} + {one.tolerance.relative:g} × |expected|."
        )
    return lines


def _tensors(model: LoadedModel) -> list[tuple[Any, bool, Array]]:
    description = model.description
    return [
        *((tensor, True, load_tensor(description, tensor)) for tensor in description.inputs),
        *((tensor, False, load_tensor(description, tensor)) for tensor in description.outputs),
    ]
