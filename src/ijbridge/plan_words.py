"""A plan in plain words: what a person reads in ImageJ's dialog before the run.

`Plan.__str__` says the same for a shell and the log, closer to the network.
"""

from __future__ import annotations

from collections.abc import Mapping

from ijbridge import units
from ijbridge.description import Tensor
from ijbridge.geometry import axis_of
from ijbridge.image import Header
from ijbridge.plans import InputPlan, Plan, ResultPlan
from ijbridge.tiling import Line

_COUNTED = {"b": "sample", "t": "frame", "z": "slice", "c": "channel"}
_TYPES = {"uint8": "8 bit", "uint16": "16 bit", "float32": "32 bit", "int32": "integers"}


def plan_words(plan: Plan) -> list[tuple[str, str]]:
    """Say what would be done: pairs of what a line is about and what it says, in the order of a run."""
    lines = [line for one in plan.inputs for line in _input(one, plan)]
    lines.append(("Tiles", _tiles(plan)))
    runs = "once" if plan.tile_count == 1 else f"{plan.tile_count} times"
    device = {"cpu": "the CPU", "cuda": "the GPU"}.get(plan.device, plan.device)
    lines.append(("Network", f"runs {runs} on {device}"))
    lines.append(("Memory", f"about {units.amount(plan.memory)} beyond the image, of {units.amount(plan.budget)}"))
    if plan.objects is not None:
        lines.append(("Objects", str(plan.objects)))
    return [*lines, *(("Result", _result(one)) for one in plan.results.values())]


def size_words(header: Header) -> str:
    """Say the size of an image: ``512 × 256 pixels, 12 slices, 2 channels, 16 bit``, x first as ImageJ has it."""
    plane = " × ".join(str(size) for size in (header.size("x"), header.size("y")) if size is not None)
    counts = [f"{size} {_COUNTED[axis]}{'s' * (size != 1)}" for axis in "ztcb" if (size := header.size(axis)) is not None]
    return ", ".join([f"{plane} pixels", *counts, _TYPES.get(header.dtype, header.dtype)])


def pixel_words(sizes: Mapping[str, float | None], unit: Mapping[str, str | None]) -> str:
    """Say the size of a pixel, x first: ``0.107 × 0.2 µm (x, y)``; empty where none is known."""
    known = {axis: size for axis in "xyz" if (size := sizes.get(axis)) is not None}
    if not known:
        return ""
    symbols = {units.symbol(unit.get(axis)) or "" for axis in known}
    if len(symbols) > 1:
        return ", ".join(f"{axis} {size:g} {units.symbol(unit.get(axis)) or ''}".strip() for axis, size in known.items())
    if len(set(known.values())) == 1:
        return f"{next(iter(known.values())):g} {symbols.pop()}".strip()
    return f"{' × '.join(f'{size:g}' for size in known.values())} {symbols.pop()} ({', '.join(known)})".replace("  ", " ")


def _input(one: InputPlan, plan: Plan) -> list[tuple[str, str]]:
    preparation = one.preparation
    lines = [("Image", f"{preparation.source.name}: {size_words(preparation.source)}")]
    if preparation.channels is not None:
        lines.append(("Channels", f"{preparation.channels_text} of {preparation.source.size('c')}"))
    seen = " and ".join(axis.letter for axis in one.axes if axis.letter and axis.letter != "b")
    each = [f"each of the {size} {_COUNTED.get(letter, letter)}s" for letter, size in plan.loops.items() if size > 1]
    lines.append(("Axes", f"the model sees {seen}" + (f", and is run on {' and '.join(each)}" if each else "")))
    return [*lines, ("Pixel size", _pixel_size(one))]


def _pixel_size(one: InputPlan) -> str:
    source = one.preparation.source
    found = pixel_words(source.pixel_size, source.unit) or "not known"
    wanted = model_pixel_size(one.tensor)
    expected = f"the model expects {wanted}" if wanted else "the model states none"
    resampled = f"; resampled to {size_words(one.image)}" if one.preparation.factors else ""
    return f"{found}; {expected}{resampled}"


def model_pixel_size(tensor: Tensor) -> str:
    """Say the pixel size that an input was made for; empty where the description states none."""
    space = [axis for axis in tensor.axes if axis.kind == "space" and axis.letter is not None]
    return pixel_words({axis.letter or "": axis.pixel_size for axis in space}, {axis.letter or "": axis.unit for axis in space})


def _tiles(plan: Plan) -> str:
    if not plan.lines:
        return "none"
    lines = {axis_of(name): (name, line) for name, line in sorted(plan.lines.items(), key=_x_first)}
    size = " × ".join(str(line.tile) for _, line in lines.values())
    if all(line.is_whole for _, line in lines.values()):
        padded = any(line.padded > line.size for _, line in lines.values())
        return f"one of {size} pixels, the whole image" + (" and padding" if padded else "")
    counts = " × ".join(str(len(line.starts)) for _, line in lines.values())
    halos = {plan.halo_of(name) for name, line in lines.values() if not line.is_whole}
    shared = " or ".join(map(str, sorted(halos))) + (" pixel" if halos == {1} else " pixels")
    return f"{counts} of {size} pixels ({', '.join(lines)}), with {shared} of their neighbours on every side"


def _x_first(named: tuple[str, Line]) -> int:
    axis = axis_of(named[0])
    return "xyz".index(axis) if axis in "xyz" else 3


def _result(one: ResultPlan) -> str:
    header = one.header
    names = f" ({', '.join(header.channel_names)})" if len(header.channel_names) > 1 else ""
    kind = ", labels" if one.is_label_image else ""
    pixel = pixel_words(header.pixel_size, header.unit)
    return f"{header.name}: {size_words(header)}{names}{kind}" + (f", pixels of {pixel}" if pixel else "")
