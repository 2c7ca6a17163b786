"""Tiles: pure geometry, no pixels.

One spatial axis of a network's input is a *line*. The sample of ``size`` pixels is padded at its end (some formats: on both
sides) to a ``padded`` size the network accepts; *whole* means the network run once on that. Tiles of one size lie on it so that
together they give the same numbers::

    0         s1        s2=padded-tile    size  padded
    |---------|---------|-----------------|-----|
    [====== tile 0 =======]                         what the network reads
    [#### kept ######]....                          what is kept of its output
              [====== tile 1 =======]
              ....[### kept ###]....                .... is the halo: read, computed, thrown away
                        [====== tile 2 ==========]
                        ....[###### kept #########]

- Every tile starts at a multiple of the grid, the network's total stride: then pooling and strided convolutions see the
  same groups of pixels in a tile as in the whole.
- Where a tile ends inside the sample it reads real neighbouring pixels and its halo is thrown away. Where it ends with
  the padded sample, nothing is thrown away: the network meets the border there as it does in the whole.
- What is kept of one tile begins where the tile before ends, so every output pixel is written exactly once.

Other axes are *linked* to a line: an output axis (or that of another input) has ``floor(n * ratio + offset)`` elements where
the line has n, so a tile that starts at s starts at ``s * ratio`` there. Its halo counts its own elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import ceil, floor, lcm, prod

from ijbridge.description import FixedSize, PaddingMode, Size, SteppedSize
from ijbridge.errors import PlanError

#: A fixed-size network does not say its stride; powers of two up to this one are tried.
_LARGEST_GUESSED_STRIDE = 64


@dataclass(frozen=True)
class Link:
    """How an axis follows its line: ``floor(n * ratio + offset)`` elements where the line has n, ``halo`` of its own."""

    ratio: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    halo: int = 0

    def size(self, n: int) -> int:
        """Give the size of this axis where the line has ``n`` pixels."""
        return floor(n * self.ratio + self.offset)

    def start(self, s: int) -> int:
        """Give the position on this axis of a tile that starts at ``s`` on the line."""
        return int(s * self.ratio)

    @property
    def halo_on_line(self) -> Fraction:
        """The halo in pixels of the line."""
        return self.halo / self.ratio


@dataclass(frozen=True)
class Line:
    """The tiles along one axis: ``starts`` of equal ``tile`` size on ``padded`` pixels, of which ``size`` are the sample.

    Starts are counted from the first pixel of the sample: where some of the padding lies before it, the first is below 0.
    """

    size: int
    padded: int
    tile: int
    starts: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether there is one tile only."""
        return len(self.starts) == 1

    def kept(self, number: int, link: Link) -> tuple[int, int]:
        """Give the part of a linked output that tile ``number`` fills: from, to."""
        begin = 0 if number == 0 else max(0, link.start(self.starts[number]) + link.halo)
        last = number == len(self.starts) - 1
        end = link.size(self.size) if last else link.start(self.starts[number + 1]) + link.halo
        return begin, max(begin, min(end, link.size(self.size)))


@dataclass(frozen=True)
class AxisRules:
    """What the network asks of one line: the sizes it accepts, and the axes that are linked to it.

    ``tileable`` is False where tiles could not be put together again, and ``whole_because`` says why. ``stride`` is the
    network's total stride, where it is known: tiles start at its multiples. ``at_least`` pixels are needed for the borders that
    the network mirrors. ``both_sides``: half of the padding goes before the sample.
    """

    accepts: Size
    outputs: tuple[Link, ...]
    inputs: tuple[Link, ...] = ()
    tileable: bool = True
    whole_because: str = "an output does not follow it"
    stride: int | None = None
    at_least: int = 1
    both_sides: bool = False

    @property
    def smallest(self) -> int:
        """The smallest size the network accepts."""
        return self.valid(1)

    def grid(self, tile: int) -> int:
        """Give the distance between possible tile starts."""
        whole = lcm(*(link.ratio.denominator for link in (*self.outputs, *self.inputs)), 1)
        if self.stride is not None:
            return lcm(self.stride, whole)
        if isinstance(self.accepts, SteppedSize):
            return lcm(self.accepts.step, whole)
        reach = self._reach(tile)
        stride = _LARGEST_GUESSED_STRIDE
        while stride > 1 and (tile % stride or floor(reach / stride) * stride < reach / 2):
            stride //= 2
        return lcm(stride, whole)

    def valid(self, size: int | Fraction) -> int:
        """Give the smallest accepted size of at least ``size``."""
        if isinstance(self.accepts, FixedSize):
            return self.accepts.size
        stepped = _stepped(self.accepts)
        return stepped.min + max(0, ceil(Fraction(max(size, self.at_least) - stepped.min, stepped.step))) * stepped.step

    def fitting(self, size: int) -> int:
        """Give the largest accepted size of at most ``size``, or the smallest accepted one."""
        if isinstance(self.accepts, FixedSize):
            return self.accepts.size
        return self.valid(size - _stepped(self.accepts).step + 1)

    @cached_property
    def smallest_tile(self) -> int:
        """The smallest tile from which something is left once the halo is cut off on both sides."""
        tile = self.smallest
        if isinstance(self.accepts, FixedSize):
            return tile
        # from below what is left over is shorter than the grid, where that is one for all tiles
        left = self.grid(tile) if self.stride is not None or isinstance(self.accepts, SteppedSize) else 1
        for link in self.outputs:
            tile = max(tile, self.valid(left + (2 * link.halo - link.offset) / link.ratio))
        while self.advance(tile) <= 0:
            tile += _stepped(self.accepts).step
        return tile

    def advance(self, tile: int) -> int:
        """Give how far apart tiles of that size may start, a multiple of the grid; 0 where the halo leaves nothing."""
        grid = self.grid(tile)
        return max(0, floor(self._reach(tile) / grid) * grid)

    def before(self, padding: int) -> int:
        """Give how many of so many padded pixels lie before the sample: whole pixels of everything that is linked to it."""
        if not self.both_sides:
            return 0
        unit = lcm(*(link.ratio.denominator for link in (*self.outputs, *self.inputs)), 1)
        return padding // 2 // unit * unit

    def _reach(self, tile: int) -> Fraction:
        return min((Fraction(link.size(tile) - 2 * link.halo) / link.ratio for link in self.outputs), default=Fraction(tile))


def _stepped(size: Size) -> SteppedSize:
    return size if isinstance(size, SteppedSize) else SteppedSize(1, 1)


def lay(size: int, rules: AxisRules, wanted: int | None) -> Line:
    """Lay tiles along one axis.

    Parameters
    ----------
    size
        Pixels of the sample.
    rules
        What the network accepts and how its outputs follow.
    wanted
        The tile size that is wished for; the next accepted one is taken. None: the whole axis in one tile.

    Raises
    ------
    PlanError
        If no tile of an accepted size can do it.
    """
    fixed = isinstance(rules.accepts, FixedSize)
    whole = rules.valid(size)
    tile = whole if wanted is None or fixed else min(whole, max(rules.valid(wanted), rules.smallest_tile))
    if tile >= size:
        return Line(size, tile, tile, (-rules.before(tile - size),))
    if not rules.tileable:
        raise PlanError(f"it takes at most {tile} of them at once, and tiles are not possible: {rules.whole_because}")
    advance = rules.advance(tile)
    if advance <= 0:
        raise PlanError(f"its halo leaves nothing of a tile of {tile} pixels")
    grid = rules.grid(tile)
    if fixed:
        padded = tile + ceil((size - tile) / grid) * grid
    else:
        padded = whole
        while (padded - tile) % grid:  # the last tile starts on the grid too
            tile += _stepped(rules.accepts).step
    before = rules.before(padded - size)
    starts = [*range(0, padded - tile, advance), padded - tile]
    return Line(size, padded, tile, tuple(start - before for start in starts))


@dataclass(frozen=True)
class Tile:
    """One tile: its number along each line, by the line's name."""

    numbers: Mapping[str, int]


def tiles(lines: Mapping[str, Line]) -> Iterator[Tile]:
    """Give all tiles, the last line's fastest."""
    names = list(lines)
    for numbers in product(*(range(len(lines[name].starts)) for name in names)):
        yield Tile(dict(zip(names, numbers, strict=True)))


def tile_count(lines: Mapping[str, Line]) -> int:
    """Give how many tiles there are."""
    return prod(len(line.starts) for line in lines.values())


def continued(start: int, length: int, size: int, mode: PaddingMode = "symmetric") -> slice | list[int]:
    """Give the positions to read for ``length`` pixels from ``start``, continued beyond ``size`` by whole periods.

    The modes are numpy's (see `ijbridge.description.Padding`), for any length; a single pixel is repeated by all of them. For
    "constant" the positions are those of "edge": what lies beyond is not read.
    """
    if start >= 0 and start + length <= size:
        return slice(start, start + length)
    positions = range(start, start + length)
    if size == 1 or mode in ("edge", "constant"):
        return [min(max(one, 0), size - 1) for one in positions]
    repeated = int(mode == "symmetric")
    period = 2 * size - 2 + 2 * repeated
    return [min(one % period, period - repeated - one % period) for one in positions]
