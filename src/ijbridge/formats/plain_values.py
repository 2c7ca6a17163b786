"""Parts of a `ModelDescription` as plain data, and back: every dataclass of ``description`` by its own type hints.

A dataclass is a mapping of those of its fields that are not as by default; where a field may be one of several dataclasses
(sizes, operations), ``type`` names which. Tuples are lists, fractions texts (``1/2``). What comes back was written by a
stranger: each value is held against the hint of its field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ijbridge.formats.fields import is_number, shown


class MisfitError(ValueError):
    """A value is not what its field wants; the text says what was found and what is allowed."""


def hints_of(kind: Any) -> Mapping[str, Any]:
    """Give the type hint of each field of a dataclass."""
    return _hints(kind)


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def encode(value: Any, hint: Any) -> Any:
    """Give a value of a field with that hint as plain data."""
    if is_dataclass(value) and not isinstance(value, type):
        kind, hints = type(value), hints_of(type(value))
        said = {
            one.name: encode(getattr(value, one.name), hints[one.name])
            for one in fields(value)
            if getattr(value, one.name) != _default(one)
        }
        return {"type": kind.__name__, **said} if len(_dataclasses(hint)) > 1 else said
    if isinstance(value, tuple):
        inner = _elements(_fitting(hint, tuple), len(value))
        return [encode(one, hint) for one, hint in zip(value, inner, strict=True)]
    if isinstance(value, Mapping):
        _, inner_hint = get_args(_fitting(hint, Mapping)) or (Any, Any)
        return {key: encode(one, inner_hint) for key, one in value.items()}
    if isinstance(value, list):
        return [encode(one, Any) for one in value]
    return str(value) if isinstance(value, Fraction) else value


def decode(data: Any, hint: Any) -> Any:
    """Give the value that plain data stand for in a field with that hint.

    Raises
    ------
    MisfitError
        If the data are none.
    """
    origin = get_origin(hint)
    if hint is Any:
        return data
    if origin in (Union, UnionType):
        return _one_of(data, hint)
    if origin is Literal:
        if data not in get_args(hint):
            raise MisfitError(f"is {shown(data)}, but must be one of {', '.join(map(str, get_args(hint)))}")
        return data
    if origin is tuple:
        if not isinstance(data, list):
            raise MisfitError(f"is {shown(data)}, but must be a list")
        return tuple(decode(one, inner) for one, inner in zip(data, _elements(hint, len(data)), strict=True))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise MisfitError(f"is {shown(data)}, but must be a mapping")
        keys, values = get_args(hint)
        return {decode(key, keys): decode(one, values) for key, one in data.items()}
    if is_dataclass(hint):
        return _dataclass(data, hint)
    return _scalar(data, hint)


def _scalar(data: Any, hint: Any) -> Any:
    if hint is Fraction and isinstance(data, str) and re.fullmatch(r"-?\d{1,60}(/[1-9]\d{0,60})?", data):
        return Fraction(data)
    if hint is float and is_number(data):
        return float(data)
    if hint in (str, bool, NoneType) and isinstance(data, hint):
        return data
    if hint is int and isinstance(data, int) and not isinstance(data, bool):
        return data
    names = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", Fraction: "a fraction such as 1/2"}
    raise MisfitError(f"is {shown(data)}, but must be {names.get(hint, 'null')}")


def _one_of(data: Any, hint: Any) -> Any:
    choices = _dataclasses(hint)
    if isinstance(data, Mapping) and choices:
        if len(choices) == 1:
            return _dataclass(data, choices[0])
        named = {kind.__name__: kind for kind in choices}
        found = data.get("type")
        if not isinstance(found, str) or found not in named:
            raise MisfitError(f"has the type {shown(found)}, but must have one of {', '.join(named)}")
        return _dataclass({key: one for key, one in data.items() if key != "type"}, named[found])
    misfits = []
    for choice in get_args(hint):
        try:
            return decode(data, choice)
        except MisfitError as misfit:
            misfits.append(str(misfit).rpartition("must be ")[2])
    raise MisfitError(f"is {shown(data)}, but must be {' or '.join(dict.fromkeys(misfits))}")


def _dataclass(data: Any, kind: Any) -> Any:
    if not isinstance(data, Mapping):
        raise MisfitError(f"is {shown(data)}, but must be a mapping")
    known = {one.name: one for one in fields(kind)}
    for name in data:
        if name not in known:
            raise MisfitError(f"has the key {shown(name)}, but {kind.__name__} has {', '.join(known) or 'none'}")
    for name, one in known.items():
        if name not in data and _default(one) is MISSING:
            raise MisfitError(f"lacks {name!r}, which {kind.__name__} needs")
    given = {}
    for name, value in data.items():
        try:
            given[name] = decode(value, hints_of(kind)[name])
        except MisfitError as misfit:
            raise MisfitError(f"has a {name!r} that {misfit}") from misfit
    return kind(**given)


def _default(one: Field[Any]) -> Any:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def element_of(hint: Any) -> Any:
    """Give the hint of the elements of a field that is a tuple of any length."""
    return _elements(_fitting(hint, tuple), 1)[0]


def same(one: Any, other: Any) -> bool:
    """Whether plain data are the same; 1 and 1.0 are, 1 and true are not, and what is no number is the same as itself."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) and isinstance(other, float) and one != one:
        return other != other
    return bool(one == other)


def _fitting(hint: Any, kind: type) -> Any:
    """Give that one of a union's hints which is for values of a kind, such as tuples."""
    if get_origin(hint) in (Union, UnionType):
        return next((one for one in get_args(hint) if issubclass(get_origin(one) or NoneType, kind)), Any)
    return hint


def _elements(hint: Any, count: int) -> list[Any]:
    """Give the hint of each of the elements of a tuple."""
    inner = get_args(hint) or (Any, ...)
    if inner[-1] is Ellipsis:
        return [inner[0]] * count
    if len(inner) != count:
        raise MisfitError(f"has {count} elements, but must have {len(inner)}")
    return list(inner)


def _dataclasses(hint: Any) -> list[type]:
    """Give the dataclasses among which a hint leaves the choice."""
    if get_origin(hint) in (Union, UnionType):
        return [kind for one in get_args(hint) for kind in _dataclasses(one)]
    return [hint] if is_dataclass(hint) and isinstance(hint, type) else []
