"""ZEISS' older format for segmentation networks, ``.czmodel`` or ``.czseg`` (model specification 3.0 and 3.1, package czmodel).

A zip of ``<id>.xml``, ``<id>.model`` and perhaps a licence. The network has its channels last; ``BorderSize`` is what is cut on
either side of a tile; each class has a label value. Colour pixel types are in the order blue, green, red.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ijbridge.description import FileRef, ModelDescription, Weights
from ijbridge.errors import DescriptionError
from ijbridge.findings import Finding, noted
from ijbridge.formats.info import PIXEL_SIZE_UNKNOWN, FormatInfo
from ijbridge.formats.package import Package
from ijbridge.formats.xml_text import Elements, parse_xml
from ijbridge.formats.zeiss import Stated, findings, licence, normalised, read_weights, segmented, tensors

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

INFO = FormatInfo("ZEISS czmodel", "3.0, 3.1", "ZEISS czmodel's xml", ("onnx", "tensorflow_saved_model_bundle"))

#: Channels of a pixel type, split into its colours.
_CHANNELS = {"Gray8": 1, "Gray16": 1, "Gray32Float": 1, "Bgr24": 3, "Bgr48": 3, "Bgr96Float": 3, "Bgra32": 4}
_COMPLEX = ("Gray64ComplexFloat", "Bgr192ComplexFloat")

_SPLIT, _GREY = "SplitRgb", "ConvertToMonochrome"

#: The only way of making features that is in the file.
_NETWORK = "DeepNeuralNetwork"


def matches(package: Package) -> bool:
    """Whether the package holds the XML of a czmodel, with its classes or its weights beside it."""
    return _description(package) is not None


def _description(package: Package) -> str | None:
    found = package.nearest(lambda name: name.lower().endswith(".xml"))
    for name in found:
        described = package.described_by(name)
        if described.exists(PurePosixPath(name).with_suffix(".model").name):
            return name
        try:
            root = parse_xml(described.read_description(), name)
        except DescriptionError:
            continue
        if root.tag == "Model" and root.find("TrainingClasses") is not None:
            return name
    return None


def read(package: Package) -> ModelDescription:
    """Read the description of a package.

    Raises
    ------
    DescriptionError
        If it is broken, or contradicts the network.
    PackageError
        If the network is missing or damaged.
    """
    name = _description(package) or ""
    package = package.described_by(name)
    file = PurePosixPath(name).name
    data = package.read_description()
    element = parse_xml(data, file)
    root = _root(element, f"{package.location.name}, {file}")
    classes = _classes(root)
    border = root.integer("BorderSize", 0)
    order, channels, said = _channels(root)
    extractor = root.optional_text("FeatureExtractor") or _NETWORK
    weights_file = PurePosixPath(file).with_suffix(".model").name
    if extractor == _NETWORK:
        weights, network = read_weights(package, weights_file)
    else:
        weights, network = Weights(extractor, FileRef(weights_file), package.exists(weights_file)), None
    given, made = tensors(
        network,
        Stated("<Channels>", (None, None, channels)),
        Stated("<TrainingClasses>", (None, None, len(classes))),
        {"y": border, "x": border},
        root.error,
    )
    given = normalised(given, order)
    return ModelDescription(
        format=INFO.name,
        format_version=root.attribute("Version") or "",
        name=root.optional_text("ModelName") or package.location.stem,
        inputs=(given,),
        outputs=segmented(made, classes, [given.id]),
        weights=(weights,),
        license=licence(package),
        location=str(package.location),
        file=package.description_file,
        digest=hashlib.sha256(data).hexdigest(),
        config={"czmodel": _config(element)},
        findings=(
            *said,
            PIXEL_SIZE_UNKNOWN,
            *_not_done(root, extractor),
            *findings(network, given, made, is_segmentation=True),
        ),
    )


def _root(element: Element, file: str) -> Elements:
    root = Elements(element, "", file)
    if element.tag != "Model":
        raise root.error(f"the document is a <{element.tag}>, but must be a <Model>")
    return root


def _classes(root: Elements) -> dict[int, str]:
    """Give the names of the classes by their labels, in the order of the network's channels."""
    classes: dict[int, str] = {}
    for one in root.child("TrainingClasses").children("Item"):
        value = one.attribute("LabelValue") or ""
        if not value.isdecimal() or not 0 < int(value) < 2**16 or int(value) in classes:
            raise one.error(
                f"the LabelValue of a class is {value!r}, but must be a whole number from 1 to {2**16 - 1} that no other class "
                "has"
            )
        classes[int(value)] = one.attribute("Name") or f"class {value}"
    if len(classes) < 2:
        raise root.error(
            f"<TrainingClasses> has {len(classes)} entries named Item, but a segmentation needs at least two classes"
        )
    return classes


def _channels(root: Elements) -> tuple[list[int] | None, int, list[Finding]]:
    """Give the order in which the network takes an image's channels (None: as they are), their number, and findings."""
    handling = root.optional_text("ColorHandling") or _GREY
    if handling not in (_SPLIT, _GREY):
        raise root.wrong("ColorHandling", f"{_GREY} or {_SPLIT}")
    types = [one.attribute("PixelType") or "" for one in root.child("Channels").children("Item")]
    unknown = [one for one in types if one not in _CHANNELS]
    if unknown or not types:
        what = (
            "complex numbers, which no image of ijbridge has" if unknown and unknown[0] in _COMPLEX else repr(unknown[:1])[1:-1]
        )
        raise root.error(
            f"the PixelType of <Channels> is {what or 'missing'}, but must be one of {', '.join(_CHANNELS)} for each Item"
        )
    order: list[int] = []
    colours = False
    for one in types:
        count = _CHANNELS[one] if handling == _SPLIT else 1
        first = len(order)
        order += [first + 2, first + 1, first, *range(first + 3, first + count)] if count >= 3 else [first]
        colours |= count >= 3
    said = []
    if colours:
        taken = "The network takes blue, green and red; an image's channels are taken for red, green and blue"
        said.append(noted(taken, "channels-assumed"))
    elif any(_CHANNELS[one] > 1 for one in types):
        grey = "The model makes colour images grey, which ijbridge does not: give it a grey one, or choose a channel"
        said.append(noted(grey, "colours-not-made-grey"))
    return (order if colours else None), len(order), said


def _not_done(root: Elements, extractor: str) -> Iterator[Finding]:
    """Say what ZEN does with such a model and ijbridge does not."""
    if extractor != _NETWORK:
        yield Finding(
            "features-unknown", "error", f"The model classifies the features {extractor!r} of pixels, which ZEN computes",
            "ijbridge runs networks only", "export a network from ZEN or arivis Cloud (.czann)",
        )  # fmt: skip
    postprocessing = root.optional_text("Postprocessing")
    if postprocessing is not None:
        yield Finding(
            "postprocessing-not-done", "warning", f"ZEN processes the model's result further ({postprocessing})",
            "which ijbridge does not do", "the labels are those of the network alone",
        )  # fmt: skip


def _config(element: Element) -> dict[str, object]:
    return {child.tag: " ".join((child.text or "").split()) for child in element if len(child) == 0}
