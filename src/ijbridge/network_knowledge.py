"""What is known of a network while its graph is followed: constants, shapes, fields, and what forbids tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, TypeAlias

from ijbridge.network_sizes import Numbers
from ijbridge.receptive_field import AxisFields, Source

#: The sizes an axis of an input may have: the smallest, and the step between them (0: there is one size).
Accepted: TypeAlias = tuple[int, int]

#: The axes of an input whose shape the network does not tell: as many as an image has at most.
_MOST_AXES = 6

#: The most numbers that are looked at of a constant: starts, ends, scales, one for each axis.
_LONGEST = 1000

#: A step that every stride divides: sizes are taken to be multiples of the grid where nothing is told.
_ANY = 2**20 * 3**6 * 5**3 * 7**2


#: The sizes that are known of each tensor; None for one that is not.
Shapes: TypeAlias = Mapping[str, Sequence[int | None]]


def known_shapes(model: Any) -> Shapes:
    """Give the shapes of a model's tensors, as far as the network tells them or they follow from it."""
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(model).graph
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, ValueError, RuntimeError):
        inferred = model.graph  # shapes only help; what needs one that is not known says so
    return {
        value.name: [one.dim_value if one.HasField("dim_value") else None for one in value.type.tensor_type.shape.dim]
        for value in (*inferred.input, *inferred.value_info, *inferred.output)
        if value.type.tensor_type.HasField("shape")
    }


class Knowledge:
    """What is known of one network.

    ``tensors`` has the fields of each tensor that is made of the inputs, by axis; ``sizes`` those that hold no pixels, but
    numbers that depend on the size of these sources, and ``numbers`` those of them that can be told; ``reasons`` why tiles
    along a source are not exact; ``smallest`` the pixels that a source needs for the borders that are mirrored.
    """

    def __init__(self, model: Any, shapes: Shapes, accepted: Mapping[str, Sequence[Accepted | None]]) -> None:
        self.graph = model.graph
        self.version = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=1)
        self.accepted = accepted
        self.constants = {one.name: one for one in model.graph.initializer}
        self.tensors: dict[str, list[AxisFields]] = {}
        self.reasons: dict[Source, list[str]] = {}
        self.sizes: dict[str, set[Source]] = {}
        self.numbers: dict[str, Numbers] = {}
        self.steps: dict[Source, set[Fraction]] = {}
        self.smallest: dict[Source, int] = {}
        self.shapes = shapes

    def sources(self, name: str) -> list[Source]:
        """Give the axes of an input."""
        return [(name, axis) for axis in range(len(self.shapes.get(name, [None] * _MOST_AXES)))]

    def sizes_of(self, source: Source) -> Accepted:
        """Give the smallest size of a source and the step to others, 0 where there are none."""
        name, axis = source
        told = self.accepted.get(name, ())
        accepted = told[axis] if axis < len(told) else None
        size = (self.shapes.get(name) or [None] * _MOST_AXES)[axis]
        if size is not None:
            return size, 0
        return accepted if accepted is not None else (0, _ANY)

    def is_fixed(self, axis: AxisFields) -> bool:
        """Whether what an axis is made of has one size only."""
        return all(self.sizes_of(source)[1] == 0 for source in axis)

    def whole(self, fields: list[AxisFields], axes: Iterable[int], node: Any, why: str) -> list[AxisFields]:
        """Say why tiles along all that these axes are made of are not exact; give the fields back."""
        for axis in axes:
            for source in fields[axis]:
                self.say(source, node, why)
        return fields

    def say(self, source: Source, node: Any, why: str) -> None:
        """Say why tiles along a source are not exact."""
        reason = f"{node.op_type} {why}"
        if reason not in self.reasons.setdefault(source, []):
            self.reasons[source].append(reason)

    def values(self, name: str) -> list[Any] | None:
        """Give the numbers of a constant; None for what is none, lies in another file, or is too long to be looked at."""
        from onnx import numpy_helper

        if name not in self.constants:
            return None
        tensor = self.constants[name]
        is_short = not tensor.external_data and prod(tensor.dims) <= _LONGEST
        return list(numpy_helper.to_array(tensor).ravel()) if is_short else None

    def dims(self, name: str) -> Sequence[int | None] | None:
        """Give the shape of something that is made of no image; None where it is not known."""
        return list(self.constants[name].dims) if name in self.constants else self.shapes.get(name)

    def unknown(self, node: Any) -> list[AxisFields]:
        """Take a node for one that looks at all it gets, and give fields that say nothing."""
        used = [*node.input, *taken_by_inner_graphs(node)]
        sources = {source for name in used for axis in self.tensors.get(name, ()) for source in axis}
        for source in sources:
            self.say(source, node, "does something that is not known here")
        rank = len(self.shapes.get(node.output[0], ())) or max(len(self.tensors.get(name, ())) for name in used)
        return [{} for _ in range(rank)]


def taken_by_inner_graphs(node: Any) -> list[str]:
    """Give what the graphs inside a node (branches, bodies of loops) use, which they may take from around it."""
    names = []
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for inner in graph.node:
                names += [*inner.input, *taken_by_inner_graphs(inner)]
            names += [one.name for one in graph.output]
    return names
