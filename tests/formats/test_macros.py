"""Macros of a package: what is told of them without running them, and which of them have a native meaning."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ijbridge.description import Macro
from ijbridge.formats import macros
from ijbridge.formats.macros import after_findings, before_findings, read_macro
from ijbridge.formats.package import open_package
from ijbridge.normalization import Normalization


def told(folder: Path, text: str | bytes) -> Macro:
    (folder / "rdf.yaml").write_text("x: 1")
    (folder / "m.ijm").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_macro(open_package(folder), "m.ijm", "before")


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("// ---------\n//  Scales the image. \n// more", "Scales the image."), ("run('x'); // after code", "after code"),
        ("/*****\n * Title of it\n */", "Title of it"), ('print("// no comment");\n// a comment', "a comment"), ("", ""),
        ("// --", ""),
        ("/* never closed", "never closed"), ("// µ und größer", "µ und größer"),
    ],
)  # fmt: skip
def test_the_first_line_of_comment_is_given(tmp_path: Path, text: str, comment: str) -> None:
    assert told(tmp_path, text).comment == comment


def test_a_macro_in_another_encoding_and_with_a_byte_order_mark_is_listed(tmp_path: Path) -> None:
    assert told(tmp_path, b"\xef\xbb\xbf// Scales it\r\nrun('x');").comment == "Scales it"
    latin = told(tmp_path, "// größer".encode("latin-1"))
    assert latin.sha256 == hashlib.sha256("// größer".encode("latin-1")).hexdigest()


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("", True), ("// only words\n/* and more */\n", True), ('print("Preprocessing");\n', True),
        ("print('a' + 1);\r\n;", True), ("exit", False), ('print("x"); run("Invert");', False), ('print(exec("rm"));', False),
        ('x = "//"; run("Invert");', False), ('print("a" + eval("1"));', False), ('a = "/*"; run("Invert"); b = "*/";', False),
    ],
)  # fmt: skip
def test_a_macro_that_only_prints_is_known_to_do_nothing(tmp_path: Path, text: str, empty: bool) -> None:
    assert told(tmp_path, text).is_empty is empty


DIVIDED = 'run("32-bit");\nrun("Divide...", "value={}");'
BY_STATISTICS = (
    'run("32-bit"); getStatistics(n, m, a, b, s, h); run("Subtract...", "value=" + {}); run("Divide...", "value=" + {});'
)
TO_RANGE = (
    'run("32-bit"); getStatistics(n, m, lo, hi, s, h); run("Subtract...", "value=" + lo); d = {};'
    'run("Divide...", "value=" + d);'
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DIVIDED.format("255"), "divide 255"), (DIVIDED.format("65535.0 stack"), "divide 65535"),
        ('print("a");' + DIVIDED.format("4095") + "// b", "divide 4095"), (DIVIDED.format("0"), None),
        (DIVIDED.format("-1"), None), ('run("Divide...", "value=255");', None),
        (DIVIDED.format("255") + 'run("Invert");', None),
        (BY_STATISTICS.format("m", "s"), "mean-std"), (BY_STATISTICS.format("m", "b"), None),
        (BY_STATISTICS.format("a", "s"), None), (TO_RANGE.format("hi - lo + 1e-20"), "min-max"),
        (TO_RANGE.format("hi - lo"), "min-max"), (TO_RANGE.format("lo - hi"), None),
    ],
)  # fmt: skip
def test_a_macro_whose_meaning_is_plain_has_a_native_one(tmp_path: Path, text: str, expected: str | None) -> None:
    found = told(tmp_path, text).normalize
    assert found == expected
    assert found is None or str(Normalization.read(found)) == found


SCALING = """
// Scales by percentiles.
min_percentile = 1;   // these are the
max_percentile = 99.8; // numbers
scale_by_percentiles(min_percentile, max_percentile);
"""


def test_a_published_macro_is_known_by_its_text_whatever_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = "min_percentile=#;max_percentile=#;scale_by_percentiles(min_percentile,max_percentile)"
    digest = hashlib.sha256(bare.encode()).hexdigest()
    assert told(tmp_path, SCALING).normalize is None
    monkeypatch.setitem(macros._SCALING, digest, 1)
    assert told(tmp_path, SCALING).normalize == "percentile 1 99.8"
    assert told(tmp_path, SCALING.replace("= 1;", "= 99.9;")).normalize is None  # they do not rise
    assert told(tmp_path, SCALING.replace("scale_by", "stretch_by")).normalize is None
    monkeypatch.setitem(macros._SCALING, digest, 100)
    assert told(tmp_path, SCALING.replace("= 1;", "= 0.01;").replace("99.8", "0.998")).normalize == "percentile 1 99.8"


def test_after_the_network_a_macro_has_no_native_meaning(tmp_path: Path) -> None:
    told(tmp_path, 'run("32-bit"); run("Divide...", "value=255");')
    assert read_macro(open_package(tmp_path), "m.ijm", "after").normalize is None


def test_a_native_meaning_is_offered_for_one_channel_only() -> None:
    macro = Macro("before", "ImageJ macro", "m.ijm", sha256="0", normalize="percentile 1 99.8")
    assert "normalize=percentile,1,99.8 does what its text says" in before_findings([macro], 1).sentence
    for found in (before_findings([macro], 3), before_findings([macro], None), before_findings([macro, macro], 1)):
        assert "does what its text says" not in found.sentence
        assert found.severity == "warning"


def test_what_does_nothing_is_no_reason_to_warn() -> None:
    empty = Macro("after", "ImageJ macro", "m.ijm", sha256="0", is_empty=True)
    assert after_findings([empty]) == ()
    assert before_findings([], 1).severity == "note"
    (found,) = after_findings([empty, Macro("after", "Java class", "a.jar B::c")])
    assert "(a.jar B::c) is not run" in found.sentence
