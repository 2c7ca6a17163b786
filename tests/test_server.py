"""The inference server: plain data in and out, pixels where the caller put them, models that stay loaded."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import ijbridge
from builders import channel, described, follows, identity, one_conv, space, subtraction, write_model
from ijbridge.errors import AxesError, Cancelled, ModelNotFoundError, OptionError, PixelValueError
from ijbridge.server import InferenceServer


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pre = [{"id": "scale_range", "kwargs": {"min_percentile": 1, "max_percentile": 99.8}}]
    return write_model(tmp_path / "m", one_conv(), halo=1, pre=pre)


def picture(*shape: int, dtype: str = "uint16") -> Any:
    return np.random.default_rng(0).integers(0, 250, shape).astype(dtype)


def about(array: Any, axes: str = "yx", **more: Any) -> dict[str, Any]:
    """What the plugin says of an image."""
    return {"name": "cells.tif", "shape": list(array.shape), "axes": axes, "dtype": array.dtype.name, **more}


def run(server: InferenceServer, model: Path, array: Any, axes: str = "yx", **more: Any) -> tuple[Any, dict[str, Any]]:
    """Plan, make room for the result, predict: as the plugin does."""
    image = about(array, axes)
    options: Mapping[str, Any] = {"tile": 24}
    (planned,) = server.plan(str(model), image, options)["outputs"]
    result = np.zeros(planned["shape"], planned["dtype"])
    return result, server.predict(str(model), image, options, array, [result], **more)


def test_a_plan_says_what_the_results_will_be(model: Path) -> None:
    array = picture(3, 40, 50)
    image = about(array, "tyx", pixel_size={"x": 0.25, "y": 0.25, "t": 2}, units={"x": "micron", "y": "micron", "t": "sec"})
    image["origin"] = {"x": -3.5, "y": 0}
    reply = InferenceServer().plan(str(model), image, {"tile": "24", "halo": "auto", "device": None})
    assert json.loads(json.dumps(reply)) == reply
    assert reply["outputs"] == [
        {
            "name": "out",
            "title": "cells-out",
            "axes": "tyx",
            "shape": [3, 40, 50],
            "dtype": "float32",
            "pixel_size": {"x": 0.25, "y": 0.25, "t": 2.0},
            "units": {"x": "micron", "y": "micron", "t": "sec"},
            "origin": {"x": -3.5},
            "channel_names": [],
            "labels": False,
            "shown": [],
        }
    ]
    assert "t is looped over (3)" in reply["summary"]


def test_a_channel_is_found_by_its_name_where_the_image_has_names(model: Path) -> None:
    array = picture(2, 40, 50)
    image = about(array, "cyx", channel_names=["DAPI", "GFP"])
    result = np.zeros((40, 50), np.float32)
    InferenceServer().predict(str(model), image, {"channel": "GFP", "tile": 24}, array, [result])
    np.testing.assert_array_equal(result, ijbridge.predict(model, array[1], tile=24))
    with pytest.raises(AxesError, match=r"cells has 2 channels \(DAPI, GFP\), but not the channel RFP"):
        InferenceServer().plan(str(model), image, {"channel": "RFP"})


@pytest.mark.parametrize(("axes", "names"), [("cyx", ["DAPI"]), ("cyx", ["a", "b", "c"]), ("zyx", ["a", "b"])])
def test_names_that_are_not_one_for_each_channel_are_refused(model: Path, axes: str, names: list[str]) -> None:
    with pytest.raises(OptionError, match="give one name for each, or none"):
        InferenceServer().plan(str(model), about(picture(2, 40, 50), axes, channel_names=names), {})


def test_a_part_of_an_image_is_named_in_title_and_record(model: Path) -> None:
    array = picture(40, 50)
    image = about(array, part="50x40 at 7,3")
    (planned,) = InferenceServer().plan(str(model), image, {})["outputs"]
    assert planned["title"] == "cells (50x40 at 7,3)-out"
    reply = InferenceServer().predict(str(model), image, {}, array, [np.zeros((40, 50), np.float32)])
    assert "images.raw: cells (50x40 at 7,3)" in reply["provenance"]


def test_a_prediction_has_the_same_bytes_as_from_python(model: Path) -> None:
    for dtype in ("uint8", "uint16", "float32"):
        array = picture(40, 50, dtype=dtype)
        result, reply = run(InferenceServer(), model, array)
        expected = ijbridge.predict(model, array, tile=24)
        assert isinstance(expected, xr.DataArray)
        assert result.tobytes() == expected.values.tobytes()
        assert "tile: y=24,x=24" in reply["provenance"]
        assert "images.raw: cells" in reply["provenance"]
        assert reply["warnings"] == []


@pytest.mark.parametrize(("dtype", "shown"), [("uint8", "uint8"), ("float64", "float32"), ("float16", "float32")])
def test_a_result_imagej_cannot_show_is_given_in_a_type_it_can(tmp_path: Path, dtype: str, shown: str) -> None:
    path = write_model(
        tmp_path / "m",
        identity(dtype=dtype),
        inputs=[described("raw", channel("c"), space("y", 40), space("x", 50), dtype=dtype)],
        outputs=[described("out", channel("c"), follows("y"), follows("x"), dtype=dtype)],
    )
    array = picture(40, 50, dtype="uint8")
    result, _ = run(InferenceServer(), path, array)
    assert result.dtype == shown
    np.testing.assert_array_equal(result, array)


def test_a_description_is_plain_data(model: Path) -> None:
    reply = InferenceServer().describe(str(model))
    assert json.loads(json.dumps(reply)) == reply
    assert reply["name"] == "Little Network"


def test_progress_and_stopping_reach_the_host(model: Path) -> None:
    told: list[tuple[int, int]] = []
    run(InferenceServer(), model, picture(40, 50), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)
    with pytest.raises(Cancelled):
        run(InferenceServer(), model, picture(40, 50), cancelled=lambda: True)


@pytest.mark.parametrize(
    ("options", "error"), [({"tile": "huge"}, OptionError), ({"halo": -1}, OptionError), ({"device": "abacus"}, OptionError)]
)
def test_a_malformed_option_is_refused(model: Path, options: Mapping[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match="is not understood"):
        InferenceServer().plan(str(model), about(picture(40, 50)), options)


def test_what_cannot_be_run_is_an_error_with_a_sentence(model: Path, tmp_path: Path) -> None:
    server = InferenceServer()
    with pytest.raises(ModelNotFoundError):
        server.describe(str(tmp_path / "nothing"))
    with pytest.raises(AxesError, match="cells has 3 channels, but"):
        server.plan(str(model), about(picture(3, 40, 50), "cyx"), {})
    bad = np.full((40, 50), np.nan, np.float32)
    with pytest.raises(PixelValueError, match="cells holds 2000 pixels that are NaN"):
        run(server, model, bad)


def test_a_model_of_several_inputs_is_not_run_on_one_image(tmp_path: Path) -> None:
    path = subtraction(tmp_path / "m", ("a", "b"))
    with pytest.raises(OptionError, match=r"has 2 inputs \(a, b\), but from ImageJ it gets the active image only"):
        InferenceServer().plan(str(path), about(picture(40, 50)), {})


def test_calls_from_several_threads_do_not_disturb_each_other(model: Path) -> None:
    server = InferenceServer()
    arrays = [picture(60, 50) + number for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda array: run(server, model, array)[0], arrays))
    for array, result in zip(arrays, results, strict=True):
        expected = ijbridge.predict(model, array, tile=24)
        assert isinstance(expected, xr.DataArray)
        assert result.tobytes() == expected.values.tobytes()


# --- models that stay loaded -----------------------------------------------------------------------------------------


def spoil(model: Path) -> None:
    """Make the weights unusable without a trace in the times and sizes of files: who reads them again fails."""
    file = model / "weights.onnx"
    before = file.stat()
    file.write_bytes(bytes(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_model_stays_loaded_until_it_is_released(model: Path, tmp_path: Path) -> None:
    server = InferenceServer()
    first, _ = run(server, model, picture(40, 50))
    spoil(model)
    again, _ = run(server, model, picture(40, 50))
    np.testing.assert_array_equal(again, first)
    server.release()
    with pytest.raises(ijbridge.IJBridgeError, match="is not the file that was described"):
        run(server, model, picture(40, 50))


def test_a_model_that_changed_on_disk_is_read_again(model: Path) -> None:
    server = InferenceServer()
    first, _ = run(server, model, picture(40, 50))
    write_model(model, one_conv(seed=5), halo=1)
    again, _ = run(server, model, picture(40, 50))
    assert np.abs(again - first).max() > 0.01
    fresh, _ = run(InferenceServer(), model, picture(40, 50))
    np.testing.assert_array_equal(again, fresh)


def test_weights_in_a_folder_of_their_own_that_changed_are_read_again(model: Path) -> None:
    (model / "w").mkdir()
    text = (model / "bioimageio.yaml").read_text().replace("source: weights.onnx", "source: w/weights.onnx")
    (model / "bioimageio.yaml").write_text(re.sub(r"    sha256: .*\n", "", text))
    (model / "weights.onnx").rename(model / "w" / "weights.onnx")
    server = InferenceServer()
    first, _ = run(server, model, picture(40, 50))
    one_conv(seed=5).save(model / "w" / "weights.onnx")
    again, _ = run(server, model, picture(40, 50))
    assert np.abs(again - first).max() > 0.01


def test_one_model_by_two_paths_is_one_model(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    server = InferenceServer(max_models=1)
    expected, _ = run(server, model, picture(40, 50))
    spoil(model)
    for path in (Path("m"), Path("m") / ".." / "m"):
        found, _ = run(server, path, picture(40, 50))
        np.testing.assert_array_equal(found, expected)


def test_the_least_recently_used_model_goes_first(tmp_path: Path) -> None:
    server = InferenceServer(max_models=2)
    paths = [write_model(tmp_path / name, one_conv(seed=number), halo=1) for number, name in enumerate("abc")]
    for number in (0, 1, 0, 2):  # the second is used longest ago when the third comes
        run(server, paths[number], picture(40, 50))
    for path in paths:
        spoil(path)
    run(server, paths[0], picture(40, 50))
    run(server, paths[2], picture(40, 50))
    with pytest.raises(ijbridge.IJBridgeError):
        run(server, paths[1], picture(40, 50))


def test_models_that_wait_hold_so_much_memory_and_the_one_in_use_as_much_as_it_needs(tmp_path: Path) -> None:
    paths = [write_model(tmp_path / name, one_conv(seed=number), halo=1) for number, name in enumerate("abc")]
    size = (paths[0] / "weights.onnx").stat().st_size
    for most, kept in ((0, 1), (size, 2), (2 * size, 3)):
        server = InferenceServer(max_memory=most)
        for path in (*paths, *paths):
            run(server, path, picture(40, 50))
        assert len(server._models) == kept
        assert [one.memory for one in server._models.values()] == [size] * kept
        assert next(reversed(server._models)) == str(paths[2])


def test_an_image_is_checked(model: Path) -> None:
    array = picture(3, 40, 50).astype(np.float32)
    array[0, 0, 0] = np.nan
    reply = InferenceServer().check(str(model), about(array, "tyx"), {"tile": 24}, array)
    assert json.loads(json.dumps(reply)) == reply
    assert [(one["id"], one["severity"]) for one in reply["findings"]] == [("not-finite", "error"), ("axis-looped", "note")]


def test_a_second_attempt_takes_smaller_tiles_and_says_why(model: Path) -> None:
    array = picture(700, 900)
    result = np.zeros(array.shape, np.float32)
    reply = InferenceServer().predict(str(model), about(array), {"memory": "1 GB"}, array, [result], attempt=1)
    assert "retries: tile y=700,x=900: the system ended the process, mostly for want of memory" in reply["provenance"]
    np.testing.assert_array_equal(result, ijbridge.predict(model, array))


def test_the_options_of_a_host_are_those_of_the_command_line(model: Path) -> None:
    array = picture(3, 40, 50)
    image = about(array, "cyx")
    (planned,) = InferenceServer().plan(str(model), image, {"channel": "2", "rescale": "false", "memory": "4 GB"})["outputs"]
    assert planned["shape"] == [40, 50]
    with pytest.raises(AxesError, match="cells has 3 channels, but the model's input"):
        InferenceServer().plan(str(model), image, {"channel": ""})


def test_a_plan_is_said_in_words_with_its_findings(model: Path) -> None:
    reply = InferenceServer().plan(str(model), about(picture(3, 40, 50), "tyx"), {"tile": 24})
    assert dict(map(tuple, reply["words"]))["Axes"] == "the model sees y and x, and is run on each of the 3 frames"
    assert [one["id"] for one in reply["findings"]] == ["axis-looped"]
    assert reply["tile"] == "y=24,x=24"


def test_a_description_has_a_card_and_a_page(model: Path) -> None:
    reply = InferenceServer().describe(str(model))
    assert reply["card"]["name"] == "Little Network"
    assert reply["text"].startswith("Little Network\n")
    assert reply["pixel_sizes"] == {"raw": ""}


def test_what_a_bug_report_needs_is_told() -> None:
    said = dict(map(tuple, InferenceServer().about()["words"]))
    assert said["ijbridge"].startswith(ijbridge.__version__)
    assert "cpu" in said["devices"]


def test_a_model_is_looked_at_and_installed(model: Path, tmp_path: Path) -> None:
    server = InferenceServer()
    seen = server.look_at(str(model), lambda done, total: None, lambda: False)
    assert (seen["name"], seen["files"]) == ("Little Network", 3)
    assert Path(server.install(str(model), str(tmp_path / "models"))["path"]) == tmp_path / "models" / "m"
