"""The worker as ImageJ's plugin has it: a process of its own, started by Appose, with pixels in shared memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import appose
import numpy as np
import pytest
import xarray as xr
from appose.service import Service, TaskStatus

import ijbridge
from builders import one_conv, write_model
from ijbridge._version import PROTOCOL
from processes import ends

LAUNCH = "import appose.python_worker; appose.python_worker.main()"
INIT = "import numpy, ijbridge.appose_worker"
HANDLE = "import ijbridge.appose_worker\nijbridge.appose_worker.handle(task, op, request, segments)"


class Worker:
    """One worker process."""

    def __init__(self, folder: Path) -> None:
        self.service = Service(folder, {"PYTHONSAFEPATH": "1"}, sys.executable, "-c", LAUNCH).init(INIT)

    def call(
        self,
        op: str,
        segments: Sequence[Any] = (),
        hear: Callable[[Any], None] | None = None,
        protocol: int = PROTOCOL,
        **request: Any,
    ) -> dict[str, Any]:
        """Give a task to the process and wait for its reply; one at a time, as Appose's worker wants it."""
        asked = {"protocol": protocol, "jar_version": "9.9", **request}
        task = self.service.task(HANDLE, {"op": op, "request": asked, "segments": list(segments)})
        ended = threading.Event()
        if hear is not None:
            task.listen(hear)
        task.listen(lambda event: ended.set() if event.response_type.is_terminal() else None)
        task.start()
        assert ended.wait(60), self.service.error_lines()
        assert task.status is TaskStatus.COMPLETE, task.error
        reply: dict[str, Any] = task.outputs["reply"]
        return reply

    def end(self) -> None:
        """Tell the process to end, and wait for it."""
        self.service.close()
        assert self.service.wait_for() == 0
        for pipe in (self.service._process.stdout, self.service._process.stderr):
            pipe.close()  # Appose leaves them to the garbage collector, which warns

    def maps(self, segment: Any) -> bool:
        """Whether the process still holds a segment of shared memory; only Linux says."""
        if sys.platform != "linux":
            return False
        return segment.name.strip("/") in Path(f"/proc/{self.call('hello')['pid']}/maps").read_text()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    started = Worker(tmp_path_factory.mktemp("folder"))
    yield started
    started.end()
    # what is neither Appose's protocol nor expected would stand in the user's log
    assert started.service.invalid_lines() == []
    assert started.service.error_lines() == []


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pre = [{"id": "scale_range", "kwargs": {"min_percentile": 1, "max_percentile": 99.8}}]
    return write_model(tmp_path / "m", one_conv(), halo=1, pre=pre)


@contextmanager
def shared(*sizes: int) -> Iterator[list[Any]]:
    """Segments of so many bytes, which are unlinked in the end, as the plugin does."""
    segments = [appose.SharedMemory(create=True, rsize=size) for size in sizes]
    try:
        yield segments
    finally:
        for segment in segments:
            segment.close()
            segment.unlink()


@contextmanager
def files(folder: Path, *sizes: int) -> Iterator[list[dict[str, Any]]]:
    """Files of so many bytes to be mapped, as the plugin names them."""
    references = [{"file": str(folder / f"block{number}"), "size": size} for number, size in enumerate(sizes)]
    for reference in references:
        Path(str(reference["file"])).write_bytes(bytes(int(str(reference["size"]))))
    yield references
    for reference in references:
        Path(str(reference["file"])).unlink()


def picture(*shape: int, dtype: str = "uint16") -> Any:
    return np.random.default_rng(0).integers(0, 250, shape).astype(dtype)


def about(array: Any, axes: str = "yx") -> dict[str, Any]:
    return {"name": "cells", "shape": list(array.shape), "axes": axes, "dtype": array.dtype.name, "pixel_size": {}, "units": {}}


def predict(
    worker: Worker, model: Path, array: Any, axes: str = "yx", hear: Any = None, tile: Any = 24
) -> tuple[Any, dict[str, Any]]:
    """Plan, share the pixels, predict, and copy the first result."""
    request: Mapping[str, Any] = {"model": str(model), "image": about(array, axes), "options": {"tile": tile}}
    plan = worker.call("plan", **request)
    (out,) = plan["outputs"]
    dtype = np.dtype(out["dtype"])
    with shared(array.nbytes, int(np.prod(out["shape"])) * dtype.itemsize) as segments:
        segments[0].buf[: array.nbytes] = array.tobytes()
        reply = worker.call("predict", segments, hear, **request)
        length = int(np.prod(out["shape"])) * dtype.itemsize
        result = np.frombuffer(bytes(segments[1].buf[:length]), dtype).reshape(out["shape"])
        assert not any(worker.maps(segment) for segment in segments)
    return result, reply


# --- greeting --------------------------------------------------------------------------------------------------------


def test_the_worker_says_who_it_is(worker: Worker) -> None:
    reply = worker.call("hello")
    assert reply["protocol"] == PROTOCOL
    assert reply["version"] == ijbridge.__version__
    assert reply["executable"] == sys.executable
    assert reply["python"] == sys.version.split()[0]


@pytest.mark.parametrize("op", ["hello", "plan", "predict"])
def test_a_plugin_of_another_protocol_is_refused_with_both_versions(worker: Worker, op: str) -> None:
    error = worker.call(op, protocol=999)["error"]
    assert error["kind"] == "OptionError"
    assert f"The plugin 9.9 speaks protocol 999, but ijbridge {ijbridge.__version__}" in error["message"]
    assert f"speaks {PROTOCOL}: install the two in the same version" in error["message"]


def test_every_task_is_done_by_the_same_process(worker: Worker, model: Path) -> None:
    before = worker.call("hello")["pid"]
    predict(worker, model, picture(40, 50))
    worker.call("nonsense")
    assert worker.call("hello")["pid"] == before


# --- work ------------------------------------------------------------------------------------------------------------


def test_a_description_is_what_inspect_shows(worker: Worker, model: Path) -> None:
    reply = worker.call("describe", model=str(model))
    assert reply["name"] == "Little Network"
    assert [one["id"] for one in reply["inputs"]] == ["raw"]


def test_a_plan_says_which_segments_are_needed(worker: Worker, model: Path) -> None:
    array = picture(3, 40, 50)
    reply = worker.call("plan", model=str(model), image=about(array, "tyx"), options={"tile": "24"})
    assert [(one["axes"], one["shape"], one["dtype"]) for one in reply["outputs"]] == [("tyx", [3, 40, 50], "float32")]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_worker_gives_the_same_bytes_as_python(worker: Worker, model: Path, dtype: str) -> None:
    array = picture(2, 40, 50, dtype=dtype)
    found, reply = predict(worker, model, array, "tyx")
    expected = ijbridge.predict(model, array, axes="tyx", tile=24)
    assert isinstance(expected, xr.DataArray)
    assert found.tobytes() == expected.values.tobytes()
    assert "tile: y=24,x=24" in reply["provenance"]


def test_progress_is_told_tile_by_tile(worker: Worker, model: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def hear(event: Any) -> None:
        if event.current is not None:
            told.append((event.message, event.current, event.maximum))

    predict(worker, model, picture(40, 50), hear=hear)
    assert told == [(f"Running cells: {number} of 6 tiles", number, 6) for number in range(1, 7)]


def test_a_model_that_changed_on_disk_is_read_again(worker: Worker, model: Path) -> None:
    array = picture(40, 50)
    first, _ = predict(worker, model, array)
    write_model(model, one_conv(seed=5), halo=1)
    again, _ = predict(worker, model, array)
    assert np.abs(again - first).max() > 0.01


def test_models_are_released_on_request(worker: Worker, model: Path) -> None:
    predict(worker, model, picture(40, 50))
    assert worker.call("release") == {}
    predict(worker, model, picture(40, 50))


def test_a_run_is_cancelled_between_two_tiles_and_the_worker_goes_on(worker: Worker, model: Path) -> None:
    seen: list[int] = []

    def hear(event: Any) -> None:
        if event.current is not None:
            seen.append(event.current)
            if event.current == 1:
                event.task.cancel()

    result, reply = predict(worker, model, picture(20, 300, 300), "tyx", hear)
    assert reply["error"]["kind"] == "Cancelled"
    assert f"Cancelled after {seen[-1]} of {20 * 14 * 14} tiles" in reply["error"]["message"]
    assert np.count_nonzero(result[-1]) == 0
    assert "error" not in predict(worker, model, picture(40, 50))[1]


# --- errors are replies ----------------------------------------------------------------------------------------------


def error(reply: Mapping[str, Any]) -> tuple[str, str]:
    assert "Traceback" in reply["error"]["traceback"]
    return reply["error"]["kind"], reply["error"]["message"]


def test_a_model_that_is_not_there_is_a_reply(worker: Worker, tmp_path: Path) -> None:
    kind, message = error(worker.call("describe", model=str(tmp_path / "nothing")))
    assert kind == "ModelNotFoundError"
    assert "There is no model at" in message


def test_pixels_that_cannot_be_used_are_a_reply(worker: Worker, model: Path) -> None:
    _, reply = predict(worker, model, np.full((40, 50), np.nan, np.float32))
    kind, message = error(reply)
    assert kind == "PixelValueError"
    assert "cells holds 2000 pixels that are NaN or infinite" in message


def test_an_unknown_operation_is_a_reply(worker: Worker) -> None:
    assert error(worker.call("nonsense")) == ("OptionError", "The worker does not know the operation 'nonsense'.")


def test_a_defect_is_a_reply_that_asks_for_a_report(worker: Worker) -> None:
    kind, message = error(worker.call("describe"))
    assert kind == "Defect"
    assert message.startswith("ijbridge failed in a way it should not (KeyError: 'model'): please report it")


def test_segments_that_are_too_few_or_too_small_are_a_reply(worker: Worker, model: Path) -> None:
    array = picture(400, 500)
    request: dict[str, Any] = {"model": str(model), "image": about(array), "options": {}}
    with shared(array.nbytes, 1000) as segments:
        kind, message = error(worker.call("predict", segments[:1], **request))
        assert (kind, message) == ("OptionError", "The plugin gave 1 segments of shared memory, 2 are needed.")
        kind, message = error(worker.call("predict", segments, **request))
        assert kind == "OptionError"
        assert "is too small for (400, 500) float32: 800000 are needed" in message
        assert not any(worker.maps(segment) for segment in segments)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere shared memory is not to be seen as files")
def test_shared_memory_is_gone_when_the_plugin_unlinks_it(worker: Worker, model: Path) -> None:
    array = picture(40, 50)
    with shared(array.nbytes, array.size * 4) as segments:
        files = [Path("/dev/shm") / segment.name.strip("/") for segment in segments]
        assert all(file.exists() for file in files)
        worker.call("predict", segments, model=str(model), image=about(array), options={})
        assert all(file.exists() for file in files)
    assert not any(file.exists() for file in files)


def test_a_file_serves_as_shared_memory_does(worker: Worker, model: Path, tmp_path: Path) -> None:
    array = picture(40, 50)
    request: Mapping[str, Any] = {"model": str(model), "image": about(array), "options": {"tile": 24}}
    with files(tmp_path, array.nbytes, 4 * array.size) as segments:
        Path(segments[0]["file"]).write_bytes(array.tobytes())
        assert "error" not in worker.call("predict", segments, **request)
        found = Path(segments[1]["file"]).read_bytes()
        if sys.platform == "linux":
            assert str(tmp_path) not in Path(f"/proc/{worker.call('hello')['pid']}/maps").read_text()
    assert found == predict(worker, model, array)[0].tobytes()


def test_a_file_that_cannot_be_opened_is_a_reply(worker: Worker, model: Path, tmp_path: Path) -> None:
    array = picture(40, 50)
    request: Mapping[str, Any] = {"model": str(model), "image": about(array), "options": {}}
    gone = {"file": str(tmp_path / "gone"), "size": array.nbytes}
    kind, message = error(worker.call("predict", [gone, gone], **request))
    assert kind == "OptionError"
    assert message.startswith(f"The shared file {gone['file']} of 4000 bytes cannot be opened (")
    with files(tmp_path, 100, 4 * array.size) as segments:
        kind, message = error(worker.call("predict", [{**segments[0], "size": 4000}, segments[1]], **request))
        assert kind == "OptionError"


#: Starts a worker, gives it a long task on two files, and dies at its first tile.
DIES = """
import os, signal, sys
from pathlib import Path
from test_appose_worker import PROTOCOL, HANDLE, Worker, about, picture
folder, model = Path(sys.argv[1]), sys.argv[2]
worker = Worker(folder)
print(worker.call("hello")["pid"], flush=True)
array = picture(20, 300, 300)
def hear(event):
    if event.current is not None:
        os.kill(os.getpid(), signal.SIGKILL)
segments = [{"file": str(folder / "in"), "size": array.nbytes}, {"file": str(folder / "out"), "size": 2 * array.nbytes}]
Path(segments[0]["file"]).write_bytes(array.tobytes())
Path(segments[1]["file"]).write_bytes(bytes(2 * array.nbytes))
worker.call("predict", segments, hear, model=model, image=about(array, "tyx"), options={"tile": 24})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no file that is mapped")
def test_a_worker_whose_imagej_was_killed_ends_and_deletes_what_has_a_name(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", DIES, str(folder), str(model)]
    dead = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, check=False)
    assert dead.returncode == -signal.SIGKILL
    assert ends(int(dead.stdout), within=5)  # the whole task takes longer
    assert list(folder.iterdir()) == []


def test_an_image_is_checked_in_the_worker(worker: Worker, model: Path) -> None:
    array = np.full((40, 50), np.nan, np.float32)
    with shared(array.nbytes) as segments:
        segments[0].buf[: array.nbytes] = array.tobytes()
        reply = worker.call("check", segments, model=str(model), image=about(array), options={})
        assert not any(worker.maps(segment) for segment in segments)
    assert [one["id"] for one in reply["findings"]] == ["not-finite"]


def test_a_second_attempt_is_told_to_the_worker(worker: Worker, model: Path) -> None:
    array = picture(40, 50)
    with shared(array.nbytes, 4 * array.size) as segments:
        request: Mapping[str, Any] = {"model": str(model), "image": about(array), "options": {"tile": 24}}
        reply = worker.call("predict", segments, attempt=1, **request)
    assert reply["error"]["kind"] == "PlanError"
    assert "in smaller tiles than y=24,x=24" in reply["error"]["message"]
