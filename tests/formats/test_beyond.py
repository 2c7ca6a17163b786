"""What 0.5 has no field for: kept in ``config.ijbridge``, put back when read, and refused where it does not belong."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from descriptions import changed, check_refusal, read, v04, v05
from ijbridge.description import FixedSize, ModelDescription, Padding, Tensor
from ijbridge.errors import IJBridgeError
from ijbridge.findings import noted
from ijbridge.formats.beyond import OF_THE_PACKAGE, differences, entries, kept_findings
from ijbridge.operations import FixedZeroMeanUnitVariance, ScaleLinear, Sigmoid


def keeping(*kept: Any, **own: Any) -> dict[str, Any]:
    """Give a 0.5 description with these entries in ``config.ijbridge``."""
    return v05(config={"ijbridge": {"beyond": list(kept), **own}})


def entry(field: str, says: Any, meant: Any) -> dict[str, Any]:
    return {"field": field, "says": says, "meant": meant}


def test_every_field_is_either_the_models_or_named_as_the_packages() -> None:
    # a new field of the description has to be given a place here: kept by a conversion, or the package's own
    models = {one.name for one in fields(ModelDescription)} - OF_THE_PACKAGE[ModelDescription]
    assert models == {
        "name", "inputs", "outputs", "description", "authors", "packaged_by", "maintainers", "cite", "license", "version",
        "tags", "timestamp", "git_repo", "training_data", "other", "macros", "benchmark", "whole_because", "objects",
    }  # fmt: skip
    assert {one.name for one in fields(Tensor)} - OF_THE_PACKAGE[Tensor] == {
        "id", "axes", "dtype", "description", "value_range", "value_unit", "values", "operations", "optional", "padding",
        "value_names", "source", "assumed",
    }  # fmt: skip


def test_a_description_differs_from_itself_nowhere(tmp_path: Path) -> None:
    for described in (v04(), v05()):
        model = read(tmp_path, described)
        assert differences(model, replace(model, location="/elsewhere", digest="f" * 64, findings=(noted("note"),))) == []


def test_each_field_that_differs_is_one_entry_with_what_both_say(tmp_path: Path) -> None:
    model = read(tmp_path, v05())
    raw, mask = model.inputs
    out = model.outputs[0]
    x = replace(out.axes[3], halo=3, size=FixedSize(64))
    meant = replace(
        model,
        inputs=(replace(raw, padding=Padding("reflect")), mask),
        outputs=(replace(out, axes=(*out.axes[:3], x), operations=(Sigmoid(),)),),
        tags=("a",),
    )
    assert entries(differences(meant, model)) == [
        entry("inputs[0].padding.mode", "symmetric", "reflect"),
        entry(
            "outputs[0].axes[3].size",
            {"type": "ReferencedSize", "tensor": "raw", "axis": "x", "ratio": "1/2"},
            {"type": "FixedSize", "size": 64},
        ),
        entry("outputs[0].axes[3].halo", 8, 3),
        entry(
            "outputs[0].operations", [{"type": "Sigmoid"}, {"type": "EnsureDtype", "dtype": "float32"}], [{"type": "Sigmoid"}]
        ),
        entry("tags", [], ["a"]),
    ]


def test_what_was_kept_is_put_back(tmp_path: Path) -> None:
    plain = read(tmp_path, v05())
    raw = plain.inputs[0]
    scaled = (*raw.operations[:1], ScaleLinear((2.0,), (1.0,)), FixedZeroMeanUnitVariance((0.0,), (1.0,), eps=0.5))
    meant = replace(plain, inputs=(replace(raw, operations=scaled, padding=Padding("constant", 7.0)), plain.inputs[1]))
    kept = entries(differences(meant, plain))
    back = read(tmp_path, keeping(*kept, findings=kept_findings([noted("the divisor is assumed")])))
    assert differences(meant, back) == []
    assert back.inputs == meant.inputs
    assert back.findings == (noted("the divisor is assumed"),)


def test_a_field_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    halo = entry("outputs[0].axes[2].halo", 8, 9)
    assert read(tmp_path, keeping(halo)).outputs[0].axes[2].halo == 9
    with pytest.raises(IJBridgeError) as caught:
        read(tmp_path, changed(keeping(halo), "outputs.0.axes.2.halo", 16))
    check_refusal(
        caught.value,
        "`config.ijbridge.beyond[0]` keeps what outputs[0].axes[2].halo means",
        "says 8, but it says 16",
        "changed",
    )


@pytest.mark.parametrize(
    "field",
    [
        "", ".", "colour", "inputs", "inputs[0]", "inputs[2].dtype", "inputs[0].axes[9].halo", "inputs[0].axes[-1].halo",
        "name.x", "inputs.dtype", "inputs[0].axes[0].size.step", "inputs[0]..dtype", "inputs[0] .dtype", "inputs[1000000].id",
        "__class__", "inputs[0].__dict__", "inputs[0].dtype.upper", "location", "digest", "weights", "config", "findings",
        "documentation", "inputs[0].test_tensor", "inputs[0].test_tensor.source",
    ],
)  # fmt: skip
def test_a_field_that_is_none_or_the_packages_own_is_refused(tmp_path: Path, field: str) -> None:
    with pytest.raises(IJBridgeError) as caught:
        read(tmp_path, keeping(entry(field, None, None)))
    check_refusal(caught.value, "bioimageio.yaml")


@pytest.mark.parametrize(
    ("field", "says", "meant", "said"),
    [
        ("inputs[0].dtype", "float32", "object", "the tensor 'raw' is of type 'object'"),
        ("inputs[0].dtype", "float32", 8, "`config.ijbridge.beyond[0].meant` is 8, but must be a text"),
        ("inputs[0].axes", "?", [], "keeps what inputs[0].axes means where the description says '?'"),
        ("inputs[0].axes[2].letter", "y", "q", "the axis 'y' of 'raw' is the image's axis 'q'"),
        ("inputs[0].axes[2].letter", "y", "x", "the tensor 'raw' has two axes that are the same axis of an image (b, c, x, x)"),
        ("inputs[0].axes[2].pixel_size", 0.5, 0.0, "has a pixel size of 0.0, but must have one of 1e-50 to 1e+50"),
        ("inputs[0].axes[2].size.min", 64, 0, "the axis 'y' of 'raw' has 0 elements, but must have 1 to"),
        ("inputs[0].axes[2].size.step", 16, 0, "grows by 0 elements"),
        ("outputs[0].axes[2].halo", 8, -8, "has a halo of -8"),
        ("outputs[0].axes[2].size.ratio", "1/2", "0", "is more than 1000000000 times as long, or as short, as another axis"),
        ("outputs[0].axes[2].size.offset", "0", "9" * 30, "elements longer, or shorter, than another axis"),
        ("outputs[0].axes[2].size.tensor", "raw", "none", "refers to the axis 'y' of 'none', which is not there"),
        ("outputs[0].id", "prob", "raw", "two tensors are named 'raw'"),
        ("inputs[0].padding", {}, {"mode": "constant", "value": float("inf")}, "is padded with inf"),
        ("inputs[0].operations[1].axes", ["y", "x"], ["q"], "names the axis 'q', but the tensor has batch, channel, y, x"),
        ("inputs[0].operations[1].eps", 1e-5, -1.0, "has the eps -1.0, but must have at least 0"),
        ("inputs[0].operations[1].eps", 1e-5, float("nan"), "has the eps nan, but must have numbers"),
        ("inputs[0].operations[0].dtype", "float32", "text", "casts to 'text'"),
        (
            "outputs[0].operations",
            [{"type": "Sigmoid"}, {"type": "EnsureDtype", "dtype": "float32"}],
            [{"type": "ScaleRange", "min_percentile": 50.0, "max_percentile": 50.0}],
            "has the percentiles 50.0 to 50.0",
        ),
        (
            "outputs[0].operations",
            [{"type": "Sigmoid"}, {"type": "EnsureDtype", "dtype": "float32"}],
            [{"type": "Binarize", "threshold": []}],
            "the operation binarize of 'prob' has no threshold",
        ),
        (
            "outputs[0].operations",
            [{"type": "Sigmoid"}, {"type": "EnsureDtype", "dtype": "float32"}],
            [{"type": "ScaleMeanVariance", "reference": "prob"}],
            "refers to the tensor 'prob', which is none of the inputs",
        ),
    ],
)
def test_a_value_that_no_model_can_have_is_refused(tmp_path: Path, field: str, says: Any, meant: Any, said: str) -> None:
    with pytest.raises(IJBridgeError) as caught:
        read(tmp_path, keeping(entry(field, says, meant)))
    check_refusal(caught.value, said)


@pytest.mark.parametrize(
    "own",
    [
        "text", [], {"beyond": {}}, {"beyond": ["x"]}, {"beyond": [{}]}, {"beyond": [{"field": 3}]}, {"findings": "x"},
        {"findings": ["x"]}, {"findings": [{"id": "x", "severity": "harm", "found": "y"}]}, {"converted_from": 3}, 0,
    ],
)  # fmt: skip
def test_a_config_of_another_form_is_refused_in_a_sentence_or_passed_over(tmp_path: Path, own: Any) -> None:
    try:
        model = read(tmp_path, v05(config={"ijbridge": own}))
    except IJBridgeError as error:
        check_refusal(error, "bioimageio.yaml")
    else:
        assert model.inputs == read(tmp_path, v05()).inputs
