"""ImageJ macros that a package brings for before and after its network: listed, and compared with what is known.

A macro is code of a stranger. Its text is only looked at here: what it says of itself, its hash, whether it does anything to
the image, and whether it is one of the few whose meaning is plain, which the option ``normalize`` then does natively. Which of
them ImageJ runs, after a yes, is said in `ijbridge.macro_choice`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Literal

from ijbridge.description import IMAGEJ_MACRO, FileRef, Macro
from ijbridge.errors import PackageError
from ijbridge.findings import Finding
from ijbridge.formats.package import LONGEST_DESCRIPTION, Package
from ijbridge.macro_text import Token, code, tokens

#: Besides strings and words, what a ``print`` may have between its brackets and call nothing.
_IN_PRINT = frozenset("0123456789+*/.,[]-")
_NUMBER = r"(\d+(?:\.\d+)?)"

#: Published macros that scale by percentiles (per_sample_scale_range.ijm and PercentileNormalization.ijm of the repository
#: deepimagej/imagej-macros): the SHA-256 of their text as `_canonical` gives it, their numbers replaced by "#", and what makes
#: these numbers per cent.
_SCALING = {
    "12a0223653c801396da585193e9e31f91b4b3c9d6335400b89d9949bfef40253": 1,
    "da81fb7f6a14018ace4a35a7d91866721b25f7b1543e09df051d47f656c3f061": 1,
    "012cc7458128a6680450871fdb0071560e52156b1387ccee50ebb7c27ce3ac8a": 100,
    "aee1f0f1c7f15f1602ec19cb84310e8279ddd2816758208e0a95b292ddbd9e1f": 100,
}

#: Characters that are shown of what a macro says of itself.
_LONGEST_COMMENT = 200

#: What to do besides, where the model is run in ImageJ.
_IN_IMAGEJ = "; in ImageJ, macros=run has it run"

#: A macro that divides by a number; one that standardises, and one that scales to 0 to 1, by what ImageJ says of the image.
_DIVIDED = re.compile(rf'run\("32-bit"\);run\("Divide\.\.\.","value={_NUMBER}(?: stack)?"\)')
_STANDARDISED = re.compile(
    r'run\("32-bit"\);getStatistics\(\w+,(?P<mean>\w+),\w+,\w+,(?P<std>\w+),\w+\);'
    r'run\("Subtract\.\.\.","value="\+(?P=mean)\);run\("Divide\.\.\.","value="\+(?P=std)\)'
)
_TO_RANGE = re.compile(
    r'run\("32-bit"\);getStatistics\(\w+,\w+,(?P<min>\w+),(?P<max>\w+),\w+,\w+\);run\("Subtract\.\.\.","value="\+(?P=min)\);'
    r'(?P<range>\w+)=(?P=max)-(?P=min)(?:\+1e-\d+)?;?run\("Divide\.\.\.","value="\+(?P=range)\)'
)


def read_macro(
    package: Package, source: str, when: Literal["before", "after"], use: Literal["named", "beside"] = "named"
) -> Macro:
    """Look at a macro of the package; one that is missing, too long or lies outside it is listed by its name.

    Parameters
    ----------
    source
        Its name, relative to the description.
    """
    try:
        data = package.read(FileRef(source), "macro", LONGEST_DESCRIPTION)
    except PackageError:
        return Macro(when, IMAGEJ_MACRO, source, use=use)
    text = data.decode("utf-8-sig", errors="replace")
    plain = _canonical(text)
    return Macro(
        when=when,
        kind=IMAGEJ_MACRO,
        source=source,
        comment=_first_comment(text),
        sha256=hashlib.sha256(data).hexdigest(),
        normalize=_normalisation(plain) if when == "before" else None,
        is_empty=not plain,
        use=use,
    )


def read_text(package: Package, macro: Macro) -> str:
    """Give the text of a macro, which must still be the one that was listed.

    Raises
    ------
    PackageError
        If the package does not hold it, it is another one by now, or longer than any that a person has written.
    """
    file = FileRef(macro.source, macro.sha256)
    return package.read(file, "macro", LONGEST_DESCRIPTION).decode("utf-8-sig", errors="replace")


def before_findings(macros: Iterable[Macro], channels: int | None) -> Finding:
    """Say what is to be said of an input for which a format has macros and nothing else.

    ``channels`` is how many it has, None where that is not known: a macro takes them together, ``normalize`` each by itself.
    """
    doing = [one for one in macros if one.when == "before" and not one.is_empty]
    if not doing:
        return Finding(
            "normalisation-unknown", "note", "The model does nothing to images before its network",
            "so pixels are given as they are", "normalize names a normalisation",
        )  # fmt: skip
    named = ", ".join(one.source for one in doing)
    native = doing[0].normalize if len(doing) == 1 and channels == 1 else None
    advice = (
        f"normalize={native.replace(' ', ',')} does what its text says, with exact statistics"
        if native is not None
        else "do to the image what it does, then say normalize=none, or name what it does, such as normalize=percentile,1,99.8"
    ) + _IN_IMAGEJ
    return Finding(
        "macro-not-run", "warning", f"The model's code for before its network ({named}) is not run",
        "so pixels are given as they are", advice,
    )  # fmt: skip


def after_findings(macros: Iterable[Macro]) -> tuple[Finding, ...]:
    """Say that what follows the network is not run."""
    doing = [one.source for one in macros if one.when == "after" and not one.is_empty]
    if not doing:
        return ()
    return (
        Finding(
            "macro-not-run",
            "warning",
            f"The model's code for after its network ({', '.join(doing)}) is not run",
            "so the result is what the network gives",
            f"run it on the result in ImageJ once you have read it{_IN_IMAGEJ}",
        ),
    )


def _first_comment(text: str) -> str:
    for token in tokens(text):
        for line in re.sub(r"^/[*/]|\*/$", "", token.text).splitlines() if token.kind == "comment" else ():
            words = line.strip(" \t*/-=")
            if re.search(r"\w{3}", words):
                return " ".join(words.split())[:_LONGEST_COMMENT]
    return ""


def _canonical(text: str) -> str:
    """Give a macro's text without comments, blanks between words and what it prints; empty where it does nothing."""
    said = code(text)
    kept = []
    number = 0
    while number < len(said):
        end = _end_of_print(said, number)
        if end is None:
            kept.append(said[number].text)
        number = number + 1 if end is None else end
    return "".join(kept).strip(";")


def _end_of_print(said: list[Token], start: int) -> int | None:
    """Give what follows a ``print`` that calls nothing; None where there is none."""
    if said[start].text != "print" or start + 1 >= len(said) or said[start + 1].text != "(":
        return None
    for number in range(start + 2, len(said)):
        token = said[number]
        if token.text == ")":
            return number + (2 if number + 1 < len(said) and said[number + 1].text == ";" else 1)
        if token.kind not in ("string", "word") and token.text not in _IN_PRINT:
            break
    return None


def _normalisation(plain: str) -> str | None:
    """Give the value of ``normalize`` that does what a macro says; None where its meaning is not plain."""
    divided = _DIVIDED.fullmatch(plain)
    if divided and float(divided[1]) > 0:
        return f"divide {float(divided[1]):g}"
    if _STANDARDISED.fullmatch(plain):
        return "mean-std"
    if _TO_RANGE.fullmatch(plain):
        return "min-max"
    numbers: list[float] = []

    def taken(found: re.Match[str]) -> str:
        numbers.append(float(found[2]))
        return f"{found[1]}#"

    bare = re.sub(rf"((?:min_percentile|max_percentile|target)=){_NUMBER}", taken, plain)
    to_percent = _SCALING.get(hashlib.sha256(bare.encode()).hexdigest())
    if to_percent is None or len(numbers) != 2:
        return None
    low, high = (round(one * to_percent, 6) for one in numbers)
    return f"percentile {low:g} {high:g}" if 0 <= low < high <= 100 else None
