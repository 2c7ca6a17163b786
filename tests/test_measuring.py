"""Statistics are taken of what each operation receives, of the sample or of all samples, before padding and tiling."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ijbridge
import naive
from builders import Network, channel, described, follows, identity, one_conv, space, write_model
from ijbridge import views
from ijbridge.description import ModelDescription
from ijbridge.errors import CannotRunError, PixelValueError
from ijbridge.formats import read_model
from ijbridge.image import make_image
from ijbridge.loaded import LoadedModel
from ijbridge.measuring import measure
from ijbridge.operations import (
    Clip,
    EnsureDtype,
    Operation,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Sigmoid,
    Softmax,
    ZeroMeanUnitVariance,
)
from ijbridge.options import Options

FREE = {"min": 1, "step": 1}
IDS = ["batch", "channel", "y", "x"]

PERCENTILES = {"id": "clip", "kwargs": {"min_percentile": 2, "max_percentile": 98}}
RANGE = {"id": "scale_range", "kwargs": {"min_percentile": 1, "max_percentile": 99.8}}
NORMAL = {"id": "zero_mean_unit_variance", "kwargs": {}}
PER_SAMPLE = {"axes": ["channel", "y", "x"]}


def samples(number: int = 3, channels: int = 1, shape: tuple[int, int] = (31, 44), dtype: str = "uint16") -> Any:
    """Samples that differ in brightness, so that it matters which of them a statistic is taken of."""
    rng = np.random.default_rng(8)
    found = rng.gamma(2, 60, (number, channels, *shape)) * (1 + np.arange(number)).reshape(-1, 1, 1, 1)
    return found.astype(dtype)


def run(model: Path | ModelDescription, array: Any, **options: Any) -> Any:
    found = ijbridge.predict(model, array, axes="tcyx", **options)
    assert not isinstance(found, dict)
    return found.values


def expected(model: Path | ModelDescription, array: Any) -> Any:
    description = model if isinstance(model, ModelDescription) else read_model(model)
    return naive.run(description, {"raw": naive.tensor(array, IDS)})["out"]


def close(found: Any, wanted: Any, tolerance: float = 2e-6) -> None:
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * max(1.0, np.abs(wanted).max()))


def model(folder: Path, pre: Sequence[Mapping[str, Any]] = (), post: Sequence[Mapping[str, Any]] = (), **more: Any) -> Path:
    return write_model(folder, identity(), size=FREE, pre=pre, post=post, **more)


# --- one after the other ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", ["whole", 16, {"x": 13}])
@pytest.mark.parametrize("kwargs", [{}, PER_SAMPLE])
def test_each_operation_takes_its_statistics_of_what_the_one_before_gave(
    tmp_path: Path, tile: Any, kwargs: Mapping[str, Any]
) -> None:
    chain = [{"id": one["id"], "kwargs": {**one["kwargs"], **kwargs}} for one in (PERCENTILES, RANGE, NORMAL)]  # type: ignore[dict-item]
    path = model(tmp_path / "m", chain)
    array = samples()
    found = run(path, array, tile=tile)
    close(found, expected(path, array))
    # the reading that takes all statistics of the raw image gives something else
    assert abs(float(found[0].mean())) < 1.0
    alone = run(model(tmp_path / "alone", [chain[2]]), array)
    assert np.abs(alone - found).max() > 0.1


def test_axes_left_out_take_all_samples_together(tmp_path: Path) -> None:
    array = samples()
    together = run(model(tmp_path / "all", [NORMAL]), array)
    each = run(model(tmp_path / "each", [{"id": NORMAL["id"], "kwargs": PER_SAMPLE}]), array)
    assert abs(together.mean()) < 1e-4
    assert abs(together[0].mean()) > 0.3
    assert all(abs(one.mean()) < 1e-4 for one in each)


def test_batch_among_the_axes_takes_all_samples_together(tmp_path: Path) -> None:
    array = samples(channels=2)
    named = {"id": "scale_range", "kwargs": {"axes": ["batch", "y", "x"]}}
    path = write_model(
        tmp_path / "m", identity(channels=2), size=FREE, pre=[named], channels=("a", "b"), out_channels=("a", "b")
    )
    found = run(path, array)
    close(found, expected(path, array))
    np.testing.assert_allclose(found.max(axis=(0, 2, 3)), 1, atol=1e-5)


def test_statistics_per_channel_are_of_that_channel(tmp_path: Path) -> None:
    array = samples(channels=2)
    array[:, 1] *= 7
    per_channel = {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}}
    path = write_model(
        tmp_path / "m", identity(channels=2), size=FREE, pre=[per_channel], channels=("a", "b"), out_channels=("a", "b")
    )
    found = run(path, array, tile=16)
    close(found, expected(path, array))
    np.testing.assert_allclose(found.std(axis=(2, 3)), 1, atol=1e-4)


def test_statistics_per_row_follow_the_tiles_and_the_padding(tmp_path: Path) -> None:
    array = samples(number=1)
    per_row = {"id": "scale_range", "kwargs": {"axes": ["channel", "x"]}}
    path = write_model(tmp_path / "m", identity(), size={"min": 16, "step": 16}, pre=[per_row])
    close(run(path, array, tile=16), expected(path, array))


def test_statistics_are_of_the_image_not_of_its_padding(tmp_path: Path) -> None:
    array = samples(number=1, shape=(17, 18))
    path = write_model(tmp_path / "m", identity(), size={"min": 64, "step": 64}, pre=[NORMAL])
    close(run(path, array), expected(path, array))
    assert abs(run(path, array).mean()) < 1e-4


def test_an_image_in_many_blocks_has_the_statistics_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(tmp_path / "m", [PERCENTILES, RANGE, NORMAL], [NORMAL])
    array = samples()
    whole = run(path, array)
    monkeypatch.setattr(views, "BLOCK", 100)
    close(run(path, array, tile=16), whole)


# --- other tensors ---------------------------------------------------------------------------------------------------


def test_a_reference_is_the_unprocessed_input(tmp_path: Path) -> None:
    by_raw = {"id": "scale_range", "kwargs": {"max_percentile": 90, "reference_tensor": "raw", **PER_SAMPLE}}
    path = model(tmp_path / "m", [NORMAL, by_raw])
    array = samples()
    found = run(path, array, tile=16)
    close(found, expected(path, array))
    normal = (array - array.mean()) / (array.std() + 1e-6)
    low, high = array[1].min(), np.percentile(array[1], 90)
    np.testing.assert_allclose(found[1], (normal[1] - low) / (high - low + 1e-6), rtol=1e-5, atol=1e-6)


def test_an_output_may_be_scaled_by_what_its_input_was(tmp_path: Path) -> None:
    by_raw = {"id": "scale_range", "kwargs": {"reference_tensor": "raw", **PER_SAMPLE}}
    path = model(tmp_path / "m", [RANGE], [by_raw])
    array = samples()
    with LoadedModel(path) as loaded:
        plan = loaded.plan({"raw": make_image(array, "tcyx").header}, Options.read(tile=16))
    assert plan.outputs[0].whole_operations == ()
    close(run(path, array, tile=16), expected(path, array))


@pytest.mark.parametrize("tile", ["whole", 16])
@pytest.mark.parametrize("kwargs", [{}, PER_SAMPLE, {"axes": ["y", "x"], "eps": 0.1}])
def test_an_output_is_given_the_distribution_of_an_input(tmp_path: Path, tile: Any, kwargs: Mapping[str, Any]) -> None:
    post = [
        {"id": "scale_linear", "kwargs": {"gain": 3.0, "offset": -5.0}},
        {"id": "scale_mean_variance", "kwargs": {"reference_tensor": "raw", **kwargs}},
    ]
    path = write_model(tmp_path / "m", one_conv(), size=FREE, halo=1, pre=[NORMAL], post=post)
    array = samples()
    found = run(path, array, tile=tile)
    close(found, expected(path, array), 1e-5)
    if kwargs == PER_SAMPLE:
        np.testing.assert_allclose(found.std(axis=(1, 2, 3)), array.std(axis=(1, 2, 3)), rtol=1e-3)


@pytest.mark.parametrize("tile", ["whole", 16])
@pytest.mark.parametrize("operation", [NORMAL, RANGE, PERCENTILES, {"id": NORMAL["id"], "kwargs": PER_SAMPLE}])
def test_an_output_may_be_normalised_by_its_own_statistics(tmp_path: Path, tile: Any, operation: Mapping[str, Any]) -> None:
    post = [{"id": "sigmoid"}, operation, {"id": "scale_linear", "kwargs": {"gain": 10.0}}, RANGE]
    path = write_model(tmp_path / "m", one_conv(), size=FREE, halo=1, pre=[NORMAL], post=post)
    array = samples()
    close(run(path, array, tile=tile), expected(path, array), 1e-5)


def test_a_softmax_before_statistics_of_the_output_sees_all_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    post = [{"id": "softmax", "kwargs": {"axis": "channel"}}, NORMAL]
    path = write_model(
        tmp_path / "m", one_conv(outputs=3), size=FREE, halo=1, pre=[NORMAL], post=post, out_channels=("a", "b", "c")
    )
    monkeypatch.setattr(views, "BLOCK", 500)
    array = samples()
    close(run(path, array, tile=16), expected(path, array), 1e-5)


def test_a_statistic_that_does_not_fit_the_output_is_refused(tmp_path: Path) -> None:
    net = Network()
    net.output(net.node("ReduceMax", [net.input("raw", 2)], 1, axes=[1], keepdims=1), "out")
    by_raw = {"id": "scale_range", "kwargs": {"reference_tensor": "raw", "axes": ["y", "x"]}}
    path = write_model(tmp_path / "m", net, size=FREE, channels=("a", "b"), post=[by_raw])
    with pytest.raises(CannotRunError, match="the description's axes do not fit"):
        run(path, samples(channels=2))


# --- any chain -------------------------------------------------------------------------------------------------------

AXES = [None, ("channel", "y", "x"), ("y", "x"), ("batch", "y", "x"), ("x",), ("channel",)]
STEPS: list[Any] = [
    st.builds(ScaleLinear, st.sampled_from([(0.01,), (3.0,)]), st.sampled_from([(0.0,), (-2.0,)])),
    st.builds(ZeroMeanUnitVariance, st.sampled_from(AXES), st.sampled_from([1e-6, 0.5])),
    st.builds(ScaleRange, st.sampled_from([0.0, 5.0]), st.sampled_from([90.0, 100.0]), st.sampled_from(AXES), st.just(1e-2)),
    st.builds(ScaleRange, st.just(1.0), st.just(99.0), st.sampled_from(AXES), st.just(1e-2), st.just("raw")),
    st.builds(Clip, st.just(-1.0), st.just(2.0)),
    st.builds(Clip, st.none(), st.none(), st.sampled_from([None, 10.0]), st.sampled_from([80.0, 100.0]), st.sampled_from(AXES)),
    st.builds(Sigmoid),
    st.builds(Softmax, st.just("channel")),
]
POST_STEPS = [*STEPS, st.builds(ScaleMeanVariance, st.just("raw"), st.sampled_from(AXES), st.just(1e-2))]


@pytest.fixture(scope="module")
def two_channels(tmp_path_factory: pytest.TempPathFactory) -> ModelDescription:
    folder = tmp_path_factory.mktemp("models") / "m"
    return read_model(
        write_model(folder, identity(channels=2), size={"min": 8, "step": 8}, channels=("a", "b"), out_channels=("a", "b"))
    )


@settings(derandomize=True, max_examples=120, deadline=None)
@given(
    st.lists(st.one_of(STEPS), max_size=4),
    st.lists(st.one_of(POST_STEPS), max_size=3),
    st.sampled_from(["uint8", "int16", "float32"]),
    st.sampled_from([(1, 2, 11, 9), (2, 2, 5, 13), (3, 2, 8, 1)]),
    st.sampled_from(["whole", 8]),
)
def test_any_chain_of_operations_in_tiles_is_the_naive_one_on_the_whole(
    two_channels: ModelDescription,
    pre: list[Operation],
    post: list[Operation],
    dtype: str,
    shape: tuple[int, int, int, int],
    tile: Any,
) -> None:
    array = np.random.default_rng(shape[2]).gamma(2, 20, shape).astype(dtype)
    cast = EnsureDtype("float32")
    (raw,), (out,) = two_channels.inputs, two_channels.outputs
    description = replace(
        two_channels,
        inputs=(replace(raw, operations=(cast, *pre, cast)),),
        outputs=(replace(out, operations=(*post, cast)),),
    )
    close(run(description, array, tile=tile), expected(description, array), 1e-4)


# --- pixels that cannot be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [[np.nan], [np.inf], [-np.inf, np.inf], [np.nan, np.inf, 3e38]])
def test_pixels_that_are_no_number_are_refused_with_their_count(tmp_path: Path, bad: list[float]) -> None:
    image = np.ones((20, 30), np.float32)
    image[3, : len(bad)] = bad
    count = sum(not np.isfinite(one) for one in bad)
    with pytest.raises(PixelValueError, match=f"image holds {count} pixels that are NaN or infinite"):
        ijbridge.predict(model(tmp_path / "m"), image)


def test_the_largest_floats_are_numbers(tmp_path: Path) -> None:
    image = np.full((20, 30), np.finfo(np.float32).max, np.float32)
    found = ijbridge.predict(model(tmp_path / "m"), image)
    assert not isinstance(found, dict)
    np.testing.assert_array_equal(found.values, image)


@pytest.mark.parametrize("operation", [NORMAL, {"id": "scale_range", "kwargs": {}}])
@pytest.mark.parametrize("value", [0, 0.1, 7.7])
def test_a_constant_image_is_found_and_gives_finite_numbers(tmp_path: Path, operation: Any, value: float) -> None:
    with LoadedModel(model(tmp_path / "m", [operation])) as loaded:
        found = loaded.run({"raw": make_image(np.full((37, 53), value), "yx", name="cells")}, Options.read())
    assert found.warnings == ("cells is constant, so it cannot be normalised: the result there means nothing.",)
    assert np.isfinite(found.images["out"].array).all()


def test_an_image_whose_percentiles_are_equal_is_not_called_constant(tmp_path: Path) -> None:
    image = np.zeros((37, 53), np.uint8)
    image[3, 3] = 9
    with LoadedModel(model(tmp_path / "m", [RANGE])) as loaded:
        found = loaded.run({"raw": make_image(image, "yx", name="cells")}, Options.read())
    assert found.warnings == (
        "cells has the same value at the percentiles 1, 99.8 over all axes, so it cannot be normalised: the result there "
        "means nothing.",
    )


def test_one_constant_sample_among_others_is_counted(tmp_path: Path) -> None:
    array = samples()
    array[1] = 5
    path = model(tmp_path / "m", [{"id": NORMAL["id"], "kwargs": PER_SAMPLE}])
    with LoadedModel(path) as loaded:
        found = loaded.run({"raw": make_image(array, "tcyx", name="cells")}, Options.read())
    assert found.warnings[0].startswith("cells is constant in 1 of 3 samples")


def test_a_constant_image_that_is_not_normalised_is_found_too(tmp_path: Path) -> None:
    with LoadedModel(model(tmp_path / "m")) as loaded:
        found = loaded.run({"raw": make_image(np.full((20, 30), 3.0), "yx", name="cells")}, Options.read())
    assert [one.split(",")[0] for one in found.warnings] == ["cells is constant: every pixel is 3"]


def test_fractions_cast_away_are_warned_of_and_cast_away(tmp_path: Path) -> None:
    raw = described("raw", channel("c"), space("y", FREE), space("x", FREE), dtype="uint8", preprocessing=[RANGE])
    out = described("out", channel("c"), follows("y"), follows("x"), dtype="uint8")
    path = write_model(tmp_path / "m", identity(dtype="uint8"), inputs=[raw], outputs=[out])
    image = make_image(np.arange(256, dtype=np.uint8).reshape(16, 16), "yx")
    with LoadedModel(path) as loaded:
        found = loaded.run({"raw": image}, Options.read())
    assert any("casts raw to uint8 after scaling it" in one for one in found.warnings)
    assert found.images["out"].array.dtype == np.uint8
    assert set(found.images["out"].array.ravel().tolist()) == {0, 1}


def test_a_constant_channel_among_others_is_counted(tmp_path: Path) -> None:
    axes = [space(one, FREE) for one in "yx"]
    per_channel = [{"id": NORMAL["id"], "kwargs": {"axes": ["y", "x"]}}]
    raw = described("raw", channel("a", "b", "c"), *axes, preprocessing=per_channel)
    path = write_model(
        tmp_path / "m", identity(), inputs=[raw], outputs=[described("out", channel("a", "b", "c"), *map(follows, "yx"))]
    )
    array = np.random.default_rng(1).random((3, 20, 30))
    array[2] = 0
    with LoadedModel(path) as loaded:
        (found,) = loaded.resolve({"raw": make_image(array, "cyx", name="cells")}, Options.read()).statistics.findings
    assert found.found == "cells is constant in 1 of 3 parts that are normalised on their own"


def test_percentiles_over_all_samples_take_no_more_than_a_few_blocks(tmp_path: Path) -> None:
    path = model(tmp_path / "m", [{"id": "scale_range", "kwargs": {"axes": ["batch"]}}])
    array = np.random.default_rng(1).integers(0, 60000, (20, 500, 500)).astype(np.uint16)
    with LoadedModel(path) as loaded:
        plan = loaded.plan({"raw": make_image(array, "tyx").header}, Options.read())
        images = {"raw": make_image(array, "tyx")}
        measure(plan, images)
        tracemalloc.start()
        numbers = measure(plan, images).numbers
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    low, high = numbers["raw", 1, 0][()]
    np.testing.assert_array_equal(low.squeeze(), array.min(0))
    np.testing.assert_array_equal(high.squeeze(), array.max(0))
    assert peak < 64e6 + low.nbytes * 8
