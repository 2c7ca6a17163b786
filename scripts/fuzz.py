"""Give every reader spoilt bytes for as long as one likes, and keep what crashes, hangs, fills memory or raises a wrong error.

::

    python scripts/fuzz.py --minutes 30                 every reader for 30 minutes
    python scripts/fuzz.py --minutes 5 --reader onnx    one of them

Each round runs in a process of its own; what ends it, or fails, is written to tests/corpus/, where the tests read it later.
The exit status is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from fuzzing import CORPUS, READERS, fuzz

#: A round that reads one input for so long, on a machine that may be busy, is ended.
_SILENT_S = 90

#: Inputs of one round.
ROUND = 1500


def main() -> None:
    """Read the arguments, fuzz, print a line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1, help="for each reader (%(default)s)")
    parser.add_argument("--reader", choices=READERS, action="append", help="this one; may be given several times")
    parser.add_argument("--begin", type=int, default=int(time.time()), help="the first round's number, to repeat it")
    parser.add_argument("--round", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    readers = arguments.reader or list(READERS)
    if arguments.round is not None:
        one_round(readers[0], arguments.begin, arguments.round)
        return
    print("| reader | inputs | read | refused | slowest | most memory | found |\n|---|---|---|---|---|---|---|", flush=True)
    found = [for_minutes(name, arguments.minutes, arguments.begin) for name in readers]
    sys.exit(1 if any(found) else 0)


def for_minutes(name: str, minutes: float, number: int) -> int:
    """Run rounds one after the other, print what they gave, and say how many failed."""
    end = time.monotonic() + 60 * minutes
    counts: Counter[str] = Counter()
    slowest, most, found = 0.0, 0, []
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            input_, report = Path(folder) / "input", Path(folder) / "report"
            command = [sys.executable, __file__, "--reader", name, "--begin", str(number), "--round", folder]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0:
                found.append(_kept(name, input_.read_bytes(), done.stderr))
            else:
                told = json.loads(report.read_text(encoding="utf-8"))
                counts.update({"read": told["read"], "refused": sum(told["refused"].values())})
                slowest, most = max(slowest, told["slowest"]), max(most, told["most"])
        number += 1
    row = (name, counts.total(), counts["read"], counts["refused"], f"{slowest:.1f} s", f"{most / 1e6:.0f} MB", len(found))
    print("| " + " | ".join(str(one) for one in row) + " |", flush=True)
    return len(found)


def one_round(name: str, number: int, folder: Path) -> None:
    """Fuzz once; the input at work is in a file, so that it is there when this process is not."""
    warnings.simplefilter("ignore")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)

    def before(data: bytes) -> None:
        (folder / "input").write_bytes(data)
        faulthandler.dump_traceback_later(_SILENT_S, exit=True)

    report = fuzz(name, ROUND, number, before)
    faulthandler.cancel_dump_traceback_later()
    (folder / "report").write_text(json.dumps(vars(report)), encoding="utf-8")


def _kept(name: str, data: bytes, said: str) -> Path:
    file = CORPUS / name / f"found-{hashlib.sha256(data).hexdigest()[:8]}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    print(f"{name}: {os.path.relpath(file)}\n{said[-1500:]}", file=sys.stderr, flush=True)
    return file


if __name__ == "__main__":
    main()
