"""What a converted package holds, what is made for it, and what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

import ijbridge
from builders import Network, channel, described, one_conv, sha256, space, write_model
from commandline import edit, network_gives, pixels
from converted import check_package, check_same, files_of, results
from descriptions import REMOVED, check_refusal
from ijbridge.conversion import convert
from ijbridge.errors import CannotRunError, ConversionError
from ijbridge.formats import read_model
from specification import LEAVES_FILES_OPEN

pytestmark = LEAVES_FILES_OPEN


def test_the_same_model_gives_the_same_bytes_of_folder_and_zip(little_model: Path, tmp_path: Path) -> None:
    edit(little_model, "inputs.0.test_tensor", REMOVED)
    for name in ("one", "two", "one.zip", "two.zip"):
        convert(little_model, tmp_path / name)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_package_that_is_converted_again_is_the_same(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), halo=1, post=[{"id": "sigmoid"}])
    edit(model, "inputs.0.axes.2.description", "d" * 200)
    convert(model, tmp_path / "one")
    convert(tmp_path / "one", tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_the_network_is_not_changed(little_model: Path, tmp_path: Path) -> None:
    convert(little_model, tmp_path / "package")
    assert sha256(tmp_path / "package" / "weights.onnx") == sha256(little_model / "weights.onnx")


def test_the_models_own_test_tensors_are_kept(little_model: Path, tmp_path: Path) -> None:
    report = convert(little_model, tmp_path / "package")
    assert not [one for one in report.made if one.endswith(".npy")]
    for ours, theirs in (("test_raw.npy", "test_input.npy"), ("test_out.npy", "test_output.npy")):
        assert sha256(tmp_path / "package" / ours) == sha256(little_model / theirs)


def test_test_tensors_are_made_where_there_are_none(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), halo=1)
    report = convert(model, tmp_path / "package")
    assert report.made == ("test_raw.npy", "test_out.npy", "cover.png")
    given, made = (np.load(tmp_path / "package" / f"test_{name}.npy") for name in ("raw", "out"))
    assert given.shape == made.shape == (1, 1, 128, 128)
    np.testing.assert_array_equal(made[0, 0], network_gives(model, given[0, 0]))


def test_test_tensors_are_made_of_a_given_image(little_model: Path, tmp_path: Path) -> None:
    image = pixels(3, 300, 280, dtype="uint16")
    convert(little_model, tmp_path / "package", images=image, axes="tyx")
    given = np.load(tmp_path / "package" / "test_raw.npy")
    np.testing.assert_array_equal(given, image[None, 1:2, 22:278, 12:268])  # the middle of the second of three
    check_package(tmp_path / "package", little_model)


def test_an_image_that_is_too_small_for_a_test_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), size={"min": 64, "step": 1})
    with pytest.raises(ConversionError) as caught:
        convert(model, tmp_path / "package", images=pixels(40, 90), axes="yx")
    check_refusal(caught.value, "the axis 'y' of 'raw' of an image of 40 pixels: give a larger one")
    assert not (tmp_path / "package").exists()


def test_an_image_of_which_a_model_makes_nothing_is_refused(little_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(little_model, tmp_path / "package", images=np.zeros((64, 64), np.float32))
    check_refusal(caught.value, "all values of 'raw' are about zero", "give an image with --test-image")


def test_an_output_that_is_infinite_is_no_test_tensor(tmp_path: Path) -> None:
    net = Network(0)
    net.output(net.node("Div", [net.input("raw"), net.constant(0)], 1), "out")
    with pytest.raises(ConversionError) as caught:
        convert(write_model(tmp_path / "model", net), tmp_path / "package")
    check_refusal(caught.value, "'out' has values that are infinite or no numbers")


def test_of_a_network_that_is_0_for_positive_images_the_test_has_negative_ones(tmp_path: Path) -> None:
    net = Network(0)
    net.output(net.node("Relu", [net.node("Neg", [net.input("raw")], 1)], 1), "out")
    convert(write_model(tmp_path / "model", net), tmp_path / "package")
    assert np.load(tmp_path / "package" / "test_raw.npy").min() < 0


def test_a_model_that_does_not_reproduce_its_own_test_is_refused_unless_another_is_made(
    little_model: Path, tmp_path: Path
) -> None:
    wrong = np.load(little_model / "test_output.npy") + 1
    np.save(little_model / "test_output.npy", wrong)
    edit(little_model, "outputs.0.test_tensor.sha256", REMOVED)
    with pytest.raises(ConversionError) as caught:
        convert(little_model, tmp_path / "package")
    check_refusal(caught.value, "does not reproduce its own test tensors", "ijbridge test", "--test-image")
    convert(little_model, tmp_path / "package", images=pixels(40, 40))
    check_package(tmp_path / "package", little_model)


def test_test_tensors_of_the_models_own_that_05_does_not_allow_are_made_anew(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), size={"min": 16, "step": 16})
    given = pixels(20, 24, seed=1)  # ijbridge pads it
    padded = np.pad(given, ((0, 12), (0, 8)), mode="symmetric")
    made = network_gives(model, padded)[:20, :24]
    write_model(model, one_conv(), size={"min": 16, "step": 16}, test_input=given[None, None], test_output=made[None, None])
    assert "test_raw.npy" in convert(model, tmp_path / "package").made
    check_package(tmp_path / "package", model)


def test_documents_of_the_model_go_with_it(little_model: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (20, 10)).save(little_model / "my cover.PNG")
    (little_model / "notes").mkdir()
    (little_model / "notes" / "setup.txt").write_text("how", encoding="utf-8")
    (little_model / "LICENSE.txt").write_text("mine", encoding="utf-8")
    edit(little_model, "covers", ["my cover.PNG", "https://example.com/cover.png", "gone.png"])
    edit(little_model, "attachments", ["notes/setup.txt", {"source": "weights.bin"}])
    edit(little_model, "license", {"source": "LICENSE.txt"})
    report = convert(little_model, tmp_path / "package")
    assert report.made == ()
    assert report.left_out == ("https://example.com/cover.png", "gone.png", "weights.bin")
    after = check_package(tmp_path / "package", little_model)
    assert [cover.source for cover in after.covers] == ["my cover.PNG"]
    assert after.license == "LICENSE.txt"
    assert (tmp_path / "package" / "setup.txt").read_text(encoding="utf-8") == "how"
    assert sha256(tmp_path / "package" / "README.md") == sha256(little_model / "README.md")
    assert after.config["ijbridge"]["left_out"] == list(report.left_out)


def test_a_readme_and_a_cover_are_made_where_there_are_none(tmp_path: Path) -> None:
    import imagecodecs

    model = write_model(tmp_path / "model", one_conv(), halo=1)
    (model / "README.md").unlink()
    edit(model, "inputs.0.description", "d" * 200)
    report = convert(model, tmp_path / "package")
    assert set(report.made) == {"test_raw.npy", "test_out.npy", "README.md", "cover.png"}
    readme = (tmp_path / "package" / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Little Network\n\nA network for tests.\n\nConverted from bioimage.io 0.5.4 by ijbridge.")
    assert "- Authors: A. Tester\n- Licence: CC0-1.0\n" in readme
    assert "- `inputs[0].description`\n" in readme
    assert "a random image (seed 0)" in readme
    cover = imagecodecs.png_decode((tmp_path / "package" / "cover.png").read_bytes())
    assert cover.shape == (256, 512)
    assert np.ptp(cover[:, :256]) > 200
    assert np.ptp(cover[:, 256:]) > 200


def test_where_a_model_came_from_and_its_notes_are_kept(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), format_version="0.5.99")
    convert(model, tmp_path / "package")
    own = read_model(tmp_path / "package").config["ijbridge"]
    digest = hashlib.sha256((model / "bioimageio.yaml").read_bytes()).hexdigest()
    assert own["converted_from"] == {
        "format": "bioimage.io", "format_version": "0.5.99", "sha256": digest,
        "weights": {"format": "onnx", "sha256": sha256(model / "weights.onnx")}, "by": f"ijbridge {ijbridge.__version__}",
    }  # fmt: skip
    (note,) = read_model(tmp_path / "package").findings
    assert note.sentence.startswith("Written in bioimage.io 0.5.99, newer than")


def test_other_configuration_stays(little_model: Path, tmp_path: Path) -> None:
    config = {"deepimagej": {"allow_tiling": True}, "bioimageio": {"nickname": "x"}}
    edit(little_model, "config", config)
    convert(little_model, tmp_path / "package")
    after = check_package(tmp_path / "package", little_model)
    assert {key: after.config[key] for key in config} == config


def test_weights_that_no_package_needs_are_named(little_model: Path, tmp_path: Path) -> None:
    edit(little_model, "weights.torchscript", {"source": "weights.pt", "pytorch_version": "2.0", "parent": "onnx"})
    assert convert(little_model, tmp_path / "package").left_out == ("torchscript weights",)
    assert [one.format for one in read_model(tmp_path / "package").weights] == ["onnx"]


def test_weights_in_two_files_are_joined_into_one(little_model: Path, tmp_path: Path) -> None:
    network = onnx.load(str(little_model / "weights.onnx"))
    onnx.save_model(
        network, str(little_model / "weights.onnx"), save_as_external_data=True, location="w.data", size_threshold=0
    )
    edit(little_model, "weights.onnx.sha256", REMOVED)
    edit(little_model, "weights.onnx.external_data", {"source": "w.data"})
    convert(little_model, tmp_path / "model.zip")
    convert(little_model, tmp_path / "package")
    assert not (tmp_path / "package" / "weights.onnx.data").exists()
    check_package(tmp_path / "package", little_model)
    check_same(little_model, tmp_path / "model.zip", pixels(50, 60), tile=32)


def test_weights_too_large_for_one_file_stay_in_two_but_not_in_a_zip(
    little_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = onnx.load(str(little_model / "weights.onnx"))
    onnx.save_model(
        network, str(little_model / "weights.onnx"), save_as_external_data=True, location="w.data", size_threshold=0
    )
    edit(little_model, "weights.onnx.sha256", REMOVED)
    edit(little_model, "weights.onnx.external_data", {"source": "w.data"})
    monkeypatch.setattr("ijbridge.package_writer._ONE_FILE", 100)
    convert(little_model, tmp_path / "package")
    check_package(tmp_path / "package", little_model)
    assert len({file.stat().st_mode for file in (tmp_path / "package").iterdir()}) == 1
    check_same(little_model, tmp_path / "package", pixels(50, 60), tile=32)
    with pytest.raises(ConversionError) as caught:
        convert(little_model, tmp_path / "model.zip")
    check_refusal(caught.value, "too large for one file", "give a folder")
    assert not (tmp_path / "model.zip").exists()


def test_operators_older_than_the_specification_knows_are_refused(tmp_path: Path) -> None:
    net = one_conv()
    model = write_model(tmp_path / "model", net)
    old = onnx.load(str(model / "weights.onnx"))
    old.opset_import[0].version = 6
    onnx.save(old, str(model / "weights.onnx"))
    edit(model, "weights.onnx.sha256", REMOVED)
    with pytest.raises(ConversionError) as caught:
        convert(model, tmp_path / "package")
    check_refusal(caught.value, "is of ONNX opset 6, but bioimage.io 0.5 wants at least 7", "onnx.version_converter")


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_model_that_cannot_be_run_is_refused_by_name(little_model: Path, tmp_path: Path) -> None:
    edit(little_model, "outputs.0.postprocessing", [{"id": "cellpose_flow_dynamics", "kwargs": {}}])
    with pytest.raises(CannotRunError) as caught:
        convert(little_model, tmp_path / "package")
    check_refusal(caught.value, "cellpose_flow_dynamics")
    assert not (tmp_path / "package").exists()


def test_something_that_is_there_is_replaced_only_if_it_was_converted_and_with_overwrite(
    little_model: Path, tmp_path: Path
) -> None:
    convert(little_model, tmp_path / "package")
    with pytest.raises(ConversionError, match="is there already"):
        convert(little_model, tmp_path / "package")
    (tmp_path / "package" / "stray.txt").write_text("x", encoding="utf-8")
    convert(little_model, tmp_path / "package", overwrite=True)
    assert not (tmp_path / "package" / "stray.txt").exists()
    before = files_of(little_model)
    for target in (little_model, tmp_path):
        with pytest.raises(ConversionError, match="not replaced even with --overwrite"):
            convert(little_model, target, overwrite=True)
    assert files_of(little_model) == before


@pytest.mark.parametrize("place", ["", "new", "notes/new", "new.zip"])
def test_a_place_inside_the_model_is_refused(little_model: Path, tmp_path: Path, place: str) -> None:
    convert(little_model, tmp_path / "package")  # so that it may be replaced
    (tmp_path / "package" / "notes").mkdir()
    with pytest.raises(ConversionError) as caught:
        convert(tmp_path / "package", tmp_path / "package" / place, overwrite=True)
    check_refusal(caught.value, "is part of the model that is to be converted", "choose a place outside")


def test_a_zip_is_converted_beside_itself_but_not_over_itself(little_model: Path, tmp_path: Path) -> None:
    convert(little_model, tmp_path / "model.zip")
    convert(tmp_path / "model.zip", tmp_path / "other.zip")
    with pytest.raises(ConversionError, match="is part of the model"):
        convert(tmp_path / "model.zip", tmp_path / "model.zip", overwrite=True)


def test_nothing_that_lies_outside_the_model_goes_into_the_package(little_model: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("secret", encoding="utf-8")
    (little_model / "link.md").symlink_to(secret)
    edit(little_model, "attachments", ["../secret.md", str(secret), "link.md", "https://example.com/a.md"])
    edit(little_model, "covers", ["../secret.md", "link.md"])
    edit(little_model, "documentation", "link.md")
    edit(little_model, "license", {"source": "../secret.md"})
    edit(little_model, "outputs.0.sample_tensor", {"source": "../secret.md"})
    report = convert(little_model, tmp_path / "package")
    assert set(report.left_out) == {"../secret.md", str(secret), "link.md", "https://example.com/a.md"}
    check_package(tmp_path / "package", little_model)
    for data in files_of(tmp_path / "package").values():
        assert b"secret" not in data.replace(b"secret.md", b"")


@pytest.mark.parametrize("name", ["rdf.yaml", "BIOIMAGEIO.yaml", "other.bioimageio.yaml", "weights.onnx", "Weights.ONNX.data"])
def test_a_document_with_the_name_of_a_file_of_the_package_gets_another(little_model: Path, tmp_path: Path, name: str) -> None:
    (little_model / "notes").mkdir()
    (little_model / "notes" / name).write_text("mine", encoding="utf-8")
    edit(little_model, "attachments", [f"notes/{name}"])
    convert(little_model, tmp_path / "package")
    check_package(tmp_path / "package", little_model)
    assert [file for file, data in files_of(tmp_path / "package").items() if data == b"mine"] != [name]


@pytest.mark.parametrize(
    ("shape", "suffix", "is_sample"),
    [((20, 30), ".png", True), ((20, 30, 3), ".png", True), ((20, 30), ".tif", True), ((7,), ".tif", False)],
)
def test_a_sample_stays_one_where_its_dimensions_allow_it(
    little_model: Path, tmp_path: Path, shape: tuple[int, ...], suffix: str, is_sample: bool
) -> None:
    import imagecodecs
    import tifffile

    array = np.zeros(shape, np.uint8)
    file = little_model / f"sample{suffix}"
    file.write_bytes(imagecodecs.png_encode(array)) if suffix == ".png" else tifffile.imwrite(file, array)
    edit(little_model, "inputs.0.sample_tensor", {"source": file.name})
    convert(little_model, tmp_path / "package")
    after = check_package(tmp_path / "package", little_model)
    assert (after.inputs[0].sample_tensor is not None) == is_sample
    assert (tmp_path / "package" / file.name).exists()


def test_a_package_whose_05_field_is_changed_by_hand_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), size=64, halo=1)
    outputs = [described("out", channel("p0"), space("y", 64), space("x", 64))]
    model = write_model(tmp_path / "model", one_conv(), size=64, outputs=outputs)
    edit(model, "inputs.0.axes.2.description", "d" * 200)
    convert(model, tmp_path / "package")
    edit(tmp_path / "package", "inputs.0.axes.2.description", "rows")
    with pytest.raises(ijbridge.IJBridgeError) as caught:
        read_model(tmp_path / "package")
    check_refusal(caught.value, "it was changed since")


def test_a_report_says_all_that_became_of_a_model(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", one_conv(), halo=1)
    edit(model, "inputs.0.axes.2.description", "d" * 200)
    report = convert(model, tmp_path / "package")
    assert report.line == (
        f"converted {model} -> {tmp_path / 'package'}; made test_raw.npy, test_out.npy, cover.png; kept in config.ijbridge "
        "inputs[0].axes[2].description"
    )
    data = json.loads(json.dumps(report.to_dict()))
    assert data["outcome"] == "converted"
    assert data["kept"] == [{"field": "inputs[0].axes[2].description", "says": "d" * 128, "meant": "d" * 200}]


def test_a_converted_model_does_without_the_one_it_was_made_of(little_model: Path, tmp_path: Path) -> None:
    convert(little_model, tmp_path / "model.zip")
    expected = network_gives(little_model, pixels(40, 50))
    shutil.rmtree(little_model)
    found = results(tmp_path / "model.zip", pixels(40, 50))["out"]
    np.testing.assert_array_equal(found.values, expected)
