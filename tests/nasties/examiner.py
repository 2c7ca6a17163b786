"""Reads nasties in a process of its own, which may be killed: what came of each, how long it took, and the memory it took."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from nasties.kinds import HARM, SECRET, Nasty

#: More seconds of the processor, or bytes, are too many; a process that says nothing for longer than a busy machine needs for
#: those seconds is killed.
LONGEST_S = 10
SILENT_S = 90
MOST_BYTES = 10**9

_TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """What came of a nasty: ``error`` is the kind of the error (empty: it was read), ``broken`` says what must not be.

    ``seconds`` are the processor's, ``peak`` the most bytes beyond what the process held before.
    """

    error: str
    sentence: str
    seconds: float
    peak: int
    broken: str = ""


class Examiner:
    """A process that reads nasties one after the other; it is started again where one ends it."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "home"
        self._home.mkdir(parents=True)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def examine(self, nasty: Nasty, folder: Path, within: float = SILENT_S) -> Outcome:
        """Make a nasty in a folder below the one that is given, use it, and look what has happened."""
        (folder / SECRET).write_bytes(bytes(16))
        inside = folder / "inside"
        inside.mkdir()
        path = nasty.make(inside)
        os.utime(folder / SECRET, (1, 1_000_000_000))  # read long before it was written: the next reader changes that
        before = _listing(folder)
        found = self._ask(nasty.use, path, within)
        if (folder / HARM).exists() or (inside / HARM).exists() or (self._home / HARM).exists():
            return Outcome(**{**vars(found), "broken": "its code was run"})
        if (folder / SECRET).stat().st_atime != 1:
            return Outcome(**{**vars(found), "broken": "a file outside was read"})
        if _listing(folder) != before:
            return Outcome(**{**vars(found), "broken": "a file was written or changed"})
        return found

    def _ask(self, use: str, path: Path, within: float) -> Outcome:
        process = self._started()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the examiner has no pipes")
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=lambda out=process.stdout: lines.put(out.readline()), daemon=True).start()
        process.stdin.write(json.dumps([use, str(path)]) + "\n")
        process.stdin.flush()
        try:
            line = lines.get(timeout=within)
        except queue.Empty:
            self._end()
            return Outcome("", "", within, 0, f"it took more than {within:g} s")
        if not line.startswith("{"):
            self._end()
            return Outcome("", line, 0, 0, f"the process ended ({process.returncode})" if not line else "something was printed")
        found = Outcome(**json.loads(line))
        if found.seconds > LONGEST_S:
            return Outcome(**{**vars(found), "broken": f"it took {found.seconds:.0f} s of the processor"})
        if found.peak > MOST_BYTES:
            return Outcome(**{**vars(found), "broken": f"it took {found.peak / 1e9:.1f} GB"})
        return found

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            environment = {**os.environ, "HOME": str(self._home), "PYTHONPATH": str(_TESTS), "PYTHONSAFEPATH": "1"}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nasties.examiner"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, encoding="utf-8", cwd=self._home, env=environment,
            )  # fmt: skip
            if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
                raise RuntimeError("the examiner does not start")
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Give time and size of all that lies in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


# --- in the other process --------------------------------------------------------------------------------------------


def _use(use: str, path: Path) -> None:
    import numpy as np

    import ijbridge
    from ijbridge.conversion import convert
    from ijbridge.image_io import read_image
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options
    from ijbridge.testing import test_model

    if use == "predict":
        ijbridge.predict(path, np.zeros((64, 64), np.float32), axes="yx")
    elif use == "test":
        with LoadedModel(path) as model:
            test_model(model, Options.read())
    elif use == "convert":
        image = np.random.default_rng(0).random((64, 64), np.float32)
        with tempfile.TemporaryDirectory() as out:
            convert(path, Path(out) / "package", images=image, axes="yx")
    elif use == "convert without a test":
        with tempfile.TemporaryDirectory() as out:
            convert(path, Path(out) / "package")
    else:
        np.asarray(read_image(path, None).array).sum()


def main() -> None:
    """Answer each line of the standard input, the use and the path, by one of the standard output."""
    import logging

    import h5py  # noqa: F401 - what is loaded once is no memory of a nasty's
    import onnx  # noqa: F401
    import tifffile  # noqa: F401
    import xarray  # noqa: F401

    from ijbridge.errors import IJBridgeError
    from ijbridge.resources import PeakMemory
    from ijbridge.runtimes.onnx import engine

    engine()
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # as the command line does
    print("ready", flush=True)  # noqa: T201 - to the parent
    for line in sys.stdin:
        use, path = json.loads(line)
        error, sentence, broken = "", "", ""
        started = time.process_time()
        with PeakMemory() as memory:
            try:
                _use(use, Path(path))
            except IJBridgeError as raised:
                error, sentence = type(raised).__name__, str(raised)
            except BaseException as raised:  # noqa: BLE001 - it is what is looked for
                error, sentence, broken = type(raised).__name__, str(raised), "an error that is not ijbridge's own"
        seconds = time.process_time() - started
        found = Outcome(error, sentence, seconds, memory.peak - memory.before, broken)
        print(json.dumps(vars(found)), flush=True)  # noqa: T201 - to the parent


if __name__ == "__main__":
    main()
