"""ZEISS' exchange format for networks, ``.czann`` (CZANN model specification 1.0 to 2.1, package czmodel).

A zip of ``model.json``, ``model.model`` and perhaps a licence. Shapes are (y, x, channel) or (z, y, x, channel), without the
batch; ``MinOverlap`` is the overlap of two tiles, twice what is cut on either side; ``Scaling`` is the pixel size in metres
along x, y and z. What the description states has to agree with the network that lies beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, isfinite
from typing import Any

from ijbridge.description import ModelDescription, ReferencedSize, SteppedSize, Tensor
from ijbridge.errors import DescriptionError
from ijbridge.findings import Finding, noted
from ijbridge.formats.fields import Fields, is_number
from ijbridge.formats.info import PIXEL_SIZE_UNKNOWN, FormatInfo
from ijbridge.formats.json_text import parse_json
from ijbridge.formats.package import Package
from ijbridge.formats.zeiss import Stated, findings, licence, normalised, read_weights, segmented, tensors
from ijbridge.graph import Network
from ijbridge.operations import UnsupportedOperation

INFO = FormatInfo("ZEISS CZANN", "1.0 to 2.1", "ZEISS model.json", ("onnx", "tensorflow_saved_model_bundle"))

_FILE, _WEIGHTS = "model.json", "model.model"

#: The types that are run.
_SEGMENTATIONS = ("SingleClassSemanticSegmentation", "MultiClassSemanticSegmentation")
_REGRESSION = "Regression"

#: The types that are known and cannot be run, and why.
_REFUSED = {
    "SingleClassInstanceSegmentation": "how objects are made of what its network gives is not in the file",
    "MultiClassInstanceSegmentation": "how objects are made of what its network gives is not in the file",
    "ObjectDetection": "its network gives boxes, which are no image",
    "SingleClassClassification": "its network names the class of a whole image, which is no image",
    "MultiClassClassification": "its network names the classes of a whole image, which are no image",
}
_TYPES = (*_SEGMENTATIONS, _REGRESSION, *_REFUSED)


def matches(package: Package) -> bool:
    """Whether the package holds a ``model.json`` of ZEISS, told by what lies beside it or by its shapes."""
    for name in package.nearest(lambda one: one == _FILE):
        described = package.described_by(name)
        if described.exists(_WEIGHTS):
            return True
        try:
            content = parse_json(described.read_description(), _FILE)
        except DescriptionError:
            return False
        if isinstance(content, Mapping) and {"InputShape", "OutputShape"} <= set(content):
            return True
    return False


def read(package: Package) -> ModelDescription:
    """Read the description of a package.

    Raises
    ------
    DescriptionError
        If it is broken, or contradicts the network.
    PackageError
        If the network is missing or damaged.
    """
    package = package.described_by(package.nearest(lambda one: one == _FILE)[0])
    data = package.read_description()
    root = Fields(parse_json(data, _FILE), "", f"{package.location.name}, {_FILE}")
    kind = root.one_of("Type", _TYPES)
    shapes = [_shape(root, key) for key in ("InputShape", "OutputShape")]
    if len(shapes[0]) != len(shapes[1]) and kind not in _REFUSED:
        raise root.error(f"`InputShape` is {shapes[0]} and `OutputShape` {shapes[1]}, but both must have as many sizes")
    spatial = "zyx"[-(len(shapes[0]) - 1) :]
    overlap = _overlap(root, spatial)
    classes = _classes(root, kind, shapes[1])
    weights, network = read_weights(package, _WEIGHTS)
    if kind in _REFUSED:
        network = None  # its tensors may be others than those of images
    given, made = tensors(network, Stated("`InputShape`", shapes[0]), Stated("`OutputShape`", shapes[1]), overlap, root.error)
    made = _related(root, network, given, made, shapes)
    said: list[Finding] = []
    free = [one.id for one in given.axes if isinstance(one.size, SteppedSize)]
    if free:
        along = ", ".join(free)
        said.append(noted(f"`InputShape` is {shapes[0]}, but the network takes other sizes along {along} too", "sizes-free"))
    given = _calibrated(normalised(given), _pixel_sizes(root, said))
    outputs: tuple[Tensor, ...] = (made,)
    if kind in _REFUSED:
        outputs = (replace(made, operations=(UnsupportedOperation(kind, _REFUSED[kind]),)),)
    elif kind in _SEGMENTATIONS:
        outputs = segmented(made, classes, [given.id])
    return ModelDescription(
        format=INFO.name,
        format_version=root.text("FormatVersion", ""),
        name=root.text("ModelName", package.location.stem) or package.location.stem,
        description=root.text("ModelDescription", ""),
        inputs=(given,),
        outputs=outputs,
        weights=(weights,),
        license=licence(package),
        location=str(package.location),
        file=package.description_file,
        digest=hashlib.sha256(data).hexdigest(),
        tags=(kind,),
        config={"czann": root.value},
        findings=(*said, *findings(network, given, made, is_segmentation=kind in _SEGMENTATIONS)),
    )


# --- what model.json states ------------------------------------------------------------------------------------------


def _shape(root: Fields, key: str) -> list[int]:
    shape = root.raw(key)
    if not isinstance(shape, list) or len(shape) not in (3, 4) or not all(_is_whole(one) and one >= 1 for one in shape):
        raise root.wrong(key, "three or four whole numbers of at least 1: [y, x, channels] or [z, y, x, channels]")
    return [int(one) for one in shape]


def _is_whole(value: Any) -> bool:
    return is_number(value) and isfinite(value) and value == int(value)


def _overlap(root: Fields, spatial: str) -> dict[str, int]:
    """Give what is cut on either side of a tile, by axis."""
    overlap = root.list("MinOverlap") or [0] * len(spatial)
    if len(overlap) != len(spatial) or not all(_is_whole(one) and one >= 0 and one % 2 == 0 for one in overlap):
        raise root.wrong("MinOverlap", f"one even whole number of at least 0 per axis of {', '.join(spatial)}")
    return {letter: int(one) // 2 for letter, one in zip(spatial, overlap, strict=True)}


def _classes(root: Fields, kind: str, output: list[int]) -> dict[int, str]:
    """Give the names of the classes by their labels, of a segmentation."""
    names = root.list("Classes")
    if any(not isinstance(one, str | int | float) or isinstance(one, bool) for one in names):
        raise root.wrong("Classes", "a list of names")
    if kind not in _SEGMENTATIONS:
        return {}
    count = output[-1]
    if names and len(names) != count:
        raise root.error(
            f"`Classes` names {len(names)} ({', '.join(map(str, names))}), but `OutputShape` {output} has {count} of them: "
            "they must be as many"
        )
    if count < 2:
        raise root.error(f"`OutputShape` is {output}: a {kind} needs a value for each of at least two classes, the last size")
    return {number + 1: str(name) for number, name in enumerate(names or [f"class {one + 1}" for one in range(count)])}


def _pixel_sizes(root: Fields, said: list[Finding]) -> dict[str, float]:
    """Give the pixel sizes in micrometres by axis."""
    scaling = root.list("Scaling")
    if not scaling:
        said.append(PIXEL_SIZE_UNKNOWN)
        return {}
    if len(scaling) not in (2, 3) or not all(is_number(one) and 0 < one < float("inf") for one in scaling):
        raise root.wrong("Scaling", "two or three numbers above 0: the pixel size along x, y and z in metres")
    if all(one == 1 for one in scaling):
        metre = f"`Scaling` is {scaling}, a metre per pixel, which ZEN writes where no pixel size is known: it is not used"
        said += [noted(metre, "pixel-size-unused"), PIXEL_SIZE_UNKNOWN]
        return {}
    return {letter: float(one) * 1e6 for letter, one in zip("xyz", scaling, strict=False)}


def _calibrated(tensor: Tensor, sizes: Mapping[str, float]) -> Tensor:
    return replace(
        tensor,
        axes=tuple(
            replace(one, pixel_size=sizes[one.id], unit="micrometer") if one.id in sizes else one for one in tensor.axes
        ),
    )


# --- and the network -------------------------------------------------------------------------------------------------


def _related(root: Fields, network: Network | None, given: Tensor, made: Tensor, shapes: Sequence[list[int]]) -> Tensor:
    """Hold the sizes that the network makes against the described ones; take these where it does not tell."""
    if network is None:
        return made
    told = network.facts().fields.get(made.id, ())
    axes = list(made.axes)
    for number, (before, after) in enumerate(zip(*(shape[:-1] for shape in shapes), strict=True), start=1):
        one, source = axes[number], given.axes[number].size
        if number >= len(told) or not told[number]:
            ratio = Fraction(after, before)
            axes[number] = replace(one, size=ReferencedSize(given.id, one.id, ratio), halo=ceil(one.halo * ratio))
            continue
        on_grid = not isinstance(source, SteppedSize) or (before - source.min) % source.step == 0
        if on_grid and isinstance(one.size, ReferencedSize) and one.size.of(before) != after:
            raise root.error(
                f"`OutputShape` has {after} along {one.id} where `InputShape` has {before}, but the network makes "
                f"{one.size.of(before)} of {before}: description and network do not belong together"
            )
    return replace(made, axes=tuple(axes))
