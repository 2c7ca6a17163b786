"""What is known of a network from its graph: how its outputs follow its inputs (see `ijbridge.graph`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ijbridge.receptive_field import Field, Source


@dataclass(frozen=True)
class TensorSignature:
    """An input or output as the network states it; sizes that are free are None, as is the shape where it is not told.

    ``dtype`` is numpy's name of the type (ONNX's own for types that numpy lacks, ``undefined`` for what is no tensor).
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Signature:
    """What an ONNX file states besides its graph."""

    inputs: tuple[TensorSignature, ...]
    outputs: tuple[TensorSignature, ...]
    opset: int
    producer: str = ""
    version: int | None = None
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NetworkFacts:
    """What was found.

    ``types`` are the numpy types that the inputs take (ONNX's own names for types that
    numpy lacks). ``fields`` gives per output (the network's name) and axis number its fields by source; ``grid`` per source
    the distance at which tiles may start; ``global_operations`` per source the reasons why tiles along it are not exact;
    ``bytes_per_pixel`` what the tensors that are needed at the same time take, per pixel of the input; ``smallest`` per source
    the pixels without which a border cannot be mirrored.
    """

    fields: Mapping[str, tuple[Mapping[Source, Field], ...]]
    grid: Mapping[Source, int]
    global_operations: Mapping[Source, tuple[str, ...]]
    bytes_per_pixel: int
    types: Mapping[str, str] = field(default_factory=dict)
    smallest: Mapping[Source, int] = field(default_factory=dict)

    def renamed(self, names: Mapping[str, str]) -> NetworkFacts:
        """Give the facts in a description's ids; ``names`` has the network's name for each."""
        ids = {name: tensor_id for tensor_id, name in names.items()}
        # several described outputs may be made of one of the network's
        called = {name: [tensor_id for tensor_id, other in names.items() if other == name] or [name] for name in self.fields}

        def new(source: Source) -> Source:
            return ids.get(source[0], source[0]), source[1]

        return NetworkFacts(
            fields={
                tensor_id: tuple({new(source): one for source, one in axis.items()} for axis in axes)
                for name, axes in self.fields.items()
                for tensor_id in called[name]
            },
            grid={new(source): one for source, one in self.grid.items()},
            global_operations={new(source): one for source, one in self.global_operations.items()},
            bytes_per_pixel=self.bytes_per_pixel,
            smallest={new(source): one for source, one in self.smallest.items()},
            types={ids.get(name, name): one for name, one in self.types.items()},
        )

    def field(self, output: str, axis: int, source: Source) -> Field | None:
        """Give how far an output axis looks along a source; None where it does not come from it."""
        axes = self.fields.get(output, ())
        return axes[axis].get(source) if axis < len(axes) else None
