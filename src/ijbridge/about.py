"""What a bug report needs to know of the Python side: versions, devices, memory."""

from __future__ import annotations

import os
import platform
import sys

from ijbridge import platforms, units
from ijbridge._version import PROTOCOL, __version__


def about() -> list[tuple[str, str]]:
    """Give names and values, one pair a line."""
    import numpy as np

    from ijbridge.runtimes.onnx import engine, usable_devices

    ort = engine()
    return [
        ("ijbridge", f"{__version__} (protocol {PROTOCOL})"),
        ("Python", f"{platform.python_version()}, {sys.executable}"),
        ("system", f"{platform.platform()}, {os.cpu_count()} processors"),
        ("onnxruntime", f"{ort.__version__} ({', '.join(ort.get_available_providers())})"),
        ("numpy", np.__version__),
        ("devices", ", ".join(usable_devices())),
        ("free memory", units.amount(platforms.free_memory())),
    ]
