"""Engines that run a network. ``Session`` is all the rest of ijbridge knows of one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ijbridge.errors import NetworkError

if TYPE_CHECKING:
    from ijbridge.typing import Array

#: Characters of what an engine says of a failure.
_LONGEST_REASON = 300


@dataclass(frozen=True)
class NetworkTensor:
    """An input or output as the network itself states it; None in ``shape`` where a size is free."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def processors() -> int:
    """Count the processors this process may use, which the engines' own defaults do not always respect."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def failure(name: str, feeds: Mapping[str, Array], reason: str) -> NetworkError:
    """Make the error for a network that failed on these inputs."""
    shapes = ", ".join(" x ".join(map(str, array.shape)) for array in feeds.values())
    return NetworkError(f"The network of {name!r} failed on an input of {shapes}: {reason}")


def shortened(reason: str) -> str:
    """Give what an engine says, without a full stop at its end, as the end of a sentence."""
    return f"{reason}." if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 3]}..."


class Session(Protocol):
    """A network that is loaded and ready."""

    inputs: tuple[NetworkTensor, ...]
    outputs: tuple[NetworkTensor, ...]
    #: The device it really runs on, and the library with its version.
    device: str
    engine: str

    def run(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Run the network once.

        Raises
        ------
        MemoryError
            If there is not enough memory; a smaller tile may do.
        NetworkError
            If it fails otherwise.
        """
        ...
