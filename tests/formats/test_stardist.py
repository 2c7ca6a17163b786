"""Folders of StarDist: what is read of them, and that a broken one is refused in a sentence."""

from __future__ import annotations

import json
import shutil
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from descriptions import changed, check_refusal, said
from ijbridge.architectures import ResNet, StarDistNetwork, UNet
from ijbridge.description import FixedSize, ModelDescription, Padding, ReferencedSize, SteppedSize
from ijbridge.errors import DescriptionError, NotAModelError
from ijbridge.formats import read_model
from ijbridge.operations import Clip, EnsureDtype, ScaleRange
from ijbridge.planning import choose_weights
from reference.csbdeep_cases import FOLDER

GRID = FOLDER / "stardist-2d-grid"
RESNET = FOLDER / "stardist-3d-resnet"
CONFIG = json.loads((GRID / "config.json").read_text())
RESNET_CONFIG = json.loads((RESNET / "config.json").read_text())


def write(folder: Path, config: Any, thresholds: Any = None, source: Path = GRID) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if thresholds is not None:
        (folder / "thresholds.json").write_text(thresholds if isinstance(thresholds, str) else json.dumps(thresholds))
    shutil.copy(source / "weights_best.h5", folder)
    return folder


def network(model: ModelDescription) -> StarDistNetwork:
    architecture = choose_weights(model).architecture
    assert isinstance(architecture, StarDistNetwork)
    return architecture


def test_a_folder_is_read_with_its_grid_rays_and_normalisation() -> None:
    model = read_model(GRID)
    assert (model.format, model.name) == ("StarDist", "stardist-2d-grid")
    (image,), (prob, dist) = model.inputs, model.outputs
    assert [(axis.id, axis.size) for axis in image.axes[1:]] == [
        ("channel", FixedSize(1)), ("y", SteppedSize(8, 8)), ("x", SteppedSize(8, 8)),
    ]  # fmt: skip
    assert image.operations == (ScaleRange(1, 99.8, ("y", "x"), 1e-20), EnsureDtype("float32"))
    assert image.padding == Padding("reflect")
    half = [ReferencedSize("input", letter, Fraction(1, 2), Fraction(1, 2)) for letter in "yx"]
    assert [axis.size for axis in prob.axes[1:]] == [FixedSize(1), *half]
    assert [axis.size for axis in dist.axes[1:]] == [FixedSize(8), *half]
    assert (prob.operations, dist.operations) == ((), (Clip(min=1e-3),))
    assert network(model) == StarDistNetwork(UNet(2, 4, (3, 3), (2, 2), last_activation="relu"), 1, (2, 2), 8, 8)
    assert model.config["stardist"]["config"]["train_dist_loss"] == "mae"
    assert [one.doi for one in model.cite] == ["10.1007/978-3-030-00934-2_30"]


def test_an_image_of_any_size_is_covered_by_results_on_the_grid() -> None:
    plan = ijbridge.plan(GRID, np.zeros((91, 105), np.uint8), axes="yx")
    assert [one.result.shape for one in plan.outputs] == [(46, 53), (8, 46, 53)]


@pytest.mark.parametrize(("name", "halo"), [("stardist-2d", 23), ("stardist-2d-grid", 46), ("stardist-2d-trained", 94)])
def test_tiles_overlap_by_what_stardist_measures_of_its_network(name: str, halo: int) -> None:
    """What ``StarDist2D._compute_receptive_field`` gives."""
    plan = ijbridge.plan(FOLDER / name, np.zeros((900, 900), np.uint8), axes="yx", tile=512)
    assert {plan.halo_of(line) for line in plan.lines} == {halo}


def test_classes_are_an_output_of_their_own() -> None:
    model = read_model(FOLDER / "stardist-2d-classes")
    assert [(one.id, one.axes[1].size) for one in model.outputs] == [
        ("prob", FixedSize(1)), ("dist", FixedSize(8)), ("prob_class", FixedSize(3)),
    ]  # fmt: skip


def test_a_volume_has_pools_of_its_own_per_axis_and_a_resnet_its_grid_only() -> None:
    volume, resnet = read_model(FOLDER / "stardist-3d"), read_model(RESNET)
    assert [axis.size for axis in volume.inputs[0].axes[2:]] == [SteppedSize(1, 1), SteppedSize(8, 8), SteppedSize(8, 8)]
    assert [axis.size for axis in resnet.inputs[0].axes[2:]] == [SteppedSize(1, 1), SteppedSize(2, 2), SteppedSize(2, 2)]
    assert network(resnet).body == ResNet(2, 4, (3, 3, 3))
    assert len(volume.cite) == 2


def test_thresholds_are_read_and_where_there_are_none_the_defaults_are_named(tmp_path: Path) -> None:
    def thresholds(model: ModelDescription) -> tuple[Any, str]:
        notes = [one for one in said(model) if "thresholds" in one]
        return model.config["stardist"]["thresholds"], " ".join(notes)

    assert thresholds(read_model(FOLDER / "stardist-2d")) == ({"prob": 0.55, "nms": 0.35}, "")
    found, note = thresholds(read_model(GRID))
    assert found == {"prob": 0.5, "nms": 0.4}
    assert "stardist's defaults are taken (prob 0.5, nms 0.4)" in note
    found, note = thresholds(read_model(write(tmp_path / "m", CONFIG, {"prob": 0.7, "nms": None})))
    assert found == {"prob": 0.7, "nms": 0.4}
    assert "stardist's defaults are taken (nms 0.4)" in note


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_config_of_an_old_version_has_the_defaults_of_its_number_of_axes(tmp_path: Path, ndim: int) -> None:
    model = read_model(write(tmp_path / "m", {"n_rays": 32, "n_dim": ndim, "n_channel_in": 1}))
    assert network(model) == StarDistNetwork(
        UNet((3, 2)[ndim - 2], 32, (3,) * ndim, (2,) * ndim, last_activation="relu"), 1, (1,) * ndim, 32, 128
    )
    assert "".join(axis.letter or "" for axis in model.inputs[0].axes[2:]) == "zyx"[-ndim:]
    note = next(one for one in said(model) if "lacks" in one)
    assert all(word in note for word in ("axes (", "grid (1, 1", "unet_n_depth (", "backbone (unet)", "n_classes (none)"))


def test_a_zip_is_read_and_runs_as_the_folder_does(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        for file in GRID.iterdir():
            archive.write(file, f"some-model/{file.name}")
    model = read_model(tmp_path / "cells.zip")
    assert model.name == "some-model"
    image = np.random.default_rng(0).integers(0, 999, (40, 40)).astype(np.uint16)
    found, expected = (ijbridge.predict(one, image, axes="yx", objects="raw") for one in (model, GRID))
    assert isinstance(found, dict)
    for name, one in found.items():
        np.testing.assert_array_equal(one, expected[name])


BROKEN: list[tuple[str, Any, list[str]]] = [
    ("n_rays", 2, ["`n_rays` is 2", "from 3"]),
    ("n_rays", None, ["`n_rays` is None", "a whole number"]),
    ("n_rays", "32", ["`n_rays` is '32'"]),
    ("n_rays", 12, ["`n_channel_out` is 9, but 12 `n_rays` and a probability are 13"]),
    ("axes", "TXC", ["`axes` is 'TXC'"]),
    ("axes", "ZYXC", ["`n_dim` is 2, but `axes` are ZYXC"]),
    ("axes", ["Y", "X"], ["`axes` is ['Y', 'X']", "a text"]),
    ("n_dim", 4, ["`n_dim` is 4, but `axes` are YXC"]),
    ("grid", [2], ["`grid` is [2]", "a list of 2 whole numbers"]),
    ("grid", [3, 3], ["`grid` is [3, 3]", "powers of 2"]),
    ("grid", None, ["`grid` is None", "a list of 2"]),
    ("grid", [2, "2"], ["`grid`", "whole numbers", "it has '2'"]),
    ("grid", 2, ["`grid` is 2", "a list"]),
    ("backbone", "resnet", ["`backbone` is 'resnet'", "one of unet"]),
    ("backbone", None, ["`backbone` is None"]),
    ("n_classes", 0, ["`n_classes` is 0", "from 1"]),
    ("n_classes", "two", ["`n_classes` is 'two'"]),
    ("n_channel_in", 0, ["`n_channel_in` is 0"]),
    ("net_input_shape", [None, None, 2], ["`net_input_shape` is [None, None, 2]", "of 1 for the channels"]),
    ("net_input_shape", [100, None, 1], ["`net_input_shape` is [100, None, 1]", "multiples of 8"]),
    ("net_conv_after_unet", None, ["`net_conv_after_unet` is None", "a whole number from 0"]),
    ("net_conv_after_resnet", 8, ["`net_conv_after_resnet` says something of the network that stardist does not know"]),
    ("unet_n_depth", -1, ["`unet_n_depth` is -1"]),
    ("unet_kernel_size", [3, 3, 3], ["`unet_kernel_size` is [3, 3, 3]", "a list of 2"]),
    ("unet_pool", [2, 0], ["`unet_pool`", "whole numbers", "it has 0"]),
    ("unet_activation", "mine", ["`unet_activation` is 'mine'", "linear, relu"]),
    ("unet_last_activation", 1, ["`unet_last_activation` is 1"]),
    ("unet_batch_norm", "no", ["`unet_batch_norm` is 'no'", "true or false"]),
    ("unet_dropout", 1.5, ["`unet_dropout` is 1.5", "a number from 0 to 1"]),
    ("unet_dropout", True, ["`unet_dropout` is True"]),
    ("unet_expansion", float("nan"), ["`unet_expansion` is nan"]),
    ("unet_prefix", 5, ["`unet_prefix` is 5", "a text"]),
    ("unet_attention", True, ["`unet_attention` says something of the network"]),
]


@pytest.mark.parametrize(("path", "value", "words"), BROKEN, ids=lambda one: str(one)[:30])
def test_a_broken_config_is_refused_in_one_sentence(tmp_path: Path, path: str, value: Any, words: list[str]) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_model(write(tmp_path / "m", changed(CONFIG, path, value)))
    check_refusal(refused.value, "config.json: ", *words)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("grid", [1, 8, 8], ["`grid` is [1, 8, 8], which 2 `resnet_n_blocks` do not lead to"]),
        ("resnet_n_conv_per_block", 1, ["`resnet_n_conv_per_block` is 1", "from 2"]),
        ("resnet_n_blocks", "4", ["`resnet_n_blocks` is '4'"]),
        ("resnet_activation", None, ["`resnet_activation` is None"]),
        ("resnet_kernel_size", 3, ["`resnet_kernel_size` is 3", "a list"]),
        ("unet_n_depth", 2, ["`unet_n_depth` says something of the network"]),
        ("axes", "TYXC", ["`axes` is 'TYXC'", "Z, Y and X"]),
    ],
    ids=lambda one: str(one)[:30],
)
def test_a_broken_config_of_a_resnet_is_refused_in_one_sentence(
    tmp_path: Path, path: str, value: Any, words: list[str]
) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_model(write(tmp_path / "m", changed(RESNET_CONFIG, path, value), source=RESNET))
    check_refusal(refused.value, "config.json: ", *words)


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ("{", ["thresholds.json of m is broken JSON"]),
        ("[0.5, 0.4]", ["thresholds.json: the description must be a mapping"]),
        ({"prob": 1.5, "nms": 0.4}, ["thresholds.json: `prob` is 1.5", "a number from 0 to 1"]),
        ({"prob": "0.5"}, ["thresholds.json: `prob` is '0.5'"]),
        ({"prob": 0.5, "nms": -0.1}, ["thresholds.json: `nms` is -0.1"]),
        ({"prob": 0.5, "nms": True}, ["thresholds.json: `nms` is True"]),
    ],
    ids=lambda one: str(one)[:30],
)
def test_broken_thresholds_are_refused_in_one_sentence(tmp_path: Path, thresholds: Any, words: list[str]) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_model(write(tmp_path / "m", CONFIG, thresholds))
    check_refusal(refused.value, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_rays": 16, "n_channel_out": 17}, ["a kernel of 1 x 1 x 8 x 8 for the layer 'dist', instead of 1 x 1 x 8 x 16"]),
        ({"grid": [4, 4]}, ["has fewer layers of the kind Conv2D"]),
        ({"grid": [1, 1]}, ["for the layer 'down_level_0_no_0', instead of 3 x 3 x 1 x 4"]),
        ({"net_conv_after_unet": 0}, ["for the layer 'prob', instead of 1 x 1 x 4 x 1"]),
        ({"n_classes": 2}, ["has no weights for the layer 'features_class'"]),
        ({"unet_batch_norm": True}, ["has fewer layers of the kind BatchNormalization"]),
    ],
    ids=str,
)
def test_weights_of_another_network_than_the_config_says_are_refused(
    tmp_path: Path, change: dict[str, Any], words: list[str]
) -> None:
    folder = write(tmp_path / "m", {**CONFIG, **change})
    with pytest.raises(DescriptionError) as refused:
        ijbridge.plan(folder, np.zeros((40, 40), np.uint8), axes="yx")
    check_refusal(refused.value, "weights_best.h5 do not belong to the network that is described", *words)


def test_an_export_to_tensorflow_alone_says_too_little_and_is_no_model() -> None:
    """``export_TF`` writes no meta.json: neither grid nor thresholds."""
    with pytest.raises(NotAModelError, match="is not a model that ijbridge reads"):
        read_model(GRID / "TF_SavedModel.zip")
