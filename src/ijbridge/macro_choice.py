"""Which of a model's macros ImageJ runs, as the option ``macros`` says, and what is said of it.

Nothing is run here. A macro runs on the image, before it is planned, or on the result; then its description says ``is_run``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from ijbridge.agreements import Code
from ijbridge.description import IMAGEJ_MACRO, Macro, ModelDescription
from ijbridge.errors import OptionError
from ijbridge.findings import Finding
from ijbridge.formats.macros import after_findings, read_text
from ijbridge.formats.package import package_of

#: How ImageJ's macros end; other code of ImageJ's is none.
_ENDS = (".ijm", ".txt")

#: What to do where the option is given and no ImageJ can run a macro.
NO_IMAGEJ = (
    "a model's macros are run by ImageJ, and there is none here: run the model there (Run Model... with macros=run), start "
    "ImageJ in this Python by ijbridge.imagej.init(), or name what the macro does, such as normalize=percentile,1,99.8"
)


def chosen(description: ModelDescription, names: tuple[str, ...]) -> tuple[Macro, ...]:
    """Give the macros that are meant, in the order in which they are run; those that do nothing are left out.

    Parameters
    ----------
    names
        Their files, with or without folders; none: all that the description names.

    Raises
    ------
    OptionError
        If there are none, or one that is named is not there or is no macro.
    """
    if not names:
        found = [one for one in description.macros if one.use == "named"]
        if all(one.is_empty for one in found):
            replaced = [one.source for one in description.macros if one.use == "replaced"]
            why = f"the operations of its description are done in place of {', '.join(replaced)}" if replaced else "it has none"
            raise OptionError(f"macros=run has no macro of {description.name!r} to run ({why}): leave it out.")
    else:
        found = [_named(description, name) for name in names]
    for one in found:
        _check(description, one)
    return tuple(one for one in found if one.use != "replaced" and not one.is_empty)


def code_of(description: ModelDescription, macro: Macro) -> Code:
    """Give a macro as what a person says yes to."""
    return Code(description.location, macro.source, macro.kind, macro.sha256 or "")


def text_of(description: ModelDescription, macro: Macro) -> str:
    """Give the text of a macro; errors are those of `ijbridge.formats.macros.read_text`."""
    return read_text(package_of(description), macro)


def with_macros(
    description: ModelDescription, names: tuple[str, ...], *, in_imagej: bool, normalized: bool
) -> ModelDescription:
    """Give the description of a model whose macros ImageJ runs; what was said of them as not run is not said any more.

    Parameters
    ----------
    names
        As for `chosen`.
    in_imagej
        Whether there is an ImageJ that runs them.
    normalized
        Whether the option ``normalize`` names a normalisation too.

    Raises
    ------
    OptionError
        If there is none, or as `chosen`, or the image would be normalised twice.
    """
    if not in_imagej:
        raise OptionError(f"macros={','.join(names) or 'run'} cannot be done: {NO_IMAGEJ}.")
    run = chosen(description, names)
    twice = [one.source for one in run if one.normalize is not None]
    if normalized and twice:
        raise OptionError(
            f"normalize and macros would both normalise, as {', '.join(twice)} does it too: leave one of the two out."
        )
    before = any(one.when == "before" for one in run)
    gone = set(after_findings(description.macros)) if any(one.when == "after" for one in run) else set()
    return replace(
        description,
        macros=tuple(replace(one, is_run=one in run) for one in description.macros),
        inputs=tuple(
            replace(one, assumed=None) if before and one.assumed is not None and one.assumed.id == "macro-not-run" else one
            for one in description.inputs
        ),
        findings=(*(one for one in description.findings if one not in gone), *_said(run)),
    )


def _named(description: ModelDescription, name: str) -> Macro:
    for one in description.macros:
        if one.source == name:
            return one
    for one in description.macros:
        if PurePosixPath(one.source).name == name:
            return one
    there = ", ".join(one.source for one in description.macros) or "none"
    raise OptionError(f"The model {description.name!r} has no macro {name!r}: it has {there}.")


def _check(description: ModelDescription, macro: Macro) -> None:
    if macro.kind != IMAGEJ_MACRO or not macro.source.lower().endswith(_ENDS):
        raise OptionError(
            f"{macro.source} of the model {description.name!r} is no macro that is run ({', '.join(_ENDS)}) but other code: do "
            "to the image what it does, and leave macros out."
        )
    if macro.sha256 is None:
        raise OptionError(
            f"The model {description.name!r} names the macro {macro.source}, but does not hold it: get the model again, or "
            "leave macros out."
        )


def _said(run: tuple[Macro, ...]) -> Iterator[Finding]:
    for when, what in (("before", "a duplicate of the image before"), ("after", "the result of")):
        named = ", ".join(one.source for one in run if one.when == when)
        if named:
            yield Finding("macro-run", "note", f"ImageJ runs {named} of the model on {what} the network")
