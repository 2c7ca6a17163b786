"""The inference server as an Appose worker: what ImageJ's plugin starts in a process of its own.

Every task of the plugin is ``handle(task, op, request, segments)``; the answer is the task's output ``reply``. ``segments`` are
shared memory or files (see `ijbridge.segments`) that Java makes and destroys; here they are only opened, looked at as numpy
arrays, and closed again, whatever happens. An error that ijbridge raises on purpose is an answer, not a failure, so that the
plugin can show its sentence.

Nothing is printed: the standard output belongs to Appose. When the process that started this one dies, this one ends at once,
in the middle of a tile too: nobody wants its result, and what it holds of shared memory is free again.

==========  ==============================================  =========================================================
op          request (besides ``protocol``)                  reply
==========  ==============================================  =========================================================
hello       ``jar_version``                                 ``protocol``, ``version``, ``python``, ``pid``
describe    ``model``                                       the description (`ijbridge.describing`)
plan        ``model``, ``image``, ``options``               ``outputs``, ``warnings``, ``tile_pixels``, ``summary``
check       the same, with a segment: image                 ``findings``
predict     the same, with segments: image, then outputs;   ``provenance``, ``warnings``
            ``attempt``: 1 after the system ended a worker,
            ``tile_pixels`` as that run's plan said
release                                                     nothing
any                                                         or ``error``: ``kind``, ``message``, ``traceback``
==========  ==============================================  =========================================================
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ijbridge._version import PROTOCOL, __version__
from ijbridge.errors import IJBridgeError, OptionError
from ijbridge.segments import Segment, opened
from ijbridge.server import InferenceServer
from ijbridge.typing import Array

_server = InferenceServer()

#: The process that started this one; another takes its place as parent when it dies.
_PARENT = os.getppid()

_WATCH_S = 0.25

#: What tasks at work have open; what of it has a name must go when nobody else can destroy it.
_held: list[Segment] = []


def handle(task: Any, op: str, request: Mapping[str, Any], segments: Sequence[Any] = ()) -> None:
    """Do one task of the plugin (see the module)."""
    _watch_parent()
    try:
        with opened(segments) as held:
            _held.extend(held)
            try:
                task.outputs["reply"] = _reply(task, op, request, held)
            finally:
                gc.collect()  # frames of an exception may still hold arrays that lie in the segments
                for segment in held:
                    _held.remove(segment)
    except IJBridgeError as error:
        task.outputs["reply"] = _error(type(error).__name__, str(error))


def _reply(task: Any, op: str, request: Mapping[str, Any], segments: Sequence[Segment]) -> dict[str, Any]:
    try:
        return _answer(task, op, request, segments)
    except IJBridgeError as error:
        return _error(type(error).__name__, str(error))
    except Exception as error:  # noqa: BLE001 - a defect must reach the user's log as a sentence too, not end the worker
        message = f"ijbridge failed in a way it should not ({type(error).__name__}: {error}): please report it with the log."
        return _error("Defect", message)


_watcher: threading.Thread | None = None


def _watch_parent() -> None:
    global _watcher
    if _watcher is None:
        _watcher = threading.Thread(target=_end_with_parent, name="ijbridge-parent", daemon=True)
        _watcher.start()


def _end_with_parent() -> None:
    while os.getppid() == _PARENT:
        time.sleep(_WATCH_S)
    for segment in _held.copy():
        with contextlib.suppress(Exception):  # the end must come, whatever is already gone
            segment.unlink()
    os._exit(1)


def _answer(task: Any, op: str, request: Mapping[str, Any], segments: Sequence[Segment]) -> dict[str, Any]:
    if request.get("protocol") != PROTOCOL:
        raise OptionError(
            f"The plugin {request.get('jar_version', '')} speaks protocol {request.get('protocol')}, but ijbridge "
            f"{__version__} in {sys.executable} speaks {PROTOCOL}: install the two in the same version."
        )
    match op:
        case "hello":
            return {
                "protocol": PROTOCOL,
                "version": __version__,
                "python": sys.version.split()[0],
                "executable": sys.executable,
                "pid": os.getpid(),
            }
        case "describe":
            return _server.describe(request["model"])
        case "plan":
            return _server.plan(request["model"], request["image"], request.get("options", {}))
        case "check":
            (pixels,) = _arrays(segments, [request["image"]])
            return _server.check(request["model"], request["image"], request.get("options", {}), pixels)
        case "predict":
            return _predict(task, request, segments)
        case "release":
            _server.release()
            return {}
    raise OptionError(f"The worker does not know the operation {op!r}.")


def _predict(task: Any, request: Mapping[str, Any], segments: Sequence[Segment]) -> dict[str, Any]:
    model, image, options = request["model"], request["image"], request.get("options", {})
    outputs = _server.plan(model, image, options)["outputs"]
    arrays = _arrays(segments, [image, *outputs])

    def progress(done: int, total: int) -> None:
        task.update(message=f"Running {image['name']}: {done} of {total} tiles", current=done, maximum=total)

    return _server.predict(
        model,
        image,
        options,
        arrays[0],
        arrays[1:],
        progress=progress,
        cancelled=lambda: bool(task.cancel_requested),
        attempt=int(request.get("attempt", 0)),
        tried=int(request["tile_pixels"]) if request.get("tile_pixels") else None,
    )


def _arrays(segments: Sequence[Segment], described: Sequence[Mapping[str, Any]]) -> list[Array]:
    if len(segments) != len(described):
        raise OptionError(f"The plugin gave {len(segments)} segments of shared memory, {len(described)} are needed.")
    return [_array(segment, one) for segment, one in zip(segments, described, strict=True)]


def _array(segment: Segment, described: Mapping[str, Any]) -> Array:
    shape, dtype = tuple(described["shape"]), np.dtype(described["dtype"])
    needed = prod(shape) * dtype.itemsize
    if len(segment.buf) < needed:
        raise OptionError(f"A segment of {len(segment.buf)} bytes is too small for {shape} {dtype}: {needed} are needed.")
    return np.ndarray(shape, dtype, buffer=segment.buf)


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message, "traceback": traceback.format_exc()}}
