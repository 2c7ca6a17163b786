"""How each kind of operation of ONNX is followed: what one of its elements is made of, or that it looks at everything."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from math import ceil, gcd
from typing import Any

from ijbridge.network_knowledge import Knowledge
from ijbridge.network_sizes import Multiple
from ijbridge.onnx_operators import ALONG_ONE_AXIS, CHANNELWISE, ELEMENTWISE, OVER_SPACE, WINDOWS, fraction, text
from ijbridge.receptive_field import AxisFields, Field, Source, in_blocks, padded, resize_reads

#: From here on the end of a slice is the end of the axis, however long that is.
_END = 2**31 - 1


#: Kernels, strides and dilations that are larger are no layer's of a network for images.
_LARGEST = 2**16


def _is_exact(scale: Fraction) -> bool:
    """Whether a float holds a scale: then a place that is a whole number is computed as one."""
    return scale.denominator & (scale.denominator - 1) == 0


def _automatic(attributes: Mapping[str, Any]) -> str:
    """Give how a layer chooses its borders by itself (``SAME_UPPER`` or ``SAME_LOWER``); empty where it is told."""
    found = text(attributes.get("auto_pad", "NOTSET"))
    return found if found.startswith("SAME") else ""


def _before(total: int, automatic: str) -> int:
    """Give the part of a border of so many pixels that lies before the axis."""
    return total // 2 if automatic == "SAME_UPPER" else total - total // 2


def _pads(attributes: Mapping[str, Any], number: int, ndim: int) -> tuple[int, int]:
    """Give the borders that a layer is told to add before and after a spatial axis."""
    if text(attributes.get("auto_pad", "NOTSET")) != "NOTSET" or "pads" not in attributes:
        return 0, 0
    pads = attributes["pads"]
    return pads[number], pads[number + ndim]


def _transposed_reads(j: int, kernel: int, stride: int, dilation: int, pad: int) -> list[int]:
    """Give the elements i that a transposed convolution makes element j of: j = i * stride - pad + dilation * k, k < kernel."""
    common = gcd(dilation, stride)
    rest, period = (j + pad) % stride, stride // common
    first = rest // common * pow(dilation // common, -1, period) % period if rest % common == 0 else kernel
    # a phase that no k reaches is the bias alone
    return [(j + pad - dilation * k) // stride for k in range(first, kernel, period)] or [j // stride]


class Layers(Knowledge):
    """Follows one node at a time (see `ijbridge.graph`)."""

    def follow(self, node: Any, attributes: Mapping[str, Any]) -> list[AxisFields]:
        """Give the fields of a node's output, by axis.

        Raises
        ------
        IndexError, KeyError, TypeError, ValueError, ZeroDivisionError
            If the node is not as the standard has it.
        """
        kind = node.op_type
        first = [dict(axis) for axis in self.tensors.get(node.input[0], [])]
        if kind in ELEMENTWISE:
            return self._together(node)
        if kind == "Concat":
            return self.whole(self._together(node), [attributes["axis"]], node, "joins parts along it")
        if any(name in self.tensors for name in node.input[1:]) or node.input[0] not in self.tensors:
            return self.unknown(node)  # weights, places or sizes that are made of the image
        if kind in CHANNELWISE:
            first = self.whole(first, [attributes.get("axis", 1) if "Quantize" in kind else 1], node, "takes it for channels")
        if kind == "BatchNormalization" and attributes.get("training_mode", 0):
            return self.whole(first, range(len(first)), node, "takes its statistics from the image")
        if kind in ("BatchNormalization", "LRN", "QuantizeLinear", "DequantizeLinear"):
            return first
        if len(node.output) > 1 and node.output[1] and kind == "MaxPool":
            return self.unknown(node)  # places, counted from the first pixel
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
        if kind == "Reshape":
            return self._reshape(node, first, attributes)
        if kind == "Transpose":
            order = attributes.get("perm", list(reversed(range(len(first)))))
            return [first[axis] for axis in order]
        if kind == "Split":
            return self.whole(first, [attributes.get("axis", 0)], node, "takes it apart")
        if kind in ("Unsqueeze", "Squeeze"):
            return self._squeeze(node, first, attributes)
        if kind in ("DepthToSpace", "SpaceToDepth"):
            block = attributes["blocksize"]
            return [*first[:2], *(in_blocks(axis, block, kind == "DepthToSpace") for axis in first[2:])]
        if kind in OVER_SPACE:
            kept = self.whole(first, range(2, len(first)), node, "looks at all of it")
            return [*kept[:2], *({} for _ in kept[2:])] if kind.startswith("Global") else first
        if kind == "LayerNormalization":
            axis = attributes.get("axis", -1)
            return self.whole(first, range(axis % len(first), len(first)), node, "looks at all of it")
        if kind in ALONG_ONE_AXIS:
            return self._along(node, first, attributes)
        if kind.startswith("Reduce"):
            return self._reduce(node, first, attributes)
        if kind == "MatMul":
            return self._matmul(node, first)
        return self.unknown(node)

    def _together(self, node: Any) -> list[AxisFields]:
        """Join tensors element by element, their last axes aligned."""
        tensors = [self.tensors[name] for name in node.input if name in self.tensors]
        constants = [self.dims(name) for name in node.input if name and name not in self.tensors]
        rank = max(len(one) for one in (*tensors, *(one for one in constants if one is not None)))
        joined: list[AxisFields] = [{} for _ in range(rank)]
        for tensor in tensors:
            for axis, fields in enumerate(tensor, rank - len(tensor)):
                for source, field in fields.items():
                    other = joined[axis].get(source, field)
                    if other.step != field.step:
                        self.say(source, node, "joins two scales of it")
                    elif other.size != field.size:
                        self.say(source, node, "joins a part of it with another")
                    joined[axis][source] = field.joined(other)
        for dims in constants:
            if dims is None:
                self.whole(joined, range(rank), node, "joins it with something of a size that is not known")
                continue
            large = [axis for axis, size in enumerate(dims, rank - len(dims)) if size != 1]
            self.whole(joined, large, node, "joins it with a constant that is as large")
        return joined

    def _window(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        ndim = len(first) - 2
        kernels, strides, dilations = self._kernel(node, attributes, ndim)
        spatial = []
        for number, axis in enumerate(first[2:]):
            stride, span = strides[number], dilations[number] * (kernels[number] - 1) + 1
            followed = {}
            for source, one in axis.items():
                before, after = self._borders(attributes, number, ndim, one, source, span, stride)
                window = range(-max(before), dilations[number] * kernels[number] - min(before), dilations[number])
                reads = lambda j, w=window, s=stride: range(j * s + w.start, j * s + w.stop, w.step)  # noqa: E731
                whole = one.size + max(before) + after - span
                size = (-(-whole // stride) if attributes.get("ceil_mode", 0) else whole // stride) + 1
                followed[source] = one.through(Fraction(stride), reads, size)
            spatial.append(followed)
        return [first[0], {}, *spatial] if node.op_type == "Conv" else [*first[:2], *spatial]

    def _borders(
        self, attributes: Mapping[str, Any], number: int, ndim: int, one: Field, source: Source, span: int, stride: int
    ) -> tuple[list[int], int]:
        """Give the borders that may be added before an axis (several where they depend on its size), and the one after."""
        automatic = _automatic(attributes)
        if not automatic:
            before, after = _pads(attributes, number, ndim)
            return [before], after
        sizes = [one.size]
        if (Fraction(self.sizes_of(source)[1]) / one.step) % stride:
            sizes = list(range(one.size, one.size + stride))  # every remainder occurs
        totals = [max(0, (-(-size // stride) - 1) * stride + span - size) for size in sizes]
        first = [_before(total, automatic) for total in totals]
        return first, totals[0] - max(first)

    def _transposed(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        ndim = len(first) - 2
        kernels, strides, dilations = self._kernel(node, attributes, ndim)
        extra = list(attributes.get("output_padding", [0] * ndim))
        automatic = _automatic(attributes)
        spatial: list[AxisFields] = []
        for number, axis in enumerate(first[2:]):
            kernel, dilation = kernels[number], dilations[number]
            stride, span = strides[number], dilations[number] * (kernels[number] - 1) + 1
            followed = {}
            for source, one in axis.items():
                full = (one.size - 1) * stride + span + extra[number]
                if "output_shape" in attributes:
                    if not self.is_fixed(axis):
                        self.say(source, node, "makes a part of a fixed size")
                    size = list(attributes["output_shape"])[-ndim:][number]
                    pad = _before(full - size, automatic)
                elif automatic:
                    size = one.size * stride
                    pad = _before(max(0, full - size), automatic)
                else:
                    pad, after = _pads(attributes, number, ndim)
                    size = full - pad - after

                reads = partial(_transposed_reads, kernel=kernel, stride=stride, dilation=dilation, pad=pad)
                followed[source] = one.through(Fraction(1, stride), reads, size)
            spatial.append(followed)
        return [first[0], {}, *spatial]

    def _kernel(self, node: Any, attributes: Mapping[str, Any], ndim: int) -> tuple[list[int], list[int], list[int]]:
        kernels = attributes.get("kernel_shape") or (self.dims(node.input[1]) or [])[2:]
        if len(kernels) != ndim or not all(kernels):
            raise ValueError("the size of the kernel is not known")
        told = list(kernels), list(attributes.get("strides", [1] * ndim)), list(attributes.get("dilations", [1] * ndim))
        if not all(0 < one <= _LARGEST for numbers in told for one in numbers):
            raise ValueError("a size, stride or dilation that no kernel has")
        return told

    def _resize(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        scales = self._scales(node, attributes)
        if scales is None:
            return self.whole(first, range(len(first)), node, "resizes it to a size that is computed while it runs")
        legacy = node.op_type == "Upsample" or self.version < 11
        transform = "asymmetric" if legacy else text(attributes.get("coordinate_transformation_mode", "half_pixel"))
        rounding = "floor" if legacy else text(attributes.get("nearest_mode", "round_prefer_floor"))
        mode = text(attributes.get("mode", "nearest"))
        changed = [number for number, scale in enumerate(scales) if scale != 1]
        if text(attributes.get("keep_aspect_ratio_policy", "stretch")) != "stretch":
            return self.whole(first, changed, node, "resizes it by the size of its other side")
        if transform == "half_pixel_symmetric" and any(scales[number].denominator != 1 for number in changed):
            return self.whole(first, changed, node, "resizes it about its middle")
        if transform not in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "asymmetric", "tf_half_pixel_for_nn"):
            return self.whole(first, changed, node, "stretches it from corner to corner")
        if mode == "nearest":
            # the engine computes places in 32 bits, where such a scale is not itself and rounding goes another way far off
            unsafe = [number for number in changed if not _is_exact(scales[number])]
            self.whole(first, unsafe, node, "takes the nearest pixel by a scale that floats do not hold")
        resized = list(first)
        for number in changed:
            reads = resize_reads(scales[number], mode, transform, rounding, bool(attributes.get("antialias", 0)))
            resized[number] = {
                source: one.through(1 / scales[number], reads, int(one.size * scales[number] // 1))
                for source, one in first[number].items()
            }
        return resized

    def _scales(self, node: Any, attributes: Mapping[str, Any]) -> list[Fraction] | None:
        if node.op_type == "Upsample" and "scales" in attributes:
            return [fraction(one) for one in attributes["scales"]]
        place = 1 if node.op_type == "Upsample" or self.version < 11 else 2
        given = self.values(node.input[place]) if len(node.input) > place and node.input[place] else None
        axes = list(attributes.get("axes", range(len(self.tensors[node.input[0]]))))
        if given:
            scales = {int(axis): fraction(one) for axis, one in zip(axes, given, strict=True)}
            return [scales.get(axis, Fraction(1)) for axis in range(len(self.tensors[node.input[0]]))]
        before, after = self.shapes.get(node.input[0]), self.shapes.get(node.output[0])
        sizes = self.values(node.input[3]) if len(node.input) > 3 else None
        numbers = self.numbers.get(node.input[3]) if len(node.input) > 3 else None
        if numbers and all(isinstance(one, Multiple) and one.tensor == node.input[0] for one in numbers):
            multiples = {one.axis: one.factor for one in numbers if isinstance(one, Multiple)}
            if [one.axis for one in numbers if isinstance(one, Multiple)] == axes:
                return [Fraction(multiples.get(axis, 1)) for axis in range(len(self.tensors[node.input[0]]))]
        if sizes and before:
            told = {int(axis): int(one) for axis, one in zip(axes, sizes, strict=True)}
            after = [told.get(axis, one) for axis, one in enumerate(before)]
        if not before or not after:
            return None
        scales = {}
        for axis, (old, new) in enumerate(zip(before, after, strict=True)):
            if (old is None or new is None) and self.tensors[node.input[0]][axis] and axis > 1:
                return None
            scales[axis] = Fraction(new, old) if old and new else Fraction(1)
        return [scales[axis] for axis in range(len(before))]

    def _pad(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        pads = attributes.get("pads") or (self.values(node.input[1]) if len(node.input) > 1 else None)
        axes = self.values(node.input[3]) if len(node.input) > 3 and node.input[3] else list(range(len(first)))
        if pads is None or axes is None:
            return self.whole(first, range(len(first)), node, "adds a border that is computed while it runs")
        mode = text(attributes.get("mode", "constant"))
        result = list(first)
        for number, one in enumerate(axes):
            axis = int(one) % len(first)
            before, after = int(pads[number]), int(pads[number + len(axes)])
            if mode == "wrap" and (before or after):
                result = self.whole(result, [axis], node, "adds a border from its other side")
            for source, field in first[axis].items():
                if mode == "reflect":
                    needed = ceil(field.step * (max(before, after) + 1 - field.size)) + field.pixels
                    self.smallest[source] = max(self.smallest.get(source, 1), needed)
            result[axis] = padded(first[axis], before, after)
        return result

    def _slice(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        def given(place: int, name: str) -> list[Any] | None:
            if name in attributes:
                return list(attributes[name])
            return self.values(node.input[place]) if len(node.input) > place and node.input[place] else None

        starts, stops, axes, steps = given(1, "starts"), given(2, "ends"), given(3, "axes"), given(4, "steps")
        told = (axes is None, 3), (steps is None, 4)
        if starts is None or stops is None or any(gone and len(node.input) > at and node.input[at] for gone, at in told):
            return self.whole(first, range(len(first)), node, "cuts a part that is computed while it runs")
        axes = axes if axes is not None else list(range(len(starts)))
        cut = list(first)
        for number, one in enumerate(axes):
            axis, step = int(one) % len(first), int(steps[number]) if steps else 1
            if first[axis]:
                cut[axis] = self._cut(node, first, axis, int(starts[number]), int(stops[number]), step)
        return cut

    def _cut(self, node: Any, first: list[AxisFields], axis: int, start: int, stop: int, step: int) -> AxisFields:
        fields, fixed = first[axis], self.is_fixed(first[axis])
        largest = max(one.size for one in fields.values())
        if fixed and start < 0:
            start = max(0, start + largest)
        if start < 0 or step < 1:
            self.whole(first, [axis], node, "counts from its end")
            return fields
        if stop >= (largest if fixed else _END):
            stop = 0
        elif stop > 0 and fixed:
            stop -= largest
        elif stop >= 0:
            self.whole(first, [axis], node, "ends at a fixed place")
            return fields
        reads = lambda j: [start + j * step]  # noqa: E731
        return {
            source: one.through(Fraction(step), reads, -(-(one.size + stop - start) // step)) for source, one in fields.items()
        }

    def _squeeze(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        axes = attributes.get("axes") or (self.values(node.input[1]) if len(node.input) > 1 else None)
        if axes is None:
            return self.unknown(node)
        if node.op_type == "Squeeze":
            gone = {int(axis) % len(first) for axis in axes}
            self.whole(first, gone, node, "takes it for one element")
            return [axis for number, axis in enumerate(first) if number not in gone]
        new = {int(axis) % (len(first) + len(axes)) for axis in axes}
        if len(new) != len(axes):
            raise ValueError("an axis is added twice")
        rest = iter(first)
        return [{} if number in new else next(rest) for number in range(len(first) + len(axes))]

    def _reshape(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        """Follow a reshape that only adds and takes away axes of one."""
        sizes, wanted = self.shapes.get(node.input[0]), self.values(node.input[1])
        if not sizes or len(sizes) != len(first) or wanted is None or attributes.get("allowzero", 0):
            return self.unknown(node)
        left = [axis for axis, size in enumerate(sizes) if size != 1]
        ones = [int(one) == 1 or (int(one) == 0 and sizes[place] == 1) for place, one in enumerate(wanted)]
        if -1 in wanted and ones.count(False) == len(left) + 1:
            ones[list(wanted).index(-1)] = True
        if ones.count(False) != len(left):
            return self.unknown(node)
        rest, result = iter(left), []
        for place, (one, size) in enumerate(zip(ones, wanted, strict=True)):
            axis = None if one else next(rest)
            if axis is not None and not (size == -1 or (size == 0 and axis == place) or (size > 0 and sizes[axis] == size)):
                return self.unknown(node)
            result.append({} if axis is None else first[axis])
        return result

    def _along(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        axis = attributes.get("axis", 0 if node.op_type.startswith("Arg") else -1) % len(first)
        axes = [axis]
        if node.op_type == "CumSum":
            given = self.values(node.input[1])
            axes = [int(given[0]) % len(first)] if given else list(range(len(first)))
        if node.op_type in ("Softmax", "LogSoftmax", "Hardmax") and self.version < 13:
            axes = list(range(attributes.get("axis", 1) % len(first), len(first)))
        fields = self.whole(first, axes, node, "looks at all of it")
        if node.op_type.startswith("Arg"):
            return [*fields[:axis], *([{}] if attributes.get("keepdims", 1) else []), *fields[axis + 1 :]]
        return fields

    def _reduce(self, node: Any, first: list[AxisFields], attributes: Mapping[str, Any]) -> list[AxisFields]:
        axes = attributes.get("axes") or (self.values(node.input[1]) if len(node.input) > 1 and node.input[1] else None)
        gone = {int(axis) % len(first) for axis in axes} if axes else set(range(len(first)))
        fields = self.whole(first, gone, node, "looks at all of it")
        keep = attributes.get("keepdims", 1)
        return [{} if number in gone else axis for number, axis in enumerate(fields) if keep or number not in gone]

    def _matmul(self, node: Any, first: list[AxisFields]) -> list[AxisFields]:
        weights = self.dims(node.input[1])
        if weights is None or len(weights) < 2 or len(first) < 2:
            return self.unknown(node)
        columns = len(first) - 1
        stacked = [axis for axis, size in enumerate(weights[:-2], len(first) - len(weights)) if size != 1]
        if any(axis < 0 for axis in stacked):
            return self.unknown(node)
        fields = self.whole(first, [*stacked, columns], node, "mixes all of it")
        return [*fields[:columns], {}]
