"""Operations that look further than they seem to: each is named, or what is inside the halo is right.

A tile is run beside the whole and compared; where the graph names an operation along an axis, tiles are not promised there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

import ijbridge
from builders import Network, write_model
from networks import read_graph

Layers: TypeAlias = Callable[[Network, str], str]

#: What a Slice counts as the end, whatever the size.
END = 2**40
SIZE, START, STOP = 96, 24, 72


def numbers(*shape: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(0, 0.5, shape)


def ints(net: Network, *values: int) -> str:
    return net.constant(list(values), np.int64)


def sliced(net: Network, x: str, start: int, stop: int, axis: int = 2, step: int = 1) -> str:
    return net.node("Slice", [x, *(ints(net, one) for one in (start, stop, axis, step))], net.channel_count(x))


def sub(name: str, *nodes: Any, inputs: Sequence[Any] = (), outputs: Sequence[str] = ()) -> Any:
    """A graph inside a node; what it does not get it takes from the graph around it."""
    return helper.make_graph(list(nodes), name, list(inputs), [value(one) for one in outputs])


def value(name: str, kind: int = TensorProto.FLOAT, shape: Sequence[int] | None = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


# --- networks of any size --------------------------------------------------------------------------------------------


def branches(net: Network, x: str) -> str:
    then, other = (sub(name, helper.make_node("GlobalAveragePool", [x], [name]), outputs=[name]) for name in ("a", "b"))
    return net.node("Sub", [x, net.node("If", [net.constant(True, np.bool_)], 1, then_branch=then, else_branch=other)], 1)


def branches_alone(net: Network, x: str) -> str:
    weights = net.constant(numbers(1, 1, 5, 5))
    then, other = (
        sub(name, helper.make_node("Conv", [x, weights], [name], pads=[2] * 4), outputs=[name]) for name in ("a", "b")
    )
    return net.node("If", [net.constant(True, np.bool_)], 1, then_branch=then, else_branch=other)


def repeated(net: Network, x: str) -> str:
    convolved = helper.make_node("Conv", [x, net.constant(numbers(1, 1, 5, 5))], ["c"], pads=[2] * 4)
    body = sub(
        "body", convolved, helper.make_node("Add", ["before", "c"], ["after"]), helper.make_node("Identity", ["go"], ["on"]),
        inputs=[value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("before")],
    )  # fmt: skip
    body.output.extend([value("on", TensorProto.BOOL, []), value("after")])
    times, zero = net.constant(2, np.int64), net.constant(np.zeros((1, 1, 1, 1)))
    return net.node("Loop", [times, net.constant(True, np.bool_), zero], 1, body=body)


def cropped_then_padded(net: Network, x: str) -> str:
    return net.conv(sliced(net, sliced(net, x, 4, -4), 4, -4, axis=3), 1, relu=False)


def cropped_by_padding(net: Network, x: str) -> str:
    return net.conv(net.node("Pad", [x, ints(net, 0, 0, -4, -4, 0, 0, -4, -4)], 1), 1, relu=False)


def cropped_by_a_transposed_convolution(net: Network, x: str) -> str:
    weights = net.constant(numbers(1, 2, 2, 2))
    return net.conv(net.node("ConvTranspose", [x, weights], 2, strides=[2, 2], pads=[1] * 4), 1, relu=False)


def nearest_to_one_side(net: Network, x: str) -> str:
    scales = net.constant([1, 1, 2, 2])
    x = net.node(
        "Resize", [x, "", scales], 1, mode="nearest", coordinate_transformation_mode="half_pixel", nearest_mode="floor"
    )
    x = net.node("Pad", [x, ints(net, 0, 0, 0, 0, 0, 0, 2, 2)], 1)
    return net.conv(x, 1, relu=False)


def less_the_first_row(net: Network, x: str) -> str:
    return net.node("Sub", [x, sliced(net, x, 0, 1)], 1)


def less_the_last_row(net: Network, x: str) -> str:
    return net.node("Sub", [x, sliced(net, x, -1, END)], 1)


def upper_half(net: Network, x: str) -> str:
    half = net.node("Div", [sliced(net, net.node("Shape", [x], 1), 2, 3, axis=0), ints(net, 2)], 1)
    return net.node("Slice", [x, ints(net, 0), half, ints(net, 2)], 1)


def around_the_edges(net: Network, x: str) -> str:
    return net.conv(net.node("Pad", [x, ints(net, 0, 0, 2, 2, 0, 0, 2, 2)], 1, mode="wrap"), 1, kernel=5, pad=False)


def around_the_edges_by_hand(net: Network, x: str) -> str:
    parts = [sliced(net, x, -2, END), x, sliced(net, x, 0, 2)]
    return net.conv(net.node("Concat", parts, 1, axis=2), 1, kernel=5, pad=False)


def normalised_by_the_batch(net: Network, x: str) -> str:
    statistics = [net.constant([one]) for one in (1, 0, 0, 1)]
    y = net.node("BatchNormalization", [x, *statistics], 1, training_mode=1)
    net.another_output()
    net.another_output()
    return y


def where_the_largest_are(net: Network, x: str) -> str:
    net.node("MaxPool", [x], 1, kernel_shape=[3, 3], pads=[1] * 4)
    return net.node("Cast", [net.another_output()], 1, to=TensorProto.FLOAT)


def filtered_by_itself(net: Network, x: str) -> str:
    weights = sliced(net, sliced(net, x, 10, 13), 10, 13, axis=3)
    return net.node("Conv", [x, weights], 1, kernel_shape=[3, 3], pads=[1] * 4)


def turned(net: Network, x: str) -> str:
    return net.node("Transpose", [net.conv(x, 1, relu=False)], 1, perm=[0, 1, 3, 2])


def flipped(net: Network, x: str) -> str:
    return sliced(net, sliced(net, x, -1, -END, step=-1), -1, -END, axis=3, step=-1)


def summed_up(net: Network, x: str) -> str:
    return net.node("CumSum", [net.node("CumSum", [x, net.constant(2, np.int64)], 1), net.constant(3, np.int64)], 1)


def resized_like_another(net: Network, x: str) -> str:
    size = sliced(net, net.node("Shape", [x], 1), 2, 4, axis=0)
    size = net.node("Concat", [ints(net, 1, 1), size], 1, axis=0)
    return net.node("Resize", [net.pool(x), "", "", size], 1, mode="nearest")


def twice_its_own_size(net: Network, x: str) -> str:
    """As tf2onnx writes an upsampling of Keras'."""
    x = net.pool(x)
    shape = net.node("Shape", [x], 1)
    last = net.node("Gather", [shape, ints(net, 0, 2, 3, 1)], 1)
    space = sliced(net, net.node("Cast", [last], 1, to=TensorProto.INT32), 1, 3, axis=0)
    space = net.node("Mul", [space, net.constant([2, 2], np.int32)], 1)
    sizes = [sliced(net, shape, 0, 2, axis=0), net.node("Cast", [space], 1, to=TensorProto.INT64)]
    return net.node("Resize", [x, "", "", net.node("Concat", sizes, 1, axis=0)], 1, mode="nearest", nearest_mode="floor",
                    coordinate_transformation_mode="tf_half_pixel_for_nn")  # fmt: skip


def channels_first_by_reshaping(net: Network, x: str) -> str:
    """As tf2onnx writes a transposition of an image of one channel."""
    last = net.node("Transpose", [net.conv(x, 1)], 1, perm=[0, 2, 3, 1])
    return net.conv(net.node("Reshape", [net.node("Unsqueeze", [last, ints(net, 0)], 1), ints(net, -1, 1, 0, 0)], 1), 1)


def corner_to_corner(net: Network, x: str) -> str:
    return net.node("Resize", [x, "", net.constant([1, 1, 2, 2])], 1, mode="linear",
                    coordinate_transformation_mode="align_corners")  # fmt: skip


def grouped_and_normalised(net: Network, x: str) -> str:
    x = net.conv(x, 4, relu=False)
    y = net.node("Reshape", [x, ints(net, 0, 2, -1)], 2)
    y = net.node("InstanceNormalization", [y, net.constant([1, 1]), net.constant([0, 0])], 2)
    return net.node("Reshape", [y, net.node("Shape", [x], 1)], 4)


def squeezed_and_excited(net: Network, x: str) -> str:
    x = net.conv(x, 4)
    return net.node("Mul", [x, net.node("Sigmoid", [net.conv(net.node("GlobalAveragePool", [x], 4), 4, kernel=1)], 4)], 4)


def every_pixel_to_every_other(net: Network, x: str) -> str:
    x = net.conv(x, 4)
    flat = net.node("Reshape", [x, ints(net, 0, 4, -1)], 4)
    alike = net.node("Softmax", [net.node("MatMul", [net.node("Transpose", [flat], 4, perm=[0, 2, 1]), flat], 1)], 1, axis=-1)
    mixed = net.node("MatMul", [flat, alike], 4)
    return net.node("Reshape", [mixed, net.node("Shape", [x], 1)], 4)


def sampled_elsewhere(net: Network, x: str) -> str:
    return net.node("GridSample", [x, net.constant(numbers(1, SIZE, SIZE, 2))], 1)


def unpooled(net: Network, x: str) -> str:
    y = net.node("MaxPool", [x], 1, kernel_shape=[2, 2], strides=[2, 2])
    return net.node("MaxUnpool", [y, net.another_output()], 1, kernel_shape=[2, 2], strides=[2, 2])


def row_after_row(net: Network, x: str) -> str:
    zero = net.node("Mul", [net.node("ReduceSum", [x, ints(net, 2)], 1, keepdims=0), net.constant(0)], 1)
    body = sub(
        "body", helper.make_node("Add", ["s", "e"], ["t"]), helper.make_node("Identity", ["t"], ["o"]),
        inputs=[value("s"), value("e")], outputs=["t", "o"],
    )  # fmt: skip
    net.node("Scan", [zero, x], 1, num_scan_inputs=1, body=body, scan_input_axes=[2], scan_output_axes=[2])
    return net.another_output()


def gathered(net: Network, x: str) -> str:
    return net.node("Gather", [x, ints(net, *range(50))], 1, axis=2)


def above_the_diagonal(net: Network, x: str) -> str:
    return net.node("Trilu", [x], 1)


def norm_along_rows(net: Network, x: str) -> str:
    return net.node("LpNormalization", [x], 1, axis=3, p=2)


def quantised_by_its_range(net: Network, x: str) -> str:
    y = net.node("DynamicQuantizeLinear", [x], 1)
    return net.node("DequantizeLinear", [y, net.another_output(), net.another_output()], 1)


def masked_by_its_size(net: Network, x: str) -> str:
    ones = net.node("ConstantOfShape", [net.node("Shape", [x], 1)], 1, value=helper.make_tensor("v", 1, [1], [1.0]))
    near = net.node("Conv", [ones, net.constant(np.ones((1, 1, 3, 3)))], 1, pads=[1] * 4)
    return net.node("Div", [x, near], 1)


def flipped_by_a_computed_step(net: Network, x: str) -> str:
    step = net.node("Neg", [ints(net, 1)], 1)
    return net.node("Slice", [x, ints(net, -1), ints(net, -END), ints(net, 2), step], 1)


def made_of_its_size(net: Network, x: str) -> str:
    ones = net.node("ConstantOfShape", [net.node("Shape", [x], 1)], 1, value=helper.make_tensor("v", 1, [1], [1.0]))
    return net.node("Conv", [ones, net.constant(np.ones((1, 1, 3, 3)))], 1, pads=[1] * 4)


def nearest_by_a_seventh(net: Network, x: str) -> str:
    return net.node("Resize", [x, "", net.constant([1, 1, 1 / 7, 1 / 7])], 1, mode="nearest")


def about_its_middle(net: Network, x: str) -> str:
    return net.node("Resize", [x, "", net.constant([1, 1, 0.3, 0.3])], 1, mode="linear",
                    coordinate_transformation_mode="half_pixel_symmetric")  # fmt: skip


@pytest.mark.parametrize(
    "layers", [flipped_by_a_computed_step, nearest_by_a_seventh, about_its_middle], ids=lambda one: one.__name__
)
def test_what_cannot_be_told_beforehand_is_named(layers: Layers, tmp_path: Path) -> None:
    net = Network(3)
    net.output(layers(net, net.input("raw")), "out")
    assert read_graph(net.save(tmp_path / "net.onnx", 19)).global_operations["raw", 2]


def test_an_output_that_the_network_makes_of_the_size_alone_is_not_cut(tmp_path: Path) -> None:
    net = Network(3)
    net.output(made_of_its_size(net, net.input("raw")), "out")
    model = write_model(tmp_path / "m", net)
    image = np.zeros((80, 90), np.float32)
    assert ijbridge.plan(model, image, tile=32).tile_count == 1


def after_an_output_that_is_not_asked_for(net: Network, x: str) -> str:
    y = net.node("Dropout", [net.pool(x)], 1)
    net._nodes[-1].output.append("")
    return net.node("Add", [net.node("Clip", [net.upsample(y), "", net.constant(5)], 1), x], 1)


FREE: list[Layers] = [
    branches, branches_alone, repeated, cropped_then_padded, cropped_by_padding, cropped_by_a_transposed_convolution,
    nearest_to_one_side, less_the_first_row, upper_half, less_the_last_row, around_the_edges, around_the_edges_by_hand,
    normalised_by_the_batch, where_the_largest_are, filtered_by_itself, turned, flipped, summed_up, resized_like_another,
    corner_to_corner, grouped_and_normalised, squeezed_and_excited, every_pixel_to_every_other, sampled_elsewhere, unpooled,
    row_after_row, gathered, above_the_diagonal, norm_along_rows, quantised_by_its_range, masked_by_its_size,
    after_an_output_that_is_not_asked_for, twice_its_own_size, channels_first_by_reshaping,
]  # fmt: skip
OPSETS: dict[Layers, int] = {around_the_edges: 19}


@pytest.mark.parametrize("layers", FREE, ids=lambda one: one.__name__)
def test_what_lies_inside_the_halo_is_right_or_an_operation_is_named(layers: Layers, tmp_path: Path) -> None:
    net = Network(3)
    net.output(layers(net, net.input("raw")), "out")
    path = net.save(tmp_path / "net.onnx", OPSETS.get(layers, 17))
    facts, session = read_graph(path), ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = numbers(1, 1, SIZE, SIZE).astype(np.float32) + 2
    (expected,) = session.run(None, {"raw": image})
    for axis in (2, 3):
        sources = [source for source in (("raw", 2), ("raw", 3)) if facts.field("out", axis, source) is not None]
        if any(facts.global_operations["raw", one] for one in (2, 3)):
            continue
        assert sources, "nothing is known of the output"
        (_, along), field = sources[0], facts.field("out", axis, sources[0])
        assert field is not None
        halo = field.halo(offset=expected.shape[axis] - SIZE / field.step)
        for start, stop in ((0, STOP), (START, STOP), (START, SIZE)):
            cut = tuple(slice(start, stop) if one == along else slice(None) for one in range(4))
            (found,) = session.run(None, {"raw": np.ascontiguousarray(image[cut])})
            # a tile that ends with the image keeps what it has there
            inside = range(halo * (start > 0), found.shape[axis] - halo * (stop < SIZE))
            difference = found.take(inside, axis) - expected.take([int(start / field.step) + one for one in inside], axis)
            assert np.abs(difference).max() <= 1e-5 * np.ptp(expected), (axis, start, stop, halo)


@pytest.mark.parametrize(("layers", "halo"), [(twice_its_own_size, 0), (channels_first_by_reshaping, 2)])
def test_what_tensorflow_is_converted_to_is_followed(layers: Layers, halo: int, tmp_path: Path) -> None:
    net = Network(3)
    net.output(layers(net, net.input("raw")), "out")
    facts = read_graph(net.save(tmp_path / "net.onnx"))
    for axis in (2, 3):
        field = facts.field("out", axis, ("raw", axis))
        assert field is not None
        assert field.halo() == halo
        assert not facts.global_operations["raw", axis]


# --- files that are not as usual -------------------------------------------------------------------------------------


def test_an_operator_of_a_domain_of_its_own_is_not_taken_for_its_namesake(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["raw"], ["out"], domain="com.microsoft")
    shape = [None, 1, None, None]
    graph = helper.make_graph([node], "network", [value("raw", 1, shape)], [value("out", 1, shape)])  # type: ignore[arg-type]
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid(one, 1) for one in ("", "com.microsoft")]),
              tmp_path / "net.onnx")  # fmt: skip
    assert read_graph(tmp_path / "net.onnx").global_operations["raw", 2]


def test_an_input_whose_shape_is_not_told_is_not_taken_for_nothing(tmp_path: Path) -> None:
    net = Network()
    net.output(net.conv(net.input("raw"), 1), "out")
    model = onnx.load(net.save(tmp_path / "net.onnx"))
    model.graph.input[0].type.tensor_type.ClearField("shape")
    facts = read_graph(model.SerializeToString())
    assert facts.field("out", 2, ("raw", 2)) is not None or any(facts.global_operations.values())


def channels_last_norm(net: Network, x: str) -> str:
    last = net.node("Transpose", [x], 4, perm=[0, 2, 3, 1])
    normed = net.node("LayerNormalization", [last, net.constant(np.ones(4))], 4, axis=-1)
    return net.node("Transpose", [normed], 4, perm=[0, 3, 1, 2])


def norm_over_channels(net: Network, x: str) -> str:
    away = net.node("Sub", [x, net.node("ReduceMean", [x], 1, axes=[1])], 4)
    return net.node("Div", [away, net.node("ReduceL2", [away], 1, axes=[1])], 4)


def best_channel(net: Network, x: str) -> str:
    return net.node("Cast", [net.node("ArgMax", [x], 1, axis=1)], 1, to=TensorProto.FLOAT)


def some_channels(net: Network, x: str) -> str:
    return sliced(net, x, 1, 3, axis=1)


def neighbouring_channels(net: Network, x: str) -> str:
    return net.node("LRN", [net.node("Dropout", [x], 4)], 4, size=3)


@pytest.mark.parametrize(
    "layers",
    [channels_last_norm, norm_over_channels, best_channel, some_channels, neighbouring_channels],
    ids=lambda one: one.__name__,
)
def test_what_looks_along_the_channels_alone_can_be_cut(layers: Layers, tmp_path: Path) -> None:
    net = Network()
    net.output(layers(net, net.conv(net.input("raw"), 4)), "out")
    facts = read_graph(net.save(tmp_path / "net.onnx"))
    for axis in (2, 3):
        field = facts.field("out", axis, ("raw", axis))
        assert field is not None
        assert field.halo() == 1
        assert not facts.global_operations["raw", axis]
