"""Conversion into bioimage.io 0.5: the same numbers before and after, whole and in tiles, of every kind of model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from builders import (
    Network,
    channel,
    described,
    follows,
    identity,
    one_conv,
    several,
    space,
    subtraction,
    unet,
    unet_halo,
    write_model,
)
from commandline import edit, pixels
from conftest import REPOSITORY
from converted import check_package, check_same
from generated_cases import draw_case
from ijbridge.conversion import convert
from ijbridge.formats import read_model
from reference.models import write_package
from specification import LEAVES_FILES_OPEN
from test_bioimageio_core import CASES, IMAGES

pytestmark = LEAVES_FILES_OPEN


def halved(folder: Path) -> Path:
    net = Network(4)
    net.output(net.pool(net.conv(net.input("raw"), 2)), "out")
    outputs = [described("out", channel("a", "b"), follows("y", 2, scale=2.0), follows("x", 2, scale=2.0))]
    return write_model(folder, net, size={"min": 16, "step": 2}, outputs=outputs)


def cut(folder: Path) -> Path:
    net = Network(5)
    net.output(net.conv(net.input("raw"), 1, kernel=5, pad=False, relu=False), "out")
    offset = {"tensor_id": "raw", "offset": -4}
    outputs = [described("out", channel("p"), *(space(axis, {**offset, "axis_id": axis}) for axis in "yx"))]
    return write_model(folder, net, outputs=outputs)


def tuned(folder: Path) -> Path:
    """Everything that a 0.5 description can say of processing."""
    pre: list[dict[str, Any]] = [
        {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
        {"id": "clip", "kwargs": {"min_percentile": 1, "max_percentile": 99, "axes": ["y", "x"]}},
        {"id": "scale_range", "kwargs": {"min_percentile": 1, "max_percentile": 99.8, "axes": ["channel", "y", "x"]}},
        {"id": "fixed_zero_mean_unit_variance", "kwargs": {"axis": "channel", "mean": [0.1, 0.2], "std": [2.0, 3.0]}},
        {"id": "scale_linear", "kwargs": {"axis": "channel", "gain": [2.0, 3.0], "offset": [1.0, 0.0]}},
        {"id": "zero_mean_unit_variance", "kwargs": {"eps": 0.05}},
        {"id": "sigmoid"},
    ]
    post: list[dict[str, Any]] = [
        {"id": "scale_mean_variance", "kwargs": {"reference_tensor": "raw", "axes": ["channel", "y", "x"]}},
        {"id": "softmax"},
        {"id": "binarize", "kwargs": {"axis": "channel", "threshold": [0.1, 0.2, 0.3]}},
    ]
    net = one_conv(channels=2, outputs=3)
    return write_model(folder, net, channels=("a", "b"), out_channels=("p", "q", "r"), pre=pre, post=post, halo=1)


def padded(folder: Path) -> Path:
    model = write_model(folder, unet(2), size={"min": 32, "step": 4}, halo=unet_halo(2))
    return edit(model, "inputs.0.pad", {"mode": "reflect"})


def integers(folder: Path) -> Path:
    inputs = [
        described("raw", channel("c"), space("y", {"min": 4, "step": 1}), space("x", {"min": 4, "step": 1}), dtype="uint8")
    ]
    outputs = [described("out", channel("c"), follows("y"), follows("x"), dtype="uint8")]
    return write_model(folder, identity(dtype="uint8"), inputs=inputs, outputs=outputs)


def volume(folder: Path) -> Path:
    sizes = {"z": 0.3, "y": 0.107, "x": 0.107}
    return write_model(folder, one_conv(ndim=3), axes="zyx", halo=1, size={"min": 4, "step": 1}, pixel_size=sizes)


def cube(folder: Path) -> Path:
    """A network of one size in three dimensions."""
    pre = [{"id": "scale_range", "kwargs": {"min_percentile": 1, "axes": ["z", "y", "x"]}}]
    return write_model(folder, one_conv(ndim=3), axes="zyx", halo=2, size=12, pre=pre, post=[{"id": "sigmoid"}])


def half(folder: Path) -> Path:
    """A network that takes half precision, which 0.5 cannot cast to."""
    cast = {"id": "ensure_dtype", "kwargs": {"dtype": "float16"}}
    return write_model(folder, identity(dtype="float16"), pre=[{"id": "zero_mean_unit_variance"}, cast])


MODELS: dict[str, tuple[Callable[[Path], Path], tuple[int, ...], str, Mapping[str, Any]]] = {
    "one convolution": (lambda folder: write_model(folder, one_conv(), halo=1), (90, 71), "yx", {"tile": 32}),
    "a U-Net of one size": (lambda folder: write_model(folder, unet(2), size=64, halo=20), (150, 131), "yx", {}),
    "a U-Net of many sizes": (
        lambda folder: write_model(folder, unet(3), size={"min": 64, "step": 8}, halo=16), (301, 203), "yx", {"tile": 160},
    ),
    "an output of half the size": (halved, (66, 50), "yx", {"tile": 24}),
    "an output with an offset": (cut, (66, 50), "yx", {"tile": 24}),
    "all operations": (tuned, (2, 60, 50), "cyx", {"tile": 32}),
    "padding": (padded, (61, 50), "yx", {"tile": 48}),
    "integers": (integers, (66, 50), "yx", {"tile": 24}),
    "half precision": (half, (66, 50), "yx", {"tile": 24}),
    "three dimensions": (volume, (3, 12, 40, 41), "tzyx", {"tile": {"z": 8, "y": 20, "x": 20}}),
    "three dimensions of one size": (cube, (20, 31, 24), "zyx", {}),
    "several tensors": (several, (40, 44), "yx", {"tile": 24}),
    "tensors in another order": (lambda folder: subtraction(folder, ["a", "b"]), (40, 44), "yx", {"tile": 24}),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_the_same_numbers_before_and_after(tmp_path: Path, name: str) -> None:
    build, shape, axes, tiles = MODELS[name]
    model = build(tmp_path / "model")
    convert(model, tmp_path / "package")
    check_package(tmp_path / "package", model)
    dtype = "uint8" if name == "integers" else "float32"
    inputs = read_model(model).inputs
    images: Any = {}
    for number, tensor in enumerate(inputs):
        channels = next((len(axis.channel_names) for axis in tensor.axes if axis.kind == "channel"), 1)
        whole = shape if "c" in axes or channels == 1 else (channels, *shape)
        images[tensor.id] = pixels(*whole, dtype=dtype, seed=number)
    # a network of one size has no whole
    for how in ({"tile": "whole"} if tiles else {}, tiles, {**tiles, "halo": "declared"}):
        if len(inputs) > 1:
            given = {name: ijbridge.image.make_image(one, "cyx" if one.ndim == 3 else "yx") for name, one in images.items()}
            check_same(model, tmp_path / "package", given, **how)
        else:
            check_same(model, tmp_path / "package", images[inputs[0].id], axes=axes, **how)


@pytest.mark.parametrize("number", range(12))
def test_a_generated_network_gives_the_same_numbers_before_and_after(tmp_path: Path, number: int) -> None:
    case = draw_case(number, 11, tmp_path / "model")
    convert(case.model, tmp_path / "package")
    check_package(tmp_path / "package", case.model)
    images: Any = case.images if len(case.images) > 1 else case.images["raw"]
    axes = "c" * (np.ndim(case.images["raw"]) > len(case.axes)) + case.axes
    check_same(case.model, tmp_path / "package", images, axes=axes, tile=case.tile, memory=case.memory)


#: Cases whose image makes nothing but zeros of the output or input, which no test tensor may be.
ZEROS = [name for name in CASES if "constant" in name or name.endswith("over batch") or name == "float32 described as uint8"]
ZEROS += ["scale_range, described as uint8"]


def one_of_each() -> list[str]:
    """Give one case of each list of operations; they differ in images otherwise."""
    found: dict[str, str] = {}
    for name, case in CASES.items():
        if "NaN" not in name and name not in ZEROS and "512" not in name:
            lists = [one.get(key) for one in (*case["inputs"], *case["outputs"]) for key in ("preprocessing", "postprocessing")]
            found.setdefault(json.dumps([lists, case["format"]]), name)
    return [*found.values()]


TESTED = one_of_each()


@pytest.mark.parametrize("name", TESTED)
def test_every_operation_of_both_versions_gives_the_same_numbers_before_and_after(tmp_path: Path, name: str) -> None:
    model = write_package(tmp_path / "model", CASES[name], IMAGES)
    images = {tensor: IMAGES[given[0]] for tensor, given in CASES[name]["images"].items()}
    report = convert(model, tmp_path / "package", images=images, axes="bcyx")
    # what 0.4 does not say of channels is all that 0.5 says otherwise
    assert {one.field.rpartition(".")[2] for one in report.kept} <= {"channel_names"}
    for tile in ("whole", 3):
        check_same(model, tmp_path / "package", images, axes="bcyx", tile=tile)


@pytest.mark.parametrize("name", TESTED[::10])
def test_a_package_made_of_operations_is_valid(tmp_path: Path, name: str) -> None:
    model = write_package(tmp_path / "model", CASES[name], IMAGES)
    images = {tensor: IMAGES[given[0]] for tensor, given in CASES[name]["images"].items()}
    convert(model, tmp_path / "package", images=images, axes="bcyx")
    check_package(tmp_path / "package", model)


def test_the_sample_model_is_said_as_it_was(tmp_path: Path) -> None:
    model = REPOSITORY / "samples" / "phase-cell-unet"
    report = convert(model, tmp_path / "package")
    assert (report.kept, report.made, report.left_out) == ((), (), ())
    after = check_package(tmp_path / "package", model)
    before = read_model(model)
    assert after.inputs[0].axes == before.inputs[0].axes
    assert [replace(one, output_ids=()) for one in after.tolerances] == [*before.tolerances]
    image = np.load(model / "test_input.npy")[0, 0]
    check_same(model, tmp_path / "package", image, tile=144)


@pytest.mark.parametrize(
    "name", ["bioimageio.yaml", "v0_4_0.bioimageio.yaml", "v0_4_9.bioimageio.yaml", "onnx_only.bioimageio.yaml"]
)
def test_the_published_model_gives_the_same_numbers_from_every_version(shared_sample: Path, tmp_path: Path, name: str) -> None:
    report = convert(shared_sample / name, tmp_path / "model.zip")
    assert report.made == ()
    convert(shared_sample / name, tmp_path / "package")
    with pytest.MonkeyPatch.context() as patch:
        # it names users of GitHub, whom the specification looks for on the web
        patch.setattr("bioimageio.spec._internal.field_validation.KNOWN_GITHUB_USERS", {"constantinpape", "fynnbe"})
        check_package(tmp_path / "package", shared_sample / name)
    image = np.load(shared_sample / "test_input.npy")[0, 0]
    check_same(shared_sample / name, tmp_path / "package", np.concatenate([image, image[:90]]), axes="yx")
