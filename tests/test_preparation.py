"""Which channels of an image a model is given and on which grid; the results lie on the image's own grid again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

import ijbridge
from builders import Network, channel, described, follows, identity, one_conv, space, unet, write_model
from ijbridge.errors import AxesError, PlanError
from ijbridge.formats import read_model
from ijbridge.image import Header, Image, make_image
from ijbridge.image_io import read_image
from ijbridge.preparation import prepare

FREE = {"min": 1, "step": 1}


# --- channels --------------------------------------------------------------------------------------------------------


def stack(*names: str, axes: str = "tcyx") -> Image:
    array = np.random.default_rng(1).integers(0, 255, [{"t": 2, "c": 4, "y": 20, "x": 30}[one] for one in axes])
    return make_image(array.astype(np.uint8), axes, channel_names=names, name="cells")


def given(tmp_path: Path, image: Image, *channels: str | int) -> Image:
    tensor = read_model(write_model(tmp_path / "m", identity())).inputs[0]
    return prepare(tensor, image.header, channels, rescale=False).chosen(image)


@pytest.mark.parametrize("wanted", [2, "2", "GFP", "gfp"])
def test_a_channel_is_chosen_by_number_or_name_and_is_no_axis_any_more(tmp_path: Path, wanted: str | int) -> None:
    image = stack("DAPI", "GFP", "RFP", "Cy5")
    found = given(tmp_path, image, wanted)
    assert (found.header.axes, found.header.shape, found.header.channel_names) == ("tyx", (2, 20, 30), ())
    np.testing.assert_array_equal(found.array, image.array[:, 1])
    assert np.shares_memory(found.array, image.array)


@pytest.mark.parametrize("wanted", [(1, 3), (3, 1), (1, 2, 3, 4), (4, 2), (4, 3, 2, 1), ("Cy5", "DAPI"), (2, 2), (1, 2, 4)])
def test_several_channels_come_in_the_order_that_is_asked_for(tmp_path: Path, wanted: tuple[Any, ...]) -> None:
    names = ("DAPI", "GFP", "RFP", "Cy5")
    image = stack(*names)
    numbers = [names.index(one) if isinstance(one, str) else one - 1 for one in wanted]
    found = given(tmp_path, image, *wanted)
    assert found.header.shape == (2, len(wanted), 20, 30)
    assert found.header.channel_names == tuple(names[number] for number in numbers)
    np.testing.assert_array_equal(found.array, image.array[:, numbers])
    assert np.shares_memory(found.array, image.array) is (wanted not in [(2, 2), (1, 2, 4)])


def test_a_name_goes_before_a_number(tmp_path: Path) -> None:
    image = stack("2", "1", "488", "561")
    np.testing.assert_array_equal(given(tmp_path, image, "1").array, image.array[:, 1])
    np.testing.assert_array_equal(given(tmp_path, image, 1).array, image.array[:, 0])
    np.testing.assert_array_equal(given(tmp_path, image, "488").array, image.array[:, 2])


def test_the_only_channel_of_an_image_may_be_named(tmp_path: Path) -> None:
    image = stack(axes="yx")
    assert given(tmp_path, image, 1) is image


@pytest.mark.parametrize(
    ("names", "wanted", "sentence"),
    [
        ((), 5, "cells has 4 channels, but not the channel 5: choose 1 to 4."),
        ((), "DAPI", "cells has 4 channels, but not the channel DAPI: choose 1 to 4."),
        (("a", "b", "c", "d"), "e", "cells has 4 channels (a, b, c, d), but not the channel e: choose 1 to 4 or a name."),
        (("a", "A", "c", "d"), "e", "cells has 4 channels (a, A, c, d), but not the channel e: choose 1 to 4 or a name."),
    ],
)
def test_a_channel_that_is_not_there_is_refused(tmp_path: Path, names: Any, wanted: Any, sentence: str) -> None:
    with pytest.raises(AxesError) as caught:
        given(tmp_path, stack(*names), wanted)
    assert str(caught.value) == sentence


def test_a_channel_of_an_image_without_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AxesError, match="cells has one channel, but not the channel 2: leave the channel out"):
        given(tmp_path, stack(axes="yx"), 2)


def test_a_model_is_run_on_the_chosen_channel_and_says_so(tmp_path: Path) -> None:
    model, image = write_model(tmp_path / "m", one_conv(), halo=1), stack("DAPI", "GFP", "RFP", "Cy5")
    with pytest.raises(AxesError, match=r"cells has 4 channels \(DAPI.*choose one by number or name, such as channel=1"):
        ijbridge.predict(model, image)
    result = ijbridge.predict(model, image, channel="GFP", tile=16)
    assert not isinstance(result, dict)
    expected = ijbridge.predict(model, image.array[:, 1], axes="tyx", tile=16)
    np.testing.assert_array_equal(result, expected)
    assert result.dims == ("t", "y", "x")
    assert result.attrs["provenance"]["channels"] == {"raw": "2 (GFP)"}
    plan = ijbridge.plan(model, image, channel="GFP")
    assert "channels   2 (GFP) of 4" in str(plan).splitlines()
    assert plan.to_dict()["inputs"][0]["channels"] == [2]


def test_a_model_of_two_channels_takes_the_two_that_are_chosen(tmp_path: Path) -> None:
    axes = [space(one, FREE) for one in "yx"]
    out = described("out", channel("a"), *(follows(one, 1) for one in "yx"))
    model = write_model(
        tmp_path / "m", one_conv(channels=2), inputs=[described("raw", channel("r", "g"), *axes)], outputs=[out]
    )
    image = stack(axes="cyx")
    found = ijbridge.predict(model, image, channel=[4, 1], tile=16)
    np.testing.assert_array_equal(found, ijbridge.predict(model, image.array[[3, 0]], axes="cyx", tile=16))


# --- pixel size ------------------------------------------------------------------------------------------------------


def sized_model(folder: Path, network: Network, size: float = 0.5, halo: int = 1, step: int = 1, **tensor: Any) -> Path:
    axes = [space(one, {"min": step, "step": step}, unit="micrometer", scale=size) for one in "yx"]
    out = [follows(one, halo, unit="micrometer", scale=size) for one in "yx"]
    return write_model(
        folder / "m",
        network,
        inputs=[described("raw", channel("c"), *axes)],
        outputs=[described("out", channel("c"), *out, **tensor)],
    )


def sized_image(array: Any, size: float | tuple[float, float], unit: str = "µm", axes: str = "yx") -> Image:
    y, x = size if isinstance(size, tuple) else (size, size)
    return make_image(array, axes, pixel_size={"y": y, "x": x}, unit={"y": unit, "x": unit}, name="cells")


def discs(height: int, width: int, pixel: float) -> Any:
    """Bright discs of 4 µm radius, drawn at some pixel size."""
    y, x = np.mgrid[:height, :width] * pixel + pixel / 2
    picture = np.zeros((height, width), np.float32)
    for cy, cx in ((8, 8), (20, 12), (14, 30)):
        picture += 100 / (1 + np.exp(0.8 * (np.hypot(y - cy, x - cx) - 4)))
    return picture


@pytest.mark.parametrize(("size", "unit"), [(0.25, "µm"), (1000.0, "nm"), (0.8, "micron"), ((0.25, 0.5), "µm")])
def test_a_rescaled_image_has_the_models_pixel_size_and_the_result_the_images(tmp_path: Path, size: Any, unit: str) -> None:
    image = sized_image(discs(61, 83, 0.5), size, unit)
    model = sized_model(tmp_path, identity(), halo=0)
    plan = ijbridge.plan(model, image, rescale=True)
    microns = [one / 1000 if unit == "nm" else one for one in (size if isinstance(size, tuple) else (size, size))]
    assert plan.inputs[0].image.shape == tuple(int(np.ceil(n * one / 0.5)) for n, one in zip((61, 83), microns, strict=True))
    result = ijbridge.predict(model, image, rescale=True)
    assert not isinstance(result, dict)
    assert result.shape == (61, 83)
    assert result.attrs["pixel_size"] == image.header.pixel_size
    assert result.attrs["unit"] == image.header.unit


@pytest.mark.parametrize("pixel", [0.2, 0.25, 0.4, 0.8])
def test_an_image_of_another_pixel_size_gives_what_one_of_the_models_gives(tmp_path: Path, pixel: float) -> None:
    """The same discs imaged at two pixel sizes: the result of the rescaled one, at the same places, is the same."""
    model = sized_model(tmp_path, one_conv(), size=0.4)
    own = ijbridge.predict(model, sized_image(discs(100, 120, 0.4), 0.4))
    other = ijbridge.predict(model, sized_image(discs(int(40 / pixel), int(48 / pixel), pixel), pixel), rescale=True, tile=32)
    assert not isinstance(own, dict)
    assert not isinstance(other, dict)
    places = np.meshgrid(np.arange(2, 38), np.arange(2, 46), indexing="ij")  # in micrometres

    def at(result: Any, size: float) -> Any:
        return ndimage.map_coordinates(result.values, [place / size - 0.5 for place in places], order=1)

    difference = np.abs(at(other, pixel) - at(own, 0.4)).max() / np.ptp(own.values)
    assert difference < 0.05
    if pixel == 0.4:
        np.testing.assert_array_equal(other, own)


def test_rescaling_in_tiles_is_rescaling_in_one_piece(tmp_path: Path) -> None:
    model = sized_model(tmp_path, unet(2), halo=8, step=4)
    image = sized_image(np.random.default_rng(1).random((201, 333)).astype(np.float32), 0.31)
    whole = ijbridge.predict(model, image, rescale=True, tile="whole")
    tiled = ijbridge.predict(model, image, rescale=True, tile=64)
    assert not isinstance(whole, dict)
    assert not isinstance(tiled, dict)
    np.testing.assert_allclose(tiled, whole, atol=1e-5 * np.ptp(whole.values))


def test_labels_are_brought_back_by_the_nearest_pixel(tmp_path: Path) -> None:
    post = [{"id": "scale_linear", "kwargs": {"gain": 1000, "offset": 7}}]
    image = sized_image((discs(61, 83, 0.5) > 50).astype(np.float32), 0.21)
    for dtype, mixed in (("uint16", False), ("float32", True)):
        model = sized_model(tmp_path / dtype, identity(), halo=0, dtype=dtype, postprocessing=post)
        found = ijbridge.predict(model, image, rescale=True)
        assert not isinstance(found, dict)
        computed = ijbridge.predict(model, replace_grid(model, image))
        assert not isinstance(computed, dict)
        assert (set(np.unique(found)) <= set(np.unique(computed))) is not mixed


def replace_grid(model: Path, image: Image) -> Image:
    """Give the image as the model gets it."""
    preparation = prepare(read_model(model).inputs[0], image.header, (), rescale=True)
    return preparation.resampled(image)


@pytest.mark.parametrize("post", [[{"id": "binarize", "kwargs": {"threshold": 0.5}}], []])
def test_a_mask_is_a_label_image_too(tmp_path: Path, post: Any) -> None:
    model = sized_model(tmp_path, identity(), halo=0, postprocessing=post)
    plan = ijbridge.plan(model, sized_image(discs(61, 83, 0.5), 0.21), rescale=True)
    assert plan.outputs[0].is_labels is bool(post)


def test_stacks_are_rescaled_plane_by_plane_and_volumes_as_a_whole(tmp_path: Path) -> None:
    array = np.random.default_rng(2).random((3, 40, 50)).astype(np.float32)
    model = sized_model(tmp_path, one_conv())
    found = ijbridge.predict(model, sized_image(array, 0.25, axes="tyx"), rescale=True)
    assert not isinstance(found, dict)
    for t in range(3):
        np.testing.assert_array_equal(found[t], ijbridge.predict(model, sized_image(array[t], 0.25), rescale=True))
    sizes = (("z", 1.0), ("y", 0.5), ("x", 0.5))
    axes = [space(one, FREE, unit="micrometer", scale=size) for one, size in sizes]
    volume = write_model(
        tmp_path / "3d",
        one_conv(ndim=3),
        inputs=[described("raw", channel("c"), *axes)],
        outputs=[described("out", channel("c"), *(follows(one, 1, unit="micrometer", scale=size) for one, size in sizes))],
    )
    image = make_image(array, "zyx", pixel_size={"z": 3.0, "y": 0.25, "x": 0.5}, unit=dict.fromkeys("zyx", "µm"))
    assert ijbridge.plan(volume, image, rescale=True).inputs[0].image.shape == (9, 20, 50)
    result = ijbridge.predict(volume, image, rescale=True)
    assert not isinstance(result, dict)
    assert result.shape == array.shape


@pytest.mark.parametrize(("scale", "offset", "shape"), [(0.25, 0, (120, 160)), (1.0, 0, (60, 80)), (0.5, -4, (52, 72))])
def test_results_of_another_size_lie_on_the_images_grid_too(
    tmp_path: Path, scale: float, offset: int, shape: tuple[int, int]
) -> None:
    """x2, 1/1 and smaller by a border of two pixels on each side of the model's grid, which is 4 of the image's."""
    network = Network(1)
    x = network.input("raw")
    if scale == 0.25:
        x = network.upsample(x)
    if offset:
        x = network.conv(x, 1, kernel=5, pad=False, relu=False)
    network.output(x, "out")
    if scale == 1.0:
        network = identity()
    axes = [space(one, {"min": 5, "step": 1}, unit="micrometer", scale=0.5) for one in "yx"]
    sizes = {one: {"tensor_id": "raw", "axis_id": one, "offset": offset} for one in "yx"}
    out = [space(one, sizes[one], unit="micrometer", scale=scale if scale != 1.0 else 0.5) for one in "yx"]
    model = write_model(
        tmp_path / "m",
        network,
        inputs=[described("raw", channel("c"), *axes)],
        outputs=[described("out", channel("c"), *out)],
    )
    found = ijbridge.predict(model, sized_image(discs(60, 80, 0.5), 0.25), rescale=True)
    assert not isinstance(found, dict)
    assert found.shape == shape
    size = 0.125 if scale == 0.25 else 0.25
    assert found.attrs["pixel_size"] == {"y": size, "x": size}


def test_a_plan_says_what_is_rescaled(tmp_path: Path) -> None:
    model, image = sized_model(tmp_path, one_conv()), sized_image(discs(60, 80, 0.5), 0.25)
    plan = ijbridge.plan(model, image, rescale=True)
    assert "rescaled   y × 0.5, x × 0.5: 30 x 40 (yx) float32" in str(plan).splitlines()
    assert "back       30 x 40 (yx) float32 to the image's grid, linear" in str(plan).splitlines()
    (found,) = plan.findings
    assert (found.id, found.severity) == ("rescaled", "note")
    assert plan.to_dict()["inputs"][0]["rescale"] == {"y": 0.5, "x": 0.5}
    result = ijbridge.predict(model, image, rescale=True)
    assert not isinstance(result, dict)
    assert result.attrs["provenance"]["rescale"] == {"raw.y": 0.5, "raw.x": 0.5}
    assert result.attrs["provenance"]["warnings"] == []


def test_nothing_is_rescaled_unless_it_is_asked_for(tmp_path: Path) -> None:
    model, image = sized_model(tmp_path, one_conv()), sized_image(discs(60, 80, 0.5), 0.25)
    plan = ijbridge.plan(model, image)
    assert plan.inputs[0].preparation.factors == {}
    assert {one.id for one in plan.findings} == {"pixel-size-differs"}


def test_an_image_of_the_models_pixel_size_is_left_as_it_is(tmp_path: Path) -> None:
    plan = ijbridge.plan(sized_model(tmp_path, one_conv()), sized_image(discs(60, 80, 0.5), 0.502), rescale=True)
    assert plan.inputs[0].preparation.factors == {}
    assert {one.id for one in plan.findings} == {"rescale-not-needed"}


def test_rescaling_without_a_pixel_size_is_refused(tmp_path: Path) -> None:
    image = sized_image(discs(60, 80, 0.5), 0.25)
    with pytest.raises(PlanError, match=r"The model states no pixel size for its input 'raw'.*leave rescale out"):
        ijbridge.plan(write_model(tmp_path / "none", identity()), image, rescale=True)
    model = sized_model(tmp_path, one_conv())
    for header in (replace(image.header, pixel_size={}), replace(image.header, unit={"y": "µm"})):
        with pytest.raises(PlanError, match=r"cells has no pixel size in a unit of length along [yx].*Image > Properties"):
            ijbridge.plan(model, Image(image.array, header), rescale=True)


def test_an_image_that_would_become_enormous_is_refused_before_it_is_made(tmp_path: Path) -> None:
    image = sized_image(discs(60, 80, 0.5), 1.0, "in")
    with pytest.raises(PlanError, match=r"rescaled to the model's pixel size is \d+ x \d+ .*see that its pixel size is right"):
        ijbridge.predict(sized_model(tmp_path, one_conv()), image, rescale=True)


def test_the_channel_is_chosen_before_the_rest_is_checked(tmp_path: Path) -> None:
    array = np.stack([discs(60, 80, 0.5), np.full((60, 80), np.nan, np.float32)])
    image = make_image(array, "cyx", pixel_size={"y": 0.25, "x": 0.25}, unit={"y": "µm", "x": "µm"}, name="cells")
    model = sized_model(tmp_path, one_conv())
    result = ijbridge.predict(model, image, channel=1, rescale=True)
    np.testing.assert_array_equal(result, ijbridge.predict(model, sized_image(array[0], 0.25), rescale=True))


def test_the_command_line_chooses_and_rescales(tmp_path: Path, run: Any) -> None:
    model = sized_model(tmp_path, one_conv())
    array = np.stack([discs(60, 80, 0.25), discs(60, 80, 0.5)])
    tifffile.imwrite(tmp_path / "cells.tif", array, imagej=True, resolution=(4, 4), metadata={"unit": "um", "axes": "CYX"})
    assert run("predict", model, tmp_path / "cells.tif", "-o", tmp_path / "out.tif", "--channel", 2, "--rescale") == (0, "", "")
    found = read_image(tmp_path / "out.tif")
    np.testing.assert_array_equal(found.array, ijbridge.predict(model, tmp_path / "cells.tif", channel=2, rescale=True))
    assert found.header.pixel_size == {"y": 0.25, "x": 0.25}


def test_a_header_is_not_changed(tmp_path: Path) -> None:
    image = sized_image(discs(60, 80, 0.5), 0.25)
    before = Header(**vars(image.header))
    ijbridge.predict(sized_model(tmp_path, one_conv()), image, rescale=True)
    assert image.header == before
