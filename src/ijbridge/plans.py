"""A plan: frozen data that says what is done with an image, for people, for programs, and for `ijbridge.prediction`.

How it comes about is in `ijbridge.planning`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from ijbridge import geometry, processing, tile_choice, tiling, units
from ijbridge.description import ModelDescription, Tensor, Weights
from ijbridge.errors import PlanError
from ijbridge.findings import Finding, warnings
from ijbridge.geometry import AxisPlan, axis_of, tensor_of
from ijbridge.image import Header
from ijbridge.object_plans import ObjectsPlan
from ijbridge.operations import (
    ArgMax,
    Binarize,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Maximum,
    Operation,
    Sigmoid,
    Softmax,
    operation_name,
)
from ijbridge.preparation import Preparation
from ijbridge.tiling import Line


@dataclass(frozen=True)
class InputPlan:
    """What becomes of an image on its way to one input: preparation, axes in the network's order, operations.

    ``dtype`` is the type that the network is given.
    """

    tensor: Tensor
    preparation: Preparation
    axes: tuple[AxisPlan, ...]
    dtype: str

    @property
    def image(self) -> Header:
        """The image as it is prepared: with the chosen channels, on the model's grid."""
        return self.preparation.header


@dataclass(frozen=True)
class OutputPlan:
    """What becomes of one output: axes in the network's order, operations, and the header of the result.

    ``computed`` is what the tiles fill. Where the image is rescaled, ``back`` has the new pixels per computed one of each axis
    that leads back to the image's grid, which is that of ``result``; else the two are one.
    """

    tensor: Tensor
    axes: tuple[AxisPlan, ...]
    computed: Header
    result: Header
    back: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_labels(self) -> bool:
        """Whether the values name something, so that none may be made between two of them."""
        operations, dtype = self.tensor.operations, self.computed.dtype
        made = [one for one in operations if not isinstance(one, EnsureDtype)]
        made_binary = bool(made) and isinstance(made[-1], Binarize)
        return bool(self.tensor.values) or made_binary or "int" in dtype or dtype == "bool"

    @property
    def is_label_image(self) -> bool:
        """Whether the values number objects or classes: they are named, many, or of a type in which no intensity is given."""
        classes = bool(self.tensor.value_names) or len(self.tensor.values) > 2
        return classes or self.computed.dtype in ("int32", "uint32", "int64", "uint64")

    @property
    def shown_range(self) -> tuple[float, float] | None:
        """What the values are between whatever the image, None where that is not known.

        Probabilities are shown so, or an image in which there is nothing would show noise from black to white.
        """
        made = [one for one in self.tensor.operations if not isinstance(one, EnsureDtype)]
        is_probability = bool(made) and isinstance(made[-1], Sigmoid | Softmax)
        stated = self.tensor.value_range == (0, 1)
        return (0.0, 1.0) if "float" in self.computed.dtype and (is_probability or (stated and not made)) else None

    @property
    def local_operations(self) -> tuple[Operation, ...]:
        """The operations that can be applied to a tile as it comes."""
        return self.tensor.operations[: self._first_of_second_pass]

    @property
    def whole_operations(self) -> tuple[Operation, ...]:
        """The operations from the first one that needs statistics of the output: a second pass."""
        return self.tensor.operations[self._first_of_second_pass :]

    @property
    def _first_of_second_pass(self) -> int:
        for number, operation in enumerate(self.tensor.operations):
            if any(need.reference is None for need in processing.needs(operation)):
                return number
        return len(self.tensor.operations)


@dataclass(frozen=True)
class ResultPlan:
    """An image that a run gives: its header, whether its values number objects or classes, and what they are between."""

    header: Header
    is_label_image: bool
    shown_range: tuple[float, float] | None


@dataclass(frozen=True)
class Plan:
    """All that is decided about a run.

    ``ladder`` holds the tilings, the chosen one first; the others are smaller, for when memory runs out. ``loops`` maps each
    image axis the model does not know to its size. ``memory`` estimates the bytes used at a time beyond the image, ``budget``
    those that may be. ``when_cut`` has, per line, what is to be said where tiles cut it; ``tried`` says what a run before this
    one ended of. Where there are ``objects``, they are the result and not the outputs.
    """

    description: ModelDescription
    weights: Weights
    inputs: tuple[InputPlan, ...]
    outputs: tuple[OutputPlan, ...]
    loops: Mapping[str, int]
    ladder: tuple[Mapping[str, Line], ...]
    device: str
    halo: str
    memory: int
    budget: int
    findings: tuple[Finding, ...] = ()
    when_cut: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    tried: tuple[str, ...] = ()
    objects: ObjectsPlan | None = None

    @property
    def results(self) -> Mapping[str, ResultPlan]:
        """The images that the run gives, by their ids: those of the outputs, or the labels of the objects in them."""
        if self.objects is None:
            return {one.tensor.id: ResultPlan(one.result, one.is_label_image, one.shown_range) for one in self.outputs}
        return {"labels": ResultPlan(self.objects.labels, True, None)} if self.objects.has_image else {}

    @property
    def lines(self) -> Mapping[str, Line]:
        """The tiling that is tried first."""
        return self.ladder[0]

    @property
    def samples(self) -> int:
        """How often the network's input is filled with another part of the image."""
        return prod(self.loops.values())

    @property
    def tile_count(self) -> int:
        """How many times the network runs."""
        return self.samples * tiling.tile_count(self.lines)

    def halo_of(self, line: str) -> int:
        """Give the halo along a line, in pixels of the input."""
        return geometry.halo_on_line(line, (axis for output in self.outputs for axis in output.axes))

    def findings_when(self, lines: Mapping[str, Line]) -> tuple[Finding, ...]:
        """Give the findings of a run in these tiles."""
        cut = (finding for name, found in self.when_cut.items() if not lines[name].is_whole for finding in found)
        return tuple(dict.fromkeys((*self.findings, *cut)))

    def smaller(self, because: str, than: int | None = None) -> Plan:
        """Give the plan with tiles of at most half the pixels (of ``than``), for a run after one that ended ``because``.

        Raises
        ------
        PlanError
            If it has no smaller ones.
        """
        allowed = (than or tile_choice.tile_pixels(self.lines)) // 2
        ladder = tuple(lines for lines in self.ladder if tile_choice.tile_pixels(lines) <= allowed)
        tried = f"tile {tile_text(self.lines)}: {because}"
        if not ladder:
            raise PlanError(
                f"{self.description.name!r} cannot be run on {self.inputs[0].image.name} in smaller tiles than "
                f"{tile_text(self.lines)} ({because}): close other programs, name a smaller tile, or give a part of the image."
            )
        return replace(self, ladder=ladder, tried=(*self.tried, tried), findings=self.findings_when(ladder[0]))

    def __str__(self) -> str:
        """Say what would be done, for a person."""
        lines = [f"{self.description.name}, {self.weights.format} weights, on {self.device}"]
        for one in self.inputs:
            source = one.preparation.source
            lines += [f"{'image' if len(self.inputs) == 1 else one.tensor.id:<10} {source.name}: {source.described()}"]
            lines += _prepared(one.preparation)
            lines += [f"{'axes':<10} {_axes(one, self)}"]
            lines += [f"{'first':<10} {'; '.join(described_operations(one.tensor)) or 'nothing'}"]
        padding = {one.tensor.id: one.tensor.padding for one in self.inputs}
        tiles = [
            f"{axis_of(name)} {line.size}: "
            + (f"in one piece of {line.tile}" if line.is_whole else f"{len(line.starts)} tiles of {line.tile}")
            + ("" if line.is_whole else f", halo {self.halo_of(name)}")
            + (f", padded to {line.padded} ({padding[tensor_of(name)]})" if line.padded > line.size else "")
            for name, line in self.lines.items()
        ]
        lines += [f"{'tiles':<10} {'; '.join(tiles) or 'none'}"]
        lines += [f"{'runs':<10} {self.tile_count}" + (f" ({self.samples} samples)" if self.samples > 1 else "")]
        for output in self.outputs:
            lines += [f"{'then':<10} {'; '.join(described_operations(output.tensor)) or 'nothing'}"]
            if output.back and self.objects is None:
                how = "labels of the nearest pixel" if output.is_labels else "linear"
                lines += [f"{'back':<10} {output.computed.described()} to the image's grid, {how}"]
            if self.objects is None:
                lines += [f"{'result':<10} {_result(output.result)}"]
        if self.objects is not None:
            lines += [f"{'objects':<10} {self.objects}"]
            lines += [f"{'result':<10} {_result(one.header)}" for one in self.results.values()]
        lines += [f"{'memory':<10} about {units.amount(self.memory)} beyond the image, of {units.amount(self.budget)}"]
        lines += [f"{finding.severity:<10} {finding.sentence}" for finding in self.findings]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain data (JSON)."""
        return {
            "model": self.description.name,
            "weights": self.weights.format,
            "device": self.device,
            "inputs": [
                {
                    "id": one.tensor.id,
                    **_header_dict(one.preparation.source),
                    "channels": [number + 1 for number in one.preparation.channels or ()],
                    "rescale": dict(one.preparation.factors),
                    "prepared": _header_dict(one.image),
                    "mapped": {axis.id: axis.letter for axis in one.axes if axis.letter},
                    "added": [axis.id for axis in one.axes if axis.letter is None],
                    "operations": described_operations(one.tensor),
                    "network_dtype": one.dtype,
                }
                for one in self.inputs
            ],
            "loops": dict(self.loops),
            "tiles": [
                {
                    "line": name,
                    "axis": axis_of(name),
                    "size": line.size,
                    "padded": line.padded,
                    "tile": line.tile,
                    "count": len(line.starts),
                    "halo": self.halo_of(name),
                }
                for name, line in self.lines.items()
            ],
            "tile_count": self.tile_count,
            "halo": self.halo,
            "padding": {one.tensor.id: str(one.tensor.padding) for one in self.inputs},
            "memory_bytes": self.memory,
            "memory_budget_bytes": self.budget,
            "smaller_tiles": [tile_text(lines) for lines in self.ladder[1:]],
            "outputs": [
                {
                    "id": one.tensor.id,
                    **_header_dict(one.result),
                    "channel_names": list(one.result.channel_names),
                    "operations": described_operations(one.tensor),
                    "second_pass": bool(one.whole_operations),
                    "rescaled_back": dict(one.back),
                }
                for one in self.outputs
            ],
            **({"objects": {**self.objects.to_dict(), "labels": _header_dict(self.objects.labels)}} if self.objects else {}),
            "warnings": warnings(self.findings),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def final_dtype(tensor: Tensor) -> str:
    """Give the type a tensor has after its operations."""
    last = tensor.operations[-1] if tensor.operations else None
    return last.dtype if isinstance(last, EnsureDtype) else tensor.dtype


def described_operations(tensor: Tensor) -> list[str]:
    """Name the operations of a tensor, with the statistics they need as symbols."""
    return [
        operation_name(operation)
        + "".join(f" ({need.described()})" for need in processing.needs(operation))
        + _details(operation)
        for operation in tensor.operations
    ]


def _details(operation: Operation) -> str:
    match operation:
        case EnsureDtype(dtype):
            return f" {dtype}"
        case FixedZeroMeanUnitVariance(mean, std) if len(mean) == 1:
            return f" (mean {mean[0]:g}, std {std[0]:g})"
        case ArgMax(axis, _, at_least):
            return f" (over {axis}" + (f", 0 below {at_least:g})" if at_least is not None else ")")
        case Maximum(axis):
            return f" (over {axis})"
        case _:
            return ""


def _header_dict(header: Header) -> dict[str, Any]:
    return {
        "image": header.name,
        "shape": list(header.shape),
        "axes": header.axes,
        "dtype": header.dtype,
        "pixel_size": dict(header.pixel_size),
        "unit": dict(header.unit),
        "origin": dict(header.origin),
    }


def _prepared(preparation: Preparation) -> list[str]:
    lines = []
    if preparation.channels is not None:
        lines.append(f"{'channels':<10} {preparation.channels_text} of {preparation.source.size('c')}")
    if preparation.factors:
        lines.append(f"{'rescaled':<10} {preparation.factors_text}: {preparation.header.described()}")
    return lines


def _axes(one: InputPlan, plan: Plan) -> str:
    parts = [f"{axis.letter} is {axis.id}" if axis.letter != axis.id else f"{axis.letter}" for axis in one.axes if axis.letter]
    parts += [f"{axis.id} is added" for axis in one.axes if axis.letter is None and axis.id != "batch"]
    parts += [f"{letter} is looped over ({size})" for letter, size in plan.loops.items()]
    return ", ".join(parts)


def _result(header: Header) -> str:
    size = prod(header.shape)
    pixel = ", ".join(f"{axis} {size:g} {header.unit.get(axis, '')}".strip() for axis, size in header.pixel_size.items())
    return f"{header.name}: {header.described()}, {size} values" + (f", pixel size {pixel}" if pixel else "")


def tile_text(lines: Mapping[str, Line]) -> str:
    """Say a tile's size: ``y=256,x=512``."""
    return ",".join(f"{axis_of(name)}={line.tile}" for name, line in lines.items())
