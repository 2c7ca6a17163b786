"""A plan says everything that will be done, from descriptions and headers alone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import ijbridge
from builders import Network, channel, described, follows, identity, one_conv, space, unet, write_model
from ijbridge import planning, tile_choice
from ijbridge.description import Weights
from ijbridge.errors import AxesError, CannotRunError, DeviceError, PlanError
from ijbridge.formats import read_model
from ijbridge.image import Header, Image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.planning import Resources
from ijbridge.plans import Plan

FREE = {"min": 1, "step": 1}
ANY = [channel("c"), space("y", FREE), space("x", FREE)]
PLENTY = Resources(memory=10**12)


class NoPixels:
    """Stands where an array is expected and fails whoever looks at it."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the pixels were asked for {name}")

    def __array__(self, *args: Any) -> Any:
        raise AssertionError("the pixels were read")


def header(axes: str, *shape: int, dtype: str = "uint16", **more: Any) -> Header:
    return Header(shape, dtype, axes, **{"name": "cells", **more})


def plan(
    model: Path, images: Header | Mapping[str, Header], resources: Resources = PLENTY, device: str = "auto", **options: Any
) -> Plan:
    headers = {"raw": images} if isinstance(images, Header) else images
    return planning.plan(read_model(model), headers, Options.read(device=device, **options), resources)


def findings(found: Plan) -> dict[str, str]:
    return {one.id: one.sentence for one in found.findings}


# --- no pixel --------------------------------------------------------------------------------------------------------


def test_a_plan_reads_no_pixel(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1, pre=[{"id": "scale_range", "kwargs": {"max_percentile": 99.8}}])
    pixels: Any = NoPixels()
    found = ijbridge.plan(model, Image(pixels, header("yx", 300, 200)), tile=64)
    assert found.tile_count > 1
    assert "scale_range (percentiles 0, 99.8 over all axes)" in str(found)


def test_a_plan_reads_no_file(tmp_path: Path) -> None:
    description = read_model(write_model(tmp_path / "m", one_conv(), halo=1))
    shutil.rmtree(tmp_path / "m")
    found = planning.plan(description, {"raw": header("yx", 300, 200)}, Options.read(tile=64), PLENTY)
    assert found.tile_count == 20


def test_the_same_question_has_the_same_answer(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    assert plan(model, header("tyx", 3, 300, 200)) == plan(model, header("tyx", 3, 300, 200))


# --- the result ------------------------------------------------------------------------------------------------------


def test_a_result_has_the_images_axes_in_its_order_and_the_outputs_channels(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(outputs=2), halo=1, out_channels=("cell", "edge"))
    result = plan(model, header("xty", 200, 3, 300)).outputs[0].result
    assert (result.axes, result.shape, result.dtype) == ("cxty", (2, 200, 3, 300), "float32")
    assert result.channel_names == ("cell", "edge")
    assert result.name == "cells-out"


def test_a_single_channel_that_the_image_lacks_is_not_shown(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    assert plan(model, header("yx", 30, 20)).outputs[0].result.axes == "yx"
    assert plan(model, header("cyx", 1, 30, 20)).outputs[0].result.axes == "cyx"


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0, 2.0])
def test_the_pixel_size_follows_the_outputs_scale(tmp_path: Path, scale: float) -> None:
    out = described("out", channel("p"), *(follows(axis, scale=scale) for axis in "yx"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[described("raw", *ANY)], outputs=[out])
    image = header("zyx", 3, 80, 40, pixel_size={"z": 0.5, "y": 0.1, "x": 0.2}, unit={"z": "µm", "y": "µm", "x": "nm"})
    result = plan(model, image).outputs[0].result
    assert result.shape == (3, int(80 / scale), int(40 / scale))
    assert result.pixel_size == {"z": 0.5, "y": 0.1 * scale, "x": 0.2 * scale}
    assert result.unit == image.unit


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_the_origin_is_kept_in_its_unit_and_follows_the_outputs_scale_in_pixels(tmp_path: Path, scale: float) -> None:
    out = described("out", channel("p"), *(follows(axis, scale=scale) for axis in "yx"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[described("raw", *ANY)], outputs=[out])
    image = header("tzyx", 2, 3, 80, 40, pixel_size={"y": 0.1}, origin={"t": 9.0, "z": 4.0, "y": -3.0, "x": 6.0})
    result = plan(model, image).outputs[0].result
    assert result.origin == {"t": 9.0, "z": 4.0, "y": -3.0, "x": 6.0 / scale}


@pytest.mark.parametrize(("size", "begin"), [({}, 12.0), ({"y": 0.5, "x": 0.5}, 11.0)])
def test_a_result_that_lacks_pixels_at_the_border_begins_inside(tmp_path: Path, size: dict[str, float], begin: float) -> None:
    out = described("out", channel("p"), *(space(axis, {"tensor_id": "raw", "axis_id": axis, "offset": -4}) for axis in "yx"))
    net = Network()
    net.output(net.conv(net.input("raw"), 1, kernel=5, pad=False), "out")
    model = write_model(tmp_path / "m", net, inputs=[described("raw", *ANY)], outputs=[out])
    result = plan(model, header("yx", 40, 30, pixel_size=size, origin={"y": 10.0, "x": 10.0})).outputs[0].result
    assert (result.shape, result.origin) == ((36, 26), {"y": begin, "x": begin})


def test_an_image_without_pixel_size_gives_a_result_without(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    assert plan(model, header("yx", 30, 20)).outputs[0].result.pixel_size == {}


def test_a_projected_axis_is_gone_with_its_pixel_size(tmp_path: Path) -> None:
    raw = described("raw", channel("c"), space("z", FREE), *ANY[1:])
    out = described("out", channel("p"), follows("y"), follows("x"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[raw], outputs=[out])
    image = header("zyx", 9, 30, 20, pixel_size={"z": 2.0, "y": 1.0}, origin={"z": 3.0, "y": 4.0})
    found = plan(model, image, tile=16)
    assert found.outputs[0].result.origin == {"y": 4.0}
    assert (found.outputs[0].result.axes, found.outputs[0].result.pixel_size) == ("yx", {"y": 1.0})
    assert found.lines["raw.z"].is_whole
    assert not found.lines["raw.y"].is_whole


def test_a_new_axis_stands_where_imagej_has_it(tmp_path: Path) -> None:
    out = described("out", channel("p", "q"), space("z", 5), follows("y"), follows("x"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[described("raw", *ANY)], outputs=[out])
    result = plan(model, header("tyx", 2, 30, 20)).outputs[0].result
    assert (result.axes, result.shape) == ("tzcyx", (2, 5, 2, 30, 20))


def test_an_axis_that_is_looped_and_made_anew_is_refused(tmp_path: Path) -> None:
    raw = described("raw", *ANY[1:])
    out = described("out", channel("p", "q"), follows("y"), follows("x"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[raw], outputs=[out])
    assert plan(model, header("yx", 30, 20)).outputs[0].result.axes == "cyx"
    with pytest.raises(AxesError, match="whose axis c the model does not know, and the output 'out' makes an axis c"):
        plan(model, header("cyx", 3, 30, 20))


def test_a_batch_of_one_is_dropped_and_a_larger_one_kept(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    assert plan(model, header("byx", 1, 30, 20)).outputs[0].result.axes == "yx"
    assert plan(model, header("byx", 2, 30, 20)).outputs[0].result.axes == "byx"


def test_the_result_has_the_type_after_the_last_operation(tmp_path: Path) -> None:
    for post, dtype in [
        ([], "float32"),
        ([{"id": "binarize", "kwargs": {"threshold": 0.5}}], "float32"),
        ([{"id": "ensure_dtype", "kwargs": {"dtype": "uint8"}}], "uint8"),
    ]:
        model = write_model(tmp_path / "m", one_conv(), halo=1, post=post)
        assert plan(model, header("yx", 30, 20)).outputs[0].result.dtype == dtype


# --- several inputs --------------------------------------------------------------------------------------------------


def two_inputs(folder: Path) -> Path:
    inputs = [described("raw", *ANY), described("mask", *ANY)]
    return write_model(folder, one_conv(), inputs=inputs, outputs=[described("out", channel("p"), follows("y"), follows("x"))])


def test_the_first_input_of_the_description_names_the_result_in_whatever_order_images_are_given(tmp_path: Path) -> None:
    model = two_inputs(tmp_path / "m")
    raw = header("xy", 20, 30, pixel_size={"x": 0.5}, unit={"x": "µm"})
    mask = header("yx", 30, 20, name="mask")
    results = [plan(model, images).outputs[0].result for images in ({"raw": raw, "mask": mask}, {"mask": mask, "raw": raw})]
    assert results[0] == results[1]
    assert (results[0].axes, results[0].name, results[0].pixel_size) == ("xy", "cells-out", {"x": 0.5})


def test_an_output_that_follows_another_input_has_its_pixel_size(tmp_path: Path) -> None:
    inputs = [described("raw", *ANY), described("fine", *ANY)]
    outputs = [described("out", channel("p"), *(follows(axis, tensor="fine") for axis in "yx"))]
    model = write_model(tmp_path / "m", one_conv(), inputs=inputs, outputs=outputs)
    raw = header("yx", 30, 20, pixel_size={"y": 1.0, "x": 1.0}, unit={"y": "µm", "x": "µm"})
    fine = header("yx", 60, 40, pixel_size={"y": 500.0, "x": 500.0}, unit={"y": "nm", "x": "nm"})
    result = plan(model, {"raw": raw, "fine": fine}).outputs[0].result
    assert (result.shape, result.pixel_size, result.unit) == ((60, 40), fine.pixel_size, fine.unit)


def test_an_input_without_an_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(AxesError, match="The model's input 'mask' has no image"):
        plan(two_inputs(tmp_path / "m"), header("yx", 30, 20))


def test_images_with_loops_of_different_length_are_refused(tmp_path: Path) -> None:
    images = {"raw": header("tyx", 2, 30, 20), "mask": header("tyx", 3, 30, 20)}
    with pytest.raises(AxesError, match="The images have 2 and 3 positions along t"):
        plan(two_inputs(tmp_path / "m"), images)


def test_an_image_without_the_loops_of_the_other_is_used_for_all_of_them(tmp_path: Path) -> None:
    found = plan(two_inputs(tmp_path / "m"), {"raw": header("tyx", 2, 30, 20), "mask": header("yx", 30, 20)})
    assert found.loops == {"t": 2}


# --- tiles and halo --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [64, "64", {"y": 64, "x": 64}, "y=64,x=64", {"row": 64, "col": 64}, " Y=64, X=64 "])
def test_every_form_of_the_tile_option_means_the_same(tmp_path: Path, tile: Any) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    found = plan(model, header("yx", 300, 200), tile=tile)
    assert {name: line.tile for name, line in found.lines.items()} == {"raw.y": 64, "raw.x": 64}
    assert len(found.ladder) == 1


def test_a_tile_the_model_does_not_accept_is_adjusted_and_said(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1, size={"min": 16, "step": 16})
    found = plan(model, header("yx", 300, 20), tile=60)
    assert found.lines["raw.y"].tile == 64
    assert findings(found)["tile-adjusted"] == (
        "The tile along y is 64 instead of 60, the model accepts 16 + n × 16 with a halo of 1."
    )
    assert "tile-adjusted" not in findings(plan(model, header("yx", 300, 20), tile=64))


def test_the_declared_halo_is_taken_unless_one_is_given(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=8)
    image = header("yx", 300, 200)
    assert plan(model, image, tile=64).halo_of("raw.y") == 8
    assert plan(model, image, tile=64, halo="declared").halo_of("raw.y") == 8
    assert plan(model, image, tile=64, halo=20).halo_of("raw.y") == 20
    assert plan(model, image, tile=64, halo="0").halo_of("raw.y") == 0


def test_a_tile_along_an_axis_the_model_does_not_tile_is_said(tmp_path: Path) -> None:
    found = plan(write_model(tmp_path, one_conv(), halo=1), header("zyx", 5, 300, 200), tile={"y": 64, "z": 16})
    assert findings(found)["tile-ignored"] == "A tile is named along z, which the model does not tile."


def test_a_model_without_halo_is_warned_of_where_its_image_is_tiled(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv())
    image = header("yx", 300, 200)
    assert "halo-missing" in findings(plan(model, image, tile=64))
    assert "halo-missing" not in findings(plan(model, image, tile="whole"))
    assert "halo-missing" not in findings(plan(model, image, tile=64, halo=0))


def test_an_axis_without_halo_that_is_not_cut_is_not_warned_of(tmp_path: Path) -> None:
    raw = described("raw", channel("c"), space("z", FREE), *ANY[1:])
    out = described("out", channel("p"), follows("z"), follows("y", 4), follows("x", 4))
    model = write_model(tmp_path / "m", one_conv(ndim=3), inputs=[raw], outputs=[out])
    image = header("zyx", 9, 300, 200)
    assert "halo-missing" not in findings(plan(model, image, tile={"y": 64, "x": 64}))
    assert "halo-missing" in findings(plan(model, image, tile={"z": 4, "y": 64, "x": 64}))


def test_a_halo_in_input_pixels_covers_at_least_as_much_in_a_smaller_output(tmp_path: Path) -> None:
    out = described("out", channel("p"), follows("y", scale=2.0), follows("x", scale=0.5))
    model = write_model(tmp_path / "m", one_conv(), inputs=[described("raw", *ANY)], outputs=[out])
    found = plan(model, header("yx", 300, 200), tile=64, halo=5)
    links = {axis.id: axis.link.halo for axis in found.outputs[0].axes if axis.line}
    assert links == {"y": 3, "x": 10}
    assert found.halo_of("raw.y") == 6


def test_the_whole_of_an_image_larger_than_a_fixed_network_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1, size=64)
    with pytest.raises(PlanError, match="65 pixels along y and the model takes exactly 64"):
        plan(model, header("yx", 65, 64), tile="whole")


def test_less_memory_takes_smaller_tiles_and_says_less(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    image = header("yx", 3000, 3000)
    much, little = plan(model, image), plan(model, image, Resources(memory=10**8))
    assert little.lines["raw.y"].tile < much.lines["raw.y"].tile
    assert little.memory < much.memory
    assert len(much.ladder) > 3


# --- what cannot be done ---------------------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_refused_with_what_to_install(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    with pytest.raises(DeviceError, match=r"'cuda' cannot be used: onnxruntime finds cpu here; .*\"onnxruntime-gpu"):
        plan(model, header("yx", 30, 20), device="cuda")
    assert plan(model, header("yx", 30, 20), Resources(10**9, ("cuda", "cpu"))).device == "cuda"
    assert plan(model, header("yx", 30, 20), Resources(10**9, ("cuda", "cpu")), device="cpu").device == "cpu"


def test_a_device_that_cannot_be_used_is_refused_with_the_reason_and_auto_says_it(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    machine = Resources(10**9, ("cpu",), {"cuda": "libcudnn.so.9 is missing"})
    with pytest.raises(DeviceError, match=r"'cuda' cannot be used: libcudnn.so.9 is missing; it needs .* `ijbridge devices`"):
        plan(model, header("yx", 30, 20), machine, device="cuda")
    automatic = plan(model, header("yx", 30, 20), machine)
    assert automatic.device == "cpu"
    (said,) = (one for one in automatic.findings if one.id == "device-refused")
    assert said.severity == "warning"
    assert "runs on the cpu, cuda cannot be used (libcudnn.so.9 is missing)" in said.sentence
    assert "device-refused" not in [one.id for one in plan(model, header("yx", 30, 20), machine, device="cpu").findings]


def test_only_devices_with_the_numbers_of_the_cpu_are_chosen_without_being_asked_for(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    machine = Resources(10**9, ("cpu", "tensorrt", "coreml"))
    assert plan(model, header("yx", 30, 20), machine).device == "cpu"
    assert plan(model, header("yx", 30, 20), machine, device="coreml").device == "coreml"


def test_weights_that_are_not_in_the_package_are_asked_for(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv())
    (model / "weights.onnx").unlink()
    with pytest.raises(CannotRunError, match=r"onnx \(missing: weights.onnx\): put the file 'weights.onnx' into the model's"):
        plan(model, header("yx", 30, 20))


@pytest.mark.parametrize(
    ("name", "advice"),
    [("keras_v3", "tf2onnx"), ("pytorch_state_dict", "the author's code to run")],
)
def test_weights_of_another_framework_come_with_what_would_help(tmp_path: Path, name: str, advice: str) -> None:
    weights: dict[str, Any] = {name: {"source": "weights.onnx"}}
    model = write_model(tmp_path / "m", one_conv(), weights=weights)
    with pytest.raises(CannotRunError, match=rf"it describes {name} \(there\): .*{advice}"):
        plan(model, header("yx", 30, 20))


def test_weights_on_the_net_are_to_be_downloaded(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), weights={"onnx": {"source": "https://example.org/weights.onnx"}})
    with pytest.raises(CannotRunError, match="download it into the model's folder"):
        plan(model, header("yx", 30, 20))


def test_other_weights_that_are_missing_are_a_note(tmp_path: Path) -> None:
    both = {"onnx": {"source": "weights.onnx"}, "torchscript": {"source": "weights.pt"}}
    found = plan(write_model(tmp_path / "m", one_conv(), weights=both), header("yx", 30, 20))
    assert isinstance(found.weights, Weights)
    assert found.weights.format == "onnx"
    assert findings(found)["weights-missing"] == "The package lacks its weights for torchscript; onnx is used."


@pytest.mark.parametrize("name", ["custom", "cellpose_flow_dynamics", "make_coffee"])
def test_an_operation_that_cannot_be_run_is_refused_by_name(tmp_path: Path, name: str) -> None:
    model = write_model(tmp_path / "m", one_conv(), post=[{"id": name, "kwargs": {}}])
    with pytest.raises(CannotRunError, match=rf"The operation '{name}' of the tensor 'out' cannot be run"):
        plan(model, header("yx", 30, 20))


# --- what it says ----------------------------------------------------------------------------------------------------


def test_a_plan_as_data_and_as_text_say_the_same(tmp_path: Path) -> None:
    model = write_model(
        tmp_path / "m", identity(), halo=4, size={"min": 16, "step": 16}, pre=[{"id": "zero_mean_unit_variance", "kwargs": {}}]
    )
    found = plan(model, header("tyx", 3, 300, 200, dtype="uint8"), tile=64)
    data, text = found.to_dict(), str(found)
    assert data["loops"] == {"t": 3}
    assert [(one["axis"], one["size"], one["padded"], one["tile"], one["halo"]) for one in data["tiles"]] == [
        ("y", 300, 304, 64, 4),
        ("x", 200, 208, 64, 4),
    ]
    assert data["tile_count"] == found.tile_count == 3 * 6 * 4
    assert data["inputs"][0]["operations"][1] == "zero_mean_unit_variance (mean, std over all axes)"
    assert data["padding"] == {"raw": "symmetric"}
    for said in ("6 tiles of 64, halo 4, padded to 304 (symmetric)", "t is looped over (3)", "72 (3 samples)"):
        assert said in text


# --- memory ----------------------------------------------------------------------------------------------------------


def test_memory_that_is_named_goes_before_what_is_free(tmp_path: Path) -> None:
    model, image = write_model(tmp_path / "m", unet(2), halo=12, size={"min": 4, "step": 4}), header("yx", 3000, 3000)
    free = plan(model, image, Resources(memory=10**8))
    named = plan(model, image, PLENTY, memory="50 MB")
    assert named.ladder == free.ladder
    assert named.budget == 5 * 10**7
    assert plan(model, image, Resources(memory=10**7), memory=10**12).tile_count < free.tile_count


def test_the_results_are_counted_before_tiles_are_chosen(tmp_path: Path) -> None:
    """A stack whose results fill the memory leaves less for a tile."""
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    one, many = (plan(model, header("tyx", frames, 1000, 1000), Resources(memory=10**9)) for frames in (1, 200))
    assert many.memory <= 10**9
    assert tile_choice.tile_pixels(many.lines) < tile_choice.tile_pixels(one.lines)
    assert many.memory >= 200 * 1000 * 1000 * 4


def test_results_beyond_the_memory_are_warned_of(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    found = findings(plan(model, header("tyx", 300, 1000, 1000), Resources(memory=10**9)))
    assert found["memory-short"].startswith("The run takes about 1.3 GB of memory beyond the image, of which there are 1.0 GB")
    assert "memory-short" not in findings(plan(model, header("tyx", 3, 1000, 1000), Resources(memory=10**9)))


def test_a_plan_after_one_that_failed_has_tiles_of_half_the_pixels_at_most(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    first = plan(model, header("yx", 3000, 3000))
    second = first.smaller("the process ended")
    assert tile_choice.tile_pixels(second.lines) <= tile_choice.tile_pixels(first.lines) / 2
    assert second.ladder == first.ladder[-len(second.ladder) :]
    (tried,) = second.tried
    assert tried.startswith("tile y=")
    assert tried.endswith(": the process ended")


def test_a_tile_that_is_named_is_not_made_smaller(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    with pytest.raises(PlanError, match=r"cannot be run on cells in smaller tiles than y=64,x=64 \(the process ended\)"):
        plan(model, header("yx", 300, 300), tile=64).smaller("the process ended")


def test_an_image_smaller_than_the_network_takes_is_found(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(), halo=1, size={"min": 64, "step": 8})
    assert findings(plan(model, header("yx", 63, 70)))["few-pixels"].startswith("cells has 63 pixels along y, the model takes")
    assert "few-pixels" not in findings(plan(model, header("yx", 64, 70)))


def test_the_smaller_plan_is_smaller_than_the_tile_that_failed(tmp_path: Path) -> None:
    """The memory of the process that died is free again, so that the new plan may have the very tile that it died of."""
    model = write_model(tmp_path / "m", one_conv(), halo=1)
    first = plan(model, header("yx", 3000, 3000))
    second = first.smaller("the process ended", tile_choice.tile_pixels(first.ladder[2]))
    assert tile_choice.tile_pixels(second.lines) <= tile_choice.tile_pixels(first.ladder[2]) / 2


def test_what_is_to_be_said_of_tiles_is_said_when_smaller_ones_are_taken(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", unet(2), halo=4, size={"min": 4, "step": 4})
    with LoadedModel(model) as loaded:
        first = loaded.plan({"raw": header("yx", 300, 300)}, Options.read(halo="declared", memory=10**9))
    assert first.tile_count == 1
    assert "halo-too-small" not in findings(first)
    second = first.smaller("the process ended")
    assert second.tile_count > 1
    assert "halo-too-small" in findings(second)
    assert "halo-too-small" in {one.id for one in first.findings_when(first.ladder[-1])}


def test_a_result_larger_than_the_memory_does_not_make_tiles_of_nothing(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", unet(2), halo=12, size={"min": 4, "step": 4})
    found = plan(model, header("tyx", 100, 2000, 2000), memory="1 GB")
    assert tile_choice.tile_pixels(found.lines) > 100 * 100
