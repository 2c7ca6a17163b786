"""Any descriptions of models, drawn by hypothesis: what the formats of this world may come to mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from ijbridge.description import (
    Axis,
    Benchmark,
    Citation,
    FileRef,
    FixedSize,
    FreeSize,
    Macro,
    ModelDescription,
    Padding,
    Person,
    ReferencedSize,
    Size,
    SteppedSize,
    Tensor,
    Tolerance,
    Weights,
)
from ijbridge.findings import Finding, noted
from ijbridge.operations import (
    Binarize,
    Clip,
    DivideByTypeMaximum,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Maximum,
    Operation,
    RestoreRange,
    ScaleLinear,
    ScaleMeanVariance,
    ScaleRange,
    Sigmoid,
    Softmax,
    Take,
    ZeroMeanUnitVariance,
)

DTYPES = ("float32", "float64", "float16", "uint8", "int16", "uint64", "bool")
KINDS: dict[str, Any] = {"b": "batch", "t": "time", "c": "channel", "z": "space", "y": "space", "x": "space", "i": "index"}
IDS = {"b": "batch", "t": "time", "c": "channel", "i": "index"}

texts = st.text(max_size=40) | st.sampled_from(
    ["", "x", "raw", "a b", "1e-6", "yes", "class", "Größe", "a/b", "n" * 200, "0.5", "~"]
)
numbers = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 1.0, 1e-7, 0.1, -1.0, 1e300])
positive = st.sampled_from([0.0, 1e-20, 1e-6, 0.05, 0.1, 0.5, 3.0])
offsets = st.sampled_from([Fraction(0), Fraction(0), Fraction(0), Fraction(2), Fraction(-3), Fraction(1, 2)])
ratios = st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2), Fraction(3, 2), Fraction(1, 3), Fraction(5, 7)])


def ids(count: int) -> st.SearchStrategy[list[str]]:
    """Draw distinct names of tensors."""
    common = st.sampled_from(["raw", "Raw", "input", "output", "mask", "1", "a b", "class", "µ", "x" * 40, "x" * 41, "a.b"])
    return st.lists(common | st.text(min_size=1, max_size=6), min_size=count, max_size=count, unique=True)


@st.composite
def descriptions(draw: st.DrawFn) -> ModelDescription:
    """Draw a description that contradicts itself nowhere."""
    n_inputs, n_outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    names = draw(ids(n_inputs + n_outputs))
    inputs: list[Tensor] = []
    for name in names[:n_inputs]:
        inputs.append(draw(_tensors(name, inputs, is_input=True, references=names[:n_inputs])))
    outputs: list[Tensor] = []
    for name in names[n_inputs:]:
        outputs.append(draw(_tensors(name, [*inputs, *outputs], is_input=False, references=names[:n_inputs])))
    return ModelDescription(
        format=draw(texts),
        format_version=draw(texts),
        name=draw(texts),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        weights=(Weights("onnx", FileRef("weights.onnx"), available=True),),
        location="/nowhere",
        digest="0" * 64,
        description=draw(texts),
        authors=tuple(draw(st.lists(_people(), max_size=2))),
        packaged_by=tuple(draw(st.lists(_people(), max_size=1))),
        maintainers=tuple(draw(st.lists(_people(), max_size=1))),
        cite=tuple(draw(st.lists(_citations(), max_size=2))),
        license=draw(st.none() | texts | st.sampled_from(["MIT", "mit", "CC0-1.0", "GPL-2.0", "MIT OR X", "LICENSE.txt"])),
        version=draw(st.none() | st.sampled_from(["1.2.3", "1e3", "v2", "1.2-unknown thing"])),
        tags=tuple(draw(st.lists(texts, max_size=2))),
        timestamp=draw(st.none() | st.sampled_from(["2019-12-11T12:22:32Z", "2019-12-11", "yesterday"])),
        git_repo=draw(st.none() | st.sampled_from(["https://example.com/a", "github.com/x", "http://", "https://a b"])),
        training_data=draw(st.sampled_from([None, {"id": "a/b-c"}, {"id": "A B"}, {"name": "Some cells", "n": [1, {}]}])),
        config=draw(st.sampled_from([{}, {"bioimageio": {"my": 1}}, {"other": {"a": [1.5, None, "yes"]}, "bioimageio": "x"}])),
        tolerances=tuple(draw(st.lists(_tolerances(names[n_inputs:]), max_size=2))),
        other=draw(st.sampled_from([{}, {"id": "a-b", "links": ["x/y"]}, {"links": [1], "root": {}, "id_emoji": "🦈"}])),
        macros=tuple(draw(st.lists(st.sampled_from(MACROS), max_size=2))),
        benchmark=draw(st.none() | st.just(Benchmark("512x512", memory_peak="1 GB"))),
        whole_because=draw(st.none() | texts),
        findings=tuple(draw(st.lists(texts.map(noted), max_size=1))),
    )  # fmt: skip


MACROS = (
    Macro("before", "ImageJ macro", "pre.ijm", "scales", "0" * 64, "percentile 1 99.8"),
    Macro("after", "Java class", "post.jar", is_empty=True),
)


@st.composite
def _tensors(draw: st.DrawFn, name: str, before: Sequence[Tensor], *, is_input: bool, references: Sequence[str]) -> Tensor:
    letters = draw(st.lists(st.sampled_from("btczyxi"), min_size=1, max_size=5, unique=True))
    axes: list[Axis] = []
    for letter in letters:
        axes.append(draw(_axes(letter, [*before, Tensor(name, tuple(axes), "float32")], is_input)))
    values = draw(st.sampled_from([(), (), (0, 1), (0.5, 1.5), ("a", "b"), (True, False), (0, 300), (0, "a"), (math.nan,)]))
    return Tensor(
        id=name,
        axes=tuple(axes),
        dtype=draw(st.sampled_from(DTYPES)),
        description=draw(texts),
        value_range=draw(st.sampled_from([(None, None), (0.0, 1.0), (None, 65535.0), (-1.0, None)])),
        value_unit=draw(st.none() | st.sampled_from(["arbitrary unit", "m/s^2", "µm·kg", "counts", "m s"])),
        values=values,
        operations=tuple(draw(st.lists(_operations([axis.id for axis in axes], references), max_size=4))),
        optional=draw(st.booleans()) if is_input else False,
        padding=draw(_paddings()) if is_input else Padding(),
        value_names=draw(st.sampled_from([{}, {1: "cell", 2: "no"}])),
        source=None if is_input else draw(st.none() | texts),
        assumed=draw(st.none() | st.just(Finding("divisor", "warning", "found", "expected", "advice"))) if is_input else None,
    )


@st.composite
def _axes(draw: st.DrawFn, letter: str, tensors: Sequence[Tensor], is_input: bool) -> Axis:
    name = IDS.get(letter, letter)
    if draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from(["Height", "a b", "s", "class", "w" * 20, "channel_2"])) + letter
    kind = KINDS[letter]
    size = draw(_sizes(tensors, is_input=is_input, kind=kind))
    count = size.size if isinstance(size, FixedSize) else 0
    unit = draw(st.none() | st.sampled_from(["micrometer", "µm", "second", "min", "parsec", "furlong"]))
    return Axis(
        id=name,
        kind=kind,
        size=size,
        letter=letter if letter != "i" else None,
        description=draw(texts),
        unit=unit,
        pixel_size=draw(st.none() | st.sampled_from([0.107, 0.214, 1.0, 0.321, 1e-9])) if kind in ("space", "time") else None,
        channel_names=tuple(f"name {n}" for n in range(count)) if kind == "channel" and draw(st.booleans()) else (),
        halo=0 if is_input else draw(st.sampled_from([0, 0, 1, 7, 32])),
        concatenable=draw(st.booleans()),
    )


@st.composite
def _sizes(draw: st.DrawFn, tensors: Sequence[Tensor], *, is_input: bool, kind: str) -> Size:
    others = [(tensor.id, axis.id) for tensor in tensors for axis in tensor.axes]
    which = draw(st.integers(0, 4))
    if kind == "channel" and which != 4:
        return FixedSize(draw(st.integers(1, 3)))
    if which >= 2 and others:
        tensor, axis = draw(st.sampled_from(others))
        return ReferencedSize(tensor, axis, draw(ratios), draw(offsets))
    if which == 0:
        return FixedSize(draw(st.sampled_from([1, 2, 64, 100])))
    if which == 1 or not is_input:
        return FreeSize(draw(st.sampled_from([1, 4])), draw(st.none() | st.sampled_from([1, 4, 50])))
    return SteppedSize(draw(st.sampled_from([1, 16, 21])), draw(st.sampled_from([1, 8, 10])))


@st.composite
def _operations(draw: st.DrawFn, axes: Sequence[str], references: Sequence[str]) -> Operation:
    some = st.none() | st.lists(st.sampled_from(list(axes)), unique=True).map(tuple)
    eps, reference, axis = draw(positive), draw(st.sampled_from(list(references))), draw(st.sampled_from(list(axes)))
    low, high = draw(st.sampled_from([(0.0, 100.0), (1.0, 99.8), (0.0, 0.5), (99.0, 99.5)]))
    many = draw(st.booleans())
    values = tuple(draw(st.lists(numbers, min_size=1, max_size=1)))
    along = axis if many else None
    std = (draw(st.sampled_from([1e-9, 1e-6, 0.5, 3.0])),)
    possible: list[Operation] = [
        EnsureDtype(draw(st.sampled_from(DTYPES))),
        Binarize(values, along),
        Clip(draw(st.none() | numbers), draw(st.none() | numbers)),
        Clip(min_percentile=low, max=draw(st.none() | numbers), axes=draw(some)),
        Clip(min_percentile=low, max_percentile=high, axes=draw(some)),
        ScaleLinear(draw(st.sampled_from([(1.0,), values])), draw(st.sampled_from([(0.0,), values])), along),
        FixedZeroMeanUnitVariance(values, std, along, eps),
        ZeroMeanUnitVariance(draw(some), eps),
        ScaleRange(low, high, draw(some), eps, draw(st.none() | st.just(reference))),
        ScaleMeanVariance(reference, draw(some), eps),
        Sigmoid(),
        Softmax(axis),
        RestoreRange(reference, low, high, draw(some), draw(st.booleans())),
        DivideByTypeMaximum(),
        Take(axis, (0,)),
        Maximum(axis),
    ]
    return draw(st.sampled_from(possible))


@st.composite
def _paddings(draw: st.DrawFn) -> Padding:
    mode = draw(st.sampled_from(["symmetric", "reflect", "edge", "constant"]))
    return Padding(mode, draw(st.sampled_from([0.0, 1.5])), draw(st.booleans()))  # type: ignore[arg-type] # one of the modes


@st.composite
def _people(draw: st.DrawFn) -> Person:
    orcid = draw(st.none() | st.sampled_from(["0000-0001-6562-7187", "0000-0001-6562-7188", "me"]))
    return Person(draw(texts), draw(st.none() | texts), orcid, draw(st.none() | st.sampled_from(["someone", "x y"])))


@st.composite
def _citations(draw: st.DrawFn) -> Citation:
    doi = draw(st.none() | st.sampled_from(["10.1000/1", "https://doi.org/10.1000/1", "10.1", "doi"]))
    return Citation(draw(texts), doi, draw(st.none() | st.sampled_from(["https://example.com/", "example.com"])))


@st.composite
def _tolerances(draw: st.DrawFn, outputs: Sequence[str]) -> Tolerance:
    words = st.sampled_from(["any_discrete_output", "any_continuous_output"])
    return Tolerance(
        draw(st.sampled_from([0.0, 1e-3, 0.5])),
        draw(st.sampled_from([0.0, 1e-3, 5.0])),
        draw(st.sampled_from([0.0, 10.5, 1e6])),
        draw(words | st.lists(st.sampled_from(list(outputs)), max_size=1).map(tuple)),
        draw(st.sampled_from([(), ("onnx",), ("torchscript",), ("mine",)])),
    )
