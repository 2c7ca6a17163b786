"""Fields of a description: read with their type, named where they have another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from descriptions import check_refusal
from ijbridge.errors import DescriptionError
from ijbridge.formats.fields import Fields, shown

Read = Callable[[Fields], Any]


def fields(**value: Any) -> Fields:
    return Fields(value, "inputs[0]", "rdf.yaml")


@pytest.mark.parametrize(
    ("value", "read", "expected"),
    [
        ("a", lambda one: one.text("key"), "a"),
        (5, lambda one: one.text("key"), "5"),
        (0.5, lambda one: one.text("key"), "0.5"),
        (None, lambda one: one.text("key", "default"), "default"),
        (None, lambda one: one.optional_text("key"), None),
        (5, lambda one: one.number("key"), 5.0),
        (None, lambda one: one.number("key", 2.0), 2.0),
        (0, lambda one: one.number("key", 2.0), 0.0),
        (0, lambda one: one.number("key", low=0), 0.0),
        (None, lambda one: one.optional_number("key"), None),
        (5, lambda one: one.integer("key"), 5),
        (5.0, lambda one: one.integer("key"), 5),
        (None, lambda one: one.integer("key", 7), 7),
        (True, lambda one: one.flag("key"), True),
        ("b", lambda one: one.one_of("key", ("a", "b")), "b"),
        (None, lambda one: one.one_of("key", ("a", "b"), "a"), "a"),
        ([1, "a"], lambda one: one.list("key"), [1, "a"]),
        (None, lambda one: one.list("key"), []),
        (5, lambda one: one.numbers("key"), (5.0,)),
        ([1, 2.5], lambda one: one.numbers("key"), (1.0, 2.5)),
        (None, lambda one: one.numbers("key"), None),
        ({"a": 1}, lambda one: one.mapping("key").value, {"a": 1}),
        (None, lambda one: one.mapping("key").value, {}),
        ([{"a": 1}], lambda one: [each.integer("a") for each in one.mappings("key")], [1]),
    ],
)
def test_a_value_of_the_right_type_is_given_and_an_absent_one_has_a_default(value: Any, read: Read, expected: Any) -> None:
    found = read(fields(key=value))
    assert found == expected
    assert type(found) is type(expected)


TEXTS: list[Any] = [True, [1], {"a": 1}]
NUMBERS: list[Any] = ["5", True, [5], {"a": 1}, 10**400]


@pytest.mark.parametrize(
    ("read", "value", "allowed"),
    [
        *((lambda one: one.text("key"), value, "a text") for value in TEXTS),
        *((lambda one: one.number("key"), value, "a number") for value in NUMBERS),
        (lambda one: one.number("key", low=0), -1, "a number of at least 0"),
        (lambda one: one.number("key", low=0), math.nan, "a number of at least 0"),
        *(
            (lambda one: one.integer("key"), value, "a whole number of at least 0")
            for value in [*NUMBERS[:-1], 0.5, -1, math.inf]
        ),
        (lambda one: one.integer("key", low=1), 0, "a whole number of at least 1"),
        *((lambda one: one.flag("key"), value, "true or false") for value in (0, 1, "yes", [0])),
        (lambda one: one.one_of("key", ("a", "b")), "c", "one of a, b"),
        *((lambda one: one.list("key"), value, "a list") for value in ("ab", 5, {"a": 1}, True)),
        (lambda one: one.list("key", required=True), [], "a list with at least one entry"),
        *(
            (lambda one: one.numbers("key"), value, "a number or a list of numbers")
            for value in ["a", [], ["a"], [True], [[1]]]
        ),
        (lambda one: one.numbers("key"), [1, 10**400], "a number or a list of numbers"),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_is_allowed(read: Read, value: Any, allowed: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(fields(key=value))
    check_refusal(caught.value, f"rdf.yaml: `inputs[0].key` is {shown(value)}, but must be {allowed}")


@pytest.mark.parametrize(
    "read",
    [
        lambda one: one.text("key"),
        lambda one: one.number("key"),
        lambda one: one.integer("key"),
        lambda one: one.one_of("key", ("a", "b")),
        lambda one: one.list("key", required=True),
        lambda one: [*one.mappings("key", required=True)],
    ],
)
def test_a_field_that_is_missing_is_said_to_be(read: Read) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(fields(other=1))
    check_refusal(caught.value, "rdf.yaml: `inputs[0].key` is missing; it must be ")


@pytest.mark.parametrize("value", ["text", 5, [1], True])
def test_what_should_be_a_mapping_is_named_with_its_place(value: Any) -> None:
    with pytest.raises(DescriptionError, match=r"rdf\.yaml: `inputs\[0\]\.key` must be a mapping of names to values, found "):
        fields(key=value).mapping("key")
    with pytest.raises(DescriptionError, match=r"rdf\.yaml: `inputs\[0\]\.key\[1\]` must be a mapping"):
        [*fields(key=[{}, value]).mappings("key")]
    with pytest.raises(DescriptionError, match=r"rdf\.yaml: the description must be a mapping"):
        Fields(value, "", "rdf.yaml")


def test_a_long_value_is_shown_shortly() -> None:
    assert shown("a" * 100) == "'" + "a" * 56 + "..."
    assert len(shown([["a" * 100] * 100] * 100)) <= 60


def test_a_value_with_lines_is_shown_on_one() -> None:
    assert "\n" not in shown({"a": "b\nc"})
