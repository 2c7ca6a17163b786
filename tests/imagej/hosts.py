"""The two places where the inference server runs: a worker that the plugin starts, and the Python process ImageJ runs in."""

from __future__ import annotations

import pytest

from imagej_session import HostedImageJ, ImageJ

#: Mark of a module whose tests hold with either.
BOTH_HOSTS = pytest.mark.parametrize(
    "imagej",
    [pytest.param(ImageJ, id="worker"), pytest.param(HostedImageJ, id="python")],
    indirect=True,
    scope="module",
)
