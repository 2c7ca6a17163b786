"""What ijbridge computes, computed a second time and as naively as it can be: whole arrays, one numpy call per step.

It shares the description of a model with ijbridge, and nothing that computes. Tensors are xarray.DataArrays whose dimensions
are the ids of the description's axes; *all* samples of an image lie along the batch axis, so that "axes left out: all of
them, the batch included" is what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import xarray as xr

from ijbridge.description import FixedSize, ModelDescription, ReferencedSize, SteppedSize, Tensor
from ijbridge.operations import (
    ArgMax,
    Binarize,
    Clip,
    DivideByTypeMaximum,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Maximum,
    Operation,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Sigmoid,
    Softmax,
    Take,
    ZeroMeanUnitVariance,
)


def tensor(array: Any, ids: Sequence[str]) -> xr.DataArray:
    """Name the dimensions of an array."""
    return xr.DataArray(np.asarray(array), dims=tuple(ids))


# --- operations ------------------------------------------------------------------------------------------------------


def process(operations: Sequence[Operation], x: xr.DataArray, raw: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Apply operations one after the other; ``raw`` are the inputs before any of them."""
    for operation in operations:
        x = apply(operation, x, raw).transpose(*x.dims)
    return x


def apply(operation: Operation, x: xr.DataArray, raw: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Apply one operation to a whole tensor; numbers are float64 except where a cast says otherwise."""
    wide = x.astype(np.float64)
    match operation:
        case EnsureDtype(dtype):
            return cast(x, dtype)
        case Binarize(threshold, axis):
            return (x > along(threshold, axis)).astype(np.uint8)
        case Clip():
            low, high = operation.min, operation.max
            axes = operation.axes
            lower = percentile(x, operation.min_percentile, axes, "inverted_cdf") if low is None else low
            upper = percentile(x, operation.max_percentile, axes, "inverted_cdf") if high is None else high
            if lower is not None:
                wide = wide.where(wide >= lower, lower)
            if upper is not None:
                wide = wide.where(wide <= upper, upper)
            return wide
        case ScaleLinear(gain, offset, axis):
            return wide * along(gain, axis) + along(offset, axis)
        case FixedZeroMeanUnitVariance(mean, std, axis, eps):
            return (wide - along(mean, axis)) / (along(std, axis) + eps)
        case ZeroMeanUnitVariance(axes, eps):
            return (wide - wide.reduce(np.mean, over(x, axes))) / (wide.reduce(np.std, over(x, axes)) + eps)
        case ScaleRange(low, high, axes, eps, reference):
            source = x if reference is None else raw[reference]
            bottom, top = percentile(source, low, axes, "linear"), percentile(source, high, axes, "linear")
            return (wide - bottom) / (top - bottom + eps)
        case ScaleMeanVariance(reference, axes, eps):
            other = raw[reference].astype(np.float64)
            own = (wide - wide.reduce(np.mean, over(x, axes))) / (wide.reduce(np.std, over(x, axes)) + eps)
            return own * (other.reduce(np.std, over(other, axes)) + eps) + other.reduce(np.mean, over(other, axes))
        case Sigmoid():
            tangent: Any = np.tanh(wide / 2)
            return (1 + tangent) / 2
        case Softmax(axis):
            exponentials: Any = np.exp(wide - wide.max())
            return exponentials / exponentials.sum(dim=axis)
        case DivideByTypeMaximum():
            return x if x.dtype.kind in "fb" else wide / np.iinfo(x.dtype).max
        case Take(axis, indices):
            return x.isel({axis: list(indices)})
        case ArgMax(axis, labels, least):
            found = xr.zeros_like(x.isel({axis: [0]}), dtype=np.int64)
            for number in reversed(range(len(labels))):
                is_largest = x.isel({axis: number}) == x.max(axis)
                found = found.where(~is_largest, labels[number])
            return found if least is None else found.where(x.max(axis) >= least, 0)
        case Maximum(axis):
            return x.max(axis).expand_dims(axis)
    raise AssertionError(operation)


def over(x: xr.DataArray, axes: Sequence[str] | None) -> list[str]:
    """Give the dimensions that a statistic is taken over; each sample alone is what leaving the batch out means."""
    return [str(dim) for dim in x.dims if axes is None or dim in axes]


def percentile(x: xr.DataArray, q: float | None, axes: Sequence[str] | None, method: str) -> Any:
    """Give a percentile over some axes, or None for none."""
    return None if q is None else x.astype(np.float64).reduce(np.percentile, over(x, axes), q=q, method=method)


def along(values: Sequence[float], axis: str | None) -> Any:
    """Give one number, or a number for each element of an axis."""
    return values[0] if axis is None else xr.DataArray(np.array(values), dims=(axis,))


def cast(x: xr.DataArray, dtype: str) -> xr.DataArray:
    """Cut fractions off and stay within the limits of integers, element by element."""
    target = np.dtype(dtype)
    if target.kind not in "iu":
        return x.astype(target)
    limits = np.iinfo(target)
    # no float is the largest 64-bit integer: from floats the one below it is the limit
    top = int(np.nextafter(float(limits.max), 0)) if limits.bits == 64 and x.dtype.kind == "f" else int(limits.max)
    cut = [max(int(limits.min), min(top, int(one))) for one in x.values.ravel().tolist()]
    return xr.DataArray(np.array(cut, target).reshape(x.shape), dims=x.dims)


# --- a whole sample --------------------------------------------------------------------------------------------------


def run(description: ModelDescription, images: Mapping[str, xr.DataArray]) -> dict[str, np.ndarray[Any, Any]]:
    """Run a model on whole samples, each padded to the next size that the network accepts, in one piece."""
    session = ort.InferenceSession(str(Path(description.location) / description.weights[0].file.source))
    inputs = {one.id: process(one.operations, images[one.id], images) for one in description.inputs}
    tensors = {one.id: one for one in (*description.inputs, *description.outputs)}
    sizes = {(name, str(dim)): size for name, image in images.items() for dim, size in image.sizes.items()}
    padded = {(one.id, axis.id): accepted(tensors, one, axis.id, sizes) for one in description.inputs for axis in one.axes}
    wanted = [one.id for one in description.outputs]
    samples = next(iter(images.values())).sizes["batch"]
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    for sample in range(samples):
        feeds = {}
        for name, values in inputs.items():
            one = values.isel(batch=[sample])
            pads = [(0, 0 if dim == "batch" else padded[name, str(dim)] - one.sizes[dim]) for dim in one.dims]
            feeds[name] = np.pad(one.values, pads, mode="symmetric")
        for name, result in zip(wanted, session.run(wanted, feeds), strict=True):
            kept = [
                slice(None if axis.kind == "batch" else follow(tensors, name, axis.id, sizes)) for axis in tensors[name].axes
            ]
            found[name].append(result[tuple(kept)])
    outputs = {}
    for output in description.outputs:
        raw = tensor(np.concatenate(found[output.id]), [axis.id for axis in output.axes])
        outputs[output.id] = process(output.operations, raw, images).values
    return outputs


def follow(tensors: Mapping[str, Tensor], name: str, axis: str, sizes: Mapping[tuple[str, str], int]) -> int | None:
    """Give the size of an axis from those of the inputs; None where it is all that the network gives."""
    size = tensors[name].axis(axis).size
    if isinstance(size, ReferencedSize):
        other = sizes.get((size.tensor, size.axis)) or follow(tensors, size.tensor, size.axis, sizes)
        return None if other is None else int(other * size.ratio + size.offset)
    if isinstance(size, FixedSize):
        for (_, other_axis), found in sizes.items():
            if other_axis == axis and axis in "zyx":
                first = next(one for one in tensors.values() if axis in [each.id for each in one.axes])
                fixed = first.axis(axis).size
                assert isinstance(fixed, FixedSize)
                return int(found * Fraction(size.size, fixed.size))
    return None


def accepted(tensors: Mapping[str, Tensor], one: Tensor, axis: str, sizes: Mapping[tuple[str, str], int]) -> int:
    """Give the smallest size, no smaller than the image's, that the network takes along an axis of an input."""
    match one.axis(axis).size:
        case SteppedSize(low, step):
            size = low
            while size < sizes[one.id, axis]:
                size += step
            return size
        case FixedSize(size):
            return size
        case ReferencedSize(other, other_axis, ratio, offset):
            return int(accepted(tensors, tensors[other], other_axis, sizes) * ratio + offset)
        case _:
            return sizes[one.id, axis]
