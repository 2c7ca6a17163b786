"""Statistics are numpy's, whatever the type, the axes that are reduced, and the blocks the pixels come in."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ijbridge import statistics
from ijbridge.statistics import Blocks

EXACT = settings(derandomize=True, max_examples=100, deadline=None)

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]
ORDERS: list[Literal["<", ">"]] = ["<", ">"]


def blocks_of(array: Any, sizes: Sequence[int], repeat: int = 1) -> Blocks:
    """Cut an array, ``repeat`` times the same, into blocks of these sizes."""

    def blocks(uncut: Sequence[int]) -> Iterator[tuple[tuple[slice, ...], Any]]:
        steps = [whole if axis in uncut else size for axis, (whole, size) in enumerate(zip(array.shape, sizes, strict=True))]
        for corner in product(*(range(0, whole, step) for whole, step in zip(array.shape, steps, strict=True))):
            where = tuple(
                slice(start, min(start + step, whole)) for start, step, whole in zip(corner, steps, array.shape, strict=True)
            )
            for _ in range(repeat):
                yield where, array[where]

    return blocks


def random(dtype: str, shape: tuple[int, ...], seed: int = 0, order: Literal["<", ">"] = "<") -> Any:
    """Random numbers over most of a type's range, many of them equal."""
    rng = np.random.default_rng(seed)
    target = np.dtype(dtype)
    values: Any
    if target.kind == "b":
        values = rng.random(shape) > 0.3
    elif target.kind == "f":
        values = rng.normal(-2, 30, shape)
        values[rng.random(shape) < 0.2] = 0.0
        values[rng.random(shape) < 0.1] = -0.0
    else:
        limits = np.iinfo(target)
        values = rng.integers(limits.min, limits.max, shape, target, endpoint=True)
        values[rng.random(shape) < 0.2] = limits.max // 3
    return values.astype(target.newbyteorder(order))


def close(found: Any, expected: Any, scale: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_and_standard_deviation_are_numpys(dtype: str, order: Literal["<", ">"]) -> None:
    array = random(dtype, (3, 17, 11), order=order)
    wide = array.astype(np.float64)
    for reduced in product((True, False), repeat=3):
        over = tuple(axis for axis, gone in enumerate(reduced) if gone)
        mean, std = statistics.moments(blocks_of(array, (2, 5, 11)), array.shape, reduced)
        close(mean, wide.mean(axis=over, keepdims=True), np.abs(wide).max())
        close(std, wide.std(axis=over, keepdims=True), np.abs(wide).max())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("interpolate", "method"), [(True, "linear"), (False, "inverted_cdf")])
def test_percentiles_are_numpys_in_every_type(dtype: str, order: Literal["<", ">"], interpolate: bool, method: Any) -> None:
    array = random(dtype, (3, 23, 14), order=order)
    wide = array.astype(np.float64)
    wanted = [0, 0.1, 33.3, 50, 100]
    for reduced in ((True, True, True), (False, True, True), (True, False, False)):
        over = tuple(axis for axis, gone in enumerate(reduced) if gone)
        found = statistics.percentiles(blocks_of(array, (2, 5, 14)), array.shape, reduced, wanted, interpolate=interpolate)
        for one, q in zip(found, wanted, strict=True):
            close(one, np.percentile(wide, q, axis=over, method=method, keepdims=True), np.abs(wide).max())


def test_negative_zero_and_zero_are_the_same_number() -> None:
    array = np.array([[-0.0, 0.0, 0.0, -0.0, 1.0, -1.0]], np.float32)
    low, middle, high = statistics.percentiles(blocks_of(array, (1, 2)), array.shape, (True, True), [0, 50, 100])
    assert (low.item(), middle.item(), high.item()) == (-1.0, 0.0, 1.0)


def test_the_median_of_an_even_count_lies_halfway_unless_a_value_is_asked_for() -> None:
    array = np.array([[1, 2, 4, 8]], np.uint8)
    (between,) = statistics.percentiles(blocks_of(array, (1, 4)), array.shape, (True, True), [50])
    (value,) = statistics.percentiles(blocks_of(array, (1, 4)), array.shape, (True, True), [50], interpolate=False)
    assert (between.item(), value.item()) == (3.0, 2.0)


def test_many_groups_are_sorted_and_few_are_counted_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    for dtype in ("uint8", "int16", "float32", "int64"):
        array = random(dtype, (4, 9, 13))
        for reduced in ((False, True, True), (True, False, True), (False, False, True)):
            results = []
            for most in (0, 1000):
                monkeypatch.setattr(statistics, "_MAX_COUNTED_GROUPS", most)
                results.append(
                    statistics.percentiles(
                        blocks_of(array, (3, 4, 5), repeat=2), array.shape, reduced, [2, 40, 98.5], samples=2
                    )
                )
            np.testing.assert_array_equal(results[0], results[1])


def test_many_groups_are_sorted_without_a_copy_of_the_whole() -> None:
    array = np.random.default_rng(1).random((1000, 4000), np.float32)
    tracemalloc.start()
    (found,) = statistics.percentiles(blocks_of(array, (1000, 50)), array.shape, (True, False), [99.8])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < array.nbytes / 8
    close(found[0], np.percentile(array.astype(np.float64), 99.8, axis=0), 1)


def test_samples_of_one_shape_are_taken_together() -> None:
    array = random("uint16", (2, 30, 20))
    together = np.concatenate([array, array])
    found = statistics.percentiles(blocks_of(array, (1, 7, 20), repeat=2), array.shape, (True, True, True), [7, 93], samples=2)
    close(np.array(found).ravel(), np.percentile(together, [7, 93]), 65535)
    mean, std = statistics.moments(blocks_of(array, (1, 7, 20), repeat=2), array.shape, (True, True, True))
    close([mean.item(), std.item()], [together.mean(), together.std()], 65535)


def test_a_large_mean_costs_no_digits_of_a_small_deviation() -> None:
    rng = np.random.default_rng(3)
    array = 1e6 + rng.normal(0, 1e-3, (64, 64))
    _, std = statistics.moments(blocks_of(array, (5, 64)), array.shape, (True, True))
    np.testing.assert_allclose(std.item(), array.std(), rtol=1e-6)


def test_the_standard_deviation_of_equal_values_is_zero_in_any_blocks() -> None:
    array = np.full((31, 27), 0.1, np.float32)
    for sizes in ((31, 27), (4, 5), (1, 1)):
        _, std = statistics.moments(blocks_of(array, sizes), array.shape, (True, True))
        assert std.item() == 0


def test_neighbouring_floats_are_told_apart() -> None:
    array = np.array([[1.0, np.nextafter(np.float32(1), np.float32(2)), -1.0]], np.float32)
    found = statistics.percentiles(blocks_of(array, (1, 1)), array.shape, (True, True), [0, 50, 100])
    assert [one.item() for one in found] == [-1.0, 1.0, float(array[0, 1])]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, tuple[int, ...], tuple[bool, ...], float]:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=6))
    elements: Any = None
    if np.dtype(dtype).kind == "f":
        width: Any = np.dtype(dtype).itemsize * 8
        elements = st.floats(-1000, 1000, width=width)
    array = draw(hnp.arrays(np.dtype(dtype).newbyteorder(draw(st.sampled_from(ORDERS))), shape, elements=elements))
    sizes = tuple(draw(st.integers(1, size)) for size in shape)
    reduced = tuple(draw(st.booleans()) for _ in shape)
    return array, sizes, reduced, draw(st.floats(0, 100))


@EXACT
@given(cases(), st.booleans())
def test_statistics_of_any_blocks_are_those_of_the_whole(
    case: tuple[Any, tuple[int, ...], tuple[bool, ...], float], interpolate: bool
) -> None:
    array, sizes, reduced, q = case
    wide = array.astype(np.float64)
    scale = max(1.0, np.abs(wide).max())
    over = tuple(axis for axis, gone in enumerate(reduced) if gone)
    mean, std = statistics.moments(blocks_of(array, sizes), array.shape, reduced)
    close(mean, wide.mean(axis=over, keepdims=True), scale)
    np.testing.assert_allclose(std, wide.std(axis=over, keepdims=True), rtol=1e-9, atol=1e-12 * scale)
    (found,) = statistics.percentiles(blocks_of(array, sizes), array.shape, reduced, [q], interpolate=interpolate)
    method: Any = "linear" if interpolate else "inverted_cdf"
    close(found, np.percentile(wide, q, axis=over, method=method, keepdims=True) if over else wide, scale)
