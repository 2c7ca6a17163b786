"""A model's description as a bioimage.io 0.5 description: plain data, as true as 0.5 can say it.

The specification forbids more than readers do (lengths of names, spellings, limits of numbers). What it does not allow is said
as nearly as it allows, or left out; `ijbridge.formats.beyond` then keeps what is meant. Nothing is made up: authors, licence
and citations that a model does not state are absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from math import isfinite
from typing import Any

from ijbridge.description import (
    Axis,
    FileRef,
    FixedSize,
    FreeSize,
    ModelDescription,
    Padding,
    ReferencedSize,
    Size,
    SteppedSize,
    Tensor,
    Tolerance,
)
from ijbridge.formats.beyond import KEY
from ijbridge.formats.bioimageio_credits import (
    given,
    said_citation,
    said_dataset,
    said_licence,
    said_name,
    said_people,
    said_timestamp,
    said_url,
    said_version,
)
from ijbridge.formats.bioimageio_operations import said_operation
from ijbridge.formats.bioimageio_sizes import Sizes, said_sizes
from ijbridge.operations import Binarize, EnsureDtype, FixedZeroMeanUnitVariance

#: The version of the specification that is written.
FORMAT_VERSION = "0.5.14"

#: Suffixes that the specification allows for covers.
COVER_SUFFIXES = (".gif", ".jpeg", ".jpg", ".png", ".svg")

_FLOATS = ("float32", "float64")
_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")

_SI_PREFIX = "(Q|R|Y|Z|E|P|T|G|M|k|h|da|d|c|m|µ|n|p|f|a|z|y|r|q)?"
_SI_UNIT = rf"{_SI_PREFIX}(m|g|s|A|K|mol|cd|Hz|N|Pa|J|W|C|V|F|Ω|S|Wb|T|H|lm|lx|Bq|Gy|Sv|kat|l|L)"
_SI = re.compile(rf"{_SI_UNIT}(\^[+-]?[1-9]\d*)?(·{_SI_UNIT}(\^[+-]?[1-9]\d*)?|/{_SI_UNIT}(\^\+?[1-9]\d*)?)*")

#: Elements per million that may mismatch at most.
_MOST_MISMATCHED = 30000

#: Ids that a reader of 0.5 takes for others.
_TAKEN_IDS = ("b", "c", "t", "i", "s")


@dataclass(frozen=True)
class Files:
    """The files of the package; test and sample tensors by the tensor's id.

    ``shapes`` are those of the test tensors, ``largest`` their largest values, ``tolerances`` those that hold for the outputs.
    """

    weights: FileRef
    opset_version: int
    tests: Mapping[str, FileRef]
    shapes: Mapping[str, tuple[int, ...]]
    largest: Mapping[str, float]
    tolerances: Mapping[str, Tolerance]
    samples: Mapping[str, FileRef] = field(default_factory=dict)
    external_data: FileRef | None = None
    documentation: FileRef | None = None
    covers: Sequence[FileRef] = ()
    attachments: Sequence[FileRef] = ()
    licence: FileRef | None = None


def plainly(description: ModelDescription, types: Mapping[str, str]) -> ModelDescription:
    """Say what a description says in the words of 0.5, where they mean the same to the last bit.

    Parameters
    ----------
    types
        The type in which the network takes each input.
    """
    sizes = {(tensor.id, axis.id): axis.size for tensor in (*description.inputs, *description.outputs) for axis in tensor.axes}
    return replace(
        description,
        inputs=tuple(_plain_tensor(tensor, sizes, types.get(tensor.id)) for tensor in description.inputs),
        outputs=tuple(_plain_tensor(tensor, sizes, tensor.dtype) for tensor in description.outputs),
        other={key: value for key, value in description.other.items() if key != "attachments"},
    )


def _plain_tensor(tensor: Tensor, sizes: Mapping[tuple[str, str], Size], taken: str | None) -> Tensor:
    operations = [
        replace(one, std=tuple(std + one.eps for std in one.std), eps=0.0)
        if isinstance(one, FixedZeroMeanUnitVariance)
        else one
        for one in tensor.operations
    ]
    # 0.5 ends a list with this cast, which the type that the network takes, or the result has, makes anyway
    if taken == tensor.dtype and not (operations and isinstance(operations[-1], EnsureDtype | Binarize)):
        operations.append(EnsureDtype(taken))
    axes = tuple(replace(axis, size=_count(axis.size, sizes)) if axis.kind == "channel" else axis for axis in tensor.axes)
    return replace(tensor, axes=axes, operations=tuple(operations))


def _count(size: Size, sizes: Mapping[tuple[str, str], Size]) -> Size:
    """Give the number of channels where it refers to a fixed one."""
    if not isinstance(size, ReferencedSize):
        return size
    other = _count(sizes[size.tensor, size.axis], sizes)
    count = size.of(other.size) if isinstance(other, FixedSize) else 0
    return FixedSize(count) if count >= 1 else size


def said_in_05(description: ModelDescription, files: Files) -> dict[str, Any]:
    """Give the description of a package with these files, without what goes to ``config.ijbridge``."""
    sizes = said_sizes(description, files.shapes)
    names = _Names(description)
    document = {
        "format_version": FORMAT_VERSION,
        "type": "model",
        "name": said_name(description.name),
        "description": description.description[:1024],
        "version": said_version(description.version),
        "timestamp": said_timestamp(description.timestamp),
        "authors": said_people(description.authors),
        "packaged_by": said_people(description.packaged_by),
        "maintainers": [person for person in said_people(description.maintainers) if "github_user" in person],
        "license": _file(files.licence) if files.licence else said_licence(description.license),
        "cite": [entry for one in description.cite if (entry := said_citation(one)) is not None],
        "tags": list(description.tags),
        "git_repo": said_url(description.git_repo),
        "documentation": _file(files.documentation),
        "covers": [_file(one) for one in files.covers],
        "attachments": [_file(one) for one in files.attachments],
        **_other(description.other),
        "inputs": [_tensor(one, files, sizes, names, is_input=True) for one in description.inputs],
        "outputs": [_tensor(one, files, sizes, names, is_input=False) for one in description.outputs],
        "weights": {
            "onnx": given({
                **(_file(files.weights) or {}),
                "opset_version": files.opset_version,
                "external_data": _file(files.external_data),
            })
        },
        "training_data": said_dataset(description.training_data),
        "config": _config(description, files, names),
    }  # fmt: skip
    return given(document)


def _config(description: ModelDescription, files: Files, names: _Names) -> dict[str, Any]:
    config = {key: value for key, value in description.config.items() if key != KEY}
    key, own = "reproducibility_tolerance", config.get("bioimageio")
    stated = {name: value for name, value in own.items() if name != key} if isinstance(own, Mapping) else {}
    tolerances = [_tolerance(one, files) for one in description.outputs]
    if description.tolerances or tolerances != [files.tolerances[one.id] for one in description.outputs]:
        stated[key] = [
            {
                "output_ids": [names.tensors[tensor.id]],
                "relative_tolerance": one.relative,
                "absolute_tolerance": one.absolute,
                "mismatched_elements_per_million": int(one.mismatched_per_million),
            }
            for tensor, one in zip(description.outputs, tolerances, strict=True)
            if one is not None
        ]
    config.pop("bioimageio", None)
    return {**({"bioimageio": stated} if stated else {}), **config}


def _tolerance(tensor: Tensor, files: Files) -> Tolerance | None:
    """Give the tolerance of an output as near as is allowed: none of whole numbers, 1 % of the largest value of others.

    Where no value is above 0, no tolerance is allowed, not even 0.
    """
    stated, largest = files.tolerances[tensor.id], files.largest[tensor.id]
    few = replace(stated, mismatched_per_million=min(stated.mismatched_per_million, _MOST_MISMATCHED))
    if largest <= 0:
        return None
    if not tensor.dtype.startswith("float"):
        return replace(few, relative=0.0, absolute=0.0)
    # just below 1 %, which is computed in the type of the test tensor
    return replace(few, relative=min(stated.relative, 0.01), absolute=min(stated.absolute, 0.0099 * largest))


# --- tensors ---------------------------------------------------------------------------------------------------------


class _Names:
    """The ids that the specification allows for a description's tensors and axes."""

    def __init__(self, description: ModelDescription) -> None:
        tensors = (*description.inputs, *description.outputs)
        ids = _allowed([tensor.id for tensor in tensors], 32)
        self.tensors = dict(zip((tensor.id for tensor in tensors), ids, strict=True))
        self._axes = {tensor.id: _axis_ids(tensor.axes) for tensor in tensors}

    def axis(self, tensor: str, axis: str) -> str:
        return self._axes[tensor][axis]


def _axis_ids(axes: Sequence[Axis]) -> dict[str, str]:
    # that of a batch is fixed, and an image's axis is known by its letter
    wanted = ["batch" if one.kind == "batch" else one.letter if one.kind == "space" and one.letter else one.id for one in axes]
    return dict(zip((one.id for one in axes), _allowed(wanted, 16, _TAKEN_IDS), strict=True))


def _allowed(wanted: Sequence[str], longest: int, taken: Iterable[str] = ()) -> list[str]:
    """Give distinct lower case identifiers, each as much like what is wanted as they can be."""
    used = set(taken)
    ids = []
    for one in wanted:
        plain = one.lower()
        if not plain.isidentifier() or iskeyword(plain):
            plain = re.sub(r"[^a-z0-9_]+", "_", plain).strip("_")
            plain = plain if plain.isidentifier() and not iskeyword(plain) else f"_{plain}"
        name, number = plain[:longest], 1
        while name in used:
            number += 1
            name = f"{plain[: longest - len(str(number)) - 1]}_{number}"
        used.add(name)
        ids.append(name)
    return ids


def _tensor(tensor: Tensor, files: Files, sizes: Sizes, names: _Names, *, is_input: bool) -> dict[str, Any]:
    shape = files.shapes[tensor.id]
    axes = [_axis(tensor, axis, length, sizes, names, is_input) for axis, length in zip(tensor.axes, shape, strict=True)]
    operations = [
        said
        for operation in tensor.operations
        if (said := said_operation(operation, is_input, names.tensors, lambda axis: names.axis(tensor.id, axis))) is not None
    ]
    return given(
        {
            "id": names.tensors[tensor.id],
            "description": tensor.description[:128],
            "axes": axes,
            "data": _data(tensor),
            "optional": True if is_input and tensor.optional else None,
            "pad": _pad(tensor.padding) if is_input else None,
            "preprocessing" if is_input else "postprocessing": operations,
            "test_tensor": _file(files.tests[tensor.id]),
            "sample_tensor": _file(files.samples.get(tensor.id)),
        }
    )


def _axis(
    tensor: Tensor,
    axis: Axis,
    length: int,
    sizes: Sizes,
    names: _Names,
    is_input: bool,
) -> dict[str, Any]:
    key = (tensor.id, axis.id)
    said: dict[str, Any] = {
        "type": axis.kind,
        "id": names.axis(*key),
        "description": axis.description[:128],
        "unit": sizes.units.get(key),
        "scale": sizes.scales.get(key),
    }
    if axis.kind == "batch":
        return given({**said, "size": 1 if axis.size == FixedSize(1) else None})
    if axis.kind == "channel":
        # operations may leave fewer channels than the network has
        named = list(axis.channel_names) if len(axis.channel_names) == length else [f"channel{n}" for n in range(length)]
        return given({**said, "channel_names": named})
    if is_input:
        said["concatenable"] = True if axis.concatenable else None
    reference = sizes.references.get(key)
    if reference is not None:
        said["size"] = {"tensor_id": names.tensors[reference.to[0]], "axis_id": names.axis(*reference.to)}
        if reference.offset:
            said["size"]["offset"] = reference.offset
        said["halo"] = sizes.halos.get(key)
    else:
        said["size"] = _size(axis, length, sizes.least[key] if is_input and key in sizes.least else None)
    return given(said)


def _size(axis: Axis, length: int, least: int | None) -> Any:
    """Give a size that is no reference; ``least`` is that of an input's axis which may have several."""
    match axis.size:
        case FixedSize(size):
            return size
        case SteppedSize(step=step) if least is not None:
            return {"min": least, "step": step}
        case FreeSize() if least is not None:
            return {"min": least, "step": 1}
        case FreeSize(low, high) if axis.kind == "index":
            return given({"min": low, "max": high if high is not None and high > max(low, 1) else None})
    return length


def _data(tensor: Tensor) -> dict[str, Any]:
    dtype = tensor.dtype if tensor.dtype in (*_FLOATS, *_INTEGERS, "bool") else "float32"
    unit = tensor.value_unit
    unit = unit if unit == "arbitrary unit" or (unit is not None and _SI.fullmatch(unit)) else None
    if tensor.values and _fit(tensor.values, dtype):
        return given({"values": list(tensor.values), "type": dtype, "unit": unit})
    if dtype == "bool":
        return given({"values": [False, True], "type": dtype, "unit": unit})
    bounds = [one if one is not None and isfinite(one) else None for one in tensor.value_range]
    return given({"type": dtype, "range": bounds if bounds != [None, None] else None, "unit": unit})


def _fit(values: Sequence[Any], dtype: str) -> bool:
    """Whether the specification takes these values for ones of a type."""
    kinds = {type(value) for value in values}
    if kinds == {bool} or dtype == "bool":
        return kinds == {bool} and dtype == "bool"
    if kinds == {str}:
        return dtype.startswith("uint")
    if kinds == {float}:
        return dtype in _FLOATS and all(isfinite(value) for value in values)
    if kinds == {int}:
        bits = int(dtype.lstrip("uintfloa"))
        low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return all(low <= value <= high for value in values)
    return False


def _pad(padding: Padding) -> dict[str, Any] | None:
    if padding == Padding():
        return None
    return {"mode": padding.mode, **({"value": padding.value} if padding.mode == "constant" else {})}


_OTHER: Mapping[str, Callable[[Any], bool]] = {
    "id_emoji": lambda value: isinstance(value, str) and 1 <= len(value) <= 2,
    "links": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "version_comment": lambda value: isinstance(value, str) and len(value) <= 512,
}


def _other(other: Mapping[str, Any]) -> dict[str, Any]:
    return {key: other[key] for key, is_allowed in _OTHER.items() if is_allowed(other.get(key))}


def _file(file: FileRef | None) -> dict[str, Any] | None:
    return given({"source": file.source, "sha256": file.sha256}) if file is not None else None
