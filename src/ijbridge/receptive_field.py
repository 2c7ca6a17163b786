"""How far one element of a tensor looks along one axis of an input, and what a layer makes of that.

Receptive field arithmetic after Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill
2019, doi:10.23915/distill.00021, kept for every phase of an element: behind an upsampling neighbours look differently far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice
from math import ceil, floor, gcd, lcm
from typing import TypeAlias

#: The most elements that are looked at to find one field: far more than any network in use has phases and kernels.
_MOST_WORK = 2**15

#: An axis of an input: the network's name of the tensor, and the number of the axis.
Source: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class Field:
    """Element j depends on pixels ``step * j + low[j % n]`` to ``step * j + high[j % n]`` of its source, n being the phases.

    ``size`` is how many elements there are where the source has ``pixels``; for every step more of pixels there is one more.
    ``work`` is how many elements were looked at to find this out.
    """

    step: Fraction = Fraction(1)
    low: tuple[Fraction, ...] = (Fraction(0),)
    high: tuple[Fraction, ...] = (Fraction(0),)
    size: int = 0
    pixels: int = 0
    work: int = field(default=0, compare=False)

    def halo(self, *, offset: Fraction = Fraction(0), aligned: bool = True) -> int:
        """Give the elements on either side of a tile's output that depend on pixels outside the tile.

        ``offset`` is how many more elements the output has than the tile over the step (fewer, below 0). ``aligned`` says that
        tiles begin and end on the grid, where the phases are known; else every phase is reckoned with.
        """
        n = len(self.low)
        before = [-low / self.step for low in self.low]
        after = [(high + 1) / self.step - 1 + offset for high in self.high]
        if not aligned or offset.denominator != 1:
            return max(0, ceil(max(before)), ceil(max(after)))
        # the last element j of phase r, from the beginning, that is wrong: the largest j < before[r] with j % n == r
        first = max((_below(edge, phase, n) for phase, edge in enumerate(before)), default=-1)
        last = max((_below(edge, (int(offset) - 1 - phase) % n, n) for phase, edge in enumerate(after)), default=-1)
        return max(0, first + 1, last + 1)

    def through(self, factor: Fraction, reads: Callable[[int], Iterable[int]], size: int) -> Field:
        """Give the field of a tensor whose element j is made of the elements ``reads(j)`` of this one.

        ``factor`` is how many elements of this tensor one of the new is; ``reads`` moves along with it; ``size`` is the
        number of the new ones.

        Raises
        ------
        ValueError
            If that means to look at far more elements than any network in use does.
        """
        n = len(self.low)
        phases = factor.denominator * n // gcd(factor.numerator, n)
        work = _bounded(phases) * sum(1 for _ in islice(reads(0), _MOST_WORK))
        _bounded(work)
        first, last = range(phases), range(size - phases, size)
        source = self._bordered(any(min(reads(j)) < 0 for j in first), any(max(reads(j)) >= self.size for j in last))
        step, low, high = self.step * factor, [], []
        for j in range(phases):
            read = list(reads(j))
            low.append(min(source.step * i + source.low[i % n] for i in read) - step * j)
            high.append(max(source.step * i + source.high[i % n] for i in read) - step * j)
        return Field(step, tuple(low), tuple(high), size, self.pixels, work)

    def _bordered(self, before: bool, after: bool) -> Field:
        """Give a field such that what lies before the first or after the last element lies outside the source too.

        A border is added there, which in a tile is another than in the whole. Where elements were cut off, the border lies
        inside the tile; a field so much wider tells who reads it.
        """
        n = len(self.low)
        low, high = Fraction(0), Fraction(0)
        if before:
            low = max(Fraction(0), *(self.step * i + self.low[i % n] + 1 for i in range(-n, 0)))
        if after:
            beyond = range(self.size, self.size + n)
            high = max(Fraction(0), *(self.pixels - self.step * i - self.high[i % n] for i in beyond))
        if not low and not high:
            return self
        return replace(self, low=tuple(one - low for one in self.low), high=tuple(one + high for one in self.high))

    def joined(self, other: Field) -> Field:
        """Give the field of an element that is made of the elements of the same place of both."""
        n = _bounded(lcm(len(self.low), len(other.low)))
        low = tuple(min(self.low[j % len(self.low)], other.low[j % len(other.low)]) for j in range(n))
        high = tuple(max(self.high[j % len(self.high)], other.high[j % len(other.high)]) for j in range(n))
        return replace(self, low=low, high=high, work=n)


def _bounded(work: int) -> int:
    if work > _MOST_WORK:
        raise ValueError("more elements than any network in use looks at")
    return work


def _below(edge: Fraction, phase: int, n: int) -> int:
    """Give the largest j below ``edge`` with j % n == phase, -1 where there is none from 0 on."""
    largest = ceil(edge) - 1
    j = largest - (largest - phase) % n
    return max(j, -1)


#: The fields of one axis of a tensor, by source; empty where it comes from no spatial axis.
AxisFields: TypeAlias = dict[Source, Field]


def resize_reads(scale: Fraction, mode: str, transform: str, rounding: str, antialias: bool) -> Callable[[int], Iterable[int]]:
    """Give which elements a resizing reads for element j (ONNX operator Resize)."""
    half = Fraction(1, 2)
    reach = ceil((2 if mode == "cubic" else 1) / scale)

    def reads(j: int) -> Iterable[int]:
        x = (j + half) / scale - half if "half_pixel" in transform else j / scale
        if transform == "tf_half_pixel_for_nn":
            x += half
        if mode == "nearest":
            chosen = {"floor": floor(x), "ceil": ceil(x), "round_prefer_ceil": floor(x + half)}
            return [chosen.get(rounding, ceil(x - half))]
        if antialias and scale < 1:
            return range(floor(x) - reach, ceil(x) + reach + 1)
        return [floor(x), ceil(x)] if mode == "linear" else range(floor(x) - 1, floor(x) + 3)

    return reads


def padded(axis: AxisFields, before: int, after: int) -> AxisFields:
    """Give the fields of an axis to which elements are added before and after (taken away, below 0)."""
    return {source: one.through(Fraction(1), lambda j: [j - before], one.size + before + after) for source, one in axis.items()}


def in_blocks(axis: AxisFields, block: int, to_space: bool) -> AxisFields:
    """Give the fields of an axis whose elements are taken apart into blocks, or are blocks put together."""
    if to_space:
        return {
            source: one.through(Fraction(1, block), lambda j: [j // block], one.size * block) for source, one in axis.items()
        }
    reads = lambda j: range(j * block, (j + 1) * block)  # noqa: E731
    return {source: one.through(Fraction(block), reads, one.size // block) for source, one in axis.items()}


def common_step(steps: Iterable[Fraction]) -> int:
    """Give the least whole number that is a multiple of every step."""
    numerator, denominator = 1, 0
    for step in steps:
        numerator, denominator = lcm(numerator, step.numerator), gcd(denominator, step.denominator)
    return lcm(1, Fraction(numerator, denominator or 1).numerator)
