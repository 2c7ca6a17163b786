"""Calling the command line: in this process, and as a shell does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import yaml

from descriptions import changed

#: Called with arguments; gives status, output and errors.
Run = Callable[..., tuple[int, str, str]]


def pixels(*shape: int, dtype: str = "float32", seed: int = 0) -> Any:
    return (np.random.default_rng(seed).random(shape) * 200).astype(dtype)


def network_gives(model: Path, array: Any) -> Any:
    """Run a model's network by onnxruntime alone."""
    (result,) = ort.InferenceSession(str(model / "weights.onnx")).run(["out"], {"raw": array[None, None].astype(np.float32)})
    return result[0, 0]


def shell(*arguments: object, **how: Any) -> subprocess.CompletedProcess[str]:
    """Call the command line as a shell does."""
    command = [sys.executable, "-m", "ijbridge", *(str(one) for one in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8", **how)


def edit(model: Path, path: str, value: Any) -> Path:
    """Change one node of a model's description."""
    file = model / "bioimageio.yaml"
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(changed(described, path, value)), encoding="utf-8")
    return model
