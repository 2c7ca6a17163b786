"""YAML 1.2: what bioimage.io descriptions are written in, as plain data and nothing else."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ijbridge.errors import DescriptionError
from ijbridge.formats.yaml12 import parse_yaml


def parse(text: str) -> Any:
    return parse_yaml(text.encode(), "rdf.yaml")


def refusal(data: str | bytes) -> str:
    with pytest.raises(DescriptionError) as caught:
        parse_yaml(data if isinstance(data, bytes) else data.encode(), "rdf.yaml")
    assert str(caught.value).startswith("rdf.yaml is ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6), ("1E3", 1000.0), ("-1.5e+2", -150.0), (".5", 0.5), ("1.", 1.0), ("+7", 7), ("-0", 0), ("012", 12),
        ("0o17", 15), ("0x1F", 31), (".inf", math.inf), ("-.INF", -math.inf), ("1e400", math.inf),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
    ],
)  # fmt: skip
def test_a_value_has_the_type_that_yaml_1_2_gives_it(text: str, value: Any) -> None:
    found = parse(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(parse("key: .nan")["key"])


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "off", "y", "n", "2019-12-11", "2019-12-11T12:22:32Z", "1_000", "0b11", "1:30", "190:20:30", "0.5.4",
     "1e", "nUll", "tRue", "."],
)  # fmt: skip
def test_what_yaml_1_1_made_something_else_of_is_a_text(text: str) -> None:
    assert parse(f"key: {text}") == {"key": text}


@pytest.mark.parametrize(("text", "value"), [("!!str 5", "5"), ("'5'", "5"), ("!!float 5", 5.0), ("!!map {a: 1}", {"a": 1})])
def test_a_tag_or_quotes_decide_where_they_are_written(text: str, value: Any) -> None:
    assert parse(f"key: {text}") == {"key": value}


def test_a_header_comments_and_a_byte_order_mark_are_passed_over() -> None:
    assert parse_yaml(b"\xef\xbb\xbf%YAML 1.2\n---\n# comment\na: \xc2\xb5m # more\n", "rdf.yaml") == {"a": "µm"}


def test_anchors_are_expanded() -> None:
    assert parse("a: &size {min: 16}\nb: *size\nc: [*size, *size]") == {
        "a": {"min": 16},
        "b": {"min": 16},
        "c": [{"min": 16}, {"min": 16}],
    }


def test_merged_keys_may_be_overruled() -> None:
    text = "base: &base {x: 1, y: 1}\na:\n  b: &b {<<: *base, x: 2}\nthird: {<<: *b, y: 3}\n"
    assert parse(text) == {"base": {"x": 1, "y": 1}, "a": {"b": {"x": 2, "y": 1}}, "third": {"x": 2, "y": 3}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is given twice"),
        ("a: {b: 1, b: 2}", "line 1, column 11: the key 'b' is given twice"),
        ("a:\n- {b: [{c: 1}], b: 2}", "line 2, column 17: the key 'b' is given twice"),
        ("a: [1, 2", "line 2"),
        ("a: b: c", "line 1, column 5"),
        ("a: 1\n b: 2", "line 2"),
        ("\ta: 1", "line 1, column 1"),
        ("a: 'x", "line 1"),
        ("a: *b", "line 1, column 4: found undefined alias"),
        ("a: 1\n---\nb: 2", "line 2, column 1: expected a single document in the stream, but found another document"),
        ("? [1, 2]\n: 3", "line 1, column 3"),
        ("a: {<<: 5}", "line 1"),
        ("a: \x07", "control characters"),
        ("a: " + "9" * 5000, "digits"),
    ],
)
def test_broken_yaml_is_refused_with_its_line(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system [true]", "!!python/name:os.system", "!!python/tuple [1]", "!!binary aGVsbG8=",
     "!!set {a}", "!!timestamp 2001-01-01", "!!timestamp x", "!!omap [a: 1]", "!!pairs [a: 1]", "!own x"],
)  # fmt: skip
def test_a_tag_that_asks_for_more_than_plain_data_is_refused(tag: str) -> None:
    assert "asks for more than plain data" in refusal(f"a: 1\nb: {tag}")


@pytest.mark.parametrize("value", ["!!bool x", "!!int x", "!!float x", "!!float ''", "!!map [1]", "!!seq {a: 1}", "!!int [1]"])
def test_a_value_that_does_not_fit_its_tag_is_refused(value: str) -> None:
    assert "is broken YAML" in refusal(f"a: {value}")


@pytest.mark.parametrize("data", [b"a: \xe4", "a: 1".encode("utf-16"), b"\xff\xfe"])
def test_a_text_that_is_not_utf_8_is_refused(data: bytes) -> None:
    assert "is not a text in UTF-8 (byte " in refusal(data)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 100_000,
        "a: " + "{a: " * 100_000,
        "a: " + "[" * 101 + "]" * 101,
        "".join(f"{' ' * n}a:\n" for n in range(200)),
    ],
    ids=["lists", "mappings", "closed lists", "indented"],
)
def test_nesting_without_end_is_refused_and_does_not_exhaust_the_stack(text: str) -> None:
    assert "nested more than 100 levels deep" in refusal(text)


def test_nesting_as_deep_as_any_description_needs_is_read() -> None:
    assert parse("a: " + "[" * 90 + "]" * 90)["a"] != []


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert "more than 1000000 values" in refusal(bomb)


@pytest.mark.parametrize("text", ["a: &a [*a]", "--- &a\na: *a", "a: &a {b: [{c: *a}]}"])
def test_an_alias_that_holds_itself_is_refused(text: str) -> None:
    assert "the alias *a holds itself" in refusal(text)


@pytest.mark.parametrize(
    ("data", "value"), [(b"", None), (b"# nothing\n", None), (b"just a text", "just a text"), (b"- 1\n- 2", [1, 2])]
)
def test_a_document_may_be_anything(data: bytes, value: Any) -> None:
    assert parse_yaml(data, "rdf.yaml") == value
