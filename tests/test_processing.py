"""Each operation is what the naive implementation makes of it, on any part of a tensor and in any type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from ijbridge import processing
from ijbridge.description import Axis, FixedSize
from ijbridge.errors import CannotRunError
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
    UnsupportedOperation,
    ZeroMeanUnitVariance,
)

IDS = ("batch", "channel", "y", "x")
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
TYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]

OPERATIONS: list[Operation] = [
    EnsureDtype("float32"),
    EnsureDtype("uint8"),
    Binarize((3.0,)),
    Binarize((3.0, -1.0, 40.0), "channel"),
    Clip(min=2.0),
    Clip(max=60.0),
    Clip(min=-3.5, max=60.0),
    Clip(min_percentile=10.0, max_percentile=90.0),
    Clip(min=1.0, max_percentile=80.0, axes=("y", "x")),
    Clip(min_percentile=20.0, axes=("channel",)),
    ScaleLinear((2.0,), (-1.0,)),
    ScaleLinear((2.0, 0.5, -1.0), (0.0, 1.0, 2.0), "channel"),
    FixedZeroMeanUnitVariance((3.0,), (2.0,)),
    FixedZeroMeanUnitVariance((3.0, 4.0, 5.0), (2.0, 1.0, 0.5), "channel", eps=0.25),
    ZeroMeanUnitVariance(),
    ZeroMeanUnitVariance(("y", "x")),
    ZeroMeanUnitVariance(("channel", "y", "x"), eps=0.5),
    ScaleRange(),
    ScaleRange(1.0, 99.8, ("y", "x")),
    ScaleRange(5.0, 95.0, ("channel",), eps=2.0),
    ScaleRange(5.0, 95.0, ("y", "x"), reference="other"),
    ScaleMeanVariance("other"),
    ScaleMeanVariance("other", ("y", "x"), eps=0.5),
    Sigmoid(),
    Softmax("channel"),
    Softmax("x"),
    DivideByTypeMaximum(),
    Take("channel", (2, 0)),
    ArgMax("channel", (1, 2, 3)),
    ArgMax("channel", (7, 2, 300), at_least=30.0),
    Maximum("channel"),
]


def example(dtype: str, seed: int = 0, shape: tuple[int, ...] = (1, 3, 11, 7)) -> Any:
    rng = np.random.default_rng(seed)
    low = 0 if dtype[0] in "bu" else -40
    high = 2 if dtype == "bool" else 90
    if dtype.startswith("float"):
        return rng.uniform(low, high, shape).astype(dtype)
    return rng.integers(low, high, shape).astype(dtype)


def measured(operation: Operation, x: Any, other: Any) -> list[tuple[Any, ...]]:
    """Take the statistics an operation asks for with numpy."""
    numbers = []
    for need in processing.needs(operation):
        source = (other if need.reference else x).astype(np.float64)
        over = tuple(number for number, one in enumerate(IDS) if need.axes is None or one in need.axes or one == "batch")
        if need.kind == "moments":
            numbers.append((source.mean(axis=over, keepdims=True), source.std(axis=over, keepdims=True)))
        else:
            method: Any = "linear" if need.interpolate else "inverted_cdf"
            numbers.append(tuple(np.percentile(source, q, over, method=method, keepdims=True) for q in need.percentiles))
    return numbers


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float32", "float64"])
def test_an_operation_is_what_numpy_makes_of_the_whole(operation: Operation, dtype: str) -> None:
    x, other = example(dtype), example("float32", seed=1)
    found = processing.apply(operation, x, IDS, measured(operation, x, other))
    expected = naive.apply(operation, naive.tensor(x, IDS), {"other": naive.tensor(other, IDS)})
    close(found, expected.transpose(*IDS).values)


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_an_operation_leaves_what_it_is_given_as_it_is(operation: Operation) -> None:
    for dtype in ("float32", "uint8"):
        x, other = example(dtype), example("float32", seed=1)
        before = x.copy()
        processing.apply(operation, x, IDS, measured(operation, x, other))
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if not isinstance(one, Softmax)], ids=repr)
def test_an_operation_on_a_part_gives_that_part_of_the_whole(operation: Operation) -> None:
    x, other = example("float32"), example("float32", seed=1)
    numbers = measured(operation, x, other)
    whole = processing.apply(operation, x, IDS, numbers)
    part = [tuple(one[:, :, 2:5] if one.shape[2] > 1 else one for one in values) for values in numbers]
    np.testing.assert_array_equal(processing.apply(operation, x[:, :, 2:5], IDS, part), whole[:, :, 2:5])


# --- types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
def test_a_cast_to_integers_cuts_fractions_off_and_stays_within_the_limits(source: str, dtype: str) -> None:
    most = float(np.finfo(source).max)
    values = [0.9, -0.9, 2.7, -2.7, 127.5, 300.0, -300.0, 60000.0, -60000.0, 3e9, -3e9, 2.0**63, 1e30, -1e30]
    x = np.array([one for one in values if abs(one) <= most], source)
    expected = naive.cast(naive.tensor(x, ["x"]), dtype).values
    found = processing.cast(x, dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("source", INTEGERS)
def test_a_cast_between_integers_stays_within_the_limits(source: str, dtype: str) -> None:
    limits = np.iinfo(source)
    x = np.array([limits.min, limits.min // 2, 0, 1, 100, limits.max // 2, limits.max], source)
    np.testing.assert_array_equal(processing.cast(x, dtype), naive.cast(naive.tensor(x, ["x"]), dtype).values)


def test_what_is_no_number_becomes_zero_and_infinity_the_limit() -> None:
    x = np.array([np.nan, np.inf, -np.inf], np.float32)
    assert processing.cast(x, "int32").tolist() == [0, 2**31 - 1, -(2**31)]
    assert processing.cast(x, "uint8").tolist() == [0, 255, 0]


def test_a_cast_to_bool_asks_whether_it_is_not_zero() -> None:
    assert processing.cast(np.array([0.0, 0.2, -3.0, -0.0]), "bool").tolist() == [False, True, True, False]


def test_a_cast_to_the_same_type_copies_nothing() -> None:
    x = example("float32")
    assert processing.cast(x, "float32") is x


def test_a_scaled_image_cast_back_to_eight_bits_is_zero_but_for_its_top() -> None:
    x = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    scaled = processing.apply(ScaleRange(eps=1e-6), x, IDS, measured(ScaleRange(), x, x))
    assert 0.99 < scaled.max() <= 1.0
    assert set(processing.apply(EnsureDtype("uint8"), scaled, IDS).ravel().tolist()) == {0}


def test_functions_of_one_value_keep_the_type_of_a_float_tensor() -> None:
    for operation in (Sigmoid(), Softmax("channel"), Clip(min=0.0, max=1.0)):
        assert processing.apply(operation, example("float32"), IDS).dtype == np.float32
        assert processing.apply(operation, example("float64"), IDS).dtype == np.float64


def test_sums_and_products_are_computed_in_double_precision() -> None:
    x = example("float32")
    assert processing.apply(ScaleLinear((0.1,), (0.3,)), x, IDS).dtype == np.float64
    assert processing.apply(ScaleRange(), x, IDS, measured(ScaleRange(), x, x)).dtype == np.float64


# --- what the words of the specification leave open --------------------------------------------------------------------


def test_binarize_gives_zero_at_the_threshold() -> None:
    found = processing.apply(Binarize((0.5,)), np.array([[[[0.25, 0.5, 0.75]]]], np.float32), IDS)
    assert found.tolist() == [[[[0, 0, 1]]]]
    assert found.dtype == np.uint8


def test_binarize_has_a_threshold_for_each_channel() -> None:
    x = np.full((1, 3, 1, 1), 2.0, np.float32)
    assert processing.apply(Binarize((1.0, 2.0, 3.0), "channel"), x, IDS).ravel().tolist() == [1, 0, 0]


def test_a_constant_image_is_divided_by_eps_alone() -> None:
    x = np.full((1, 1, 4, 4), 3.0, np.float32)
    for operation in (ZeroMeanUnitVariance(eps=0.5), ScaleRange(eps=0.5)):
        found = processing.apply(operation, x + 0, IDS, measured(operation, x, x))
        assert np.unique(found).tolist() == [0.0]
    shifted = processing.apply(ZeroMeanUnitVariance(eps=0.5), x + 1, IDS, measured(ZeroMeanUnitVariance(), x, x))
    assert np.unique(shifted).tolist() == [2.0]


def test_a_sigmoid_of_large_numbers_is_zero_or_one_without_a_warning() -> None:
    x = np.array([-1e30, -1000.0, 0.0, 1000.0, 1e30], np.float32).reshape(1, 1, 1, 5)
    assert processing.apply(Sigmoid(), x, IDS).ravel().tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_a_softmax_of_large_numbers_sums_to_one() -> None:
    x = np.array([1000.0, 1000.0, -1000.0], np.float32).reshape(1, 3, 1, 1)
    assert processing.apply(Softmax("channel"), x, IDS).ravel().tolist() == [0.5, 0.5, 0.0]


def test_clip_with_one_percentile_leaves_the_other_side_open() -> None:
    x = np.arange(100, dtype=np.float32).reshape(1, 1, 10, 10)
    operation = Clip(max_percentile=50.0)
    found = processing.apply(operation, x, IDS, measured(operation, x, x))
    assert (found.min(), found.max()) == (0.0, 49.0)


def test_an_operation_that_cannot_be_computed_is_refused_by_name() -> None:
    with pytest.raises(CannotRunError, match=r"'custom' of the tensor 'raw' .*: it runs code"):
        processing.check_supported([Sigmoid(), UnsupportedOperation("custom", "it runs code")], "raw")


def test_a_statistic_says_what_it_is_taken_of() -> None:
    (need,) = processing.needs(ScaleRange(1.0, 99.8, ("y", "x"), reference="raw"))
    assert need.described() == "percentiles 1, 99.8 over y, x of raw"
    (need,) = processing.needs(ZeroMeanUnitVariance())
    assert need.described() == "mean, std over all axes"


def test_axes_left_out_are_all_axes_the_batch_included() -> None:
    for operation, together in [
        (ZeroMeanUnitVariance(), True),
        (ZeroMeanUnitVariance(("batch", "y", "x")), True),
        (ZeroMeanUnitVariance(("channel", "y", "x")), False),
    ]:
        (need,) = processing.needs(operation)
        assert processing.reduces_batch(need) is together


@settings(derandomize=True, max_examples=80, deadline=None)
@given(st.sampled_from(OPERATIONS), st.sampled_from(TYPES), st.integers(0, 1000), st.data())
def test_any_operation_on_any_type_and_shape_is_what_numpy_makes_of_it(
    operation: Operation, dtype: str, seed: int, data: st.DataObject
) -> None:
    shape = (1, 3, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    x, other = example(dtype, seed, shape), example("float32", seed + 1, shape)
    found = processing.apply(operation, x, IDS, measured(operation, x, other))
    expected = naive.apply(operation, naive.tensor(x, IDS), {"other": naive.tensor(other, IDS)}).transpose(*IDS).values
    tolerance = 2e-3 if dtype == "float16" else 1e-5  # sigmoid and softmax stay in half precision
    np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), rtol=tolerance, atol=tolerance)


def test_of_equal_values_the_first_has_the_label() -> None:
    x = np.array([[[0.2]], [[0.5]], [[0.5]]], np.float32)
    assert processing.apply(ArgMax("c", (4, 5, 6)), x, ("c", "y", "x")).item() == 5


def test_a_pixel_exactly_at_the_least_confidence_keeps_its_label() -> None:
    x = np.array([[[0.51]], [[0.49]]], np.float32)
    for least, label in ((0.51, 1), (np.nextafter(np.float32(0.51), 1), 0)):
        assert processing.apply(ArgMax("c", (1, 2), least), x, ("c", "y", "x")).item() == label


def test_the_elements_and_names_that_are_left_of_an_axis_are_known() -> None:
    axis = Axis("channel", "channel", FixedSize(3), channel_names=("a", "b", "c"))
    operations: list[Operation] = [Take("channel", (2, 0)), Sigmoid()]
    reduced: list[Operation] = [Maximum("channel"), ArgMax("channel", (1, 2))]
    assert processing.elements_left(operations, "channel", 3) == 2
    assert processing.elements_left(operations, "y", 3) == 3
    assert processing.names_left(operations, axis) == ("c", "a")
    for one in reduced:
        assert processing.elements_left([*operations, one], "channel", 3) == 1
        assert processing.names_left([*operations, one], axis) == ()
