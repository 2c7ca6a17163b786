"""A model's macros around a run that Python asked for, where ImageJ runs in this very process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ijbridge.agreements import agree
from ijbridge.errors import OptionError, RunError
from ijbridge.image import Image
from ijbridge.imagej.imageplus import from_imageplus, make_imageplus
from ijbridge.imagej.jvm import java_class
from ijbridge.loaded import LoadedModel, Results
from ijbridge.macro_choice import NO_IMAGEJ, chosen, code_of, text_of
from ijbridge.options import Options
from ijbridge.prediction import Progress


def run_with_macros(
    loaded: LoadedModel,
    images: Mapping[str, Image],
    options: Options,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Results:
    """Run the macros that ``options.macros`` asks for, and the model between them.

    A macro is run on an ``ImagePlus`` with the image's pixels. Who asks for it says yes to it, which is remembered.

    Raises
    ------
    OptionError
        If no ImageJ runs in this process, or the model has no such macros or several inputs.
    AgreementError
        If a macro has changed since somebody said yes to it.
    RunError
        If a macro fails.
    """
    if not options.in_imagej:
        raise OptionError(f"macros={','.join(options.macros or ()) or 'run'} cannot be done: {NO_IMAGEJ}.")
    description = loaded.description
    if len(description.inputs) != 1:
        raise OptionError(
            f"The model {description.name!r} has {len(description.inputs)} inputs, and it is not known on which of them its "
            "macros would run: leave macros out."
        )
    macros = chosen(description, options.macros or ())
    for one in macros:
        agree(code_of(description, one))
    tensor = description.inputs[0]
    told = {
        "macros": [{"when": one.when, "source": one.source, "text": text_of(description, one)} for one in macros],
        "axes": "".join(axis.letter or "" for axis in tensor.axes),
    }
    image = images[tensor.id]
    if any(one.when == "before" for one in macros):
        image = _run(told, "before", image)
    results = loaded.run({tensor.id: image}, options, progress=progress, cancelled=cancelled)
    if not any(one.when == "after" for one in macros):
        return results
    first = next(iter(results.images))
    return replace(results, images={**results.images, first: _run(told, "after", results.images[first])})


def _run(told: Mapping[str, Any], when: str, image: Image) -> Image:
    """Give what the macros make of an image; it keeps its name."""
    import jpype

    from ijbridge.imagej.java_values import to_java

    given = make_imageplus(image, "")
    try:
        made = java_class("InProcessMacros").run(given, to_java(told), when)
    except jpype.JException as error:
        raise RunError(str(error.getMessage())) from error
    found = from_imageplus(made)
    return Image(found.array, replace(found.header, name=image.header.name))
