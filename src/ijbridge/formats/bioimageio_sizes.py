"""How the sizes of a model's axes are said in bioimage.io 0.5.

There a size that refers to another is size * scale / own scale + offset, so that scales state pixel sizes and ratios at
once: they are chosen for both, and where they cannot say both, for the ratio. A reference has to lead to an axis with a size
of its own; what leads there over others is said as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, lcm
from typing import TypeAlias

from ijbridge import units
from ijbridge.description import Axis, FixedSize, ModelDescription, ReferencedSize, SteppedSize
from ijbridge.formats.bioimageio_v05 import ratio as read_ratio

#: A tensor's id and that of one of its axes.
Key: TypeAlias = tuple[str, str]

UNITS: Mapping[str, tuple[str, ...]] = {
    "space": (
        "attometer", "angstrom", "centimeter", "decimeter", "exameter", "femtometer", "foot", "gigameter", "hectometer", "inch",
        "kilometer", "megameter", "meter", "micrometer", "mile", "millimeter", "nanometer", "parsec", "petameter", "picometer",
        "terameter", "yard", "yoctometer", "yottameter", "zeptometer", "zettameter",
    ),
    "time": (
        "attosecond", "centisecond", "day", "decisecond", "exasecond", "femtosecond", "gigasecond", "hectosecond", "hour",
        "kilosecond", "megasecond", "microsecond", "millisecond", "minute", "nanosecond", "petasecond", "picosecond", "second",
        "terasecond", "yoctosecond", "yottasecond", "zeptosecond", "zettasecond",
    ),
}  # fmt: skip


#: The largest of the whole numbers that floats hold exactly.
_EXACT = 2**53


@dataclass(frozen=True)
class Reference:
    """A size said by another: size of ``to`` * scale of ``to`` / own scale + ``offset``."""

    to: Key
    ratio: Fraction
    offset: int


@dataclass
class Sizes:
    """How 0.5 says the sizes: the scale and unit of every axis that has them, the sizes that are references, halos.

    ``least`` is the smallest size of an input's axis that grows in steps. It is larger than that of the description where
    nothing would be left of it beside a halo, which 0.5 does not allow.
    """

    scales: dict[Key, float] = field(default_factory=dict)
    units: dict[Key, str] = field(default_factory=dict)
    references: dict[Key, Reference] = field(default_factory=dict)
    least: dict[Key, int] = field(default_factory=dict)
    halos: dict[Key, int] = field(default_factory=dict)

    def agrees(self, key: Key, sizes: Mapping[Key, int]) -> bool:
        """Whether a reference gives a size without a remainder, as 0.5 wants it of test tensors."""
        return self._computed(key, sizes[self.references[key].to]) == sizes[key]

    def _computed(self, key: Key, size: int) -> float:
        one = self.references[key]
        return size * self.scales.get(one.to, 1.0) / self.scales.get(key, 1.0) + one.offset

    def _whole_halo(self, key: Key, halo: int) -> int | None:
        """Give the least halo, not below the one that is meant, that is whole in pixels of the axis referred to, too."""
        one = self.references[key]
        step = one.ratio.numerator  # there it is halo / ratio
        first = ceil(Fraction(halo, step)) * step
        scale, own = self.scales.get(one.to, 1.0), self.scales.get(key, 1.0)
        return next((n for n in range(first, first + 100 * step, step) if (n * own / scale).is_integer()), None)

    def _beside(self, key: Key, halo: int, low: int, step: int) -> int:
        """Give the least size of the axis referred to, of those in steps, that leaves something beside a halo."""
        one = self.references[key]
        steps = ceil(((2 * halo + 1 - one.offset) / one.ratio - low) / step)
        size = low + max(0, steps) * step
        while int(self._computed(key, size)) <= 2 * halo:  # by the rounding of floats
            size += step
        return size

    def say_halos(self, axes: Mapping[Key, Axis], sizes: Mapping[Key, int] | None) -> None:
        """Choose halos, and the least sizes that leave something beside them, not above the sizes of test tensors."""
        wanted = {
            key: whole
            for key in self.references
            if axes[key].kind in ("space", "time") and axes[key].halo and (whole := self._whole_halo(key, axes[key].halo))
        }
        for key, axis in axes.items():
            if isinstance(axis.size, ReferencedSize | FixedSize):
                continue
            low, step = (axis.size.min, axis.size.step) if isinstance(axis.size, SteppedSize) else (axis.size.min, 1)
            self.least[key] = low
            for other, halo in wanted.items():
                if self.references[other].to == key:
                    needed = self._beside(other, halo, low, step)
                    if sizes is None or needed <= sizes[key]:
                        self.least[key] = max(self.least[key], needed)
        for key, halo in wanted.items():
            to = self.references[key].to
            size = axes[to].size
            least = size.size if isinstance(size, FixedSize) else self.least[to]
            if int(self._computed(key, least)) > 2 * halo:
                self.halos[key] = halo


def said_sizes(description: ModelDescription, shapes: Mapping[str, Sequence[int]] | None = None) -> Sizes:
    """Decide how a description's sizes are said, for test tensors of these shapes.

    A reference that leaves a remainder there is not said: 0.5 would refuse the test tensors.
    """
    tensors = (*description.inputs, *description.outputs)
    axes = {(tensor.id, axis.id): axis for tensor in tensors for axis in tensor.axes}
    found = dict(_references(description, axes))
    said = Sizes()
    for key in axes:
        if key not in found:
            followers = {other: one for other, one in found.items() if one.to == key}
            said.references |= _with_scales(said, axes, key, followers)
    sizes = None
    if shapes is not None:
        sizes = {
            (tensor.id, axis.id): size for tensor in tensors for axis, size in zip(tensor.axes, shapes[tensor.id], strict=True)
        }
        said.references = {key: one for key, one in said.references.items() if said.agrees(key, sizes)}
    for key in found.keys() - said.references.keys():
        said.scales.pop(key, None)
        said.units.pop(key, None)
        _own_scale(said, key, axes[key])
    said.say_halos(axes, sizes)
    return said


def _references(description: ModelDescription, axes: Mapping[Key, Axis]) -> Iterator[tuple[Key, Reference]]:
    inputs = [(tensor.id, axis.id) for tensor in description.inputs for axis in tensor.axes]
    for key, axis in axes.items():
        is_input = key in inputs
        ratio, offset, size, to = Fraction(1), Fraction(0), axis.size, key
        while isinstance(size, ReferencedSize):
            offset, ratio = offset + ratio * size.offset, ratio * size.ratio
            to = (size.tensor, size.axis)
            size = axes[to].size
        if to == key and axis.halo and isinstance(size, FixedSize) and not is_input:
            # a halo is only said beside a reference; that of a fixed size leads to the input of fixed size that it shows
            for other in inputs:
                fixed = axes[other].size
                if isinstance(fixed, FixedSize) and (axes[other].letter, axes[other].kind) == (axis.letter, axis.kind):
                    ratio = Fraction(size.size, fixed.size)
                    ratio = ratio if 1 in (ratio.numerator, ratio.denominator) else Fraction(1)
                    to, offset = other, size.size - fixed.size * ratio
        may_lead_there = to in inputs or (not is_input and isinstance(axes[to].size, FixedSize))
        if to != key and may_lead_there and "batch" not in (axis.kind, axes[to].kind) and axis.kind != "channel":
            yield key, Reference(to, ratio, floor(offset))


def _with_scales(said: Sizes, axes: Mapping[Key, Axis], key: Key, followers: Mapping[Key, Reference]) -> dict[Key, Reference]:
    """Give an axis and those that refer to it their scales; give the references that these can say."""
    axis = axes[key]
    if axis.kind in ("index", "channel"):
        scale = Fraction(1)
    elif _own_scale(said, key, axis):
        scale = Fraction(said.scales[key])
    else:
        # whole numbers, of which quotients have no remainder
        scale = Fraction(lcm(*(one.ratio.numerator for one in followers.values())))
        scale = scale if scale <= _EXACT else Fraction(1)
        if scale != 1:
            said.scales[key] = float(scale)
    able = {}
    for other, one in followers.items():
        unit, follower = said.units.get(key), axes[other]
        own = float(scale / one.ratio)
        stated = follower.pixel_size
        if unit and stated and units.spelled(follower.unit, [unit]) and read_ratio(float(scale), stated) == one.ratio:
            own = stated
        has_scale = follower.kind in ("space", "time")
        if read_ratio(float(scale), own) != one.ratio or (own != 1 and not has_scale) or (unit and follower.kind != axis.kind):
            continue
        if own != 1 or unit:
            said.scales[other] = own
        if unit:
            said.units[other] = unit
        able[other] = one
    return able


def _own_scale(said: Sizes, key: Key, axis: Axis) -> bool:
    """Give an axis its pixel size as its scale, where it has one that 0.5 can say."""
    unit = units.spelled(axis.unit, UNITS.get(axis.kind, ()))
    if unit is None or axis.pixel_size is None:
        return False
    said.scales[key], said.units[key] = axis.pixel_size, unit
    return True
