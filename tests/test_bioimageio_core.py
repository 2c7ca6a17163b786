"""What bioimageio.core gives, held against ijbridge: where they agree, and where they part, which of them follows the standard.

What it gives was stored by scripts/compare_bioimageio_core.py. The formulas are written out here once more, in numpy alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from conftest import REPOSITORY
from ijbridge.errors import PixelValueError
from reference.models import KEPT, Array, cells, write_package

REFERENCE = Path(__file__).parent / "reference"
RECORD = json.loads((REFERENCE / "bioimageio_core.json").read_text(encoding="utf-8"))
with np.load(REFERENCE / "bioimageio_core.npz") as _stored:
    STORED: dict[str, Array] = dict(_stored)
CASES: dict[str, dict[str, Any]] = {one["name"]: one for one in RECORD["cases"]}
IMAGES = {key.removeprefix("image/"): array for key, array in STORED.items() if key.startswith("image/")}

#: The largest difference that is none, of the range of the values.
TOLERANCE = 1e-5
#: The cases in which they part; `parting` fills it.
PARTED: set[str] = set()
#: The parts of the statistics' axes that stand in a name below.
YX, CYX, BYX, ALL = (2, 3), (1, 2, 3), (0, 2, 3), (0, 1, 2, 3)


def parting(*names: str) -> pytest.MarkDecorator:
    """Run a test for each of these cases, in which they part."""
    unknown = set(names) - CASES.keys()
    assert not unknown, unknown
    PARTED.update(names)
    return pytest.mark.parametrize("name", names)


def given(name: str, number: int = 0, tensor: str = "raw") -> Array:
    """Give the image of a case, in float64."""
    return IMAGES[CASES[name]["images"][tensor][number]].astype(np.float64)


def core(name: str, output: str = "out", number: int = 0) -> Array:
    """Give what bioimageio.core gave."""
    return STORED[f"{name}/{output} {number}" if number else f"{name}/{output}"]


def ours(name: str, folder: Path, number: int = 0) -> dict[str, Array]:
    """Give what ijbridge gives, by output, (batch, channel, y, x)."""
    record = CASES[name]
    package = write_package(folder / "model", record, IMAGES)
    shown = {tensor: IMAGES[names[number]] for tensor, names in record["images"].items()}
    found: Any = ijbridge.predict(package, shown, axes="bcyx")
    outputs = [one.get("id") or one["name"] for one in record["outputs"]]
    arrays = found if isinstance(found, dict) else {outputs[0]: found}
    # a batch of one is not shown in a result
    return {output: arrays[output].values.reshape(shown["raw"].shape) for output in outputs}


def close(found: Array, expected: Array) -> bool:
    """Whether two results are the same but for rounding."""
    one, other = found.astype(np.float64), expected.astype(np.float64)
    spread = float(np.ptp(other)) or 1.0
    return one.shape == other.shape and float(np.abs(one - other).max()) <= TOLERANCE * spread


def check(name: str, folder: Path, standard: Array, theirs: Array | None = None) -> None:
    """Hold that ijbridge gives what the standard says, and bioimageio.core does not; and what it gives, where that is known."""
    given_by_core = core(name)
    assert not close(given_by_core, standard)
    assert theirs is None or close(given_by_core, theirs)
    assert close(ours(name, folder)["out"], standard)


def check_failed(name: str, folder: Path, error: str, standard: Array) -> None:
    """Hold that bioimageio.core fails with that error, and ijbridge gives what the standard says."""
    assert CASES[name]["error"].startswith(error)
    assert close(ours(name, folder)["out"], standard)


# --- the standard's formulas -----------------------------------------------------------------------------------------


def normalised(x: Array, axes: Sequence[int] = YX, eps: float = 1e-6, of: Array | None = None) -> Array:
    """Zero mean and unit variance, with the statistics of x or of another tensor."""
    source, over = x if of is None else of, tuple(axes)
    return (x - source.mean(over, keepdims=True)) / (source.std(over, keepdims=True) + eps)


def ends(x: Array, low: float, high: float, axes: Sequence[int] = YX, method: Any = "linear") -> tuple[Array, Array]:
    """Give two percentiles."""
    found = [np.percentile(x, one, tuple(axes), method=method, keepdims=True) for one in (low, high)]
    return found[0], found[1]


def ranged(
    x: Array, low: float = 0, high: float = 100, axes: Sequence[int] = YX, eps: float = 1e-6, of: Array | None = None
) -> Array:
    """Scale percentiles, of x or of another tensor, to 0 and 1."""
    lower, upper = ends(x if of is None else of, low, high, axes)
    return (x - lower) / (upper - lower + eps)


def matched(x: Array, reference: Array, axes: Sequence[int] = YX, eps: float = 1e-6) -> Array:
    """Give x mean and standard deviation of a reference."""
    over = tuple(axes)
    return normalised(x, axes, eps) * (reference.std(over, keepdims=True) + eps) + reference.mean(over, keepdims=True)


def cut(x: Array, dtype: str) -> Array:
    """Cut fractions off, and stay within an integer type."""
    limits = np.iinfo(dtype)
    return np.clip(np.trunc(x), limits.min, limits.max)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def column(*values: float) -> Array:
    """Give one number per channel."""
    return np.array(values).reshape(1, -1, 1, 1)


# --- eps -------------------------------------------------------------------------------------------------------------


@parting(
    "zero_mean_unit_variance over y x, eps 0.1",
    "0.4: zero_mean_unit_variance per_sample yx, eps 0.1",
    "0.4 converted: zero_mean_unit_variance per_sample yx, eps 0.1",
)
def test_zero_mean_unit_variance_adds_the_eps_it_is_given_where_core_always_adds_1e_6(name: str, tmp_path: Path) -> None:
    x = given(name)
    check(name, tmp_path, normalised(x, eps=0.1), normalised(x, eps=1e-6))


@parting(
    "scale_range over y x, eps 0.1",
    "0.4: scale_range per_sample yx, eps 0.1",
    "0.4 converted: scale_range per_sample yx, eps 0.1",
)
def test_scale_range_adds_the_eps_it_is_given_where_core_always_adds_1e_6(name: str, tmp_path: Path) -> None:
    x = given(name)
    check(name, tmp_path, ranged(x, eps=0.1), ranged(x, eps=1e-6))


@parting("scale_range, reference_tensor, eps 0.1")
def test_scale_range_by_a_reference_adds_the_eps_it_is_given_where_core_always_adds_1e_6(name: str, tmp_path: Path) -> None:
    x, other = given(name), given(name, tensor="other")
    check(name, tmp_path, ranged(x, eps=0.1, of=other), ranged(x, eps=1e-6, of=other))


@parting("fixed_zero_mean_unit_variance, a std of 0.001")
def test_fixed_zero_mean_unit_variance_divides_by_the_std_alone_where_core_adds_1e_6(name: str, tmp_path: Path) -> None:
    x = given(name)
    check(name, tmp_path, (x - 4) / 1e-3, (x - 4) / (1e-3 + 1e-6))


@parting("0.4: zero_mean_unit_variance fixed, eps 0.1", "0.4 converted: zero_mean_unit_variance fixed, eps 0.1")
def test_fixed_numbers_of_0_4_have_the_eps_they_are_given_where_core_adds_1e_6(name: str, tmp_path: Path) -> None:
    x = given(name)
    check(name, tmp_path, (x - 4) / (3 + 0.1), (x - 4) / (3 + 1e-6))


# --- where statistics are taken --------------------------------------------------------------------------------------

#: What the standard's order gives, and what statistics of the image as it is given lead to.
CHAINS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "scale_linear then zero_mean_unit_variance": (
        lambda x: normalised(x * 2 + 30),
        lambda x: normalised(x * 2 + 30, of=x),
    ),
    "clip then zero_mean_unit_variance": (
        lambda x: normalised(np.clip(x, 0, 6)),
        lambda x: normalised(np.clip(x, 0, 6), of=x),
    ),
    "clip then scale_range": (
        lambda x: ranged(np.clip(x, *ends(x, 10, 90, method="inverted_cdf")), 5, 95),
        lambda x: ranged(np.clip(x, *ends(x, 10, 90, method="inverted_cdf")), 5, 95, of=x),
    ),
    "scale_range then zero_mean_unit_variance": (
        lambda x: normalised(ranged(x, 5, 95)),
        lambda x: normalised(ranged(x, 5, 95), of=x),
    ),
    "zero_mean_unit_variance then scale_range": (
        lambda x: ranged(normalised(x), 5, 95),
        lambda x: ranged(normalised(x), 5, 95, of=x),
    ),
    "zero_mean_unit_variance twice": (
        lambda x: normalised(normalised(x), CYX),
        lambda x: normalised(normalised(x), CYX, of=x),
    ),
    "sigmoid then scale_range": (lambda x: ranged(sigmoid(x), 5, 95), lambda x: ranged(sigmoid(x), 5, 95, of=x)),
    "ensure_dtype uint8 then zero_mean_unit_variance": (
        lambda x: normalised(np.trunc(x * 20)),
        lambda x: normalised(np.trunc(x * 20), of=x),
    ),
    "described as uint8, cast before zero_mean_unit_variance": (
        lambda x: normalised(np.trunc(x)),
        lambda x: normalised(np.trunc(x), of=x),
    ),
}
CHAINS |= {
    f"0.4{how}: clip then zero_mean_unit_variance": CHAINS["clip then zero_mean_unit_variance"] for how in ("", " converted")
}


@parting(*CHAINS)
def test_statistics_are_of_what_the_operation_receives_where_core_takes_those_of_the_image(name: str, tmp_path: Path) -> None:
    standard, theirs = CHAINS[name]
    check(name, tmp_path, standard(given(name)), theirs(given(name)))


@parting("zero_mean_unit_variance over y x, halo")
def test_statistics_are_of_the_image_where_core_takes_those_of_the_image_with_a_mirrored_border(
    name: str, tmp_path: Path
) -> None:
    x = given(name)
    wide = np.pad(x, [(0, 0), (0, 0), (2, 2), (2, 2)], mode="symmetric")
    check(name, tmp_path, normalised(x), normalised(x, of=wide))


THREE = ("zero_mean_unit_variance, three images", "scale_range, three images")


@parting(*THREE)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_image_gives_the_same_after_others_where_core_goes_on_with_their_statistics(
    name: str, number: int, tmp_path: Path
) -> None:
    before = [given(name, one) for one in range(number + 1)]
    x = before[-1]
    if name == THREE[0]:
        standard, theirs = normalised(x, ALL), normalised(x, ALL, of=np.concatenate(before))
    else:
        low, high = (np.mean([ends(one, 0, 100, ALL)[end] for one in before]) for end in (0, 1))
        standard, theirs = ranged(x, axes=ALL), (x - low) / (high - low + 1e-6)
    assert close(core(name, number=number), theirs)
    assert close(core(name, number=number), standard) == (number == 0)
    assert close(ours(name, tmp_path, number)["out"], standard)


#: What comes after the network in a case.
AFTER: dict[str, Callable[[Array, Array], Array]] = {
    "after: clip, percentiles over y x": lambda x, _: np.clip(x, *ends(x, 10, 90, method="inverted_cdf")),
    "after: zero_mean_unit_variance over y x": lambda x, _: normalised(x),
    "after: zero_mean_unit_variance": lambda x, _: normalised(x, ALL),
    "after: scale_range over y x": lambda x, _: ranged(x),
    "after: scale_mean_variance over y x": lambda x, _: matched(2 * x, x),
    "after: scale_mean_variance": lambda x, _: matched(2 * x, x, ALL),
    "after: scale_mean_variance over batch y x": lambda x, _: matched(x, x, BYX),
    "after: scale_mean_variance over y x, in blocks": lambda x, _: matched(x, x),
    "after: scale_mean_variance over y x, reference_tensor": lambda x, other: matched(x, other),
    "after: scale_mean_variance, reference_tensor that is processed": lambda x, other: matched(x, other),
    "after: scale_mean_variance, eps 0.1": lambda x, other: matched(x, other, eps=0.1),
}
for _how in ("", " converted"):
    AFTER[f"0.4{_how}: after: zero_mean_unit_variance"] = lambda x, _: normalised(x)
    AFTER[f"0.4{_how}: after: scale_mean_variance per_sample, reference_tensor"] = lambda x, other: matched(x, other)
    AFTER[f"0.4{_how}: after: scale_mean_variance per_dataset, reference_tensor"] = lambda x, other: matched(x, other, BYX)
AFTER["0.4 converted: after: scale_range per_sample, reference_tensor"] = lambda x, other: ranged(x, of=other)
AFTER["0.4 converted: after: scale_range per_dataset, reference_tensor"] = lambda x, other: ranged(x, axes=BYX, of=other)


@parting(*AFTER)
def test_statistics_of_an_output_are_taken_where_core_fails(name: str, tmp_path: Path) -> None:
    other = given(name, tensor="other") if "other" in CASES[name]["images"] else given(name)
    check_failed(name, tmp_path, "KeyError: 'out'", AFTER[name](given(name), other))


# --- percentiles and limits ------------------------------------------------------------------------------------------

_ENDS = {
    "min_percentile": (10, None),
    "max_percentile": (None, 90),
    "both percentiles": (10, 90),
    "min and max_percentile": (None, 80),
    "min_percentile and max": (20, None),
}
_FIXED = {"min and max_percentile": (0.2, None), "min_percentile and max": (None, 0.7)}


@parting(*(f"clip, {kind}{over}" for kind in _ENDS for over in ("", " over batch y x")))
def test_percentiles_of_clip_are_values_of_the_image_where_core_interpolates_over_the_batch(name: str, tmp_path: Path) -> None:
    x, kind = given(name), name.removeprefix("clip, ").removesuffix(" over batch y x")
    axes = BYX if name.endswith("over batch y x") else ALL

    def clipped(method: str) -> Array:
        fixed: tuple[Any, Any] = _FIXED.get(kind, (None, None))
        low, high = (
            one if percentile is None else ends(x, percentile, percentile, axes, method)[0]
            for one, percentile in zip(fixed, _ENDS[kind], strict=True)
        )
        return np.clip(x, low, high)

    check(name, tmp_path, clipped("inverted_cdf"), clipped("linear"))


@parting("clip, limits that cross")
def test_of_limits_that_cross_the_upper_one_wins_where_in_core_the_lower_one_does(name: str, tmp_path: Path) -> None:
    x = given(name)
    upper = ends(x, 80, 80, method="inverted_cdf")[0]
    check(name, tmp_path, np.minimum(np.maximum(x, 0.5), upper), np.maximum(np.minimum(x, upper), 0.5))


@parting("clip, min above max")
def test_a_min_above_the_max_gives_the_max_where_core_refuses_it(name: str, tmp_path: Path) -> None:
    check_failed(name, tmp_path, "ValueError: expected min < max", np.full_like(given(name), 0.3))


# --- binarize --------------------------------------------------------------------------------------------------------


@parting("binarize along channel")
def test_thresholds_run_along_their_axis_where_core_fails(name: str, tmp_path: Path) -> None:
    check_failed(name, tmp_path, "ValueError: operands could not be broadcast", given(name) > column(0.2, 0.5))


@parting("binarize along channel, as many columns", "after: binarize along channel, as many columns")
def test_thresholds_run_along_their_axis_where_core_takes_the_last_axis(name: str, tmp_path: Path) -> None:
    x, thresholds = given(name), np.array([0.2, 0.5, 0.8])
    check(name, tmp_path, x > thresholds.reshape(1, 3, 1, 1), x > thresholds)


@parting("binarize along x, equal")
def test_a_value_equal_to_a_threshold_of_a_list_is_zero_where_in_core_it_is_one_by_rounding(name: str, tmp_path: Path) -> None:
    x, thresholds = given(name), 0.1 * np.arange(1, 7)
    check(name, tmp_path, x > thresholds.astype(np.float32), x > thresholds)


@parting(
    "after: sigmoid then binarize",
    "after: binarize, equal",
    "after: binarize, equal, described as uint8",
    "0.4 converted: after: binarize",
)
def test_a_binarized_output_has_the_type_it_is_described_with_where_core_gives_bool(name: str, tmp_path: Path) -> None:
    found = ours(name, tmp_path)["out"]
    output = CASES[name]["outputs"][0]
    assert core(name).dtype == bool
    assert found.dtype == output.get("data_type", output.get("data", {}).get("type"))
    np.testing.assert_array_equal(found, core(name))


@parting("binarize last, network of float32")
def test_a_network_gets_the_described_type_after_binarize_where_core_gives_it_bool_and_fails(name: str, tmp_path: Path) -> None:
    check_failed(name, tmp_path, "InvalidArgument", given(name) > 0.5)


# --- types -----------------------------------------------------------------------------------------------------------

#: The type a case casts to, and the numbers that are cast.
CASTS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "ensure_dtype uint8, fractions": ("uint8", np.array),
    "ensure_dtype uint8, beyond its limits": ("uint8", np.array),
    "ensure_dtype int8, beyond its limits": ("int8", np.array),
    "ensure_dtype uint16, fractions": ("uint16", np.array),
    "ensure_dtype uint16, beyond its limits": ("uint16", np.array),
    "ensure_dtype int16, beyond its limits": ("int16", np.array),
    "uint16 described as uint8": ("uint8", np.array),
    "zero_mean_unit_variance, described as uint8": ("uint8", normalised),
    "an output described as uint8": ("uint8", np.array),
    "an output described as uint8, beyond its limits": ("uint8", np.array),
    "0.4 converted: an output of uint8 with operations": ("uint8", lambda x: np.clip(x, -1, 2)),
    "0.4 converted: an output of uint8 without operations": ("uint8", np.array),
}


@parting(*CASTS)
def test_numbers_beyond_a_type_become_its_limit_where_core_wraps_them(name: str, tmp_path: Path) -> None:
    dtype, before = CASTS[name]
    x = before(given(name))
    inside = np.trunc(x) == cut(x, dtype)
    check(name, tmp_path, cut(x, dtype))
    np.testing.assert_array_equal(core(name)[inside], np.trunc(x)[inside])


@parting("0.4: uint8 without operations", "0.4 converted: uint8 without operations")
def test_a_network_of_uint8_in_0_4_gets_uint8_where_core_gives_it_float32_and_fails(name: str, tmp_path: Path) -> None:
    check_failed(name, tmp_path, "InvalidArgument", given(name))


@parting("0.4: float32 described as uint8", "0.4 converted: float32 described as uint8")
def test_an_image_of_fractions_keeps_them_in_0_4_where_core_casts_it_to_the_described_type(name: str, tmp_path: Path) -> None:
    x = given(name)
    check(name, tmp_path, np.clip(x, -1, 2))
    assert close(core(name)[x >= 0], np.minimum(np.trunc(x[x >= 0]), 2))


@parting("0.4: an output of uint8 with operations")
def test_an_output_of_0_4_is_cast_after_its_operations_where_core_casts_it_before_them(name: str, tmp_path: Path) -> None:
    x = given(name)
    check(name, tmp_path, cut(np.clip(x, -1, 2), "uint8"))
    assert core(name).dtype == np.float32
    # -3 became 253 before it was clipped
    assert np.all(core(name)[x <= -1] == 2)


@parting("0.4: an output of uint8 without operations")
def test_an_output_of_0_4_has_the_type_it_is_described_with_where_core_gives_float32(name: str, tmp_path: Path) -> None:
    x = given(name)
    check(name, tmp_path, cut(x, "uint8"), x)
    assert ours(name, tmp_path / "again")["out"].dtype == np.uint8
    assert core(name).dtype == np.float32


# --- pixels that are hard to normalise -------------------------------------------------------------------------------


@parting("zero_mean_unit_variance over y x, constant")
def test_a_constant_image_becomes_zero_where_core_divides_the_rounding_of_its_mean(name: str, tmp_path: Path) -> None:
    assert np.abs(core(name)).max() > 1e-3
    assert np.abs(ours(name, tmp_path)["out"]).max() < 1e-6


@parting("zero_mean_unit_variance over y x, on an offset")
def test_statistics_are_summed_in_float64_where_core_sums_those_of_float32_in_float32(name: str, tmp_path: Path) -> None:
    check(name, tmp_path, normalised(given(name)))


@parting(
    "zero_mean_unit_variance over y x, with a NaN",
    "scale_range over y x, with a NaN",
    "clip, min and max, with a NaN",
)
def test_an_image_with_a_nan_is_refused_where_core_runs_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(PixelValueError, match="1 pixel"):
        ours(name, tmp_path)
    bad, missing = np.isnan(given(name)), np.isnan(core(name))
    if name.startswith("zero_mean"):  # its whole channel
        np.testing.assert_array_equal(missing, np.broadcast_to(bad.any((2, 3), keepdims=True), bad.shape))
    else:
        np.testing.assert_array_equal(missing, bad)


# --- 0.4 -------------------------------------------------------------------------------------------------------------


@parting("0.4: scale_linear along c")
def test_scale_linear_of_0_4_runs_along_the_axis_that_is_left_where_core_refuses_it(name: str, tmp_path: Path) -> None:
    check_failed(name, tmp_path, "NotImplementedError", given(name) * column(2.5, -0.5) + column(1, 7))


@parting("0.4: after: scale_linear", "0.4 converted: after: scale_linear")
def test_scale_linear_of_an_output_of_0_4_needs_no_axes_where_core_refuses_the_description(name: str, tmp_path: Path) -> None:
    check_failed(name, tmp_path, "ValueError", given(name) * 2.5 - 3)


@parting("0.4: after: scale_mean_variance, axes left out", "0.4 converted: after: scale_mean_variance, axes left out")
def test_axes_left_out_in_0_4_are_all_but_the_batch_where_core_refuses_the_description(name: str, tmp_path: Path) -> None:
    check_failed(name, tmp_path, "ValueError", matched(given(name), given(name, tensor="other"), CYX))


@parting("0.4 converted: scale_range per_dataset yx", "0.4 converted: scale_range per_dataset cyx")
def test_per_dataset_is_over_the_batch_too_where_cores_conversion_drops_it(name: str, tmp_path: Path) -> None:
    x, axes = given(name), (YX if name.endswith(" yx") else CYX)
    check(name, tmp_path, ranged(x, 5, 95, (0, *axes)), ranged(x, 5, 95, axes))


@parting("0.4 converted: scale_range per_sample, reference_tensor", "0.4 converted: scale_range per_dataset, reference_tensor")
def test_the_reference_of_scale_range_is_used_where_cores_conversion_drops_it(name: str, tmp_path: Path) -> None:
    x, other = given(name), given(name, tensor="other")
    check(name, tmp_path, ranged(x, axes=BYX if "per_dataset" in name else YX, of=other), ranged(x))


# --- where they agree ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CASES if name not in PARTED])
def test_everything_else_is_what_core_gives(name: str, tmp_path: Path) -> None:
    for number in range(len(CASES[name]["images"]["raw"])):
        for output, found in ours(name, tmp_path / str(number), number).items():
            expected = core(name, output, number)
            assert found.dtype == expected.dtype
            assert close(found, expected)


def test_the_reference_says_with_which_versions_it_was_made() -> None:
    assert RECORD["versions"]["bioimageio.core"] == "0.11.0"
    assert {"bioimageio.spec", "numpy", "onnxruntime"} <= RECORD["versions"].keys()


# --- real models -----------------------------------------------------------------------------------------------------

LARGE: dict[str, dict[str, Any]] = {one["name"]: one for one in RECORD["large"]}
SAMPLE = REPOSITORY / "samples" / "phase-cell-unet"


@cache
def probabilities(model: Path, dtype: str) -> Array:
    found: Any = ijbridge.predict(model / "bioimageio.yaml", cells(dtype), axes="yx", tile="whole")
    return found.values


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_sample_model_gives_what_it_gives_in_core(dtype: str) -> None:
    assert np.abs(probabilities(SAMPLE, dtype)[KEPT] - STORED[f"phase-cell-unet, {dtype}"]).max() <= TOLERANCE


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_published_model_gives_what_it_gives_in_core(dtype: str, shared_sample: Path) -> None:
    assert np.abs(probabilities(shared_sample, dtype)[KEPT] - STORED[f"unet2d_nuclei_broad, {dtype}"]).max() <= TOLERANCE


def test_a_whole_image_is_run_as_it_is_where_core_mirrors_the_halo_around_it() -> None:
    padded = STORED["phase-cell-unet, uint8, padded"]
    assert np.mean(np.abs(padded - STORED["phase-cell-unet, uint8"]) > 1e-3) > 0.05
    assert np.mean(np.abs(padded - probabilities(SAMPLE, "uint8")[KEPT]) > 1e-3) > 0.05


def test_the_published_model_takes_an_image_of_its_size_where_core_adds_the_halo_and_fails(shared_sample: Path) -> None:
    assert "Got: 576 Expected: 512" in LARGE["unet2d_nuclei_broad, uint8, padded"]["error"]
    assert probabilities(shared_sample, "uint8").shape == (512, 512)
