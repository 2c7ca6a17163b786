"""Units of length, time and memory: the spellings of ImageJ, OME and bioimage.io, and the factors between them."""

from __future__ import annotations

from collections.abc import Iterable

_LENGTHS = {
    "m": (1.0, ("m", "meter", "metre", "meters", "metres")),
    "dm": (1e-1, ("dm", "decimeter", "decimetre")),
    "cm": (1e-2, ("cm", "centimeter", "centimetre")),
    "mm": (1e-3, ("mm", "millimeter", "millimetre", "millimeters")),
    "µm": (1e-6, ("µm", "μm", "um", "micron", "microns", "micrometer", "micrometre", "micrometers", "\\u00b5m")),
    "nm": (1e-9, ("nm", "nanometer", "nanometre", "nanometers")),
    "pm": (1e-12, ("pm", "picometer", "picometre")),
    "Å": (1e-10, ("Å", "å", "angstrom")),
    "in": (0.0254, ("in", "inch", "inches")),
}
_TIMES = {
    "h": (3600.0, ("h", "hr", "hour", "hours")),
    "min": (60.0, ("min", "minute", "minutes")),
    "s": (1.0, ("s", "sec", "second", "seconds")),
    "ms": (1e-3, ("ms", "msec", "millisecond", "milliseconds")),
    "µs": (1e-6, ("µs", "μs", "us", "microsecond", "microseconds")),
}
_FACTORS = {symbol: factor for symbol, (factor, _) in (_LENGTHS | _TIMES).items()}
_SYMBOLS = {name.lower(): symbol for symbol, (_, names) in (_LENGTHS | _TIMES).items() for name in names}


def symbol(unit: str | None) -> str | None:
    """Give the one symbol ijbridge writes for a unit; a unit it does not know stays as it is, "pixel" is no unit."""
    if unit is None:
        return None
    stripped = unit.strip()
    if stripped.lower() in ("", "pixel", "pixels", "px", "frame", "frames"):
        return None
    return _SYMBOLS.get(stripped.lower(), stripped)


def spelled(unit: str | None, allowed: Iterable[str]) -> str | None:
    """Give that one of the allowed spellings which means the unit, or None where none does."""
    if unit in (names := [*allowed]):
        return unit
    meant = symbol(unit)
    return next((name for name in names if meant is not None and symbol(name) == meant), None)


def factor(unit: str | None, other: str | None) -> float | None:
    """Give how many ``other`` one ``unit`` is, or None where the two cannot be compared."""
    one, two = symbol(unit), symbol(other)
    if one is None or two is None:
        return None
    if one == two:
        return 1.0
    if (one in _LENGTHS and two in _LENGTHS) or (one in _TIMES and two in _TIMES):
        return _FACTORS[one] / _FACTORS[two]
    return None


def amount(number: float) -> str:
    """Say bytes for a person."""
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
