"""How a line written for DeepImageJ is run: tile and overlap as they are where they are right, else what is right, said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ijbridge.deepimagej.keys import Asked, shown_pixels
from ijbridge.description import FixedSize, Macro, ModelDescription, Tensor
from ijbridge.errors import OptionError, PlanError
from ijbridge.image import Header
from ijbridge.loaded import LoadedModel
from ijbridge.normalization import normalises
from ijbridge.operations import EnsureDtype, operation_name
from ijbridge.options import Options
from ijbridge.plans import Plan

#: Findings of tiles that do not give the numbers of the whole image.
_NOT_EXACT = ("tiles-not-exact", "tiles-forbidden")

When = Literal["before", "after"]
_WORDS: Mapping[When, str] = {"before": "preprocessing", "after": "postprocessing"}


@dataclass(frozen=True)
class Arranged:
    """The options of a run as Run Model... has them, and what is done otherwise than the line says, one sentence each.

    ``macros`` are the files of those that the model brings and the line asks for, in their order. They are programs of
    strangers: the line is no yes to them, unless it says so itself.
    """

    options: Mapping[str, str]
    notes: tuple[str, ...]
    macros: tuple[str, ...] = ()


def arrange(model: LoadedModel, asked: Asked, image: Header | None = None) -> Arranged:
    """Put what a line asks for into the options of a run.

    Parameters
    ----------
    image
        What it is to run on; without it tile and overlap are believed.

    Raises
    ------
    OptionError
        Where the line names a macro that the model does not have.
    """
    notes: list[str] = []
    options, macros = _steps(model.description, asked, notes)
    if asked.trust:
        options["trust"] = asked.trust
    tile, halo = dict(asked.tile or {}), asked.overlap
    if image is not None:
        tile, halo = _geometry(model, asked, image, options, notes)
    if tile:
        options["tile"] = shown_pixels(tile)
    if halo is not None:
        options["halo"] = str(halo)
    return Arranged(options, tuple(notes), macros)


# --- tile and overlap ------------------------------------------------------------------------------------------------


def _geometry(
    model: LoadedModel, asked: Asked, image: Header, options: Mapping[str, str], notes: list[str]
) -> tuple[dict[str, int], int | None]:
    """Give the tile and the overlap that are right, of those that are asked for."""
    tensor, *others = model.description.inputs
    if others:
        return dict(asked.tile or {}), asked.overlap  # the run itself says that it takes one image

    def planned(tile: Mapping[str, int], halo: int | None) -> Plan:
        named = {**options, "tile": dict(tile) or "auto", "halo": "auto" if halo is None else halo}
        return model.plan({tensor.id: image}, Options.named(named))

    tile = {letter: size for letter, size in (asked.tile or {}).items() if letter in image.axes}
    halo = asked.overlap
    if tile:
        name = "patch" if asked.dialect == 1 else "tile"
        try:
            wrong = next((one.found for one in planned(tile, None).findings if one.id in _NOT_EXACT), "")
        except PlanError as error:
            wrong = str(error).rstrip(".")
        if wrong:
            notes.append(f"{name}={_named(tile)} is not taken: {wrong}.")
            tile = {}
    if halo is not None:
        try:
            wrong = next((one.found for one in planned(tile, halo).findings if one.id == "halo-too-small"), "")
        except PlanError as error:
            wrong = str(error).rstrip(".")
        if wrong:
            notes.append(f"overlap={halo} is not taken, but what the network needs: {wrong}.")
            halo = None
    if tile:
        notes += _corrected(tile, planned(tile, halo), image, name)
    return tile, halo


def _corrected(tile: Mapping[str, int], plan: Plan, image: Header, name: str) -> list[str]:
    """Say where the plan has other tiles than the line: of a size that the network takes, and of no more than the image."""
    taken = {}
    for axis in plan.inputs[0].axes:
        if axis.line is not None and axis.letter is not None and axis.letter in tile:
            taken[axis.letter] = plan.lines[axis.line].tile
    # an image that is smaller than its tile is run as a whole: there is nothing to be corrected
    whole = [one for one, size in taken.items() if (image.size(one) or 0) <= size < tile[one]]
    if all(size == tile[one] or one in whole for one, size in taken.items()):
        return []
    return [f"{name}={_named(tile)} is no size that the network takes: {shown_pixels(taken)} is taken."]


def _named(tile: Mapping[str, int]) -> str:
    sizes = set(tile.values())
    return str(sizes.pop()) if len(sizes) == 1 else shown_pixels(tile)


# --- what is done before and after the network -----------------------------------------------------------------------


def _steps(description: ModelDescription, asked: Asked, notes: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Give the options for what is done before the network, and the macros of the model that are to be run."""
    wanted: list[Macro] = []
    options: dict[str, str] = {}
    if asked.before is not None:
        doing = _doing(description, "before", asked.before, notes)
        native = doing[0].normalize if len(doing) == 1 and _channels(description.inputs[0]) == 1 else None
        if not asked.before:
            options |= _nothing_before(description, notes)
        elif native is None or asked.may_run_macros:
            wanted += doing
        else:
            options["normalize"] = native.replace(" ", ",")
            notes.append(
                f"{doing[0].source} is done as normalize={options['normalize']} does it, which is what its text says, "
                "with exact statistics."
            )
    if asked.after is not None:
        wanted += _doing(description, "after", asked.after, notes)
        stated = [one for tensor in description.outputs for one in tensor.operations if not isinstance(one, EnsureDtype)]
        if stated and not asked.after:
            names = ", ".join(operation_name(one) for one in stated)
            notes.append(f"The line says no postprocessing, but what the description states is done ({names}).")
    return options, tuple(one.source for one in wanted)


def _nothing_before(description: ModelDescription, notes: list[str]) -> dict[str, str]:
    stated = [tensor for tensor in description.inputs if any(map(normalises, tensor.operations))]
    if stated:
        notes.append(f"The line says no preprocessing: what the description states ({_stated(description)}) is not done.")
    is_warned = any(tensor.assumed and tensor.assumed.severity == "warning" for tensor in description.inputs)
    return {"normalize": "none"} if stated or is_warned else {}


def _doing(description: ModelDescription, when: When, names: Sequence[str], notes: list[str]) -> list[Macro]:
    """Give the macros of these names that do something for which the description states no step of its own."""
    there = {one.source.rsplit("/", 1)[-1]: one for one in description.macros if one.when == when}
    unknown = [name for name in names if name not in there]
    if unknown:
        raise OptionError(
            f"The model {description.name!r} has no {_WORDS[when]} macro {unknown[0]!r}: it has {', '.join(there) or 'none'}."
        )
    doing = [there[name] for name in names if not there[name].is_empty]
    replaced = [one.source for one in doing if one.use == "replaced"]
    if replaced:
        notes.append(f"{', '.join(replaced)} is not run: the description states the {_WORDS[when]} that is done instead.")
    return [one for one in doing if one.use != "replaced"]


def _channels(tensor: Tensor) -> int | None:
    sizes = [axis.size for axis in tensor.axes if axis.kind == "channel"]
    return 1 if not sizes else sizes[0].size if isinstance(sizes[0], FixedSize) else None


def _stated(description: ModelDescription) -> str:
    operations = [one for tensor in description.inputs for one in tensor.operations if not isinstance(one, EnsureDtype)]
    return ", ".join(operation_name(one) for one in operations) or "pixels as they are"
