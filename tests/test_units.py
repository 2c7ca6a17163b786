"""Units: every spelling of the same unit is the same unit."""

from __future__ import annotations

import pytest

from ijbridge import units


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("um", "µm"), ("µm", "µm"), ("μm", "µm"), ("micron", "µm"), ("Microns", "µm"), ("micrometer", "µm"),
        ("\\u00B5m", "µm"), ("nm", "nm"), ("nanometer", "nm"), ("mm", "mm"), ("inch", "in"), ("Å", "Å"), ("angstrom", "Å"),
        ("sec", "s"), ("s", "s"), ("second", "s"), ("ms", "ms"), ("msec", "ms"), ("minute", "min"), ("hour", "h"),
        (" um ", "µm"),
    ],
)  # fmt: skip
def test_every_spelling_of_a_unit_becomes_its_symbol(spelling: str, expected: str) -> None:
    assert units.symbol(spelling) == expected


@pytest.mark.parametrize("spelling", [None, "", " ", "pixel", "Pixels", "px", "frame"])
def test_pixels_and_frames_are_no_unit(spelling: str | None) -> None:
    assert units.symbol(spelling) is None


def test_a_unit_that_is_not_known_stays_as_it_is() -> None:
    assert units.symbol("furlong") == "furlong"


@pytest.mark.parametrize(
    ("unit", "other", "expected"),
    [
        ("um", "nm", 1000.0), ("nm", "micron", 1e-3), ("mm", "µm", 1000.0), ("inch", "mm", 25.4), ("Å", "nm", 0.1),
        ("min", "s", 60.0), ("ms", "s", 1e-3), ("h", "min", 60.0), ("furlong", "furlong", 1.0),
    ],
)  # fmt: skip
def test_units_of_one_kind_are_converted(unit: str, other: str, expected: float) -> None:
    assert units.factor(unit, other) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "other"), [("um", "s"), ("furlong", "m"), (None, "m"), ("m", None), ("pixel", "pixel"), (None, None)]
)
def test_units_that_cannot_be_compared_have_no_factor(unit: str | None, other: str | None) -> None:
    assert units.factor(unit, other) is None
