"""Which axis of a network's input is batch, channel or space: told by the first layers that know.

Convolutions, poolings and the normalisations between them take (batch, channel, space...), says the ONNX operator
specification. An input is followed through the nodes that only change its values or the order of its axes, until such a layer
is reached: behind a Transpose it tells of a network whose channels are last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ijbridge.onnx_operators import CHANNELWISE, ELEMENTWISE, OVER_SPACE, WINDOWS

#: Layers that take the axes in the order of the specification.
_KNOWING = (CHANNELWISE | OVER_SPACE | WINDOWS) - {"DequantizeLinear", "QuantizeLinear", "MeanVarianceNormalization"}

#: Nodes that leave each axis where it is.
_KEEPING = ELEMENTWISE | {"Concat", "DequantizeLinear", "Pad", "QuantizeLinear", "Resize", "Slice", "Upsample"}

#: The letters of space by their number.
_SPACE = {2: "yx", 3: "zyx"}

#: A channel axis whose size is told has up to so many elements, a space axis more.
_MOST_CHANNELS, _FEWEST_PIXELS = 4, 16

#: The input's axis at each place of a tensor; None for an axis that was added.
_Places: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class AxisOrder:
    """The letters of an input's axes, and what told them."""

    letters: str
    because: str


def axis_order(
    nodes: Sequence[Any],
    name: str,
    shape: Sequence[int | None],
    values: Callable[[str], Sequence[Any] | None],
    constants: Mapping[str, Sequence[int | None]],
) -> AxisOrder | None:
    """Tell the order of the axes of an input.

    Parameters
    ----------
    nodes
        The nodes of the graph, each after those whose outputs it takes.
    shape
        The sizes of the input, None where they are free.
    values
        Gives the numbers of a constant, None where they are not known.
    constants
        The shapes of the constants, by name.

    Returns
    -------
    AxisOrder or None
        None where the network does not tell, or tells several orders.
    """
    if len(shape) == 2:
        return AxisOrder("yx", "there are two")
    told = list(dict.fromkeys(_told(nodes, name, len(shape), values, constants)))
    if told:
        letters = {one.letters for one in told}
        return told[0] if len(letters) == 1 else None
    return _by_size(shape)


def _told(
    nodes: Sequence[Any],
    name: str,
    rank: int,
    values: Callable[[str], Sequence[Any] | None],
    constants: Mapping[str, Sequence[int | None]],
) -> list[AxisOrder]:
    import onnx

    found: list[AxisOrder] = []
    followed: dict[str, _Places] = {name: tuple(range(rank))}
    for node in nodes:
        taken = [followed[one] for one in node.input if one in followed]
        if not taken or len(set(taken)) > 1:
            continue
        (places,) = set(taken)
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        if node.op_type in _KNOWING:
            letters = _letters(places, rank) if node.input[0] in followed else None
            if letters is not None:
                moved = ", changed before" if places != tuple(range(rank)) else ""
                found.append(AxisOrder(letters, f"its first {node.op_type} takes them in this order{moved}"))
            continue
        after: _Places | None = None
        if node.op_type in _KEEPING:
            wider = any(len(constants.get(one, ())) > len(places) for one in node.input)
            after = None if wider else places
        elif node.op_type == "Transpose":
            order = attributes.get("perm", list(reversed(range(len(places)))))
            after = tuple(places[axis] for axis in order) if sorted(order) == list(range(len(places))) else None
        elif node.op_type in ("Unsqueeze", "Squeeze"):
            axes = attributes.get("axes") or (values(node.input[1]) if len(node.input) > 1 else None)
            after = _reshaped(places, [int(axis) for axis in axes], node.op_type) if axes else None
        if after is not None:
            followed |= dict.fromkeys(node.output, after)
    return found


def _reshaped(places: _Places, axes: Sequence[int], how: str) -> _Places | None:
    if how == "Squeeze":
        gone = {axis % len(places) for axis in axes}
        return tuple(one for number, one in enumerate(places) if number not in gone)
    total = len(places) + len(axes)
    added, rest = {axis % total for axis in axes}, iter(places)
    return tuple(None if number in added else next(rest) for number in range(total)) if len(added) == len(axes) else None


def _letters(places: _Places, rank: int) -> str | None:
    """Give the letters of an input whose axes stand at these places of a layer; None where one is not among them."""
    space = _SPACE.get(len(places) - 2)
    if space is None:
        return None
    letters = {place: letter for place, letter in zip(places, f"bc{space}", strict=True) if place is not None}
    return "".join(letters[axis] for axis in range(rank)) if len(letters) == rank else None


def _by_size(shape: Sequence[int | None]) -> AxisOrder | None:
    """Take the one axis of few elements, second or last, for the channels."""
    space = _SPACE.get(len(shape) - 2)
    if space is None:
        return None
    first, last = shape[1], shape[-1]
    few = [size is not None and size <= _MOST_CHANNELS for size in (first, last)]
    many = [size is None or size >= _FEWEST_PIXELS for size in (first, last)]
    if few[0] and many[1]:
        return AxisOrder(f"bc{space}", f"there are {first} elements along the second one")
    if few[1] and many[0]:
        return AxisOrder(f"b{space}c", f"there are {last} elements along the last one")
    return None
