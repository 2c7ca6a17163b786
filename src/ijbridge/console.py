"""What the command line says: on the standard output what was asked for, on the standard error everything else."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ijbridge.errors import IJBridgeError
from ijbridge.printable import printable


def say(text: object) -> None:
    """Write lines to the standard output, at once."""
    print(printable(str(text)), flush=True)


def say_beside(text: object) -> None:
    """Write lines to the standard error."""
    print(printable(str(text)), file=sys.stderr)


def say_json(value: Any) -> None:
    """Write a value as JSON, with names in their own scripts; what cannot be seen is escaped."""
    from ijbridge.describing import plain

    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    print("".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text))


def say_error(error: IJBridgeError, debug: bool, image: str | None = None) -> None:
    """Write the one line of a failure, and before it, if that was asked for, where it comes from."""
    if debug:
        say_trace(error)
    sentence = str(error)
    about = f"{image}: " if image is not None and Path(image).stem not in sentence else ""
    say_beside(f"error: {about}{sentence}")


def say_trace(error: BaseException) -> None:
    """Write where an error comes from."""
    say_beside("".join(traceback.format_exception(error)).rstrip())


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how many tiles are done where somebody looks; give None where nobody does."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=printable(name), unit="tile", leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
