"""Models that are described correctly and seldom met: the numbers are those of one direct run of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import xarray as xr

import ijbridge
from builders import Network, channel, described, follows, identity, space, write_model
from ijbridge import views
from ijbridge.errors import AxesError


def picture(*shape: int) -> Any:
    return np.random.default_rng(3).normal(100, 20, shape).astype(np.float32)


def predict(model: Path, image: Any, **more: Any) -> xr.DataArray:
    result = ijbridge.predict(model, image, **more)
    assert isinstance(result, xr.DataArray)
    return result


def test_numbers_per_channel_hold_in_images_of_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "BLOCK", 500)
    fixed = {"axis": "channel", "mean": [10.0, 20.0, 30.0], "std": [1.0, 2.0, 3.0]}
    gains = {"axis": "channel", "gain": [1.0, 2.0, 3.0]}
    model = write_model(
        tmp_path, identity(channels=3), channels=("r", "g", "b"), out_channels=("r", "g", "b"),
        pre=[{"id": "fixed_zero_mean_unit_variance", "kwargs": fixed}, {"id": "zero_mean_unit_variance"}],
        post=[{"id": "zero_mean_unit_variance"}, {"id": "scale_linear", "kwargs": gains}],
    )  # fmt: skip
    image = picture(3, 40, 50).astype(np.float64)
    x = (image - np.reshape([10, 20, 30], (3, 1, 1))) / np.reshape([1, 2, 3], (3, 1, 1))
    x = (x - x.mean()) / (x.std() + 1e-6)
    x = (x - x.mean()) / (x.std() + 1e-6) * np.reshape([1, 2, 3], (3, 1, 1))
    np.testing.assert_allclose(predict(model, image.astype(np.float32), axes="cyx"), x, atol=1e-5)


def resized(scale: float, size: int) -> Network:
    net = Network()
    x = net.conv(net.input("raw", shape=[1, 1, size, size]), 2)
    scales = net.constant(np.array([1, 1, scale, scale]))
    x = net.node(
        "Resize", [x, "", scales], 2, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
    net.output(net.conv(x, 1, kernel=1, relu=False), "out")
    return net


def test_an_output_of_fixed_size_is_as_large_as_the_network_makes_it(tmp_path: Path) -> None:
    outputs = [described("out", channel("p"), space("y", 96), space("x", 96))]
    model = write_model(tmp_path, resized(1.5, 64), size=64, outputs=outputs)
    image = xr.DataArray(picture(100, 90), dims=("y", "x"), attrs={"pixel_size": 0.3, "unit": "µm"})
    result = predict(model, image)
    assert result.shape == (150, 135)
    assert result.attrs["pixel_size"] == pytest.approx({"y": 0.2, "x": 0.2})
    free = resized(1.5, 64)
    free._inputs[0].type.tensor_type.shape.dim[2].dim_param = "y"
    free._inputs[0].type.tensor_type.shape.dim[3].dim_param = "x"
    session = ort.InferenceSession(free.save(tmp_path / "free.onnx"), providers=["CPUExecutionProvider"])
    (whole,) = session.run(None, {"raw": image.values[None, None]})
    np.testing.assert_allclose(result.values, whole[0, 0], atol=1e-4)


def test_numbers_along_rows_forbid_tiles_along_rows(tmp_path: Path) -> None:
    gains = {"axis": "y", "gain": np.linspace(1, 2, 64).tolist()}
    model = write_model(tmp_path, identity(), pre=[{"id": "scale_linear", "kwargs": gains}])
    image = picture(64, 100)
    result = predict(model, image, tile=32)
    np.testing.assert_allclose(result, image * np.linspace(1, 2, 64)[:, None], rtol=1e-6)
    assert result.attrs["provenance"]["network_runs"] > 1
    with pytest.raises(AxesError, match=r"gives 64 numbers along 'y', of which the image has 63 elements"):
        predict(model, picture(63, 100))


def test_an_output_made_of_two_inputs_that_are_not_related_is_not_tiled(tmp_path: Path) -> None:
    net = Network()
    net.output(net.node("Add", [net.input("a"), net.input("b")], 1), "out")
    sizes = {"a": {"min": 16, "step": 16}, "b": {"min": 32, "step": 32}}
    inputs = [described(name, channel("c"), space("y", size), space("x", size)) for name, size in sizes.items()]
    outputs = [described("out", channel("c"), follows("y", tensor="a"), follows("x", tensor="a"))]
    model = write_model(tmp_path, net, inputs=inputs, outputs=outputs)
    images = {"a": picture(64, 96), "b": picture(64, 96)}
    plan = ijbridge.plan(model, images, tile=32)
    assert all(line.is_whole for line in plan.lines.values())
    np.testing.assert_allclose(predict(model, images, tile=32), images["a"] + images["b"])


def test_an_axis_that_does_not_follow_the_image_has_no_pixel_size_of_it(tmp_path: Path) -> None:
    net = Network()
    net.output(net.node("GlobalAveragePool", [net.input("raw")], 1), "out")
    outputs = [described("out", channel("c"), space("y", 1), space("x", 1))]
    model = write_model(tmp_path, net, outputs=outputs)
    image = xr.DataArray(picture(50, 60), dims=("y", "x"), attrs={"pixel_size": 0.5, "unit": "µm"})
    result = predict(model, image)
    assert (result.shape, result.attrs["pixel_size"]) == ((1, 1), {})
    np.testing.assert_allclose(result.values.ravel(), image.values.mean(), rtol=1e-5)
