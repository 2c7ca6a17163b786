"""The record of a run says what made the result, as data and as text for ImageJ's Show Info."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import one_conv, write_model
from ijbridge.description import ModelDescription
from ijbridge.image import make_image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.provenance import provenance_text


def record(model: Path | ModelDescription, image: Any, axes: str = "yx", **options: Any) -> Mapping[str, Any]:
    with LoadedModel(model) as loaded:
        return loaded.run({"raw": make_image(image, axes, name="cells")}, Options.read(**options)).record


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pre = [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}}]
    return write_model(tmp_path / "m", one_conv(), halo=1, pre=pre, pixel_size={"y": 0.5, "x": 0.5})


def test_a_record_is_plain_data(model: Path) -> None:
    found = record(model, np.ones((3, 40, 50)), axes="tyx", tile=24)
    assert json.loads(json.dumps(found)) == found


def test_a_record_has_the_tile_the_halo_and_the_runs_of_what_was_done(model: Path) -> None:
    found = record(model, np.ones((3, 40, 50)), axes="tyx", tile={"y": 24})
    assert (found["tile"], found["halo"], found["network_runs"]) == ("y=24,x=50", {"raw.y": 1, "raw.x": 1}, 6)
    assert found["padding"] == {"raw": "symmetric"}
    assert found["retries"] == []
    assert found["seconds"] >= 0


def test_a_record_has_the_warnings_but_not_the_notes(model: Path) -> None:
    found = record(model, np.ones((40, 50)))
    assert sorted(one.split(",")[0] for one in found["warnings"]) == [
        "cells has no pixel size along y and x",
        "cells is constant",
    ]


def test_the_numbers_of_each_sample_are_listed_up_to_a_length(model: Path) -> None:
    image = np.arange(30.0).reshape(30, 1, 1) + np.zeros((30, 16, 16))
    (found,) = record(model, image, axes="tyx")["statistics"]
    assert (found["what"], found["samples"]) == ("mean, std over y, x", 30)
    assert found["values"] == [[[float(number)], [0.0]] for number in range(16)]


def test_the_text_has_one_line_for_each_thing(model: Path) -> None:
    text = provenance_text(record(model, np.ones((40, 50)), tile=24))
    lines = text.splitlines()
    assert lines[0] == "Made by ijbridge"
    assert "model.name: Little Network" in lines
    assert "tile: y=24,x=24" in lines
    assert "halo.raw.y: 1" in lines
    assert any(line.startswith("warnings: cells has no pixel size along y and x") for line in lines)
    assert not any(line.startswith(("retries", "model.version")) for line in lines)


def test_the_text_lists_every_statistic(model: Path) -> None:
    lines = provenance_text(record(model, np.ones((40, 50)))).splitlines()
    assert [line for line in lines if line.startswith("statistics.")] == [
        "statistics.tensor: raw",
        "statistics.operation: zero_mean_unit_variance",
        "statistics.what: mean, std over y, x",
        "statistics.values: [[1.0], [0.0]]",
        "statistics.samples: 1",
    ]


def test_a_plan_is_plain_data(model: Path) -> None:
    with LoadedModel(model) as loaded:
        plan = loaded.plan({"raw": make_image(np.ones((3, 40, 50)), "tyx").header}, Options.read(tile=24))
    found = plan.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["inputs"][0]["mapped"] == {"y": "y", "x": "x"}
    assert found["inputs"][0]["added"] == ["batch", "channel"]
    assert found["outputs"][0]["axes"] == "tyx"
    assert {one["id"] for one in found["findings"]} == {"axis-looped", "pixel-size-missing"}
