"""The record of what made a result: model, weights, plan, numbers, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from ijbridge._version import __version__
from ijbridge.plans import described_operations, tile_text
from ijbridge.prediction import Record, ResolvedPlan, statistics_text
from ijbridge.resources import PeakMemory
from ijbridge.runtimes import Session


def provenance(
    resolved: ResolvedPlan,
    record: Record,
    session: Session,
    memory: PeakMemory,
    seconds: float,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Give the record as plain data (JSON); ``memory``, ``seconds`` and ``warnings`` are those of the whole run."""
    import numpy as np

    plan = resolved.plan
    tensors = [*(one.tensor for one in plan.inputs), *(one.tensor for one in plan.outputs)]
    return {
        "ijbridge": __version__,
        "model": {
            "name": plan.description.name,
            "version": plan.description.version,
            "format": f"{plan.description.format} {plan.description.format_version}".rstrip(),
            "sha256": plan.description.digest,
            "source": plan.description.location,
        },
        "weights": {"format": plan.weights.format, "sha256": plan.weights.file.sha256},
        "images": {one.tensor.id: one.image.name for one in plan.inputs},
        "channels": {one.tensor.id: chosen for one in plan.inputs if (chosen := one.preparation.channels_text)},
        "rescale": {
            f"{one.tensor.id}.{letter}": factor for one in plan.inputs for letter, factor in one.preparation.factors.items()
        },
        "tile": tile_text(record.lines),
        "halo": {name: plan.halo_of(name) for name in record.lines},
        "padding": {one.tensor.id: str(one.tensor.padding) for one in plan.inputs},
        "device": session.device,
        "operations": {tensor.id: "; ".join(described_operations(tensor)) for tensor in tensors},
        "labels": {
            tensor.id: ", ".join(f"{value} {name}" for value, name in tensor.value_names.items())
            for tensor in tensors
            if tensor.value_names
        },
        **({"objects": plan.objects.to_dict()} if plan.objects is not None else {}),
        "macros": {
            when: [f"{one.source} (SHA-256 {one.sha256})" for one in plan.description.macros if one.is_run and one.when == when]
            for when in ("before", "after")
        },
        "statistics": statistics_text(resolved),
        "warnings": list(warnings),
        "network_runs": record.tiles,
        "retries": list(record.retries),
        "seconds": round(seconds, 3),
        "memory_bytes": {"estimated_beyond_image": plan.memory, "process_before": memory.before, "process_peak": memory.peak},
        "libraries": {
            "engine": session.engine,
            **({"stardist": version("stardist")} if plan.objects is not None else {}),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def provenance_text(record: Mapping[str, Any]) -> str:
    """Give a record as lines for people, as ImageJ's Image > Show Info shows them."""
    return "\n".join(["Made by ijbridge", *_lines(record, "")]) + "\n"


def _lines(value: Mapping[str, Any], prefix: str) -> list[str]:
    lines: list[str] = []
    for key, one in value.items():
        name = f"{prefix}{key}"
        if isinstance(one, Mapping):
            lines += _lines(one, f"{name}.")
        elif isinstance(one, list) and one and isinstance(one[0], Mapping):
            for entry in one:
                lines += _lines(entry, f"{name}.")
        elif one not in (None, [], {}):
            lines.append(f"{name}: {'; '.join(map(str, one)) if isinstance(one, list) else one}")
    return lines
