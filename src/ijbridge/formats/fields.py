"""The fields of a description: read with their type, and named in the error where they have another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from sys import float_info
from typing import Any, TypeGuard

from ijbridge.errors import DescriptionError


class Fields:
    """A mapping of a description, with the path that leads to it (``inputs[0].axes[1]``)."""

    def __init__(self, value: Any, path: str, file: str):
        self.file = file
        self.path = path
        if not isinstance(value, Mapping):
            raise self.error(f"{self._at('')} must be a mapping of names to values, found {shown(value)}")
        self.value = {str(key): one for key, one in value.items()}  # YAML allows numbers as names, too

    def error(self, message: str) -> DescriptionError:
        """Make the error that says what is wrong in this description."""
        return DescriptionError(f"{self.file}: {message}.")

    def wrong(self, key: str, allowed: str) -> DescriptionError:
        """Make the error for a field whose value is not allowed."""
        if key not in self.value:
            return self.error(f"{self._at(key)} is missing; it must be {allowed}")
        return self.error(f"{self._at(key)} is {shown(self.value[key])}, but must be {allowed}")

    def __contains__(self, key: str) -> bool:
        return self.value.get(key) is not None

    def raw(self, key: str) -> Any:
        """Give a value as it is, None where it is absent."""
        return self.value.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Give a text; a number or date counts as one."""
        value = self.value.get(key, default)
        if value is None and default is not None:
            return default
        if value is None or isinstance(value, Mapping | list | bool):
            raise self.wrong(key, "a text")
        return str(value)

    def optional_text(self, key: str) -> str | None:
        """Give a text, None where it is absent."""
        return self.text(key) if key in self else None

    def number(self, key: str, default: float | None = None, *, low: float | None = None) -> float:
        """Give a number, at least ``low``."""
        value = self.value.get(key)
        if value is None and default is not None:
            return default
        allowed = "a number" if low is None else f"a number of at least {low:g}"
        if not is_number(value) or (low is not None and not value >= low):
            raise self.wrong(key, allowed)
        return float(value)

    def optional_number(self, key: str) -> float | None:
        """Give a number, None where it is absent."""
        return self.number(key) if key in self else None

    def integer(self, key: str, default: int | None = None, *, low: int = 0) -> int:
        """Give a whole number of at least ``low``."""
        value = self.value.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise self.wrong(key, f"a whole number of at least {low}")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Give true or false."""
        value = self.value.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """Give a text that is one of ``allowed``."""
        value = self.value.get(key) if key in self else default
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(key, f"one of {', '.join(allowed)}")
        return value

    def list(self, key: str, *, required: bool = False) -> list[Any]:
        """Give a list; an absent one is empty unless it is required."""
        value = self.value.get(key)
        if value is None and not required:
            return []
        if not isinstance(value, list | tuple) or (required and not value):
            raise self.wrong(key, "a list" + (" with at least one entry" if required else ""))
        return [*value]

    def numbers(self, key: str) -> tuple[float, ...] | None:
        """Give one number or a list of them as a tuple, None where the field is absent."""
        if key not in self:
            return None
        value = self.value[key]
        values = value if isinstance(value, list | tuple) else [value]
        if not values or not all(is_number(one) for one in values):
            raise self.wrong(key, "a number or a list of numbers")
        return tuple(float(one) for one in values)

    def bounds(self, key: str) -> tuple[float | None, float | None]:
        """Give the lowest and the highest value of a range; null, a text (``-inf``) and infinity are open."""
        values = self.list(key) or [None, None]
        if len(values) != 2 or not all(one is None or isinstance(one, str) or is_number(one) for one in values):
            raise self.wrong(key, "two numbers, or null where it is open")
        low, high = (float(one) if is_number(one) and isfinite(one) else None for one in values)
        return low, high

    def mapping(self, key: str) -> Fields:
        """Give a mapping; an absent one is empty."""
        return Fields(self.value.get(key) or {}, self._at(key, quote=False), self.file)

    def mappings(self, key: str, *, required: bool = False) -> Iterator[Fields]:
        """Give the mappings of a list."""
        for number, value in enumerate(self.list(key, required=required)):
            yield Fields(value, f"{self._at(key, quote=False)}[{number}]", self.file)

    def _at(self, key: str, *, quote: bool = True) -> str:
        path = ".".join(part for part in (self.path, key) if part)
        if not path:
            return "the description"
        return f"`{path}`" if quote else path


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number that a float can hold (an integer may be larger)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) <= float_info.max


def shown(value: Any) -> str:
    """Show a value shortly."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
