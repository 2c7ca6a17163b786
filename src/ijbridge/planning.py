"""The plan: what would be done with an image, decided before a pixel is read.

``plan(description, headers, options, resources)`` is pure: no pixels, no files, no clock. Statistics that the operations
need appear in it as symbols; `ijbridge.prediction` measures them and resolves the plan.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod

from ijbridge import checks, geometry, halo, mapping, plan_findings, processing, tile_choice, units
from ijbridge.description import ModelDescription, ReferencedSize, Tensor, Weights
from ijbridge.devices import AUTOMATIC, DEVICES, install_command
from ijbridge.errors import AxesError, CannotRunError, DeviceError, IJBridgeError, PlanError
from ijbridge.findings import Finding
from ijbridge.geometry import AxisPlan
from ijbridge.image import DTYPES, Header, checked_origin
from ijbridge.network_facts import NetworkFacts
from ijbridge.object_plans import ObjectsPlan, plan_objects
from ijbridge.operations import Binarize
from ijbridge.options import Options
from ijbridge.plans import InputPlan, OutputPlan, Plan, final_dtype
from ijbridge.preparation import Preparation, check_channels, prepare
from ijbridge.profiles import Profile
from ijbridge.tiling import Line
from ijbridge.weights import FORMATS

#: Bytes of a pixel where it is smallest, in an image of 8 bits.
_LEAST_BYTES = 1

#: What to do where a package holds none of them.
HELP = {
    "pytorch_state_dict": "ask its author for ONNX weights; PyTorch weights need the author's code to run",
    "keras_v3": "convert it to ONNX with tf2onnx",
    "tensorflow_js": "ask its author for ONNX weights",
}


@dataclass(frozen=True)
class Resources:
    """What the machine has: memory that may be used, in bytes, and the devices, best first.

    ``refused`` are devices that onnxruntime has and yet cannot use, and why.
    """

    memory: int
    devices: tuple[str, ...] = ("cpu",)
    refused: Mapping[str, str] = field(default_factory=dict)


def plan(
    description: ModelDescription,
    headers: Mapping[str, Header],
    options: Options,
    resources: Resources,
    facts: NetworkFacts | None = None,
    profiles: Mapping[str, Profile] | None = None,
) -> Plan:
    """Decide what is done with one image per input.

    ``facts`` are what the network itself says, in the description's ids; without them the description is believed.
    ``profiles`` are what was measured of the network, per device.

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
    prepared = _prepared(description, headers, options)
    headers = {name: one.header for name, one in prepared.items()}
    maps = {tensor.id: mapping.map_input(tensor, headers[tensor.id]) for tensor in description.inputs}
    loops = _loops(description, headers, maps)
    network = geometry.Geometry(description, headers, maps, facts)
    network.check_numbers()
    chosen = halo.choose(network, facts, options.halo, tile_is_named=not isinstance(options.tile, str))
    rules = chosen.rules
    inputs = tuple(
        InputPlan(tensor, prepared[tensor.id], network.input_axes(tensor), _given_type(description, tensor, facts))
        for tensor in description.inputs
    )
    outputs = tuple(_output(tensor, network, loops, headers, prepared) for tensor in description.outputs)
    budget = options.memory if options.memory is not None else resources.memory
    objects = plan_objects(description, options, network, loops, prepared)
    if objects is not None and any(one.whole_operations for one in outputs):
        raise PlanError(
            f"The outputs of {description.name!r} have operations that need all their pixels at once, in which objects "
            "cannot be looked for: take the outputs with objects=raw."
        )
    kept = _kept_memory(inputs, outputs, prod(loops.values()), objects)
    for one in prepared.values():
        _check_rescaled_fits(one, kept, budget)
    bytes_per_pixel = tile_choice.BYTES_PER_PIXEL
    if facts is not None:
        bytes_per_pixel = int(facts.bytes_per_pixel * tile_choice.ENGINE_FACTOR)
    # what is free is not all for this run, and a tile may cost some per cent of what is held anyway
    left = max((budget if options.memory is not None else budget // 2) - kept, kept // 20, 0)
    ladder = tile_choice.ladder(
        network.sizes, rules, network.letters, options.tile, left, bytes_per_pixel, (profiles or {}).get(device)
    )
    _check_tile_fits(ladder[-1], resources.memory)
    result = Plan(
        description=description,
        weights=weights,
        inputs=inputs,
        outputs=outputs,
        loops=loops,
        ladder=ladder,
        device=device,
        halo=str(options.halo),
        memory=kept + tile_choice.tile_pixels(ladder[0]) * bytes_per_pixel,
        budget=budget,
        when_cut=chosen.findings,
        objects=objects,
    )
    findings = [
        *description.all_findings,
        *(finding for one in inputs for finding in checks.check_header(one.tensor, one.image, maps[one.tensor.id].loops)),
        *plan_findings.rescale_findings(inputs, options),
        *plan_findings.size_findings(result, rules, network.letters),
        *checks.check_weights(description, weights.format),
        *checks.check_followed(weights),
        *plan_findings.tile_findings(result, rules, network.letters, options),
        *plan_findings.memory_findings(result),
        *plan_findings.device_findings(device, options, resources.refused),
    ]
    result = replace(result, findings=tuple(findings))
    return replace(result, findings=result.findings_when(ladder[0]))


def _check_tile_fits(lines: Mapping[str, Line], memory: int) -> None:
    """Refuse what could not even be given to the network: a model may take no images but huge ones."""
    needed = _LEAST_BYTES * tile_choice.tile_pixels(lines)
    if needed > memory:
        size = " x ".join(str(line.tile) for line in lines.values())
        raise PlanError(
            f"The network would be given {size} pixels at a time, {units.amount(needed)} of memory or more, but "
            f"{units.amount(memory)} are free: name a smaller tile, if the model takes one."
        )


def _prepared(description: ModelDescription, headers: Mapping[str, Header], options: Options) -> dict[str, Preparation]:
    inputs = description.inputs
    if options.channels:
        check_channels([_header(tensor, headers) for tensor in inputs], options.channels)
    if options.rescale and not any(axis.pixel_size for tensor in inputs for axis in tensor.axes if axis.kind == "space"):
        raise PlanError(
            f"The model {description.name!r} states no pixel size that an image could be rescaled to: leave rescale out."
        )
    prepared: dict[str, Preparation] = {}
    for tensor in inputs:
        one = prepare(tensor, _header(tensor, headers), options.channels, rescale=options.rescale)
        prepared[tensor.id] = _as_long(tensor, one, prepared)
    return prepared


def _as_long(tensor: Tensor, one: Preparation, others: Mapping[str, Preparation]) -> Preparation:
    """Give a rescaled image the size that its input's reference to another wants, where rounding alone is in the way."""
    shape = list(one.header.shape)
    for axis in tensor.axes:
        if isinstance(axis.size, ReferencedSize) and axis.size.tensor in others and axis.letter in one.factors:
            wanted = axis.size.of(others[axis.size.tensor].header.size(axis.letter or "") or 1)
            place = one.header.axes.index(axis.letter or "")
            if abs(wanted - shape[place]) == 1:
                shape[place] = wanted
    return replace(one, header=replace(one.header, shape=tuple(shape)))


def refusals(description: ModelDescription, headers: Mapping[str, Header], options: Options) -> list[Finding]:
    """Give every reason for which the axes of the images are refused, where `plan` raises the first, and what else there is."""
    refused: list[Finding] = []
    others: list[Finding] = []
    for tensor in description.inputs:
        with contextlib.suppress(IJBridgeError):  # what else is wrong is said by `plan`
            prepared = prepare(tensor, _header(tensor, headers), options.channels, rescale=False)
            refused += mapping.refusals(tensor, prepared.header)
            others += checks.check_header(tensor, prepared.header, {})
    return [*refused, *others] if refused else []


def check_runnable(description: ModelDescription) -> Weights:
    """Give the weights to run, of a model all of whose operations can be computed.

    Raises
    ------
    CannotRunError
        If weights that can be run are missing, an operation cannot be computed, or something else is in the way that the
        description names.
    """
    for finding in description.findings:
        if finding.severity == "error":
            raise CannotRunError(finding.sentence)
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
    for name in FORMATS:
        for weights in description.weights:
            if weights.format == name and weights.available:
                return weights
    described = ", ".join(
        f"{one.format} ({'there' if one.available else 'missing: ' + one.file.source})" for one in description.weights
    )
    known = [one for one in description.weights if one.format in FORMATS]
    if known:
        where = "download it" if known[0].file.is_url else f"put the file {known[0].file.source!r}"
        advice = f"{where} into the model's folder"
    else:
        advice = next((HELP[one.format] for one in description.weights if one.format in HELP), "ask for ONNX weights")
    raise CannotRunError(
        f"The model {description.name!r} has no weights that ijbridge runs ({', '.join(FORMATS)}); it describes "
        f"{described}: {advice}."
    )


def _header(tensor: Tensor, headers: Mapping[str, Header]) -> Header:
    if tensor.id not in headers:
        raise AxesError(
            f"The model's input {tensor.id!r} has no image; give one for each of its inputs"
            f"{' (those that are optional too)' if tensor.optional else ''}."
        )
    return headers[tensor.id]


def _given_type(description: ModelDescription, tensor: Tensor, facts: NetworkFacts | None) -> str:
    """Give the type in which the network gets a tensor: the described one, or its own where that loses nothing."""
    import numpy as np

    described = final_dtype(tensor)
    taken = facts.types.get(tensor.id, described) if facts is not None else described
    is_mask = bool(tensor.operations) and isinstance(tensor.operations[-1], Binarize)
    if taken == described or (taken in DTYPES and (is_mask or np.can_cast(described, taken))):
        return taken
    raise CannotRunError(
        f"The network of {description.name!r} takes {taken} for {tensor.id!r}, but its description gives it {described}, of "
        f"which values would be lost: the description has to state {taken} there, or to end in a cast to it."
    )


def _device(wanted: str, resources: Resources) -> str:
    if wanted == "auto":
        return next(name for name in (*resources.devices, "cpu") if name in AUTOMATIC)
    if wanted not in resources.devices:
        device = DEVICES[wanted]
        why = resources.refused.get(wanted, f"onnxruntime finds {', '.join(resources.devices)} here")
        raise DeviceError(
            f"The device {wanted!r} cannot be used: {why}; it needs {device.machine}, and onnxruntime's package for it "
            f"({install_command(device)}). `ijbridge devices` checks that."
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


def _check_rescaled_fits(prepared: Preparation, kept: int, budget: int) -> None:
    if prepared.factors and kept > budget:
        raise PlanError(
            f"{prepared.source.name} rescaled to the model's pixel size is {prepared.header.described()}, and with its results "
            f"takes {units.amount(kept)} of memory, of which there are {units.amount(budget)}: see that its pixel size is "
            "right, or give a part of the image."
        )


# --- results ---------------------------------------------------------------------------------------------------------


def _output(
    tensor: Tensor,
    network: geometry.Geometry,
    loops: Mapping[str, int],
    headers: Mapping[str, Header],
    prepared: Mapping[str, Preparation],
) -> OutputPlan:
    axes = network.output_axes(tensor)
    image = next(iter(headers.values()))
    left = {axis.id: processing.elements_left(tensor.operations, axis.id, axis.size) for axis in axes}
    # an axis of one that neither the image has nor the output needs is not shown, nor one that an operation reduced to one
    shown = {
        axis.letter: axis
        for axis in axes
        if axis.letter and (left[axis.id] > 1 or (axis.letter in image.axes and axis.size == 1))
    }
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
    names = processing.names_left(tensor.operations, channel) if channel is not None and "c" in shown else ()
    computed = Header(
        shape=tuple(left[shown[letter].id] if letter in shown else loops[letter] for letter in letters),
        dtype=final_dtype(tensor),
        axes=letters,
        pixel_size=pixel_size,
        unit={letter: sources[letter].unit[letter] for letter in pixel_size if letter in sources[letter].unit},
        origin=checked_origin({letter: _begin(source, letter, shown.get(letter)) for letter, source in sources.items()}),
        channel_names=names,
        name=f"{image.name}-{tensor.id}",
    )
    result, back = _on_image_grid(computed, shown, network, prepared)
    return OutputPlan(
        tensor=tensor,
        axes=tuple(axis if axis.letter in shown else replace(axis, letter=None) for axis in axes),
        computed=computed,
        result=result,
        back=back,
    )


def _on_image_grid(
    computed: Header, axes: Mapping[str, AxisPlan], network: geometry.Geometry, prepared: Mapping[str, Preparation]
) -> tuple[Header, dict[str, float]]:
    """Give the header of a result as it is without rescaling, and the factors that lead there."""
    shape, pixel_size, back = list(computed.shape), dict(computed.pixel_size), {}
    for number, letter in enumerate(computed.axes):
        axis = axes.get(letter)
        if axis is None or axis.line is None:
            continue
        one, along = prepared[geometry.tensor_of(axis.line)], network.letters[axis.line] or ""
        if along not in one.factors:
            continue
        back[letter] = 1 / one.factors[along]
        # an output that lacks pixels at the border covers as much of the image as it does on the model's grid
        whole = axis.link.offset == 0
        shape[number] = int((one.source.size(along) or 1) * axis.link.ratio) if whole else int(axis.size * back[letter])
        shape[number] = max(1, shape[number])
        pixel_size[letter] = one.source.pixel_size[along] / float(axis.link.ratio)
    return replace(computed, shape=tuple(shape), pixel_size=pixel_size), back


def _begin(source: Header, letter: str, axis: AxisPlan | None) -> float:
    """Give the position at which an axis of an output begins; one that lacks pixels lacks as many at both ends."""
    begin, size = source.origin.get(letter, 0.0), source.pixel_size.get(letter)
    if axis is None:
        return begin
    if axis.line is None:
        return 0.0
    lacking = -float(axis.link.offset) / 2
    return begin * float(axis.link.ratio) + lacking if size is None else begin + lacking * size / float(axis.link.ratio)


def _followed(axis: AxisPlan | None, headers: Mapping[str, Header]) -> Header | None:
    return headers[geometry.tensor_of(axis.line)] if axis is not None and axis.line is not None else None


#: Of the positions of a grid so many are taken for candidates where memory is estimated: one in ten.
_CANDIDATES = 10


def _kept_memory(inputs: Iterable[InputPlan], outputs: Iterable[OutputPlan], samples: int, objects: ObjectsPlan | None) -> int:
    """Give the bytes that are held for the whole run: prepared images, results, and what waits for a second pass."""
    import numpy as np

    kept = sum(one.preparation.nbytes for one in inputs)
    if objects is not None:
        elements = sum(prod(output.result.shape) // prod(objects.how.spacing) for output in outputs)
        return kept + objects.labels.nbytes + elements // _CANDIDATES * np.dtype("float32").itemsize
    for output in outputs:
        kept += sum(header.nbytes for header in ((output.computed, output.result) if output.back else (output.result,)))
        if output.whole_operations:
            kept += samples * prod(axis.size for axis in output.axes) * np.dtype("float32").itemsize
    return kept
