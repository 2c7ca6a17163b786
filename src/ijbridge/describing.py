"""A model description for people (text) and programs (plain data, JSON)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

from ijbridge.description import (
    IMAGEJ_MACRO,
    Axis,
    Benchmark,
    FixedSize,
    FreeSize,
    Macro,
    ModelDescription,
    ReferencedSize,
    Size,
    SteppedSize,
    Tensor,
)
from ijbridge.operations import Operation, UnsupportedOperation, operation_name
from ijbridge.star_convex import StarConvex


def description_dict(description: ModelDescription) -> dict[str, Any]:
    """Give a description as plain data; axes are lists of ``{id, ...}``, operations of ``{id, kwargs}``."""
    return {
        field.name: _tensors(value) if field.name in ("inputs", "outputs") else plain(value)
        for field in fields(description)
        for value in [getattr(description, field.name)]
    }


def description_text(description: ModelDescription) -> str:
    """Give a description as a page of text."""
    head = [
        f"{description.name}" + (f" (version {description.version})" if description.version else ""),
        *([description.description] if description.description else []),
        "",
        f"format       {description.format} {description.format_version}".rstrip(),
        f"authors      {', '.join(person.name for person in description.authors) or 'not stated'}",
        f"licence      {description.license or 'not stated'}",
        *(f"cite         {one.text}{f' ({one.doi or one.url})' if one.doi or one.url else ''}" for one in description.cite),
        *([f"tags         {', '.join(description.tags)}"] if description.tags else []),
        *([f"trained on   {_training(description.training_data)}"] if description.training_data else []),
        *([f"measured     {_measured(description.benchmark)}"] if description.benchmark else []),
        f"read from    {description.location}",
    ]
    body = []
    for side, tensors in (("input", description.inputs), ("output", description.outputs)):
        for tensor in tensors:
            body += ["", *_tensor_lines(side, tensor)]
    weights = [
        f"weights      {one.format}: {one.file.source}{'' if one.available else ' (missing)'}" for one in description.weights
    ]
    weights += [f"objects      {_objects(description.objects)}"] if description.objects is not None else []
    weights += [line for macro in description.macros for line in _macro_lines(macro)]
    notes = [f"note         Tiles are not used: {description.whole_because}."] if description.whole_because else []
    notes += [f"{one.severity:<12} {one.sentence}" for one in description.all_findings]
    return "\n".join([*head, *body, "", *weights, *notes])


def _objects(objects: StarConvex) -> str:
    return (
        f"star-convex, {objects.n_rays} rays, one candidate per {' × '.join(map(str, objects.grid))} pixels; probability above "
        f"{objects.prob_thresh:g}, overlap up to {objects.nms_thresh:g}"
    )


def size_text(size: Size) -> str:
    """Say a size: ``512``, ``64 + n × 16``, ``as raw.y``."""
    match size:
        case FixedSize(number):
            return str(number)
        case SteppedSize(low, step):
            return f"{low} + n × {step}"
        case ReferencedSize(tensor, axis, ratio, offset):
            factor = "" if ratio == 1 else f" × {ratio}"
            added = "" if offset == 0 else f" {'+' if offset > 0 else '-'} {abs(offset)}"
            return f"as {tensor}.{axis}{factor}{added}"
        case FreeSize(low, high):
            return "free" if high is None and low == 1 else f"{low} to {high if high is not None else 'any'}"


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples and fractions into what JSON has; numbers JSON lacks become texts."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return value


def _tensors(tensors: tuple[Tensor, ...]) -> list[dict[str, Any]]:
    return [
        {
            **{key: value for key, value in plain(tensor).items() if key not in ("axes", "operations")},
            "axes": [_axis(axis) for axis in tensor.axes],
            "operations": [_operation(operation) for operation in tensor.operations],
        }
        for tensor in tensors
    ]


def _axis(axis: Axis) -> dict[str, Any]:
    data: dict[str, Any] = {"id": axis.id, "type": axis.kind, "letter": axis.letter, "size": _size(axis.size)}
    if axis.kind in ("space", "time"):
        data |= {"pixel_size": axis.pixel_size, "unit": axis.unit}
    if axis.channel_names:
        data["channel_names"] = list(axis.channel_names)
    if axis.halo:
        data["halo"] = axis.halo
    if axis.description:
        data["description"] = axis.description
    return data


def _size(size: Size) -> Any:
    match size:
        case FixedSize(number):
            return number
        case ReferencedSize(tensor, axis, ratio, offset):
            return {"tensor_id": tensor, "axis_id": axis, "ratio": plain(ratio), "offset": plain(offset)}
        case _:
            return plain(size)


def _operation(operation: Operation) -> dict[str, Any]:
    if isinstance(operation, UnsupportedOperation):
        return {"id": operation.name, "supported": False, "why": operation.why}
    return {"id": operation_name(operation), "kwargs": {k: v for k, v in plain(operation).items() if v is not None}}


def _tensor_lines(side: str, tensor: Tensor) -> list[str]:
    low, high = tensor.value_range
    values = "".join(f" {word} {bound:g}" for word, bound in (("from", low), ("to", high)) if bound is not None)
    details = [one for one in (tensor.description, f"made of {tensor.source}" if tensor.source else "") if one]
    lines = [", ".join([f"{side:<12} {tensor.id}: {tensor.dtype}{values}", *details])]
    if tensor.value_names:
        lines.append(f"  {'labels':<10} {', '.join(f'{value} {name}' for value, name in tensor.value_names.items())}")
    for axis in tensor.axes:
        details = [size_text(axis.size)]
        if axis.channel_names:
            details.append(", ".join(axis.channel_names))
        if axis.pixel_size is not None:
            details.append(f"{axis.pixel_size:g} {axis.unit}")
        if axis.halo:
            details.append(f"halo {axis.halo}")
        lines.append(f"  {axis.id:<10} {'; '.join(details)}")
    for operation in tensor.operations:
        data = _operation(operation)
        kwargs = ", ".join(f"{key}={value}" for key, value in data.get("kwargs", {}).items())
        refused = " (cannot be run)" if "why" in data else ""
        lines.append(f"  {'then' if side == 'output' else 'first':<10} {data['id']}{f' {kwargs}' if kwargs else ''}{refused}")
    return lines


def _macro_lines(macro: Macro) -> Iterator[str]:
    state = f"SHA-256 {macro.sha256[:12]}..." if macro.sha256 else "missing"
    if macro.kind == IMAGEJ_MACRO and macro.is_empty:
        state += ", does nothing to the image"
    done = "run by ImageJ" if macro.is_run else "not run"
    yield f"{macro.when:<12} {macro.source} ({macro.kind}, {state}), {done}" + (f": {macro.comment}" if macro.comment else "")


def _measured(benchmark: Benchmark) -> str:
    sizes = " to ".join(one for one in (benchmark.input_size, benchmark.output_size) if one)
    parts = (sizes, f"memory {benchmark.memory_peak}" if benchmark.memory_peak else "", benchmark.runtime or "")
    return ", ".join(part for part in parts if part)


def _training(data: Mapping[str, Any]) -> str:
    return str(data.get("id") or data.get("name") or "see the description")
