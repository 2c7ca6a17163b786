"""The inference server in the process that ImageJ runs in: what the plugin calls instead of a worker.

The messages are those of `ijbridge.protocol`. Where an Appose worker opens shared memory that Java made, here Java asks for
memory, and names it in ``segments`` by its number; memory that Java has already stands there as a direct buffer:

==========  ==============================================  =========================================================
op          request (besides ``protocol``)                  reply
==========  ==============================================  =========================================================
allocate    ``sizes``                                       ``blocks``: per size ``id_size_step``, ``buffers``
free        ``block``                                       nothing
==========  ==============================================  =========================================================
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import jpype

from ijbridge.errors import Cancelled, PlanError
from ijbridge.imagej.java_values import to_java, to_python
from ijbridge.imagej.memory import Block
from ijbridge.platforms import free_memory
from ijbridge.protocol import check_protocol, error_reply, reply
from ijbridge.server import InferenceServer

#: How long a run waits for another one before it asks again whether it shall stop.
_POLL_S = 0.03

_DEFAULT = signal.default_int_handler


class Host:
    """Answers the plugin; ``reach`` is how far a buffer must reach into the next one.

    Whatever happens is an answer: an exception would arrive in Java wrapped, without its sentence.
    """

    def __init__(self, reach: int) -> None:
        self._interrupted = threading.Event()
        self._server = InferenceServer()
        self._reach = reach
        self._turn = threading.Lock()
        self._blocks: dict[int, Block] = {}
        self._numbers = count(1)

    def proxy(self) -> Any:
        """Give the object of a JDK type that `org.ijbridge.InProcess` registers."""
        return jpype.JProxy("java.util.function.BiFunction", dict={"apply": self._apply})

    def close(self) -> None:
        """Give the memory of all models back."""
        self._server.release()

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C stop the runs within between two tiles, and raise it when Java has returned.

        Raised where it arrives, it could be in code that Java called, and be lost there.
        """
        self._interrupted.clear()
        ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _DEFAULT
        if ours:
            signal.signal(signal.SIGINT, lambda *_: self._interrupted.set())
        try:
            yield
        finally:
            if ours:
                signal.signal(signal.SIGINT, _DEFAULT)
        if self._interrupted.is_set():
            raise KeyboardInterrupt

    def _apply(self, inputs: Any, progress: Any) -> Any:
        try:
            asked = to_python(inputs)
            task = _Task(progress, self._interrupted.is_set)
            return to_java(self._answer(asked["op"], asked["request"], asked["segments"], task))
        except KeyboardInterrupt:
            self._interrupted.set()
            return to_java(_reply_to(Cancelled("Interrupted from the keyboard.")))
        except BaseException as error:  # noqa: BLE001 - see the class
            return to_java(_reply_to(error if isinstance(error, Exception) else RuntimeError(repr(error))))

    def _answer(self, op: str, request: Mapping[str, Any], segments: list[Any], task: _Task) -> dict[str, Any]:
        if op == "allocate":
            check_protocol(request)
            return {"blocks": self._allocate(request["sizes"])}
        if op == "free":
            self._blocks.pop(request["block"]).free()
            return {}
        while not self._turn.acquire(timeout=_POLL_S):
            if task.is_cancelled():
                raise Cancelled("The run was cancelled.")
        try:
            return reply(self._server, task, op, request, [self._view(segment) for segment in segments])
        finally:
            self._turn.release()

    def _view(self, segment: Any) -> memoryview:
        return self._blocks[segment].view if isinstance(segment, int) else memoryview(segment).cast("B")

    def _allocate(self, sizes: list[int]) -> list[dict[str, Any]]:
        free = free_memory()
        if sum(sizes) > free:
            raise PlanError(
                f"The image and its result need {sum(sizes) / 1e6:.1f} MB of memory beside ImageJ's own, but only "
                f"{free / 1e6:.1f} MB are free: close other programs or images, or run on a smaller part of the image."
            )
        blocks: list[Block] = []
        try:
            blocks.extend(map(Block, sizes))
            buffers = [block.buffers(self._reach) for block in blocks]
        except BaseException:
            for block in blocks:
                block.free()
            raise
        made = []
        for block, one in zip(blocks, buffers, strict=True):
            number = next(self._numbers)
            self._blocks[number] = block
            made.append({"id_size_step": [number, block.size, block.step], "buffers": one})
        return made


class _Task:
    """What the plugin wants to know of a run while it goes on, and what it says to it."""

    def __init__(self, progress: Any, interrupted: Callable[[], bool]) -> None:
        self._progress = progress
        self._interrupted = interrupted
        self._stop = False

    def update(self, message: str, current: int, maximum: int) -> None:
        java = jpype.JPackage("java")
        news = jpype.JArray(jpype.JObject)(
            [jpype.JString(message), java.lang.Long.valueOf(current), java.lang.Long.valueOf(maximum)]
        )
        self._stop |= bool(self._progress.test(news))

    def is_cancelled(self) -> bool:
        self._stop = self._stop or self._interrupted() or bool(self._progress.test(None))
        return self._stop


def _reply_to(error: Exception) -> dict[str, Any]:
    try:
        raise error
    except Exception as raised:  # noqa: BLE001 - its trace belongs to the reply
        return error_reply(raised)
