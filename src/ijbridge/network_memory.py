"""How much memory a network needs while it runs: its tensors that are needed at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ijbridge.receptive_field import AxisFields

#: An axis of an input with a fixed size of up to so many is taken for channels.
_MOST_CHANNELS = 16


def peak_bytes(graph: Any, tensors: Mapping[str, Sequence[AxisFields]], shapes: Mapping[str, Sequence[int | None]]) -> float:
    """Go through the nodes of a graph in order, and give the most bytes per input pixel that are needed at the same time.

    Parameters
    ----------
    tensors
        The fields of each tensor that is made of the inputs, by axis.
    shapes
        The sizes that are known of each tensor.
    """
    last_use = {name: number for number, node in enumerate(graph.node) for name in node.input}
    inputs, kept = {one.name for one in graph.input}, {one.name for one in graph.output}
    alive = {name: _bytes(name, tensors, shapes) for name in tensors if name in inputs}
    peak = sum(alive.values())
    alive = {name: number for name, number in alive.items() if name in last_use or name in kept}
    now = sum(alive.values())
    for number, node in enumerate(graph.node):
        made = {name: _bytes(name, tensors, shapes) for name in node.output if name in tensors and name not in alive}
        alive |= made
        now += sum(made.values())
        peak = max(peak, now)
        for name in {*node.input, *node.output}:
            if name in alive and last_use.get(name, -1) <= number and name not in kept:
                now -= alive.pop(name)
    return peak


def _bytes(name: str, tensors: Mapping[str, Sequence[AxisFields]], shapes: Mapping[str, Sequence[int | None]]) -> float:
    """Give a tensor's bytes per pixel of the input: its channels, over the steps of its spatial axes."""
    shape, number = shapes.get(name, ()), 4.0
    for axis, fields in enumerate(tensors[name]):
        steps = [float(one.step) for one in fields.values()]
        if axis == 0 and fields:
            continue
        origins = [shapes.get(source, ())[place : place + 1] for source, place in fields]
        if steps and not all(origin and origin[0] and origin[0] <= _MOST_CHANNELS for origin in origins):
            number /= max(steps)
        else:
            number *= (shape[axis] if axis < len(shape) else None) or 1
    return number
