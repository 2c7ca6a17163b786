"""Networks drawn at random: layers put together as networks for images are; each kind gives the tensors to be outputs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from generated_layers import Drawn


def plain(net: Drawn) -> list[str]:
    x = net.start(channels=net.one_of(1, 1, 2))
    for _ in range(int(net.draw.integers(1, 5))):
        kernel = tuple(net.one_of(1, 2, 3, 3, 5, 7) for _ in range(net.ndim))
        x = net.active(net.window("Conv", x, kernel, border=net.said(net.border()), channels=net.one_of(2, 4)))
    return [net.project(x, 2)]


def strided(net: Drawn) -> list[str]:
    x = net.start()
    for _ in range(int(net.draw.integers(1, 4))):
        kernel, stride = net.one_of(1, 2, 3, 4, 5, 7), net.one_of(2, 2, 3)
        net.said(f"{kernel}/{stride}")
        x = net.window("Conv", x, net.each(kernel), net.each(stride), border=net.border(), channels=4)
    return [net.wide(x, 2)]


def dilated(net: Drawn) -> list[str]:
    x = net.project(net.start(), 4)
    for dilation in (1, 2, 4, net.one_of(8, 3, 16))[: net.said(int(net.draw.integers(2, 5)), "layers")]:
        dilations = tuple(net.one_of(1, dilation, dilation) for _ in range(net.ndim))
        y = net.window(
            "Conv",
            x,
            (3,) * net.ndim,
            dilation=dilations,
            border=net.one_of("zeros", "uneven"),
            channels=4,
            group=net.one_of(1, 2, 4),
        )
        x = net.added(x, net.active(y))
    return [net.project(x, 1)]


def enlarged(net: Drawn) -> list[str]:
    x = net.wide(net.start(), 3)
    for _ in range(int(net.draw.integers(1, 3))):
        x = net.active(net.doubled(x, 3))
    return [net.wide(x, 1)]


def hourglass(net: Drawn) -> list[str]:
    x = net.wide(net.start(), 4, kernel=net.one_of(3, 5))
    kernel, factor = net.one_of((2, 2), (3, 2), (4, 2), (5, 2), (3, 3), (4, 3), (2, 3), (4, 4), (6, 4))
    net.words.append(f"up {kernel}/{factor}")
    x = net.window("Conv", x, net.each(net.one_of(factor, factor + 1, factor + 3)), net.each(factor), channels=4)
    return [net.wide(net.transposed(net.active(x), 3, kernel, factor), 2)]


def pooled(net: Drawn) -> list[str]:
    x = net.wide(net.start(), 3)
    for _ in range(int(net.draw.integers(1, 4))):
        kind, (kernel, stride) = (
            net.one_of("MaxPool", "AveragePool"),
            net.one_of((2, 2), (3, 2), (3, 3), (3, 1), (5, 2), (4, 4)),
        )
        border = net.one_of("zeros", "uneven", "SAME_UPPER", "SAME_LOWER")
        net.said(f"{kind} {kernel}/{stride}")
        x = net.window(kind, x, net.each(kernel), net.each(stride), border=border)
    return [net.wide(x, 2)]


def valid(net: Drawn) -> list[str]:
    x = net.start()
    for _ in range(int(net.draw.integers(1, 4))):
        kernel = tuple(net.one_of(1, 2, 3, 5) for _ in range(net.ndim))
        net.words.append("x".join(map(str, kernel)))
        x = net.active(net.window("Conv", x, kernel, border="valid", channels=3))
    return [net.halved(x) if net.draw.random() < 0.4 else x]


def unet(net: Drawn, depth: int | None = None, several: bool = False) -> list[str]:
    depth = depth or int(net.one_of(1, 2, 2, 3, 3, 4))
    kernel, adds, border = net.one_of(3, 3, 5) if depth < 3 else 3, net.draw.random() < 0.5, net.border()
    net.words += [f"depth {depth}", f"kernel {kernel}", "add" if adds else "concat", border]
    x, skips, outputs = net.start(channels=net.one_of(1, 1, 2)), [], []
    for level in range(depth):
        x = net.wide(x, 4 * min(4, 2**level), kernel, border)
        skips.append(x)
        x = net.halved(x)
    x = net.wide(x, 8 * depth, kernel, border)
    for level in reversed(range(depth)):
        if several and level < 2:
            outputs.append(net.project(x, 1))
        width = 4 * min(4, 2**level)
        x = net.doubled(x, width)
        x = net.added(x, skips[level]) if adds else net.joined(x, skips[level])
        x = net.wide(x, width, kernel, border)
    return [*outputs, net.project(x, net.one_of(1, 3))]


def supervised(net: Drawn) -> list[str]:
    return unet(net, depth=net.one_of(2, 3), several=True)


def flat_unet(net: Drawn) -> list[str]:
    net.flat = frozenset([0])
    return unet(net, depth=net.one_of(1, 2))


def valid_unet(net: Drawn) -> list[str]:
    depth = net.said(net.one_of(1, 1, 2, 2, 3), "depth")

    def level(x: str, left: int) -> tuple[str, int]:
        x = net.active(net.window("Conv", x, (3,) * net.ndim, border="valid", channels=4))
        if left == 0:
            return x, 2
        inner, lost = level(net.window("MaxPool", x, net.each(2), net.each(2)), left - 1)
        up = net.doubled(inner, 4)
        x = net.joined(net.cropped(x, (lost,) * net.ndim), up)
        return net.active(net.window("Conv", x, (3,) * net.ndim, border="valid", channels=4)), 2 * lost + 4

    x, _ = level(net.start(), depth)
    return [net.project(x, 2)]


def resized(net: Drawn) -> list[str]:
    x = net.wide(net.start(), 2)
    factor, mode = Fraction(net.one_of("2", "4", "1/2", "1/4")), net.one_of("nearest", "linear", "linear", "cubic")
    if net.ndim == 3 and mode == "cubic":
        mode = "linear"
    net.words += [str(factor), mode]
    return [net.wide(net.resized(x, factor, mode, net.said(net.one_of("half_pixel", "asymmetric", "pytorch_half_pixel"))), 2)]


def shuffled(net: Drawn) -> list[str]:
    block = net.said(net.one_of(2, 2, 4), "by")
    x = net.wide(net.start(), 2)
    small = net.point("SpaceToDepth", x, channels=2 * block**2, blocksize=block)
    net.reach[small] = net.reach[x].through((block, block), (Fraction(block),) * 2)
    small = net.wide(small, 2 * block**2)
    large = net.point("DepthToSpace", small, channels=2, blocksize=block, mode=net.one_of("DCR", "CRD"))
    net.reach[large] = net.reach[small].through((1, 1), (Fraction(1, block),) * 2)
    return [net.added(x, large)]


def attentive(net: Drawn) -> list[str]:
    x = net.wide(net.start(), 6)
    last = [0, *range(2, net.ndim + 2), 1]
    y = net.node("Transpose", [net.window("Conv", x, (7,) * net.ndim, channels=6, group=6)], 6, perm=last)
    y = net.node("LayerNormalization", [y, net.constant(np.ones(6))], 6, axis=-1)
    y = net.node("MatMul", [y, net.constant(net.draw.normal(0, 0.3, (6, 12)))], 12)
    y = net.node("Transpose", [y], 12, perm=[0, net.ndim + 1, *range(1, net.ndim + 1)])
    net.reach[y] = net.reach[x].through((7,) * net.ndim, (Fraction(1),) * net.ndim)
    first, second = net.channels_of(y, 0, 6), net.channels_of(y, 6, 12)
    x = net.point("Add", x, net.point("Mul", first, net.point("Sigmoid", second)))
    mean = net.point("ReduceMean", x, channels=1, axes=[1])
    return [net.point("Softmax", net.wide(net.point("Sub", x, mean), 4), axis=1)]


def grown(net: Drawn) -> list[str]:
    border = net.said(net.one_of("constant", "edge", "reflect"))
    x, by = net.wide(net.start(), 2), [int(one) for one in net.draw.integers(0, 5, 2 * net.ndim)]
    amounts = [0, 0, *by[: net.ndim], 0, 0, *by[net.ndim :]]
    y = net.point("Pad", x, net.constant(amounts, np.int64), mode=border)
    return [net.active(net.window("Conv", y, (3,) * net.ndim, border="valid", channels=2))]


def residual(net: Drawn) -> list[str]:
    x = net.window("Conv", net.start(), net.each(7), net.each(2), border="uneven", channels=4)
    x = net.window("MaxPool", net.active(x), net.each(3), net.each(2), border="uneven")
    levels = [x]
    for _ in range(net.said(int(net.draw.integers(1, 3)), "levels")):
        y = net.active(net.window("Conv", x, net.each(3, 3), net.each(2), channels=6))
        x = net.point("Relu", net.added(net.window("Conv", x, net.each(1), net.each(2), channels=6), net.wide(y, 6)))
        levels.append(x)
    outputs = [net.project(x, 4)]
    for level in reversed(levels[:-1]):
        x = net.added(level, net.resized(net.project(x, 4), Fraction(2)))
        outputs.append(net.wide(x, 2))
    return outputs


def two_inputs(net: Drawn) -> list[str]:
    apart = Fraction(net.one_of("1", "2", "1/2", "4"))
    net.words.append(f"pixels {apart} apart")
    x, y = net.wide(net.start(), 3), net.wide(net.start("other", 1, apart), 3, kernel=5)
    while net.reach[y].apart[0] > 1:
        y = net.doubled(y, 3)
    while net.reach[y].apart[0] < 1:
        y = net.halved(y)
    return [net.wide(net.joined(x, y), 2)]


def link(net: Drawn, x: str, kind: str) -> str:
    """Add any layer behind any other, whether that makes sense or not."""
    coarse = max(net.reach[x].apart) >= 1
    match kind:
        case "conv":
            return net.wide(x, 3, net.one_of(2, 3, 5), net.border())
        case "valid":
            return net.active(net.window("Conv", x, (net.one_of(2, 3, 4),) * net.ndim, border="valid", channels=3))
        case "half":
            return net.halved(x)
        case "pool":
            size = net.each(net.one_of(2, 3))
            return net.window(net.one_of("MaxPool", "AveragePool"), x, size, size, border=net.one_of("zeros", "SAME_UPPER"))
        case "stride":
            kernel, stride = net.one_of((1, 2), (3, 2), (5, 3), (4, 2))
            return net.window("Conv", x, net.each(kernel), net.each(stride), border=net.one_of("zeros", "valid", "uneven"))
        case "double" if coarse:
            return net.doubled(x, 3)
        case "linear" | "cubic" if coarse:
            mode = kind if net.ndim == 2 else "linear"
            return net.resized(x, Fraction(net.one_of("1/2", "2")), mode, net.one_of("half_pixel", "asymmetric"))
        case "pad":
            by = [int(one) for one in net.draw.integers(0, 3, 2 * net.ndim)]
            amounts = net.constant([0, 0, *by[: net.ndim], 0, 0, *by[net.ndim :]], np.int64)
            return net.point("Pad", x, amounts, mode=net.one_of("constant", "edge", "reflect"))
        case "crop":
            return net.cropped(x, tuple(net.one_of(1, 2, 3) for _ in range(net.ndim)))
    return x


LINKS = ("conv", "valid", "half", "pool", "stride", "double", "linear", "cubic", "pad", "crop")


def chained(net: Drawn) -> list[str]:
    x = net.start()
    for _ in range(int(net.draw.integers(2, 7))):
        x = link(net, x, net.said(net.one_of(*LINKS)))
    return [net.wide(x, 1)]


#: Kinds by name, with the numbers of axes they can have.
KINDS: dict[str, tuple[Callable[[Drawn], list[str]], tuple[int, ...]]] = {
    "plain": (plain, (2, 3)),
    "strided": (strided, (2, 3)),
    "dilated": (dilated, (2, 3)),
    "enlarged": (enlarged, (2, 3)),
    "hourglass": (hourglass, (2, 3)),
    "pooled": (pooled, (2, 3)),
    "valid": (valid, (2, 3)),
    "unet": (unet, (2, 3)),
    "unet, several outputs": (supervised, (2, 3)),
    "unet, 3D, flat": (flat_unet, (3,)),
    "unet, valid": (valid_unet, (2, 3)),
    "resized": (resized, (2, 3)),
    "shuffled": (shuffled, (2,)),
    "attentive": (attentive, (2, 3)),
    "grown": (grown, (2, 3)),
    "residual, pyramid": (residual, (2, 3)),
    "two inputs": (two_inputs, (2, 3)),
    "chained": (chained, (2, 3)),
}
