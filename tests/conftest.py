"""Fixtures that any test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SHARED_SAMPLE = REPOSITORY.parent / "shared" / "samples" / "unet2d_nuclei_broad"


@pytest.fixture(scope="session")
def shared_sample() -> Path:
    """Give the folder of a published model, which is no part of the repository; skip where it is not there."""
    if not SHARED_SAMPLE.is_dir():
        pytest.skip(f"the published sample model is not there: {SHARED_SAMPLE}")
    return SHARED_SAMPLE
