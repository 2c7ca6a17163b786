"""The public functions: images in every form, results with their axes and record, models that stay loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr

import ijbridge
from builders import Network, channel, described, follows, one_conv, space, write_model
from ijbridge.errors import ImageFormatError, ModelNotFoundError, OptionError

FREE = {"min": 1, "step": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pre = [{"id": "scale_range", "kwargs": {"min_percentile": 1, "max_percentile": 99.8, "axes": ["channel", "y", "x"]}}]
    folder = tmp_path_factory.mktemp("models") / "m"
    return write_model(folder, one_conv(outputs=2), halo=1, pre=pre, out_channels=("cell", "edge"), version="1.2.3")


def picture(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 4000, shape).astype(np.uint16)


def predict(model: Any, image: Any, **options: Any) -> xr.DataArray:
    found = ijbridge.predict(model, image, **options)
    assert isinstance(found, xr.DataArray)
    return found


# --- images ----------------------------------------------------------------------------------------------------------


def test_an_array_a_dataarray_and_a_file_give_the_same(model: Path, tmp_path: Path) -> None:
    image = picture(3, 40, 50)
    np.save(tmp_path / "image.npy", image)
    tifffile.imwrite(tmp_path / "image.tif", image, imagej=True, metadata={"axes": "TYX"})
    expected = predict(model, image, axes="tyx")
    for one, axes in [
        (xr.DataArray(image, dims=("t", "y", "x")), None),
        (xr.DataArray(image, dims=("t", "row", "col")), None),
        (xr.DataArray(image.transpose(1, 2, 0), dims=("row", "col", "t")), None),
        (tmp_path / "image.tif", None),
        (str(tmp_path / "image.npy"), "tyx"),
    ]:
        found = predict(model, one, axes=axes)
        names = ("t", "ch", "row", "col") if "row" in found.dims else ("t", "c", "y", "x")
        np.testing.assert_array_equal(found.transpose(*names).values, expected.values)


def test_a_result_has_the_names_and_coordinates_of_the_callers_dimensions(model: Path) -> None:
    coords = {"row": np.arange(40) * 0.5, "col": np.arange(50) * 0.25 + 3, "ch": ["DAPI"]}
    image = xr.DataArray(picture(4, 40, 50, 1), dims=("pln", "row", "col", "ch"), coords=coords)
    found = predict(model, image)
    assert found.dims == ("pln", "row", "col", "ch")
    assert set(found.coords) == {"row", "col", "ch"}
    np.testing.assert_array_equal(found.coords["row"], coords["row"])
    np.testing.assert_array_equal(found.coords["col"], coords["col"])
    assert list(found.coords["ch"].values) == ["cell", "edge"]
    own = predict(model, image.rename({"pln": "slices", "row": "y", "col": "x", "ch": "Channel"}).transpose("Channel", ...))
    assert own.dims == ("Channel", "slices", "y", "x")


def test_an_unknown_output_is_refused_before_anything_is_run(model: Path) -> None:
    with pytest.raises(OptionError, match="output is 'numpy': give 'xarray' or 'java', or leave it out"):
        ijbridge.predict(model, picture(40, 50), output="numpy")  # type: ignore[arg-type]


def test_what_is_no_image_is_refused(model: Path) -> None:
    with pytest.raises(ImageFormatError, match="A list is not an image"):
        ijbridge.predict(model, [[1, 2], [3, 4]])


def test_an_unknown_option_is_refused_before_anything_is_read(model: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="tile=huge is not understood"):
        ijbridge.predict(model, tmp_path / "nothing.tif", tile="huge")
    with pytest.raises(ModelNotFoundError):
        ijbridge.read_model(tmp_path / "nothing")


# --- results ---------------------------------------------------------------------------------------------------------


def test_a_result_has_the_images_axes_pixel_size_and_the_models_channels(model: Path) -> None:
    image = xr.DataArray(
        picture(3, 40, 50),
        dims=("t", "y", "x"),
        name="cells",
        attrs={"pixel_size": {"t": 2.0, "y": 0.5, "x": 0.25}, "unit": {"t": "sec", "y": "micron", "x": "um"}},
    )
    found = predict(model, image)
    assert found.dims == ("t", "c", "y", "x")
    assert found.shape == (3, 2, 40, 50)
    assert found.dtype == np.float32
    assert found.name == "cells-out"
    assert found.coords["c"].values.tolist() == ["cell", "edge"]
    assert found.attrs["pixel_size"] == {"t": 2.0, "y": 0.5, "x": 0.25}
    assert found.attrs["unit"] == {"t": "s", "y": "µm", "x": "µm"}


def test_a_result_knows_what_made_it(model: Path) -> None:
    record = predict(model, xr.DataArray(picture(40, 50), dims=("y", "x"), name="cells"), tile=24).attrs["provenance"]
    assert (record["model"]["name"], record["model"]["version"]) == ("Little Network", "1.2.3")
    assert record["model"]["sha256"] == ijbridge.read_model(model).digest
    assert record["weights"]["format"] == "onnx"
    assert len(record["weights"]["sha256"]) == 64
    assert record["images"] == {"raw": "cells"}
    assert record["tile"] == "y=24,x=24"
    assert record["halo"] == {"raw.y": 1, "raw.x": 1}
    assert record["network_runs"] == 2 * 3
    assert record["libraries"]["engine"].startswith("onnxruntime")
    assert record["libraries"]["numpy"] == np.__version__
    assert record["ijbridge"] == ijbridge.__version__
    json.dumps(record)


def test_the_record_has_the_numbers_that_were_measured(model: Path) -> None:
    image = picture(40, 50)
    (statistic,) = predict(model, image).attrs["provenance"]["statistics"]
    assert (statistic["tensor"], statistic["operation"], statistic["samples"]) == ("raw", "scale_range", 1)
    np.testing.assert_allclose(np.array(statistic["values"]).ravel(), np.percentile(image, [1, 99.8]))


def two_outputs(folder: Path) -> Path:
    net = Network()
    x = net.conv(net.input("raw"), 1)
    net.output(x, "full")
    net.output(net.pool(x), "half")
    sizes = {"min": 2, "step": 2}
    return write_model(
        folder,
        net,
        inputs=[described("raw", channel("c"), space("y", sizes), space("x", sizes))],
        outputs=[
            described("full", channel("p"), follows("y", 1), follows("x", 1)),
            described("half", channel("p"), *(follows(axis, 1, scale=2.0) for axis in "yx")),
        ],
    )


def test_several_outputs_come_by_name_in_the_descriptions_order(tmp_path: Path) -> None:
    image = xr.DataArray(picture(20, 30), dims=("y", "x"), attrs={"pixel_size": 0.5, "unit": "µm"})
    found = ijbridge.predict(two_outputs(tmp_path / "m"), image)
    assert isinstance(found, dict)
    assert list(found) == ["full", "half"]
    assert found["half"].shape == (10, 15)
    assert found["half"].attrs["pixel_size"] == {"y": 1.0, "x": 1.0}


# --- models that stay loaded -----------------------------------------------------------------------------------------


def test_a_loaded_model_reads_its_files_once(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", one_conv(), halo=1)
    image = picture(40, 50)
    with ijbridge.load(path) as model:
        first = model.predict(image)
        path.rename(tmp_path / "hidden")
        second = model.predict(image)
        assert ijbridge.plan(model, image).tile_count == 1
        third = ijbridge.predict(model, image)
    assert isinstance(first, xr.DataArray)
    for other in (second, third):
        assert isinstance(other, xr.DataArray)
        np.testing.assert_array_equal(other.values, first.values)
    with pytest.raises(ModelNotFoundError):
        model.predict(image)


def test_a_model_may_be_a_path_a_description_or_loaded(model: Path) -> None:
    image = picture(40, 50)
    expected = predict(str(model), image).values.tobytes()
    assert predict(model, image).values.tobytes() == expected
    assert predict(ijbridge.read_model(model), image).values.tobytes() == expected
    with ijbridge.load(model) as loaded:
        assert loaded.description == ijbridge.read_model(model)
        assert predict(loaded, image).values.tobytes() == expected


def test_the_device_of_a_loaded_model_is_used_unless_another_is_named(model: Path) -> None:
    with ijbridge.load(model, device="cpu") as loaded:
        assert loaded.plan(picture(40, 50)).device == "cpu"
        assert predict(loaded, picture(40, 50)).attrs["provenance"]["device"] == "cpu"
    with ijbridge.load(model, device="abacus") as loaded, pytest.raises(OptionError, match="device=abacus"):
        loaded.plan(picture(40, 50))


def test_a_model_tests_itself(tmp_path: Path) -> None:
    array = np.ones((1, 1, 20, 30), np.float32)
    path = write_model(tmp_path / "m", one_conv(), halo=1, test_input=array, test_output=array)
    with ijbridge.load(path) as model:
        report = model.test()
    assert report.runs
    assert not report.reproduces


def test_progress_and_stopping_reach_the_caller(model: Path) -> None:
    told: list[int] = []
    predict(model, picture(40, 50), tile=24, progress=lambda done, total: told.append(total - done))
    assert told == [5, 4, 3, 2, 1, 0]
    with pytest.raises(ijbridge.IJBridgeError, match="Cancelled after 0 of 6 tiles"):
        predict(model, picture(40, 50), tile=24, cancelled=lambda: True)


def test_an_image_is_checked_before_a_run(model: Path) -> None:
    image = np.full((40, 50), 300.0)
    found = ijbridge.check(model, image)
    assert all(isinstance(one, ijbridge.Finding) for one in found)
    with ijbridge.load(model) as loaded:
        assert loaded.check(image) == found


def test_an_option_that_does_not_exist_is_refused(model: Path) -> None:
    wrong: Any = {"tiles": 64}
    with pytest.raises(OptionError, match="There is no option 'tiles': the options are tile, halo, device, channel, rescale"):
        ijbridge.predict(model, np.ones((40, 50)), **wrong)
