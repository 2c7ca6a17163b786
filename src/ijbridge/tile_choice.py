"""Which tiles: what the user asks for or, automatically, what memory and the cost of the halo make best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import ceil, prod

from ijbridge import tiling, units
from ijbridge.errors import PlanError
from ijbridge.geometry import tensor_of
from ijbridge.profiles import Profile
from ijbridge.tiling import AxisRules, Line

#: What one run of the network may hold without need. On processors larger tiles are hardly faster (docs/performance.md).
_ENOUGH_MEMORY = 300 << 20

#: Pixels of a tile that is large enough, however little the network holds.
_ENOUGH_PIXELS = 2**20

#: How many times the pixels that tiles of `_ENOUGH_PIXELS` would compute may be computed to hold less.
_MORE_WORK = 1.1

#: Pixels computed per pixel of the image above which still larger tiles are worth their memory.
_MOST_WORK = 1.5

#: What a network of ordinary width holds per input pixel while it runs (64 float32 maps at full size, eight times).
BYTES_PER_PIXEL = 2048

#: How much more than the tensors it needs at the same time the engine holds: its arena grows in steps and keeps what it once
#: had (measured with onnxruntime 1.32 on U-Nets: 1.5 to 2.3).
ENGINE_FACTOR = 2.5

#: An image of up to this many times the largest tile is run in one piece.
_WHOLE_ALLOWANCE = 1.5


def ladder(
    sizes: Mapping[str, int],
    rules: Mapping[str, AxisRules],
    letters: Mapping[str, str | None],
    tile: str | int | Mapping[str, int],
    memory: int,
    bytes_per_pixel: int = BYTES_PER_PIXEL,
    profile: Profile | None = None,
) -> tuple[dict[str, Line], ...]:
    """Give the tilings to try, the best first and smaller ones for when memory runs out.

    Parameters
    ----------
    sizes, rules, letters
        Per line its pixels, what the network asks, and the image axis it is.
    tile
        As in `ijbridge.options.Options`; anything but "auto" gives one tiling.
    memory
        Bytes that may be used.
    bytes_per_pixel
        What the network needs per pixel of its input while it runs.
    profile
        What was measured of the network; then "auto" is what takes the least time by it.

    Raises
    ------
    PlanError
        If no tile can do it.
    """
    if tile == "whole":
        return (_lay(sizes, rules, letters, dict.fromkeys(sizes), must_be_whole=True),)
    if tile != "auto":
        wanted = {name: tile.get(letters[name] or "") if isinstance(tile, Mapping) else _one_size(tile) for name in sizes}
        return (_lay(sizes, rules, letters, wanted),)
    most = max(1, memory // bytes_per_pixel)
    in_one_piece = pixels({name: rules[name].valid(size) for name, size in sizes.items()})

    def work(largest: int) -> float:
        if in_one_piece <= min(largest * _WHOLE_ALLOWANCE, most):
            return in_one_piece / pixels(sizes)
        return _work(_evened(sizes, rules, letters, _lay(sizes, rules, letters, _cube(sizes, rules, largest))))

    largest = _fastest(work, most, profile) if profile is not None else _enough(work, most, bytes_per_pixel)
    tilings: list[dict[str, Line]] = []
    if in_one_piece * bytes_per_pixel > memory and not any(one.tileable for one in rules.values()):
        because = next(iter({one.whole_because for one in rules.values()}), "")
        raise PlanError(
            f"The model cannot be run in tiles ({because}), and the image in one piece would take about "
            f"{units.amount(in_one_piece * bytes_per_pixel)} of memory, of which {units.amount(memory)} are free: give a part "
            "of the image, try it all the same (tile=whole), or name a tile (tile=512) and mind the seams."
        )
    if in_one_piece <= min(largest * _WHOLE_ALLOWANCE, most):
        tilings.append(_lay(sizes, rules, letters, dict.fromkeys(sizes)))
    budget = float(largest)
    while budget >= 1 and len(tilings) < 12:
        lines = _lay(sizes, rules, letters, _cube(sizes, rules, budget))
        if not tilings or lines != tilings[-1]:
            tilings.append(_evened(sizes, rules, letters, lines))
        budget /= 2
    return tuple(one for number, one in enumerate(tilings) if one not in tilings[:number])


def _enough(work: Callable[[int], float], most: int, bytes_per_pixel: int) -> int:
    """Give the pixels of a tile that is large enough."""
    enough = min(_ENOUGH_PIXELS, most)
    largest = max(1, min(_ENOUGH_MEMORY // bytes_per_pixel, enough))
    while largest < enough and work(largest) > _MORE_WORK * work(enough):
        largest = min(2 * largest, enough)
    while enough <= largest < most and work(largest) > _MOST_WORK:
        largest = min(2 * largest, most)
    # sizes go by steps, so that a somewhat smaller tile may fit the image better
    return min((max(1, int(largest * 2 ** (-step / 4))) for step in range(5)), key=lambda one: (work(one), one))


def _fastest(work: Callable[[int], float], most: int, profile: Profile) -> int:
    """Give the pixels of a tile that takes the least time for the image, by what was measured."""
    sizes = [size for size, _ in profile.points if size <= most] or [most]
    return min(sizes, key=lambda size: work(size) * profile.seconds(size) / size)


def pixels(sizes: Mapping[str, int]) -> int:
    """Give how many pixels the inputs have together, from their sizes along the lines."""
    return sum(prod(sizes[name] for name in names) for names in _per_input(sizes))


def tile_pixels(lines: Mapping[str, Line]) -> int:
    """Give how many pixels the inputs of one run have together."""
    return pixels({name: line.tile for name, line in lines.items()})


def _work(lines: Mapping[str, Line]) -> float:
    """Give how many pixels are computed for each pixel of the image."""
    return prod(len(line.starts) * line.tile / line.size for line in lines.values())


def _per_input(lines: Iterable[str]) -> list[list[str]]:
    """Put the lines of one input together; each is named ``tensor.axis``."""
    inputs: dict[str, list[str]] = {}
    for name in lines:
        inputs.setdefault(tensor_of(name), []).append(name)
    return list(inputs.values())


def _one_size(tile: object) -> int | None:
    return tile if isinstance(tile, int) else None


def _cube(sizes: Mapping[str, int], rules: Mapping[str, AxisRules], budget: float) -> dict[str, int | None]:
    """Give, for each input, the tile of at most ``budget`` pixels that is nearest to a cube; short axes stay whole."""
    chosen: dict[str, int | None] = dict.fromkeys(sizes)
    for names in _per_input(sizes):
        open_axes = sorted((name for name in names if rules[name].tileable), key=lambda one: rules[one].valid(sizes[one]))
        left = budget / prod(rules[name].valid(sizes[name]) for name in names if name not in open_axes)
        for number, name in enumerate(open_axes):
            side = max(1.0, left) ** (1 / (len(open_axes) - number))
            whole = rules[name].valid(sizes[name])
            tile = min(whole, max(rules[name].smallest_tile, rules[name].fitting(int(side))))
            chosen[name] = None if tile >= whole else tile
            left /= tile
    return chosen


def _evened(
    sizes: Mapping[str, int], rules: Mapping[str, AxisRules], letters: Mapping[str, str | None], lines: dict[str, Line]
) -> dict[str, Line]:
    """Make tiles as small as their number allows, so that the last does not read most of the one before again."""
    evened: dict[str, int | None] = {}
    for name, line in lines.items():
        count = len(line.starts)
        evened[name] = None if line.is_whole else line.tile
        if line.is_whole:
            continue
        halo = ceil(max((link.halo_on_line for link in rules[name].outputs), default=Fraction(0)))
        tile = rules[name].valid(ceil((line.size + 2 * halo * (count - 1)) / count))
        while tile < line.tile:
            if len(tiling.lay(line.size, rules[name], tile).starts) <= count:
                evened[name] = tile
                break
            tile = rules[name].valid(tile + 1)
    return _lay(sizes, rules, letters, evened)


def _lay(
    sizes: Mapping[str, int],
    rules: Mapping[str, AxisRules],
    letters: Mapping[str, str | None],
    wanted: Mapping[str, int | None],
    *,
    must_be_whole: bool = False,
) -> dict[str, Line]:
    lines = {}
    for name, size in sizes.items():
        where = letters[name] or name
        try:
            lines[name] = tiling.lay(size, rules[name], wanted[name] if rules[name].tileable else None)
        except PlanError as error:
            raise PlanError(f"The model cannot be run on {size} pixels along {where}: {error}.") from error
        if must_be_whole and not lines[name].is_whole:
            raise PlanError(
                f"The image has {size} pixels along {where} and the model takes exactly {lines[name].tile}, so it cannot be "
                "run in one piece: use tile=auto."
            )
    return lines
