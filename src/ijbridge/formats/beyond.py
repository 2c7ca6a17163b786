"""What a description means beyond what bioimage.io 0.5 has fields for: kept in ``config.ijbridge``, and put back when read.

Two descriptions, the one that is meant and the one that a 0.5 file says, are compared field by field. Each difference is
one entry: the ``field`` in the description's own terms (``outputs[0].axes[2].halo``), what 0.5 ``says`` there, and what is
``meant``. So no field needs a rule of its own, and a field that 0.5 learns to say simply makes no entry any more.

The value that 0.5 says guards the other: where somebody changed the 0.5 field since, the entry no longer belongs to it and
is refused, for nobody could tell which of the two holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from ijbridge.description import ModelDescription, Tensor
from ijbridge.findings import Finding
from ijbridge.formats.fields import Fields, shown
from ijbridge.formats.limits import check_limits
from ijbridge.formats.plain_values import MisfitError, decode, element_of, encode, hints_of, same

#: The key in ``config``.
KEY = "ijbridge"

#: Fields that say where a description lies and what lies beside it (and how exactly that is to be reproduced), not what the
#: model is. Findings are kept, too, but added to what the reader says itself.
OF_THE_PACKAGE: Mapping[type, frozenset[str]] = {
    ModelDescription: frozenset(
        {
            "format",
            "format_version",
            "location",
            "digest",
            "weights",
            "documentation",
            "covers",
            "config",
            "tolerances",
            "file",
            "read_from",
            "findings",
        }
    ),
    Tensor: frozenset({"test_tensor", "sample_tensor"}),
}

_NAME = "[a-z_][a-z_0-9]*"


@dataclass(frozen=True)
class Difference:
    """One field, what 0.5 says of it and what is meant, both as plain data."""

    field: str
    says: Any
    meant: Any


def differences(meant: ModelDescription, said: ModelDescription) -> list[Difference]:
    """Compare what is meant with what a 0.5 file says."""
    return _compare("", ModelDescription, meant, said)


def _compare(path: str, hint: Any, meant: Any, said: Any) -> list[Difference]:
    if type(meant) is type(said) and is_dataclass(meant):
        kind: Any = type(meant)
        names = [one.name for one in fields(kind) if one.name not in OF_THE_PACKAGE.get(kind, ())]
        return [
            found
            for name in names
            for found in _compare(f"{path}.{name}".lstrip("."), hints_of(kind)[name], getattr(meant, name), getattr(said, name))
        ]
    if isinstance(meant, tuple) and isinstance(said, tuple) and len(meant) == len(said) and any(map(is_dataclass, meant)):
        pairs = enumerate(zip(meant, said, strict=True))
        return [found for number, (a, b) in pairs for found in _compare(f"{path}[{number}]", element_of(hint), a, b)]
    one, other = encode(meant, hint), encode(said, hint)
    return [] if same(one, other) else [Difference(path, other, one)]


def entries(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """Give differences as they are kept under ``beyond``."""
    return [{"field": one.field, "says": one.says, "meant": one.meant} for one in found]


def is_kept(root: Fields) -> bool:
    """Whether a description was converted, so that what other keys of ``config`` meant has been kept under this one."""
    own = root.mapping("config").raw(KEY)
    return isinstance(own, Mapping) and "converted_from" in own


def kept_findings(findings: Sequence[Finding]) -> list[Any]:
    """Give findings as they are kept under ``findings``."""
    kept: list[Any] = encode(tuple(findings), tuple[Finding, ...])
    return kept


def restored(description: ModelDescription, root: Fields) -> ModelDescription:
    """Give what is meant by a description that was read from a 0.5 file.

    Raises
    ------
    DescriptionError
        If an entry names no field, does not fit it, or the field was changed since; or if a value is one that no model has.
    """
    own = root.mapping("config").mapping(KEY)
    for entry in own.mappings("beyond"):
        path = entry.text("field")
        description = _restored(description, ModelDescription, _steps(entry, path), entry)
    try:
        kept: tuple[Finding, ...] = decode(own.list("findings"), tuple[Finding, ...])
    except MisfitError as misfit:
        raise own.error(f"`{own.path}.findings` {misfit}") from misfit
    check_limits(description, root.file)  # no reader has looked at what was put back
    return replace(description, findings=(*description.findings, *kept))


def _steps(entry: Fields, path: str) -> list[str | int]:
    if not re.fullmatch(rf"{_NAME}(\.{_NAME}|\[\d{{1,6}}\])*", path):
        raise _no_such_field(entry, path)
    return [name or int(number) for name, number in re.findall(rf"({_NAME})|\[(\d+)\]", path)]


def _restored(value: Any, hint: Any, steps: Sequence[str | int], entry: Fields) -> Any:
    path = entry.text("field")
    if not steps:
        now = encode(value, hint)
        if not same(now, entry.raw("says")):
            raise entry.error(
                f"`{entry.path}` keeps what {path} means where the description says {shown(entry.raw('says'))}, but it says "
                f"{shown(now)}: it was changed since; remove the entry, or undo the change"
            )
        try:
            return decode(entry.raw("meant"), hint)
        except MisfitError as misfit:
            raise entry.error(f"`{entry.path}.meant` {misfit}") from misfit
    step, rest = steps[0], steps[1:]
    if isinstance(step, int) and isinstance(value, tuple) and step < len(value):
        changed = _restored(value[step], element_of(hint), rest, entry)
        return (*value[:step], changed, *value[step + 1 :])
    hints = hints_of(type(value)) if is_dataclass(value) else {}
    if isinstance(step, str) and step in hints and step not in OF_THE_PACKAGE.get(type(value), ()):
        changed = _restored(getattr(value, step), hints[step], rest, entry)
        return replace(value, **{step: changed})
    raise _no_such_field(entry, path)


def _no_such_field(entry: Fields, path: str) -> Exception:
    return entry.error(
        f"`{entry.path}.field` names {path!r}, which this version of ijbridge does not know in this description: a newer one "
        "may have written it"
    )
