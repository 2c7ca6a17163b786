"""DeepImageJ 1: config.xml as it is found in the wild, an ONNX network beside it, its macros listed and never run."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import SubElement

import numpy as np
import onnxruntime as ort
import pytest

import ijbridge
from builders import Network, one_conv, sha256, subtraction
from commandline import Run, pixels
from deepimagej_models import DIVIDE, channels_last, folder_of, several, text
from descriptions import check_refusal, said
from ijbridge.describing import description_text
from ijbridge.description import Benchmark, FixedSize, FreeSize, Padding, SteppedSize
from ijbridge.errors import CannotRunError, DescriptionError, NetworkError, PackageError
from ijbridge.formats import read_model

# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_configuration_is_read_with_all_that_it_states(tmp_path: Path, run: Run) -> None:
    path = folder_of(tmp_path / "m")
    model = read_model(path)
    assert (model.format, model.format_version, model.name, model.version) == ("DeepImageJ", "1", "Cell Finder", "1.0")
    assert (model.authors[0].name, model.cite[0].text, model.description) == ("A. Tester", "Nobody 2019", "Somebody, Somewhere")
    assert model.documentation is not None
    assert model.documentation.source == "https://example.org/cells"
    assert model.benchmark == Benchmark("348x260", "348x260", "269.0 Mb", "11.5 s")
    (given,), (output,) = model.inputs, model.outputs
    assert [axis.letter for axis in given.axes] == ["b", "y", "x", "c"]
    assert [axis.size for axis in given.axes] == [FreeSize(), SteppedSize(4, 4), SteppedSize(4, 4), FixedSize(1)]
    assert {axis.id: (axis.pixel_size, axis.unit) for axis in given.axes[1:3]} == {
        "y": (0.5, "micrometer"),
        "x": (0.65, "micrometer"),
    }
    assert (given.padding, output.id, [axis.halo for axis in output.axes]) == (Padding("reflect"), "values", [0, 5, 5, 0])
    (weights,) = model.weights
    assert (weights.format, weights.file.source, weights.available) == (
        "tensorflow_saved_model_bundle",
        "saved_model.pb",
        False,
    )
    assert weights.details == {"tag": "serve", "signature": "serving_default"}
    assert model.config["deepimagej"]["ModelCharacteristics"]["Padding"] == "5"
    status, out, _ = run("inspect", path)
    assert status == 0
    assert "measured     348x260 to 348x260, memory 269.0 Mb, 11.5 s" in out


def test_a_fixed_patch_is_the_only_size_and_fixed_dimensions_are_too(tmp_path: Path) -> None:
    fixed = read_model(folder_of(tmp_path / "patch", text("FixedPatch", "true")))
    assert [axis.size for axis in fixed.inputs[0].axes[1:3]] == [FixedSize(48), FixedSize(48)]
    dimensions = read_model(folder_of(tmp_path / "dimensions", text("InputTensorDimensions", ",-1,48,48,1,")))
    assert [axis.size for axis in dimensions.inputs[0].axes[1:3]] == [FixedSize(48), FixedSize(48)]


def test_what_is_missing_or_null_is_what_deepimagej_takes(tmp_path: Path) -> None:
    for value in (None, "null", "", "n/a"):
        tags = (
            "PatchSize",
            "MinimumSize",
            "Padding",
            "FixedPatch",
            "FixedPadding",
            "Channels",
            "InputTensorDimensions",
            "ModelTag",
        )
        more = ("PreprocessingFile", "PostprocessingFile", "PixelSize", "Name", "Author", "URL", "Reference", "NumberOfInputs")
        model = read_model(
            folder_of(tmp_path / str(value) / "my model", several(*(text(tag, value) for tag in (*tags, *more))))
        )
        assert [axis.size for axis in model.inputs[0].axes] == [FreeSize(), SteppedSize(1, 1), SteppedSize(1, 1), FreeSize()]
        assert (model.name, model.authors, model.cite, model.macros) == ("my model", (), (), ())
        assert all(axis.halo == 0 for axis in model.outputs[0].axes)
    bare = b"<Model><ModelCharacteristics><InputNames0>a</InputNames0><InputOrganization0>HW</InputOrganization0>"
    bare += b"<OutputNames0>b</OutputNames0><OutputOrganization0>HW</OutputOrganization0></ModelCharacteristics></Model>"
    assert read_model(folder_of(tmp_path / "bare", lambda _: bare)).name == "bare"


def test_outputs_are_counted_by_their_names(tmp_path: Path) -> None:
    more = several(text("OutputNames1", "other"), text("OutputOrganization1", "NC"))
    model = read_model(folder_of(tmp_path / "m", more))
    assert [one.id for one in model.outputs] == ["values", "other"]
    assert [axis.letter for axis in model.outputs[1].axes] == ["b", "c"]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("0.16µmx0.16µm", (0.16, 0.16)), ("1.60E-04cmx1.60E-04cm", (1.6, 1.6)), ("1,60E-04 cm x 1,60E-04 cm", (1.6, 1.6)),
        ("1.0pixelsx1.0pixels", None), ("1.00pixel x 1.00pixel", None), ("null", None), ("0.5 µm", (None, 0.5)), ("tall", None),
        ("0µmx0µm", None), ("2µmx60µm", None), ("9.658E-4µmx9.658E-4µm", (0.0009658, 0.0009658)),
    ],
)  # fmt: skip
def test_pixel_sizes_are_texts_of_several_kinds(tmp_path: Path, stated: str, expected: Any) -> None:
    model = read_model(folder_of(tmp_path / "m", text("PixelSize", stated)))
    found = tuple(axis.pixel_size and round(axis.pixel_size, 9) for axis in model.inputs[0].axes[1:3])
    assert found == (expected or (None, None))
    assert any("contradicts itself" in note for note in said(model)) is (stated == "2µmx60µm")


def test_a_volume_has_a_depth(tmp_path: Path) -> None:
    deep = several(
        text("InputOrganization0", "NDHWC"),
        text("OutputOrganization0", "NDHWC"),
        text("InputTensorDimensions", ",-1,8,48,48,1,"),
    )
    model = read_model(folder_of(tmp_path / "m", deep))
    assert [(axis.letter, axis.size) for axis in model.inputs[0].axes[1:4]] == [
        ("z", FixedSize(8)),
        ("y", FixedSize(48)),
        ("x", FixedSize(48)),
    ]
    assert [axis.halo for axis in model.outputs[0].axes] == [0, 0, 5, 5, 0]


# --- the network beside it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", ["whole", 24])
def test_an_onnx_network_beside_it_gives_what_onnxruntime_gives(tmp_path: Path, tile: Any) -> None:
    path, image = folder_of(tmp_path / "m", network=channels_last()), pixels(60, 72)
    (expected,) = ort.InferenceSession(str(path / "network.onnx")).run(None, {"raw": image[None, ..., None]})
    found = np.asarray(ijbridge.predict(path, image, tile=tile, normalize="none"))
    np.testing.assert_array_equal(found, np.moveaxis(expected[0], -1, 0))


def test_the_border_is_mirrored_without_repeating_its_edge(tmp_path: Path) -> None:
    path, image = folder_of(tmp_path / "m", text("FixedPatch", "true"), channels_last(size=48)), pixels(30, 40)
    padded = np.pad(image, ((0, 18), (0, 8)), mode="reflect")
    (expected,) = ort.InferenceSession(str(path / "network.onnx")).run(None, {"raw": padded[None, ..., None]})
    found = np.asarray(ijbridge.predict(path, image))
    np.testing.assert_array_equal(found, np.moveaxis(expected[0], -1, 0)[:, :30, :40])


def test_a_single_tensor_may_have_another_name_than_in_the_network(tmp_path: Path) -> None:
    named = several(text("InputNames0", "input"), text("OutputNames0", "output"))
    path, image = folder_of(tmp_path / "m", named, channels_last()), pixels(20, 24)
    expected = ijbridge.predict(folder_of(tmp_path / "n", network=channels_last()), image)
    np.testing.assert_array_equal(np.asarray(ijbridge.predict(path, image)), np.asarray(expected))


def test_a_zip_and_the_configuration_itself_are_read_too(tmp_path: Path) -> None:
    folder, image = folder_of(tmp_path / "m", network=channels_last()), pixels(20, 24)
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        for file in folder.iterdir():
            archive.writestr(f"Cell Finder\\{file.name}", file.read_bytes())
    expected = np.asarray(ijbridge.predict(folder, image))
    for path in (tmp_path / "windows.zip", folder / "config.xml"):
        np.testing.assert_array_equal(np.asarray(ijbridge.predict(path, image)), expected)


@pytest.mark.parametrize(
    ("files", "formats"),
    [
        (["saved_model.pb", "variables/variables.index"], "saved_model.pb is not a SavedModel of TensorFlow"),
        (["model.pt"], "model.pt of 'Cell Finder' are no TorchScript"),
        (["weights_best.h5"], "weights_best.h5 are not an HDF5 file"),
        (["saved_model_bundle.zip"], "saved_model_bundle.zip is not a zip"), ([], "(missing: saved_model.pb)"),
    ],
)  # fmt: skip
def test_weights_that_are_damaged_or_not_run_are_named_in_one_sentence(tmp_path: Path, files: list[str], formats: str) -> None:
    path = folder_of(tmp_path / "m")
    for name in files:
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"x")
    assert description_text(read_model(path))
    with pytest.raises((CannotRunError, DescriptionError, NetworkError, PackageError)) as caught:
        ijbridge.predict(path, pixels(20, 24))
    check_refusal(caught.value, formats)


@pytest.mark.parametrize(
    ("edit", "network", "words"),
    [
        (None, channels_last(3), ["'raw' is described as ? x ? x ? x 1 (byxc), but 'raw' of the network beside it is"]),
        (text("FixedPatch", "true"), channels_last(size=64), ["described as ? x 48 x 48 x 1 (byxc)", "is ? x 64 x 64 x 1"]),
        (text("InputOrganization0", "NCHW"), channels_last(), ["<InputTensorDimensions>", "has"]),
        (several(text("InputTensorDimensions", None), text("InputOrganization0", "HWC")), channels_last(), ["? x ? x ? x 1"]),
        (text("OutputOrganization0", "HW"), channels_last(), ["the output 'values' is described as ? x ? (yx)"]),
        (text("OutputNames1", "other"), None, ["OutputOrganization1> is missing"]),
        (several(text("OutputNames1", "other"), text("OutputOrganization1", "NHWC")), channels_last(),
         ["its outputs are values, other, but those of the network beside it are values"]),
    ],
)  # fmt: skip
def test_a_network_that_contradicts_the_configuration_is_refused_naming_both(
    tmp_path: Path, edit: Any, network: Network | None, words: list[str]
) -> None:
    with pytest.raises(DescriptionError) as caught:
        read_model(folder_of(tmp_path / "m", edit, network))
    check_refusal(caught.value, "config.xml: ", *words)


def test_several_inputs_are_bound_by_name(tmp_path: Path) -> None:
    two = several(
        text("InputTensorDimensions", None), text("NumberOfInputs", "2"), text("InputNames0", "a"), text("InputNames1", "b"),
        text("OutputNames0", "z"), text("OutputNames1", "y"),
        *(text(f"{side}Organization{number}", "NCHW") for side in ("Input", "Output") for number in (0, 1)),
    )  # fmt: skip
    path = folder_of(tmp_path / "m", two)
    (path / "network.onnx").write_bytes((subtraction(tmp_path / "s", ["a", "b"]) / "weights.onnx").read_bytes())
    found = ijbridge.predict(path, {"a": np.full((8, 8), 9, np.float32), "b": np.full((8, 8), 2, np.float32)})
    assert isinstance(found, dict)
    assert float(found["z"].max()) == 7


def test_several_networks_are_not_chosen_between(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "m", network=channels_last())
    one_conv().save(path / "other.onnx")
    with pytest.raises(DescriptionError, match=r"several ONNX networks lie beside it \(network\.onnx, other\.onnx\)"):
        read_model(path)


# --- macros ----------------------------------------------------------------------------------------------------------


def test_macros_are_listed_with_their_first_comment_and_hash_and_not_run(tmp_path: Path, run: Run) -> None:
    path = folder_of(
        tmp_path / "m", network=channels_last(),
        macros={"preprocessing.txt": DIVIDE, "postprocessing.txt": "/* Makes a mask\n of it */ setThreshold(1, 2);",
                "postprocessing_other.ijm": 'print("nothing");'},
    )  # fmt: skip
    model = read_model(path)
    assert [(one.when, one.source, one.comment, one.is_empty) for one in model.macros] == [
        ("before", "preprocessing.txt", "Scales to 0 to 1", False),
        ("after", "postprocessing.txt", "Makes a mask", False),
        ("after", "postprocessing_other.ijm", "", True),
    ]
    assert model.macros[0].sha256 == sha256(path / "preprocessing.txt")
    out = run("inspect", path)[1]
    digest = sha256(path / "preprocessing.txt")[:12]
    assert f"before       preprocessing.txt (ImageJ macro, SHA-256 {digest}...), not run: Scales to 0 to 1" in out
    assert "does nothing to the image), not run" in out
    image = pixels(20, 24)
    warnings = [one.sentence for one in ijbridge.plan(path, image).findings if one.severity == "warning"]
    assert [
        one
        for one in warnings
        if "for before its network (preprocessing.txt) is not run, so pixels are given as they are" in one
    ]
    assert [one for one in warnings if "for after its network (postprocessing.txt) is not run" in one]


def test_what_a_plain_macro_does_is_done_natively_when_it_is_asked_for(tmp_path: Path) -> None:
    only_before = text("PostprocessingFile", "null")
    path = folder_of(tmp_path / "m", only_before, channels_last(), {"preprocessing.txt": DIVIDE})
    image = pixels(20, 24)
    (warning,) = [one for one in ijbridge.plan(path, image).findings if one.id == "macro-not-run"]
    assert "normalize=divide,255 does what its text says" in warning.sentence
    divided = np.asarray(ijbridge.predict(path, image, normalize="divide,255"))
    np.testing.assert_array_equal(divided, np.asarray(ijbridge.predict(path, (image / np.float64(255)).astype(np.float32))))
    assert not [one for one in ijbridge.plan(path, image, normalize="divide,255").findings if one.id == "macro-not-run"]
    assert not np.array_equal(divided, np.asarray(ijbridge.predict(path, image)))


def test_a_folder_without_macros_is_no_reason_to_warn(tmp_path: Path) -> None:
    for macros in ({}, {"preprocessing.txt": '// Preprocessing macro\nprint("Preprocessing");\n\n'}):
        gone = several(*(text(tag, "null") for tag in ("PostprocessingFile",) + (() if macros else ("PreprocessingFile",))))
        path = folder_of(tmp_path / str(len(macros)), gone, channels_last(), macros)
        assert [one.id for one in ijbridge.plan(path, pixels(20, 24)).findings if one.severity == "warning"] == [
            "pixel-size-missing"
        ] * 2


def test_a_macro_outside_the_folder_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("// secret")
    path = folder_of(tmp_path / "m", text("PreprocessingFile", "../secret.txt"))
    assert [(one.source, one.comment, one.sha256) for one in read_model(path).macros if one.when == "before"] == [
        ("../secret.txt", "", None)
    ]


def test_several_macros_may_be_named(tmp_path: Path) -> None:
    path = folder_of(
        tmp_path / "m", text("PreprocessingFile", "[a.ijm, b.ijm]"), macros={"a.ijm": "run('a');", "b.ijm": "run('b');"}
    )
    assert [one.source for one in read_model(path).macros if one.when == "before"] == ["a.ijm", "b.ijm"]
    twice = folder_of(tmp_path / "n", lambda root: setattr(SubElement(root[-1], "PreprocessingFile"), "text", "c.ijm"))
    assert [one.source for one in read_model(twice).macros if one.when == "before"] == ["preprocessing.txt", "c.ijm"]
