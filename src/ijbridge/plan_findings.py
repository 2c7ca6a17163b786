"""Findings of a plan: what was decided otherwise than the user may expect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ijbridge import checks, geometry, units
from ijbridge.devices import AUTOMATIC
from ijbridge.findings import Finding
from ijbridge.options import Options
from ijbridge.plans import InputPlan, Plan
from ijbridge.tiling import AxisRules


def rescale_findings(inputs: Iterable[InputPlan], options: Options) -> list[Finding]:
    """Say which images are resampled to the model's pixel size, and which need not be."""
    findings = []
    for one in inputs:
        if one.preparation.factors:
            shown = one.preparation.factors_text
            findings.append(
                Finding("rescaled", "note", f"{one.image.name} is resampled to the model's pixel size ({shown})",
                        "and the results back onto its own grid")
            )  # fmt: skip
        elif options.rescale:
            findings.append(Finding("rescale-not-needed", "note", f"{one.image.name} has the model's pixel size already"))
    return findings


def size_findings(result: Plan, rules: Mapping[str, AxisRules], letters: Mapping[str, str | None]) -> list[Finding]:
    """Say which images have fewer pixels than the model takes."""
    images = {
        one.tensor.id: replace(one.image, name=f"{one.image.name}, rescaled,") if one.preparation.factors else one.image
        for one in result.inputs
    }
    return [
        finding
        for name, line in result.lines.items()
        if (letter := letters[name]) is not None
        for finding in checks.check_few_pixels(images[geometry.tensor_of(name)], letter, line.size, rules[name].smallest)
    ]


def memory_findings(result: Plan) -> list[Finding]:
    """Say where a run takes more memory than there is."""
    if result.memory <= result.budget:
        return []
    return [
        Finding(
            "memory-short", "warning", f"The run takes about {units.amount(result.memory)} of memory beyond the image",
            f"of which there are {units.amount(result.budget)}", "it may fail; free some, or give a part of the image",
        )
    ]  # fmt: skip


def tile_findings(
    result: Plan, rules: Mapping[str, AxisRules], letters: Mapping[str, str | None], options: Options
) -> list[Finding]:
    """Say where the tile is not the one that the user named."""
    if isinstance(options.tile, str):
        return []
    tiled = {letters[name] for name in result.lines}
    findings = [
        Finding("tile-ignored", "warning", f"A tile is named along {letter}", "which the model does not tile")
        for letter in (options.tile if isinstance(options.tile, Mapping) else ())
        if letter not in tiled
    ]
    for name, line in result.lines.items():
        wanted = options.tile.get(letters[name] or "") if isinstance(options.tile, Mapping) else options.tile
        if wanted is None or line.tile == wanted or (line.is_whole and wanted > line.size):
            continue
        cut = result.halo_of(name)
        allowed = f"the model accepts {geometry.accepted(rules[name])}" + (f" with a halo of {cut}" if cut else "")
        if not rules[name].tileable:
            allowed = f"tiles are not possible: {rules[name].whole_because}"
        findings.append(
            Finding("tile-adjusted", "note", f"The tile along {letters[name]} is {line.tile} instead of {wanted}", allowed)
        )
    return findings


def device_findings(device: str, options: Options, refused: Mapping[str, str]) -> list[Finding]:
    """Say why a run that may choose its device does not take one that onnxruntime has."""
    if options.device != "auto" or device != AUTOMATIC[-1]:
        return []
    return [
        Finding("device-refused", "warning", f"The network runs on the {device}", f"{name} cannot be used ({refused[name]})",
                "see what `ijbridge devices` says, or name the device to be asked no more")
        for name in AUTOMATIC if name in refused
    ]  # fmt: skip
