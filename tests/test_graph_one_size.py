"""Networks of one size, whose constants may be as large as the image: what their graph says is held against experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort
import pytest

from builders import Network
from networks import read_graph

Layers: TypeAlias = Callable[[Network, str], str]


def numbers(*shape: int) -> Any:
    return np.random.default_rng(1).normal(0, 0.5, shape)


def added(net: Network, x: str) -> str:
    return net.node("Add", [x, net.constant(numbers(1, 1, 32, 32))], 1)


def along_rows(net: Network, x: str) -> str:
    return net.node("Mul", [x, net.constant(np.linspace(0, 1, 32)[:, None])], 1)


def chosen(net: Network, x: str) -> str:
    return net.node("Where", [net.constant(np.arange(32)[:, None] > 12, np.bool_), x, net.node("Neg", [x], 1)], 1)


def places_beside(net: Network, x: str) -> str:
    return net.conv(net.node("Concat", [x, net.constant(numbers(1, 1, 32, 32))], 2, axis=1), 1, relu=False)


def slopes(net: Network, x: str) -> str:
    return net.node("PRelu", [net.node("Neg", [x], 1), net.constant(numbers(1, 32, 32))], 1)


def weights_per_row(net: Network, x: str) -> str:
    last = net.node("Transpose", [x], 1, perm=[0, 2, 3, 1])
    return net.node("Transpose", [net.node("MatMul", [last, net.constant(numbers(32, 1, 1))], 1)], 1, perm=[0, 3, 1, 2])


def rows_as_channels(net: Network, x: str, kind: str = "Conv", **more: Any) -> str:
    first = net.node("Transpose", [x], 32, perm=[0, 2, 1, 3])
    weights = [net.constant(numbers(32, 32, 1, 1))] if kind.startswith("Conv") else []
    return net.node("Transpose", [net.node(kind, [first, *weights], 32, **more)], 1, perm=[0, 2, 1, 3])


def rows_as_channels_transposed(net: Network, x: str) -> str:
    return rows_as_channels(net, x, "ConvTranspose")


def rows_as_channels_normalised(net: Network, x: str) -> str:
    return rows_as_channels(net, x, "LRN", size=5)


def a_window_as_large_as_the_image(net: Network, x: str) -> str:
    return net.node("Mul", [x, net.node("AveragePool", [x], 1, kernel_shape=[32, 32])], 1)


def sizes_with_the_channels_last(net: Network, x: str) -> str:
    last = net.node("Transpose", [net.pool(x)], 1, perm=[0, 2, 3, 1])
    return net.node(
        "Transpose", [net.node("Resize", [last, "", "", net.constant([1, 32, 32, 1], np.int64)], 1)], 1, perm=[0, 3, 1, 2]
    )


def a_size_told_to_a_transposed_convolution(net: Network, x: str) -> str:
    return net.node("ConvTranspose", [x, net.constant(numbers(1, 1, 5, 5))], 1, strides=[2, 2], output_shape=[64, 64])


@pytest.mark.parametrize(
    "layers",
    [added, along_rows, chosen, places_beside, slopes, weights_per_row, rows_as_channels, rows_as_channels_transposed,
     rows_as_channels_normalised, a_window_as_large_as_the_image, sizes_with_the_channels_last,
     a_size_told_to_a_transposed_convolution],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_an_output_depends_on_pixels_of_its_field_wherever_they_are_or_an_operation_is_named(
    layers: Layers, tmp_path: Path
) -> None:
    net = Network(3)
    net.output(layers(net, net.input("raw", shape=[1, 1, 32, 32])), "out")
    path = net.save(tmp_path / "net.onnx")
    facts, session = read_graph(path), ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    if facts.global_operations["raw", 2]:
        return
    field = facts.field("out", 2, ("raw", 2))
    assert field is not None, "nothing is known of the output"
    image = numbers(1, 1, 32, 32).astype(np.float32) + 2
    (before,) = session.run(None, {"raw": image})
    grid, n = facts.grid["raw", 2], len(field.low)
    moved = int(grid / field.step)
    (after,) = session.run(None, {"raw": np.roll(image, grid, axis=2)})
    middle = range(before.shape[2] // 3, before.shape[2] // 2)
    np.testing.assert_allclose(after.take([one + moved for one in middle], 2), before.take(middle, 2), atol=1e-5)
    for pixel in range(12, 12 + 2 * grid):
        changed = image.copy()
        changed[:, :, pixel] += 100
        (after,) = session.run(None, {"raw": changed})
        for j in np.flatnonzero((before != after).any(axis=(0, 1, 3))).tolist():
            assert field.step * j + field.low[j % n] <= pixel <= field.step * j + field.high[j % n], (j, pixel)
