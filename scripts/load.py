"""Call one server from many threads for minutes; look whether results stay right, and memory, files and shared memory few.

::

    python scripts/load.py                           24 threads for 2 minutes
    python scripts/load.py --minutes 10 --threads 24

Five models take turns where the server may keep three, so that they are loaded and let go of all the time. Each result is
compared with the one that was computed before, byte by byte. The exit status is 1 if anything was wrong or grew.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from builders import one_conv, unet, write_model
from ijbridge.errors import Cancelled
from ijbridge.server import InferenceServer

#: What memory may grow by between the first quarter and the end, in bytes: allocators keep some.
_GROWTH = 50_000_000


@dataclass
class Counts:
    """What the threads saw."""

    calls: int = 0
    wrong: list[str] = field(default_factory=list)
    cancelled: int = 0


def main() -> None:
    """Read the arguments, run, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--threads", type=int, default=24)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        counts, measured = run(Path(name), arguments.threads, 60 * arguments.minutes)
    last = len(measured) - 1
    quarters = [measured[last * part // 4] for part in range(1, 5)]
    early, late = quarters[0], quarters[-1]
    print("| | at a quarter | at a half | at three quarters | at the end |\n|---|---|---|---|---|")
    for number, what in enumerate(("memory", "open files", "threads", "names in /dev/shm")):
        shown = [f"{one[number] / 1e6:.0f} MB" if number == 0 else str(one[number]) for one in quarters]
        print(f"| {what} | {' | '.join(shown)} |")
    said = f"{counts.calls} calls from {arguments.threads} threads in {arguments.minutes:g} minutes"
    print(f"\n{said}, {counts.cancelled} of them cancelled, {len(counts.wrong)} wrong")
    print(*counts.wrong[:5], sep="\n")
    grown = late[0] > early[0] + _GROWTH or any(late[number] > early[number] + 2 for number in (1, 2, 3))
    sys.exit(1 if counts.wrong or grown else 0)


def run(folder: Path, threads: int, seconds: float) -> tuple[Counts, list[tuple[int, ...]]]:
    """Let the threads work; give what they saw and, once a second, what the process held."""
    models = [write_model(folder / f"m{number}", one_conv(seed=number), halo=1) for number in range(3)]
    models += [write_model(folder / f"u{number}", unet(2, seed=number), size={"min": 16, "step": 4}) for number in range(2)]
    pictures = [np.random.default_rng(number).integers(0, 250, (90, 100)).astype(np.uint16) for number in range(3)]
    expected = {
        (model, number): call(InferenceServer(), model, picture) for model in models for number, picture in enumerate(pictures)
    }
    server, counts, lock = InferenceServer(max_models=3), Counts(), threading.Lock()
    end = time.monotonic() + seconds

    def client(number: int) -> None:
        rng = random.Random(number)
        while time.monotonic() < end:
            model, picture = rng.choice(models), rng.randrange(len(pictures))
            problem, cancelled = "", rng.random() < 0.1
            try:
                found = call(server, model, pictures[picture], cancelled=cancelled)
                if found != expected[model, picture]:
                    problem = f"{model.name} gave another result on picture {picture}"
            except Cancelled:
                problem = "" if cancelled else "cancelled, but nobody asked for it"
            except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
                problem = f"{type(error).__name__}: {error}"
            with lock:
                counts.calls += 1
                counts.cancelled += cancelled
                counts.wrong += [problem] if problem else []

    working = [threading.Thread(target=client, args=(number,)) for number in range(threads)]
    for one in working:
        one.start()
    measured = []
    while any(one.is_alive() for one in working):
        measured.append(held())
        time.sleep(1)
    return counts, measured


def call(server: InferenceServer, model: Path, picture: Any, cancelled: bool = False) -> bytes:
    """Plan, make room for the result, predict: as the plugin does."""
    image = {"name": "cells", "shape": list(picture.shape), "axes": "yx", "dtype": picture.dtype.name}
    options = {"tile": 48}
    (planned,) = server.plan(str(model), image, options)["outputs"]
    result = np.zeros(planned["shape"], planned["dtype"])
    server.predict(str(model), image, options, picture, [result], cancelled=lambda: cancelled)
    return result.tobytes()


def held() -> tuple[int, ...]:
    """Give memory, open files, threads of this process, and names in /dev/shm."""
    process, shared = psutil.Process(), Path("/dev/shm")
    files = process.num_fds() if hasattr(process, "num_fds") else 0  # Windows counts them otherwise
    return process.memory_info().rss, files, process.num_threads(), len(list(shared.glob("*")))


if __name__ == "__main__":
    main()
