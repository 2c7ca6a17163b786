"""What an ONNX network itself says: how far its outputs look, on which grid it works, and whether it looks at everything.

Every tensor of the graph is followed from the inputs on. Along an axis that comes from a spatial axis of an input, element j
depends on a range of the input's pixels (its *field*): a convolution widens it, a stride sets elements further apart, an
upsampling closer together. Behind an upsampling neighbouring elements look differently far, so the range is kept for every
phase of j; it is exact unless two operations leave out different pixels in between.

- An output pixel of a tile is right where its field lies inside the tile; what is left over on either side is the halo needed.
  A border that a layer adds lies outside the image for every field, whatever was cut off before (`Field.through`).
- A tile that starts at a multiple of every step sees the same groups of pixels as the whole does; the least such multiple is
  the grid (the total stride).
- Operations that look at a whole axis (global pooling, instance normalisation, softmax over space), do something at a fixed
  place, or are not known make tiles wrong; they are named. What is not understood is never taken for harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

from ijbridge.errors import NetworkError
from ijbridge.network_axes import AxisOrder, axis_order
from ijbridge.network_facts import NetworkFacts, Signature, TensorSignature
from ijbridge.network_knowledge import Accepted, Shapes, known_shapes, taken_by_inner_graphs
from ijbridge.network_layers import Layers
from ijbridge.network_memory import peak_bytes
from ijbridge.network_safety import check_network
from ijbridge.network_sizes import computed
from ijbridge.onnx_operators import SIZED
from ijbridge.receptive_field import AxisFields, Field, Source, common_step

#: Operators that leave the values as they are.
_MOVING = ("Identity", "Transpose", "Cast", "Reshape", "Squeeze", "Unsqueeze")


class Network:
    """An ONNX file, without weights that are kept in other files.

    Parameters
    ----------
    source
        The file, or its bytes.
    external
        The file that the rest of its weights lie in.

    Raises
    ------
    NetworkError, PackageError, CannotRunError
        If it is no ONNX network, or none that is to be loaded (see `ijbridge.network_safety`).
    """

    def __init__(self, source: Path | bytes, external: Path | None = None) -> None:
        import onnx
        from google.protobuf.message import DecodeError

        try:
            if isinstance(source, bytes):
                self._model = onnx.load_model_from_string(source)
            else:
                self._model = onnx.load(str(source), load_external_data=False)
        except (DecodeError, ValueError, OSError) as error:
            reason = str(error).rstrip(".")
            raise NetworkError(f"The weights are not an ONNX network that can be read: {reason}.") from error
        if isinstance(source, bytes):
            check_network(self._model, len(source), None, None)
        else:
            check_network(self._model, source.stat().st_size, source.parent, external)
        graph = self._model.graph
        constants = {one.name for one in graph.initializer}
        #: The network's names of its inputs and outputs.
        self.inputs = [one.name for one in graph.input if one.name not in constants]
        self.outputs = [one.name for one in graph.output]
        if not all(isinstance(one, str) for one in (*self.inputs, *self.outputs)):
            raise NetworkError("The weights are not an ONNX network that can be read: a name in it is not in UTF-8.")

    @cached_property
    def _followed(self) -> _Follower:
        return _Follower(self._model, known_shapes(self._model), {})

    @cached_property
    def signature(self) -> Signature:
        """What the file states: its tensors, and what else there is to know of it."""
        graph, shapes = self._model.graph, self._followed.shapes
        tensors = {
            value.name: TensorSignature(value.name, _type(value), tuple(shapes[value.name]) if value.name in shapes else None)
            for value in (*graph.input, *graph.output)
        }
        return Signature(
            inputs=tuple(tensors[name] for name in self.inputs),
            outputs=tuple(tensors[name] for name in self.outputs),
            opset=self._followed.version,
            producer=" ".join(_text(one) for one in (self._model.producer_name, self._model.producer_version) if one),
            version=self._model.model_version or None,
            description=_text(self._model.doc_string or graph.doc_string),
            metadata={_text(one.key): _text(one.value) for one in self._model.metadata_props},
        )

    def axis_order(self, name: str) -> AxisOrder | None:
        """Tell the order of the axes of an input, None where the network does not (see `ijbridge.network_axes`)."""
        follower = self._followed
        shape = follower.shapes.get(name)
        if shape is None:
            return None
        constants = {one: list(tensor.dims) for one, tensor in follower.constants.items()}
        try:
            return axis_order(self._model.graph.node, name, shape, follower.values, constants)
        except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
            return None  # a node that is not as the standard has it is the engine's to refuse

    def last_operation(self, output: str) -> str:
        """Give the ONNX operator that makes the values of an output; what only moves them is passed over."""
        made_by = {name: node for node in self._model.graph.node for name in node.output}
        while output in made_by:
            node = made_by.pop(output)  # a network that goes in a circle is the engine's to refuse
            if node.op_type not in _MOVING or not node.input:
                return str(node.op_type)
            output = node.input[0]
        return ""

    def facts(self, accepted: Mapping[str, Sequence[Accepted | None]] | None = None) -> NetworkFacts:
        """Follow the graph.

        Parameters
        ----------
        accepted
            Per input (the network's name) and axis the sizes that it will have; None where that is not known: then sizes are
            taken to be multiples of the network's grid.
        """
        followed = self._followed
        grid = followed.grid()
        usual: dict[str, list[Accepted | None]] = {}
        for name, sizes in (accepted or {}).items():
            usual[name] = [_apart(one, grid.get((name, axis), 1)) for axis, one in enumerate(sizes)]
        if any(one is not None for sizes in usual.values() for one in sizes):
            followed = _Follower(self._model, followed.shapes, usual)
        return followed.facts()


def _apart(accepted: Accepted | None, grid: int) -> Accepted | None:
    """Give what sizes there are where they are not the multiples of the grid."""
    if accepted is None or (accepted[0] % grid == 0 and accepted[1] % grid == 0):
        return None
    return accepted if accepted[1] % grid == 0 else (0, accepted[1])


def _text(value: str | bytes) -> str:
    """Give a text of the file, which protobuf leaves as bytes where it is none."""
    return value if isinstance(value, str) else value.decode(errors="replace")


#: The types of ONNX that numpy calls otherwise.
_NUMPY_NAMES = {"float": "float32", "double": "float64"}


def _type(value: Any) -> str:
    from onnx import TensorProto

    number = value.type.tensor_type.elem_type
    name = TensorProto.DataType.Name(number).lower() if number in TensorProto.DataType.values() else f"type {number}"
    return _NUMPY_NAMES.get(name, name)


# --- following the graph ---------------------------------------------------------------------------------------------


#: Elements that are looked at (`Field.work`), in a second or two; what comes behind is not followed. A U-Net needs 2,000.
_MOST_WORK = 100_000


class _Follower(Layers):
    def __init__(self, model: Any, shapes: Shapes, accepted: Mapping[str, Sequence[Accepted | None]]) -> None:
        super().__init__(model, shapes, accepted)
        self._work = 0
        self._inputs = [value for value in self.graph.input if value.name not in self.constants]
        self._sources = [source for value in self._inputs for source in self.sources(value.name)]
        for value in self._inputs:
            self._begin(value.name)
        for node in self.graph.node:
            self._node(node)

    def grid(self) -> dict[Source, int]:
        return {source: common_step(self.steps.get(source, {Fraction(1)})) for source in self._sources}

    def facts(self) -> NetworkFacts:
        return NetworkFacts(
            fields={one.name: tuple(self.tensors.get(one.name, ())) for one in self.graph.output},
            grid=self.grid(),
            global_operations={source: tuple(self.reasons.get(source, ())) for source in self._sources},
            bytes_per_pixel=ceil(peak_bytes(self.graph, self.tensors, self.shapes)),
            types={value.name: _type(value) for value in self._inputs},
            smallest=self.smallest,
        )

    def _begin(self, name: str) -> None:
        shape = self.shapes.get(name)
        fields: list[AxisFields] = []
        for source in self.sources(name):
            size, _ = self.sizes_of(source)
            fields.append({source: Field(size=size, pixels=size)})
            if shape is None:
                self.reasons[source] = ["the network does not tell the shape of its input"]
        self.tensors[name] = fields

    def _node(self, node: Any) -> None:
        import onnx

        if not node.output:
            return  # nothing can be made of it
        if node.op_type == "Constant":
            value = next((one for one in node.attribute if one.name.startswith("value")), None)
            if value is not None and value.name == "value":
                tensor = onnx.TensorProto()
                tensor.CopyFrom(value.t)
                self.constants[node.output[0]] = tensor
            return
        if node.op_type in ("Shape", "Size") and node.input:
            fields = self.tensors.get(node.input[0], ())
            self.sizes[node.output[0]] = {source for axis in fields for source in axis}
            self._compute(node)
            return
        used = [*node.input, *taken_by_inner_graphs(node)]
        sizes = {source for name in used for source in self.sizes.get(name, ())}
        if not any(name in self.tensors for name in used):
            self.sizes |= {name: sizes for name in node.output if sizes}
            if sizes:
                self._compute(node)
            return  # made of constants, or of sizes
        if node.op_type not in SIZED:
            for source in sizes:
                self.say(source, node, "computes with its size")
        try:
            followed = _is_standard(node) and self._work < _MOST_WORK
            fields = self.follow(node, _attributes(node)) if followed else self.unknown(node)
        except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
            fields = self.unknown(node)  # a node that is not as the standard has it is the engine's to refuse
        for name in node.output:
            self.tensors[name] = fields
        for axis in fields:
            for source, field in axis.items():
                self.steps.setdefault(source, {Fraction(1)}).add(field.step)
                self._work += field.work

    def _compute(self, node: Any) -> None:
        """Follow the numbers that a node makes of sizes."""
        ranks = {name: len(axes) for name, axes in self.tensors.items()}
        try:
            numbers = computed(node, _attributes(node), self.numbers, self.values, ranks) if _is_standard(node) else None
        except (IndexError, KeyError, TypeError, ValueError):
            return  # a node that is not as the standard has it is the engine's to refuse
        if numbers is not None:
            self.numbers[node.output[0]] = numbers


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    return {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}


def _is_standard(node: Any) -> bool:
    return node.domain in ("", "ai.onnx")
