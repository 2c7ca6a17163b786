"""What this installation can do, and says so."""

from __future__ import annotations

import json
import sys
from importlib import metadata

import pytest

from commandline import Run
from ijbridge.devices import DEVICES
from ijbridge.extras import install_command
from ijbridge.formats import readers
from ijbridge.runtimes.onnx import usable_devices
from ijbridge.supported import supported


def test_every_format_and_every_kind_of_weights_is_listed(run: Run) -> None:
    status, out, err = run("formats")
    assert (status, err) == (0, "")
    for reader in readers():
        assert f"\n  {reader.INFO.name} " in out
        assert reader.INFO.looked_for in out
    assert "\n  onnx                           run\n" in out
    assert "\n  tensorflow_saved_model_bundle  run, with the extra tensorflow the first time\n" in out
    assert "\n  torchscript                    run, with the extra torch after a yes (trust=torchscript)\n" in out


def test_programs_get_the_same(run: Run) -> None:
    found = json.loads(run("formats", "--json")[1])
    assert found == supported()
    assert [one["name"] for one in found["formats"]] == [
        "bioimage.io", "ZEISS CZANN", "StarDist", "CSBDeep", "DeepImageJ", "ZEISS czmodel", "ONNX",
    ]  # fmt: skip
    assert {one["format"] for one in found["weights"] if one["runs"]} == {
        "onnx", "keras_hdf5", "tensorflow_saved_model_bundle", "torchscript",
    }  # fmt: skip


def test_an_extra_is_installed_if_all_its_packages_are(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    extra = supported()["extras"][0]
    assert (extra["name"], extra["installed"], extra["missing"]) == ("imagej", True, [])
    found = metadata.distribution

    def without_jpype(name: str) -> metadata.Distribution:
        if name == "jpype1":
            raise metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(metadata, "distribution", without_jpype)
    extra = supported()["extras"][0]
    assert (extra["installed"], extra["missing"]) == (False, ["jpype1"])
    assert f'imagej           not installed ("{sys.executable}" -m pip install "ijbridge[imagej]")' in run("formats")[1]


def test_devices_are_listed_with_what_they_need(run: Run) -> None:
    status, out, _ = run("devices", "--json")
    listed = {one["name"]: one for one in json.loads(out)}
    assert status == 0
    assert list(listed) == list(DEVICES)
    assert [one["name"] for one in listed.values() if one["automatic"]] == [usable_devices()[0]]
    assert listed["cpu"]["usable"]
    _, text, _ = run("devices")
    for one in listed.values():
        assert one["machine"] in text
        assert one["usable"] or (one["why_not"] in text and one["install"] in text)


def test_an_extra_is_installed_by_the_python_that_runs_this_with_or_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = install_command("stardist")
    assert plain == f'"{sys.executable}" -m pip install "ijbridge[stardist]"'
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert install_command("stardist") == f'"{sys.executable}" -m ensurepip, then {plain}'
