"""Which halo: the one the description declares, the one the network needs, or the one the user names.

``auto`` takes what the network needs for tiles to be exact. Where that leaves nothing of a tile of a network of fixed size, the
declared one is taken, with a warning that names both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor, lcm

from ijbridge.description import FixedSize, SteppedSize
from ijbridge.findings import Finding
from ijbridge.geometry import AxisPlan, Geometry
from ijbridge.network_facts import NetworkFacts
from ijbridge.receptive_field import Source
from ijbridge.tiling import AxisRules


@dataclass(frozen=True)
class Choice:
    """What the network asks of each line with the halo that was chosen, and what to say about it where tiles cut the line."""

    rules: Mapping[str, AxisRules]
    findings: Mapping[str, tuple[Finding, ...]]


def choose(network: Geometry, facts: NetworkFacts | None, halo: str | int, *, tile_is_named: bool) -> Choice:
    """Choose the halos and set them in ``network.halos``.

    Parameters
    ----------
    facts
        What the network itself says, in the description's ids; None where it was not asked.
    halo
        As in `ijbridge.options.Options`; a number counts pixels of the input.
    tile_is_named
        The user named a tile, which allows tiles that are not exact.
    """
    lines = _Lines(network, facts)
    findings: dict[str, tuple[Finding, ...]] = {}
    declared = network.rules()
    for name in network.sizes:
        if not declared[name].tileable:
            continue
        axes = lines.outputs(name)
        needed = {key: lines.needed(name, key) for key in axes}
        wanted = _wanted(axes, needed, halo)
        network.halos.update(wanted)
        if halo == "auto" and _leaves_nothing(network.rules()[name], lines.stride(name)):
            wanted = _wanted(axes, needed, "declared")
            network.halos.update(wanted)
        called = {tensor.id: tensor.source or tensor.id for tensor in network.outputs}
        found = _findings(network.letters[name] or name, axes, needed, wanted, halo, called)
        findings[name] = tuple(dict.fromkeys(found))
    rules = {}
    for name, one in network.rules().items():
        reasons = lines.global_operations(name)
        rules[name] = replace(one, stride=lines.stride(name), at_least=lines.smallest(name))
        if lines.unfollowed(name) and not reasons:
            because = "an output follows it in the description, but not in the network"
            rules[name] = replace(rules[name], tileable=False, whole_because=because)
            continue
        if lines.mixed(name):
            because = "an output is made of several inputs whose sizes the description does not relate"
            rules[name] = replace(rules[name], tileable=False, whole_because=because)
            continue
        forbidden = network.whole_because
        if one.tileable and (reasons or forbidden):
            if tile_is_named:
                findings[name] = (*findings[name], *_inexact(network.letters[name] or name, reasons, forbidden))
            else:
                because = "; ".join([*([forbidden] if forbidden else []), *reasons])
                rules[name] = replace(rules[name], tileable=False, whole_because=because)
    return Choice(rules, findings)


def _inexact(where: str, reasons: Sequence[str], forbidden: str | None) -> Iterator[Finding]:
    """Say what is wrong with the tiles that the user wants."""
    if forbidden:
        yield Finding("tiles-forbidden", "warning", f"A tile is named, although {forbidden}")
    if reasons:
        yield Finding("tiles-not-exact", "warning", f"The network looks at the whole image along {where} "
                      f"({'; '.join(reasons)})", "so tiles give other numbers than the whole")  # fmt: skip


#: An axis of an output, by the output's id and its own.
_Key = tuple[str, str]


class _Lines:
    """What the network says, per line."""

    def __init__(self, network: Geometry, facts: NetworkFacts | None) -> None:
        self._network, self._facts = network, facts
        #: The input axes that follow each line.
        self._sources: dict[str, list[tuple[Source, AxisPlan]]] = {name: [] for name in network.sizes}
        for tensor in network.inputs:
            for number, axis in enumerate(network.input_axes(tensor)):
                if axis.line is not None:
                    self._sources[axis.line].append(((tensor.id, number), axis))

    def outputs(self, line: str) -> dict[_Key, AxisPlan]:
        """Give the output axes that follow a line."""
        return {
            (tensor.id, axis.id): axis
            for tensor in self._network.outputs
            for axis in self._network.output_axes(tensor)
            if axis.line == line
        }

    def needed(self, line: str, key: _Key) -> int | None:
        """Give the halo an output axis needs, in its own elements; None where the network was not asked or does not tell."""
        if self._facts is None or self._untold(line, key):
            return None
        needed, aligned, offset = 0, self._aligned(line), self.outputs(line)[key].link.offset
        for source, axis in self._sources[line]:
            field = self._facts.field(key[0], self._number(key), source)
            if field is None:
                continue
            # an input that ends before the line does ends before its tile does too
            own = axis.link.offset
            on_grid = aligned and own % self._facts.grid.get(source, 1) == 0
            # a tile on the grid has no part of an element
            more = Fraction(floor(offset)) if on_grid else offset
            needed = max(needed, field.halo(offset=more - own / field.step, aligned=on_grid))
        return needed

    def smallest(self, line: str) -> int:
        """Give the pixels of the line that the network needs for the borders that it mirrors."""
        if self._facts is None:
            return 1
        found = [
            (self._facts.smallest.get(source, 1) - axis.link.offset) / axis.link.ratio for source, axis in self._sources[line]
        ]
        return max(1, *(ceil(one) for one in found))

    def unfollowed(self, line: str) -> bool:
        """Whether the network makes an output along the line of something else than what the description says."""
        if self._facts is None:
            return False
        return any(self._untold(line, key) for key in self.outputs(line))

    def _untold(self, line: str, key: _Key) -> bool:
        """Whether the network tells nothing of how an output axis follows a line."""
        sources = [source for source, _ in self._sources[line]]
        return all(self._facts is None or self._facts.field(key[0], self._number(key), one) is None for one in sources)

    def mixed(self, line: str) -> bool:
        """Whether an output that follows the line is made of pixels along another line too, so that both must be whole."""
        if self._facts is None:
            return False
        own = {source for source, _ in self._sources[line]}
        others = {source for name, sources in self._sources.items() if name != line for source, _ in sources}
        for key in self.outputs(line):
            fields, number = self._facts.fields.get(key[0], ()), self._number(key)
            if number < len(fields) and (set(fields[number]) - own) & others:
                return True
        return False

    def stride(self, line: str) -> int | None:
        """Give the network's total stride along a line; None where it was not asked."""
        if self._facts is None:
            return None
        steps = [Fraction(self._facts.grid.get(source, 1)) / axis.link.ratio for source, axis in self._sources[line]]
        return lcm(1, *(step.numerator for step in steps))

    def global_operations(self, line: str) -> list[str]:
        """Give the reasons why tiles along a line are not exact."""
        if self._facts is None:
            return []
        found = [one for source, _ in self._sources[line] for one in self._facts.global_operations.get(source, ())]
        return list(dict.fromkeys(found))

    def _number(self, key: _Key) -> int:
        """Give the place of an output axis among those of its tensor."""
        tensor = next(one for one in self._network.outputs if one.id == key[0])
        return [axis.id for axis in tensor.axes].index(key[1])

    def _aligned(self, line: str) -> bool:
        """Whether every size the network accepts is a multiple of its stride."""
        stride, accepts = self.stride(line) or 1, self._network.rules()[line].accepts
        if isinstance(accepts, FixedSize):
            return accepts.size % stride == 0
        return isinstance(accepts, SteppedSize) and accepts.min % stride == 0 and accepts.step % stride == 0


def _wanted(axes: Mapping[_Key, AxisPlan], needed: Mapping[_Key, int | None], halo: str | int) -> dict[_Key, int]:
    if isinstance(halo, int):
        return {key: ceil(halo * axis.link.ratio) for key, axis in axes.items()}
    if halo == "declared":
        return {key: axis.link.halo for key, axis in axes.items()}
    return {key: axis.link.halo if needed[key] is None else needed[key] or 0 for key, axis in axes.items()}


def _leaves_nothing(rules: AxisRules, stride: int | None) -> bool:
    fixed = isinstance(rules.accepts, FixedSize)
    return fixed and replace(rules, stride=stride).advance(rules.smallest) <= 0


def _findings(
    where: str,
    axes: Mapping[_Key, AxisPlan],
    needed: Mapping[_Key, int | None],
    wanted: Mapping[_Key, int],
    halo: str | int,
    called: Mapping[str, str],
) -> list[Finding]:
    findings = []
    for (tensor, axis_id), axis in axes.items():
        declared, need, taken = axis.link.halo, needed[tensor, axis_id], wanted[tensor, axis_id]
        output = f"the output {called[tensor]!r}"
        if need is None:
            if not taken and halo != 0:
                findings.append(
                    Finding("halo-missing", "warning", f"The description declares no halo along {where} for {output}",
                            "and the image is run in tiles", "seams may show; give --halo N, or --tile whole where it fits")
                )  # fmt: skip
        elif taken < need:
            whose = "is given" if isinstance(halo, int) else "the description declares"
            findings.append(
                Finding("halo-too-small", "warning",
                        f"The halo of {taken} along {where} that {whose} for "
                        f"{output} is smaller than the {need} that the network needs", "so tiles differ near their edges from "
                        "the whole", "use halo=auto" if halo != "auto" else "no larger one leaves anything of a tile")
            )  # fmt: skip
        elif halo == "auto" and declared and need > declared:
            findings.append(
                Finding("halo-needed", "note", f"The description declares a halo of {declared} along {where} for {output}",
                        f"the network needs {need}, which is taken")
            )  # fmt: skip
    return findings
