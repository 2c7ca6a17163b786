"""The lines of an ImageJ macro that call a command, found without running the macro.

What stands in ``run("...", ...)`` is read. What is no string there, such as a variable, is kept as it is written, so that it
can be put into another line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ijbridge.errors import OptionError
from ijbridge.macro_text import Token, code

#: Words of the longest call that is read; one without an end is not followed through the whole macro.
_LONGEST_CALL = 300

#: Stands in a text for what a macro computes; the numbers count them. No file that ImageJ reads as text has it.
_HOLE = "\x00{}\x00"
_IS_HOLE = re.compile("\x00(\\d+)\x00")

#: Escapes of ImageJ's macro language.
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b"}


@dataclass(frozen=True)
class Text:
    """What a macro gives as one argument: a text in which holes stand for what it computes."""

    text: str
    holes: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether nothing of it is computed."""
        return not self.holes


@dataclass(frozen=True)
class Call:
    """A ``run(command, options)``: the line it begins in, from 1, and its source text."""

    line: int
    command: str
    options: Text
    source: str


def calls(macro: str, commands: Collection[str]) -> Iterator[Call]:
    """Find where a macro calls one of the commands by ``run``; a name that is computed is not known."""
    said = code(macro)
    line = 1
    counted = 0
    for number, token in enumerate(said):
        if token.text not in ("run", "IJ.run") or number + 2 >= len(said) or said[number + 1].text != "(":
            continue
        if said[number + 2].text[1:-1] not in commands:
            continue
        arguments, end = _arguments(said, number + 2)
        texts = [_text(argument) for argument in arguments]
        if texts[0].is_plain and texts[0].text in commands:
            source = macro[token.start : end if end is not None else token.start + 200]
            line += macro.count("\n", counted, token.start)
            counted = token.start
            yield Call(line, texts[0].text, texts[1] if len(texts) > 1 else Text(""), " ".join(source.split()))


def _arguments(said: list[Token], start: int) -> tuple[list[list[Token]], int | None]:
    """Give the tokens of each argument, and where the call ends in the text; None where it does not."""
    found: list[list[Token]] = [[]]
    depth = 0
    for token in said[start : start + _LONGEST_CALL]:
        if token.text in ("(", "["):
            depth += 1
        elif token.text in (")", "]"):
            if depth == 0:
                return found, token.start + 1
            depth -= 1
        if token.text == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(token)
    return found, None


def _text(argument: list[Token]) -> Text:
    """Join the strings of an argument; what else is added to them is a hole."""
    text = ""
    holes: list[str] = []
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in argument:
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if token.text == "+" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    for part in parts:
        if len(part) == 1 and part[0].kind == "string":
            text += re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), part[0].text[1:-1], flags=re.DOTALL)
        elif part:
            text += _HOLE.format(len(holes))
            holes.append("".join(token.text for token in part))
    return Text(text, tuple(holes))


def quoted(text: Text) -> str:
    """Write a text as a macro has it: ``"model=[" + name + "]"``."""
    pieces = _IS_HOLE.split(text.text)
    written = []
    for number, piece in enumerate(pieces):
        if number % 2:
            written.append(text.holes[int(piece)])
        elif piece or len(pieces) == 1:
            escaped = piece.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
            written.append(f'"{escaped}"')
    return " + ".join(written)


def has_hole(text: str) -> bool:
    """Whether a part of a text is computed, here or by ImageJ, which puts a variable's value for ``&name``."""
    return "\x00" in text or text.startswith("&")


def values_of(options: str) -> dict[str, str]:
    """Read the keys of an option string as ImageJ's recorder writes them; a key without a value is ``true``.

    Raises
    ------
    OptionError
        Where a bracket is not closed.
    """
    values: dict[str, str] = {}
    at = 0
    while at < len(options):
        found = re.compile(r"\s*([^\s=]+)(=?)").match(options, at)
        if found is None:
            break
        at = found.end()
        if not found[2]:
            values[found[1]] = "true"
            continue
        end = _end_of_value(options, at, found[1])
        value = options[at:end]
        values[found[1]] = value[1:-1] if value[:1] in ("[", "'") else value
        at = end
    return values


def _end_of_value(options: str, start: int, key: str) -> int:
    if options[start : start + 1] == "'":
        end = options.find("'", start + 1)
        if end >= 0:
            return end + 1
    elif options[start : start + 1] == "[":
        depth = 0
        for number, one in enumerate(options[start:], start):
            depth += (one == "[") - (one == "]")
            if depth == 0:
                return number + 1
    else:
        blank = re.compile(r"\s|$").search(options, start)
        return blank.start() if blank else len(options)
    raise OptionError(f'The value of the key "{key}" has no end: write {key}=[value].')


def option(key: str, value: str) -> str:
    """Write one key and its value; in brackets where it has blanks, or may have them."""
    bare = value.startswith("&") or not re.search(r"[\s\x00]", value)
    return f"{key}={value}" if bare and value else f"{key}=[{value}]"
