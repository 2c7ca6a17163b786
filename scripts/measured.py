"""Run a command and print what it took as JSON: seconds of all processors (user and system), seconds, bytes resident at most.

``measured.py FILE COMMAND ...`` puts what the command says into FILE. It is a process of its own, and a small one, because the
memory that a process holds when it starts another counts as the other's on Linux.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run it; the exit status is the command's."""
    with open(sys.argv[1], "w", encoding="utf-8") as said:  # noqa: PTH123 - pathlib would be more memory
        started = time.perf_counter()
        process = subprocess.Popen(sys.argv[2:], stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "wall": wall, "peak": used.ru_maxrss * unit}))
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
