"""What the machine has, and how much of it a run used."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from builders import one_conv, write_model
from ijbridge.resources import PeakMemory, find_resources


def test_there_is_no_more_memory_than_the_machine_has() -> None:
    assert 0 < find_resources().memory <= psutil.virtual_memory().total


def test_the_peak_has_what_was_held_in_between() -> None:
    size = 50 * 10**6
    # mapped, not allocated: an allocator may hand out pages that this process holds already, of something freed before
    with PeakMemory() as memory, mmap.mmap(-1, size) as held:
        held.write(b"1" * size)
    assert memory.peak - memory.before > 0.9 * size


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process reset the mark of its memory")
def test_what_was_held_before_does_not_count() -> None:
    held = np.ones(200 * 10**6, np.uint8)
    del held
    with PeakMemory() as memory:
        pass
    assert memory.peak - memory.before < 50 * 10**6


def test_a_record_has_the_estimate_and_what_was_measured(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    image = np.ones((2000, 3000), np.float32)
    np.save(tmp_path / "image.npy", image)
    code = "import json, sys, ijbridge\nprint(json.dumps(ijbridge.predict(sys.argv[1], sys.argv[2]).attrs['provenance']))"
    # a process of its own: this one may hold memory that was freed before, and then a result takes no more
    record = json.loads(subprocess.check_output([sys.executable, "-c", code, model, tmp_path / "image.npy"], timeout=120))
    memory = record["memory_bytes"]
    assert memory["process_peak"] - memory["process_before"] > image.nbytes * 0.9
    assert memory["estimated_beyond_image"] > image.nbytes
    assert record["seconds"] > 0
