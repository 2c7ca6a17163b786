"""Run generated cases, a network, an image and a tile each, in tiles and whole, and print those that differ most.

Whole is the naive run of `tests/naive.py`: the sample padded to the next size the network accepts, in one piece::

    python scripts/worst_cases.py
    python scripts/worst_cases.py --seed 1 --cases 5000 --seconds 600
    python scripts/worst_cases.py --seed 1 --case 222

The exit status is 1 if a difference is above 1e-5 of the range of its output.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from generated_cases import TOLERANCE, Outcome, by, outcomes

SHOWN = 10
#: Upper limits of the groups in which numbers of tiles are counted.
GROUPS = (1, 4, 16, 64)


def main() -> None:
    """Read the arguments, run the cases, print the table and the summary."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=240, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which series of them (%(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no more after so long")
    parser.add_argument("--case", type=int, help="this one alone")
    arguments = parser.parse_args()
    numbers = [arguments.case] if arguments.case is not None else range(arguments.cases)
    started = time.perf_counter()
    found = list(until(started + arguments.seconds, outcomes(numbers, arguments.seed)))
    if not found:
        parser.error("there was no time for a single case")
    print(table(sorted(found, key=lambda one: -one.difference)[:SHOWN]))
    print(f"\n{summary(found)} in {time.perf_counter() - started:.0f} s")
    sys.exit(0 if all(one.holds for one in found) else 1)


def until(end: float, found: Iterator[Outcome]) -> Iterator[Outcome]:
    """Give one after the other for as long as there is time."""
    while time.perf_counter() < end and (one := next(found, None)) is not None:
        yield one


def table(found: Sequence[Outcome]) -> str:
    """Write one line per case, the columns one below the other."""
    rows = [("case", "network", "size", "tile", "halo", "tiles", "difference / range")]
    rows += [
        (
            str(one.case.number), one.case.network, by(one.case.shape), one.case.tile_text, by(one.halo), str(one.tiles),
            f"{one.difference:.1e}{'' if one.holds else '  ABOVE'}",
        )
        for one in found
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def summary(found: Sequence[Outcome]) -> str:
    """Write how many cases there were, of how many axes and tiles, and the largest difference."""
    planes = sum(len(one.case.axes) == 2 for one in found)
    above = sum(not one.holds for one in found)
    counts, low = [], 1
    for high in (*GROUPS, max(max(GROUPS), *(one.tiles for one in found))):
        count = sum(low <= one.tiles <= high for one in found)
        counts += [f"{count} of {low if low == high else f'{low} to {high}'}"] if low <= high and count else []
        low = high + 1
    return (
        f"{len(found)} cases ({planes} in 2D, {len(found) - planes} in 3D; tiles: {', '.join(counts)}), largest difference "
        f"{max(one.difference for one in found):.1e} of the range, {above} above {TOLERANCE:g},"
    )


if __name__ == "__main__":
    main()
