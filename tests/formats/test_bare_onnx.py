"""Bare ONNX networks: what is taken from the file, what is inferred and said so, what the user states, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import ijbridge
from builders import Network, one_conv, subtraction, unet
from commandline import Run, pixels
from descriptions import check_refusal, said
from ijbridge.describing import description_text
from ijbridge.description import FixedSize, FreeSize, ReferencedSize, SteppedSize
from ijbridge.errors import CannotRunError, OptionError
from ijbridge.formats import read_model
from ijbridge.image import make_image
from networks import raw_result


def channels_last(ndim: int = 2, channels: int = 3, outputs: int = 2) -> Network:
    """A 3 x 3 convolution whose input and output have the channels last, as TensorFlow's networks."""
    net = Network(3, ndim)
    x = net.input("raw", channels, [None, *[None] * ndim, channels])
    x = net.node("Transpose", [x], channels, perm=[0, ndim + 1, *range(1, ndim + 1)])
    x = net.conv(x, outputs)
    net.output(net.node("Transpose", [x], outputs, perm=[0, *range(2, ndim + 2), 1]), "out")
    return net


def elementwise(shape: list[int | None], dtype: str = "float32") -> Network:
    """A network that tells nothing of its axes."""
    net = Network()
    net.output(net.node("Abs", [net.input("raw", 1, shape, dtype)], 1), "out", rank=len(shape), dtype=dtype)
    return net


def letters(path: Path, **how: Any) -> dict[str, str]:
    model = read_model(path, **how)
    return {tensor.id: "".join(axis.letter or "?" for axis in tensor.axes) for tensor in (*model.inputs, *model.outputs)}


# --- what is taken from the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (one_conv(), "bcyx"), (one_conv(ndim=3), "bczyx"), (channels_last(), "byxc"), (channels_last(3), "bzyxc"),
        (elementwise([None, None]), "yx"), (elementwise([1, 3, 64, 64]), "bcyx"), (elementwise([1, None, None, 1]), "byxc"),
        (elementwise([1, 2, 32, 64, 64]), "bczyx"), (elementwise([1, 32, 64, 64, 2]), "bzyxc"),
    ],
)  # fmt: skip
def test_the_order_of_the_axes_is_inferred_and_said(tmp_path: Path, network: Network, expected: str) -> None:
    path = network.save(tmp_path / "net.onnx")
    assert letters(path) == {"raw": expected, "out": expected}
    assert f"The axes of 'raw' are taken for {expected}, because" in " ".join(said(read_model(path)))
    assert "model_axes sets another order" in " ".join(said(read_model(path)))


@pytest.mark.parametrize("before", ["Unsqueeze", "Cast", "Pad", "Concat", "BatchNormalization"])
def test_an_input_is_followed_to_the_first_layer_that_knows(tmp_path: Path, before: str) -> None:
    net = Network()
    if before == "Unsqueeze":
        x = net.input("raw", 1, [None, None])
        x = net.node("Unsqueeze", [x, net.constant([0, 1], np.int64)], 1)
        expected = "yx"
    else:
        x, expected = net.input("raw", 3, [1, None, None, 3]), "byxc"
        x = net.node("Transpose", [x], 3, perm=[0, 3, 1, 2])
    if before == "Cast":
        x = net.node("Cast", [x], 3, to=TensorProto.FLOAT)
    elif before == "Pad":
        x = net.node("Pad", [x, net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)], 3)
    elif before == "Concat":
        x = net.concat(x, x)
    elif before == "BatchNormalization":
        x = net.node("BatchNormalization", [x, *[net.constant([1.0, 2.0, 3.0])] * 4], 3)
    net.output(net.conv(x, 2), "out")
    assert letters(net.save(tmp_path / "net.onnx")) == {"raw": expected, "out": "bcyx"}


def test_a_network_that_takes_its_input_in_two_orders_is_not_guessed(tmp_path: Path) -> None:
    net = Network()
    x = net.input("raw", 3, [1, 3, 3, 3])
    other = net.node("Transpose", [x], 3, perm=[0, 3, 1, 2])
    net.output(net.node("Add", [net.conv(x, 3), net.conv(other, 3)], 3), "out")
    with pytest.raises(CannotRunError, match="model_axes=raw=bcyx"):
        ijbridge.predict(net.save(tmp_path / "net.onnx"), np.zeros((3, 3, 3), np.float32), axes="cyx")


def test_free_sizes_are_multiples_of_the_networks_grid_and_fixed_ones_stay(tmp_path: Path) -> None:
    free = read_model(unet(2).save(tmp_path / "free.onnx"))
    assert [axis.size for axis in free.inputs[0].axes] == [FreeSize(), FixedSize(1), SteppedSize(4, 4), SteppedSize(4, 4)]
    net = Network()
    net.output(net.conv(net.input("raw", 2, [1, 2, 48, 64]), 1), "out")
    fixed = read_model(net.save(tmp_path / "fixed.onnx"))
    assert [axis.size for axis in fixed.inputs[0].axes] == [FixedSize(1), FixedSize(2), FixedSize(48), FixedSize(64)]


def test_an_output_follows_its_input_as_the_network_makes_it(tmp_path: Path) -> None:
    net = Network()
    x = net.input("raw")
    net.output(net.conv(x, 3, kernel=5, pad=False), "smaller")
    net.output(net.conv(x, 2, kernel=2, stride=2, pad=False), "half")
    net.output(net.upsample(x, 3), "larger")
    smaller, half, larger = read_model(net.save(tmp_path / "net.onnx")).outputs
    assert smaller.axes[2].size == ReferencedSize("raw", "y", offset=-4)  # type: ignore[arg-type]
    assert half.axes[3].size.of(64) == 32  # type: ignore[union-attr]
    assert larger.axes[3].size.of(64) == 192  # type: ignore[union-attr]
    assert [one.axes[1].size for one in (smaller, half, larger)] == [FixedSize(3), FixedSize(2), FixedSize(1)]


def test_what_exporters_write_into_the_file_is_shown(tmp_path: Path, run: Run) -> None:
    path = one_conv().save(tmp_path / "cell finder.onnx")
    model = onnx.load(str(path))
    helper.set_model_props(model, {"Author": "A. Tester", "license": "MIT", "names": "{0: 'cell'}", "version": "1.2"})
    model.producer_name, model.doc_string = "pytorch", "finds cells"
    onnx.save(model, str(path))
    found = read_model(path)
    assert (found.name, found.format, found.format_version) == ("cell finder", "ONNX", "opset 17")
    assert (found.authors[0].name, found.license, found.version, found.description) == (
        "A. Tester",
        "MIT",
        "1.2",
        "finds cells",
    )
    assert found.config["onnx"]["metadata"]["names"] == "{0: 'cell'}"
    status, out, _ = run("inspect", path, "--json")
    data = json.loads(out)
    assert status == 0
    assert (data["format"], data["file"], data["weights"][0]["opset_version"]) == ("ONNX", "cell finder.onnx", 17)
    assert data["inputs"][0]["assumed"]["id"] == "normalisation-unknown"


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", ["whole", 24])
@pytest.mark.parametrize("ndim", [2, 3])
def test_channels_last_gives_what_onnxruntime_gives_whole_and_in_tiles(tmp_path: Path, ndim: int, tile: Any) -> None:
    path = channels_last(ndim).save(tmp_path / "net.onnx")
    image = pixels(3, *(40, 44, 36)[:ndim])
    (expected,) = raw_result(path, raw=np.moveaxis(image, 0, -1)[None])
    found = ijbridge.predict(path, image, axes="c" + "zyx"[-ndim:], tile=tile, normalize="none")
    np.testing.assert_array_equal(found, np.moveaxis(expected[0], -1, 0))


@pytest.mark.parametrize("tile", ["whole", 32])
def test_a_network_without_padding_gives_what_onnxruntime_gives(tmp_path: Path, tile: Any) -> None:
    net = Network()
    net.output(net.conv(net.conv(net.input("raw"), 3, pad=False), 1, kernel=5, pad=False), "out")
    path, image = net.save(tmp_path / "net.onnx"), pixels(60, 71)
    (expected,) = raw_result(path, raw=image[None, None])
    np.testing.assert_array_equal(ijbridge.predict(path, image, tile=tile), expected[0, 0])


def test_several_inputs_and_outputs_are_bound_by_name(tmp_path: Path) -> None:
    path = subtraction(tmp_path / "m", ["a", "b"]) / "weights.onnx"
    found = ijbridge.predict(path, {"a": np.full((5, 6), 9, np.float32), "b": np.full((5, 6), 2, np.float32)})
    assert isinstance(found, dict)
    assert {name: float(one.max()) for name, one in found.items()} == {"z": 7, "y": -7}


def test_a_network_of_integers_gets_the_pixels_in_its_type(tmp_path: Path) -> None:
    path = elementwise([1, 1, None, None], "uint8").save(tmp_path / "net.onnx")
    image = np.arange(30, dtype=np.uint8).reshape(5, 6)
    np.testing.assert_array_equal(ijbridge.predict(path, image, model_axes="bcyx"), image)
    assert read_model(path).inputs[0].assumed.severity == "note"  # type: ignore[union-attr]


# --- what the user states --------------------------------------------------------------------------------------------


def test_a_run_warns_that_the_normalisation_is_unknown_until_it_is_named(tmp_path: Path) -> None:
    path = one_conv().save(tmp_path / "net.onnx")
    image = pixels(20, 30)
    (warning,) = [one for one in ijbridge.plan(path, image).findings if one.id == "normalisation-unknown"]
    assert warning.severity == "warning"
    assert "net.onnx does not state how images for 'raw' are normalised" in warning.sentence
    assert "normalize=none" in warning.sentence
    for named in ("none", "mean-std"):
        assert not [one for one in ijbridge.plan(path, image, normalize=named).findings if one.severity == "warning"]


def test_the_record_of_a_result_says_how_its_image_was_normalised(tmp_path: Path) -> None:
    found = ijbridge.predict(one_conv().save(tmp_path / "net.onnx"), pixels(20, 30), normalize="divide 7")
    assert found.attrs["provenance"]["operations"]["raw"].startswith("fixed_zero_mean_unit_variance (mean 0, std 7)")


@pytest.mark.parametrize("network", [elementwise([1, 8, None, None]), elementwise([None, None, None]), elementwise([None] * 4)])
def test_an_order_that_is_not_told_is_refused_until_it_is_named(tmp_path: Path, network: Network, run: Run) -> None:
    path = network.save(tmp_path / "net.onnx")
    np.save(tmp_path / "image.npy", pixels(8, 9))
    status, out, _ = run("inspect", path)
    assert (status, "cannot run   The input 'raw' of the network does not tell the order of its axes" in out) == (0, True)
    status, _, err = run("predict", path, tmp_path / "image.npy", "-o", tmp_path / "out.tif")
    assert (status, err.count("\n")) == (1, 1)
    assert "name it with the option model_axes, such as model_axes=raw=bcyx" in err
    order = "bcyx"[-len(read_model(path).inputs[0].axes) :]
    channels = 8 if "8" in description_text(read_model(path)) else 1
    image = np.broadcast_to(pixels(8, 9), (channels, 8, 9)) if channels > 1 else pixels(8, 9)
    found = ijbridge.predict(path, image, axes="cyx"[-image.ndim :], model_axes=order, normalize="none")
    np.testing.assert_array_equal(found, image)


def test_a_named_order_wins_over_what_the_network_tells(tmp_path: Path) -> None:
    path = one_conv(channels=3).save(tmp_path / "net.onnx")
    assert letters(path, model_axes="NHWC") == {"raw": "byxc", "out": "byxc"}
    assert letters(path, model_axes="raw=bcxy") == {"raw": "bcxy", "out": "bcxy"}
    assert letters(path, model_axes="raw=bcxy,out=bcyx") == {"raw": "bcxy", "out": "bcyx"}
    assert not any("are taken for" in note for note in said(read_model(path, model_axes="bcyx")))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("", ["not understood", "one letter for each axis"]), ("bcyq", ["not understood"]), ("bcyy", ["not understood"]),
        ("bcy", ["gives 3 axes", "no tensor has so many (raw 4, out 4)"]), ("image=bcyx", ["names 'image'", "raw, out"]),
        ("raw=byx", ["gives 3 axes for 'raw', which has 4"]), ("bcyx,byxc", ["two orders without a name"]),
        ("bctz", ["does not fit the input 'raw'", "lack y and x"]),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_is_refused(tmp_path: Path, order: str, words: list[str]) -> None:
    with pytest.raises(OptionError) as caught:
        read_model(one_conv().save(tmp_path / "net.onnx"), model_axes=order)
    check_refusal(caught.value, "model_axes", *words)


def test_the_order_of_a_model_that_states_it_is_not_taken(little_model: Path) -> None:
    with pytest.raises(OptionError) as caught:
        read_model(little_model, model_axes="bcyx")
    check_refusal(caught.value, "model_axes=bcyx is for a bare ONNX network", "bioimage.io", "leave it out")


def test_a_pixel_size_that_is_stated_is_compared_and_rescaled_to(tmp_path: Path) -> None:
    path = elementwise([1, 1, None, None]).save(tmp_path / "net.onnx")
    image = make_image(pixels(20, 30), "yx", pixel_size={"y": 0.5, "x": 0.5}, unit={"y": "µm", "x": "µm"})
    how: dict[str, Any] = {"model_axes": "bcyx", "normalize": "none"}
    plan = ijbridge.plan(path, image, model_pixel_size="1000 nm", **how)
    assert [one.id for one in plan.findings] == ["normalize", "pixel-size-differs"]
    same = ijbridge.plan(path, image, model_pixel_size={"y": 0.5, "x": 0.5}, **how)
    assert [one.id for one in same.findings] == ["normalize"]
    assert ijbridge.plan(path, image, model_pixel_size=1, rescale=True, **how).inputs[0].image.shape == (10, 15)
    with pytest.raises(OptionError, match="names the axis z, but the inputs of 'net' have x, y"):
        ijbridge.plan(path, image, model_pixel_size="z=2", **how)
