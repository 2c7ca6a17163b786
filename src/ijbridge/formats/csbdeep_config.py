"""What the formats of CSBDeep and of StarDist share: JSON, a ``config.json`` with defaults, weights in ``.h5`` files beside it.

Both packages load a ``config.json`` into an object with a default for every key, so that files of older versions lack the
newer ones. The defaults here are those of csbdeep 0.8.2 and stardist 0.9.2; what is not in a file is named in a note.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ijbridge.architectures import Architecture
from ijbridge.description import Axis, FileRef, FixedSize, Padding, Size, SteppedSize, Tensor, Weights
from ijbridge.errors import DescriptionError, NotAModelError
from ijbridge.findings import Finding, noted
from ijbridge.formats.fields import Fields, shown
from ijbridge.formats.json_text import parse_json
from ijbridge.formats.package import LONGEST_DESCRIPTION, Package
from ijbridge.normalization import Normalization
from ijbridge.operations import EnsureDtype

CONFIG = "config.json"

#: Files of weights, those first that are loaded first.
WEIGHTS = ("weights_best.h5", "weights_last.h5")

#: What no network has more of: channels, filters, rays.
MOST = 2**16


def found(package: Package, file: str) -> Package | None:
    """Give the package with its file of that name for its description: the one at its top, else in its only folder with one.

    Raises
    ------
    NotAModelError
        If several folders have one.
    """
    names = package.nearest(lambda one: one == file)
    if len(names) > 1:
        raise NotAModelError(f"{package.location} holds several models ({', '.join(names)}): give the folder that is meant.")
    return package.described_by(names[0]) if names else None


def read_json(package: Package, file: str) -> tuple[Fields, str]:
    """Read a JSON file that lies in the folder of the description and holds a mapping; give it with its SHA-256.

    Raises
    ------
    DescriptionError
        If it is something else.
    """
    data = package.read(FileRef(file), "description", LONGEST_DESCRIPTION)
    return Fields(parse_json(data, f"{file} of {package.location.name}"), "", file), hashlib.sha256(data).hexdigest()


class Config:
    """A ``config.json``: its keys, with the default of the package that wrote it where one is not there."""

    def __init__(self, fields: Fields, writer: str) -> None:
        self.fields = fields
        self._writer = writer
        self._missing: list[str] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was taken for granted."""
        if not self._missing:
            return ()
        missing = ", ".join(self._missing)
        return (noted(f"{self.fields.file} lacks {missing}, for which the defaults of {self._writer} are taken"),)

    def has(self, key: str, default: object) -> bool:
        """Whether there is such a key (null counts); where there is none, ``default`` is named in the findings."""
        if key in self.fields.value:
            return True
        self._missing.append(f"{key} ({default})")
        return False

    def whole(self, key: str, default: int, low: int = 1, high: int = MOST) -> int:
        """Give a whole number."""
        return self._whole(key, self.fields.raw(key), low, high) if self.has(key, default) else default

    def wholes(self, key: str, default: tuple[int, ...], high: int = MOST) -> tuple[int, ...]:
        """Give as many whole numbers from 1 as the default has."""
        if not self.has(key, ", ".join(map(str, default))):
            return default
        values = self.fields.list(key)
        if len(values) != len(default):
            raise self.fields.wrong(key, f"a list of {len(default)} whole numbers, one for each of the image's axes")
        return tuple(self._whole(key, one, 1, high) for one in values)

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """Give a number."""
        if not self.has(key, default):
            return default
        value = self.fields.raw(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.fields.wrong(key, f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Give true or false."""
        if not self.has(key, str(default).lower()):
            return default
        if not isinstance(self.fields.raw(key), bool):
            raise self.fields.wrong(key, "true or false")
        return bool(self.fields.raw(key))

    def one_of(self, key: str, default: str, allowed: tuple[str, ...]) -> str:
        """Give one of some texts."""
        return self.fields.one_of(key, allowed) if self.has(key, default) else default

    def text(self, key: str, default: str) -> str:
        """Give a text."""
        if self.has(key, default or "none") and not isinstance(self.fields.raw(key), str):
            raise self.fields.wrong(key, "a text")
        return str(self.fields.value.get(key, default))

    def axes(self, default: str) -> str:
        """Give the axes without the channel, in lower case: ``zyx``. The channel is the last or left out."""
        given = self.text("axes", default)
        letters = given.upper().removesuffix("C").lower()
        if not {"y", "x"} <= set(letters) <= set("tzyx") or len(set(letters)) < len(letters) or len(letters) > 3:
            raise self.fields.wrong("axes", "two or three of T, Z, Y and X, with Y and X among them, and C at the end")
        if self.whole("n_dim", len(letters)) != len(letters):
            raise self.fields.error(f"`n_dim` is {self.fields.raw('n_dim')}, but `axes` are {given}")
        return letters

    def input_sizes(self, key: str, channels: int, stride: tuple[int, ...]) -> tuple[Size, ...]:
        """Give the sizes that a network takes along its axes, from its input's shape: a number where one is fixed."""
        free = tuple(SteppedSize(step, step) for step in stride)
        if not self.has(key, "any size"):
            return free
        *given, last = self.fields.list(key) or [None]
        if len(given) != len(stride) or last != channels:
            raise self.fields.wrong(key, f"a list of {len(stride)} sizes (null for any) and of {channels} for the channels")
        sizes: list[Size] = []
        for one, step, size in zip(free, stride, given, strict=True):
            if size is not None and self._whole(key, size, 1, 2**31) % step:
                raise self.fields.wrong(key, f"sizes that are multiples of {step}, by which the network goes down and up again")
            sizes.append(one if size is None else FixedSize(size))
        return tuple(sizes)

    def refuse_others(self, known: Iterable[str], families: Iterable[str]) -> None:
        """Refuse keys that say something of a network and are none of those that are known."""
        for key in self.fields.value:
            if key not in known and key.startswith(tuple(families)):
                raise self.fields.error(
                    f"`{key}` says something of the network that {self._writer} does not know, so that another network may be "
                    "meant: export the model to ONNX where it was made"
                )

    def _whole(self, key: str, value: object, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            inside = f" (it has {shown(value)})" if isinstance(self.fields.raw(key), list) else ""
            raise self.fields.wrong(key, f"{'of whole numbers' if inside else 'a whole number'} from {low} to {high}{inside}")
        return value


def keras_weights(package: Package, architecture: Architecture) -> tuple[tuple[Weights, ...], tuple[Finding, ...]]:
    """List the weights beside a ``config.json``, those first that csbdeep and stardist load; say which were chosen.

    Raises
    ------
    DescriptionError
        If there are several and none is called best or last.
    """
    names = [one for one in package.beside() if PurePosixPath(one).suffix.lower() in (".h5", ".hdf5")]
    preferred = [name for name in WEIGHTS if name in names]
    if len(names) > 1 and not preferred:
        raise DescriptionError(
            f"{package.location.name} holds several files of weights ({', '.join(names)}) and neither {' nor '.join(WEIGHTS)}: "
            "leave only the one that is meant in the folder."
        )
    ordered = [*preferred, *(name for name in names if name not in preferred)] or [*WEIGHTS[:1]]
    weights = tuple(
        Weights(format="keras_hdf5", file=FileRef(name), available=name in names, architecture=architecture) for name in ordered
    )
    if len(names) < 2:
        return weights, ()
    chosen = f"Of its weights {ordered[0]} are used, not {', '.join(ordered[1:])}"
    return weights, (noted(chosen, "weights-chosen"),)


def model_name(package: Package) -> str:
    """Name a model, as csbdeep and stardist do, by the folder of its description; in a zip that has none, by the zip."""
    description = package.description_file or ""
    folder, location = PurePosixPath(description).parent.name, package.location
    if folder or location.is_dir():
        return folder or location.name
    return location.parent.name if location.name == description else location.stem


def network_axes(
    letters: str, sizes: Sequence[Size], channels: int, *, halos: Sequence[int] = (), channels_last: bool = False
) -> tuple[Axis, ...]:
    """Give the axes of a tensor: batch, channel and those of an image."""
    space = [
        Axis(id=letter, kind="time" if letter == "t" else "space", size=size, letter=letter, halo=halo)
        for letter, size, halo in zip(letters, sizes, halos or [0] * len(sizes), strict=True)
    ]
    batch = Axis(id="batch", kind="batch", size=FixedSize(1), letter="b")
    channel = Axis(id="channel", kind="channel", size=FixedSize(channels), letter="c")
    return (batch, *space, channel) if channels_last else (batch, channel, *space)


def normalized_input(axes: tuple[Axis, ...], low: float, high: float, who: str, *, both_sides: bool) -> Tensor:
    """Give the input of a network, normalised by percentiles of each channel; its border is mirrored.

    ``who`` does so where nothing is stated, which no file of these formats does.
    """
    return Tensor(
        id="input",
        axes=axes,
        dtype="float32",
        operations=(*Normalization("percentile", (low, high)).operations(axes), EnsureDtype("float32")),
        padding=Padding("reflect", both_sides=both_sides),
        assumed=Finding(
            "normalisation-assumed", "note", "The format does not state how images are normalised",
            f"so it is done as {who}, by the percentiles {low:g} and {high:g} of each channel",
            "normalize names another normalisation",
        ),
    )  # fmt: skip
