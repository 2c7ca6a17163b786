"""A model is measured in tiles of several sizes, and what is fastest here is what auto takes then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import one_conv, subtraction, unet, unet_halo, write_model
from commandline import Run
from ijbridge import caching, profiles, tuning
from ijbridge.errors import OptionError
from ijbridge.image import make_image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.profiles import Profile, keep_profile, read_profile
from ijbridge.runtimes.onnx import engine_name

DIGEST = "0" * 64


@pytest.fixture(autouse=True)
def empty(cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without profiles, and measure for a short time."""
    monkeypatch.setattr(tuning, "_SECONDS", 0.0)
    monkeypatch.setattr(tuning, "_SIZES", 4)


def tile_for(folder: Path, **options: Any) -> int:
    header = make_image(np.zeros((1000, 1000), np.float32), "yx").header
    with LoadedModel(folder) as model:
        return model.plan({"raw": header}, Options.read(**options)).lines["raw.y"].tile


def test_auto_takes_the_tile_that_was_fastest(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", unet(1), halo=unet_halo(1))
    assert tile_for(folder) == 1000
    with LoadedModel(folder) as model:
        digest = str(model.network.weights.file.sha256)
    keep_profile(digest, "cpu", engine_name(), [(128**2, 4e-9), (256**2, 1e-9), (1000**2, 2e-9)])
    assert 200 < tile_for(folder) <= 264
    assert tile_for(folder, tile=512) == 512
    keep_profile(digest, "cpu", engine_name(), [(128**2, 4e-9), (256**2, 3e-9), (1000**2, 1e-9)])
    assert tile_for(folder) == 1000


def test_a_fast_tile_of_which_the_halo_leaves_little_is_not_taken(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", unet(3), halo=unet_halo(3))
    with LoadedModel(folder) as model:
        keep_profile(str(model.network.weights.file.sha256), "cpu", engine_name(), [(96**2, 1e-9), (1000**2, 1.5e-9)])
    assert tile_for(folder) == 1000


def test_what_is_measured_is_kept_for_the_network_the_engine_and_the_device(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", one_conv(), halo=1)
    with LoadedModel(folder) as model:
        found = tuning.tune(model, Options.read(device="cpu"))
        digest = str(model.network.weights.file.sha256)
    assert [one.pixels for one in found] == sorted({one.pixels for one in found})
    assert len(found) == 4
    kept = read_profile(digest, "cpu", engine_name())
    assert kept == Profile(tuple((one.pixels, one.seconds / one.pixels) for one in found))
    for other in ((DIGEST, "cpu", engine_name()), (digest, "cuda", engine_name()), (digest, "cpu", "onnxruntime 0")):
        assert read_profile(*other) is None


def test_another_machine_is_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_profile(DIGEST, "cpu", "engine", [(100, 1.0)])
    assert read_profile(DIGEST, "cpu", "engine") is not None
    monkeypatch.setattr(profiles, "_machine", lambda: "another")
    assert read_profile(DIGEST, "cpu", "engine") is None


@pytest.mark.parametrize(
    "content", ["", "[]", '{"points": 3}', '{"points": [[2, 1], [1, 1]]}', '{"points": [[0, 1]]}', '{"points": []}']
)
def test_a_kept_profile_that_is_none_of_ours_is_not_used(content: str) -> None:
    keep_profile(DIGEST, "cpu", "engine", [(100, 1.0)])
    (kept,) = (caching.cache_folder() / "profiles").iterdir()
    kept.write_text(content, encoding="utf-8")
    assert read_profile(DIGEST, "cpu", "engine") is None


def test_between_two_sizes_the_time_is_between_theirs() -> None:
    profile = Profile(((100, 1.0), (10_000, 3.0)))
    assert [profile.seconds(size) / size for size in (10, 100, 1000, 10_000, 10**6)] == pytest.approx([1, 1, 2, 3, 3])


def test_a_model_of_one_size_and_one_of_several_inputs_are_refused(tmp_path: Path) -> None:
    for folder, words in (
        (write_model(tmp_path / "one", one_conv(), size=64), "runs in one size only"),
        (subtraction(tmp_path / "two", ["a", "b"]), "has 2 inputs"),
    ):
        with LoadedModel(folder) as model, pytest.raises(OptionError, match=words):
            tuning.tune(model, Options.read())


def test_the_command_prints_the_sizes_and_the_fastest(tmp_path: Path, run: Run) -> None:
    folder = write_model(tmp_path / "m", one_conv(), halo=1)
    status, out, err = run("tune", folder, "--device", "cpu")
    assert (status, err) == (0, "")
    assert out.count("fastest") == 1
    _, out, _ = run("tune", folder, "--json")
    assert {"tile", "pixels", "seconds", "memory", "nanoseconds_per_pixel"} == set(json.loads(out)[0])
