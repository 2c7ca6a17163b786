"""What an ONNX network itself says: how far its outputs look, on which grid it works, and whether it looks at everything.

Every tensor of the graph is followed from the inputs on. Along an axis that comes from a spatial axis of an input, element j
depends on a range of the input's pixels (its *field*): a convolution widens it, a stride sets elements further apart, an
upsampling closer together. Behind an upsampling neighbouring elements look differently far, so the range is kept for every
phase of j; it is exact unless two operations leave out different pixels in between.

- An output pixel of a tile is right where its field lies inside the tile; what is left over on either side is the halo needed.
- A tile that starts at a multiple of every step sees the same groups of pixels as the whole does; the least such multiple is
  the grid (the total stride).
- Operations that look at a whole axis (global pooling, instance normalisation, softmax over space) or that are not known
  make tiles wrong; they are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

from ijbridge.errors import NetworkError
from ijbridge.network_facts import NetworkFacts
from ijbridge.onnx_operators import (
    ALONG_ONE_AXIS,
    ELEMENTWISE,
    OVER_SPACE,
    SIZED,
    WINDOWS,
    fraction,
    pads_before,
    text,
)
from ijbridge.receptive_field import AxisFields, Field, Source, common_step, in_blocks, resize_reads, shifted

if TYPE_CHECKING:
    from pathlib import Path


def read_graph(source: Path | bytes) -> NetworkFacts:
    """Follow the graph of an ONNX file; weights kept in other files are not needed.

    Raises
    ------
    NetworkError
        If it is no ONNX network.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        if isinstance(source, bytes):
            model = onnx.load_model_from_string(source)
        else:
            model = onnx.load(str(source), load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        raise NetworkError(f"The weights are not an ONNX network that can be read: {error}") from error
    return _Follower(model).facts()


#: The types of ONNX that numpy calls otherwise.
_NUMPY_NAMES = {"float": "float32", "double": "float64"}


def _type(value: Any) -> str:
    from onnx import TensorProto

    name = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    return _NUMPY_NAMES.get(name, name)


# --- following the graph ---------------------------------------------------------------------------------------------

#: An axis of an input with a fixed size of up to so many is taken for channels where memory is estimated.
_MOST_CHANNELS = 16


class _Follower:
    def __init__(self, model: Any) -> None:
        import onnx

        self._graph = model.graph
        self._version = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=1)
        self._constants = {one.name: one for one in model.graph.initializer}
        self._tensors: dict[str, list[AxisFields]] = {}
        self._reasons: dict[Source, list[str]] = {}
        #: Tensors that hold no pixels, but numbers that depend on the size of these sources.
        self._sizes: dict[str, set[Source]] = {}
        self._steps: dict[Source, set[Fraction]] = {}
        self._shapes: dict[str, list[int | None]] = {}
        try:
            inferred = onnx.shape_inference.infer_shapes(model).graph
        except (onnx.shape_inference.InferenceError, ValueError):
            inferred = model.graph  # shapes only help; what needs one that is not known says so
        for value in (*inferred.input, *inferred.value_info, *inferred.output):
            if value.type.tensor_type.HasField("shape"):
                self._shapes[value.name] = [
                    one.dim_value if one.HasField("dim_value") else None for one in value.type.tensor_type.shape.dim
                ]

    def facts(self) -> NetworkFacts:
        for value in self._graph.input:
            if value.name not in self._constants:
                rank = len(self._shapes.get(value.name, ()))
                self._tensors[value.name] = [{(value.name, axis): Field()} for axis in range(rank)]
        for node in self._graph.node:
            self._node(node)
        sources = [source for value in self._graph.input for source in self._own(value.name)]
        return NetworkFacts(
            inputs=tuple(value.name for value in self._graph.input if value.name not in self._constants),
            fields={one.name: tuple(self._tensors.get(one.name, ())) for one in self._graph.output},
            grid={source: common_step(self._steps.get(source, {Fraction(1)})) for source in sources},
            global_operations={source: tuple(self._reasons.get(source, ())) for source in sources},
            bytes_per_pixel=ceil(self._peak()),
            types={value.name: _type(value) for value in self._graph.input if value.name not in self._constants},
        )

    def _peak(self) -> float:
        """Go through the nodes in order, and give the most bytes per input pixel that are needed at the same time."""
        last_use = {name: number for number, node in enumerate(self._graph.node) for name in node.input}
        kept = {one.name for one in self._graph.output}
        alive = {name: self._bytes(name) for name in self._tensors if name in {one.name for one in self._graph.input}}
        peak = sum(alive.values())
        for number, node in enumerate(self._graph.node):
            alive |= {name: self._bytes(name) for name in node.output if name in self._tensors}
            peak = max(peak, sum(alive.values()))
            for name in [name for name in alive if last_use.get(name, -1) <= number and name not in kept]:
                del alive[name]
        return peak

    def _bytes(self, name: str) -> float:
        """Give a tensor's bytes per pixel of the input: its channels, over the steps of its spatial axes."""
        shape, number = self._shapes.get(name, []), 4.0
        for axis, fields in enumerate(self._tensors[name]):
            steps = [float(one.step) for one in fields.values()]
            if axis == 0 and fields:
                continue
            origins = [self._shapes.get(name, [])[place : place + 1] for name, place in fields]
            if steps and not all(origin and origin[0] and origin[0] <= _MOST_CHANNELS for origin in origins):
                number /= max(steps)
            else:
                number *= (shape[axis] if axis < len(shape) else None) or 1
        return number

    def _own(self, name: str) -> list[Source]:
        return [] if name in self._constants else [(name, axis) for axis in range(len(self._shapes.get(name, ())))]

    def _node(self, node: Any) -> None:
        import onnx

        if node.op_type == "Constant":
            value = next((one for one in node.attribute if one.name.startswith("value")), None)
            if value is not None and value.name == "value":
                tensor = onnx.TensorProto()
                tensor.CopyFrom(value.t)
                self._constants[node.output[0]] = tensor
            return
        if node.op_type in ("Shape", "Size"):
            fields = self._tensors.get(node.input[0], ())
            self._sizes[node.output[0]] = {source for axis in fields for source in axis}
            return
        sizes = {source for name in node.input for source in self._sizes.get(name, ())}
        if not any(name in self._tensors for name in node.input):
            self._sizes |= {name: sizes for name in node.output if sizes}
            return  # made of constants, or of sizes
        if node.op_type not in SIZED:
            for source in sizes:
                self._say(source, node, "computes with its size")
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        try:
            fields = self._follow(node, attributes)
        except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
            fields = self._unknown(node)  # a node that is not as the standard has it is the engine's to refuse
        for name in node.output:
            self._tensors[name] = fields
        for axis in fields:
            for source, field in axis.items():
                self._steps.setdefault(source, {Fraction(1)}).add(field.step)

    def _follow(self, node: Any, attributes: Mapping[str, Any]) -> list[AxisFields]:
        kind = node.op_type
        first = [dict(axis) for axis in self._tensors.get(node.input[0], [])]
        if kind in ELEMENTWISE:
            return self._together(node)
        if kind in WINDOWS:
            return self._window(node, first, attributes)
        if kind == "ConvTranspose":
            return self._transposed(node, first, attributes)
        if kind in ("Resize", "Upsample"):
            return self._resize(node, first, attributes)
        if kind == "Pad":
            return self._pad(node, first, attributes)
        if kind == "Slice":
            return self._slice(node, first, attributes)
        if kind == "Transpose":
            order = attributes.get("perm", list(reversed(range(len(first)))))
            return [first[axis] for axis in order]
        if kind == "Concat":
            joined = self._together(node)
            return self._whole(joined, [attributes["axis"]], node, "joins parts along it")
        if kind in ("Unsqueeze", "Squeeze"):
            return self._squeeze(node, first, attributes)
        if kind in ("DepthToSpace", "SpaceToDepth"):
            block = attributes["blocksize"]
            return [*first[:2], *(in_blocks(axis, block, kind == "DepthToSpace") for axis in first[2:])]
        if kind in OVER_SPACE:
            kept = self._whole(first, range(2, len(first)), node, "looks at all of it")
            return [*kept[:2], *({} for _ in kept[2:])] if kind.startswith("Global") else first
        if kind == "LayerNormalization":
            axis = attributes.get("axis", -1)
            return self._whole(first, range(axis % len(first), len(first)), node, "looks at all of it")
        if kind in ALONG_ONE_AXIS:
            return self._along(node, first, attributes)
        if kind.startswith("Reduce"):
            return self._reduce(node, first, attributes)
        if kind in ("MatMul", "Gemm"):
            return self._matmul(node, first)
        return self._unknown(node)

    # --- one method per kind of operation ---

    def _together(self, node: Any) -> list[AxisFields]:
        """Join tensors element by element, their last axes aligned."""
        tensors = [self._tensors[name] for name in node.input if name in self._tensors]
        rank = max(len(tensor) for tensor in tensors)
        joined: list[AxisFields] = [{} for _ in range(rank)]
        for tensor in tensors:
            for axis, fields in enumerate(tensor, rank - len(tensor)):
                for source, field in fields.items():
                    other = joined[axis].get(source, field)
                    if other.step != field.step:
                        self._say(source, node, "joins two scales of it")
                    joined[axis][source] = field.joined(other)
        return joined

    def _window(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        ndim = len(first) - 2
        kernels, strides, dilations, pads = self._kernel(node, attributes, ndim)
        spatial = []
        for number, axis in enumerate(first[2:]):
            window = range(0, dilations[number] * kernels[number], dilations[number])
            stride, pad = strides[number], pads[number]
            reads = lambda j, w=window, s=stride, p=pad: [j * s - p + t for t in w]  # noqa: E731
            spatial.append({source: one.through(Fraction(stride), reads) for source, one in axis.items()})
        return [first[0], {}, *spatial] if node.op_type == "Conv" else [*first[:2], *spatial]

    def _transposed(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        kernels, strides, dilations, pads = self._kernel(node, attributes, len(first) - 2)
        spatial = []
        for number, axis in enumerate(first[2:]):
            window = range(0, dilations[number] * kernels[number], dilations[number])
            stride, pad = strides[number], pads[number]

            def reads(j: int, window: range = window, stride: int = stride, pad: int = pad) -> list[int]:
                # output j = i * stride - pad + t; a phase that no t reaches is the bias alone
                return [(j + pad - t) // stride for t in window if (j + pad - t) % stride == 0] or [j // stride]

            spatial.append({source: one.through(Fraction(1, stride), reads) for source, one in axis.items()})
        return [first[0], {}, *spatial]

    def _kernel(self, node: Any, attributes: Mapping[str, Any], ndim: int) -> tuple[list[int], list[int], list[int], list[int]]:
        kernels = list(attributes.get("kernel_shape") or self._dims(node.input[1])[2:])
        strides = list(attributes.get("strides", [1] * ndim))
        dilations = list(attributes.get("dilations", [1] * ndim))
        same = [d * (k - 1) + 1 - s for k, d, s in zip(kernels, dilations, strides, strict=True)]
        return kernels, strides, dilations, pads_before(attributes, same)

    def _resize(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        scales = self._scales(node, attributes)
        if scales is None:
            return self._whole(first, range(len(first)), node, "resizes it to a size that is computed while it runs")
        legacy = node.op_type == "Upsample" or self._version < 11
        transform = "asymmetric" if legacy else text(attributes.get("coordinate_transformation_mode", "half_pixel"))
        rounding = "floor" if legacy else text(attributes.get("nearest_mode", "round_prefer_floor"))
        mode = text(attributes.get("mode", "nearest"))
        changed = [number for number, scale in enumerate(scales) if scale != 1]
        if transform not in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "asymmetric"):
            return self._whole(first, changed, node, "stretches it from corner to corner")
        resized = list(first)
        for number in changed:
            reads = resize_reads(scales[number], mode, transform, rounding, bool(attributes.get("antialias", 0)))
            resized[number] = {source: one.through(1 / scales[number], reads) for source, one in first[number].items()}
        return resized

    def _scales(self, node: Any, attributes: Mapping[str, Any]) -> list[Fraction] | None:
        if node.op_type == "Upsample" and "scales" in attributes:
            return [fraction(one) for one in attributes["scales"]]
        place = 1 if node.op_type == "Upsample" or self._version < 11 else 2
        given = self._values(node.input[place]) if len(node.input) > place and node.input[place] else None
        axes = list(attributes.get("axes", range(len(self._tensors[node.input[0]]))))
        if given:
            scales = {int(axis): fraction(one) for axis, one in zip(axes, given, strict=True)}
            return [scales.get(axis, Fraction(1)) for axis in range(len(self._tensors[node.input[0]]))]
        before, after = self._shapes.get(node.input[0]), self._shapes.get(node.output[0])
        sizes = self._values(node.input[3]) if len(node.input) > 3 else None
        if sizes and before:
            told = {int(axis): int(one) for axis, one in zip(axes, sizes, strict=True)}
            after = [told.get(axis, one) for axis, one in enumerate(before)]
        # a size is known where the input's is fixed; an axis that both leave open keeps its size only if it is no image's
        if not before or not after or any(one is None for one in (*before[2:], *after[2:])):
            return None
        return [Fraction(1), Fraction(1), *(Fraction(b, a) for a, b in zip(before[2:], after[2:], strict=True) if a and b)]

    def _pad(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        pads = attributes.get("pads") or (self._values(node.input[1]) if len(node.input) > 1 else None)
        axes = self._values(node.input[3]) if len(node.input) > 3 and node.input[3] else list(range(len(first)))
        if pads is None or axes is None:
            return self._whole(first, range(len(first)), node, "adds a border that is computed while it runs")
        padded = list(first)
        for number, axis in enumerate(axes):
            padded[int(axis)] = shifted(first[int(axis)], -int(pads[number]))
        return padded

    def _slice(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        def given(place: int, name: str) -> list[Any] | None:
            if name in attributes:
                return list(attributes[name])
            return self._values(node.input[place]) if len(node.input) > place and node.input[place] else None

        starts, axes, steps = given(1, "starts"), given(3, "axes"), given(4, "steps")
        if starts is None or (axes is None and len(node.input) > 3 and node.input[3]):
            return self._whole(first, range(len(first)), node, "cuts a part that is computed while it runs")
        axes = axes if axes is not None else list(range(len(starts)))
        cut = list(first)
        for number, axis in enumerate(axes):
            start, step = int(starts[number]), int(steps[number]) if steps else 1
            if not first[int(axis)]:
                continue
            if start < 0 or step < 1:
                cut = self._whole(cut, [int(axis)], node, "counts from its end")
                continue
            reads = lambda j, s=start, by=step: [s + j * by]  # noqa: E731
            cut[int(axis)] = {source: one.through(Fraction(step), reads) for source, one in first[int(axis)].items()}
        return cut

    def _squeeze(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        axes = attributes.get("axes") or (self._values(node.input[1]) if len(node.input) > 1 else None)
        if axes is None:
            return self._unknown(node)
        if node.op_type == "Squeeze":
            gone = {int(axis) % len(first) for axis in axes}
            return [axis for number, axis in enumerate(first) if number not in gone]
        new = {int(axis) % (len(first) + len(axes)) for axis in axes}
        rest = iter(first)
        return [{} if number in new else next(rest) for number in range(len(first) + len(axes))]

    def _along(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        axis = attributes.get("axis", 0 if node.op_type.startswith("Arg") else -1) % len(first)
        axes = [axis]
        if node.op_type == "CumSum":
            given = self._values(node.input[1])
            axes = [int(given[0]) % len(first)] if given else list(range(len(first)))
        if node.op_type in ("Softmax", "LogSoftmax", "Hardmax") and self._version < 13:
            axes = list(range(attributes.get("axis", 1) % len(first), len(first)))
        fields = self._whole(first, axes, node, "looks at all of it")
        if node.op_type.startswith("Arg"):
            return [*fields[:axis], *([{}] if attributes.get("keepdims", 1) else []), *fields[axis + 1 :]]
        return fields

    def _reduce(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        axes = attributes.get("axes") or (self._values(node.input[1]) if len(node.input) > 1 and node.input[1] else None)
        gone = {int(axis) % len(first) for axis in axes} if axes else set(range(len(first)))
        fields = self._whole(first, gone, node, "looks at all of it")
        keep = attributes.get("keepdims", 1)
        return [{} if number in gone else axis for number, axis in enumerate(fields) if keep or number not in gone]

    def _matmul(self, node: Any, first: list[AxisFields]) -> list[AxisFields]:
        second = node.input[1]
        if second in self._tensors or node.input[0] not in self._tensors:
            return self._unknown(node)
        columns = len(first) - 1
        fields = self._whole(first, [columns], node, "mixes all of it")
        return [*fields[:columns], {}]

    def _unknown(self, node: Any) -> list[AxisFields]:
        sources: set[Source] = set()
        for name in node.input:
            for axis in self._tensors.get(name, ()):
                sources |= set(axis)
        for source in sources:
            self._say(source, node, "does something that is not known here")
        rank = len(self._shapes.get(node.output[0], ())) or max(len(self._tensors.get(name, ())) for name in node.input)
        return [{} for _ in range(rank)]

    # --- small things ---

    def _whole(self, fields: list[AxisFields], axes: Iterable[int], node: Any, why: str) -> list[AxisFields]:
        for axis in axes:
            for source in fields[axis]:
                self._say(source, node, why)
        return fields

    def _say(self, source: Source, node: Any, why: str) -> None:
        reason = f"{node.op_type} {why}"
        if reason not in self._reasons.setdefault(source, []):
            self._reasons[source].append(reason)

    def _values(self, name: str) -> list[Any] | None:
        from onnx import numpy_helper

        if name not in self._constants:
            return None
        tensor = self._constants[name]
        return list(numpy_helper.to_array(tensor).ravel()) if not tensor.external_data else None

    def _dims(self, name: str) -> list[int]:
        return list(self._constants[name].dims) if name in self._constants else [1, 1]
