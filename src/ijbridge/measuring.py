"""Measuring: the statistics a plan needs, taken of the pixels as each operation will receive them.

Pixels are gone through in blocks, once per statistic that depends on an earlier one; no copy of the whole image is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ijbridge import processing, statistics, views
from ijbridge.errors import CannotRunError
from ijbridge.findings import Finding
from ijbridge.geometry import AxisPlan
from ijbridge.image import Image
from ijbridge.operations import Clip, Operation
from ijbridge.plans import InputPlan, Plan
from ijbridge.processing import Need, Numbers
from ijbridge.typing import Array, Part

#: The position of a sample along the loops, or () for all samples together.
SampleKey = tuple[int, ...]
#: Which statistic: tensor, number of its operation, number among the operation's needs.
NeedKey = tuple[str, int, int]


@dataclass(frozen=True)
class Statistics:
    """Numbers measured of the pixels, per statistic and sample, with what there is to say about them."""

    numbers: Mapping[NeedKey, Mapping[SampleKey, Numbers]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def of(self, key: NeedKey, position: Mapping[str, int]) -> Numbers:
        """Give the numbers for the sample at a position."""
        samples = self.numbers[key]
        return samples[()] if () in samples else samples[tuple(position.values())]


def measure(plan: Plan, images: Mapping[str, Image]) -> Statistics:
    """Measure the statistics a plan needs, of the pixels of the prepared images as each operation will receive them."""
    numbers: dict[NeedKey, dict[SampleKey, Numbers]] = {}
    inputs = {one.tensor.id: one for one in plan.inputs}
    for one in plan.inputs:
        for key, need in needs_of(one.tensor.id, one.tensor.operations):
            source = inputs[need.reference] if need.reference else one
            before = () if need.reference else one.tensor.operations[: key[1]]
            found = _measure_need(plan, source, images[source.tensor.id], need, before, numbers)
            if source is not one:
                found = {sample: _fitted(values, source.axes, one.axes) for sample, values in found.items()}
            numbers[key] = found
    for output in plan.outputs:
        for key, need in needs_of(output.tensor.id, output.tensor.operations):
            if need.reference:
                source = inputs[need.reference]
                found = _measure_need(plan, source, images[source.tensor.id], need, (), numbers)
                numbers[key] = {sample: _fitted(values, source.axes, output.axes) for sample, values in found.items()}
    return Statistics(numbers, tuple(_constant_findings(plan, numbers)))


def needs_of(tensor: str, operations: Sequence[Operation]) -> Iterator[tuple[NeedKey, Need]]:
    """Give every statistic that a tensor's operations need, in order, with its key."""
    for number, operation in enumerate(operations):
        for which, need in enumerate(processing.needs(operation)):
            yield (tensor, number, which), need


def _measure_need(
    plan: Plan,
    source: InputPlan,
    image: Image,
    need: Need,
    before: Sequence[Operation],
    numbers: Mapping[NeedKey, Mapping[SampleKey, Numbers]],
) -> dict[SampleKey, Numbers]:
    ids = [axis.id for axis in source.axes]
    letters = [axis.letter for axis in source.axes]
    shape = [axis.size for axis in source.axes]
    known = Statistics(numbers)
    uncut = [ids.index(axis) for axis in map(processing.full_axis, before) if axis is not None]

    def blocks_of(chosen: Sequence[Mapping[str, int]]) -> statistics.Blocks:
        def blocks(whole: Sequence[int]) -> Iterator[tuple[tuple[slice, ...], Array]]:
            for where in views.blocks(shape, [*uncut, *whole], of=len(chosen)):
                for position in chosen:
                    view = views.sample_view(image.array, image.header.axes, position, letters)
                    part: Array = np.asarray(view[where])
                    for number, operation in enumerate(before):
                        part = applied(operation, part, source.tensor.id, number, ids, known, position, where)
                    yield where, part

        return blocks

    everywhere = list(views.positions(plan.loops))
    if processing.reduces_batch(need):
        return {(): numbers_of(need, blocks_of(everywhere), shape, ids, plan.samples)}
    return {tuple(position.values()): numbers_of(need, blocks_of([position]), shape, ids, 1) for position in everywhere}


def numbers_of(need: Need, blocks: statistics.Blocks, shape: Sequence[int], ids: Sequence[str], samples: int) -> Numbers:
    """Compute one statistic over the blocks of so many tensors of this shape and these axes."""
    reduced = [need.axes is None or one in need.axes or one == "batch" for one in ids]
    if need.kind == "moments":
        return statistics.moments(blocks, shape, reduced)
    return statistics.percentiles(blocks, shape, reduced, need.percentiles, interpolate=need.interpolate, samples=samples)


def _fitted(numbers: Numbers, source: Sequence[AxisPlan], target: Sequence[AxisPlan]) -> Numbers:
    """Give the numbers of one tensor the dimensions of another, axis by axis of the same id."""
    ids = [axis.id for axis in source]
    fitted = []
    for values in numbers:
        order = [ids.index(axis.id) for axis in target if axis.id in ids]
        left = [number for number in range(len(ids)) if number not in order]
        shape = [values.shape[ids.index(axis.id)] if axis.id in ids else 1 for axis in target]
        broad = all(size in (1, axis.size) for size, axis in zip(shape, target, strict=True))
        if not broad or any(values.shape[number] > 1 for number in left):
            raise CannotRunError(
                f"A statistic of {values.shape} values ({', '.join(ids)}) cannot be applied to a tensor of "
                f"{', '.join(f'{axis.size} {axis.id}' for axis in target)}: the description's axes do not fit."
            )
        fitted.append(values.transpose([*order, *left]).reshape(shape))
    return tuple(fitted)


def _constant_findings(plan: Plan, numbers: Mapping[NeedKey, Mapping[SampleKey, Numbers]]) -> Iterator[Finding]:
    inputs = {one.tensor.id: one for one in plan.inputs}
    said = set()
    for (tensor, number, which), samples in numbers.items():
        operation = inputs[tensor].tensor.operations[number] if tensor in inputs else None
        if operation is None or isinstance(operation, Clip):
            continue
        need = processing.needs(operation)[which]
        flat = [second == 0 if need.kind == "moments" else first == second for first, second in samples.values()]
        found, parts = int(sum(np.count_nonzero(one) for one in flat)), sum(one.size for one in flat)
        name = inputs[need.reference or tensor].image.name
        if not found or name in said:
            continue
        said.add(name)
        all_equal = need.kind == "moments" or need.percentiles == (0.0, 100.0)
        what = f"{name} is constant" if all_equal else f"{name} has the same value at the {need.described()}"
        where = ""
        if parts > 1:
            where = f" in {found} of {parts} {'samples' if parts == len(samples) else 'parts that are normalised on their own'}"
        yield Finding("constant", "warning", f"{what}{where}", "so it cannot be normalised", "the result there means nothing")


def applied(
    operation: Operation,
    part: Array,
    tensor: str,
    number: int,
    ids: Sequence[str],
    known: Statistics,
    position: Mapping[str, int],
    where: Sequence[Part],
) -> Array:
    """Apply one operation to the part of a tensor that lies at ``where``."""
    numbers = []
    for which in range(len(processing.needs(operation))):
        measured = known.of((tensor, number, which), position)
        numbers.append(tuple(_at(values, where) for values in measured))
    return processing.apply(operation, part, ids, numbers)


def _at(values: Array, where: Sequence[Part]) -> Array:
    for axis, indices in enumerate(where):
        if values.shape[axis] > 1:
            values = values[(*(slice(None),) * axis, indices)]
    return values
