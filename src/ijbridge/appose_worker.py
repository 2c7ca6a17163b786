"""The inference server as an Appose worker: what ImageJ's plugin starts in a process of its own.

Every task of the plugin is ``handle(task, op, request, segments)``; the answer (see `ijbridge.protocol`) is the task's output
``reply``. ``segments`` are shared memory or files (see `ijbridge.segments`) that Java makes and destroys; here they are only
opened, looked at as numpy arrays, and closed again, whatever happens.

Nothing is printed: the standard output belongs to Appose. When the process that started this one dies, this one ends at once,
in the middle of a tile too: nobody wants its result, and what it holds of shared memory is free again.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ijbridge.errors import IJBridgeError
from ijbridge.platforms import Parent
from ijbridge.protocol import error_reply, reply
from ijbridge.runtimes.onnx import engine
from ijbridge.segments import Segment, opened
from ijbridge.server import InferenceServer

engine()  # slow, and on Windows to be imported before there are threads, as numpy

_server = InferenceServer()

#: The process that started this one.
_PARENT = Parent()

_WATCH_S = 0.25

#: What tasks at work have open; what of it has a name must go when nobody else can destroy it.
_held: list[Segment] = []


class _Task:
    """Appose's task, as the server sees it."""

    def __init__(self, task: Any) -> None:
        self._task = task

    def update(self, message: str, current: int, maximum: int) -> None:
        self._task.update(message=message, current=current, maximum=maximum)

    def is_cancelled(self) -> bool:
        return bool(self._task.cancel_requested)


def handle(task: Any, op: str, request: Mapping[str, Any], segments: Sequence[Any] = ()) -> None:
    """Do one task of the plugin (see the module)."""
    _watch_parent()
    try:
        with opened(segments) as held:
            _held.extend(held)
            try:
                task.outputs["reply"] = reply(_server, _Task(task), op, request, [segment.buf for segment in held])
            finally:
                for segment in held:
                    _held.remove(segment)
    except IJBridgeError as error:
        task.outputs["reply"] = error_reply(error)


_watcher: threading.Thread | None = None


def _watch_parent() -> None:
    global _watcher
    if _watcher is None:
        _watcher = threading.Thread(target=_end_with_parent, name="ijbridge-parent", daemon=True)
        _watcher.start()


def _end_with_parent() -> None:
    while _PARENT.is_alive():
        time.sleep(_WATCH_S)
    for segment in _held.copy():
        with contextlib.suppress(Exception):  # the end must come, whatever is already gone
            segment.unlink()
    os._exit(1)
