"""Parts of a description as plain data, and what of a stranger's data is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings

from ijbridge.description import Axis, FixedSize, ModelDescription, ReferencedSize, Tensor, Tolerance
from ijbridge.formats.plain_values import MisfitError, decode, encode, hints_of, same
from ijbridge.formats.yaml12 import dump_yaml, parse_yaml
from ijbridge.operations import Clip, ScaleRange, Sigmoid, Softmax
from random_descriptions import descriptions


@settings(derandomize=True, max_examples=60, deadline=None)
@given(descriptions())
def test_any_description_comes_back_from_plain_data_that_a_yaml_file_held(meant: ModelDescription) -> None:
    plain = parse_yaml(dump_yaml(encode(meant, ModelDescription)), "x.yaml")
    assert same(encode(decode(plain, ModelDescription), ModelDescription), encode(meant, ModelDescription))


def test_only_what_is_not_as_by_default_is_written() -> None:
    assert encode(ScaleRange(max_percentile=99.8), ScaleRange) == {"max_percentile": 99.8}
    size = ReferencedSize("raw", "y", Fraction(1, 3))
    assert encode(size, hints_of(Axis)["size"]) == {"type": "ReferencedSize", "tensor": "raw", "axis": "y", "ratio": "1/3"}


def test_an_operation_is_named_by_its_type() -> None:
    operations = (Sigmoid(), Clip(min=0.0), Softmax("channel"))
    plain = encode(operations, hints_of(Tensor)["operations"])
    assert plain == [{"type": "Sigmoid"}, {"type": "Clip", "min": 0.0}, {"type": "Softmax", "axis": "channel"}]
    assert decode(plain, hints_of(Tensor)["operations"]) == operations


@pytest.mark.parametrize(
    ("kind", "field", "data", "said"),
    [
        (Tensor, "operations", None, "is None, but must be a list"),
        (Tensor, "operations", [{"type": "Pickle"}], "has the type 'Pickle', but must have one of EnsureDtype, Binarize"),
        (Tensor, "operations", [{"min": 1}], "has the type None, but must have one of"),
        (Tensor, "operations", ["Sigmoid"], "is 'Sigmoid', but must be a mapping"),
        (Tensor, "operations", [{"type": "Clip", "min": "low"}], "has a 'min' that is 'low', but must be a number or null"),
        (Tensor, "operations", [{"type": "Clip", "most": 1}], "has the key 'most', but Clip has min, max"),
        (Tensor, "operations", [{"type": "Softmax"}], "lacks 'axis', which Softmax needs"),
        (Tensor, "value_range", [1, 2, 3], "has 3 elements, but must have 2"),
        (Tensor, "value_range", [True, None], "is True, but must be a number or null"),
        (Tensor, "optional", 1, "is 1, but must be true or false"),
        (Tensor, "dtype", 8, "is 8, but must be a text"),
        (Tensor, "padding", "reflect", "is 'reflect', but must be a mapping"),
        (
            Tensor,
            "padding",
            {"mode": "wrap"},
            "has a 'mode' that is 'wrap', but must be one of symmetric, reflect, edge, constant",
        ),
        (Axis, "halo", 1.5, "is 1.5, but must be a whole number"),
        (Axis, "size", {"type": "FixedSize", "size": "9"}, "has a 'size' that is '9', but must be a whole number"),
        (ReferencedSize, "ratio", "1/0", "is '1/0', but must be a fraction such as 1/2"),
        (ReferencedSize, "ratio", 0.5, "is 0.5, but must be a fraction such as 1/2"),
        (ReferencedSize, "ratio", "9" * 1000, "but must be a fraction such as 1/2"),
        (Tolerance, "output_ids", {"a": 1}, "is {'a': 1}, but must be a list or a text"),
        (ModelDescription, "other", [], "is [], but must be a mapping"),
        (ModelDescription, "other", {1: 2}, "is 1, but must be a text"),
        (ModelDescription, "tags", "a", "is 'a', but must be a list"),
    ],
)
def test_what_a_field_does_not_hold_is_refused(kind: type, field: str, data: Any, said: str) -> None:
    with pytest.raises(MisfitError) as caught:
        decode(data, hints_of(kind)[field])
    assert said in str(caught.value)


def test_an_integer_serves_where_a_number_is_wanted() -> None:
    assert decode({"type": "Clip", "min": 1}, hints_of(Tensor)["operations"].__args__[0]) == Clip(min=1.0)
    assert decode({"type": "FixedSize", "size": 7}, hints_of(Axis)["size"]) == FixedSize(7)


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        (1, 1.0, True), (1, True, False), (0, False, False), (float("nan"), float("nan"), True), (float("nan"), 1.0, False),
        ([1, [2]], [1.0, [2.0]], True), ([1], [1, 1], False), ({"a": 1}, {"a": 1.0}, True), ({"a": 1}, {"b": 1}, False),
        ("1", 1, False), (None, False, False), (None, None, True),
    ],
)  # fmt: skip
def test_plain_data_are_compared_by_what_they_say(one: Any, other: Any, are_same: bool) -> None:
    assert same(one, other) is are_same
