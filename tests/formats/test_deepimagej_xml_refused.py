"""DeepImageJ 1: configurations that are broken, contradict themselves, or contradict the network beside them."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree.ElementTree import SubElement, fromstring, tostring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ijbridge
from commandline import pixels
from deepimagej_models import CONFIG, channels_last, folder_of, text
from descriptions import check_refusal
from ijbridge.describing import description_dict, description_text
from ijbridge.errors import DescriptionError, IJBridgeError
from ijbridge.formats import read_model

BROKEN: list[tuple[Any, list[str]]] = [
    (lambda _: b"<Model><ModelInformation>", ["broken XML"]),
    (lambda _: b'<!DOCTYPE x [<!ENTITY a "b">]><Model><ModelInformation/>&a;</Model>', ["document type or entities"]),
    (lambda _: b"<Model><ModelInformation/></Model>", ["<ModelCharacteristics/InputNames0> is missing", "name of an input"]),
    (text("InputNames0", None), ["<ModelCharacteristics/InputNames0> is missing"]),
    (text("InputNames0", "null"), ["InputNames0> is missing"]),
    (text("InputNames2", "c"), ["InputNames1> is missing"]),
    (text("InputOrganization0", None), ["InputOrganization0> is missing", "distinct letters of N, D, H, W and C"]),
    (text("InputOrganization0", "NHWQ"), ["InputOrganization0> is 'NHWQ'"]),
    (text("InputOrganization0", "NHHC"), ["InputOrganization0> is 'NHHC'"]),
    (text("InputOrganization0", "NC"), ["InputOrganization0> is 'NC'", "H and W among them"]),
    (text("OutputNames0", None), ["OutputNames0> is missing", "the name of an output"]),
    (text("OutputOrganization0", "null"), ["OutputOrganization0> is missing"]),
    (text("NumberOfInputs", "2"), ["<NumberOfInputs> is 2, but there are names of 1 inputs (raw)"]),
    (text("NumberOfInputs", "one"), ["NumberOfInputs> is 'one'", "a whole number of at least 1"]),
    (text("InputTensorDimensions", ",-1,256,256,"), ["InputTensorDimensions> is ',-1,256,256,'", "one size (-1: free)"]),
    (text("InputTensorDimensions", ",-1,0,256,1,"), ["InputTensorDimensions>"]),
    (text("InputTensorDimensions", ",-1,a,256,1,"), ["InputTensorDimensions>"]),
    (text("InputTensorDimensions", ",8,-1,-1,1,"), ["InputTensorDimensions> is ',8,-1,-1,1,'", "one image is given at a time"]),
    (text("InputTensorDimensions", ",-1,64,64,1,"), ["<PatchSize> is 48, but <InputTensorDimensions> has 64 along H"]),
    (text("Channels", "3"), ["<Channels> is 3, but <InputTensorDimensions> has 1 of them"]),
    (text("Channels", "0"), ["Channels> is '0'", "at least 1"]),
    (text("PatchSize", "big"), ["PatchSize> is 'big'", "a whole number of at least 1"]),
    (text("PatchSize", "50"), ["<PatchSize> is 50, but <MinimumSize> 4 does not divide it"]),
    (text("PatchSize", "8"), ["<Padding> is 5 on every side, which leaves nothing of <PatchSize> 8"]),
    (text("MinimumSize", "0"), ["MinimumSize> is '0'"]),
    (text("MinimumSize", "2.5"), ["MinimumSize> is '2.5'"]),
    (text("Padding", "-1"), ["Padding> is '-1'", "at least 0"]),
    (text("FixedPatch", "yes"), ["FixedPatch> is 'yes'", "true or false"]),
    (text("FixedPadding", "1"), ["FixedPadding> is '1'", "true or false"]),
    (lambda root: SubElement(root[-1], "Padding"), ["Padding> is there 2 times"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "words"), BROKEN)
def test_a_broken_configuration_is_refused_naming_the_element(tmp_path: Path, edit: Any, words: list[str]) -> None:
    with pytest.raises(DescriptionError) as caught:
        read_model(folder_of(tmp_path / "m", edit))
    check_refusal(caught.value, "config.xml", *words)


_TEXTS = st.sampled_from(
    [
        "",
        "null",
        "x",
        "0",
        "-1",
        "3",
        "64",
        "9" * 40,
        "NHWC",
        "NCHW",
        "HW",
        ",-1,64,64,1,",
        "true",
        "a\nb",
        "µ",
        "../x",
        "raw",
        "1µmx2µm",
    ]
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_configuration_with_any_node_changed_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    root = fromstring(CONFIG)
    parents = {child: parent for parent in root.iter() for child in parent}
    node = data.draw(st.sampled_from(sorted(parents, key=lambda one: one.tag)))
    match data.draw(st.sampled_from(["removed", "twice", "text", "tag"])):
        case "removed":
            parents[node].remove(node)
        case "twice":
            parents[node].append(node)
        case "text":
            node.text = data.draw(_TEXTS)
        case "tag":
            node.tag = data.draw(st.sampled_from(["InputNames1", "OutputNames1", "PatchSize", "ModelTest", "Other"]))
    with TemporaryDirectory() as folder:
        path = folder_of(Path(folder) / "m", lambda _: tostring(root), NETWORK if data.draw(st.booleans()) else None)
        try:
            model = read_model(path)
            assert description_text(model)
            assert json.dumps(description_dict(model))
            ijbridge.plan(path, dict.fromkeys([one.id for one in model.inputs], pixels(48, 48)))
        except IJBridgeError as error:
            check_refusal(error)


NETWORK = channels_last()
