"""What there is to say of a format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FormatInfo:
    """A format: its name, the versions that are read, what it is told by, and the weights that come in it."""

    name: str
    versions: str
    looked_for: str
    weights: tuple[str, ...]
