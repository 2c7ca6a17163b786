"""Executing a plan: loops, several inputs and outputs, progress, stopping, and what happens when something fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
import naive
from builders import Network, channel, described, follows, identity, one_conv, space, unet, unet_halo, write_model
from commandline import network_gives
from ijbridge import planning, prediction
from ijbridge.description import ModelDescription, Padding
from ijbridge.errors import Cancelled, NetworkError
from ijbridge.formats import read_model
from ijbridge.image import Image, make_image
from ijbridge.loaded import LoadedModel
from ijbridge.measuring import measure
from ijbridge.options import Options
from ijbridge.planning import Resources
from ijbridge.prediction import Record
from ijbridge.runtimes.onnx import OnnxSession

FREE = {"min": 1, "step": 1}
ANY = [channel("c"), space("y", FREE), space("x", FREE)]


@pytest.fixture(scope="module")
def small_unet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of stride 4, with preprocessing per sample."""
    pre = [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["channel", "y", "x"]}}]
    folder = tmp_path_factory.mktemp("models") / "unet"
    return write_model(folder, unet(2), halo=unet_halo(2), size={"min": 16, "step": 4}, pre=pre)


def picture(*shape: int, dtype: str = "float32", seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(100, 20, shape).astype(dtype)
    return rng.integers(0, 250, shape).astype(dtype)


def predict(model: Any, image: Any, **options: Any) -> Any:
    found = ijbridge.predict(model, image, **options)
    return {name: one.values for name, one in found.items()} if isinstance(found, dict) else found.values


def close(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * max(np.ptp(expected), 1e-3)


# --- loops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", ["tyx", "zyx", "byx", "ytx", "yxt"])
def test_every_position_of_a_loop_is_a_sample_of_its_own(small_unet: Path, axes: str) -> None:
    loop = axes.replace("y", "").replace("x", "")
    image = picture(*(3 if one == loop else 70 for one in axes))
    found = predict(small_unet, image, axes=axes, tile=48)
    assert found.shape == image.shape
    for number in range(3):
        at = tuple(number if one == loop else slice(None) for one in axes)
        np.testing.assert_array_equal(found[at], predict(small_unet, image[at], tile=48))


def test_loops_over_time_depth_and_channels_keep_their_places(tmp_path: Path) -> None:
    inputs = [described("raw", *ANY[1:])]
    net = Network(3)
    net.input("raw", shape=[None, None, None])
    x = net.node("Unsqueeze", ["raw", net.constant([1], np.int64)], 1)
    x = net.node("Squeeze", [net.conv(x, 1, relu=False), net.constant([1], np.int64)], 1)
    net.output(x, "out", rank=3)
    model = write_model(tmp_path / "m", net, inputs=inputs, outputs=[described("out", follows("y", 1), follows("x", 1))])
    image = picture(2, 3, 4, 20, 30)
    found = predict(model, image, axes="tzcyx", tile=16)
    assert found.shape == image.shape
    np.testing.assert_array_equal(found[1, 2, 3], predict(model, image[1, 2, 3], tile=16))
    np.testing.assert_array_equal(found[0, 1, 2], predict(model, image[0, 1, 2], tile=16))


def test_an_image_in_another_axis_order_gives_the_same_numbers(tmp_path: Path) -> None:
    model = write_model(
        tmp_path / "m", one_conv(channels=3, outputs=2), channels=("r", "g", "b"), out_channels=("p", "q"), halo=1
    )
    image = picture(3, 40, 50)
    expected = predict(model, image, axes="cyx")
    np.testing.assert_array_equal(predict(model, image.transpose(1, 2, 0), axes="yxc"), expected.transpose(1, 2, 0))
    np.testing.assert_array_equal(predict(model, image.transpose(2, 0, 1), axes="xcy"), expected.transpose(2, 0, 1))


@pytest.mark.parametrize("axes", ["yx", "xy"])
def test_rows_stay_rows(tmp_path: Path, axes: str) -> None:
    net = Network()
    shift = np.zeros((1, 1, 1, 3))
    shift[..., 0] = 1  # every pixel gets its left neighbour
    x = net.node("Conv", [net.input("raw"), net.constant(shift)], 1, kernel_shape=[1, 3], pads=[0, 1, 0, 1])
    net.output(x, "out")
    model = write_model(tmp_path / "m", net, size=FREE, halo=1)
    image = picture(5, 7)
    found = predict(model, image if axes == "yx" else image.T, axes=axes)
    np.testing.assert_array_equal(found if axes == "yx" else found.T, np.pad(image, ((0, 0), (1, 0)))[:, :-1])


# --- several inputs and outputs --------------------------------------------------------------------------------------


def fused(folder: Path) -> Path:
    """Two inputs, the second of them twice as fine; two outputs, the second of them half as fine."""
    net = Network(4)
    raw, fine = net.input("raw"), net.input("fine")
    x = net.conv(net.concat(net.conv(raw, 2), net.pool(net.conv(fine, 2))), 3)
    net.output(x, "full")
    net.output(net.conv(net.pool(x), 2), "half")
    sizes = {"min": 8, "step": 2}
    return write_model(
        folder,
        net,
        inputs=[
            described("raw", channel("c"), space("y", sizes), space("x", sizes)),
            described("fine", channel("c"), *(space(one, {"tensor_id": "raw", "axis_id": one}, scale=0.5) for one in "yx")),
        ],
        outputs=[
            described("full", channel("a", "b", "c"), follows("y", 2), follows("x", 2)),
            described("half", channel("a", "b"), *(follows(one, 2, scale=2.0) for one in "yx")),
        ],
    )


def test_inputs_and_outputs_of_different_size_are_cut_at_the_same_places(tmp_path: Path) -> None:
    model = fused(tmp_path / "m")
    raw, fine = picture(75, 91), picture(150, 182, seed=1)
    ids = ["batch", "channel", "y", "x"]
    expected = naive.run(
        read_model(model), {"raw": naive.tensor(raw[None, None], ids), "fine": naive.tensor(fine[None, None], ids)}
    )
    found = predict(model, {"raw": raw, "fine": fine}, tile=32)
    assert list(found) == ["full", "half"]
    close(found["full"], expected["full"][0])
    close(found["half"], expected["half"][0])
    assert found["half"].shape == (2, 37, 45)


def test_the_same_image_for_every_time_point_of_the_other_input(tmp_path: Path) -> None:
    model = fused(tmp_path / "m")
    raw, fine = picture(2, 30, 24), picture(60, 48, seed=1)
    found = ijbridge.predict(model, {"raw": make_image(raw, "tyx"), "fine": make_image(fine, "yx")})
    assert isinstance(found, dict)
    assert found["full"].dims == ("t", "c", "y", "x")
    alone = predict(model, {"raw": raw[1], "fine": fine})
    np.testing.assert_array_equal(found["full"].values[1], alone["full"])


def test_two_inputs_of_one_size_are_tiled_together(tmp_path: Path) -> None:
    net = Network(4)
    net.output(net.conv(net.concat(net.input("a"), net.input("b")), 1, relu=False), "out")
    model = write_model(
        tmp_path / "m",
        net,
        inputs=[described("a", *ANY), described("b", *ANY)],
        outputs=[described("out", channel("p"), follows("y", 1, tensor="b"), follows("x", 1, tensor="a"))],
    )
    images = {"a": picture(60, 70), "b": picture(60, 70, seed=1)}
    close(predict(model, images, tile=24), predict(model, images, tile="whole"))


# --- pixels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float64", ">u2", ">f4"])
def test_the_type_of_the_image_does_not_change_the_result(small_unet: Path, dtype: str) -> None:
    image = picture(50, 60, dtype="uint8")
    np.testing.assert_array_equal(
        predict(small_unet, image.astype(dtype), tile=40), predict(small_unet, image.astype(np.float32), tile=40)
    )


def test_the_image_is_never_written_to(small_unet: Path) -> None:
    image = picture(50, 60)
    before = image.copy()
    image.flags.writeable = False
    predict(small_unet, image, tile=32)
    np.testing.assert_array_equal(image, before)


def test_one_plan_gives_the_same_bytes_every_time(small_unet: Path) -> None:
    image = picture(3, 50, 60)
    first, second = (predict(small_unet, image, axes="tyx", tile=32).tobytes() for _ in range(2))
    assert first == second


def test_the_result_may_lie_where_the_caller_wants_it(small_unet: Path) -> None:
    image = {"raw": make_image(picture(50, 60), "yx")}
    description = read_model(small_unet)
    place = np.full((50, 60), np.nan, np.float32)
    execute(description, image, results={"out": place})
    np.testing.assert_array_equal(place, predict(small_unet, image["raw"], tile=32))


# --- progress and stopping -------------------------------------------------------------------------------------------


def test_progress_counts_every_tile_of_every_sample(small_unet: Path) -> None:
    told: list[tuple[int, int]] = []
    image = make_image(picture(2, 90, 60), "tyx")
    plan = ijbridge.plan(small_unet, image, tile=48)
    ijbridge.predict(small_unet, image, tile=48, progress=lambda done, total: told.append((done, total)))
    assert plan.tile_count > 4
    assert told == [(number, plan.tile_count) for number in range(1, plan.tile_count + 1)]


def test_a_run_stops_between_two_tiles(small_unet: Path) -> None:
    told: list[int] = []
    with pytest.raises(Cancelled, match=r"Cancelled after 2 of \d+ tiles"):
        ijbridge.predict(
            small_unet,
            picture(90, 160),
            tile=48,
            progress=lambda done, _: told.append(done),
            cancelled=lambda: len(told) == 2,
        )
    assert told == [1, 2]


# --- memory ----------------------------------------------------------------------------------------------------------


class Tight(OnnxSession):
    """A session that has memory for tiles of so many pixels only."""

    most = 10**9
    runs = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        #: Threads that were there while the network ran.
        self.beside: set[str] = set()

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        self.runs += 1
        self.beside |= {one.name for one in threading.enumerate() if one.name.startswith("ijbridge-read")}
        if next(iter(feeds.values())).size > self.most:
            raise MemoryError("failed to allocate memory")
        return super().run(feeds, outputs)


def execute(
    description: ModelDescription,
    images: Mapping[str, Image],
    results: Mapping[str, Any] | None = None,
    most: int = 10**9,
    tile: Any = 32,
    device: str = "cpu",
    **more: Any,
) -> tuple[Record, dict[str, Any]]:
    """Plan, measure, resolve and execute by hand."""
    headers = {name: image.header for name, image in images.items()}
    plan = planning.plan(description, headers, Options.read(tile=tile, device="cpu"), Resources(10**10))
    resolved = prediction.resolve(plan, measure(plan, images))
    session = Tight(Path(description.location) / "weights.onnx", "cpu", description.name)
    session.most, session.device = most, device
    filled = prediction.empty_results(plan, results or {})
    names = {one.id: one.id for one in (*description.inputs, *description.outputs)}
    record = prediction.execute(resolved, images, session, names, filled, **more)
    assert session.beside == ({"ijbridge-read_0"} if device != "cpu" else set())
    return record, filled


def test_when_memory_runs_out_the_next_smaller_tile_is_taken(small_unet: Path) -> None:
    image = {"raw": make_image(picture(200, 300), "yx")}
    description = read_model(small_unet)
    record, found = execute(description, image, most=200 * 100, tile="auto")
    assert record.lines["raw.y"].tile * record.lines["raw.x"].tile <= 200 * 100
    assert len(record.retries) >= 1
    assert record.retries[0] == "tile y=200,x=300: failed to allocate memory"
    close(found["out"], predict(small_unet, image["raw"], tile="whole"))


# --- beside the device -----------------------------------------------------------------------------------------------


def test_tiles_that_are_read_and_written_beside_a_device_give_the_same_bytes(small_unet: Path) -> None:
    images = {"raw": make_image(picture(3, 100, 130), "tyx")}
    told: list[tuple[int, int]] = []
    description = read_model(small_unet)
    record, found = execute(description, images, device="another", progress=lambda *now: told.append(now))
    same, expected = execute(description, images)
    assert record.tiles == same.tiles
    assert told == [(number + 1, record.tiles) for number in range(record.tiles)]
    np.testing.assert_array_equal(found["out"], expected["out"])


def test_smaller_tiles_are_taken_beside_a_device_too(small_unet: Path) -> None:
    image = {"raw": make_image(picture(200, 300), "yx")}
    record, found = execute(read_model(small_unet), image, most=200 * 100, tile="auto", device="another")
    assert record.retries[0] == "tile y=200,x=300: failed to allocate memory"
    close(found["out"], predict(small_unet, image["raw"], tile="whole"))


def test_a_run_beside_a_device_stops_and_leaves_no_thread(small_unet: Path) -> None:
    told: list[int] = []
    with pytest.raises(Cancelled, match=r"after 2 of \d+ tiles"):
        execute(read_model(small_unet), {"raw": make_image(picture(100, 130), "yx")}, device="another",
                progress=lambda done, _: told.append(done), cancelled=lambda: len(told) == 2)  # fmt: skip
    assert not [one.name for one in threading.enumerate() if one.name.startswith("ijbridge-")]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process that runs")
def test_a_process_that_really_has_too_little_memory_takes_smaller_tiles_and_says_so(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", unet(3), halo=unet_halo(3), size={"min": 8, "step": 8})
    image = picture(1800, 1900)
    np.save(tmp_path / "image.npy", image)
    found = subprocess.run([sys.executable, "-c", LIMITED, model, tmp_path], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("The run was repeated in smaller tiles: tile y=928,x=976: ")
    close(np.load(tmp_path / "result.npy"), predict(model, image, tile="whole"))


#: Warms up, then leaves the process 120 MB more than it has.
LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from ijbridge.image import make_image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
model, folder = LoadedModel(sys.argv[1]), Path(sys.argv[2])
image = make_image(np.load(folder / "image.npy"), "yx")
model.run({"raw": make_image(image.array[:64, :64], "yx")}, Options.read())
plan = model.plan({"raw": image.header}, Options.read(memory=10**9))
(line,) = (one for one in open("/proc/self/status") if one.startswith("VmSize"))
limit = int(line.split()[1]) * 1024 + 120 * 10**6
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
found = model.run({"raw": image}, plan)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(*found.warnings, sep="\\n")
np.save(folder / "result.npy", found.images["out"].array)
"""


def test_a_run_that_has_memory_tries_nothing_else(small_unet: Path) -> None:
    record, _ = execute(read_model(small_unet), {"raw": make_image(picture(200, 300), "yx")}, tile="auto")
    assert record.retries == ()
    assert record.lines["raw.y"].is_whole


def test_too_little_memory_for_the_smallest_tile_is_said(small_unet: Path) -> None:
    with pytest.raises(NetworkError, match=r"There is not enough memory to run 'Little Network' even in tiles of y=\d+,x=\d+"):
        execute(read_model(small_unet), {"raw": make_image(picture(200, 300), "yx")}, most=1, tile="auto")


def test_a_tile_the_user_named_is_not_replaced_by_another(small_unet: Path) -> None:
    with pytest.raises(NetworkError, match="even in tiles of y=32,x=32: free some, or name a smaller tile"):
        execute(read_model(small_unet), {"raw": make_image(picture(200, 300), "yx")}, most=100)


# --- a network that is not as described --------------------------------------------------------------------------------


def test_an_output_of_another_size_than_described_is_an_error_of_the_network(tmp_path: Path) -> None:
    net = Network()
    net.output(net.pool(net.input("raw")), "out")
    model = write_model(tmp_path / "m", net, size=FREE)
    with pytest.raises(NetworkError, match=r"'out' has the shape 1 x 1 x 10 x 15, but its description says 1 x 1 x 20 x 30"):
        predict(model, picture(20, 30))


def test_an_output_with_another_number_of_channels_is_an_error_of_the_network(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", one_conv(outputs=2), halo=1)
    with pytest.raises(NetworkError, match=r"has the shape 1 x 2 x 20 x 30, but its description says 1 x 1 x 20 x 30"):
        predict(model, picture(20, 30))


def test_an_output_with_another_number_of_axes_is_an_error_of_the_network(tmp_path: Path) -> None:
    net = Network()
    net.output(net.node("ReduceMax", [net.input("raw")], 1, axes=[1], keepdims=0), "out", rank=3)
    model = write_model(tmp_path / "m", net, size=FREE)
    with pytest.raises(NetworkError, match="has the shape 1 x 20 x 30, but its description says 1 x 1 x 20 x 30"):
        predict(model, picture(20, 30))


def test_a_network_that_wants_another_size_fails_with_the_engines_reason(tmp_path: Path) -> None:
    net = Network()
    net.output(net.conv(net.input("raw", shape=[1, 1, 64, 64]), 1), "out")
    model = write_model(tmp_path / "m", net, size=FREE, halo=1)
    with pytest.raises(NetworkError, match="The network of 'Little Network' failed on an input of 1 x 1 x 20 x 30: "):
        predict(model, picture(20, 30))


# --- results that are small --------------------------------------------------------------------------------------------


def test_an_axis_that_the_network_projects_is_gone(tmp_path: Path) -> None:
    net = Network(ndim=3)
    x = net.conv(net.input("raw"), 2)
    net.output(net.node("ReduceMax", [x], 2, axes=[2], keepdims=0), "out", rank=4)
    inputs = [described("raw", channel("c"), space("z", FREE), *ANY[1:])]
    outputs = [described("out", channel("p", "q"), follows("y", 1), follows("x", 1))]
    model = write_model(tmp_path / "m", net, inputs=inputs, outputs=outputs)
    image = picture(7, 40, 50)
    expected = naive.run(read_model(model), {"raw": naive.tensor(image[None, None], ["batch", "channel", "z", "y", "x"])})[
        "out"
    ][0]
    close(predict(model, image, axes="zyx", tile={"y": 16, "x": 20}), expected)


def test_an_output_without_rows_and_columns_comes_from_the_whole_image(tmp_path: Path) -> None:
    net = Network()
    x = net.node("GlobalAveragePool", [net.conv(net.input("raw"), 3)], 3)
    net.output(net.node("Flatten", [x], 3), "out", rank=2)
    model = write_model(
        tmp_path / "m", net, inputs=[described("raw", *ANY)], outputs=[described("out", channel("a", "b", "c"))]
    )
    found = ijbridge.predict(model, picture(2, 40, 50), axes="tyx")
    assert not isinstance(found, dict)
    assert found.dims == ("t", "c")
    np.testing.assert_array_equal(found.values[1], predict(model, picture(2, 40, 50)[1]))


def test_a_network_without_a_batch_axis_is_run_one_sample_at_a_time(tmp_path: Path) -> None:
    net = Network()
    net.output(net.input("raw", shape=[None, None]), "out", rank=2)
    raw = {"id": "raw", "axes": ANY[1:], "data": {"type": "float32"}}
    out = {"id": "out", "axes": [follows("y"), follows("x")], "data": {"type": "float32"}}
    model = write_model(tmp_path / "m", net, inputs=[raw], outputs=[out])
    image = picture(3, 20, 30)
    np.testing.assert_array_equal(predict(model, image, axes="zyx", tile=16), image)


def test_an_identity_gives_the_image_back_through_any_tiles(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", identity(), size={"min": 8, "step": 8})
    image = picture(2, 61, 83)
    for tile in (8, 24, {"x": 40}, "whole", "auto"):
        np.testing.assert_array_equal(predict(model, image, axes="zyx", tile=tile), image)


def test_a_resolved_plan_is_said_with_its_numbers(tmp_path: Path) -> None:
    pre = [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}}]
    model = LoadedModel(write_model(tmp_path, one_conv(), halo=1, pre=pre))
    image = make_image(np.full((20, 30), 7, np.uint8), "yx", name="flat")
    plan = model.plan({"raw": image.header}, Options.read())
    assert "zero_mean_unit_variance (mean, std over y, x)" in str(plan)
    resolved = prediction.resolve(plan, measure(plan, {"raw": image}))
    assert str(resolved).splitlines() == [
        *str(plan).splitlines(),
        "measured   zero_mean_unit_variance of raw: mean, std over y, x = 7, 0",
        "warning    flat is constant, so it cannot be normalised: the result there means nothing.",
    ]


@pytest.mark.parametrize(
    ("pad", "how", "said"),
    [
        (None, {"mode": "symmetric"}, "symmetric"),
        ({"mode": "symmetric"}, {"mode": "symmetric"}, "symmetric"),
        ({"mode": "reflect"}, {"mode": "reflect"}, "reflect"),
        ({"mode": "edge"}, {"mode": "edge"}, "edge"),
        ({"mode": "constant"}, {"mode": "constant"}, "constant 0"),
        ({"mode": "constant", "value": 33.5}, {"mode": "constant", "constant_values": 33.5}, "constant 33.5"),
    ],
)
@pytest.mark.parametrize("shape", [(37, 5), (1, 90), (33, 1)])
def test_the_border_is_padded_as_the_description_says(
    tmp_path: Path, pad: Any, how: dict[str, Any], said: str, shape: tuple[int, int]
) -> None:
    axes = [space(one, {"min": 16, "step": 16}) for one in "yx"]
    raw = described("raw", channel("c"), *axes, **({} if pad is None else {"pad": pad}))
    out = described("out", channel("c"), *(follows(one, 1) for one in "yx"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[raw], outputs=[out])
    image = picture(*shape)
    padded = np.pad(image, [(0, -size % 16) for size in shape], **how)
    expected = network_gives(model, padded)[: shape[0], : shape[1]]
    for tile in ("whole", 32):
        np.testing.assert_allclose(predict(model, image, tile=tile), expected, rtol=1e-5, atol=1e-4)
    assert f"padded to {padded.shape[0]} ({said})" in str(ijbridge.plan(model, image))


@pytest.mark.parametrize(
    ("padding", "how"),
    [
        (Padding("reflect", both_sides=True), {"mode": "reflect"}),
        (Padding("edge", both_sides=True), {"mode": "edge"}),
        (Padding("constant", 33.5, both_sides=True), {"mode": "constant", "constant_values": 33.5}),
    ],
)
@pytest.mark.parametrize("shape", [(37, 5), (1, 90), (33, 1)])
def test_half_of_the_border_is_put_before_the_image_where_a_format_has_it_so(
    tmp_path: Path, padding: Padding, how: dict[str, Any], shape: tuple[int, int]
) -> None:
    model = write_model(tmp_path / "m", unet(), size={"min": 16, "step": 16})
    description = read_model(model)
    description = replace(description, inputs=(replace(description.inputs[0], padding=padding),))
    image, missing = picture(*shape), [-size % 16 for size in shape]
    padded = np.pad(image, [(one // 2, one - one // 2) for one in missing], **how)
    y, x = (slice(one // 2, one // 2 + size) for one, size in zip(missing, shape, strict=True))
    expected = network_gives(model, padded)[y, x]
    for tile in ("whole", 48):
        found = ijbridge.predict(description, image, axes="yx", tile=tile)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.ptp(expected))


def test_pixels_of_integers_are_padded_with_a_constant_of_their_own_type(tmp_path: Path) -> None:
    axes = [space(one, {"min": 16, "step": 16}) for one in "yx"]
    raw = described("raw", channel("c"), *axes, pad={"mode": "constant", "value": 7})
    out = described("out", channel("c"), *(follows(one, 1) for one in "yx"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[raw], outputs=[out])
    image = picture(20, 30, dtype="uint16")
    expected = network_gives(model, np.pad(image, ((0, 12), (0, 2)), constant_values=7))[:20, :30]
    np.testing.assert_allclose(predict(model, image), expected, rtol=1e-5, atol=1e-4)


def test_a_constant_that_the_images_type_does_not_hold_is_padded_as_it_is(tmp_path: Path) -> None:
    axes = [space(one, {"min": 16, "step": 16}) for one in "yx"]
    raw = described("raw", channel("c"), *axes, pad={"mode": "constant", "value": -7.5})
    out = described("out", channel("c"), *(follows(one, 1) for one in "yx"))
    model = write_model(tmp_path / "m", one_conv(), inputs=[raw], outputs=[out])
    image = picture(20, 30, dtype="uint8")
    expected = network_gives(model, np.pad(image.astype(np.float32), ((0, 12), (0, 2)), constant_values=-7.5))[:20, :30]
    np.testing.assert_allclose(predict(model, image, tile=16), expected, rtol=1e-5, atol=1e-4)
