"""How the axes of all tensors of a model hang together for one image: lines, links and what the network asks of them.

Every input axis that has a size of its own is a *line* (see `ijbridge.tiling`), named ``tensor.axis``; every axis whose size
refers to another is linked to a line. An output of fixed size beside an input of fixed size is linked too: their sizes say
how.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil

from ijbridge.description import (
    Axis,
    FixedSize,
    FreeSize,
    ModelDescription,
    ReferencedSize,
    Size,
    SteppedSize,
    Tensor,
)
from ijbridge.errors import AxesError, CannotRunError
from ijbridge.image import Header
from ijbridge.mapping import AxisMap
from ijbridge.network_facts import NetworkFacts
from ijbridge.processing import full_axis, number_count
from ijbridge.tiling import AxisRules, Link


@dataclass(frozen=True)
class AxisPlan:
    """One axis of a tensor, for one image.

    ``letter`` is the axis of the image (inputs) or result (outputs) that it is, None where it is an added or dropped axis
    of one; ``line`` the line it follows, through ``link``; ``size`` its number of elements for the whole sample.
    """

    id: str
    letter: str | None
    size: int
    line: str | None = None
    link: Link = field(default_factory=Link)


def tensor_of(line: str) -> str:
    """Give the tensor of a line's name."""
    return line.rpartition(".")[0]


def axis_of(line: str) -> str:
    """Give the axis of a line's name."""
    return line.rpartition(".")[2]


class Geometry:
    """The lines of a model for one image per input, and how every axis follows them."""

    def __init__(
        self,
        description: ModelDescription,
        headers: Mapping[str, Header],
        maps: Mapping[str, AxisMap],
        facts: NetworkFacts | None = None,
    ) -> None:
        self._facts = facts
        #: Pixels of the sample along each line, by its name.
        self.sizes: dict[str, int] = {}
        #: The image axis of each line; None for an added axis of one.
        self.letters: dict[str, str | None] = {}
        self._accepts: dict[str, Size] = {}
        self._description = description
        self._tensors = {tensor.id: tensor for tensor in (*description.inputs, *description.outputs)}
        self._maps = maps
        self._headers = headers
        self._twins: dict[str, str] = {}
        #: Halos to use instead of the declared ones, by output and axis.
        self.halos: dict[tuple[str, str], int] = {}
        for tensor in description.inputs:
            for number, axis in enumerate(tensor.axes):
                if axis.kind not in ("batch", "channel") and not isinstance(axis.size, ReferencedSize):
                    self._add_line(tensor, axis, maps[tensor.id].letters[number])
        for tensor in description.inputs:
            self.input_axes(tensor)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The model's inputs."""
        return self._description.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The model's outputs."""
        return self._description.outputs

    @property
    def whole_because(self) -> str | None:
        """The description's reason for forbidding tiles."""
        return self._description.whole_because

    def rules(self) -> dict[str, AxisRules]:
        """Give what the network asks of each line."""
        inputs = [axis for tensor in self._description.inputs for axis in self.input_axes(tensor)]
        outputs = [self.output_axes(tensor) for tensor in self._description.outputs]
        rules = {}
        for name in self.sizes:
            per_output = [[axis for axis in axes if axis.line == name] for axes in outputs]
            rules[name] = AxisRules(
                accepts=self._accepts[name],
                outputs=tuple(axis.link for axes in per_output for axis in axes),
                inputs=tuple(axis.link for axis in inputs if axis.line == name),
                tileable=all(len(axes) == 1 for axes in per_output) and not self._looked_along(name),
                both_sides=self._tensors[name.rpartition(".")[0]].padding.both_sides,
            )
        return rules

    def input_axes(self, tensor: Tensor) -> tuple[AxisPlan, ...]:
        """Follow the axes of an input."""
        header, letters = self._headers[tensor.id], self._maps[tensor.id].letters
        plans = []
        for axis, letter in zip(tensor.axes, letters, strict=True):
            size = (header.size(letter) or 1) if letter is not None else 1
            if axis.kind in ("batch", "channel"):
                plans.append(AxisPlan(axis.id, letter, size))
                continue
            line, link = self._follow(tensor.id, axis)
            if link.size(self.sizes[line]) != size:
                raise AxesError(
                    f"{header.name} has {size} pixels along {letter or axis.id}, but the model's input {tensor.id!r} needs "
                    f"{link.size(self.sizes[line])} where {tensor_of(line)!r} has {self.sizes[line]}."
                )
            plans.append(AxisPlan(axis.id, letter, size, line, link))
        return tuple(plans)

    def output_axes(self, tensor: Tensor) -> tuple[AxisPlan, ...]:
        """Follow the axes of an output.

        Raises
        ------
        CannotRunError
            If a size is known only after the network has run, or an axis is none of a result.
        """
        plans = []
        for axis in tensor.axes:
            if axis.kind == "batch":
                plans.append(AxisPlan(axis.id, None, 1))
                continue
            letter = "i" if axis.kind == "index" else axis.letter
            if letter is None:
                raise CannotRunError(
                    f"The output {tensor.id!r} has an axis {axis.id!r} ({axis.kind}), which is no axis of an image: ijbridge "
                    "cannot show it."
                )
            line, link = self._follow_output(tensor, axis)
            if line is None:
                plans.append(AxisPlan(axis.id, letter, self._constant(tensor, axis)))
                continue
            size = link.size(self.sizes[line])
            if size < 1:
                raise AxesError(
                    f"The image has {self.sizes[line]} pixels along {self.letters[line]}, from which the output "
                    f"{tensor.id!r} makes none: give a larger image."
                )
            plans.append(AxisPlan(axis.id, letter, size, line, self._with_halo(tensor, axis, link)))
        return tuple(plans)

    def _with_halo(self, tensor: Tensor, axis: Axis, link: Link) -> Link:
        return replace(link, halo=self.halos.get((tensor.id, axis.id), link.halo))

    def _add_line(self, tensor: Tensor, axis: Axis, letter: str | None) -> None:
        name = f"{tensor.id}.{axis.id}"
        size = (self._headers[tensor.id].size(letter) or 1) if letter is not None else 1
        accepts = SteppedSize(1, 1) if isinstance(axis.size, FreeSize) else axis.size
        for other in self.sizes:
            # two inputs that show the same place are cut at the same places
            if (self.letters[other], self.sizes[other], self._accepts[other]) == (letter, size, accepts) and letter:
                self._twins[name] = other
                return
        self.sizes[name], self.letters[name], self._accepts[name] = size, letter, accepts

    def _follow(self, tensor: str, axis: Axis) -> tuple[str, Link]:
        """Go from an axis through its references to a line."""
        ratio, offset, size, name = Fraction(1), Fraction(0), axis.size, f"{tensor}.{axis.id}"
        while isinstance(size, ReferencedSize):
            # this = r1 * (r2 * line + o2) + o1
            offset, ratio = offset + ratio * size.offset, ratio * size.ratio
            name = f"{size.tensor}.{size.axis}"
            size = self._tensors[size.tensor].axis(size.axis).size
        return self._twins.get(name, name), Link(ratio, offset, axis.halo)

    def _follow_output(self, tensor: Tensor, axis: Axis) -> tuple[str | None, Link]:
        if isinstance(axis.size, ReferencedSize):
            line, link = self._follow(tensor.id, axis)
            return (line, link) if line in self.sizes else (None, link)
        if isinstance(axis.size, FixedSize) and axis.kind in ("space", "time"):
            for name, accepts in self._accepts.items():
                if isinstance(accepts, FixedSize) and self.letters[name] == axis.letter:
                    return name, self._fixed_link(tensor, axis, name, accepts.size, axis.size.size)
        return None, Link()

    def _fixed_link(self, tensor: Tensor, axis: Axis, line: str, size: int, output: int) -> Link:
        """Relate an output of fixed size to an input of fixed size: as the network does, else as their sizes suggest."""
        source = tensor_of(line)
        number = [one.id for one in self._tensors[source].axes].index(axis_of(line))
        place = [one.id for one in tensor.axes].index(axis.id)
        field = self._facts.field(tensor.id, place, (source, number)) if self._facts is not None else None
        if field is not None:
            ratio = 1 / field.step
        elif output % size == 0 or size % output == 0:
            ratio = Fraction(output, size)
        else:
            ratio = Fraction(1)
        return Link(ratio, output - size * ratio, axis.halo)

    def _constant(self, tensor: Tensor, axis: Axis) -> int:
        size = axis.size
        if isinstance(size, ReferencedSize):
            _, link = self._follow(tensor.id, axis)
            while isinstance(size, ReferencedSize):
                last = size
                size = self._tensors[size.tensor].axis(size.axis).size
            for source in self._description.inputs:
                if source.id == last.tensor:
                    return link.size(next(one.size for one in self.input_axes(source) if one.id == last.axis))
            if isinstance(size, FixedSize):
                return link.size(size.size)
            raise CannotRunError(
                f"The size of the axis {axis.id!r} of the output {tensor.id!r} refers to {last.axis!r} of {last.tensor!r}, "
                "whose size is not known."
            )
        if isinstance(size, FixedSize):
            return size.size
        raise CannotRunError(
            f"The size of the axis {axis.id!r} of the output {tensor.id!r} is known only after the network has run, which "
            "this version cannot plan for."
        )

    def _followed(self) -> list[tuple[Tensor, tuple[AxisPlan, ...]]]:
        """Give every tensor with its axes for this image."""
        return [
            *((tensor, self.input_axes(tensor)) for tensor in self._description.inputs),
            *((tensor, self.output_axes(tensor)) for tensor in self._description.outputs),
        ]

    def _looked_along(self, line: str) -> bool:
        """Whether an operation of a tensor needs all pixels along a line at once."""
        return any(
            axis.id == full_axis(operation) and axis.line == line
            for tensor, axes in self._followed()
            for operation in tensor.operations
            for axis in axes
        )

    def check_numbers(self) -> None:
        """Refuse an image along an axis of which an operation has a number for more or fewer elements.

        Raises
        ------
        AxesError
            With both counts.
        """
        for tensor, axes in self._followed():
            for operation in tensor.operations:
                numbers = number_count(operation)
                size = next((axis.size for axis in axes if axis.id == full_axis(operation)), numbers)
                if numbers not in (1, size):
                    raise AxesError(
                        f"An operation of {tensor.id!r} gives {numbers} numbers along {full_axis(operation)!r}, of which the "
                        f"image has {size} elements: give one with {numbers}."
                    )


def accepted_sizes(description: ModelDescription, tensor: Tensor) -> list[tuple[int, int] | None]:
    """Give the smallest size of each axis of an input and the step to the next (0: there is one size); None: any."""
    tensors = {one.id: one for one in description.inputs}

    def of(size: Size) -> tuple[int, int]:
        match size:
            case FixedSize(n):
                return n, 0
            case SteppedSize(low, by):
                return low, by
            case ReferencedSize(other, axis, ratio) if other in tensors:
                base = of(tensors[other].axis(axis).size)
                step = base[1] * ratio
                return (size.of(base[0]), int(step)) if step.denominator == 1 else (1, 1)
            case _:
                return 1, 1

    return [None if axis.kind == "batch" else of(axis.size) for axis in tensor.axes]


def halo_on_line(line: str, axes: Iterable[AxisPlan]) -> int:
    """Give the largest halo along a line, in pixels of the line."""
    return ceil(max((axis.link.halo_on_line for axis in axes if axis.line == line), default=Fraction(0)))


def accepted(rules: AxisRules) -> str:
    """Say which sizes the network accepts along a line."""
    if isinstance(rules.accepts, FixedSize):
        return f"exactly {rules.accepts.size}"
    if isinstance(rules.accepts, SteppedSize):
        return f"{rules.accepts.min} + n × {rules.accepts.step}"
    return "any size"
