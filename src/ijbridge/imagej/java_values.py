"""Plain data, as JSON has it, between Python and Java's own types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jpype


def to_java(value: Any) -> Any:
    """Give maps, lists, texts, numbers and truth values as Java's; what is Java's already, and None, as it is."""
    java = jpype.JPackage("java")
    if value is None or isinstance(value, jpype.JObject):
        return value
    if isinstance(value, str):
        return jpype.JString(value)
    if isinstance(value, bool):
        return java.lang.Boolean.valueOf(value)
    if isinstance(value, int):
        return java.lang.Long.valueOf(value)
    if isinstance(value, float):
        return java.lang.Double.valueOf(value)
    if isinstance(value, Mapping):
        made = java.util.LinkedHashMap()
        for key, one in value.items():
            made.put(jpype.JString(str(key)), to_java(one))
        return made
    if isinstance(value, Sequence):
        made = java.util.ArrayList()
        for one in value:
            made.add(to_java(one))
        return made
    raise TypeError(f"{type(value).__name__} is no plain data")


def to_python(value: Any) -> Any:
    """Give Java's maps, lists, texts, numbers and truth values as Python's; anything else as it is."""
    java = jpype.JPackage("java")
    if isinstance(value, java.util.Map):
        return {str(entry.getKey()): to_python(entry.getValue()) for entry in value.entrySet()}
    if isinstance(value, java.util.List):
        return [to_python(one) for one in value]
    if isinstance(value, java.lang.String):
        return str(value)
    if isinstance(value, java.lang.Boolean):
        return bool(value.booleanValue())
    if isinstance(value, (java.lang.Double, java.lang.Float)):
        return float(value.doubleValue())
    if isinstance(value, java.lang.Number):
        return int(value.longValue())
    return value
