"""Folders of DeepImageJ 1: config.xml as it is found in the wild, and what lies beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from builders import Network
from ijbridge.formats import read_model
from ijbridge.formats.package import package_of
from ijbridge.weights.saved_model import kept_at, part_of, read_files
from reference.csbdeep_cases import FOLDER

#: As DeepImageJ 1 wrote it, with the literal null, numbers of outputs that count inputs, and blanks where it left some.
CONFIG = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<Model>
    <ModelInformation>
        <Name>Cell Finder</Name><Author>A. Tester</Author><URL>https://example.org/cells</URL>
        <Credit>Somebody, Somewhere</Credit><Version>1.0</Version><Date>2019</Date><Reference>Nobody 2019</Reference>
    </ModelInformation>
    <ModelTest>
        <InputSize>348x260</InputSize><OutputSize>348x260</OutputSize><MemoryPeak>269.0 Mb</MemoryPeak>
        <Runtime> 11.5 s</Runtime><PixelSize>0.65µm x 0.5µm</PixelSize>
    </ModelTest>
    <ModelCharacteristics>
        <ModelTag>tf.saved_model.tag_constants.SERVING</ModelTag>
        <SignatureDefinition>tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY</SignatureDefinition>
        <InputTensorDimensions>,-1,-1,-1,1,</InputTensorDimensions>
        <NumberOfInputs>1</NumberOfInputs><InputNames0>raw</InputNames0><InputOrganization0>NHWC</InputOrganization0>
        <NumberOfOutputs>1</NumberOfOutputs><OutputNames0>values</OutputNames0><OutputOrganization0>NHWC</OutputOrganization0>
        <Channels>1</Channels><FixedPatch>false</FixedPatch><MinimumSize>4</MinimumSize><PatchSize>48</PatchSize>
        <FixedPadding>true</FixedPadding><Padding>5</Padding>
        <PreprocessingFile>preprocessing.txt</PreprocessingFile><PostprocessingFile>postprocessing.txt</PostprocessingFile>
        <slices>1</slices>
    </ModelCharacteristics>
</Model>
"""

DIVIDE = '// Scales to 0 to 1\nprint("Preprocessing");\nrun("32-bit");\nrun("Divide...", "value=255");\n'


def channels_last(channels: int = 1, size: int | None = None, outputs: int = 2) -> Network:
    net = Network(4)
    x = net.node("Transpose", [net.input("raw", channels, [None, size, size, channels])], channels, perm=[0, 3, 1, 2])
    x = net.node("Transpose", [net.conv(x, outputs, relu=False)], outputs, perm=[0, 2, 3, 1])
    net.output(x, "values")
    return net


def folder_of(
    folder: Path,
    edit: Callable[[Element], Any] | None = None,
    network: Network | None = None,
    macros: dict[str, str] | None = None,
) -> Path:
    """Write a model folder whose configuration is changed by ``edit`` (which may give other bytes for it)."""
    folder.mkdir(parents=True, exist_ok=True)
    root = fromstring(CONFIG)
    given = edit(root) if edit is not None else None
    (folder / "config.xml").write_bytes(given if isinstance(given, bytes) else tostring(root, encoding="utf-8"))
    if network is not None:
        network.save(folder / "network.onnx")
    for name, text in (macros or {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def text(tag: str, value: str | None) -> Callable[[Element], None]:
    """Set the text of a characteristic; None takes it away."""

    def edit(root: Element) -> None:
        for parent in root:
            for child in parent.findall(tag):
                if value is None:
                    parent.remove(child)
                else:
                    child.text = value
                return
        if value is not None:
            SubElement(root[-1], tag).text = value

    return edit


def several(*edits: Callable[[Element], Any]) -> Callable[[Element], None]:
    def edit(root: Element) -> None:
        for one in edits:
            one(root)

    return edit


LITTLE_CONFIG = """<Model><ModelInformation><Name>Cells</Name></ModelInformation><ModelCharacteristics>
<ModelTag>{tag}</ModelTag><SignatureDefinition>{signature}</SignatureDefinition>
<InputNames0>{names[0]}</InputNames0><InputOrganization0>{order}</InputOrganization0>
<OutputNames0>{names[1]}</OutputNames0><OutputOrganization0>{order}</OutputOrganization0>
<FixedPatch>false</FixedPatch><MinimumSize>{step}</MinimumSize><PatchSize>48</PatchSize><Padding>5</Padding>
</ModelCharacteristics></Model>"""

SERVING = "tf.saved_model.tag_constants.SERVING"
DEFAULT = "tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY"


def little_folder(folder: Path, tag: str = SERVING, signature: str = DEFAULT, order: str = "NHWC", step: int = 4) -> Path:
    """Write a folder with the least configuration and no network."""
    folder.mkdir()
    text = LITTLE_CONFIG.format(tag=tag, signature=signature, order=order, step=step, names=("input", "output"))
    (folder / "config.xml").write_text(text, encoding="utf-8")
    return folder


def keep(model: Path) -> None:
    """Put there what the model was converted to before, so that no TensorFlow is needed."""
    description = read_model(model)
    package, weights = package_of(description), description.weights[0]
    files = read_files(package, weights, package.read(weights.file, "weights"))
    kept = kept_at(files, *part_of(weights))
    kept.parent.mkdir(parents=True)
    shutil.copy(FOLDER / "care-2d-probabilistic" / "converted.onnx", kept)
