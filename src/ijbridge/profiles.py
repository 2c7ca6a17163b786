"""How long a network takes in tiles of several sizes, as `ijbridge.tuning` measured it: kept per network, device, machine."""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

from ijbridge import caching, platforms


@dataclass(frozen=True)
class Profile:
    """Seconds per pixel of a tile by the pixels of a tile, in the order of the pixels; at least one point."""

    points: tuple[tuple[int, float], ...]

    def seconds(self, pixels: int) -> float:
        """Give how long a tile of so many pixels takes: between two sizes by the logarithm of the size, else as the nearest."""
        number = bisect([size for size, _ in self.points], pixels)
        if number in (0, len(self.points)):
            return pixels * self.points[max(0, number - 1)][1]
        (smaller, quick), (larger, slow) = self.points[number - 1 : number + 1]
        part = log(pixels / smaller) / log(larger / smaller)
        return pixels * (quick + part * (slow - quick))


def read_profile(network: str, device: str, engine: str) -> Profile | None:
    """Give what was measured of a network (its SHA-256) with that engine on that device here; None if nothing was."""
    data = caching.read(_file(network, device, engine))
    try:
        points = [(int(size), float(seconds)) for size, seconds in json.loads(data)["points"]] if data is not None else []
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    good = points == sorted(set(points)) and all(size > 0 and seconds > 0 for size, seconds in points)
    return Profile(tuple(points)) if points and good else None


def keep_profile(network: str, device: str, engine: str, points: Sequence[tuple[int, float]]) -> Profile:
    """Keep what was measured, in place of what was kept before."""
    profile = Profile(tuple(sorted(points)))
    content = {"device": device, "engine": engine, "machine": _machine(), "points": profile.points}
    caching.keep(_file(network, device, engine), json.dumps(content).encode())
    return profile


def _file(network: str, device: str, engine: str) -> Path:
    where = hashlib.sha256("\n".join((device, engine, _machine())).encode()).hexdigest()
    return caching.cache_folder() / "profiles" / f"{network}-{where[:16]}.json"


def _machine() -> str:
    return f"{platforms.processor()}, {os.cpu_count()} processors"
