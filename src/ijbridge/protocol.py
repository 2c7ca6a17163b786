"""The messages between ImageJ's plugin and the inference server, whichever host brings them.

==========  ==============================================  =========================================================
op          request (besides ``protocol``)                  reply
==========  ==============================================  =========================================================
hello       ``jar_version``                                 ``protocol``, ``version``, ``python``, ``pid``
about                                                       ``words``: pairs of texts
describe    ``model``                                       the description (`ijbridge.describing`), ``digest``,
                                                            ``card``, ``text``, ``pixel_sizes``
plan        ``model``, ``image``, ``options``               ``outputs``, ``objects``, ``warnings``, ``findings``,
                                                            ``tile_pixels``, ``tile``, ``summary``, ``words``
check       the same, with a buffer: image                  ``findings``
predict     the same, with buffers: image, then outputs;    ``provenance``, ``warnings``, ``objects``: a table
            ``attempt``: 1 after the system ended a worker,
            ``tile_pixels`` as that run's plan said
test_views  ``model``                                       ``views``, as ``outputs``
test        ``model``, ``options``, with buffers: views     the report (`ijbridge.testing`), ``words``
deepimagej  ``values``, ``folders``, ``image`` where there  how a line written for DeepImageJ is run: ``model``,
            is one                                          ``name``, ``outputs``, ``options``, ``macros``,
                                                            ``macros_agreed``, ``notes``, ``dialect``, ``input``,
                                                            ``output``, ``shown``
check_file  ``path``                                        nothing; an error for a damaged image
look_at     ``source``: a path or an address                what would be installed: name, size, hash
macros      ``model``, ``macros`` as the option, ``yes``:   ``macros``: per macro ``when``, ``source``, ``sha256``,
            "look", "remembered" or "given"                 ``text``, ``agreed``; ``axes`` of the model's input
agree       ``model``, ``sha256``: a list                   nothing
install     ``source``, ``folder``                          ``path``
forget                                                      nothing; what was fetched to be looked at is deleted
release                                                     nothing
any                                                         or ``error``: ``kind``, ``message``, ``traceback``
==========  ==============================================  =========================================================
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Protocol

import numpy as np

from ijbridge._version import PROTOCOL, __version__
from ijbridge.errors import IJBridgeError, OptionError
from ijbridge.server import InferenceServer
from ijbridge.typing import Array
from ijbridge.units import amount


class Task(Protocol):
    """What a host does for a message while it is answered."""

    def update(self, message: str, current: int, maximum: int) -> None:
        """Tell how far it is."""

    def is_cancelled(self) -> bool:
        """Whether to stop before the next tile."""


def reply(
    server: InferenceServer, task: Task, op: str, request: Mapping[str, Any], buffers: Sequence[memoryview] = ()
) -> dict[str, Any]:
    """Answer a message (see the module).

    An error that ijbridge raises on purpose is an answer, so that the plugin can show its sentence. So is a defect, which
    must reach the user's log as a sentence and not end the host.
    """
    try:
        return _answer(server, task, op, request, buffers)
    except Exception as error:  # noqa: BLE001 - see above
        return error_reply(error)


def error_reply(error: Exception) -> dict[str, Any]:
    """Give the reply that tells of an error that is being handled."""
    kind, message = type(error).__name__, str(error)
    if not isinstance(error, IJBridgeError):
        message = f"ijbridge failed in a way it should not ({kind}: {error}): please report it with the log."
        kind = "Defect"
    return {"error": {"kind": kind, "message": message, "traceback": traceback.format_exc()}}


def check_protocol(request: Mapping[str, Any]) -> None:
    """Refuse a message of another protocol by name."""
    if request.get("protocol") != PROTOCOL:
        raise OptionError(
            f"The plugin {request.get('jar_version', '')} speaks protocol {request.get('protocol')}, but ijbridge "
            f"{__version__} in {sys.executable} speaks {PROTOCOL}: install the two in the same version."
        )


def _answer(
    server: InferenceServer, task: Task, op: str, request: Mapping[str, Any], buffers: Sequence[memoryview]
) -> dict[str, Any]:
    check_protocol(request)
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
            return server.describe(request["model"])
        case "plan":
            return server.plan(request["model"], request["image"], request.get("options", {}))
        case "check":
            (pixels,) = _arrays(buffers, [request["image"]])
            return server.check(request["model"], request["image"], request.get("options", {}), pixels)
        case "predict":
            return _predict(server, task, request, buffers)
        case "test_views":
            return server.test_views(request["model"])
        case "test":
            views = server.test_views(request["model"])["views"]
            return server.test(request["model"], request.get("options", {}), _arrays(buffers, views))
        case "deepimagej":
            return server.deepimagej(request["values"], request["folders"], request.get("image"))
        case "macros":
            return server.macros(request["model"], request["macros"], request["yes"])
        case "agree":
            server.agree(request["model"], request["sha256"])
            return {}
        case "look_at":
            return server.look_at(
                request["source"],
                lambda done, total: task.update(_fetching(done, total), done, total),
                task.is_cancelled,
            )
        case "install":
            return server.install(request["source"], request["folder"])
        case "forget":
            server.forget()
            return {}
        case "check_file":
            return server.check_file(request["path"])
        case "about":
            return server.about()
        case "release":
            server.release()
            return {}
    raise OptionError(f"The worker does not know the operation {op!r}.")


def _fetching(done: int, total: int) -> str:
    return f"fetching the model: {amount(done)}{f' of {amount(total)}' if total else ''}"


def _predict(server: InferenceServer, task: Task, request: Mapping[str, Any], buffers: Sequence[memoryview]) -> dict[str, Any]:
    model, image, options = request["model"], request["image"], request.get("options", {})
    outputs = server.plan(model, image, options)["outputs"]
    arrays = _arrays(buffers, [image, *outputs])

    def progress(done: int, total: int) -> None:
        task.update(f"Running {image['name']}: {done} of {total} tiles", done, total)

    return server.predict(
        model,
        image,
        options,
        arrays[0],
        arrays[1:],
        progress=progress,
        cancelled=task.is_cancelled,
        attempt=int(request.get("attempt", 0)),
        tried=int(request["tile_pixels"]) if request.get("tile_pixels") else None,
    )


def _arrays(buffers: Sequence[memoryview], described: Sequence[Mapping[str, Any]]) -> list[Array]:
    if len(buffers) != len(described):
        raise OptionError(f"The plugin gave {len(buffers)} segments of shared memory, {len(described)} are needed.")
    return [_array(buffer, one) for buffer, one in zip(buffers, described, strict=True)]


def _array(buffer: memoryview, described: Mapping[str, Any]) -> Array:
    shape, dtype = tuple(described["shape"]), np.dtype(described["dtype"])
    needed = prod(shape) * dtype.itemsize
    if len(buffer) < needed:
        raise OptionError(f"A segment of {len(buffer)} bytes is too small for {shape} {dtype}: {needed} are needed.")
    return np.ndarray(shape, dtype, buffer=buffer)
