"""bioimage.io model descriptions, 0.3 to 0.5: what the versions share.

The specification is at https://bioimage-io.github.io/spec-bioimage-io. Fields that a program can do without may be
absent; what contradicts the specification so that a result could be wrong is an error that names the field.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ijbridge.description import (
    Citation,
    FileRef,
    FixedSize,
    ModelDescription,
    Person,
    ReferencedSize,
    SteppedSize,
    Tensor,
    Tolerance,
    Weights,
)
from ijbridge.errors import NotAModelError
from ijbridge.findings import Finding, noted
from ijbridge.formats import beyond, bioimageio_v03, bioimageio_v04, bioimageio_v05
from ijbridge.formats.bioimageio_objects import with_objects
from ijbridge.formats.bioimageio_stardist import with_stardist
from ijbridge.formats.bioimageio_v05 import file_ref
from ijbridge.formats.deepimagej_config import with_deepimagej
from ijbridge.formats.fields import Fields
from ijbridge.formats.info import FormatInfo
from ijbridge.formats.package import Package
from ijbridge.formats.yaml12 import parse_yaml
from ijbridge.operations import (
    Binarize,
    FixedZeroMeanUnitVariance,
    Operation,
    ScaleLinear,
    operation_name,
)

FORMAT = "bioimage.io"

_READ = ("0.3", "0.4", "0.5")

_TESTED = {"0.3": 6, "0.4": 10, "0.5": 14}

WEIGHTS_FORMATS = (
    "onnx", "torchscript", "pytorch_state_dict", "tensorflow_saved_model_bundle", "keras_hdf5", "keras_v3",
    "tensorflow_js",
)  # fmt: skip

INFO = FormatInfo(
    FORMAT,
    "0.3, 0.4, 0.5",
    "bioimage.io description (rdf.yaml, bioimageio.yaml, model.yaml or *.bioimageio.yaml)",
    WEIGHTS_FORMATS,
)

_ROOT = {
    "format_version", "type", "name", "description", "authors", "packaged_by", "maintainers", "cite", "license", "version",
    "documentation", "covers", "tags", "timestamp", "git_repo", "training_data", "config", "inputs", "outputs", "weights",
    "test_inputs", "test_outputs", "sample_inputs", "sample_outputs",
}  # fmt: skip


def matches(package: Package) -> bool:
    """Whether the package holds a bioimage.io description."""
    return package.description_file is not None


def read(package: Package) -> ModelDescription:
    """Read the description of a package.

    Raises
    ------
    NotAModelError
        If it describes something else than a model.
    DescriptionError
        If it is broken, or of a version that is not read.
    """
    data = package.read_description()
    file = (package.description_file or "").rsplit("/", 1)[-1]
    content = parse_yaml(data, file)
    if not isinstance(content, Mapping) or "format_version" not in content:
        raise NotAModelError(f"{package.location} is not a bioimage.io model: {file} has no `format_version`.")
    root = Fields(content, "", file)
    version = _version(root)
    kind = root.text("type", "model")
    if kind != "model":
        raise NotAModelError(f"{package.location} describes a {kind}, not a model.")
    sources: dict[str, str] = {}
    if _family(version) == "0.3":
        content, sources = bioimageio_v03.as_v04(content)
        root = Fields(content, "", file)
    tensors = bioimageio_v05 if _family(version) == "0.5" else bioimageio_v04
    inputs, outputs = tensors.read_tensors(root)
    outputs = tuple(replace(one, source=sources.get(one.id)) for one in outputs)
    _check(root, inputs, outputs)
    described = ModelDescription(
        format=FORMAT,
        format_version=version,
        name=root.text("name"),
        inputs=inputs,
        outputs=outputs,
        weights=_weights(root, package),
        location=str(package.location),
        file=package.description_file,
        digest=hashlib.sha256(data).hexdigest(),
        description=root.text("description", ""),
        authors=_people(root, "authors"),
        packaged_by=_people(root, "packaged_by"),
        maintainers=_people(root, "maintainers"),
        cite=tuple(
            Citation(one.text("text", ""), one.optional_text("doi"), one.optional_text("url")) for one in root.mappings("cite")
        ),
        license=_license(root),
        version=root.optional_text("version"),
        documentation=file_ref(root, "documentation"),
        covers=tuple(_cover(root, one) for one in root.list("covers")),
        tags=tuple(str(tag) for tag in root.list("tags")),
        timestamp=root.optional_text("timestamp"),
        git_repo=root.optional_text("git_repo"),
        training_data=root.mapping("training_data").value if "training_data" in root else None,
        config=root.mapping("config").value,
        tolerances=_tolerances(root),
        other={key: value for key, value in content.items() if key not in _ROOT},
        findings=_version_findings(version),
    )
    described = with_objects(described, root)
    described = with_stardist(described if beyond.is_kept(root) else with_deepimagej(described, root, package), root)
    meant = beyond.restored(described, root)
    _check(root, meant.inputs, meant.outputs)
    return meant


def _version(root: Fields) -> str:
    version = root.text("format_version")
    if not re.fullmatch(r"\d{1,9}\.\d{1,9}(\.\d{1,9})?", version):
        raise root.wrong("format_version", "a version such as 0.5.4")
    if _family(version) not in _READ:
        raise root.error(
            f"it is written in bioimage.io {version}, but ijbridge reads {', '.join(_READ[:-1])} and {_READ[-1]}: convert the "
            "model to one of these"
        )
    return version


def _family(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _version_findings(version: str) -> tuple[Finding, ...]:
    family, patch = _family(version), int([*version.split("."), "0"][2])
    if patch > _TESTED[family]:
        made_for = f"{family}.{_TESTED[family]}"
        return (
            noted(f"Written in bioimage.io {version}, newer than {made_for}, which this version was made for", "newer-version"),
        )
    return ()


def _people(root: Fields, key: str) -> tuple[Person, ...]:
    return tuple(
        Person(
            name=one.text("name", one.text("github_user", "")),
            affiliation=one.optional_text("affiliation"),
            orcid=one.optional_text("orcid"),
            github_user=one.optional_text("github_user"),
        )
        for one in root.mappings(key)
    )


def _license(root: Fields) -> str | None:
    """Give the licence's SPDX identifier, or the name of the file that it is in."""
    if isinstance(root.raw("license"), Mapping):
        return root.mapping("license").text("source")
    return root.optional_text("license")


def _cover(root: Fields, value: Any) -> FileRef:
    if isinstance(value, Mapping):
        described = Fields(value, "covers", root.file)
        return FileRef(described.text("source"), described.optional_text("sha256"))
    return FileRef(str(value))


def _weights(root: Fields, package: Package) -> tuple[Weights, ...]:
    entries = root.mapping("weights")
    if not entries.value:
        raise root.wrong("weights", f"a mapping with at least one of {', '.join(WEIGHTS_FORMATS)}")
    known = [*WEIGHTS_FORMATS, *(key for key in entries.value if key not in WEIGHTS_FORMATS)]
    read = []
    for name in (name for name in known if name in entries):
        entry = entries.mapping(name)
        file = FileRef(entry.text("source"), entry.optional_text("sha256"))
        used = {"source", "sha256", "opset_version", "external_data", "parent"}
        read.append(
            Weights(
                format=name,
                file=file,
                available=package.exists(file.source),
                opset_version=entry.integer("opset_version", low=1) if "opset_version" in entry else None,
                external_data=file_ref(entry, "external_data"),
                parent=entry.optional_text("parent"),
                details={key: value for key, value in entry.value.items() if key not in used},
            )
        )
    return tuple(read)


def _tolerances(root: Fields) -> tuple[Tolerance, ...]:
    found = []
    for one in root.mapping("config").mapping("bioimageio").mappings("reproducibility_tolerance"):
        ids = one.raw("output_ids")
        discrete = ids == "any_discrete_output"
        found.append(
            Tolerance(
                relative=one.number("relative_tolerance", 0.0 if discrete else 1e-3, low=0),
                absolute=one.number("absolute_tolerance", 0.0 if discrete else 1e-3, low=0),
                mismatched_per_million=one.number("mismatched_elements_per_million", 1000 if discrete else 100, low=0),
                output_ids=ids if isinstance(ids, str) else tuple(str(name) for name in one.list("output_ids")),
                weights_formats=tuple(str(name) for name in one.list("weights_formats")),
            )
        )
    return tuple(found)


def _check(root: Fields, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
    """Refuse what cannot be meant: two tensors of one name, an axis twice, references in a circle or to nothing."""
    seen: set[str] = set()
    for tensor in (*inputs, *outputs):
        if tensor.id in seen:
            raise root.error(f"two tensors are named {tensor.id!r}: every input and output needs a name of its own")
        seen.add(tensor.id)
        ids = [axis.id for axis in tensor.axes]
        for axis_id in ids:
            if ids.count(axis_id) > 1:
                raise root.error(f"the tensor {tensor.id!r} has two axes named {axis_id!r}: every axis needs its own id")
        for operation in tensor.operations:
            _check_values(root, tensor, operation)
            reference = getattr(operation, "reference", None)
            if reference is not None and reference not in [one.id for one in inputs]:
                raise root.error(
                    f"an operation of {tensor.id!r} refers to the tensor {reference!r}, which is none of the inputs "
                    f"({', '.join(one.id for one in inputs)})"
                )
    sizes = {(tensor.id, axis.id): axis.size for tensor in (*inputs, *outputs) for axis in tensor.axes}
    for (tensor_id, axis_id), size in sizes.items():
        steps = 0
        while isinstance(size, ReferencedSize):
            if (size.tensor, size.axis) not in sizes:
                raise root.error(
                    f"the size of the axis {axis_id!r} of {tensor_id!r} refers to the axis {size.axis!r} of {size.tensor!r}, "
                    "which is not there"
                )
            size, steps = sizes[size.tensor, size.axis], steps + 1
            if steps > len(sizes):
                raise root.error(f"the size of the axis {axis_id!r} of {tensor_id!r} refers to itself in a circle")
    _check_halos(root, outputs, sizes)


def _check_values(root: Fields, tensor: Tensor, operation: Operation) -> None:
    """Refuse an operation that gives more or fewer numbers than the axis has elements along which they run."""
    match operation:
        case Binarize(values, axis) | ScaleLinear(values, _, axis) | FixedZeroMeanUnitVariance(values, _, axis):
            size = tensor.axis(axis).size if axis is not None else None
            if isinstance(size, FixedSize) and len(values) not in (1, size.size):
                raise root.error(
                    f"the operation {operation_name(operation)} of {tensor.id!r} gives {len(values)} values along {axis!r}, "
                    f"which has {size.size} elements"
                )


def _check_halos(root: Fields, outputs: tuple[Tensor, ...], sizes: Mapping[tuple[str, str], object]) -> None:
    for tensor in outputs:
        for axis in tensor.axes:
            if not axis.halo or not isinstance(axis.size, ReferencedSize):
                continue
            smallest: object = axis.size
            path = []
            while isinstance(smallest, ReferencedSize):
                path.append(smallest)
                smallest = sizes[smallest.tensor, smallest.axis]
            if not isinstance(smallest, FixedSize | SteppedSize):
                continue
            size = smallest.size if isinstance(smallest, FixedSize) else smallest.min
            for step in reversed(path):
                size = step.of(size)
            if isinstance(smallest, FixedSize) and size <= 2 * axis.halo:
                raise root.error(
                    f"the halo of {axis.halo} on both sides of the axis {axis.id!r} of {tensor.id!r} leaves nothing of its "
                    f"{size} elements"
                )
