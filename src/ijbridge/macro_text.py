"""The text of an ImageJ macro, cut into comments, strings and words: to be looked at, never to be run.

A macro is text of a stranger: whatever it is, cutting it takes time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

#: Comments and strings that have no end go to the end of the text or the line.
_TOKEN = re.compile(
    r"""(?P<comment>//[^\r\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<string>"(?:\\[^\r\n]|[^"\\\r\n])*+"|'(?:\\[^\r\n]|[^'\\\r\n])*+')|(?P<open>["'][^\r\n]*)"""
    r"|(?P<word>[A-Za-z_][\w.]*)|(?P<blank>\s+)|(?P<other>.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """A piece of a macro: its kind (comment, string, open, word, blank or other), its text, and where it begins."""

    kind: str
    text: str
    start: int


def code(macro: str) -> list[Token]:
    """Give the pieces of a macro that are neither comments nor blanks."""
    return [token for token in tokens(macro) if token.kind not in ("comment", "blank")]


def tokens(macro: str) -> Iterator[Token]:
    """Cut a macro into its pieces, which together are its text; an ``open`` one is a string that does not end."""
    for found in _TOKEN.finditer(macro):
        yield Token(found.lastgroup or "", found[0], found.start())
