"""The record of what made a result: model, weights, plan, numbers, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from ijbridge._version import __version__
from ijbridge.planning import Plan
from ijbridge.prediction import Record, ResolvedPlan, statistics_text, tile_text
from ijbridge.runtimes import Session


def provenance(resolved: ResolvedPlan, record: Record, session: Session) -> dict[str, Any]:
    """Give the record as plain data (JSON)."""
    import numpy as np

    plan = resolved.plan
    return {
        "ijbridge": __version__,
        "model": {
            "name": plan.description.name,
            "version": plan.description.version,
            "format": f"{plan.description.format} {plan.description.format_version}",
            "sha256": plan.description.digest,
            "source": plan.description.location,
        },
        "weights": {"format": plan.weights.format, "sha256": plan.weights.file.sha256},
        "images": {one.tensor.id: one.image.name for one in plan.inputs},
        "tile": tile_text(record.lines),
        "halo": {name: plan.halo_of(name) for name in record.lines},
        "padding": plan.padding,
        "device": session.device,
        "statistics": statistics_text(resolved),
        "warnings": [finding.sentence for finding in resolved.findings if finding.severity == "warning"],
        "network_runs": record.tiles,
        "retries": list(record.retries),
        "seconds": round(record.seconds, 3),
        "libraries": {
            "engine": session.engine,
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


def plan_dict(plan: Plan) -> dict[str, Any]:
    """Give a plan as plain data (JSON)."""
    from ijbridge.planning import described_operations

    return {
        "model": plan.description.name,
        "weights": plan.weights.format,
        "device": plan.device,
        "inputs": [
            {
                "id": one.tensor.id,
                "image": one.image.name,
                "shape": list(one.image.shape),
                "axes": one.image.axes,
                "dtype": one.image.dtype,
                "pixel_size": dict(one.image.pixel_size),
                "unit": dict(one.image.unit),
                "mapped": {axis.id: axis.letter for axis in one.axes if axis.letter},
                "added": [axis.id for axis in one.axes if axis.letter is None],
                "operations": described_operations(one.tensor),
                "network_dtype": one.dtype,
            }
            for one in plan.inputs
        ],
        "loops": dict(plan.loops),
        "tiles": [
            {
                "line": name,
                "axis": name.rsplit(".", 1)[-1],
                "size": line.size,
                "padded": line.padded,
                "tile": line.tile,
                "count": len(line.starts),
                "halo": plan.halo_of(name),
            }
            for name, line in plan.lines.items()
        ],
        "tile_count": plan.tile_count,
        "halo": plan.halo,
        "padding": plan.padding,
        "memory_bytes": plan.memory,
        "smaller_tiles": [tile_text(lines) for lines in plan.ladder[1:]],
        "outputs": [
            {
                "id": one.tensor.id,
                "shape": list(one.result.shape),
                "axes": one.result.axes,
                "dtype": one.result.dtype,
                "pixel_size": dict(one.result.pixel_size),
                "unit": dict(one.result.unit),
                "channel_names": list(one.result.channel_names),
                "operations": described_operations(one.tensor),
                "second_pass": bool(one.whole_operations),
            }
            for one in plan.outputs
        ],
        "warnings": [finding.sentence for finding in plan.findings if finding.severity == "warning"],
        "findings": [{"id": one.id, "severity": one.severity, "message": one.sentence} for one in plan.findings],
    }
