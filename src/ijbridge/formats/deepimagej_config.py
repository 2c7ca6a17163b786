"""What DeepImageJ 2 and later write into ``config.deepimagej`` of a bioimage.io description.

bioimage.io leaves ``config`` to the tools, so what is not as DeepImageJ writes it is no error of the description: a note says
that it is not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from ijbridge.description import IMAGEJ_MACRO, Benchmark, Macro, ModelDescription, Tensor
from ijbridge.errors import DescriptionError
from ijbridge.findings import Finding, noted
from ijbridge.formats.deepimagej import PIXEL_SIZE_OF_TEST, calibrated, constant, pixel_sizes, split_sizes
from ijbridge.formats.fields import Fields
from ijbridge.formats.macros import after_findings, before_findings, read_macro
from ijbridge.formats.package import Package

_MACRO_SPEC = "ij.IJ::runMacroFile"


def with_deepimagej(description: ModelDescription, root: Fields, package: Package) -> ModelDescription:
    """Complete a description by what ``config.deepimagej`` says."""
    try:
        if "deepimagej" not in root.mapping("config"):
            return description
        return _completed(description, root.mapping("config").mapping("deepimagej"), root, package)
    except DescriptionError as error:
        note = f"config.deepimagej is not as DeepImageJ writes it and not used: {error}"
        return replace(description, findings=(*description.findings, noted(note, "config-unused")))


def _completed(description: ModelDescription, own: Fields, root: Fields, package: Package) -> ModelDescription:
    findings = list(description.findings)
    test = own.mapping("test_information")
    sizes, contradiction = pixel_sizes(_stated_sizes(test))
    findings += [noted(contradiction, "pixel-size-unused")] if contradiction else []
    if sizes and not any(axis.pixel_size for tensor in description.inputs for axis in tensor.axes):
        findings.append(PIXEL_SIZE_OF_TEST)
    if own.flag("pyramidal_model"):
        findings.append(noted("DeepImageJ ran this model as one of pyramidal pooling, in one piece", "pyramidal-pooling"))
    listed = _macros(own.mapping("prediction"), package)
    described = {
        "before": any(True for one in root.mappings("inputs") if one.list("preprocessing")),
        "after": any(True for one in root.mappings("outputs") if one.list("postprocessing")),
    }
    macros = tuple(replace(one, use="replaced") if described[one.when] else one for one in listed)
    findings += _instead(macros)
    inputs = description.inputs
    if not described["before"] and any(one.when == "before" for one in macros):
        inputs = tuple(replace(tensor, assumed=before_findings(macros, _channels(tensor))) for tensor in inputs)
    if not described["after"]:
        findings += after_findings(macros)
    forbidden = "allow_tiling" in own and not own.flag("allow_tiling")
    return replace(
        description,
        inputs=tuple(calibrated(tensor, sizes) for tensor in inputs),
        weights=tuple(
            replace(one, details={**one.details, **_model_keys(own)}) if one.format == "tensorflow_saved_model_bundle" else one
            for one in description.weights
        ),
        macros=macros,
        benchmark=_benchmark(test),
        whole_because="its description says allow_tiling: false" if forbidden else None,
        findings=tuple(findings),
    )


def _instead(macros: tuple[Macro, ...]) -> Iterator[Finding]:
    for when, operations in (("before", "preprocessing"), ("after", "postprocessing")):
        named = [one.source for one in macros if one.when == when and one.use == "replaced" and not one.is_empty]
        if named:
            yield Finding(
                "macro-not-run", "note", f"DeepImageJ ran {', '.join(named)} {when} the network",
                f"here the {operations} of the description is done, which ought to be the same",
            )  # fmt: skip


def _channels(tensor: Tensor) -> int | None:
    size: Any = next((axis.size for axis in tensor.axes if axis.kind == "channel"), None)
    return getattr(size, "size", None) if size is not None else 1


def _entries(fields: Fields, key: str) -> Iterator[Fields]:
    """Give the mappings of a list, or the only one; what is null is passed over."""
    value = fields.raw(key)
    for one in value if isinstance(value, list) else [value]:
        if one is not None:
            yield Fields(one, f"{fields.path}.{key}", fields.file)


def _macros(prediction: Fields, package: Package) -> Iterator[Macro]:
    steps: tuple[tuple[str, Literal["before", "after"]], ...] = (("preprocess", "before"), ("postprocess", "after"))
    for key, when in steps:
        for one in _entries(prediction, key):
            spec = one.optional_text("spec")
            if spec == _MACRO_SPEC:
                files = one.list("kwargs") if isinstance(one.raw("kwargs"), list) else [one.text("kwargs")]
                for file in files:
                    yield read_macro(package, str(file), when)
            elif spec is not None:
                yield Macro(when, "Java class" if "::" in spec and ".jar" in spec else IMAGEJ_MACRO, spec)


def _stated_sizes(test: Fields) -> dict[str, str]:
    for one in _entries(test, "inputs"):
        sizes = one.raw("pixel_size")
        if isinstance(sizes, dict):
            return {str(letter): str(size) for letter, size in sizes.items() if str(letter) in "zyx"}
    # as bioimage.io 0.3 first had it: one text for each input
    texts = test.raw("pixel_size")
    first = texts[0] if isinstance(texts, list) and texts else texts
    return split_sizes(first) if isinstance(first, str) else {}


def _benchmark(test: Fields) -> Benchmark | None:
    inputs, outputs = (next(_entries(test, key), None) for key in ("inputs", "outputs"))
    found = Benchmark(
        input_size=inputs.optional_text("size") if inputs else None,
        output_size=outputs.optional_text("size") if outputs else None,
        memory_peak=test.optional_text("memory_peak"),
        runtime=test.optional_text("runtime"),
    )
    return found if found != Benchmark() else None


def _model_keys(own: Fields) -> dict[str, str]:
    keys = own.mapping("model_keys")
    names = {
        "tag": ("tensorflow_model_tag", "model_tag"),
        # the first is how most of them are written
        "signature": ("tensorflow_siganture_def", "tensorflow_signature_def", "signature_definition"),
    }
    found = {}
    for key, spellings in names.items():
        stated = next((keys.optional_text(one) for one in spellings if one in keys), None)
        if stated:
            found[key] = constant(stated)
    return found
