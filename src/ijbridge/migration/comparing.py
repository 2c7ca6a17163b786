"""What a model gives today beside the result that was saved with it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from ijbridge.covers import grey_square, limits_of, middle_plane
from ijbridge.description import FileRef, ModelDescription
from ijbridge.errors import IJBridgeError
from ijbridge.formats.package import Package, package_of
from ijbridge.image import Image
from ijbridge.image_io import SUFFIXES, read_image
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.plans import Plan
from ijbridge.testing import as_image, load_tensor
from ijbridge.typing import Array, Float

#: Images beside a model that is described without them: what went in, what came out.
_EXAMPLES = (
    (r"exampleimage\.(tiff?|npy)", r"resultimage\.(tiff?|npy)"),
    (r"sample_input(_0)?\.(tiff?|npy)", r"sample_output(_0)?\.(tiff?|npy)"),
)

#: Of the range of the saved result: a difference up to this is that of two engines.
_SAME = 1e-3

Verdict = Literal["same", "border", "differs", "not compared"]


@dataclass(frozen=True)
class Picture:
    """A plane as a square of grey values, uint8, under a caption."""

    caption: str
    pixels: Array


@dataclass(frozen=True)
class Comparison:
    """One result beside the saved one.

    ``largest`` is the largest difference, ``relative`` the same over the range of the saved result; ``inside`` is ``relative``
    without ``border`` pixels along the edge, None where nothing is left. ``reason`` says why the two cannot be compared.
    """

    given: str
    expected: str
    output: str
    verdict: Verdict
    largest: float = float("nan")
    relative: float = float("nan")
    inside: float | None = None
    border: int = 0
    reason: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class _Pair:
    """An image and the result saved with it, by the names of their files."""

    output: str
    given: str
    expected: str
    image: Image
    saved: Image


def compare_all(model: LoadedModel, options: Options) -> Iterator[Comparison]:
    """Run a model on the images that it came with, and compare: its test tensors, and its sample or example images.

    Of a model of several inputs only test tensors are compared, by `ijbridge test`.
    """
    description = model.description
    if len(description.inputs) != 1:
        return
    package = package_of(description)
    for given, expected in _files(description, package):
        try:
            pair = _read(description, package, given, expected)
        except IJBridgeError as error:
            yield Comparison(given, expected, description.outputs[0].id, "not compared", reason=str(error))
            continue
        yield _compare(model, pair, options)


def _files(description: ModelDescription, package: Package) -> Iterator[tuple[str, str]]:
    """Name the files of a model's example, each pair once."""
    given, expected = description.inputs[0], description.outputs[0]
    pairs: list[tuple[str, str]] = []
    for one, other in ((given.test_tensor, expected.test_tensor), (given.sample_tensor, expected.sample_tensor)):
        if one is not None and other is not None and package.exists(one.source) and package.exists(other.source):
            pairs.append((one.source, other.source))
    beside = package.beside()
    for wanted in _EXAMPLES:
        found = [next((name for name in beside if re.fullmatch(pattern, name.lower())), "") for pattern in wanted]
        if all(found):
            pairs.append((found[0], found[1]))
    read = [pair for pair in dict.fromkeys(pairs) if all(name.lower().endswith(SUFFIXES) for name in pair)]
    yield from read or dict.fromkeys(pairs)


def _read(description: ModelDescription, package: Package, given: str, expected: str) -> _Pair:
    tensors = description.inputs[0], description.outputs[0]
    images = []
    for tensor, file in zip(tensors, (given, expected), strict=True):
        if file.lower().endswith(".npy"):
            array = load_tensor(description, replace(tensor, test_tensor=FileRef(file)))
            images.append(as_image(tensor, array))
        else:
            images.append(_read_file(package, file))
    return _Pair(tensors[1].id, given, expected, *images)


def _read_file(package: Package, name: str) -> Image:
    """Read an image of a package; one of a zip by way of a temporary file, which images are read from."""
    path = package.path(name)
    if path is not None:
        return read_image(path)
    with tempfile.TemporaryDirectory(prefix="ijbridge-") as folder:
        copy = Path(folder) / f"image{PurePosixPath(name).suffix.lower()}"
        copy.write_bytes(package.read(FileRef(name), "image"))
        image = read_image(copy)
        return Image(np.array(image.array), image.header)


def _compare(model: LoadedModel, pair: _Pair, options: Options) -> Comparison:
    (tensor,) = model.description.inputs
    try:
        plan = model.plan({tensor.id: pair.image.header}, options)
        result = model.run({tensor.id: pair.image}, plan).images[pair.output]
    except IJBridgeError as error:
        return _not_compared(pair, str(error), (_picture("image", pair.image),))
    saved = _aligned(pair.saved, result)
    if saved is None:
        pictures = (_picture("image", pair.image), _picture("saved result", pair.saved), _picture("result now", result))
        return _not_compared(
            pair,
            f"The saved result is {pair.saved.header.described()}, what comes out {result.header.described()}.",
            pictures,
        )
    return _measured(pair, result, saved, _border(plan))


def _not_compared(pair: _Pair, reason: str, pictures: tuple[Picture, ...]) -> Comparison:
    return Comparison(pair.given, pair.expected, pair.output, "not compared", reason=reason, pictures=pictures)


def _aligned(saved: Image, result: Image) -> Float | None:
    """Give the saved result with the axes of the result; None where they are of other sizes."""
    axes, array = saved.header.axes, np.asarray(saved.array)
    kept = [number for number, size in enumerate(array.shape) if size > 1 or axes[number] in "yx"]
    letters = "".join(axes[number] for number in kept)
    array = array.reshape([array.shape[number] for number in kept])
    own = result.header.axes
    shape = [size for size, letter in zip(result.array.shape, own, strict=True) if size > 1 or letter in "yx"]
    order = "".join(letter for size, letter in zip(result.array.shape, own, strict=True) if size > 1 or letter in "yx")
    if sorted(letters) == sorted(order):
        array = array.transpose([letters.index(letter) for letter in order])
    # a stack whose file calls its planes z or t may be the channels of the model
    if list(array.shape) != shape:
        return None
    return array.reshape(result.array.shape).astype(np.float64)


def _measured(pair: _Pair, result: Image, saved: Float, border: int) -> Comparison:
    found = np.asarray(result.array, np.float64)
    with np.errstate(invalid="ignore"):
        difference = np.abs(found - saved)
    difference[(found == saved) | (np.isnan(found) & np.isnan(saved))] = 0
    difference[~np.isfinite(difference)] = np.inf
    finite = saved[np.isfinite(saved)]
    span = float(np.ptp(finite)) if finite.size else 0.0
    scale = span or float(np.abs(finite).max(initial=0.0)) or 1.0
    axes = result.header.axes
    inner = difference[tuple(slice(border, -border or None) if one in "yx" else slice(None) for one in axes)]
    relative = float(difference.max(initial=0.0)) / scale
    inside = float(inner.max()) / scale if border and inner.size else None
    verdict: Verdict = "same" if relative <= _SAME else "border" if inside is not None and inside <= _SAME else "differs"
    planes = [middle_plane(one, axes) for one in (saved, found, difference)]
    limits = limits_of(np.nan_to_num(planes[0], posinf=0, neginf=0))
    # rounding errors would look like a fault
    most = max(float(planes[2][np.isfinite(planes[2])].max(initial=0.0)), _SAME * scale)
    pictures = (
        _picture("image", pair.image),
        Picture("saved result", grey_square(np.nan_to_num(planes[0], posinf=0, neginf=0), limits)),
        Picture("result now", grey_square(np.nan_to_num(planes[1], posinf=0, neginf=0), limits)),
        Picture(f"difference, white is {most:.3g}", grey_square(np.nan_to_num(planes[2], posinf=most), (0.0, most))),
    )
    return Comparison(
        pair.given, pair.expected, pair.output, verdict, float(difference.max(initial=0.0)), relative, inside, border,
        pictures=pictures,
    )  # fmt: skip


def _border(plan: Plan) -> int:
    """Give how far from the edge a result depends on how the image is continued beyond it."""
    return max((axis.link.halo for one in plan.outputs for axis in one.axes if axis.letter in ("y", "x")), default=0)


def _picture(caption: str, image: Image) -> Picture:
    plane = middle_plane(np.asarray(image.array), image.header.axes)
    return Picture(caption, grey_square(np.nan_to_num(plane, posinf=0, neginf=0)))
