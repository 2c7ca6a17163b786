"""DeepImageJ 1: a folder with ``config.xml`` (root ``Model``), the network, and macros for before and after it.

Any element may be missing or say ``null``. A patch of ``PatchSize`` pixels is run at a time, a multiple of ``MinimumSize``, of
which ``Padding`` pixels on every side are the neighbours' and cut off again; ``FixedPatch`` forbids other patches. The border
of an image is mirrored without repeating its edge. ``NumberOfOutputs`` holds the number of inputs, whoever wrote it: what
counts are the elements ``OutputNames0``, ``OutputNames1``, ... An output has the size of the image. The network is mostly a
SavedModel of TensorFlow.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from ijbridge import axes as ax
from ijbridge.description import (
    Benchmark,
    Citation,
    FileRef,
    FixedSize,
    FreeSize,
    Macro,
    ModelDescription,
    Padding,
    Person,
    ReferencedSize,
    Size,
    SteppedSize,
    Tensor,
)
from ijbridge.errors import DescriptionError
from ijbridge.findings import Finding, noted
from ijbridge.formats.deepimagej import PIXEL_SIZE_OF_TEST, calibrated, constant, pixel_sizes, split_sizes
from ijbridge.formats.deepimagej_weights import agreeing, find_weights
from ijbridge.formats.info import FormatInfo
from ijbridge.formats.macros import after_findings, before_findings, read_macro
from ijbridge.formats.network_tensors import axis
from ijbridge.formats.package import Package
from ijbridge.formats.xml_text import Elements, parse_xml
from ijbridge.operations import EnsureDtype

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

INFO = FormatInfo(
    "DeepImageJ", "1.x", "DeepImageJ config.xml", ("tensorflow_saved_model_bundle", "onnx", "torchscript", "keras_hdf5")
)


def matches(package: Package) -> bool:
    """Whether the package holds a configuration of DeepImageJ 1, told by its elements."""
    return _description(package) is not None


def _description(package: Package) -> str | None:
    for name in package.nearest(lambda one: one.lower().endswith(".xml")):
        data = package.described_by(name).read_description()
        try:
            root = parse_xml(data, name)
        except DescriptionError:
            if b"<ModelCharacteristics" in data or b"<ModelInformation" in data:
                return name
            continue
        if root.tag == "Model" and (root.find("ModelCharacteristics") is not None or root.find("ModelInformation") is not None):
            return name
    return None


def read(package: Package) -> ModelDescription:
    """Read the configuration of a package.

    Raises
    ------
    DescriptionError
        If it is broken, or contradicts the network.
    """
    package = package.described_by(_description(package) or "")
    file = PurePosixPath(package.description_file or "").name
    data = package.read_description()
    element = parse_xml(data, file)
    root = Elements(element, "", file)
    stated = _Stated(root.child("ModelCharacteristics"))
    about, test = root.child("ModelInformation"), root.child("ModelTest")
    weights, network = find_weights(package, stated.keys, root)
    inputs, outputs = stated.tensors()
    findings: tuple[Finding, ...] = ()
    if network is not None:
        inputs, outputs, findings = agreeing(root, network, inputs, outputs, stated.padding)
    macros = tuple(_macros(package, stated.fields))
    sizes, contradiction = pixel_sizes(split_sizes(test.optional_text("PixelSize") or ""))
    said = [noted(contradiction, "pixel-size-unused")] if contradiction else []
    said += [PIXEL_SIZE_OF_TEST] if sizes else []
    inputs = tuple(
        replace(calibrated(one, sizes), padding=Padding("reflect"), assumed=before_findings(macros, _channels(one)))
        for one in inputs
    )
    reference, url = about.optional_text("Reference"), about.optional_text("URL")
    author = about.optional_text("Author")
    return ModelDescription(
        format=INFO.name,
        format_version="1",
        name=about.optional_text("Name") or (package.description_path or package.location).parent.name,
        description=about.optional_text("Credit") or "",
        authors=(Person(author),) if author else (),
        cite=(Citation(reference),) if reference else (),
        version=about.optional_text("Version"),
        documentation=FileRef(url) if url else None,
        timestamp=about.optional_text("Date"),
        inputs=inputs,
        outputs=outputs,
        weights=weights,
        location=str(package.location),
        file=package.description_file,
        digest=hashlib.sha256(data).hexdigest(),
        config={"deepimagej": _config(element)},
        benchmark=_benchmark(test),
        macros=macros,
        findings=(*said, *findings, *after_findings(macros)),
    )


def _config(element: Element) -> dict[str, object]:
    return {child.tag: _config(child) if len(child) else " ".join((child.text or "").split()) for child in element}


def _benchmark(test: Elements) -> Benchmark | None:
    found = Benchmark(*(test.optional_text(tag) for tag in ("InputSize", "OutputSize", "MemoryPeak", "Runtime")))
    return found if found != Benchmark() else None


def _channels(tensor: Tensor) -> int | None:
    size: Size | None = next((one.size for one in tensor.axes if one.kind == "channel"), None)
    if size is None:
        return 1
    return size.size if isinstance(size, FixedSize) else None


# --- what config.xml states ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tensor:
    """A tensor by its name, with the letters of its axes."""

    name: str
    letters: str


class _Stated:
    """The characteristics of a model, held against each other."""

    def __init__(self, fields: Elements) -> None:
        self.fields = fields
        self.inputs = self._named("Input")
        self.outputs = self._named("Output")
        number = fields.integer("NumberOfInputs", len(self.inputs), low=1)
        if number != len(self.inputs):
            raise fields.error(
                f"<NumberOfInputs> is {number}, but there are names of {len(self.inputs)} inputs "
                f"({', '.join(one.name for one in self.inputs)})"
            )
        self.dimensions = self._dimensions()
        self.step = fields.integer("MinimumSize", 1, low=1)
        self.padding = fields.integer("Padding", 0)
        self.patch = fields.integer("PatchSize", 0, low=1) or None
        self.is_fixed = fields.flag("FixedPatch", True) and self.patch is not None
        fields.flag("FixedPadding", True)
        self._check_patch()
        tag, signature = (fields.optional_text(one) for one in ("ModelTag", "SignatureDefinition"))
        self.keys = {key: constant(text) for key, text in (("tag", tag), ("signature", signature)) if text}

    def tensors(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Give inputs and outputs as they are described; of outputs the channels are not."""
        inputs = tuple(self._input(one, first=number == 0) for number, one in enumerate(self.inputs))
        return inputs, tuple(self._output(one, inputs[0]) for one in self.outputs)

    def _named(self, side: Literal["Input", "Output"]) -> list[_Tensor]:
        names = re.compile(rf"{side}Names(\d{{1,3}})")
        numbers = [int(tag[1]) for tag in map(names.fullmatch, self.fields.tags()) if tag]
        missing = next(number for number in range(len(numbers) + 1) if number not in numbers)
        if missing < max(len(numbers), 1):
            raise self.fields.wrong(f"{side}Names{missing}", f"the name of an {side.lower()}")
        found = []
        for number in range(len(numbers)):
            name = self.fields.optional_text(f"{side}Names{number}")
            order = self.fields.optional_text(f"{side}Organization{number}") or ""
            letters = [ax.letter(one) for one in order]
            if name is None:
                raise self.fields.wrong(f"{side}Names{number}", f"the name of an {side.lower()}")
            if not letters or any(one not in ("b", "c", "z", "y", "x") for one in letters) or len(set(letters)) < len(letters):
                raise self.fields.wrong(f"{side}Organization{number}", "distinct letters of N, D, H, W and C, such as NHWC")
            if side == "Input" and not {"y", "x"} <= set(letters):
                raise self.fields.wrong(f"{side}Organization{number}", "letters with H and W among them, such as NHWC")
            found.append(_Tensor(name, "".join(one for one in letters if one is not None)))
        return found

    def _dimensions(self) -> dict[str, int | None]:
        """Give the sizes of the first input by axis, None where they are free."""
        letters, text = self.inputs[0].letters, self.fields.optional_text("InputTensorDimensions")
        sizes: list[int | None] = [None] * len(letters)
        if text is not None:
            parts = [part.strip() for part in text.strip(" ,").split(",")]
            if len(parts) != len(letters) or not all(re.fullmatch(r"-1|[1-9]\d{0,8}", part) for part in parts):
                raise self.fields.wrong(
                    "InputTensorDimensions",
                    f"one size (-1: free) for each of the axes {', '.join(letters)}, such as ,-1,256,256,1,",
                )
            sizes = [None if part == "-1" else int(part) for part in parts]
        stated = dict(zip(letters, sizes, strict=True))
        channels = self.fields.integer("Channels", 0, low=1)
        if "c" in stated and channels:
            if stated["c"] not in (None, channels):
                raise self.fields.error(
                    f"<Channels> is {channels}, but <InputTensorDimensions> has {stated['c']} of them ({text})"
                )
            stated["c"] = channels
        if (stated.get("b") or 1) > 1:
            raise self.fields.wrong("InputTensorDimensions", "-1 or 1 along N: one image is given at a time")
        return stated

    def _check_patch(self) -> None:
        if self.patch is None:
            return
        if self.patch % self.step:
            raise self.fields.error(f"<PatchSize> is {self.patch}, but <MinimumSize> {self.step} does not divide it")
        if 2 * self.padding >= self.patch:
            raise self.fields.error(
                f"<Padding> is {self.padding} on every side, which leaves nothing of <PatchSize> {self.patch}"
            )
        for letter in "yx":
            size = self.dimensions[letter]
            if size is not None and size != self.patch:
                raise self.fields.error(
                    f"<PatchSize> is {self.patch}, but <InputTensorDimensions> has {size} along {'H' if letter == 'y' else 'W'}"
                )

    def _input(self, one: _Tensor, *, first: bool) -> Tensor:
        axes = tuple(axis(letter, self._size(letter, first), number) for number, letter in enumerate(one.letters))
        return Tensor(id=one.name, axes=axes, dtype="float32", operations=(EnsureDtype("float32"),))

    def _size(self, letter: str, first: bool) -> Size:
        told = self.dimensions.get(letter) if first else None
        if told is not None:
            return FixedSize(told)
        if letter in "bc":
            return FreeSize()
        if letter == "z":
            return SteppedSize(1, 1)
        return FixedSize(self.patch) if self.is_fixed and self.patch else SteppedSize(self.step, self.step)

    def _output(self, one: _Tensor, source: Tensor) -> Tensor:
        ids = {given.letter: given.id for given in source.axes}
        axes = tuple(
            axis(letter, ReferencedSize(source.id, ids[letter]), number, self.padding if letter in "yx" else 0)
            if letter in "zyx" and letter in ids
            else axis(letter, FreeSize(), number)
            for number, letter in enumerate(one.letters)
        )
        return Tensor(id=one.name, axes=axes, dtype="float32", operations=(EnsureDtype("float32"),))


def _macros(package: Package, fields: Elements) -> Iterator[Macro]:
    """List the macros that are named, and those that lie beside them, which DeepImageJ offers too."""
    steps: tuple[tuple[str, Literal["before", "after"]], ...] = (("Preprocessing", "before"), ("Postprocessing", "after"))
    for step, when in steps:
        named = [one.strip(" []") for text in fields.texts(f"{step}File") for one in re.split(r"[,;]", text)]
        beside = [one for one in package.beside() if re.fullmatch(rf"{step.lower()}[^/]*\.(ijm|txt)", one.lower())]
        for source in dict.fromkeys([*named, *beside]):
            if source and not source.lower().startswith("no "):
                yield read_macro(package, source, when, "named" if source in named else "beside")
