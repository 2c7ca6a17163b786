"""ModelDescription: what is known of a model, in one form, whatever format it was read from.

Frozen data only. Nothing here reads a file, computes with pixels or runs a network: readers in ``formats/`` fill it,
``planning`` and ``prediction`` use it. Operations on pixels are data too, in ``operations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from ijbridge.architectures import Architecture
from ijbridge.findings import Finding
from ijbridge.operations import Operation
from ijbridge.star_convex import StarConvex

AxisKind = Literal["batch", "channel", "index", "time", "space"]

#: How an image is continued beyond its border, in numpy's words.
PaddingMode = Literal["symmetric", "reflect", "edge", "constant"]


@dataclass(frozen=True)
class FileRef:
    """A file that a description names: a path inside its package or a URL, and the hash it must have."""

    source: str
    sha256: str | None = None

    @property
    def is_url(self) -> bool:
        """Whether the file would have to be fetched."""
        return self.source.lower().startswith(("http://", "https://"))


@dataclass(frozen=True)
class FixedSize:
    """An axis that has exactly ``size`` elements."""

    size: int


@dataclass(frozen=True)
class SteppedSize:
    """An axis that may have ``min + n * step`` elements, for every n from 0."""

    min: int
    step: int


@dataclass(frozen=True)
class ReferencedSize:
    """An axis as long as ``floor(size of the referenced axis * ratio + offset)``.

    bioimage.io 0.5 states ``ratio`` as reference.scale / axis.scale; 0.4 states it directly, and half the offset.
    """

    tensor: str
    axis: str
    ratio: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)

    def of(self, size: int) -> int:
        """Give this axis' size where the referenced axis has ``size`` elements."""
        return int((size * self.ratio + self.offset) // 1)


@dataclass(frozen=True)
class FreeSize:
    """An axis whose size is known only once the network has run (at least ``min``, at most ``max``), or a free batch."""

    min: int = 1
    max: int | None = None


Size: TypeAlias = FixedSize | SteppedSize | ReferencedSize | FreeSize


@dataclass(frozen=True)
class Axis:
    """One axis of a tensor.

    ``id`` is the description's own name for it; ``letter`` is the image axis it stands for (one of ``btczyx``), or None
    where no image axis does (an index axis, a space axis of another name). ``pixel_size`` is the physical distance
    between two elements in ``unit``, or None where the description states none. ``halo`` counts output elements.
    """

    id: str
    kind: AxisKind
    size: Size
    letter: str | None = None
    description: str = ""
    unit: str | None = None
    pixel_size: float | None = None
    channel_names: tuple[str, ...] = ()
    halo: int = 0
    concatenable: bool = False


# --- tensors, weights, people ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Padding:
    """How an image is continued beyond its border, before its preprocessing.

    Symmetric repeats the edge (d c b a | a b c d), reflect does not (d c b | a b c d), edge continues with the last pixel
    (a a a | a b c d), constant with ``value``. What an image lacks to a size that the network accepts is added at its end;
    ``both_sides``: half of it (rounded down) at its beginning.
    """

    mode: PaddingMode = "symmetric"
    value: float = 0.0
    both_sides: bool = False

    def __str__(self) -> str:
        """Say it for a person: ``reflect``, ``constant 0``, ``reflect on both sides``."""
        mode = f"{self.mode} {self.value:g}" if self.mode == "constant" else self.mode
        return f"{mode} on both sides" if self.both_sides else mode


@dataclass(frozen=True)
class Tensor:
    """One input or output of a model, with the operations that lead to it (inputs) or follow it (outputs).

    ``axes`` are those of the network's tensor; operations that leave another number of elements of an axis are followed.
    ``value_range`` holds the lowest and highest value the description allows (None: open); ``values`` the nominal or
    ordinal values where the description lists them, ``value_names`` what they mean. ``padding`` of an input is what the
    description says or, where it says nothing, what the format's own tools do.

    ``source`` is the network's tensor that an output is made of, where several are made of one (None: the one of its own
    name). ``assumed`` says that the format states no operations of an input and what was taken instead; the option
    ``normalize`` replaces them.
    """

    id: str
    axes: tuple[Axis, ...]
    dtype: str
    description: str = ""
    value_range: tuple[float | None, float | None] = (None, None)
    value_unit: str | None = None
    values: tuple[Any, ...] = ()
    operations: tuple[Operation, ...] = ()
    test_tensor: FileRef | None = None
    sample_tensor: FileRef | None = None
    optional: bool = False
    padding: Padding = Padding()
    value_names: Mapping[int, str] = field(default_factory=dict)
    source: str | None = None
    assumed: Finding | None = None

    def axis(self, axis_id: str) -> Axis:
        """Give the axis of that id."""
        for axis in self.axes:
            if axis.id == axis_id:
                return axis
        raise KeyError(axis_id)


@dataclass(frozen=True)
class Weights:
    """One set of weights; ``available`` is False where the package does not hold the file that is described.

    ``architecture`` is the network that they belong to, where the file does not hold it and the format states it. ``joined``
    are the ids of outputs, with their numbers of channels, that the network gives as one output, channel after channel.
    """

    format: str
    file: FileRef
    available: bool
    opset_version: int | None = None
    external_data: FileRef | None = None
    parent: str | None = None
    architecture: Architecture | None = None
    joined: tuple[tuple[str, int], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """An author, packager or maintainer."""

    name: str
    affiliation: str | None = None
    orcid: str | None = None
    github_user: str | None = None


@dataclass(frozen=True)
class Citation:
    """What to cite where the model is used."""

    text: str
    doi: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Tolerance:
    """How far outputs may be from the test tensors (bioimage.io ``config.bioimageio.reproducibility_tolerance``).

    An element mismatches where ``|found - expected| > absolute + relative * |expected|``.
    """

    relative: float = 1e-3
    absolute: float = 1e-3
    mismatched_per_million: float = 100.0
    output_ids: tuple[str, ...] | str = ()
    weights_formats: tuple[str, ...] = ()


#: The kind of code that ImageJ itself runs.
IMAGEJ_MACRO = "ImageJ macro"


@dataclass(frozen=True)
class Macro:
    """Code of the package that ImageJ runs on the image before or after the network, once a person has said yes to it.

    ``kind`` says which code it is (`IMAGEJ_MACRO`, ``Java class``), ``comment`` is its first line of comment, ``sha256`` that
    of the file, None where the package does not hold it. ``normalize`` is the value of the option ``normalize`` that does the
    same, None where none is known; ``is_empty`` says that it does nothing to the image.

    ``use`` says how the description means it: ``named``; ``beside``, where it lies in the package without being named;
    ``replaced``, where the description has operations in its place. ``is_run`` says that this run has ImageJ run it.
    """

    when: Literal["before", "after"]
    kind: str
    source: str
    comment: str = ""
    sha256: str | None = None
    normalize: str | None = None
    is_empty: bool = False
    use: Literal["named", "beside", "replaced"] = "named"
    is_run: bool = False


@dataclass(frozen=True)
class Benchmark:
    """What a run of the model took when it was packaged, in the words of its description."""

    input_size: str | None = None
    output_size: str | None = None
    memory_peak: str | None = None
    runtime: str | None = None


@dataclass(frozen=True)
class ModelDescription:
    """All that a person or a program needs to know of a model.

    ``location`` is the absolute path of the folder, zip or file it was read from, ``file`` the name of the description file in
    it (slash separated), ``digest`` the SHA-256 of that file, ``read_from`` what else was read beside it. ``findings`` say what
    the reader assumed or passed over, and what is to be said of every run. ``whole_because`` is the description's reason for
    forbidding tiles. ``objects`` says how objects are made of the outputs, where they are.
    """

    format: str
    format_version: str
    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    weights: tuple[Weights, ...]
    location: str
    digest: str
    description: str = ""
    authors: tuple[Person, ...] = ()
    packaged_by: tuple[Person, ...] = ()
    maintainers: tuple[Person, ...] = ()
    cite: tuple[Citation, ...] = ()
    license: str | None = None
    version: str | None = None
    documentation: FileRef | None = None
    covers: tuple[FileRef, ...] = ()
    tags: tuple[str, ...] = ()
    timestamp: str | None = None
    git_repo: str | None = None
    training_data: Mapping[str, Any] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    tolerances: tuple[Tolerance, ...] = ()
    other: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    read_from: tuple[FileRef, ...] = ()
    macros: tuple[Macro, ...] = ()
    benchmark: Benchmark | None = None
    whole_because: str | None = None
    objects: StarConvex | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """What was assumed of the inputs, and what else is to be said of the model."""
        return (*(tensor.assumed for tensor in self.inputs if tensor.assumed is not None), *self.findings)
