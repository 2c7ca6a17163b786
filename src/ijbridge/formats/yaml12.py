"""YAML 1.2 as bioimage.io writes it: 1e-6 is a number, "yes" and dates are texts, a key given twice is an error.

Only plain data is ever built (mappings, lists, texts, numbers, true, false, null); a tag that asks for anything else is
refused. What is written is read alike by parsers of YAML 1.1 and 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from ijbridge.errors import DescriptionError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc] # the base is chosen when the module is loaded
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - the parent's declaration


class _Dumper(yaml.SafeDumper):
    """Writes in quotes a text that YAML 1.1 or 1.2 would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def represent_text(self, text: str) -> yaml.Node:
        # line breaks of Unicode's that some parsers fold are written as escapes, which takes double quotes
        return self.represent_scalar(
            "tag:yaml.org,2002:str", text, style='"' if re.search("[\x85\u2028\u2029]", text) else None
        )


_Dumper.add_representer(str, _Dumper.represent_text)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    _chars = [*_first.replace("\0", ""), *([""] if "\0" in _first else [])]
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _chars)


def _integer(loader: Any, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    number = int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    str(number)  # Python writes no number of more digits than it reads in base 10: such a one could not be shown
    return number


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


#: Tags that ask for plain data; what has none is resolved by its text.
_PLAIN_TAGS = {None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))}

#: Far beyond any description: deeper nesting exhausts the stack, more nodes (aliases expanded) the memory.
_MAX_DEPTH = 100
_MAX_NODES = 1_000_000


@dataclass
class _Open:
    """A mapping or list whose end has not come; ``keys`` is None for a list."""

    anchor: str | None
    keys: set[str] | None
    nodes: int = 1
    children: int = 0


def parse_yaml(data: bytes, file: str) -> Any:
    """Parse a YAML document into plain data.

    Raises
    ------
    DescriptionError
        If it is no YAML, with the line and what is wrong there.
    """
    try:
        text = data.decode("utf-8-sig")
        _check_plain(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except UnicodeDecodeError as error:
        raise DescriptionError(f"{file} is not a text in UTF-8 (byte {error.start}).") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        # libyaml splits the sentence "expected a single document in the stream, but found another document"
        problem = f"{error.context}, {error.problem}" if str(error.problem).startswith("but ") else error.problem
        raise DescriptionError(f"{file} is broken YAML{place}: {problem or error.context}.") from error
    except (LookupError, AttributeError) as error:
        raise DescriptionError(f"{file} is broken YAML: a value does not fit its tag.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DescriptionError(f"{file} is broken YAML: {' '.join(str(error).split()) or 'nested too deeply'}.") from error


def dump_yaml(data: Any) -> bytes:
    """Write plain data as a YAML document in UTF-8; keys keep their order, and the same data give the same bytes."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _check_plain(text: str) -> None:
    """Refuse, before anything is built, what is no tree of plain data of a usual size, and keys given twice."""
    sizes: dict[str | None, int] = {}
    path = [_Open(None, None)]
    events: Iterable[Any] = yaml.parse(text, Loader=_Loader)
    for event in events:
        parent = path[-1]
        if isinstance(event, yaml.NodeEvent):
            parent.children += 1
            if isinstance(event, yaml.ScalarEvent) and parent.keys is not None and parent.children % 2:
                if event.value in parent.keys:
                    raise _refused(f"the key {event.value!r} is given twice", event)
                parent.keys.add(event.value)
            tag = getattr(event, "tag", None)
            if tag not in _PLAIN_TAGS:
                raise _refused(f"the tag {tag!r} asks for more than plain data", event)
        if isinstance(event, yaml.AliasEvent):
            if any(one.anchor == event.anchor for one in path):
                raise _refused(f"the alias *{event.anchor} holds itself", event)
            parent.nodes += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            parent.nodes += 1
            sizes |= {event.anchor: 1} if event.anchor else {}
        elif isinstance(event, yaml.CollectionStartEvent):
            path.append(_Open(event.anchor, set() if isinstance(event, yaml.MappingStartEvent) else None))
            if len(path) > _MAX_DEPTH:
                raise _refused(f"nested more than {_MAX_DEPTH} levels deep", event)
        elif isinstance(event, yaml.CollectionEndEvent):
            path.pop()
            path[-1].nodes += parent.nodes
            sizes |= {parent.anchor: parent.nodes} if parent.anchor else {}
        if path[-1].nodes > _MAX_NODES:
            raise _refused(f"more than {_MAX_NODES} values", event)


def _refused(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
