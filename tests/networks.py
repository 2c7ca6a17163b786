"""What an ONNX file says of itself."""

from __future__ import annotations

from pathlib import Path

from ijbridge.graph import Network
from ijbridge.network_facts import NetworkFacts


def read_graph(source: Path | bytes) -> NetworkFacts:
    """Follow the graph of a network of which no sizes are told."""
    return Network(source).facts()
