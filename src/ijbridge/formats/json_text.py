"""JSON as plain data: a key given twice is an error."""

from __future__ import annotations

import json
from typing import Any

from ijbridge.errors import DescriptionError


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
            twice = next(key for key, _ in pairs if [one for one, _ in pairs].count(key) > 1)
            raise DescriptionError(f"{file} is broken JSON: the key {twice!r} is given twice.")
        return mapping

    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=unique)
    except UnicodeDecodeError as error:
        raise DescriptionError(f"{file} is not a text in UTF-8 (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise DescriptionError(f"{file} is broken JSON in line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except (RecursionError, ValueError) as error:
        # a number of more digits than Python converts
        raise DescriptionError(f"{file} is broken JSON: nested too deeply, or a number of too many digits.") from error
