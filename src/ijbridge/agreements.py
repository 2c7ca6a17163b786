"""What a person has said yes to: code that comes with a model, by the SHA-256 of its file.

The list is a file of the person's own, with one line of JSON for each yes. A yes holds for the same bytes wherever they lie;
other bytes in a file that was agreed to are asked about again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ijbridge import platforms
from ijbridge.errors import AgreementError


@dataclass(frozen=True)
class Code:
    """A file with code: the absolute path of its model, its name there, which kind of code it is, and its hash."""

    model: str
    file: str
    kind: str
    sha256: str


def place() -> Path:
    """Give where the list lies, whether or not there is one; the environment's ``IJBRIDGE_CONFIG`` names another folder."""
    named = os.environ.get("IJBRIDGE_CONFIG")
    return (Path(named) if named else platforms.config_folder() / "ijbridge") / "agreed.jsonl"


def is_agreed(code: Code) -> bool:
    """Whether somebody said yes to these very bytes.

    Raises
    ------
    AgreementError
        If other people may write the list.
    """
    return any(one.sha256 == code.sha256 for one in _read())


def has_changed(code: Code) -> bool:
    """Whether somebody said yes to other bytes of this file, and not to these; errors are those of `is_agreed`."""
    before = [one for one in _read() if (one.model, one.file) == (code.model, code.file)]
    return bool(before) and not is_agreed(code)


def check_agreed(code: Code, how: str) -> None:
    """Refuse code that nobody has said yes to.

    Parameters
    ----------
    how
        How to say it, such as "add macros=run".

    Raises
    ------
    AgreementError
        If nobody has, with a sentence that names the file.
    """
    check_unchanged(code)
    if not is_agreed(code):
        raise AgreementError(
            f"{code.file} of the model {code.model} is a program ({code.kind}), which can do anything on this machine, and "
            f"nobody has said yes to it: read it, then {how}."
        )


def check_unchanged(code: Code) -> None:
    """Refuse code in a file that had other bytes when somebody said yes to it; errors are those of `check_agreed`."""
    if has_changed(code):
        raise AgreementError(
            f"{code.file} of the model {code.model} is not the {code.kind} any more that was agreed to (its SHA-256 is "
            f"{code.sha256[:12]}... now): read it, then say yes to it again in the dialog of Run Model..., or by removing the "
            f"file's line from {place()}."
        )


def agree(code: Code, *, again: bool = False) -> None:
    """Remember a yes, which is for these bytes alone.

    Parameters
    ----------
    again
        Whether it was given by somebody who saw these very bytes; else it is none where there is one for other bytes of the
        file.

    Raises
    ------
    AgreementError
        If the file is another one than was agreed to before, or the yes cannot be written down.
    """
    if code in _read():
        return
    if not again:
        check_unchanged(code)
    path = place()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # one line in one call: two processes that agree at the same time do not mix theirs
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (json.dumps(asdict(code)) + "\n").encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AgreementError(f"The yes to {code.file} cannot be written to {path}: {error.strerror}.") from error


def _read() -> Iterator[Code]:
    path = place()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        is_open = platforms.may_be_written_by_others(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise AgreementError(f"The list of what was agreed to, {path}, cannot be read: {error.strerror}.") from error
    if is_open:
        raise AgreementError(
            f"Other people may write the list of what was agreed to, {path}: see that it is your own, then take that right "
            "from them (chmod 600)."
        )
    for line in lines:
        try:
            yield Code(**{key: str(value) for key, value in json.loads(line).items()})
        except (ValueError, TypeError, AttributeError):
            continue  # a line that a full disk cut short is no yes
