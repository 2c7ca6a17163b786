"""What the graph says is held against experiments: a pixel is changed, and the outputs that change are looked at."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from builders import Network, one_conv, unet
from ijbridge.errors import NetworkError
from networks import read_graph


def plain(net: Network, x: str) -> str:
    return net.conv(net.conv(x, 3, kernel=5, relu=False), 2, relu=False)


def strided(net: Network, x: str) -> str:
    return net.conv(net.conv(x, 3, stride=2, relu=False), 2, stride=3, kernel=5, relu=False)


def dilated(net: Network, x: str) -> str:
    weights = net.constant(np.random.default_rng(1).normal(size=(2, 1, *[3] * net.ndim)))
    pads, dilations = [2, 4, 2][: net.ndim] * 2, [2, 4, 2][: net.ndim]
    return net.node("Conv", [x, weights], 2, kernel_shape=[3] * net.ndim, dilations=dilations, pads=pads)


def transposed(net: Network, x: str) -> str:
    x = net.conv(x, 2, stride=2, relu=False)
    weights = net.constant(np.random.default_rng(2).normal(size=(2, 2, *[3] * net.ndim)))
    return net.node("ConvTranspose", [x, weights], 2, strides=[2] * net.ndim, pads=[1] * net.ndim + [0] * net.ndim)


def pooled(net: Network, x: str) -> str:
    return net.conv(net.upsample(net.pool(net.conv(x, 2, relu=False))), 2, relu=False)


def averaged(net: Network, x: str) -> str:
    return net.node("AveragePool", [x], 1, kernel_shape=[3] * net.ndim, strides=[3] * net.ndim)


def resized_linearly(net: Network, x: str) -> str:
    scales = net.constant(np.array([1, 1, *[0.5] * net.ndim]))
    small = net.node("Resize", [net.conv(x, 2, relu=False), "", scales], 2, mode="linear")
    scales = net.constant(np.array([1, 1, *[2] * net.ndim]))
    return net.node("Resize", [small, "", scales], 2, mode="linear", coordinate_transformation_mode="half_pixel")


def resized_cubically(net: Network, x: str) -> str:
    scales = net.constant(np.array([1, 1, *[2] * net.ndim]))
    return net.node("Resize", [x, "", scales], 1, mode="cubic", coordinate_transformation_mode="half_pixel")


def grouped(net: Network, x: str) -> str:
    x = net.conv(x, 4, relu=False)
    weights = net.constant(np.random.default_rng(3).normal(size=(4, 1, *[7] * net.ndim)))
    return net.node("Conv", [x, weights], 4, kernel_shape=[7] * net.ndim, group=4, pads=[3] * (2 * net.ndim))


def shuffled(net: Network, x: str) -> str:
    return net.node("DepthToSpace", [net.conv(x, 8, relu=False)], 2, blocksize=2)


def valid(net: Network, x: str) -> str:
    return net.conv(net.conv(x, 2, pad=False, relu=False), 2, pad=False, kernel=5, relu=False)


def same_by_name(net: Network, x: str) -> str:
    weights = net.constant(np.random.default_rng(4).normal(size=(2, 1, *[4] * net.ndim)))
    return net.node("Conv", [x, weights], 2, kernel_shape=[4] * net.ndim, strides=[2] * net.ndim, auto_pad="SAME_UPPER")


def pooled_overlapping(net: Network, x: str) -> str:
    pads = [1] * net.ndim + [0] * net.ndim
    x = net.node("MaxPool", [x], 1, kernel_shape=[3] * net.ndim, strides=[2] * net.ndim, pads=pads)
    return net.node("LpPool", [x], 1, kernel_shape=[3] * net.ndim, strides=[2] * net.ndim, pads=pads, p=2)


def transposed_overlapping(net: Network, x: str) -> str:
    weights = net.constant(np.random.default_rng(6).normal(size=(1, 2, *[4] * net.ndim)))
    return net.node("ConvTranspose", [x, weights], 2, strides=[2] * net.ndim, pads=[0] * net.ndim + [2] * net.ndim)


def mirrored(net: Network, x: str) -> str:
    pads = net.constant([0, 0, *[2] * net.ndim, 0, 0, *[2] * net.ndim], np.int64)
    return net.conv(net.node("Pad", [x, pads], 1, mode="reflect"), 1, kernel=5, pad=False, relu=False)


def cropped_and_padded(net: Network, x: str) -> str:
    axes = net.constant([2], np.int64)
    x = net.node("Slice", [x, net.constant([3], np.int64), net.constant([2**31], np.int64), axes], 1)
    return net.node("Pad", [x, net.constant([0, 0, 5, *[0] * (net.ndim * 2 - 1 + 2)], np.int64)], 1)


def channels_last(net: Network, x: str) -> str:
    order = [0, *range(2, net.ndim + 2), 1]
    last = net.node("Transpose", [net.conv(x, 3, relu=False)], 3, perm=order)
    last = net.node("MatMul", [last, net.constant(np.random.default_rng(5).normal(size=(3, 2)))], 2)
    return net.conv(net.node("Transpose", [last], 2, perm=[0, net.ndim + 1, *range(1, net.ndim + 1)]), 1, relu=False)


LAYERS = [plain, strided, dilated, transposed, pooled, averaged, resized_linearly, resized_cubically, grouped, valid,
          same_by_name, cropped_and_padded, channels_last, pooled_overlapping, transposed_overlapping,
          mirrored]  # fmt: skip
CASES = [(layers, ndim) for layers in LAYERS for ndim in (2, 3) if (layers, ndim) != (resized_cubically, 3)] + [(shuffled, 2)]


@pytest.mark.parametrize(("layers", "ndim"), CASES, ids=lambda one: getattr(one, "__name__", f"{one}d"))
def test_a_changed_pixel_reaches_just_the_outputs_whose_field_holds_it(
    layers: Callable[[Network, str], str], ndim: int, tmp_path: Path
) -> None:
    net = Network(seed=3, ndim=ndim)
    net.output(layers(net, net.input("raw")), "out")
    path = net.save(tmp_path / "net.onnx")
    # where a border is added to what was cut off, the field is as wide as the cut too
    hold_against_experiment(path, 2, ndim, size=24 if ndim == 3 else 48, exactly=layers is not cropped_and_padded)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_field_of_a_unet_holds_every_output_that_changes(depth: int, tmp_path: Path) -> None:
    path = unet(depth, seed=depth).save(tmp_path / "net.onnx")
    hold_against_experiment(path, 2, 2, size=96 if depth < 4 else 160, exactly=False)


def hold_against_experiment(path: Path, axis: int, ndim: int, size: int, *, exactly: bool = True) -> None:
    facts = read_graph(path)
    field = facts.field("out", axis, ("raw", axis))
    assert field is not None
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    shape = [1, 1, *[size if number + 2 == axis else 32 if ndim == 2 else 12 for number in range(ndim)]]
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    (before,) = session.run(None, {"raw": image})
    for pixel in range(size // 3, size // 3 + 2 * facts.grid["raw", axis]):
        changed = image.copy()
        changed[(0, 0, *[pixel if number + 2 == axis else slice(None) for number in range(ndim)])] += 1e3
        (after,) = session.run(None, {"raw": changed})
        others = tuple(number for number in range(after.ndim) if number != axis)
        reached = set(np.flatnonzero((before != after).any(axis=others)).tolist())
        n = len(field.low)
        foretold = {
            j
            for j in range(after.shape[axis])
            if field.step * j + field.low[j % n] <= pixel <= field.step * j + field.high[j % n]
        }
        assert reached <= foretold, (pixel, sorted(reached), sorted(foretold))
        if exactly:
            assert min(reached) == min(foretold), (pixel, sorted(reached), sorted(foretold))
            assert max(reached) == max(foretold)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_halo_it_gives_is_enough_and_one_less_is_not(depth: int, tmp_path: Path) -> None:
    path = unet(depth, seed=depth).save(tmp_path / "net.onnx")
    facts = read_graph(path)
    field, grid = facts.field("out", 3, ("raw", 3)), facts.grid["raw", 3]
    assert field is not None
    assert grid == 2**depth
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(1).normal(size=(1, 1, 64, 256)).astype(np.float32)
    (whole,) = session.run(None, {"raw": image})
    start, stop, halo = 8 * grid, 256 - 8 * grid, field.halo()
    (tile,) = session.run(None, {"raw": image[..., start:stop]})
    differs = np.abs(tile - whole[..., start:stop]).max(axis=(0, 1, 2))
    assert differs[halo:-halo].max() < 1e-5
    assert max(differs[halo - 1], differs[-halo]) > 1e-5


def test_the_published_unet_needs_the_halo_that_was_measured(shared_sample: Path) -> None:
    facts = read_graph(shared_sample / "weights.onnx")
    field = facts.field("82", 2, ("input.1", 2))
    assert field is not None
    assert (field.halo(), facts.grid["input.1", 2]) == (53, 8)


def whole(kind: str) -> Callable[[Network, str], str]:
    def layers(net: Network, x: str) -> str:
        x = net.conv(x, 2)
        ones, zeros = net.constant([1, 1]), net.constant([0, 0])
        match kind:
            case "InstanceNormalization":
                return net.node(kind, [x, ones, zeros], 2)
            case "Softmax":
                return net.node(kind, [x], 2, axis=2)
            case "ReduceMean":
                return net.node("Mul", [x, net.node(kind, [x], 2, axes=[2, 3])], 2)
            case "GlobalAveragePool":
                return net.node("Mul", [x, net.node(kind, [x], 2)], 2)
            case "LayerNormalization":
                return net.node(kind, [x, net.constant([1.0])], 2, axis=-2)
            case "Resize":
                size = net.constant([1, 2, 64, 64], np.int64)
                return net.node(kind, [x, "", "", size], 2, mode="linear")
            case "MatMul":
                across = net.node("Transpose", [x], 2, perm=[0, 1, 3, 2])
                return net.node(kind, [net.node(kind, [x, across], 2), x], 2)
            case "Concat":
                return net.node(kind, [x, x], 2, axis=2)
        raise AssertionError(kind)

    return layers


@pytest.mark.parametrize(
    "kind",
    ["InstanceNormalization", "Softmax", "ReduceMean", "GlobalAveragePool", "LayerNormalization", "Resize", "MatMul", "Concat"],
)
def test_an_operation_that_looks_at_the_whole_image_is_named(kind: str, tmp_path: Path) -> None:
    net = Network()
    net.output(whole(kind)(net, net.input("raw")), "out")
    reasons = read_graph(net.save(tmp_path / "net.onnx")).global_operations
    assert any(reason.startswith(kind) for reason in reasons["raw", 2]), reasons
    assert not any(reason.startswith(kind) for reason in reasons["raw", 1])


def test_a_normalisation_over_channels_alone_does_not_forbid_tiles(tmp_path: Path) -> None:
    net = Network()
    net.output(net.node("Softmax", [net.conv(net.input("raw"), 3)], 3, axis=1), "out")
    reasons = read_graph(net.save(tmp_path / "net.onnx")).global_operations
    assert not reasons["raw", 2]
    assert not reasons["raw", 3]


def test_an_operation_that_is_not_known_is_named(tmp_path: Path) -> None:
    net = Network()
    x = net.conv(net.input("raw"), 1)
    net.output(net.node("Einsum", [x], 1, equation="bcyx->bcxy"), "out")
    reasons = read_graph(net.save(tmp_path / "net.onnx")).global_operations
    assert reasons["raw", 2] == ("Einsum does something that is not known here",)


def test_memory_grows_with_the_width_of_the_network(tmp_path: Path) -> None:
    narrow, wide = (read_graph(one_conv(outputs=outputs).save(tmp_path / "net.onnx")).bytes_per_pixel for outputs in (1, 64))
    assert narrow >= 4
    assert wide >= 4 * 64


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"PK\x03\x04 not a network")
    with pytest.raises(NetworkError, match="not an ONNX network"):
        read_graph(path)


def test_a_network_that_computes_with_the_images_size_is_not_tiled(tmp_path: Path) -> None:
    net = Network()
    x = net.input("raw")
    size = net.node("Gather", [net.node("Shape", [x], 1), net.constant(3, np.int64)], 1)
    count = net.node("Range", [net.constant(0, np.int64), size, net.constant(1, np.int64)], 1)
    net.output(net.node("Add", [x, net.node("Cast", [count], 1, to=1)], 1), "out")
    reasons = read_graph(net.save(tmp_path / "net.onnx")).global_operations
    assert reasons["raw", 3][0] == "Add computes with its size"


def test_a_running_sum_is_named_along_its_own_axis(tmp_path: Path) -> None:
    net = Network()
    net.output(net.node("CumSum", [net.input("raw"), net.constant(2, np.int64)], 1), "out")
    reasons = read_graph(net.save(tmp_path / "net.onnx")).global_operations
    assert (bool(reasons["raw", 2]), bool(reasons["raw", 3])) == (True, False)


def test_a_resizing_of_some_axes_is_followed_along_these(tmp_path: Path) -> None:
    net = Network()
    scales = net.constant([2.0, 3.0])
    x = net.node("Resize", [net.input("raw"), "", scales], 1, axes=[2, 3], mode="nearest")
    net.output(x, "out")
    facts = read_graph(net.save(tmp_path / "net.onnx", opset=18))
    fields = [facts.field("out", axis, ("raw", axis)) for axis in (1, 2, 3)]
    assert [1 / field.step for field in fields if field is not None] == [1, 2, 3]


def test_a_valid_convolution_needs_no_halo(tmp_path: Path) -> None:
    net = Network()
    net.output(valid(net, net.input("raw")), "out")
    field = read_graph(net.save(tmp_path / "net.onnx")).field("out", 2, ("raw", 2))
    assert field is not None
    assert field.halo(offset=Fraction(-6)) == 0
    assert field.halo(offset=Fraction(-4)) == 2


def test_memory_does_not_take_rows_for_channels(tmp_path: Path) -> None:
    net = Network(ndim=2)
    x = net.input("raw", shape=[1, 512, 512, 1])
    net.output(net.node("Relu", [x], 1), "out", rank=4)
    assert read_graph(net.save(tmp_path / "net.onnx")).bytes_per_pixel <= 16
