"""ModelDescription: what is known of a model, in one form, whatever format it was read from.

Frozen data only. Nothing here reads a file, computes with pixels or runs a network: readers in ``formats/`` fill it,
``planning`` and ``prediction`` use it. Operations on pixels are data too; how they are computed is in ``processing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, TypeAlias

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


# --- operations ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EnsureDtype:
    """Cast to ``dtype``."""

    dtype: str


@dataclass(frozen=True)
class Binarize:
    """One where the tensor is above the threshold, else zero; one threshold, or one per element of ``axis``."""

    threshold: tuple[float, ...]
    axis: str | None = None


@dataclass(frozen=True)
class Clip:
    """Limit to fixed values or to percentiles taken over ``axes`` (None: over all)."""

    min: float | None = None
    max: float | None = None
    min_percentile: float | None = None
    max_percentile: float | None = None
    axes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ScaleLinear:
    """``x * gain + offset``, with one pair or one per element of ``axis``."""

    gain: tuple[float, ...]
    offset: tuple[float, ...]
    axis: str | None = None


@dataclass(frozen=True)
class FixedZeroMeanUnitVariance:
    """``(x - mean) / (std + eps)`` with given numbers, one pair or one per element of ``axis``.

    bioimage.io 0.5 divides by ``std`` alone (``eps`` is 0 there), 0.4 adds ``eps``.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    axis: str | None = None
    eps: float = 0.0


@dataclass(frozen=True)
class ZeroMeanUnitVariance:
    """``(x - mean) / (std + eps)``, mean and standard deviation taken over ``axes`` (None: over all)."""

    axes: tuple[str, ...] | None = None
    eps: float = 1e-6


@dataclass(frozen=True)
class ScaleRange:
    """``(x - low) / (high - low + eps)``, percentiles taken over ``axes`` of ``reference`` (None: of the tensor itself)."""

    min_percentile: float = 0.0
    max_percentile: float = 100.0
    axes: tuple[str, ...] | None = None
    eps: float = 1e-6
    reference: str | None = None


@dataclass(frozen=True)
class ScaleMeanVariance:
    """``(x - mean) / (std + eps) * (ref_std + eps) + ref_mean``: give the tensor the distribution of ``reference``."""

    reference: str
    axes: tuple[str, ...] | None = None
    eps: float = 1e-6


@dataclass(frozen=True)
class Sigmoid:
    """``1 / (1 + exp(-x))``."""


@dataclass(frozen=True)
class Softmax:
    """``exp(x) / sum(exp(x))`` along ``axis``."""

    axis: str


@dataclass(frozen=True)
class UnsupportedOperation:
    """An operation that is known by name and cannot be run; ``why`` says so to the user."""

    name: str
    why: str


Operation: TypeAlias = (
    EnsureDtype
    | Binarize
    | Clip
    | ScaleLinear
    | FixedZeroMeanUnitVariance
    | ZeroMeanUnitVariance
    | ScaleRange
    | ScaleMeanVariance
    | Sigmoid
    | Softmax
    | UnsupportedOperation
)

OPERATION_NAMES: Mapping[type, str] = {
    EnsureDtype: "ensure_dtype",
    Binarize: "binarize",
    Clip: "clip",
    ScaleLinear: "scale_linear",
    FixedZeroMeanUnitVariance: "fixed_zero_mean_unit_variance",
    ZeroMeanUnitVariance: "zero_mean_unit_variance",
    ScaleRange: "scale_range",
    ScaleMeanVariance: "scale_mean_variance",
    Sigmoid: "sigmoid",
    Softmax: "softmax",
}


def operation_name(operation: Operation) -> str:
    """Give the name that bioimage.io 0.5 has for an operation."""
    return operation.name if isinstance(operation, UnsupportedOperation) else OPERATION_NAMES[type(operation)]


# --- tensors, weights, people ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Padding:
    """How an image is continued beyond its border, before its preprocessing.

    Symmetric repeats the edge (d c b a | a b c d), reflect does not (d c b | a b c d), edge continues with the last pixel
    (a a a | a b c d), constant with ``value``.
    """

    mode: PaddingMode = "symmetric"
    value: float = 0.0

    def __str__(self) -> str:
        """Say it for a person: ``reflect``, ``constant 0``."""
        return f"{self.mode} {self.value:g}" if self.mode == "constant" else self.mode


@dataclass(frozen=True)
class Tensor:
    """One input or output of a model, with the operations that lead to it (inputs) or follow it (outputs).

    ``value_range`` holds the lowest and highest value the description allows (None: open); ``values`` the nominal or
    ordinal values where the description lists them. ``padding`` of an input is what the description says or, where it says
    nothing, what the format's own tools do.
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

    def axis(self, axis_id: str) -> Axis:
        """Give the axis of that id."""
        for axis in self.axes:
            if axis.id == axis_id:
                return axis
        raise KeyError(axis_id)


@dataclass(frozen=True)
class Weights:
    """One set of weights; ``available`` is False where the package does not hold the file that is described."""

    format: str
    file: FileRef
    available: bool
    opset_version: int | None = None
    external_data: FileRef | None = None
    parent: str | None = None
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


@dataclass(frozen=True)
class ModelDescription:
    """All that a person or a program needs to know of a model.

    ``location`` is the absolute path of the folder, zip or description file it was read from, ``digest`` the SHA-256 of
    the description file. ``notes`` say what the reader assumed or passed over.
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
    notes: tuple[str, ...] = ()
