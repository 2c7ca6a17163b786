"""What a network's graph told (see `ijbridge.graph`), kept by the network's content: it is followed once, not in every run.

What is kept is used only where this very code and this very library made it: both are part of the file's name.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ijbridge import caching
from ijbridge.network_facts import NetworkFacts, Signature, TensorSignature
from ijbridge.receptive_field import Field, Source

if TYPE_CHECKING:
    from ijbridge.graph import Network
    from ijbridge.network_knowledge import Accepted

_Made = TypeVar("_Made")


class KnownNetwork:
    """An ONNX network that is parsed only where something of it is not known.

    Parameters
    ----------
    digest
        The SHA-256 of the file, None where what it tells is not kept.
    parse
        Gives the network itself. Its errors are those of `ijbridge.graph.Network`.
    """

    def __init__(self, digest: str | None, parse: Callable[[], Network]) -> None:
        self._parse = parse
        self._file = _file(digest) if digest is not None else None
        self._kept = _read(self._file)

    @property
    def signature(self) -> Signature:
        """What the file states besides its graph."""
        return self._get("signature", _signature_read, _signature_kept, lambda: self._network.signature)

    def facts(self, accepted: Mapping[str, Sequence[Accepted | None]]) -> NetworkFacts:
        """Give what the graph tells for inputs of these sizes (see `ijbridge.graph.Network.facts`)."""
        sizes = json.dumps(accepted, sort_keys=True)
        return self._get(f"facts {sizes}", _facts_read, _facts_kept, lambda: self._network.facts(accepted))

    @cached_property
    def _network(self) -> Network:
        return self._parse()

    def _get(self, what: str, read: Callable[[Any], _Made], kept: Callable[[_Made], Any], make: Callable[[], _Made]) -> _Made:
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
            return read(self._kept[what])  # what is there and is none of ours is made anew
        made = make()
        if self._file is not None:
            self._kept[what] = kept(made)
            caching.keep(self._file, json.dumps(self._kept).encode())
        return made


def _file(digest: str) -> Path | None:
    """Give the file for a network: named after it, and after what it is followed with."""
    made_by = _made_by()
    return caching.cache_folder() / "networks" / f"{digest}-{made_by}.json" if made_by is not None else None


@cache
def _made_by() -> str | None:
    """Give a hash of this very code and of the library that parses; None where these are no files."""
    library = importlib.util.find_spec("onnx")  # does not load it
    try:
        own = sorted(Path(__file__).parent.glob("*.py"))
        code = [(one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in own]
        if library is not None and library.origin is not None:
            code.append((library.origin, Path(library.origin).stat().st_mtime_ns, 0))
    except OSError:
        return None  # inside a zip
    return hashlib.sha256(repr(code).encode()).hexdigest()[:16]


def _read(file: Path | None) -> dict[str, Any]:
    try:
        data = caching.read(file) if file is not None else None
        kept = json.loads(data) if data is not None else {}
    except (ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


# --- as plain data ---------------------------------------------------------------------------------------------------


def _signature_kept(signature: Signature) -> dict[str, Any]:
    return {
        **{key: value for key, value in vars(signature).items() if key not in ("inputs", "outputs", "metadata")},
        "metadata": dict(signature.metadata),
        **{side: [[one.name, one.dtype, one.shape] for one in getattr(signature, side)] for side in ("inputs", "outputs")},
    }


def _signature_read(kept: Mapping[str, Any]) -> Signature:
    def tensors(side: str) -> tuple[TensorSignature, ...]:
        return tuple(TensorSignature(name, dtype, None if shape is None else tuple(shape)) for name, dtype, shape in kept[side])

    return Signature(**{**kept, "inputs": tensors("inputs"), "outputs": tensors("outputs")})


def _facts_kept(facts: NetworkFacts) -> dict[str, Any]:
    return {
        "fields": {
            name: [[[*source, _field_kept(one)] for source, one in axis.items()] for axis in axes]
            for name, axes in facts.fields.items()
        },
        "grid": [[*source, one] for source, one in facts.grid.items()],
        "global_operations": [[*source, one] for source, one in facts.global_operations.items()],
        "bytes_per_pixel": facts.bytes_per_pixel,
        "types": dict(facts.types),
        "smallest": [[*source, one] for source, one in facts.smallest.items()],
    }


def _facts_read(kept: Mapping[str, Any]) -> NetworkFacts:
    def by_source(key: str) -> dict[Source, Any]:
        return {(name, axis): one for name, axis, one in kept[key]}

    return NetworkFacts(
        fields={
            name: tuple({(source, number): _field_read(one) for source, number, one in axis} for axis in axes)
            for name, axes in kept["fields"].items()
        },
        grid=by_source("grid"),
        global_operations={source: tuple(reasons) for source, reasons in by_source("global_operations").items()},
        bytes_per_pixel=int(kept["bytes_per_pixel"]),
        types=dict(kept["types"]),
        smallest=by_source("smallest"),
    )


def _field_kept(field: Field) -> list[Any]:
    return [str(field.step), [str(one) for one in field.low], [str(one) for one in field.high], field.size, field.pixels]


def _field_read(kept: Sequence[Any]) -> Field:
    step, low, high, size, pixels = kept
    return Field(Fraction(step), tuple(map(Fraction, low)), tuple(map(Fraction, high)), size, pixels)
