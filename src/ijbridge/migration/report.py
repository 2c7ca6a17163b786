"""The report as text, and as one HTML file with pictures and without anything that would be fetched or run.

What models and macros say of themselves comes from strangers: each of it is escaped, and the page forbids scripts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from ijbridge._version import __version__
from ijbridge.migration import MacroReport, Migration, ModelReport
from ijbridge.migration.comparing import Comparison, Picture
from ijbridge.migration.lines import Line
from ijbridge.printable import printable

#: What a verdict is in words.
_MODELS = {
    "runs": "runs",
    "differs": "runs but differs",
    "unknown": "look at it",
    "needs": "needs something",
    "does not run": "does not run",
}
_LINES = {"runs": "runs", "needs": "needs a hand", "replace": "replace", "unknown": "look at it"}
_COMPARED = {
    "same": "the same as",
    "border": "but for the border the same as",
    "differs": "different from",
    "not compared": "not compared with",
}

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid #ccc}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
section{border:1px solid #ddd;border-radius:6px;padding:.7rem 1rem;margin:.7rem 0}
p{margin:.3rem 0;overflow-wrap:anywhere}ul{margin:.3rem 0;padding-left:1.3rem}
.path,figcaption{color:#666;font-size:.85rem}
.v{float:right;border-radius:4px;padding:0 .5rem;font-size:.85rem;color:#fff;background:#777;margin-left:1rem}
.good{background:#2e7d32}.warn{background:#b26a00}.bad{background:#b3261e}
figure{display:inline-block;margin:.4rem .5rem .2rem 0;vertical-align:top}
figure img{width:200px;height:200px;image-rendering:pixelated;border:1px solid #ccc;background:#000;display:block}
figcaption{max-width:200px}
pre{background:#f5f5f5;border-radius:4px;padding:.4rem .6rem;margin:.3rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0}
"""

_COLOURS = {"runs": "good", "same": "good", "border": "good", "does not run": "bad", "differs": "bad"}


def text(report: Migration) -> str:
    """Give the report for a terminal."""
    lines = [f"{report.folder}", ""]
    for model in report.models:
        lines += [*_model_text(model, report.folder), ""]
    for macro in report.macros:
        lines += [*_macro_text(macro, report.folder), ""]
    lines += [f"{name}: {value}" for name, value in summary(report)]
    return printable("\n".join(lines))


def summary(report: Migration) -> list[tuple[str, str]]:
    """Count what there is, and say what of it is as it was."""
    verdicts = [one.verdict for one in report.models]
    lines = [line for macro in report.macros for line in macro.lines]
    counted = [f"{verdicts.count(one)} {words}" for one, words in _MODELS.items() if one in verdicts]
    compared = [one.verdict for model in report.models for one in model.comparisons]
    found = [f"{compared.count(one)} {words.rpartition(' ')[0]}" for one, words in _COMPARED.items() if one in compared]
    called = [f"{sum(line.verdict == one for line in lines)} {words}" for one, words in _LINES.items()]
    called = [one for one in called if not one.startswith("0 ")]
    macros = f"{len(report.macros)} with {len(lines)} lines ({', '.join(called)})" if lines else f"{len(report.macros)}"
    return [
        ("models", f"{len(verdicts)}" + (f" ({', '.join(counted)})" if counted else "")),
        ("saved results", f"{len(compared)}" + (f" ({', '.join(found)})" if found else "")),
        ("macros", macros + (f"; {report.others} without these commands" if report.others else "")),
        ("altogether", "everything runs as it did" if report.is_done else "there is something to do"),
    ]


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path != folder else "."


def measured(one: Comparison) -> str:
    """Say in one sentence how far a result is from the saved one."""
    if one.verdict == "not compared":
        return f"The output {one.output!r} cannot be compared with {one.expected}: {one.reason}"
    inside = ""
    if one.inside is not None and one.verdict != "same":
        inside = f"; without {one.border} pixels along the edge {one.inside:.2g}"
    return (
        f"The output {one.output!r} is {_COMPARED[one.verdict]} {one.expected} (made from {one.given}): largest difference "
        f"{one.largest:.3g}, {one.relative:.2g} of its range{inside}."
    )


def _facts(model: ModelReport) -> Iterator[str]:
    if model.error:
        yield model.error
    yield from (f"It needs {one}." for one in model.needs)
    if not model.error and not model.comparisons:
        yield "Nothing was saved with it that a result could be compared with."
    if model.normalize:
        yield f"It is run with normalize={model.normalize.replace(' ', ',')}, which does what its macro says."


def _model_text(model: ModelReport, folder: Path) -> Iterator[str]:
    kind = f" ({model.format})" if model.format else ""
    yield f"{_MODELS[model.verdict]:<16} {_shown(model.path, folder)}: {model.name}{kind}"
    for said in (*_facts(model), *map(measured, model.comparisons), *(f"note: {one}" for one in model.notes)):
        yield f"  {said}"


def _macro_text(macro: MacroReport, folder: Path) -> Iterator[str]:
    yield f"macro            {_shown(macro.path, folder)}"
    if macro.error:
        yield f"  {macro.error}"
    for line in macro.lines:
        yield f"  line {line.number}, {_LINES[line.verdict]}: {line.source}"
        yield f"    {line.why}"
        if line.replacement:
            yield f"    here: {line.replacement}"


# --- HTML ------------------------------------------------------------------------------------------------------------


def html(report: Migration) -> str:
    """Give the report as a page of HTML that stands alone: pictures are in it, nothing is fetched, no script runs."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in summary(report))
    models = "".join(_model_html(one, report.folder) for one in report.models) or "<p>None was found.</p>"
    macros = "".join(_macro_html(one, report.folder) for one in report.macros) or "<p>None calls one of these commands.</p>"
    # the policy holds even where something were not escaped
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        f'<meta name="viewport" content="width=device-width"><title>Models and macros</title><style>{_STYLE}</style></head>\n'
        f'<body><h1>Models and macros</h1><p class="path">{escape(str(report.folder))} · ijbridge {__version__}</p>'
        f"<table>{rows}</table>\n<h2>Models</h2>{models}\n<h2>Macros</h2>{macros}</body></html>\n"
    )


def _badge(verdict: str, words: str) -> str:
    return f'<span class="v {_COLOURS.get(verdict, "warn")}">{escape(words)}</span>'


def _paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{escape(one)}</p>" for one in texts)


def _model_html(model: ModelReport, folder: Path) -> str:
    where = " · ".join(one for one in (_shown(model.path, folder), model.format) if one)
    notes = "".join(f"<li>{escape(one)}</li>" for one in model.notes)
    return (
        f"\n<section>{_badge(model.verdict, _MODELS[model.verdict])}<h3>{escape(model.name)}</h3>"
        f'<p class="path">{escape(where)}</p>{_paragraphs(_facts(model))}'
        + "".join(f"<p>{escape(measured(one))}</p>{''.join(map(_figure, one.pictures))}" for one in model.comparisons)
        + (f"<details><summary>Notes</summary><ul>{notes}</ul></details>" if notes else "")
        + "</section>"
    )


def _figure(picture: Picture) -> str:
    import imagecodecs

    data = base64.b64encode(imagecodecs.png_encode(picture.pixels, level=9)).decode("ascii")
    caption = escape(picture.caption)
    return f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'


def _macro_html(macro: MacroReport, folder: Path) -> str:
    verdict = "runs" if macro.runs else "needs"
    words = "runs as it is" if macro.runs else "has something to do"
    error = f"<p>{escape(macro.error)}</p>" if macro.error else ""
    return (
        f"\n<section>{_badge(verdict, words)}<h3>{escape(_shown(macro.path, folder))}</h3>{error}"
        + "".join(map(_line_html, macro.lines))
        + "</section>"
    )


def _line_html(line: Line) -> str:
    replacement = f"<p>Here:</p><pre>{escape(line.replacement)}</pre>" if line.replacement else ""
    return (
        f"<p>{_badge(line.verdict, _LINES[line.verdict])}Line {line.number}</p><pre>{escape(line.source)}</pre>"
        f"<p>{escape(line.why)}</p>{replacement}"
    )
