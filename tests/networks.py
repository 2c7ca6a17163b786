"""What an ONNX file says of itself, and what it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from ijbridge.graph import Network
from ijbridge.network_facts import NetworkFacts


def read_graph(source: Path | bytes) -> NetworkFacts:
    """Follow the graph of a network of which no sizes are told."""
    return Network(source).facts()


def raw_result(path: Path, **inputs: Any) -> list[Any]:
    """Run the file by onnxruntime alone."""
    given = {name: array.astype(np.float32) for name, array in inputs.items()}
    results: list[Any] = ort.InferenceSession(str(path)).run(None, given)
    return results
