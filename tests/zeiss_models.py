"""Models in ZEISS' formats, written by ZEISS' own package czmodel around little networks."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime as ort
from czmodel.core.legacy_model_metadata import ModelMetadata as LegacyMetadata
from czmodel.core.model_metadata import ModelMetadata, ModelType
from czmodel.core.util.onnx_export import DefaultOnnxConverter, LegacyOnnxConverter

from builders import Network

CLASSES = ("background", "border", "nucleus")


def channels_last(
    channels: int = 1,
    outputs: int = 3,
    size: tuple[int, ...] | None = None,
    ndim: int = 2,
    last: str = "Softmax",
    scale: int = 1,
) -> Network:
    """A little U-Net with its channels last, which ends with ``last``: of free size unless one is given, its output larger by
    ``scale``.
    """
    net = Network(5, ndim)
    raw = net.input("raw", channels, [1 if size else None, *(size or [None] * ndim), channels])
    x = net.conv(net.node("Transpose", [raw], channels, perm=[0, ndim + 1, *range(1, ndim + 1)]), 4)
    x = net.conv(net.concat(net.upsample(net.conv(net.pool(x), 8)), x), outputs, relu=False)
    x = net.upsample(x, scale) if scale > 1 else x
    x = net.node("Transpose", [x], outputs, perm=[0, *range(2, ndim + 2), 1])
    net.output(net.node(last, [x], outputs, **({"axis": -1} if last == "Softmax" else {})), "values")
    return net


def write_czann(
    folder: Path,
    network: Network,
    shape: list[int],
    made: list[int],
    kind: str = "SingleClassSemanticSegmentation",
    **stated: Any,
) -> Path:
    """Write a ``.czann``; classes are named where it is a segmentation."""
    folder.mkdir(parents=True, exist_ok=True)
    path = network.save(folder / "network.onnx")
    if "Semantic" in kind:
        stated.setdefault("classes", list(CLASSES[: made[-1]]))
    metadata = ModelMetadata(
        model_type=ModelType(kind), input_shape=shape, output_shape=made, model_name="Cell Finder", model_id="1234", **stated
    )
    licence = folder / "license.txt"
    licence.write_text("free\n")
    DefaultOnnxConverter().convert(str(path), metadata, str(folder / "model.czann"), str(licence))
    return folder / "model.czann"


def write_czmodel(folder: Path, network: Network, pixel_types: str | list[str], handling: str, **stated: Any) -> Path:
    """Write a ``.czmodel``; its network has one size."""
    folder.mkdir(parents=True, exist_ok=True)
    path = network.save(folder / "network.onnx")
    given = {"name": "Cell Finder", "classes": list(CLASSES), "border_size": 6, "model_id": "1234", **stated}
    metadata = LegacyMetadata(pixel_types=pixel_types, color_handling=handling, **given)
    LegacyOnnxConverter().convert(str(path), metadata, str(folder / "model.czmodel"))
    return folder / "model.czmodel"


def raw_values(folder: Path, given: Any) -> Any:
    """Run the network by onnxruntime alone on (y, x, channel) or (z, y, x, channel); give its values of the same form."""
    return ort.InferenceSession(str(folder / "network.onnx")).run(None, {"raw": given[None]})[0][0]


def rewritten(path: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    """Write a model's zip anew with other entries."""
    with zipfile.ZipFile(path) as archive:
        entries: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    entries["model.json"] = json.loads(entries["model.json"])
    edit(entries)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, json.dumps(data) if isinstance(data, dict | list) else data)
    return path


def write_segmentation(folder: Path) -> Path:
    """Write a ``.czann`` of three classes whose tiles overlap, with a pixel size."""
    return write_czann(folder, channels_last(), [64, 64, 1], [64, 64, 3], min_overlap=[12, 20], scaling=[0.65e-6, 0.5e-6])
