"""JSON as plain data: a key given twice is an error, and so is what is nested more deeply than any description."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ijbridge.errors import DescriptionError

#: As in YAML: deeper nesting exhausts the stack of whoever walks through it.
_MAX_DEPTH = 100


def parse_json(data: bytes, file: str) -> Any:
    """Parse a JSON text in UTF-8, with or without a byte order mark.

    Raises
    ------
    DescriptionError
        If it is no JSON, with the line and what is wrong there.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
            raise DescriptionError(f"{file} is broken JSON: the key {twice!r} is given twice.")
        return mapping

    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=unique)
    except UnicodeDecodeError as error:
        raise DescriptionError(f"{file} is not a text in UTF-8 (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise DescriptionError(f"{file} is broken JSON in line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except (RecursionError, ValueError) as error:
        # a number of more digits than Python converts
        raise DescriptionError(f"{file} is broken JSON: nested too deeply, or a number of too many digits.") from error
    if not _is_flat(content):
        raise DescriptionError(f"{file} is broken JSON: nested more than {_MAX_DEPTH} levels deep.")
    return content


def _is_flat(content: Any) -> bool:
    level = [content]
    for _ in range(_MAX_DEPTH):
        level = [one for parent in level for one in _children(parent)]
        if not level:
            return True
    return False


def _children(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
