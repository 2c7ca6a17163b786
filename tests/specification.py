"""What bioimageio.spec, the authority, has against a description."""

from __future__ import annotations

from pathlib import Path

import pytest

#: The package leaves files open, which is not ours to mend.
LEAVES_FILES_OPEN = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def complaints(description: Path, *, look_at_files: bool = True) -> list[str]:
    """Give its complaints, none where it accepts the description; nothing is fetched from the web."""
    spec = pytest.importorskip("bioimageio.spec", reason="bioimageio.spec is not installed (pip install ijbridge[dev])")
    with spec.ValidationContext(perform_io_checks=look_at_files, disable_cache=True):
        summary = spec.load_description(description, format_version="discover").validation_summary
    found = [f"{'.'.join(map(str, error.loc))}: {error.msg}" for detail in summary.details for error in detail.errors]
    assert bool(found) == (summary.status == "failed")
    return found
