"""Resampling moves nothing, invents no patterns and no labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import transform

from ijbridge import resampling
from ijbridge.resampling import resample, resampled_size


def resampled(array: Any, axes: str, factors: dict[str, float], *, nearest: bool = False) -> Any:
    shape = [resampled_size(size, factors.get(axis, 1)) for axis, size in zip(axes, array.shape, strict=True)]
    out = np.full(shape, 77, array.dtype)
    resample(array, axes, factors, out, nearest=nearest)
    return out


def waves(shape: tuple[int, ...], period: float) -> Any:
    """A smooth picture that is a function of the place, in pixels of a grid whose edge is at 0."""
    places = np.meshgrid(*(np.arange(size) + 0.5 for size in shape), indexing="ij")
    return sum(np.sin(2 * np.pi * place / period + number) for number, place in enumerate(places)).astype(np.float32)


@pytest.mark.parametrize(("size", "factor", "expected"), [(10, 0.5, 5), (11, 0.5, 6), (10, 0.1, 1), (3, 0.1, 1), (10, 2.5, 25),
                                                          (3, 1 / 3, 1), (9, 1 / 3, 3), (7, 0.3, 3)])  # fmt: skip
def test_new_pixels_cover_all_old_ones(size: int, factor: float, expected: int) -> None:
    assert resampled_size(size, factor) == expected


@pytest.mark.parametrize("factor", [0.25, 0.37, 0.5, 1.7, 2.0, 3.0])
def test_a_picture_is_not_shifted(factor: float) -> None:
    found = resampled(waves((120, 96), 60), "yx", {"y": factor, "x": factor})
    expected = waves(found.shape, 60 * factor)
    inside = (slice(4, -4),) * 2
    assert np.abs(found[inside] - expected[inside]).max() < 0.1


@pytest.mark.parametrize("factor", [0.5, 0.25, 2.0])
def test_where_sizes_divide_it_is_what_scikit_image_gives(factor: float) -> None:
    array = np.random.default_rng(1).random((64, 48)).astype(np.float32)
    found = resampled(array, "yx", {"y": factor, "x": factor})
    expected = transform.resize(array, found.shape, order=1, mode="symmetric", anti_aliasing=factor < 1)
    inside = (slice(6, -6),) * 2
    np.testing.assert_allclose(found[inside], expected[inside], atol=2e-5)


def test_what_is_finer_than_the_new_pixels_does_not_come_back_as_a_pattern() -> None:
    stripes = np.tile(np.array([0, 100], np.float32), (40, 55))
    found = resampled(stripes, "yx", {"y": 0.3, "x": 0.3})
    assert np.abs(found[2:-2, 2:-2] - 50).max() < 2


def test_a_constant_stays_what_it_is() -> None:
    for dtype in (np.uint8, np.uint16, np.int32, np.float32, np.float64, bool):
        array = np.ones((21, 34), dtype)
        for factor in (0.31, 0.5, 2.7):
            found = resampled(array, "yx", {"y": factor, "x": factor})
            assert found.dtype == dtype
            np.testing.assert_allclose(found.astype(float), 1, rtol=1e-6)


def test_integers_are_rounded_halves_to_even() -> None:
    array = np.array([[0, 10]], np.uint8)
    np.testing.assert_array_equal(resampled(array, "yx", {"x": 2.0}), [[0, 2, 8, 10]])
    np.testing.assert_array_equal(resampled(array[:, ::-1] + 245, "yx", {"x": 2.0}), [[255, 252, 248, 245]])


def test_axes_without_a_factor_are_gone_through_one_by_one() -> None:
    array = np.random.default_rng(2).integers(0, 60000, (3, 31, 2, 45)).astype(np.uint16)
    found = resampled(array, "tycx", {"y": 0.5, "x": 0.7})
    assert found.shape == (3, 16, 2, 32)
    for t in range(3):
        for c in range(2):
            np.testing.assert_array_equal(found[t, :, c], resampled(array[t, :, c], "yx", {"y": 0.5, "x": 0.7}))


def test_each_axis_has_a_factor_of_its_own() -> None:
    found = resampled(waves((40, 60, 50), 40), "zyx", {"z": 2.0, "x": 0.5})
    assert found.shape == (80, 60, 25)
    z, y, x = (np.arange(size) + 0.5 for size in found.shape)
    expected = (
        np.sin(2 * np.pi * z / 80)[:, None, None] + np.sin(2 * np.pi * y / 40 + 1)[:, None] + np.sin(2 * np.pi * x / 20 + 2)
    )
    assert np.abs(found - expected)[3:-3, :, 3:-3].max() < 0.06


@pytest.mark.parametrize("factors", [{"y": 0.31, "x": 0.5}, {"y": 2.7, "x": 1.3}, {"y": 0.11}, {"z": 0.4, "y": 1.9, "x": 0.6}])
@pytest.mark.parametrize("nearest", [False, True])
def test_slab_by_slab_is_all_at_once(factors: dict[str, float], nearest: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(4).normal(0, 100, (17, 130, 41)).astype(np.float32)
    whole = resampled(array, "zyx", factors, nearest=nearest)
    monkeypatch.setattr(resampling, "_SLAB", 400)
    np.testing.assert_allclose(resampled(array, "zyx", factors, nearest=nearest), whole, atol=1e-4)


def test_integers_at_the_limits_of_their_type_stay_there() -> None:
    for dtype in (np.uint8, np.int16, np.uint64, np.int64):
        limits = np.iinfo(dtype)
        found = resampled(np.array([[limits.min, limits.max] * 8], dtype), "yx", {"y": 2.0})
        assert found[0, 0] == limits.min
        assert found[0, 1] >= limits.max - 2**12


@pytest.mark.parametrize("factor", [0.3, 0.5, 1.0, 1.9, 4.0])
def test_labels_are_those_of_the_nearest_pixel(factor: float) -> None:
    labels = np.random.default_rng(3).integers(0, 5, (23, 30)) * 1000
    found = resampled(labels, "yx", {"y": factor, "x": factor}, nearest=True)
    y, x = (np.minimum(((np.arange(size) + 0.5) / factor).astype(int), old - 1)
            for size, old in zip(found.shape, labels.shape, strict=True))  # fmt: skip
    np.testing.assert_array_equal(found, labels[y][:, x])


def test_labels_scaled_up_and_back_are_themselves() -> None:
    labels = np.random.default_rng(3).integers(0, 5, (23, 30))
    there = resampled(labels, "yx", {"y": 3.0, "x": 2.2}, nearest=True)
    back = np.zeros_like(labels)
    resample(there, "yx", {"y": 1 / 3.0, "x": 1 / 2.2}, back, nearest=True)
    np.testing.assert_array_equal(back, labels)
