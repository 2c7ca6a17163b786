"""Descriptions as bioimage.io 0.5 says them: accepted by the specification, and read back as they were meant."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

from builders import channel, described, follows, space
from descriptions import read, v04, v05
from ijbridge.description import (
    Axis,
    Citation,
    FileRef,
    FixedSize,
    FreeSize,
    ModelDescription,
    Padding,
    Person,
    ReferencedSize,
    SteppedSize,
    Tensor,
    Tolerance,
)
from ijbridge.errors import DescriptionError
from ijbridge.formats import read_model
from ijbridge.formats.beyond import Difference, differences, entries
from ijbridge.formats.bioimageio_writer import Files, plainly, said_in_05
from ijbridge.formats.yaml12 import dump_yaml
from ijbridge.operations import Clip, EnsureDtype
from ijbridge.testing import tolerance_for
from random_descriptions import descriptions
from specification import LEAVES_FILES_OPEN, complaints

pytestmark = LEAVES_FILES_OPEN


def shapes(model: ModelDescription) -> dict[str, tuple[int, ...]]:
    """Give the smallest shape of every tensor."""
    sizes = {(tensor.id, axis.id): axis.size for tensor in (*model.inputs, *model.outputs) for axis in tensor.axes}

    def smallest(key: tuple[str, str]) -> int:
        match sizes[key]:
            case FixedSize(n) | SteppedSize(n) | FreeSize(n):
                return n
            case ReferencedSize(tensor, axis) as size:
                return max(1, size.of(smallest((tensor, axis))))

    return {
        tensor.id: tuple(smallest((tensor.id, axis.id)) for axis in tensor.axes) for tensor in (*model.inputs, *model.outputs)
    }


def files(model: ModelDescription, largest: float = 1.0) -> Files:
    """Give files of which only the names are known."""
    tensors = (*model.inputs, *model.outputs)
    return Files(
        weights=FileRef("weights.onnx"),
        opset_version=17,
        tests={tensor.id: FileRef(f"test_{number}.npy") for number, tensor in enumerate(tensors)},
        shapes=shapes(model),
        largest={tensor.id: largest for tensor in tensors},
        tolerances={tensor.id: tolerance_for(model, tensor, np.empty(0, tensor.dtype)) for tensor in model.outputs},
        documentation=FileRef("README.md"),
        covers=[FileRef("cover.png")],
    )


def said(model: ModelDescription, **how: Any) -> dict[str, Any]:
    """Give what 0.5 says of a model that takes its inputs in the types that are described."""
    plain = plainly(model, {tensor.id: tensor.dtype for tensor in model.inputs})
    return said_in_05(plain, files(plain, **how))


def there_and_back(folder: Path, model: ModelDescription) -> tuple[list[Difference], ModelDescription]:
    """Write a description, and read it; give what was kept, and what was read."""
    plain, document = plainly(model, {tensor.id: tensor.dtype for tensor in model.inputs}), said(model)
    folder.mkdir(exist_ok=True)
    file = folder / "bioimageio.yaml"
    file.write_bytes(dump_yaml(document))
    assert complaints(file, look_at_files=False) == []
    kept = differences(plain, plainly(read_model(file), {}))
    document.setdefault("config", {})["ijbridge"] = {"beyond": entries(kept)}
    file.write_bytes(dump_yaml(document))
    back = read_model(file)
    assert differences(plain, plainly(back, {})) == []
    return kept, back


@settings(derandomize=True, max_examples=80, deadline=None)
@given(descriptions())
def test_any_description_is_said_validly_and_read_back_as_it_was_meant(
    tmp_path_factory: pytest.TempPathFactory, model: ModelDescription
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    try:
        there_and_back(folder, model)
    except DescriptionError as error:
        # a halo that leaves nothing of a fixed size is refused by the reader, whoever wrote it
        assume("leaves nothing" in str(error))


def test_a_description_of_05_is_said_as_it_was(tmp_path: Path) -> None:
    described = v05()
    for axis in described["inputs"][0]["axes"][2:]:
        del axis["unit"]  # the specification wants it of those that follow, too
    kept, back = there_and_back(tmp_path, read(tmp_path / "given", described))
    assert kept == []
    assert back.inputs[0].axes == read(tmp_path / "given", described).inputs[0].axes


def test_of_04_only_names_of_channels_are_wanting(tmp_path: Path) -> None:
    kept, back = there_and_back(tmp_path, read(tmp_path / "given", v04()))
    assert [one.field for one in kept] == ["inputs[0].axes[1].channel_names", "outputs[0].axes[1].channel_names"]
    assert back.inputs[0].axes[1].channel_names == ()
    document = said(read(tmp_path / "given", v04()))
    assert document["outputs"][0]["axes"][2] == {
        "type": "space", "id": "y", "scale": 2.0, "size": {"tensor_id": "raw", "axis_id": "y"}, "halo": 8,
    }  # fmt: skip


def model_of(*axes: Axis, outputs: tuple[Axis, ...] = (), **more: Any) -> ModelDescription:
    """Give a description of one input with these axes, and one output."""
    return ModelDescription(
        format="Any", format_version="1", name="A model", location="/nowhere", digest="0" * 64, weights=(),
        inputs=(Tensor("raw", axes, "float32", **more),), outputs=(Tensor("out", outputs or axes, "float32"),),
    )  # fmt: skip


def axis(letter: str, size: Any, **more: Any) -> Axis:
    return Axis(letter, "space", size, letter, **more)


def following(letter: str, ratio: Any = 1, offset: Any = 0, **more: Any) -> Axis:
    return axis(letter, ReferencedSize("raw", letter, Fraction(ratio), Fraction(offset)), **more)


@pytest.mark.parametrize("ratio", ["1/2", "2", "3/2", "2/3", "1/3", "5/7"])
def test_ratios_are_said_by_scales_that_leave_no_remainder(tmp_path: Path, ratio: str) -> None:
    size = Fraction(ratio).denominator * 16
    model = model_of(axis("y", SteppedSize(size, size)), outputs=(following("y", ratio), axis("x", following("y").size)))
    kept, _ = there_and_back(tmp_path, model)
    assert not [one for one in kept if "size" in one.field]


def test_ratios_that_floats_do_not_hold_are_kept(tmp_path: Path) -> None:
    sizes = [ReferencedSize("raw", "y", Fraction(10**59 + n, 10**59 + n - 1)) for n in range(1, 8)]
    axes = [Axis(f"axis{n}", "space", size) for n, size in enumerate(sizes)]
    kept, back = there_and_back(tmp_path, model_of(axis("y", SteppedSize(64, 32)), outputs=tuple(axes)))
    assert len([one for one in kept if one.field.startswith("outputs[0].axes")]) >= 7
    assert [one.size for one in back.outputs[0].axes] == sizes


def test_pixel_sizes_say_ratios_too(tmp_path: Path) -> None:
    raw = axis("y", SteppedSize(64, 32), unit="µm", pixel_size=0.107)
    out = following("y", 2, unit="µm", pixel_size=0.0535)
    kept, back = there_and_back(tmp_path, model_of(raw, outputs=(out,)))
    assert [one.field for one in kept] == ["inputs[0].axes[0].unit", "outputs[0].axes[0].unit"]  # spelled another way
    assert back.inputs[0].axes[0].unit == "µm"
    stated = said(model_of(raw, outputs=(out,)))
    assert [stated[side][0]["axes"][0][key] for side in ("inputs", "outputs") for key in ("scale", "unit")] == [
        0.107, "micrometer", 0.0535, "micrometer",
    ]  # fmt: skip


def test_a_pixel_size_that_contradicts_the_ratio_is_kept(tmp_path: Path) -> None:
    raw = axis("y", SteppedSize(64, 32), unit="micrometer", pixel_size=0.1)
    kept, back = there_and_back(tmp_path, model_of(raw, outputs=(following("y", unit="micrometer", pixel_size=0.3),)))
    assert [(one.field, one.says, one.meant) for one in kept] == [("outputs[0].axes[0].pixel_size", 0.1, 0.3)]
    assert back.outputs[0].axes[0].pixel_size == 0.3


def test_a_halo_beside_a_fixed_size_is_said_beside_a_reference(tmp_path: Path) -> None:
    model = model_of(axis("y", FixedSize(64)), outputs=(axis("y", FixedSize(32), halo=8),))
    document = said(model)
    assert document["outputs"][0]["axes"][0] == {
        "type": "space", "id": "y", "scale": 2.0, "size": {"tensor_id": "raw", "axis_id": "y"}, "halo": 8,
    }  # fmt: skip
    kept, back = there_and_back(tmp_path, model)
    assert [one.field for one in kept] == ["outputs[0].axes[0].size"]
    assert back.outputs[0].axes == model.outputs[0].axes


def test_beside_a_large_halo_the_least_size_grows_as_far_as_the_test_tensors_let_it() -> None:
    model = model_of(axis("y", SteppedSize(16, 8)), outputs=(following("y", halo=20),))
    for size, least, halo in ((48, 48, 20), (40, 16, None)):
        shaped = replace(files(model), shapes={"raw": (size,), "out": (size,)})
        document = said_in_05(model, shaped)
        assert document["inputs"][0]["axes"][0]["size"] == {"min": least, "step": 8}
        assert document["outputs"][0]["axes"][0].get("halo") == halo


def test_a_halo_is_said_larger_where_it_is_not_whole_in_the_input(tmp_path: Path) -> None:
    model = model_of(axis("y", SteppedSize(64, 32)), outputs=(following("y", 3, halo=7),))
    assert said(model)["outputs"][0]["axes"][0]["halo"] == 9
    kept, back = there_and_back(tmp_path, model)
    assert [(one.field, one.says, one.meant) for one in kept] == [("outputs[0].axes[0].halo", 9, 7)]
    assert back.outputs[0].axes[0].halo == 7


def test_a_reference_over_others_is_said_as_one(tmp_path: Path) -> None:
    batch: Any = {"type": "batch"}
    free = {"min": 32, "step": 4}
    inputs = [
        described("raw", channel("c"), space("y", free)),
        {"id": "half", "axes": [batch, channel("c"), follows("y", scale=2.0)], "data": {"type": "float32"}},
    ]
    outputs = [
        {"id": "out", "axes": [batch, channel("c"), follows("y", tensor="half", scale=4.0)], "data": {"type": "float32"}}
    ]
    model = read(tmp_path / "given", v05(inputs=inputs, outputs=outputs))
    document = said(model)
    assert document["outputs"][0]["axes"][2]["size"] == {"tensor_id": "raw", "axis_id": "y"}
    assert document["inputs"][0]["axes"][2].get("scale", 1.0) / document["outputs"][0]["axes"][2]["scale"] == 0.25
    there_and_back(tmp_path, model)


def test_padding_is_said_only_where_it_is_not_the_usual_one() -> None:
    model = model_of(axis("y", FixedSize(8)))
    assert "pad" not in said(model)["inputs"][0]
    for padding, pad in (
        (Padding("reflect"), {"mode": "reflect"}),
        (Padding("constant", 3.0), {"mode": "constant", "value": 3.0}),
    ):
        assert said(replace(model, inputs=(replace(model.inputs[0], padding=padding),)))["inputs"][0]["pad"] == pad


def test_an_operation_that_05_lacks_is_kept_and_no_other_stands_for_it(tmp_path: Path) -> None:
    operations = (EnsureDtype("float16"), Clip(min=0.0, min_percentile=1.0), EnsureDtype("float32"))
    model = model_of(axis("y", FixedSize(8)), operations=operations)
    assert said(model)["inputs"][0]["preprocessing"] == [{"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}]
    kept, back = there_and_back(tmp_path, model)
    assert [one.field for one in kept if one.field.startswith("inputs")] == ["inputs[0].operations"]
    assert back.inputs[0].operations == operations


def test_ids_that_are_no_identifiers_are_said_as_such(tmp_path: Path) -> None:
    axes = (Axis("Height", "space", FixedSize(8), "y"), Axis("s", "space", FixedSize(8)))
    first = Tensor("Input 1", axes, "float32", operations=(EnsureDtype("float32"),))
    model = replace(model_of(axis("y", FixedSize(8))), inputs=(first, replace(first, id="input_1")))
    document = said(model)
    assert [one["id"] for one in document["inputs"]] == ["input_1", "input_1_2"]
    assert [one["id"] for one in document["inputs"][0]["axes"]] == ["y", "s_2"]
    back = there_and_back(tmp_path, model)[1]
    assert [(one.id, [axis.id for axis in one.axes]) for one in back.inputs] == [
        ("Input 1", ["Height", "s"]), ("input_1", ["Height", "s"]),
    ]  # fmt: skip


def test_people_papers_and_licences_are_said_as_far_as_they_are_valid() -> None:
    model = replace(
        model_of(axis("y", FixedSize(8))),
        name="Ünet/",
        authors=(Person("A/B", orcid="0000-0001-6562-7187"), Person("C", orcid="0000-0001-6562-7188"), Person("")),
        maintainers=(Person("D"), Person("E", github_user="e")),
        cite=(Citation("one", "https://doi.org/10.1000/1"), Citation("two"), Citation("three", url="https://example.com/")),
        license="cc0-1.0",
        version="not a version",
        git_repo="example.com",
        timestamp="yesterday",
    )
    document = said(model)
    assert document["name"] == "model net"
    assert document["authors"] == [{"name": "A B", "orcid": "0000-0001-6562-7187"}, {"name": "C"}]
    assert document["maintainers"] == [{"name": "E", "github_user": "e"}]
    assert document["cite"] == [{"text": "one", "doi": "10.1000/1"}, {"text": "three", "url": "https://example.com/"}]
    assert document["license"] == "CC0-1.0"
    assert not {"version", "git_repo", "timestamp"} & document.keys()


def test_nothing_is_made_up_for_a_model_that_states_nothing() -> None:
    document = said(model_of(axis("y", FixedSize(8))))
    assert not {"authors", "license", "cite", "timestamp", "version", "tags", "config"} & document.keys()


@pytest.mark.parametrize(
    ("tolerances", "largest", "stated"),
    [
        ((), 1.0, None),
        ((), 0.05, [(1e-3, 0.05 * 0.0099, 100)]),
        ((), -1.0, []),
        ((Tolerance(1e-4, 1e-5),), 1.0, [(1e-4, 1e-5, 100)]),
        ((Tolerance(0.5, 1.0, 1e6),), 1.0, [(0.01, 0.0099, 30000)]),
        ((Tolerance(1e-4, output_ids=("none",)), Tolerance(5e-4, 1e-3)), 1.0, [(5e-4, 1e-3, 100)]),
        ((Tolerance(1e-4, weights_formats=("torchscript",)), Tolerance(5e-4)), 1.0, [(5e-4, 1e-3, 100)]),
    ],
)
def test_tolerances_are_said_as_near_as_the_specification_allows(
    tolerances: tuple[Tolerance, ...], largest: float, stated: list[tuple[float, float, int]] | None
) -> None:
    document = said(replace(model_of(axis("y", FixedSize(8))), tolerances=tolerances), largest=largest)
    found = document.get("config", {}).get("bioimageio", {}).get("reproducibility_tolerance")
    keys = ("relative_tolerance", "absolute_tolerance", "mismatched_elements_per_million")
    expected = [{"output_ids": ["out"], **dict(zip(keys, one, strict=True))} for one in stated or ()]
    assert found == (expected if stated is not None else None)


def test_of_whole_numbers_no_difference_is_tolerated(tmp_path: Path) -> None:
    model = model_of(axis("y", FixedSize(8)))
    whole = replace(model, outputs=(replace(model.outputs[0], dtype="uint8"),), tolerances=(Tolerance(1e-3, 1e-3, 100),))
    assert said(whole)["config"]["bioimageio"]["reproducibility_tolerance"] == [
        {"output_ids": ["out"], "relative_tolerance": 0.0, "absolute_tolerance": 0.0, "mismatched_elements_per_million": 100}
    ]
    there_and_back(tmp_path, whole)


def test_of_training_data_is_said_what_every_version_says(tmp_path: Path) -> None:
    whole = {
        "format_version": "0.2.4",
        "type": "dataset",
        "name": "Some cells",
        "description": "few",
        "authors": [{"name": "A"}],
    }
    kept, _ = there_and_back(tmp_path, replace(model_of(axis("y", FixedSize(8))), training_data=whole))
    assert "training_data" not in [one.field for one in kept]
    kept, back = there_and_back(tmp_path, replace(model_of(axis("y", FixedSize(8))), training_data={**whole, "n": 12}))
    assert "training_data" in [one.field for one in kept]
    assert back.training_data == {**whole, "n": 12}
