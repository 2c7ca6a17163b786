"""Prediction: resolve a plan with what was measured, and execute it.

``resolve`` only puts numbers where the plan has symbols; ``execute`` runs the resolved plan and decides nothing else. The
same resolved plan gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from ijbridge import processing, tiling, views
from ijbridge.errors import Cancelled, NetworkError
from ijbridge.findings import Finding, warnings
from ijbridge.image import Image
from ijbridge.measuring import SampleKey, Statistics, applied, needs_of, numbers_of
from ijbridge.operations import operation_name
from ijbridge.plans import InputPlan, OutputPlan, Plan, tile_text
from ijbridge.runtimes import Session
from ijbridge.tiling import Line, Tile
from ijbridge.typing import Array, Part

#: Called with the tiles that are done and the tiles there are.
Progress = Callable[[int, int], None]

#: What a tile gives of an output, in the network's order of axes, and where in the output it lies.
TilePart: TypeAlias = "tuple[Array, Sequence[Part]]"


#: The number of a sample, its position along the axes that are looped over, and one of its tiles.
_Step: TypeAlias = "tuple[int, Mapping[str, int], Tile]"


_Made = TypeVar("_Made")


class Sink(Protocol):
    """Takes what the tiles give in place of the results' arrays."""

    def begin(self) -> None:
        """Forget what was taken: a run begins, perhaps once more."""

    def take(self, sample: int, parts: Iterable[tuple[str, TilePart]]) -> None:
        """Take what a tile of a sample gives of outputs, one after the other, processed; tiles meet and do not overlap."""


@dataclass(frozen=True)
class ResolvedPlan:
    """A plan whose symbols have numbers: all that `execute` needs besides pixels and network."""

    plan: Plan
    statistics: Statistics
    pixel_findings: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth saying about model, image and pixels."""
        return (*self.plan.findings, *self.pixel_findings, *self.statistics.findings)

    def __str__(self) -> str:
        """Say the plan, and the numbers that were measured for it."""
        measured = [
            f"{'measured':<10} {one['operation']} of {one['tensor']}: {one['what']} = "
            + "; ".join(", ".join(f"{value:g}" for values in sample for value in values) for sample in one["values"])
            for one in statistics_text(self)
        ]
        findings = [f"{one.severity:<10} {one.sentence}" for one in (*self.pixel_findings, *self.statistics.findings)]
        return "\n".join([str(self.plan), *measured, *findings])

    def to_dict(self) -> dict[str, Any]:
        """Give the plan with its numbers as plain data (JSON)."""
        findings = self.findings
        return {
            **self.plan.to_dict(),
            "statistics": statistics_text(self),
            "warnings": warnings(findings),
            "findings": [finding.to_dict() for finding in findings],
        }


@dataclass(frozen=True)
class Record:
    """What was executed: the tiling that did it, how many runs, how long, what was tried before."""

    lines: Mapping[str, Line]
    tiles: int
    retries: tuple[str, ...] = ()


def resolve(plan: Plan, statistics: Statistics, pixel_findings: Sequence[Finding] = ()) -> ResolvedPlan:
    """Put the measured numbers into a plan."""
    return ResolvedPlan(plan, statistics, tuple(pixel_findings))


# --- executing -------------------------------------------------------------------------------------------------------


def empty_results(plan: Plan, given: Mapping[str, Array]) -> dict[str, Array]:
    """Make the arrays of the results, by their ids, where none is given."""
    return {
        name: given[name] if name in given else np.empty(one.header.shape, one.header.dtype)
        for name, one in plan.results.items()
    }


def execute(
    resolved: ResolvedPlan,
    images: Mapping[str, Image],
    session: Session,
    names: Mapping[str, str],
    results: Mapping[str, Array] | Sink,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Record:
    """Run a resolved plan.

    Parameters
    ----------
    images
        The prepared images, one per input.
    names
        The network's name for each tensor.
    results
        One array per output, of the shape and type of its ``computed`` header, filled in place; or what takes the tiles.
    progress, cancelled
        Called after and asked before each tile.

    Raises
    ------
    Cancelled
        If `cancelled` said so.
    NetworkError
        If the network fails, gives an output of another shape than described, or memory runs out at the smallest tile.
    """
    retries = list(resolved.plan.tried)
    for lines in resolved.plan.ladder:
        try:
            done = _Run(resolved, images, session, names, results, lines, progress, cancelled).run()
        except MemoryError as error:
            retries.append(f"tile {tile_text(lines)}: {error or 'not enough memory'}")
            continue
        return Record(lines, done, tuple(retries))
    raise NetworkError(
        f"There is not enough memory to run {resolved.plan.description.name!r} even in tiles of "
        f"{tile_text(resolved.plan.ladder[-1])}: free some, or name a smaller tile."
    )


class _Run:
    """One pass over all samples and tiles with one tiling."""

    def __init__(
        self,
        resolved: ResolvedPlan,
        images: Mapping[str, Image],
        session: Session,
        names: Mapping[str, str],
        results: Mapping[str, Array] | Sink,
        lines: Mapping[str, Line],
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._plan = resolved.plan
        self._statistics = resolved.statistics
        self._images, self._session, self._names, self._lines = images, session, names, lines
        self._sink: Sink = _Arrays(resolved.plan, results) if isinstance(results, Mapping) else results
        self._progress, self._cancelled = progress, cancelled
        # outputs that need a second pass are collected as the network gives them
        self._raw: dict[str, Array] = {}

    def run(self) -> int:
        self._sink.begin()
        positions = list(views.positions(self._plan.loops))
        total, done = len(positions) * tiling.tile_count(self._lines), 0
        wanted = list(dict.fromkeys(self._names[one.tensor.id] for one in self._plan.outputs))
        steps = ((sample, position, tile) for sample, position in enumerate(positions) for tile in tiling.tiles(self._lines))
        with ExitStack() as stack:
            tiles: Iterable[tuple[_Step, dict[str, Array]]] = ((step, self._feeds(step)) for step in steps)
            writing: Executor | None = None
            if self._session.device != "cpu":
                # the next tile is read, and the last one written, while the device works; where the network runs on the CPU,
                # which has no thread left, that takes as long as one after the other (docs/performance.md)
                tiles = _one_ahead(stack.enter_context(ThreadPoolExecutor(1, "ijbridge-read")), self._feeds, steps)
                writing = stack.enter_context(ThreadPoolExecutor(1, "ijbridge-write"))
            written: Future[None] | None = None
            for step, feeds in tiles:
                if self._cancelled is not None and self._cancelled():
                    raise Cancelled(f"Cancelled after {done} of {total} tiles.")
                given = dict(zip(wanted, self._session.run(feeds, wanted), strict=True))
                if written is not None:
                    written.result()
                if writing is not None:
                    written = writing.submit(self._take, given, step)
                else:
                    self._take(given, step)
                done += 1
                if self._progress is not None:
                    self._progress(done, total)
            if written is not None:
                written.result()
        for one in self._plan.outputs:
            if one.whole_operations:
                self._second_pass(one, positions)
        return done

    def _feeds(self, step: _Step) -> dict[str, Array]:
        _, position, tile = step
        return {
            self._names[one.tensor.id]: self._read(one, self._sample(one, position), tile, position)
            for one in self._plan.inputs
        }

    def _sample(self, one: InputPlan, position: Mapping[str, int]) -> Array:
        image = self._images[one.tensor.id]
        return views.sample_view(image.array, one.image.axes, position, [axis.letter for axis in one.axes])

    def _take(self, given: Mapping[str, Array], step: _Step) -> None:
        sample, position, tile = step
        self._sink.take(sample, self._parts(given, tile, position, sample))

    def _read(self, one: InputPlan, view: Array, tile: Tile, position: Mapping[str, int]) -> Array:
        part: Array = view
        where: list[Part] = []
        for number, axis in enumerate(one.axes):
            if axis.line is None:
                where.append(slice(0, axis.size))
                continue
            line = self._lines[axis.line]
            start = axis.link.start(line.starts[tile.numbers[axis.line]])
            length, padding = axis.link.size(line.tile), one.tensor.padding
            indices = tiling.continued(start, length, axis.size, padding.mode)
            where.append(indices)
            part = part[(*(slice(None),) * number, indices)]
            if padding.mode == "constant" and not 0 <= start <= axis.size - length:
                if processing.cast(np.asarray(padding.value), part.dtype.name) != padding.value:
                    part = part.astype(np.float64)
                part[(*(slice(None),) * number, slice(0, max(0, -start)))] = padding.value
                part[(*(slice(None),) * number, slice(max(0, axis.size - start), None))] = padding.value
        ids = [axis.id for axis in one.axes]
        for number, operation in enumerate(one.tensor.operations):
            part = applied(operation, part, one.tensor.id, number, ids, self._statistics, position, where)
        return np.ascontiguousarray(processing.cast(part, one.dtype))

    def _parts(
        self, given: Mapping[str, Array], tile: Tile, position: Mapping[str, int], sample: int
    ) -> Iterator[tuple[str, TilePart]]:
        for one in self._plan.outputs:
            part = self._kept(one, given[self._names[one.tensor.id]], tile, position, sample)
            if part is not None:
                yield one.tensor.id, part

    def _kept(self, one: OutputPlan, array: Array, tile: Tile, position: Mapping[str, int], sample: int) -> TilePart | None:
        """Cut the halo off and apply the operations; None where they have to wait for the whole output."""
        _check_shape(one, array, self._lines)
        source: list[Part] = []
        target: list[Part] = []
        for axis in one.axes:
            if axis.line is None:
                source.append(slice(None))
                target.append(slice(None))
                continue
            line, number = self._lines[axis.line], tile.numbers[axis.line]
            begin, end = line.kept(number, axis.link)
            offset = axis.link.start(line.starts[number])
            source.append(slice(begin - offset, end - offset))
            target.append(slice(begin, end))
        part = array[tuple(source)]
        if one.whole_operations:
            if one.tensor.id not in self._raw:
                samples = self._plan.samples
                self._raw[one.tensor.id] = np.empty((samples, *(axis.size for axis in one.axes)), array.dtype)
            self._raw[one.tensor.id][(sample, *target)] = part
            return None
        ids = [axis.id for axis in one.axes]
        for number, operation in enumerate(one.local_operations):
            part = applied(operation, part, one.tensor.id, number, ids, self._statistics, position, target)
        return processing.cast(part, one.computed.dtype), target

    def _second_pass(self, one: OutputPlan, positions: Sequence[Mapping[str, int]]) -> None:
        """Apply the operations of an output from its raw values, with statistics of the whole."""
        ids, shape = [axis.id for axis in one.axes], [axis.size for axis in one.axes]
        raw = self._raw.pop(one.tensor.id)
        numbers = dict(self._statistics.numbers)
        operations = one.tensor.operations
        uncut = [ids.index(axis) for axis in map(processing.full_axis, operations) if axis is not None]

        def processed(sample: int, where: tuple[slice, ...], until: int) -> Array:
            part: Array = raw[sample][where]
            known = Statistics(numbers)
            for number, operation in enumerate(operations[:until]):
                part = applied(operation, part, one.tensor.id, number, ids, known, positions[sample], where)
            return part

        def before(samples: Sequence[int], until: int, whole: Sequence[int]) -> Iterator[tuple[tuple[slice, ...], Array]]:
            for where in views.blocks(shape, [*uncut, *whole], of=len(samples)):
                for sample in samples:
                    yield where, processed(sample, where, until)

        for key, need in needs_of(one.tensor.id, operations):
            if need.reference:
                continue
            if processing.reduces_batch(need):
                groups: dict[SampleKey, list[int]] = {(): list(range(len(positions)))}
            else:
                groups = {tuple(position.values()): [number] for number, position in enumerate(positions)}
            numbers[key] = {
                sample: numbers_of(need, partial(before, chosen, key[1]), shape, ids, len(chosen))
                for sample, chosen in groups.items()
            }
        for sample in range(len(positions)):
            for where in views.blocks(shape, uncut):
                part = processing.cast(processed(sample, where, len(operations)), one.computed.dtype)
                self._sink.take(sample, [(one.tensor.id, (part, where))])


class _Arrays:
    """Writes what the tiles give into the results' arrays."""

    def __init__(self, plan: Plan, results: Mapping[str, Array]) -> None:
        self._outputs = {one.tensor.id: one for one in plan.outputs}
        self._positions = list(views.positions(plan.loops))
        self._results = results

    def begin(self) -> None:
        """Do nothing: every pixel is written once more."""

    def take(self, sample: int, parts: Iterable[tuple[str, TilePart]]) -> None:
        """Write."""
        for name, (part, where) in parts:
            one = self._outputs[name]
            letters = [axis.letter for axis in one.axes]
            view = views.sample_view(self._results[name], one.computed.axes, self._positions[sample], letters)
            view[tuple(where)] = part


def _one_ahead(pool: Executor, work: Callable[[_Step], _Made], steps: Iterable[_Step]) -> Iterator[tuple[_Step, _Made]]:
    """Give what a pool makes of each step; while one is used, the next is made."""
    before: tuple[_Step, Future[_Made]] | None = None
    for step in steps:
        coming = step, pool.submit(work, step)
        if before is not None:
            yield before[0], before[1].result()
        before = coming
    if before is not None:
        yield before[0], before[1].result()


def _check_shape(one: OutputPlan, array: Array, lines: Mapping[str, Line]) -> None:
    expected = tuple(axis.size if axis.line is None else axis.link.size(lines[axis.line].tile) for axis in one.axes)
    if array.shape != expected:
        raise NetworkError(
            f"The network's output {one.tensor.id!r} has the shape {_by(array.shape)}, but its description says "
            f"{_by(expected)} ({', '.join(axis.id for axis in one.axes)}) for this input: the description does not fit the "
            "network."
        )


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def statistics_text(resolved: ResolvedPlan) -> list[dict[str, Any]]:
    """List the measured numbers for a record: tensor, operation, what, and its values (of the first samples)."""
    description = resolved.plan.description
    tensors = {one.id: one for one in (*description.inputs, *description.outputs)}
    listed = []
    for (tensor, number, which), samples in resolved.statistics.numbers.items():
        operation = tensors[tensor].operations[number]
        shown = list(samples.items())[:16]
        listed.append(
            {
                "tensor": tensor,
                "operation": operation_name(operation),
                "what": processing.needs(operation)[which].described(),
                "values": [[[float(value) for value in values.ravel()[:16]] for values in found] for _, found in shown],
                "samples": len(samples),
            }
        )
    return listed
