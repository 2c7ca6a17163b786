"""Shared memory is closed when a task ends, however it ended."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from ijbridge.errors import ImageError
from ijbridge.segments import opened


@pytest.fixture
def reference(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "block").write_bytes(bytes(4096))
    return {"file": str(tmp_path / "block"), "size": 4096}


def test_an_array_that_an_error_holds_does_not_keep_a_segment_open(reference: dict[str, object]) -> None:
    kept = []

    def fails(buffer: memoryview) -> None:
        array = np.frombuffer(buffer, np.uint8)
        circle: list[object] = [array]
        circle.append(circle)  # freed by the garbage collector only, as a frame is that refers to its own exception
        raise ImageError("no")

    gc.disable()
    try:
        with opened([reference]) as segments:
            kept += segments
            with pytest.raises(ImageError, match="no"):
                fails(segments[0].buf)
    finally:
        gc.enable()
    with pytest.raises(ValueError, match="closed"):
        kept[0].buf[0]


def test_what_is_written_is_there_when_it_is_closed(reference: dict[str, object]) -> None:
    with opened([reference]) as (segment,):
        np.frombuffer(segment.buf, np.uint8)[:] = 7
    assert set(Path(str(reference["file"])).read_bytes()) == {7}
