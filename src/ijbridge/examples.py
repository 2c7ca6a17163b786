"""Test tensors of a model: its own, or made by running it on an image or on a random one of fixed seed.

bioimage.io 0.5 wants test tensors of a size that the description allows, of its type, with values that are not all about
zero, and references of sizes without a remainder.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TypeAlias

import numpy as np

from ijbridge import geometry, mapping, processing
from ijbridge.checks import is_normalised
from ijbridge.description import Axis, FixedSize, FreeSize, ModelDescription, ReferencedSize, SteppedSize, Tensor
from ijbridge.errors import ConversionError
from ijbridge.formats.bioimageio_sizes import Key, Sizes, said_sizes
from ijbridge.image import Image
from ijbridge.loaded import LoadedModel
from ijbridge.operations import DivideByTypeMaximum, Operation
from ijbridge.options import Options
from ijbridge.testing import as_image, letters_of, load_tensor, test_model
from ijbridge.typing import Array

#: How many random images are tried until an output has values that can be tested.
_SEEDS = 8

#: Elements of an axis of a test image: what is aimed at, by its letter, in images of two and of three dimensions.
_AIMS = ({"y": 128, "x": 128, "t": 4}, {"z": 16, "y": 64, "x": 64, "t": 4})

#: Larger random images are not made.
_MOST_PIXELS = 2**27

#: How many sizes beyond the aim are looked through for one that leaves no remainders.
_TRIED = 4096

Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Example:
    """One array per input and output, what they are, and whether they are the model's own files."""

    arrays: Arrays
    origin: str
    is_own: bool = False

    def npy(self, tensor: str) -> bytes:
        """Give an array as the bytes of a ``.npy`` file."""
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(self.arrays[tensor]), version=(1, 0), allow_pickle=False)
        return buffer.getvalue()


def own_example(model: LoadedModel) -> Example | None:
    """Give the model's own test tensors, None where it has none that a 0.5 description may have.

    Raises
    ------
    ConversionError
        If the model does not reproduce them here.
    """
    description = model.description
    tensors = (*description.inputs, *description.outputs)
    if any(tensor.test_tensor is None for tensor in tensors):
        return None
    arrays = {tensor.id: load_tensor(description, tensor) for tensor in tensors}
    report = test_model(model, Options.read())
    if not report.reproduces:
        how = report.error or "its outputs are others"
        raise ConversionError(
            f"{description.name!r} does not reproduce its own test tensors ({how.rstrip('.')}): see `ijbridge test`; with "
            "--test-image others are made, of what it gives here."
        )
    return None if _refusal(description, arrays, is_own=True) else Example(arrays, "its own", is_own=True)


def made_example(model: LoadedModel, images: Mapping[str, Image]) -> Example:
    """Make test tensors by running the model on images; a random one stands for each that is not given.

    Raises
    ------
    ConversionError
        If none can be made that a 0.5 description may have.
    AxesError
        If an image does not fit the input that it is for.
    """
    description = model.description
    views = {tensor.id: _view(tensor, images[tensor.id]) for tensor in description.inputs if tensor.id in images}
    sizes = _choose_sizes(description, views)
    for name, shape in sizes.items():
        if name not in views and prod(shape) > _MOST_PIXELS:
            raise ConversionError(
                f"A test image for {name!r} of {description.name!r} would have {' x '.join(map(str, shape))} pixels: give "
                "one with --test-image."
            )
    # what is tested are the network's outputs, whatever objects are made of them
    options = Options.read(objects=None if description.objects is None else "raw")
    refusal = ""
    for seed in range(_SEEDS if len(views) < len(description.inputs) else 1):
        rng = np.random.default_rng(seed)
        inputs = {
            tensor.id: _typed(tensor, _cut(views[tensor.id], sizes[tensor.id]))
            if tensor.id in views
            else _random_image(tensor, sizes[tensor.id], rng, is_centred=seed % 2 == 1)
            for tensor in description.inputs
        }
        results = model.run({tensor.id: as_image(tensor, inputs[tensor.id]) for tensor in description.inputs}, options)
        outputs = {tensor.id: _typed(tensor, _as_tensor(tensor, results.images[tensor.id])) for tensor in description.outputs}
        refusal = _refusal(description, inputs | outputs, is_own=False)
        if not refusal:
            named = ", ".join(dict.fromkeys(image.header.name for image in images.values()))
            return Example(inputs | outputs, f"what it gave for {named or f'a random image (seed {seed})'}")
    raise ConversionError(
        f"No test tensors can be made for {description.name!r}: {refusal}; give an image with --test-image on which it gives "
        "something."
    )


def _refusal(description: ModelDescription, arrays: Arrays, *, is_own: bool) -> str:
    """Say why a 0.5 description may not have these test tensors; empty where it may."""
    for tensor in (*description.inputs, *description.outputs):
        array = arrays[tensor.id]
        if array.dtype.name not in _test_types(tensor):
            return f"that of {tensor.id!r} is of type {array.dtype.name}, its description says {tensor.dtype}"
        if not np.isfinite(array).all():
            return f"{tensor.id!r} has values that are infinite or no numbers"
        if array.min() > -1e-4 and array.max() < 1e-4:
            return f"all values of {tensor.id!r} are about zero"
        operations = tensor.operations if tensor in description.outputs else ()
        for axis, size in zip(tensor.axes, array.shape, strict=True):
            if not _is_allowed(axis, size, operations):
                return f"{tensor.id!r} has {size} elements along {axis.id!r}"
    said = said_sizes(description, {name: array.shape for name, array in arrays.items()})
    left = said_sizes(description).references.keys() - said.references.keys()
    return "" if not left or not is_own else "sizes that refer to others leave a remainder"


def _test_types(tensor: Tensor) -> tuple[str, ...]:
    """Give the types that a test tensor may have; where floating point numbers are described, integers may stand for them."""
    if tensor.dtype.startswith("float"):
        return ("float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
    return (tensor.dtype,)


def _is_allowed(axis: Axis, size: int, operations: Sequence[Operation] = ()) -> bool:
    """Whether an axis may have so many elements behind the operations."""
    match axis.size:
        case FixedSize(n):
            return size == processing.elements_left(operations, axis.id, n)
        case SteppedSize(low, step):
            return size >= low and (size - low) % step == 0
        case FreeSize(low, high):
            return low <= size <= (high if high is not None else size)
    return True


def _typed(tensor: Tensor, array: Array) -> Array:
    """Give an array in a type that a test tensor may have, where no value changes."""
    if array.dtype.name in _test_types(tensor):
        return array
    return processing.cast(array, "float32" if tensor.dtype.startswith("float") else tensor.dtype)


def _as_tensor(tensor: Tensor, image: Image) -> Array:
    """Give a result the axes of its tensor."""
    letters, axes, array = letters_of(tensor), image.header.axes, image.array
    for letter in letters:
        if letter not in axes:
            axes, array = letter + axes, array[None]
    return array.transpose([axes.index(letter) for letter in letters])


# --- sizes -----------------------------------------------------------------------------------------------------------


def _choose_sizes(description: ModelDescription, views: Arrays) -> dict[str, tuple[int, ...]]:
    """Choose the shape of every input: about as large as is aimed at, not larger than its image, without remainders."""
    said = said_sizes(description)
    axes = {(tensor.id, axis.id): axis for tensor in (*description.inputs, *description.outputs) for axis in tensor.axes}
    bounds = {
        (tensor.id, axis.id): size
        for tensor in description.inputs
        if tensor.id in views
        for axis, size in zip(tensor.axes, views[tensor.id].shape, strict=True)
    }
    chosen: dict[Key, int] = {}
    for tensor in description.inputs:
        aims = _AIMS["z" in letters_of(tensor)]
        for axis, accepted in zip(tensor.axes, geometry.accepted_sizes(description, tensor), strict=True):
            key = (tensor.id, axis.id)
            if isinstance(axis.size, ReferencedSize):
                continue
            if axis.kind in ("batch", "channel") or accepted is None:
                chosen[key] = bounds.get(key, accepted[0] if accepted else 1)
                continue
            aim = max(aims.get(axis.letter or "", 1), said.least.get(key, 1))
            possible = [n for n in _candidates(accepted, aim, bounds.get(key)) if _is_possible(n, key, axes, bounds)]
            if not possible:
                raise ConversionError(
                    f"No test image can be made for the axis {axis.id!r} of {tensor.id!r}"
                    + (f" of an image of {bounds[key]} pixels: give a larger one." if key in bounds else ".")
                )
            # where all leave a remainder, the first
            chosen[key] = next((n for n in possible if _has_no_remainder(n, key, axes, said)), possible[0])
    return {
        tensor.id: tuple(_size_of((tensor.id, axis.id), axes, chosen) for axis in tensor.axes) for tensor in description.inputs
    }


def _candidates(accepted: tuple[int, int], aim: int, bound: int | None) -> list[int]:
    """Give sizes that the network accepts, best first."""
    low, step = accepted
    if not step:
        return [low] if bound is None or low <= bound else []
    # an image may well be used in full; a random one has no reason to be larger than is aimed at
    most = 2 * aim if bound is not None else aim
    highest = bound if bound is not None else max(aim, low) + _TRIED
    last = low + (min(most, highest) - low) // step * step
    below = [*range(last, low - 1, -step)[:_TRIED]]
    above = [*range(max(last + step, low), highest + 1, step)[:_TRIED]]
    return [*below, *above] if bound is not None or not above else [*below[:1], *above, *below[1:]]


def _sizes_at(size: int, key: Key, axes: Mapping[Key, Axis]) -> dict[Key, int]:
    """Give the sizes of an axis and of all that follow it."""
    return {key: size} | {other: _size_of(other, axes, {key: size}) for other in axes if _followed(other, axes)[0] == key}


def _is_possible(size: int, key: Key, axes: Mapping[Key, Axis], bounds: Mapping[Key, int]) -> bool:
    found = _sizes_at(size, key, axes)
    return _is_allowed(axes[key], size) and all(1 <= n <= bounds.get(other, n) for other, n in found.items())


def _has_no_remainder(size: int, key: Key, axes: Mapping[Key, Axis], said: Sizes) -> bool:
    found = _sizes_at(size, key, axes)
    return all(said.agrees(other, found) for other, one in said.references.items() if one.to == key and other in found)


def _followed(key: Key, axes: Mapping[Key, Axis]) -> tuple[Key, Fraction, Fraction]:
    ratio, offset, size = Fraction(1), Fraction(0), axes[key].size
    while isinstance(size, ReferencedSize):
        offset, ratio = offset + ratio * size.offset, ratio * size.ratio
        key = (size.tensor, size.axis)
        size = axes[key].size
    return key, ratio, offset


def _size_of(key: Key, axes: Mapping[Key, Axis], chosen: Mapping[Key, int]) -> int:
    root, ratio, offset = _followed(key, axes)
    return int((chosen[root] * ratio + offset) // 1)


# --- pixels ----------------------------------------------------------------------------------------------------------


def _view(tensor: Tensor, image: Image) -> Array:
    """Give an image the axes of a tensor: of axes that it lacks one element, of axes that the tensor lacks the middle."""
    letters = mapping.map_input(tensor, image.header).letters
    array, axes = image.array, image.header.axes
    for letter in axes:
        if letter not in letters:
            place = axes.index(letter)
            array, axes = array.take(array.shape[place] // 2, axis=place), axes.replace(letter, "")
    array = array.transpose([axes.index(letter) for letter in letters if letter is not None])
    return array[tuple(None if letter is None else slice(None) for letter in letters)]


def _cut(array: Array, shape: tuple[int, ...]) -> Array:
    """Give the middle of an array."""
    starts = [(have - want) // 2 for have, want in zip(array.shape, shape, strict=True)]
    return np.asarray(array[tuple(slice(start, start + want) for start, want in zip(starts, shape, strict=True))])


def _random_image(tensor: Tensor, shape: tuple[int, ...], rng: np.random.Generator, *, is_centred: bool) -> Array:
    """Make an image of blurred blobs and noise in the range of a tensor; if `is_centred` and it has none, of mean 0."""
    from scipy.ndimage import gaussian_filter

    sigma = [3.0 if axis.kind == "space" else 0.0 for axis in tensor.axes]
    blobs = gaussian_filter(rng.random(shape), sigma, mode="wrap")
    blobs = (blobs - blobs.min()) / (np.ptp(blobs) or 1.0)
    image = np.clip(0.9 * blobs**2 + 0.1 * rng.random(shape), 0, 1)
    # what is divided by the largest value of the image's type is to be an image of integers
    dtype = np.dtype("uint8" if tensor.operations[:1] == (DivideByTypeMaximum(),) else _test_types(tensor)[0])
    if tensor.values:
        numbers = [one if isinstance(one, int | float) else place for place, one in enumerate(tensor.values)]
        return np.asarray(numbers)[np.minimum((image * len(numbers)).astype(int), len(numbers) - 1)].astype(dtype)
    if dtype.kind == "b":
        return image > 0.5
    low, high = tensor.value_range
    if is_centred and dtype.kind == "f" and low is None and high is None:
        return processing.cast((image - image.mean()) / (image.std() or 1.0), dtype.name)
    low = low if low is not None else 0.0
    usual = 255.0 if dtype.kind != "f" or is_normalised(tensor) else 1.0
    high = high if high is not None and high > low else low + usual
    return processing.cast(low + image * (high - low), dtype.name)
