"""What the machine has, and how much of it a run used."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import ijbridge
from builders import one_conv, write_model
from ijbridge.resources import PeakMemory, find_resources


def test_there_is_no_more_memory_than_the_machine_has() -> None:
    assert 0 < find_resources().memory <= psutil.virtual_memory().total


def test_the_peak_has_what_was_held_in_between() -> None:
    with PeakMemory() as memory:
        held = np.ones(50 * 10**6, np.uint8)
        del held
    assert memory.peak - memory.before > 45 * 10**6


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process reset the mark of its memory")
def test_what_was_held_before_does_not_count() -> None:
    held = np.ones(200 * 10**6, np.uint8)
    del held
    with PeakMemory() as memory:
        pass
    assert memory.peak - memory.before < 50 * 10**6


def test_a_record_has_the_estimate_and_what_was_measured(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    result = ijbridge.predict(model, np.ones((2000, 3000), np.float32))
    assert not isinstance(result, dict)
    record = result.attrs["provenance"]
    memory = record["memory_bytes"]
    assert memory["process_peak"] - memory["process_before"] > result.nbytes * 0.9
    assert memory["estimated_beyond_image"] > result.nbytes
    assert record["seconds"] > 0
