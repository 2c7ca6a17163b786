"""Folders and exports of CSBDeep: what is read of them, and that a broken one is refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from descriptions import REMOVED, changed, check_refusal, said
from ijbridge.architectures import CareNetwork, UNet
from ijbridge.description import FixedSize, ModelDescription, Padding, ReferencedSize, SteppedSize
from ijbridge.errors import CannotRunError, DescriptionError, IJBridgeError, NotAModelError
from ijbridge.formats import read_model
from ijbridge.operations import EnsureDtype, RestoreRange, ScaleRange
from ijbridge.planning import choose_weights
from reference.csbdeep_cases import FOLDER

CARE = FOLDER / "care-2d"
EXPORT = FOLDER / "care-2d-probabilistic" / "TF_SavedModel.zip"
CONFIG = json.loads((CARE / "config.json").read_text())
IMAGE = np.random.default_rng(0).integers(0, 999, (40, 40)).astype(np.uint16)


def write(folder: Path, config: Any, weights: str | None = "weights_best.h5", source: Path = CARE) -> Path:
    """Write a folder with this config.json (as text, or as it is)."""
    folder.mkdir(parents=True, exist_ok=True)
    data = config if isinstance(config, bytes) else (config if isinstance(config, str) else json.dumps(config)).encode()
    (folder / "config.json").write_bytes(data)
    if weights:
        shutil.copy(source / "weights_best.h5", folder / weights)
    return folder


def read(folder: Path, path: str, value: Any) -> ModelDescription:
    return read_model(write(folder, changed(CONFIG, path, value)))


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_read_with_axes_sizes_padding_and_normalisation() -> None:
    model = read_model(CARE)
    assert (model.format, model.name) == ("CSBDeep", "care-2d")
    (image,), (output,) = model.inputs, model.outputs
    assert [(axis.id, axis.letter, axis.size) for axis in image.axes[1:]] == [
        ("channel", "c", FixedSize(1)), ("y", "y", SteppedSize(4, 4)), ("x", "x", SteppedSize(4, 4)),
    ]  # fmt: skip
    assert image.operations == (ScaleRange(2, 99.8, ("y", "x"), 1e-20), EnsureDtype("float32"))
    assert image.padding == Padding("reflect", both_sides=True)
    assert [(axis.id, axis.size, axis.halo) for axis in output.axes[2:]] == [
        ("y", ReferencedSize("input", "y"), 43), ("x", ReferencedSize("input", "x"), 43),
    ]  # fmt: skip
    assert output.operations == (RestoreRange("input", 2, 99.8, ("y", "x")),)
    weights = choose_weights(model)
    assert (weights.format, weights.file.source) == ("keras_hdf5", "weights_best.h5")
    assert weights.architecture == CareNetwork(UNet(2, 8, (5, 5), (2, 2)), 1, 1, True, "linear", False)
    assert model.config["csbdeep"]["train_loss"] == "mae"
    assert "10.1038/s41592-018-0216-7" in {one.doi for one in model.cite}


def test_what_the_format_does_not_state_is_said_in_the_description_and_in_every_plan() -> None:
    normalisation, kind = read_model(CARE).all_findings
    assert (normalisation.id, normalisation.severity) == ("normalisation-assumed", "note")
    assert normalisation.sentence == (
        "The format does not state how images are normalised, so it is done as csbdeep does it where nobody tells it, by the "
        "percentiles 2 and 99.8 of each channel: normalize names another normalisation."
    )
    assert "CARE is assumed, not IsotropicCARE or UpsamplingCARE" in kind.sentence
    assert {kind, normalisation} <= {*ijbridge.plan(CARE, IMAGE, axes="yx").findings}


def test_a_probabilistic_model_has_a_mean_and_a_scale_whose_range_is_restored_without_its_beginning() -> None:
    mean, scale = read_model(FOLDER / "care-2d-probabilistic").outputs
    assert (mean.id, mean.operations) == ("mean", (RestoreRange("input", 2, 99.8, ("y", "x")),))
    assert (scale.id, scale.operations) == ("scale", (RestoreRange("input", 2, 99.8, ("y", "x"), shift=False),))


def test_results_of_other_channels_than_the_image_have_keep_the_range_of_the_network() -> None:
    model = read_model(FOLDER / "care-2d-one-to-two")
    assert model.outputs[0].operations == ()
    assert "Results do not get the range of the image back, as they have other channels." in said(model)


@pytest.mark.parametrize(("axes", "letters"), [("YX", "yx"), ("XYC", "xy"), ("zyxc", "zyx"), ("TYXC", "tyx")])
def test_axes_are_taken_in_the_order_that_is_stated(tmp_path: Path, axes: str, letters: str) -> None:
    config = {**CONFIG, "axes": axes, "n_dim": len(letters), "unet_input_shape": [None] * len(letters) + [1]}
    (image,) = read_model(write(tmp_path / "m", config)).inputs
    assert "".join(axis.letter or "" for axis in image.axes[2:]) == letters
    assert {axis.kind for axis in image.axes[2:]} == {"space"} | ({"time"} if "t" in letters else set())


def test_an_axis_of_fixed_size_is_read(tmp_path: Path) -> None:
    (image,) = read(tmp_path / "m", "unet_input_shape", [64, None, 1]).inputs
    assert [axis.size for axis in image.axes[2:]] == [FixedSize(64), SteppedSize(4, 4)]


@pytest.mark.parametrize(
    ("depth", "kernel", "halo"), [(1, 3, 9), (2, 3, 22), (5, 3, 190), (3, 5, 92), (4, 7, 282), (2, 9, 0), (6, 3, 0)]
)
def test_the_declared_halo_is_csbdeeps_tile_overlap(tmp_path: Path, depth: int, kernel: int, halo: int) -> None:
    config = {**CONFIG, "unet_n_depth": depth, "unet_kern_size": kernel}
    (output,) = read_model(write(tmp_path / "m", config)).outputs
    assert [axis.halo for axis in output.axes[2:]] == [halo, halo]


def test_keys_that_older_versions_did_not_write_have_their_defaults_and_a_note(tmp_path: Path) -> None:
    config = {key: CONFIG[key] for key in ("axes", "n_dim", "n_channel_in", "n_channel_out", "unet_n_first", "unet_n_depth")}
    model = read_model(write(tmp_path / "m", config))
    assert choose_weights(model).architecture == read_model(CARE).weights[0].architecture
    note = next(one for one in said(model) if "defaults" in one)
    assert note == (
        "config.json lacks unet_residual (true), unet_kern_size (5), unet_last_activation (linear), probabilistic (false), "
        "unet_input_shape (any size), for which the defaults of csbdeep are taken."
    )
    ijbridge.plan(model, IMAGE, axes="yx")


@pytest.mark.parametrize("inside", ["", "my-model"])
def test_a_zip_a_nested_folder_and_the_file_itself_are_read_alike(tmp_path: Path, inside: str) -> None:
    write(tmp_path / "named" / inside, CONFIG)
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        for file in (tmp_path / "named" / inside).iterdir():
            if file.is_file():
                archive.write(file, f"{inside}/{file.name}".lstrip("/"))
    expected = ijbridge.predict(CARE, IMAGE, axes="yx")
    for path, name in {
        tmp_path / "named": inside or "named",
        tmp_path / "zipped.zip": inside or "zipped",
        tmp_path / "named" / inside / "config.json": inside or "named",
    }.items():
        assert read_model(path).name == name
        np.testing.assert_array_equal(ijbridge.predict(path, IMAGE, axes="yx"), expected)


def test_a_bom_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    text = json.dumps(CONFIG, indent=1).replace("\n", "\r\n")
    model = read_model(write(tmp_path / "care-2d", b"\xef\xbb\xbf" + text.encode()))
    assert model.inputs == read_model(CARE).inputs


def test_the_best_weights_are_taken_and_the_others_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", CONFIG, "weights_last.h5")
    assert choose_weights(read_model(folder)).file.source == "weights_last.h5"
    write(folder, CONFIG, "weights_best.h5")
    write(folder, CONFIG, "another.h5")
    model = read_model(folder)
    assert choose_weights(model).file.source == "weights_best.h5"
    assert "Of its weights weights_best.h5 are used, not weights_last.h5, another.h5." in said(model)


def test_a_single_file_of_weights_may_have_any_name(tmp_path: Path) -> None:
    model = read_model(write(tmp_path / "m", CONFIG, "mine.HDF5"))
    assert choose_weights(model).file.source == "mine.HDF5"


def test_the_record_of_a_result_has_the_hash_of_the_weights_that_made_it(tmp_path: Path) -> None:
    result = ijbridge.predict(CARE, IMAGE, axes="yx")
    assert not isinstance(result, dict)
    expected = hashlib.sha256((CARE / "weights_best.h5").read_bytes()).hexdigest()
    assert result.attrs["provenance"]["weights"] == {"format": "keras_hdf5", "sha256": expected}


def test_a_folder_without_weights_can_be_inspected_and_says_what_is_missing(tmp_path: Path) -> None:
    model = read_model(write(tmp_path / "m", CONFIG, None))
    with pytest.raises(CannotRunError, match=r"keras_hdf5 \(missing: weights_best.h5\): put the file 'weights_best.h5' into"):
        choose_weights(model)


def test_a_model_whose_files_change_is_read_again(tmp_path: Path) -> None:
    from ijbridge.loaded import LoadedModel

    folder = write(tmp_path / "m", CONFIG)
    model = LoadedModel(folder)
    assert not model.has_changed()
    write(folder, {**CONFIG, "comment": "another"}, None)
    assert model.has_changed()


def test_a_config_of_something_else_beside_other_weights_is_no_model(tmp_path: Path) -> None:
    """Transformers have a config.json and an .h5 file too."""
    folder = write(tmp_path / "m", {"model_type": "bert", "hidden_size": 768}, "tf_model.h5")
    with pytest.raises(NotAModelError):
        read_model(folder)


@pytest.mark.parametrize("content", [b"{}", b'{"model_type": "bert", "axes": "YX"}', b"[1, 2]", b"not JSON"])
def test_a_config_of_something_else_is_no_model(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotAModelError, match="is not a model that ijbridge reads: there is no"):
        read_model(write(tmp_path / "m", content, None))


def test_a_folder_of_several_models_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "models" / name, CONFIG)
    with pytest.raises(NotAModelError, match=r"holds several models \(a/config.json, b/config.json\): give the folder"):
        read_model(tmp_path / "models")


# --- broken folders --------------------------------------------------------------------------------------------------

Row = tuple[str, Any, list[str]]

BROKEN: list[Row] = [
    ("axes", 5, ["`axes` is 5", "a text"]),
    ("axes", None, ["`axes` is None", "a text"]),
    ("axes", "Y", ["`axes` is 'Y'", "with Y and X among them"]),
    ("axes", "CYX", ["`axes` is 'CYX'", "C at the end"]),
    ("axes", "SYXC", ["`axes` is 'SYXC'"]),
    ("axes", "YYXC", ["`axes` is 'YYXC'"]),
    ("axes", "TZYXC", ["`axes` is 'TZYXC'", "two or three"]),
    ("axes", "ZYXC", ["`n_dim` is 2, but `axes` are ZYXC"]),
    ("n_dim", 3, ["`n_dim` is 3, but `axes` are YXC"]),
    ("n_dim", "2", ["`n_dim` is '2'", "a whole number"]),
    ("n_channel_in", 0, ["`n_channel_in` is 0", "a whole number from 1"]),
    ("n_channel_in", None, ["`n_channel_in` is None", "a whole number"]),
    ("n_channel_in", True, ["`n_channel_in` is True"]),
    ("n_channel_in", 1.5, ["`n_channel_in` is 1.5"]),
    ("n_channel_in", 10**30, ["`n_channel_in` is 1000", "to 65536"]),
    ("n_channel_in", 2, ["`unet_residual` is true", "takes 2 channels and gives 1"]),
    ("n_channel_out", "1", ["`n_channel_out` is '1'"]),
    ("probabilistic", "yes", ["`probabilistic` is 'yes'", "true or false"]),
    ("probabilistic", None, ["`probabilistic` is None"]),
    ("unet_residual", 1, ["`unet_residual` is 1", "true or false"]),
    ("unet_n_depth", 0, ["`unet_n_depth` is 0", "a whole number from 1 to 10"]),
    ("unet_n_depth", 60, ["`unet_n_depth` is 60"]),
    ("unet_n_depth", None, ["`unet_n_depth` is None"]),
    ("unet_kern_size", 4, ["`unet_kern_size` is 4", "an odd number"]),
    ("unet_kern_size", [3, 3], ["`unet_kern_size` is [3, 3]"]),
    ("unet_n_first", "8", ["`unet_n_first` is '8'"]),
    ("unet_last_activation", "tanh", ["`unet_last_activation` is 'tanh'", "linear, relu"]),
    ("unet_last_activation", None, ["`unet_last_activation` is None", "linear, relu"]),
    ("unet_input_shape", [None, None, 3], ["`unet_input_shape` is [None, None, 3]", "of 1 for the channels"]),
    ("unet_input_shape", [None, 1], ["`unet_input_shape` is [None, 1]", "a list of 2 sizes"]),
    ("unet_input_shape", [62, None, 1], ["`unet_input_shape` is [62, None, 1]", "multiples of 4"]),
    ("unet_input_shape", ["a", None, 1], ["`unet_input_shape`", "whole numbers", "it has 'a'"]),
    ("unet_input_shape", "any", ["`unet_input_shape` is 'any'", "a list"]),
    ("unet_batch_norm", True, ["`unet_batch_norm` says something of the network that csbdeep does not know"]),
    ("resnet_n_blocks", 4, ["`resnet_n_blocks` says something of the network"]),
    ("proj_axis", "Z", ["`proj_axis` says that this is a model of ProjectionCARE", "does not run"]),
    ("n2v_perc_pix", 1.5, ["`n2v_perc_pix` says that this is a model of Noise2Void"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "words"), BROKEN, ids=lambda one: str(one)[:30])
def test_a_broken_config_is_refused_in_one_sentence(tmp_path: Path, path: str, value: Any, words: list[str]) -> None:
    with pytest.raises(DescriptionError) as refused:
        read(tmp_path / "m", path, value)
    check_refusal(refused.value, "config.json: ", *words)


@pytest.mark.parametrize("content", ["", "{", '{"axes": "YXC"', "[]", "null", "5", "\x00\x01", '{"a":' * 9000, b"\xff\xfe{"])
def test_a_config_that_is_no_mapping_in_json_is_refused_beside_weights(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_model(write(tmp_path / "m", content))
    check_refusal(refused.value, "config.json")


def test_several_files_of_weights_of_other_names_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", CONFIG, "a.h5")
    write(folder, CONFIG, "b.h5")
    with pytest.raises(DescriptionError) as refused:
        read_model(folder)
    check_refusal(refused.value, "several files of weights (a.h5, b.h5)", "neither weights_best.h5 nor weights_last.h5")


CONTRADICTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"unet_n_first": 16}, ["has a kernel of 5 x 5 x 1 x 8 for the layer 'down_level_0_no_0', instead of 5 x 5 x 1 x 16"]),
    ({"unet_kern_size": 3}, ["kernel of 5 x 5 x 1 x 8", "instead of 3 x 3 x 1 x 8"]),
    ({"unet_n_depth": 3}, ["has no weights for the layer 'down_level_2_no_0'"]),
    ({"unet_n_depth": 1}, ["a kernel of", "'middle_0'"]),
    ({"n_channel_in": 2, "unet_residual": False, "unet_input_shape": [None, None, 2]}, ["instead of 5 x 5 x 2 x 8"]),
    ({"n_channel_out": 3, "unet_residual": False}, ["a kernel of 1 x 1 x 8 x 1", "instead of 1 x 1 x 8 x 3"]),
    ({"probabilistic": True}, ["has fewer layers of the kind Conv2D"]),
]


@pytest.mark.parametrize(("change", "words"), CONTRADICTIONS, ids=str)
def test_weights_of_another_network_than_the_config_says_are_refused(
    tmp_path: Path, change: dict[str, Any], words: list[str]
) -> None:
    folder = write(tmp_path / "m", {**CONFIG, **change})
    image = np.zeros((40, 40, change.get("n_channel_in", 1)), np.uint8)
    with pytest.raises(DescriptionError) as refused:
        ijbridge.plan(folder, image, axes="yxc")
    check_refusal(refused.value, "weights_best.h5 do not belong to the network that is described", *words)


def test_weights_that_are_left_over_are_refused(tmp_path: Path) -> None:
    """A probabilistic network has a layer more than the same that is not."""
    source = FOLDER / "care-2d-probabilistic"
    config = {**json.loads((source / "config.json").read_text()), "probabilistic": False}
    with pytest.raises(DescriptionError, match="has weights for the layer 'conv2d_1', which the network lacks"):
        ijbridge.plan(write(tmp_path / "m", config, source=source), IMAGE, axes="yx")


# --- exports ---------------------------------------------------------------------------------------------------------


def unpacked(folder: Path, change: Callable[[dict[str, Any]], object] = lambda meta: None) -> Path:
    """Unpack an export, with its meta.json changed."""
    with zipfile.ZipFile(EXPORT) as archive:
        archive.extractall(folder)
    meta = json.loads((folder / "meta.json").read_text())
    change(meta)
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def test_an_export_is_read_with_the_channels_that_its_network_states(tmp_path: Path) -> None:
    for path, name in ((EXPORT, "TF_SavedModel"), (unpacked(tmp_path / "export"), "export")):
        model = read_model(path)
        assert (model.format, model.format_version, model.name) == ("CSBDeep", "0.8.2", name)
        assert [(axis.id, axis.size) for axis in model.inputs[0].axes[1:]] == [
            ("y", SteppedSize(4, 4)), ("x", SteppedSize(4, 4)), ("channel", FixedSize(1)),
        ]  # fmt: skip
        assert [one.id for one in model.outputs] == ["mean", "scale"]
        assert [(axis.id, axis.halo) for axis in model.outputs[0].axes] == [("batch", 0), ("y", 22), ("x", 22), ("channel", 0)]
        weights = choose_weights(model)
        assert (weights.format, weights.file.source) == ("tensorflow_saved_model_bundle", "saved_model.pb")
        assert weights.joined == (("mean", 1), ("scale", 1))


BROKEN_META: list[Row] = [
    ("type", REMOVED, ["`type` is missing"]),
    ("axes", "YX", ["`axes` is 'YX'", "C at the end"]),
    ("axes", None, ["`axes` is None"]),
    ("axes", "ZYXC", ["`axes_div_by` is [4, 4, 1]", "a list of 4 whole numbers"]),
    ("axes_div_by", [4, 4], ["`axes_div_by` is [4, 4]", "a list of 3"]),
    ("axes_div_by", [4, 0, 1], ["`axes_div_by` is [4, 0, 1]", "from 1"]),
    ("axes_div_by", None, ["`axes_div_by` is None", "a list"]),
    ("tile_overlap", [22, -1, 0], ["`tile_overlap` is [22, -1, 0]", "from 0"]),
    ("tile_overlap", ["a", 22, 0], ["`tile_overlap`"]),
    ("probabilistic", REMOVED, ["`probabilistic` is missing", "true or false"]),
    ("probabilistic", "no", ["`probabilistic` is 'no'"]),
]


@pytest.mark.parametrize(("path", "value", "words"), BROKEN_META, ids=lambda one: str(one)[:30])
def test_a_broken_export_is_refused_in_one_sentence(tmp_path: Path, path: str, value: Any, words: list[str]) -> None:
    def change(meta: dict[str, Any]) -> None:
        meta.pop(path) if value is REMOVED else meta.update({path: value})

    with pytest.raises(DescriptionError) as refused:
        read_model(unpacked(tmp_path / "m", change))
    check_refusal(refused.value, "meta.json: ", *words)


def test_an_export_whose_meta_contradicts_its_network_is_refused(tmp_path: Path) -> None:
    def change(meta: dict[str, Any]) -> None:
        meta.update(axes="ZYXC", axes_div_by=[4, 4, 4, 1], tile_overlap=[22, 22, 22, 0])

    with pytest.raises(DescriptionError) as refused:
        read_model(unpacked(tmp_path / "m", change))
    check_refusal(refused.value, "`axes` are ZYXC", "has the shape any x any x any x 1")


@pytest.mark.parametrize("kind", ["IsotropicCARE", "UpsamplingCARE", "ProjectionCARE", "MyCARE"])
def test_an_export_of_another_class_is_shown_and_refused_by_name(tmp_path: Path, kind: str) -> None:
    model = read_model(unpacked(tmp_path / "m", lambda meta: meta.update(type=kind)))
    with pytest.raises(CannotRunError, match=f"The operation '{kind}' of the tensor 'input' cannot be run: "):
        ijbridge.plan(model, IMAGE, axes="yx")


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\xff" * 100])
def test_a_damaged_saved_model_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    folder = unpacked(tmp_path / "m")
    file = folder / "saved_model.pb"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(IJBridgeError) as refused:
        read_model(folder)
    check_refusal(refused.value, "saved_model.pb")
