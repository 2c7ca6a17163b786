"""A plan for people: what would be done, in a few lines."""

from __future__ import annotations

from math import prod

from ijbridge.planning import InputPlan, OutputPlan, Plan, described_operations


def plan_text(plan: Plan) -> str:
    """Say what would be done."""
    lines = [f"{plan.description.name}, {plan.weights.format} weights, on {plan.device}"]
    for one in plan.inputs:
        lines += [f"{'image' if len(plan.inputs) == 1 else one.tensor.id:<10} {one.image.name}: {one.image.described()}"]
        lines += [f"{'axes':<10} {_axes(one, plan)}"]
        lines += [f"{'first':<10} {'; '.join(described_operations(one.tensor)) or 'nothing'}"]
    tiles = [
        f"{name.rsplit('.', 1)[-1]} {line.size}: "
        + (f"in one piece of {line.tile}" if line.is_whole else f"{len(line.starts)} tiles of {line.tile}")
        + ("" if line.is_whole else f", halo {plan.halo_of(name)}")
        + (f", padded to {line.padded} ({plan.padding})" if line.padded > line.size else "")
        for name, line in plan.lines.items()
    ]
    lines += [f"{'tiles':<10} {'; '.join(tiles) or 'none'}"]
    lines += [f"{'runs':<10} {plan.tile_count}" + (f" ({plan.samples} samples)" if plan.samples > 1 else "")]
    for output in plan.outputs:
        lines += [f"{'then':<10} {'; '.join(described_operations(output.tensor)) or 'nothing'}"]
        lines += [f"{'result':<10} {_result(output)}"]
    lines += [f"{'memory':<10} about {_bytes(plan.memory)} beyond the image"]
    lines += [f"{finding.severity:<10} {finding.sentence}" for finding in plan.findings]
    return "\n".join(lines)


def _axes(one: InputPlan, plan: Plan) -> str:
    parts = [f"{axis.letter} is {axis.id}" if axis.letter != axis.id else f"{axis.letter}" for axis in one.axes if axis.letter]
    parts += [f"{axis.id} is added" for axis in one.axes if axis.letter is None and axis.id != "batch"]
    parts += [f"{letter} is looped over ({size})" for letter, size in plan.loops.items()]
    return ", ".join(parts)


def _result(output: OutputPlan) -> str:
    header = output.result
    size = prod(header.shape)
    pixel = ", ".join(f"{axis} {size:g} {header.unit.get(axis, '')}".strip() for axis, size in header.pixel_size.items())
    return f"{header.name}: {header.described()}, {size} values" + (f", pixel size {pixel}" if pixel else "")


def _bytes(number: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
