"""A module of ijbridge in a process of its own, with limits of time and memory: for libraries that a damaged file may not end.

The process is this Python. What it writes to the standard output is its answer. On Windows it is ended by the clock alone, and
nothing limits its memory; on macOS nothing limits its memory (`ijbridge.platforms.limit_process`).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from io import BufferedReader
from typing import IO, TypeVar, cast

from ijbridge import platforms

#: How many times as long as it may compute a process may take by the clock, where much else is done.
_PATIENCE = 9

#: Seconds that a process may take to end.
_ENDING_S = 5

#: With what a process ends that lacked memory.
NO_MEMORY = 3

_Answer = TypeVar("_Answer")


class ProcessError(Exception):
    """A process did not give its answer: the message says why, ``by_input`` whether because of what it was given."""

    def __init__(self, why: str, *, by_input: bool) -> None:
        super().__init__(why)
        self.by_input = by_input


def ask(module: str, *arguments: str, seconds: int, take: Callable[[BufferedReader], _Answer], data: bytes = b"") -> _Answer:
    """Run ``python -m module *arguments`` and give its answer.

    Parameters
    ----------
    seconds
        Of the processor, which it is to give to `platforms.limit_process`.
    take
        Reads the answer; `EOFError` and `ValueError` say that it is none.
    data
        For its standard input.

    Raises
    ------
    ProcessError
        If it cannot be started, takes too long, lacks memory, or ends in another way without an answer.
    """
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - this Python (-P: not what lies where it is called)
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, creationflags=platforms.NO_WINDOW,
            )  # fmt: skip
        except (OSError, TypeError) as error:
            raise ProcessError(f"Python ({sys.executable}) cannot be started ({error})", by_input=False) from error
        started = time.monotonic()
        patience = _PATIENCE * seconds
        timer = threading.Timer(patience, process.kill)
        feeder = threading.Thread(target=_feed, args=(process.stdin, data), daemon=True)
        answer: _Answer | None = None
        wrong: Exception | None = None
        timer.start()
        feeder.start()
        try:
            if process.stdout is not None:
                with process.stdout as out:
                    answer = take(cast("BufferedReader", out))
        except (EOFError, ValueError) as error:
            wrong = error
        finally:
            timer.cancel()
            status = _ended(process)
            feeder.join()
        if answer is not None:
            return answer
        passed = time.monotonic() - started
        if passed >= patience or platforms.took_too_long(status):
            counted = passed if passed >= patience else seconds  # by the clock, or by the processor
            raise ProcessError(f"has not come to an end after {counted:.0f} s", by_input=True)
        if status == NO_MEMORY:
            raise ProcessError("wants more memory than is reasonable", by_input=True)
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else f"status {status}" if status else str(wrong)
        raise ProcessError(f"fails ({why})", by_input="No module named" not in why)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Give the status of a process that has nothing more to say, or to which nobody listens any more."""
    try:
        return process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _feed(stdin: IO[bytes] | None, data: bytes) -> None:
    if stdin is not None:
        with contextlib.suppress(OSError), stdin:
            stdin.write(data)
