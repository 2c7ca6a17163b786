"""A loaded model: read once, bound by name, kept until it is closed."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml

from builders import Network, channel, described, follows, identity, one_conv, sha256, space, subtraction, write_model
from ijbridge.errors import CannotRunError, ModelNotFoundError, NetworkError, OptionError, PackageError
from ijbridge.formats import read_model
from ijbridge.image import make_image
from ijbridge.loaded import LoadedModel, Results, verify_files
from ijbridge.options import Options

FREE = {"min": 1, "step": 1}
ANY = [channel("c"), space("y", FREE), space("x", FREE)]
OUT = [channel("c"), follows("y"), follows("x")]


def run(model: LoadedModel, **images: Any) -> Results:
    return model.run({name: make_image(image, "yx") for name, image in images.items()}, Options.read())


@pytest.mark.parametrize("inputs", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("outputs", [("y", "z"), ("z", "y")])
def test_tensors_are_bound_by_name_in_whatever_order(tmp_path: Path, inputs: tuple[str, str], outputs: tuple[str, str]) -> None:
    with LoadedModel(subtraction(tmp_path / "m", inputs, outputs)) as model:
        found = run(model, a=np.full((4, 5), 7, np.float32), b=np.full((4, 5), 2, np.float32))
    assert tuple(found.images) == outputs
    assert found.images["z"].array.max() == 5
    assert found.images["y"].array.max() == -5


@pytest.mark.parametrize(("inputs", "outputs"), [(("a", "c"), ("z", "y")), (("a", "b"), ("z", "w"))])
def test_several_tensors_of_other_names_than_the_networks_are_refused(
    tmp_path: Path, inputs: tuple[str, str], outputs: tuple[str, str]
) -> None:
    model = LoadedModel(subtraction(tmp_path / "m", inputs, outputs))
    with pytest.raises(CannotRunError, match="they are matched by name, so the description has to use the network's names"):
        run(model, **dict.fromkeys(inputs, np.zeros((4, 5), np.float32)))


def test_a_single_tensor_may_have_another_name_than_in_the_network(tmp_path: Path) -> None:
    net = Network()
    net.output(net.input("input_1"), "Identity:0")
    path = write_model(tmp_path / "m", net, inputs=[described("raw", *ANY)], outputs=[described("out", *OUT)])
    image = np.ones((4, 5), np.float32)
    np.testing.assert_array_equal(run(LoadedModel(path), raw=image).images["out"].array, image)


def typed(folder: Path, network: str, described_as: str, *pre: Any) -> Path:
    return write_model(
        folder / "m",
        identity(dtype=network),
        inputs=[described("raw", *ANY, dtype=described_as, preprocessing=list(pre))],
        outputs=[described("out", *OUT, dtype=network)],
    )


@pytest.mark.parametrize(
    ("network", "described_as"), [("uint8", "float32"), ("float32", "float64"), ("float16", "float32"), ("float32", "int32")]
)
def test_a_network_whose_type_would_lose_values_is_refused(tmp_path: Path, network: str, described_as: str) -> None:
    with pytest.raises(CannotRunError, match=f"takes {network} for 'raw', but its description gives it {described_as}, of"):
        LoadedModel(typed(tmp_path, network, described_as)).plan({"raw": make_image(np.ones((4, 5)), "yx").header}, Options())


@pytest.mark.parametrize(("network", "described_as"), [("float32", "uint8"), ("float64", "float32"), ("float32", "float16")])
def test_a_network_whose_type_loses_nothing_gets_the_values_in_it(tmp_path: Path, network: str, described_as: str) -> None:
    image = np.arange(20, dtype=np.uint8).reshape(4, 5)
    found = run(LoadedModel(typed(tmp_path, network, described_as)), raw=image).images["out"].array
    assert found.dtype == network
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("network", ["uint8", "float16", "float32"])
def test_a_mask_is_given_in_the_type_that_the_network_takes(tmp_path: Path, network: str) -> None:
    image = np.arange(20, dtype=np.uint8).reshape(4, 5)
    model = typed(tmp_path, network, "float32", {"id": "binarize", "kwargs": {"threshold": 7}})
    np.testing.assert_array_equal(run(LoadedModel(model), raw=image).images["out"].array, image > 7)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
def test_a_network_of_any_described_type_is_run(tmp_path: Path, dtype: str) -> None:
    path = write_model(
        tmp_path / "m",
        identity(dtype=dtype),
        inputs=[described("raw", *ANY, dtype=dtype)],
        outputs=[described("out", *OUT, dtype=dtype)],
    )
    image = np.arange(20, dtype=np.uint16).reshape(4, 5)
    found = run(LoadedModel(path), raw=image).images["out"].array
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, image)


# --- files -----------------------------------------------------------------------------------------------------------


def test_nothing_at_the_path_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="There is no model at"):
        LoadedModel(tmp_path / "nothing")


def test_weights_that_are_no_network_are_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", one_conv())
    (path / "weights.onnx").write_bytes(b"no network at all")
    text = (path / "bioimageio.yaml").read_text()
    (path / "bioimageio.yaml").write_text(text.replace("sha256", "other"))
    with pytest.raises(NetworkError):
        run(LoadedModel(path), raw=np.zeros((20, 30), np.float32))


def test_weights_that_are_not_the_described_ones_are_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", one_conv(seed=1))
    one_conv(seed=2).save(path / "weights.onnx")
    with pytest.raises(
        PackageError, match=r"'weights.onnx', the onnx weights of m, .* its SHA-256 is .*, the description says"
    ):
        run(LoadedModel(path), raw=np.zeros((20, 30), np.float32))


def zipped(folder: Path) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    return target


def test_a_zip_gives_the_same_as_its_folder(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", one_conv(), halo=1)
    image = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    expected = run(LoadedModel(path), raw=image).images["out"].array
    archive = zipped(path)
    shutil.rmtree(path)
    np.testing.assert_array_equal(run(LoadedModel(archive), raw=image).images["out"].array, expected)


def test_weights_in_two_files_are_run_from_a_folder_and_refused_in_a_zip(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", one_conv(), halo=1)
    image = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    expected = run(LoadedModel(path), raw=image).images["out"].array
    file = path / "weights.onnx"
    onnx.save(onnx.load(str(file)), str(file), save_as_external_data=True, location="weights.data", size_threshold=0)
    description = yaml.safe_load((path / "bioimageio.yaml").read_text())
    description["weights"]["onnx"]["sha256"] = sha256(file)
    description["weights"]["onnx"]["external_data"] = {"source": "weights.data", "sha256": sha256(path / "weights.data")}
    (path / "bioimageio.yaml").write_text(yaml.safe_dump(description))
    np.testing.assert_array_equal(run(LoadedModel(path), raw=image).images["out"].array, expected)
    with pytest.raises(CannotRunError, match="unpack it and give the folder"):
        run(LoadedModel(zipped(path)), raw=image)


def test_files_are_held_against_their_hashes(tmp_path: Path) -> None:
    array = np.zeros((1, 1, 20, 20), np.float32)
    path = write_model(tmp_path / "m", one_conv(), test_input=array, test_output=array)
    verify_files(read_model(path))
    np.save(path / "test_output.npy", array + 1)
    with pytest.raises(
        PackageError, match=r"'test_output.npy', the test tensor of 'out' of m, is not the file that was described"
    ):
        verify_files(read_model(path))


# --- kept ------------------------------------------------------------------------------------------------------------


def test_the_network_is_loaded_once_and_again_after_closing(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m", one_conv(), halo=1)
    image = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    with LoadedModel(path) as model:
        first = run(model, raw=image).images["out"].array
        hidden = path.rename(tmp_path / "hidden")
        np.testing.assert_array_equal(run(model, raw=image).images["out"].array, first)
    with pytest.raises(ModelNotFoundError):
        run(model, raw=image)
    hidden.rename(path)
    np.testing.assert_array_equal(run(model, raw=image).images["out"].array, first)


def test_a_plan_needs_no_session_and_the_run_is_of_that_plan(tmp_path: Path) -> None:
    model = LoadedModel(write_model(tmp_path / "m", one_conv(), halo=1))
    image = make_image(np.zeros((300, 200), np.float32), "yx")
    plan = model.plan({"raw": image.header}, Options.read(tile=64))
    found = model.run({"raw": image}, Options.read(tile=64))
    assert found.record["network_runs"] == plan.tile_count == 20
    assert found.images["out"].header == plan.outputs[0].result


# --- which image is for which input --------------------------------------------------------------------------------------


def test_a_plan_is_made_once_for_the_same_question_and_anew_for_another(tmp_path: Path) -> None:
    with LoadedModel(write_model(tmp_path / "m", one_conv(), halo=1)) as model:
        small, large = (model.images(np.zeros(shape, np.float32))["raw"].header for shape in ((40, 50), (400, 50)))
        first = model.plan({"raw": small}, Options.read(memory="1GB"))
        assert model.plan({"raw": small}, Options.read(memory="1GB")) is first
        for header, options in (
            (large, {"memory": "1GB"}),
            (small, {"memory": "2GB"}),
            (small, {"tile": "32", "memory": "1GB"}),
        ):
            assert model.plan({"raw": header}, Options.read(**options)) != first
        again = model.plan({"raw": small}, Options.read(memory="1GB"))
        assert again == first


def test_one_image_is_for_the_only_input(tmp_path: Path) -> None:
    model = LoadedModel(write_model(tmp_path / "m", one_conv()))
    assert list(model.images(np.zeros((4, 5)))) == ["raw"]
    assert model.images({"raw": np.zeros((4, 5))})["raw"].header.axes == "yx"


def test_several_inputs_need_an_image_each_by_name(tmp_path: Path) -> None:
    model = LoadedModel(subtraction(tmp_path / "m", ("a", "b")))
    with pytest.raises(OptionError, match=r"has 2 inputs \(a, b\): give an image for each, by name"):
        model.images(np.zeros((4, 5)))


def test_an_input_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    model = LoadedModel(write_model(tmp_path / "m", one_conv()))
    with pytest.raises(OptionError, match="'Little Network' has no input 'image': its inputs are raw"):
        model.images({"image": np.zeros((4, 5))})
