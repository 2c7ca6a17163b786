"""What there is to say of a format."""

from __future__ import annotations

from dataclasses import dataclass

from ijbridge.findings import Finding

#: What is said where a format, or a model in it, has no pixel size; the option takes it away.
PIXEL_SIZE_UNKNOWN = Finding(
    "pixel-size-unknown",
    "note",
    "The pixel size that the model was trained for is not stated",
    advice="model_pixel_size sets it",
)


@dataclass(frozen=True)
class FormatInfo:
    """A format: its name, the versions that are read, what it is told by, and the weights that come in it."""

    name: str
    versions: str
    looked_for: str
    weights: tuple[str, ...]
