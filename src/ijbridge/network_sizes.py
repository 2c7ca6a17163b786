"""Numbers that a network computes of the sizes of its tensors, followed as far as they are whole multiples of one size each.

TensorFlow's upsampling, for one, multiplies a tensor's own height and width by constants and resizes the tensor to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

#: From here on the end of a slice is the end of the list.
_END = 2**31 - 1


@dataclass(frozen=True)
class Multiple:
    """``factor`` times the size of an axis of a tensor."""

    tensor: str
    axis: int
    factor: int = 1


#: A list of numbers: constants, or multiples of sizes.
Numbers: TypeAlias = "list[int | Multiple]"


def computed(
    node: Any,
    attributes: Mapping[str, Any],
    known: Mapping[str, Numbers],
    values: Callable[[str], Sequence[Any] | None],
    ranks: Mapping[str, int],
) -> Numbers | None:
    """Give the numbers that a node makes; None where they are not such multiples.

    Parameters
    ----------
    known
        The numbers that nodes before made, by name.
    values
        Gives a constant by name, None for what is none.
    ranks
        The number of axes of each tensor that is made of an input.
    """
    kind = node.op_type
    if kind == "Shape":
        rank = ranks.get(node.input[0])
        sizes: Numbers = [Multiple(node.input[0], axis) for axis in range(rank or 0)]
        return sizes[attributes.get("start", 0) : attributes.get("end", rank)] if rank else None
    given = [_given(name, known, values) for name in node.input]
    first = given[0] if given else None
    if first is None:
        return None
    if kind in ("Cast", "Identity", "Unsqueeze", "Squeeze"):
        return first
    if kind == "Concat":
        return None if None in given else [number for one in given for number in one or ()]
    if kind == "Mul":
        return _product(first, given[1])
    if kind == "Gather" and attributes.get("axis", 0) == 0:
        places = [one for one in given[1] or () if isinstance(one, int)]
        return [first[place] for place in places] if places and len(places) == len(given[1] or ()) else None
    if kind == "Slice" and len(given) > 2:
        starts, ends, steps = given[1], given[2], given[4] if len(given) > 4 else [1]
        if starts and ends and steps == [1] and isinstance(starts[0], int) and isinstance(ends[0], int):
            return first[starts[0] : None if ends[0] >= _END else ends[0]]
    return None


def _given(name: str, known: Mapping[str, Numbers], values: Callable[[str], Sequence[Any] | None]) -> Numbers | None:
    if name in known:
        return known[name]
    constant = values(name) if name else None
    if constant is None or any(one != int(one) for one in constant):
        return None
    return [int(one) for one in constant]


def _product(a: Numbers, b: Numbers | None) -> Numbers | None:
    if b is None or (len(a) != len(b) and 1 not in (len(a), len(b))):
        return None
    length = max(len(a), len(b))
    pairs = zip(a * (length // len(a)), b * (length // len(b)), strict=True)
    product: Numbers = []
    for one, other in pairs:
        size, factor = (one, other) if isinstance(one, Multiple) else (other, one)
        if not isinstance(factor, int):
            return None
        product.append(Multiple(size.tensor, size.axis, size.factor * factor) if isinstance(size, Multiple) else size * factor)
    return product
