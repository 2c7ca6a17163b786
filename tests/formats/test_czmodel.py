"""ZEISS' older .czmodel and .czseg: written by ZEISS' own package, run as onnxruntime runs them, refused where broken."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ijbridge
from commandline import Run, pixels
from descriptions import check_refusal, said
from ijbridge.describing import description_text
from ijbridge.errors import CannotRunError, DescriptionError, IJBridgeError, PackageError
from ijbridge.formats import read_model
from zeiss_models import CLASSES, channels_last, raw_values, write_czmodel

SIZE = (32, 48)


def results(path: Path, image: Any, **options: Any) -> dict[str, Any]:
    found = ijbridge.predict(path, image, **options)
    assert isinstance(found, dict)
    return {name: np.asarray(one) for name, one in found.items()}


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    return write_czmodel(tmp_path / "grey", channels_last(size=SIZE), "Gray16", "ConvertToMonochrome")


@pytest.fixture
def colour(tmp_path: Path) -> Path:
    return write_czmodel(tmp_path / "colour", channels_last(3, size=SIZE), "Bgr24", "SplitRgb")


def rewritten(path: Path, edit: Callable[[Any], Any]) -> Path:
    """Write a model's zip anew: ``edit`` changes its XML, or gives other bytes for it."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    root = fromstring(entries["1234.xml"])
    given = edit(root)
    entries["1234.xml"] = given if isinstance(given, bytes) else tostring(root)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def test_a_model_is_read_with_all_that_it_states(grey: Path) -> None:
    model = read_model(grey)
    assert (model.format, model.format_version, model.name) == ("ZEISS czmodel", "3.1.0", "Cell Finder")
    assert model.config["czmodel"]["ColorHandling"] == "ConvertToMonochrome"
    labels = model.outputs[0]
    assert labels.value_names == dict(enumerate(CLASSES, start=1))
    assert [axis.halo for axis in labels.axes] == [0, 6, 6, 0]
    assert model.inputs[0].assumed.id == "divisor-assumed"  # type: ignore[union-attr]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_labels_and_confidence_are_those_of_onnxruntime(grey: Path, dtype: str) -> None:
    top = np.iinfo(dtype).max
    image = (pixels(*SIZE) / 200 * top).astype(dtype)
    values = raw_values(grey.parent, (image / np.float64(top)).astype(np.float32)[..., None])
    found = results(grey, image)
    np.testing.assert_array_equal(found["labels"], values.argmax(-1) + 1)
    np.testing.assert_array_equal(found["confidence"], values.max(-1))
    rejected = results(grey, image, min_confidence=40)["labels"]
    np.testing.assert_array_equal(rejected, np.where(values.max(-1) < np.float32(0.4), 0, values.argmax(-1) + 1))


def test_an_image_larger_than_the_network_is_run_in_tiles(grey: Path) -> None:
    image = pixels(90, 100, dtype="uint16")
    assert results(grey, image)["labels"].shape == (90, 100)


def test_a_colour_network_is_given_blue_green_and_red(colour: Path, run: Run) -> None:
    image = pixels(3, *SIZE, dtype="uint8")
    values = raw_values(colour.parent, (np.moveaxis(image[::-1], 0, -1) / 255).astype(np.float32))
    for options in ({}, {"normalize": "divide 255"}):
        found = results(colour, image, axes="cyx", **options)
        np.testing.assert_array_equal(found["confidence"], values.max(-1))
    assert "takes blue, green and red" in run("inspect", colour)[1]


def test_several_grey_channels_stay_in_their_order(tmp_path: Path) -> None:
    path = write_czmodel(tmp_path / "m", channels_last(2, size=SIZE), ["Gray8", "Gray8"], "SplitRgb")
    image = pixels(2, *SIZE, dtype="uint8")
    values = raw_values(path.parent, (np.moveaxis(image, 0, -1) / 255).astype(np.float32))
    np.testing.assert_array_equal(results(path, image, axes="cyx")["confidence"], values.max(-1))


def test_a_colour_model_that_is_made_grey_says_so(tmp_path: Path) -> None:
    path = write_czmodel(tmp_path / "m", channels_last(size=SIZE), "Bgr24", "ConvertToMonochrome")
    assert any("makes colour images grey" in note for note in said(read_model(path)))
    assert results(path, pixels(3, *SIZE, dtype="uint8"), axes="cyx", channel=2)["labels"].shape == SIZE


def test_labels_are_the_values_that_the_classes_have(grey: Path) -> None:
    image = pixels(*SIZE, dtype="uint16")
    before = results(grey, image)["labels"]
    values = (7, 2, 300)

    def edit(root: Element) -> None:
        for item, value in zip(root.findall("TrainingClasses/Item"), values, strict=True):
            item.set("LabelValue", str(value))

    found = results(rewritten(grey, edit), image)["labels"]
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, np.array([0, *values])[before])


def test_what_zen_does_after_the_network_is_warned_of(grey: Path) -> None:
    rewritten(grey, lambda root: setattr(root.find("Postprocessing"), "text", "FullyConnectedCrf"))
    (warning,) = [one for one in ijbridge.plan(grey, pixels(*SIZE)).findings if one.severity == "warning"]
    assert warning.sentence.startswith(
        "ZEN processes the model's result further (FullyConnectedCrf), which ijbridge does not do"
    )


def test_a_model_of_features_that_zen_computes_is_shown_and_refused(grey: Path, run: Run) -> None:
    rewritten(grey, lambda root: setattr(root.find("FeatureExtractor"), "text", "BasicFeatures25"))
    assert run("inspect", grey)[0] == 0
    with pytest.raises(CannotRunError) as caught:
        ijbridge.predict(grey, pixels(*SIZE))
    check_refusal(caught.value, "'BasicFeatures25'", "ZEN computes", "networks only")


def text(path: str, value: str | None) -> Callable[[Element], None]:
    def edit(root: Element) -> None:
        found = root.find(path)
        assert found is not None
        if value is None:
            root.remove(found)
        else:
            found.text = value

    return edit


def attribute(path: str, name: str, value: str) -> Callable[[Element], None]:
    return lambda root: root.findall(path)[0].set(name, value)


def another_channel(root: Element) -> None:
    for channels in root.findall("Channels"):
        channels.extend(root.findall("Channels/Item"))


def one_class_less(root: Element) -> None:
    for classes in root.findall("TrainingClasses"):
        classes.remove(classes[0])


def twice(tag: str) -> Callable[[Element], None]:
    return lambda root: setattr(SubElement(root, tag), "text", "1")


BROKEN: list[tuple[Callable[[Element], Any], list[str]]] = [
    (lambda _: b"", ["broken XML"]),
    (lambda _: b"<Model>", ["broken XML", "line 1"]),
    (lambda _: b"<Model></Model>", ["<TrainingClasses> has 0 entries", "at least two classes"]),
    (lambda _: b"<Network/>", ["the document is a <Network>", "<Model>"]),
    (lambda _: b'<!DOCTYPE x [<!ENTITY a "b">]><Model>&a;</Model>', ["document type or entities"]),
    (lambda _: b'<?xml version="1.0" encoding="nonsense"?><Model/>', ["encoding"]),
    (text("BorderSize", "x"), ["<BorderSize> is 'x'", "whole number of at least 0"]),
    (text("BorderSize", "-1"), ["<BorderSize> is '-1'"]),
    (text("BorderSize", "2.5"), ["<BorderSize> is '2.5'"]),
    (twice("BorderSize"), ["<BorderSize> is there 2 times"]),
    (text("ColorHandling", "Split"), ["<ColorHandling> is 'Split'", "ConvertToMonochrome or SplitRgb"]),
    (text("Channels", None), ["PixelType of <Channels> is missing", "Gray8, Gray16"]),
    (attribute("Channels/Item", "PixelType", "Gray12"), ["PixelType of <Channels> is 'Gray12'"]),
    (attribute("Channels/Item", "PixelType", "Bgr192ComplexFloat"), ["complex numbers"]),
    (text("TrainingClasses", None), ["<TrainingClasses> has 0 entries"]),
    (attribute("TrainingClasses/Item", "LabelValue", "2"), ["LabelValue of a class is '2'", "no other class"]),
    (attribute("TrainingClasses/Item", "LabelValue", "0"), ["LabelValue of a class is '0'", "from 1 to 65535"]),
    (attribute("TrainingClasses/Item", "LabelValue", "70000"), ["LabelValue of a class is '70000'"]),
    (attribute("TrainingClasses/Item", "LabelValue", "one"), ["LabelValue of a class is 'one'"]),
    (another_channel,
     ["<Channels> says ? x ? x 2, but 'raw' of the network is 1 x 32 x 48 x 1", "do not belong together"]),
    (one_class_less,
     ["<TrainingClasses> says ? x ? x 2, but 'values' of the network is", "do not belong together"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "words"), BROKEN)
def test_a_broken_description_is_refused_naming_the_element(grey: Path, edit: Callable[[Any], Any], words: list[str]) -> None:
    with pytest.raises(DescriptionError) as caught:
        read_model(rewritten(grey, edit))
    check_refusal(caught.value, "1234.xml", *words)


def test_weights_that_are_missing_are_refused(grey: Path) -> None:
    with zipfile.ZipFile(grey) as archive:
        description = archive.read("1234.xml")
    with zipfile.ZipFile(grey, "w") as archive:
        archive.writestr("1234.xml", description)
    with pytest.raises(PackageError, match=r"The network of model\.czmodel is missing: .*'1234\.model'"):
        read_model(grey)


def test_a_czseg_and_an_unpacked_folder_are_told_by_their_content(grey: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(grey) as archive:
        archive.extractall(tmp_path / "folder")
    for path in (grey.rename(tmp_path / "model.czseg"), tmp_path / "folder", tmp_path / "folder" / "1234.xml"):
        assert results(path, pixels(*SIZE))["labels"].shape == SIZE


with TemporaryDirectory() as _folder:
    _path = write_czmodel(Path(_folder), channels_last(size=SIZE), "Gray16", "ConvertToMonochrome")
    with zipfile.ZipFile(_path) as _archive:
        ENTRIES = {name: _archive.read(name) for name in _archive.namelist()}

_TEXTS = st.sampled_from(["", "null", "x", "0", "-1", "3", "9" * 40, "Bgr24", "SplitRgb", "µ", "a\nb", "true"])


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_description_with_any_node_changed_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    root = fromstring(ENTRIES["1234.xml"])
    parents = {child: parent for parent in root.iter() for child in parent}
    node = data.draw(st.sampled_from(sorted(parents, key=lambda one: one.tag)))
    match data.draw(st.sampled_from(["removed", "twice", "text", "attribute", "tag"])):
        case "removed":
            parents[node].remove(node)
        case "twice":
            parents[node].append(node)
        case "text":
            node.text = data.draw(_TEXTS)
        case "attribute":
            node.set(data.draw(st.sampled_from(["PixelType", "LabelValue", "Name"])), data.draw(_TEXTS))
        case "tag":
            node.tag = data.draw(st.sampled_from(["Item", "Channels", "BorderSize", "Other"]))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.czmodel"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**ENTRIES, "1234.xml": tostring(root)}.items():
                archive.writestr(name, content)
        try:
            assert description_text(read_model(path))
        except IJBridgeError as error:
            check_refusal(error)
