"""The inference server as an Appose worker: what ImageJ's plugin starts in a process of its own.

Every task of the plugin is ``handle(task, op, request, segments)``; the answer (see `ijbridge.protocol`) is the task's output
``reply``. ``segments`` are shared memory that Java makes and unlinks; here they are only opened, looked at as numpy arrays, and
closed again, whatever happens.

Nothing is printed: the standard output belongs to Appose.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ijbridge.protocol import reply
from ijbridge.server import InferenceServer

_server = InferenceServer()

#: The process that started this one; another takes its place as parent when it dies.
_PARENT = os.getppid()


class _Task:
    """Appose's task, as the server sees it."""

    def __init__(self, task: Any) -> None:
        self._task = task

    def update(self, message: str, current: int, maximum: int) -> None:
        self._task.update(message=message, current=current, maximum=maximum)

    def is_cancelled(self) -> bool:
        return bool(self._task.cancel_requested) or os.getppid() != _PARENT


def handle(task: Any, op: str, request: Mapping[str, Any], segments: Sequence[Any] = ()) -> None:
    """Do one task of the plugin (see the module)."""
    try:
        task.outputs["reply"] = reply(_server, _Task(task), op, request, [segment.buf for segment in segments])
    finally:
        gc.collect()  # frames of an exception may still hold arrays that lie in the segments
        for segment in segments:
            segment.close()
            if os.getppid() != _PARENT:
                segment.unlink()  # whoever made it cannot any more
