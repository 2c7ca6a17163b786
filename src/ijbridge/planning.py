"""The plan: what would be done with an image, decided before a pixel is read.

``plan(description, headers, options, resources)`` is pure: no pixels, no files, no clock. Statistics that the operations
need appear in it as symbols; `ijbridge.prediction` measures them and resolves the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod

from ijbridge import checks, geometry, halo, mapping, processing, tile_choice
from ijbridge.checks import Finding
from ijbridge.description import ModelDescription, Tensor, Weights
from ijbridge.errors import AxesError, CannotRunError, DeviceError
from ijbridge.geometry import AxisPlan
from ijbridge.image import Header
from ijbridge.network_facts import NetworkFacts
from ijbridge.options import Options
from ijbridge.plans import InputPlan, OutputPlan, Plan, final_dtype
from ijbridge.tiling import AxisRules, Line

#: Weights that can be run, best first.
RUNNABLE = ("onnx",)

#: What to do where a package holds none of them.
_HELP = {
    "torchscript": "export it to ONNX with PyTorch (torch.onnx.export)",
    "pytorch_state_dict": "ask its author for ONNX weights; PyTorch weights need the author's code to run",
    "tensorflow_saved_model_bundle": "convert it to ONNX with tf2onnx",
    "keras_hdf5": "convert it to ONNX with tf2onnx",
    "keras_v3": "convert it to ONNX with tf2onnx",
    "tensorflow_js": "ask its author for ONNX weights",
}


@dataclass(frozen=True)
class Resources:
    """What the machine has: memory that may be used, in bytes, and the devices, best first."""

    memory: int
    devices: tuple[str, ...] = ("cpu",)


def plan(
    description: ModelDescription,
    headers: Mapping[str, Header],
    options: Options,
    resources: Resources,
    facts: NetworkFacts | None = None,
) -> Plan:
    """Decide what is done with one image per input.

    ``facts`` are what the network itself says, in the description's ids; without them the description is believed.

    Raises
    ------
    CannotRunError
        If weights that can be run are missing, or an operation cannot be computed.
    AxesError
        If the axes or channels do not fit.
    PlanError
        If no tile can do it.
    DeviceError
        If the device asked for is not there.
    """
    weights = check_runnable(description)
    device = _device(options.device, resources)
    headers = {tensor.id: _header(tensor, headers) for tensor in description.inputs}
    maps = {tensor.id: mapping.map_input(tensor, headers[tensor.id]) for tensor in description.inputs}
    loops = _loops(description, headers, maps)
    network = geometry.Geometry(description, headers, maps, facts)
    network.check_numbers()
    chosen = halo.choose(network, facts, options.halo, tile_is_named=not isinstance(options.tile, str))
    rules = chosen.rules
    bytes_per_pixel = facts.bytes_per_pixel if facts is not None else tile_choice.BYTES_PER_PIXEL
    ladder = tile_choice.ladder(network.sizes, rules, network.letters, options.tile, resources.memory, bytes_per_pixel)
    inputs = tuple(InputPlan(tensor, headers[tensor.id], network.input_axes(tensor)) for tensor in description.inputs)
    outputs = tuple(_output(tensor, network, loops, headers) for tensor in description.outputs)
    result = Plan(
        description=description,
        weights=weights,
        inputs=inputs,
        outputs=outputs,
        loops=loops,
        ladder=ladder,
        device=device,
        halo=str(options.halo),
        memory=_memory(ladder[0], outputs, bytes_per_pixel),
    )
    findings = [
        *(finding for tensor in description.inputs for finding in checks.check_pixel_size(tensor, headers[tensor.id])),
        *(finding for tensor in description.inputs for finding in checks.check_casts(tensor)),
        *checks.check_weights(description, weights.format),
        *(finding for name, found in chosen.findings.items() if not ladder[0][name].is_whole for finding in found),
        *_tile_findings(result, rules, network.letters, options),
    ]
    return replace(result, findings=tuple(findings))


def check_runnable(description: ModelDescription) -> Weights:
    """Give the weights to run, of a model all of whose operations can be computed.

    Raises
    ------
    CannotRunError
        If weights that can be run are missing, or an operation cannot be computed.
    """
    for tensor in (*description.inputs, *description.outputs):
        processing.check_supported(tensor.operations, tensor.id)
    return choose_weights(description)


def choose_weights(description: ModelDescription) -> Weights:
    """Give the weights to run.

    Raises
    ------
    CannotRunError
        If there are none; the message says which are described, which are missing, and what would help.
    """
    for name in RUNNABLE:
        for weights in description.weights:
            if weights.format == name and weights.available:
                return weights
    described = ", ".join(
        f"{one.format} ({'there' if one.available else 'missing: ' + one.file.source})" for one in description.weights
    )
    onnx = [one for one in description.weights if one.format in RUNNABLE]
    if onnx:
        where = "download it" if onnx[0].file.is_url else f"put the file {onnx[0].file.source!r}"
        advice = f"{where} into the model's folder"
    else:
        advice = next((_HELP[one.format] for one in description.weights if one.format in _HELP), "ask for ONNX weights")
    raise CannotRunError(
        f"The model {description.name!r} has no weights that ijbridge runs ({', '.join(RUNNABLE)}); it describes "
        f"{described}: {advice}."
    )


def _header(tensor: Tensor, headers: Mapping[str, Header]) -> Header:
    if tensor.id not in headers:
        raise AxesError(
            f"The model's input {tensor.id!r} has no image; give one for each of its inputs"
            f"{' (those that are optional too)' if tensor.optional else ''}."
        )
    return headers[tensor.id]


def _device(wanted: str, resources: Resources) -> str:
    if wanted == "auto":
        return resources.devices[0]
    if wanted not in resources.devices:
        raise DeviceError(
            f"The device {wanted!r} cannot be used: onnxruntime finds {', '.join(resources.devices)} here; for cuda install "
            "the package onnxruntime-gpu in place of onnxruntime, and NVIDIA's driver."
        )
    return wanted


def _loops(description: ModelDescription, headers: Mapping[str, Header], maps: Mapping[str, mapping.AxisMap]) -> dict[str, int]:
    loops: dict[str, int] = {}
    for tensor in description.inputs:
        for letter, size in maps[tensor.id].loops.items():
            if loops.setdefault(letter, size) != size:
                raise AxesError(
                    f"The images have {loops[letter]} and {size} positions along {letter}, which the model does not know: "
                    f"they need as many ({headers[tensor.id].name} is {headers[tensor.id].described()})."
                )
    return loops


# --- findings about tiles --------------------------------------------------------------------------------------------


def _tile_findings(
    result: Plan, rules: Mapping[str, AxisRules], letters: Mapping[str, str | None], options: Options
) -> list[Finding]:
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


# --- results ---------------------------------------------------------------------------------------------------------


def _output(
    tensor: Tensor,
    network: geometry.Geometry,
    loops: Mapping[str, int],
    headers: Mapping[str, Header],
) -> OutputPlan:
    axes = network.output_axes(tensor)
    image = next(iter(headers.values()))
    # an axis of one that neither the image has nor the output needs is not shown
    shown = {axis.letter: axis for axis in axes if axis.letter and (axis.letter in image.axes or axis.size > 1)}
    for letter in loops:
        if letter in shown:
            raise AxesError(
                f"{image.name} is {image.described()}, whose axis {letter} the model does not know, and the output "
                f"{tensor.id!r} makes an axis {letter} of its own, so its results cannot be put together: give an image "
                f"without {letter}."
            )
    repeated = {letter for letter, size in loops.items() if letter != "b" or size > 1}
    letters = mapping.result_axes(image.axes, {*shown, *repeated}, {*shown, *repeated})
    # an axis that follows another input than the first is as long as that one's
    sources = {letter: _followed(shown.get(letter), headers) or image for letter in letters}
    pixel_size = {
        letter: source.pixel_size[letter] / float(shown[letter].link.ratio if letter in shown else 1)
        for letter, source in sources.items()
        # an axis that does not follow the image's has no size that could be told from it
        if letter in source.pixel_size and (letter not in shown or shown[letter].line is not None)
    }
    channel = next((axis for axis in tensor.axes if axis.kind == "channel"), None)
    names = channel.channel_names if channel is not None and "c" in shown else ()
    return OutputPlan(
        tensor=tensor,
        axes=tuple(axis if axis.letter in shown else replace(axis, letter=None) for axis in axes),
        result=Header(
            shape=tuple(shown[letter].size if letter in shown else loops[letter] for letter in letters),
            dtype=final_dtype(tensor),
            axes=letters,
            pixel_size=pixel_size,
            unit={letter: sources[letter].unit[letter] for letter in pixel_size if letter in sources[letter].unit},
            channel_names=names,
            name=f"{image.name}-{tensor.id}",
        ),
    )


def _followed(axis: AxisPlan | None, headers: Mapping[str, Header]) -> Header | None:
    return headers[axis.line.rsplit(".", 1)[0]] if axis is not None and axis.line is not None else None


def _memory(lines: Mapping[str, Line], outputs: Iterable[OutputPlan], bytes_per_pixel: int) -> int:
    import numpy as np

    results = sum(prod(one.result.shape) * np.dtype(one.result.dtype).itemsize for one in outputs)
    return int(results + tile_choice.pixels({name: line.tile for name, line in lines.items()}) * bytes_per_pixel)
