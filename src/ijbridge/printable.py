"""Text of strangers as a terminal, a log and a dialog may show it.

Names and sentences of a model can hold control characters, which would move a terminal's cursor, colour or hide what it shows
(ECMA-48), and marks of direction, by which a name reads as another one (Unicode Technical Report 36).
"""

from __future__ import annotations

#: Joins letters in scripts that need it, and shows nothing by itself.
_JOINERS = "\u200c\u200d"

#: Stands for what is not shown.
_REPLACEMENT = "\ufffd"


def printable(text: str) -> str:
    """Give a text whose lines hold nothing but what can be seen; line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    return "\n".join("".join(_shown(one) for one in line) for line in text.split("\n"))


def one_line(text: str, most: int) -> str:
    """Give a sentence as one line of about so many characters: of a longer one begin and end, which say what and what to do."""
    line = printable(" ".join(text.splitlines()))
    if line.endswith("..") and not line.endswith("..."):
        line = line[:-1]  # what is quoted last has a full stop of its own
    if len(line) <= most:
        return line
    return f"{line[: most // 2]} ... {line[-(most // 2) :]}"


def _shown(one: str) -> str:
    if one.isprintable() or one in _JOINERS:
        return one
    return " " if one.isspace() else _REPLACEMENT
