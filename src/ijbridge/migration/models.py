"""What becomes of one model: whether it runs, what that takes, and how far its results are from the saved ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ijbridge.description import FixedSize, Macro, ModelDescription
from ijbridge.errors import AgreementError, CannotRunError, IJBridgeError
from ijbridge.loaded import LoadedModel, verify_files
from ijbridge.migration.comparing import Comparison, compare_all
from ijbridge.model_names import names_of
from ijbridge.options import Options
from ijbridge.planning import check_runnable
from ijbridge.supported import missing_extra

Verdict = Literal["runs", "differs", "unknown", "needs", "does not run"]


@dataclass(frozen=True)
class ModelReport:
    """One model, and all that it is called (``names``).

    ``needs`` are an extra or a yes that a run as before takes, ``error`` says why it does not run. ``normalize`` is the option
    with which the comparisons were made, where it stands for the model's own macro.
    """

    path: Path
    name: str
    format: str
    names: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    normalize: str = ""
    comparisons: tuple[Comparison, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What becomes of it, in one word."""
        if self.error:
            return "does not run"
        if self.needs:
            return "needs"
        compared = [one.verdict for one in self.comparisons]
        return "differs" if "differs" in compared else "unknown" if "not compared" in compared else "runs"


def examine(path: Path) -> ModelReport:
    """Read a model, run it on the images that came with it, and compare; nothing of the package is executed."""
    try:
        model = LoadedModel(path)
    except IJBridgeError as error:
        return ModelReport(path, path.name, "", error=str(error))
    with model:
        description = model.description
        form = f"{description.format} {description.format_version}".rstrip()
        report = ModelReport(path, description.name, form, names_of(description))
        try:
            verify_files(description)
            check_runnable(description)
            model.variant(Options())
        except AgreementError as error:
            yes = "a yes to weights that are a program (trust=torchscript)"
            needs = (yes, *(f"an extra: {one}" for one in _missing(description)))
            return replace(report, needs=needs, notes=(str(error),))
        except CannotRunError as error:
            extras = [f"an extra, once: {one}" for one in _missing(description)]
            return replace(report, needs=tuple(extras), notes=(str(error),)) if extras else replace(report, error=str(error))
        except IJBridgeError as error:
            return replace(report, error=str(error))
        macros = [one for one in description.macros if not one.is_empty]
        native = _native(description, macros)
        needs = tuple(_needs(macros, native))
        options = Options.read(normalize=native) if native else Options.read()
        comparisons = tuple(compare_all(model, options))
        notes = tuple(one.sentence for one in model.described(options).all_findings)
    return replace(report, needs=needs, notes=notes, normalize=native, comparisons=comparisons)


def _missing(description: ModelDescription) -> list[str]:
    found = (missing_extra(one.format) for one in description.weights if one.available)
    return [one for one in found if one is not None]


def _native(description: ModelDescription, macros: list[Macro]) -> str:
    """Give the normalisation that does what the macro before the network does; empty where its meaning is not plain."""
    before = [one for one in macros if one.when == "before" and one.use != "replaced"]
    (tensor,) = description.inputs[:1]
    sizes = [axis.size for axis in tensor.axes if axis.kind == "channel"]
    is_one_channel = all(isinstance(one, FixedSize) and one.size == 1 for one in sizes)
    if len(before) == 1 and tensor.assumed is not None and is_one_channel:
        return before[0].normalize or ""
    return ""


def _needs(macros: list[Macro], native: str) -> Iterator[str]:
    """Name the macros for which there is no other way than a yes, after which ImageJ runs them."""
    for one in macros:
        if one.use == "named" and not (one.when == "before" and native):
            yield f"a yes to its macro {one.source} {one.when} the network (macros=run in ImageJ)"
