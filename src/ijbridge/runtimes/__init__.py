"""Engines that run a network. ``Session`` is all the rest of ijbridge knows of one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ijbridge.typing import Array


@dataclass(frozen=True)
class NetworkTensor:
    """An input or output as the network itself states it; None in ``shape`` where a size is free."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def processors() -> int:
    """Count the processors this process may use, which the engines' own defaults do not always respect."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
