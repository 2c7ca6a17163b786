"""The layers of which generated networks are made, with what is left open in them drawn at random.

Nothing here asks ijbridge: how far a network looks is reckoned by the textbook's formula for receptive fields (Araujo, Norris
and Sim 2019), which is roughly enough to draw sizes and tiles that go well together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from builders import Network

#: One number per spatial axis.
Each: TypeAlias = tuple[int, ...]
Draw: TypeAlias = np.random.Generator


@dataclass(frozen=True)
class Reach:
    """How many pixels of the input one element looks at, and how far apart elements are, per axis."""

    pixels: tuple[Fraction, ...]
    apart: tuple[Fraction, ...]

    def through(self, kernel: Sequence[float | Fraction], factor: Sequence[Fraction]) -> Reach:
        """Give the reach behind a window of ``kernel`` elements; one new element is ``factor`` of these."""
        pixels = [p + (Fraction(k) - 1) * a for p, k, a in zip(self.pixels, kernel, self.apart, strict=True)]
        return Reach(tuple(pixels), tuple(a * f for a, f in zip(self.apart, factor, strict=True)))

    def joined(self, other: Reach) -> Reach:
        """Give the reach of an element made of both."""
        assert self.apart == other.apart
        return Reach(tuple(max(pair) for pair in zip(self.pixels, other.pixels, strict=True)), self.apart)


class Drawn(Network):
    """A network whose layers are drawn; it keeps the reach of every tensor."""

    def __init__(self, draw: Draw, ndim: int) -> None:
        super().__init__(int(draw.integers(2**31)), ndim)
        self.draw = draw
        self.reach: dict[str, Reach] = {}
        #: What was drawn, to be read in a table.
        self.words: list[str] = []
        #: Axes along which pooling and resizing leave the size alone.
        self.flat: frozenset[int] = frozenset()

    # --- drawing ---

    def one_of(self, *choices: Any) -> Any:
        """Draw one."""
        return choices[int(self.draw.integers(len(choices)))]

    def said(self, choice: Any, word: str = "") -> Any:
        """Put a choice into the name of the network, after a word."""
        self.words.append(f"{word} {choice}".strip())
        return choice

    def each(self, number: int, flat: int = 1) -> Each:
        """Give a number for every axis, another one for the axes that stay."""
        return tuple(flat if axis in self.flat else number for axis in range(self.ndim))

    # --- layers ---

    def start(self, name: str = "raw", channels: int = 1, apart: Fraction = Fraction(1)) -> str:
        """Add an input; ``apart`` is how far apart its pixels are in those of the first."""
        self.reach[name] = Reach((Fraction(1),) * self.ndim, (apart,) * self.ndim)
        return self.input(name, channels)

    def window(
        self,
        kind: str,
        x: str,
        kernel: Each,
        stride: Each | None = None,
        dilation: Each | None = None,
        border: str = "zeros",
        channels: int | None = None,
        group: int = 1,
        **more: Any,
    ) -> str:
        """Add a convolution or pooling; one over the stride as large, but for a ``valid`` border."""
        given, channels = self._channels[x], self._channels[x] if channels is None else channels
        stride, dilation = stride or (1,) * self.ndim, dilation or (1,) * self.ndim
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        totals = [max(0, span - s) for span, s in zip(spans, stride, strict=True)]
        before = [int(self.draw.integers(total + 1)) if border == "uneven" else total // 2 for total in totals]
        pads = [*before, *(total - first for total, first in zip(totals, before, strict=True))]
        source = x
        if border in ("SAME_UPPER", "SAME_LOWER"):
            more["auto_pad"] = border
        elif border in ("reflect", "edge", "constant"):
            amounts = [0, 0, *pads[: self.ndim], 0, 0, *pads[self.ndim :]]
            source = self.node("Pad", [x, self.constant(amounts, np.int64)], given, mode=border)
        elif border != "valid":
            more["pads"] = pads
        if kind == "Conv":
            shape = (channels, given // group, *kernel)
            weights = self._rng.normal(0, np.prod(shape[1:]) ** -0.5, shape)
            more |= {"group": group, "dilations": list(dilation)}
            inputs = [source, self.constant(weights), self.constant(self._rng.normal(0, 0.1, channels))]
        else:
            inputs = [source]
        y = self.node(kind, inputs, channels, kernel_shape=list(kernel), strides=list(stride), **more)
        self.reach[y] = self.reach[x].through(spans, [Fraction(s) for s in stride])
        return y

    def wide(self, x: str, channels: int, kernel: int = 3, border: str = "zeros", **more: Any) -> str:
        """Add a convolution that keeps the size, and what follows one."""
        y = self.window("Conv", x, (kernel,) * self.ndim, border=border, channels=channels, **more)
        return self.active(y)

    def active(self, x: str) -> str:
        """Add an activation, sometimes a normalisation before it."""
        n = self._channels[x]
        if self.draw.random() < 0.25:
            numbers = [self._rng.uniform(0.5, 1.5, n), *self._rng.normal(0, 0.1, (2, n)), self._rng.uniform(0.5, 1.5, n)]
            x = self.point("BatchNormalization", x, *(self.constant(one) for one in numbers))
        kind = self.one_of("Relu", "LeakyRelu", "Elu", "PRelu", "HardSwish", "Sigmoid", "Tanh")
        slope = [self.constant(self._rng.uniform(0, 0.5, (n, *[1] * self.ndim)))] if kind == "PRelu" else []
        return self.point(kind, x, *slope)

    def point(self, kind: str, x: str, *others: str, channels: int | None = None, **more: Any) -> str:
        """Add an operation that looks at one element alone."""
        y = self.node(kind, [x, *others], self._channels[x] if channels is None else channels, **more)
        self.reach[y] = self.reach[x]
        for other in others:
            self.reach[y] = self.reach[y].joined(self.reach.get(other, self.reach[x]))
        return y

    def joined(self, *xs: str) -> str:
        """Join along the channels."""
        return self.point("Concat", *xs, channels=sum(self._channels[x] for x in xs), axis=1)

    def project(self, x: str, channels: int) -> str:
        """Change the number of channels alone."""
        return self.window("Conv", x, (1,) * self.ndim, channels=channels)

    def added(self, x: str, y: str) -> str:
        """Add two tensors, the first with as many channels as the second."""
        return self.point("Add", self.project(x, self._channels[y]), y)

    def channels_of(self, x: str, begin: int, end: int) -> str:
        """Take some channels."""
        places = [self.constant([one], np.int64) for one in (begin, end, 1)]
        return self.point("Slice", x, *places, channels=end - begin)

    def cropped(self, x: str, by: Each) -> str:
        """Cut so many elements off every end."""
        places = [self.constant(one, np.int64) for one in (by, [-one for one in by], range(2, self.ndim + 2))]
        return self.point("Slice", x, *places)

    def resized(self, x: str, factor: Fraction, mode: str = "nearest", transform: str = "asymmetric") -> str:
        """Resize along the axes that do not stay."""
        factors = [Fraction(1) if axis in self.flat else factor for axis in range(self.ndim)]
        more = {"nearest_mode": self.one_of("floor", "round_prefer_floor")} if mode == "nearest" else {}
        y = self.node("Resize", [x, "", self.constant([1, 1, *map(float, factors)])], self._channels[x], mode=mode,
                      coordinate_transformation_mode=transform, **more)  # fmt: skip
        around = {"nearest": 1, "linear": 2, "cubic": 4}[mode]
        self.reach[y] = self.reach[x].through([around if one != 1 else 1 for one in factors], [1 / one for one in factors])
        return y

    def transposed(self, x: str, channels: int, kernel: int, factor: int = 2) -> str:
        """Enlarge by a transposed convolution, whose windows overlap where the kernel is larger than the factor."""
        kernels, factors = self.each(kernel), self.each(factor)
        totals = [max(0, k - f) for k, f in zip(kernels, factors, strict=True)]
        before = [int(self.draw.integers(total + 1)) for total in totals]
        weights = self._rng.normal(0, (self._channels[x] * kernel) ** -0.5, (self._channels[x], channels, *kernels))
        y = self.node(
            "ConvTranspose", [x, self.constant(weights)], channels, kernel_shape=list(kernels), strides=list(factors),
            pads=[*before, *(total - first for total, first in zip(totals, before, strict=True))],
            output_padding=[max(0, f - k) for k, f in zip(kernels, factors, strict=True)],
        )  # fmt: skip
        looks = [Fraction(k - 1, f) + 1 for k, f in zip(kernels, factors, strict=True)]
        self.reach[y] = self.reach[x].through(looks, [Fraction(1, f) for f in factors])
        return y

    def halved(self, x: str) -> str:
        """Make half as large, in one of the ways that networks do."""
        two, kind = self.each(2), self.one_of("MaxPool", "MaxPool", "AveragePool", "pool of 3", "Conv", "Conv of 4", "1 x 1")
        match kind:
            case "pool of 3":
                return self.window(self.one_of("MaxPool", "AveragePool"), x, self.each(3), two, border="uneven")
            case "Conv" | "Conv of 4":
                return self.window("Conv", x, self.each(4 if "4" in kind else 3), two, border=self.border())
            case "1 x 1":
                return self.window("Conv", x, self.each(1), two)
        return self.window(kind, x, two, two)

    def doubled(self, x: str, channels: int) -> str:
        """Make twice as large, in one of the ways that networks do."""
        kind = self.one_of("nearest", "linear", "transposed 2", "transposed 3", "transposed 4")
        self.said(kind)
        if kind.startswith("transposed"):
            return self.transposed(x, channels, int(kind[-1]))
        return self.resized(x, Fraction(2), kind, self.one_of("half_pixel", "asymmetric", "pytorch_half_pixel"))

    def border(self) -> str:
        """Draw how a convolution that keeps the size meets the border."""
        return str(self.one_of("zeros", "zeros", "uneven", "SAME_UPPER", "SAME_LOWER", "edge", "reflect", "constant"))
