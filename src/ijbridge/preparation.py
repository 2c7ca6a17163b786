"""Preparation: the channels of an image that a model is given, and the grid on which it is given them.

What is done is decided from the header alone (`prepare`); the pixels follow (`Preparation.chosen`, `Preparation.resampled`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ijbridge.checks import pixel_size_factor
from ijbridge.description import Tensor
from ijbridge.errors import AxesError, PlanError
from ijbridge.image import Header, Image
from ijbridge.resampling import resample, resampled_size

#: Pixel sizes further apart than this are a mistake.
_MOST = 1000

#: A pixel size that differs by less than this share is the model's.
_EXACT = 0.01


@dataclass(frozen=True)
class Preparation:
    """What becomes of an image before the model's own operations.

    ``source`` is the image as it is given, ``header`` as the model gets it. ``channels`` are the numbers (from 0) of the
    chosen channels, None where all are taken; ``factors`` the new pixels per pixel of each resampled axis; ``is_labels``
    says that the values name something, so that none may be made between two of them.
    """

    source: Header
    header: Header
    channels: tuple[int, ...] | None = None
    factors: Mapping[str, float] = field(default_factory=dict)
    is_labels: bool = False

    def chosen(self, image: Image) -> Image:
        """Give the image with the chosen channels; a view, unless three and more lie at uneven distances."""
        if self.channels is None:
            return image
        axis = image.header.axes.index("c")
        header = _with_channels(image.header, self.channels)
        where: int | slice | list[int] = self.channels[0] if len(self.channels) == 1 else _sliced(self.channels)
        return Image(image.array[(*(slice(None),) * axis, where)], header)

    def resampled(self, image: Image) -> Image:
        """Give the image, with its channels chosen, on the model's grid."""
        import numpy as np

        if not self.factors:
            return image
        array = np.empty(self.header.shape, self.header.dtype)
        resample(image.array, image.header.axes, self.factors, array, nearest=self.is_labels)
        return Image(array, self.header)

    @property
    def channels_text(self) -> str:
        """The chosen channels for a person: ``2 (GFP), 1 (DAPI)``; empty where all are taken."""
        names = self.source.channel_names
        return ", ".join(f"{number + 1}" + (f" ({names[number]})" if names else "") for number in self.channels or ())

    @property
    def factors_text(self) -> str:
        """The new pixels per pixel for a person: ``y × 0.5, x × 0.5``; empty where nothing is resampled."""
        return ", ".join(f"{letter} × {factor:.4g}" for letter, factor in self.factors.items())

    @property
    def nbytes(self) -> int:
        """The bytes that the prepared image takes beside the one that is given."""
        copied = bool(self.factors) or (self.channels is not None and isinstance(_sliced(self.channels), list))
        return self.header.nbytes if copied else 0


def prepare(tensor: Tensor, image: Header, channels: Sequence[str | int], *, rescale: bool) -> Preparation:
    """Decide how an image is prepared for an input.

    Parameters
    ----------
    channels
        Numbers (from 1) and names of the wanted channels; none: all.
    rescale
        Whether to resample to the pixel size that the description states.

    Raises
    ------
    AxesError
        If the image has no such channel.
    PlanError
        If rescaling is asked for and the pixel size of model or image is not known.
    """
    numbers = tuple(_channel(one, image) for one in _named(channels, image)) if channels and "c" in image.axes else None
    header = image if numbers is None else _with_channels(image, numbers)
    factors = _factors(tensor, header) if rescale else {}
    return Preparation(image, _on_grid(header, factors), numbers, factors, bool(tensor.values))


def check_channels(images: Sequence[Header], channels: Sequence[str | int]) -> None:
    """Refuse channels of images that have none; of several images, one that has some will do.

    Raises
    ------
    AxesError
        If a channel other than the first is wanted.
    """
    if not any("c" in image.axes for image in images):
        for one in _named(channels, images[0]):
            _channel(one, images[0])


def _named(channels: Sequence[str | int], image: Header) -> list[str | int]:
    """Take a text apart at its commas, unless it is a name."""
    if len(channels) == 1 and isinstance(channels[0], str) and channels[0] not in image.channel_names:
        return [part.strip() for part in channels[0].split(",")]
    return list(channels)


def _sliced(channels: tuple[int, ...]) -> slice | list[int]:
    """Give numbers at even distances as a slice, of which a view can be taken."""
    if len(channels) == 1:
        return slice(channels[0], channels[0] + 1)
    step = channels[1] - channels[0]
    if step == 0 or any(b - a != step for a, b in pairwise(channels)):
        return list(channels)
    end = channels[-1] + step
    return slice(channels[0], end if end >= 0 else None, step)


def _channel(wanted: str | int, image: Header) -> int:
    names, count = image.channel_names, image.size("c") or 1
    if isinstance(wanted, str):
        found = [number for number, name in enumerate(names) if name == wanted]
        found = found or [number for number, name in enumerate(names) if name.lower() == wanted.lower()]
        if len(found) == 1:
            return found[0]
    if str(wanted).isdecimal() and 1 <= int(wanted) <= count:
        return int(wanted) - 1
    have = f"{count} channels" if count > 1 else "one channel"
    named = f" ({', '.join(names)})" if names else ""
    allowed = f"choose 1 to {count}{' or a name' if names else ''}" if count > 1 else "leave the channel out"
    raise AxesError(f"{image.name} has {have}{named}, but not the channel {wanted}: {allowed}.")


def _with_channels(image: Header, channels: Sequence[int]) -> Header:
    """Give the header with these channels; a single one is no axis any more."""
    axis = image.axes.index("c")
    names = tuple(image.channel_names[number] for number in channels) if image.channel_names else ()
    if len(channels) == 1:
        shape, axes = (*image.shape[:axis], *image.shape[axis + 1 :]), image.axes.replace("c", "")
        return replace(image, shape=shape, axes=axes, channel_names=())
    return replace(image, shape=(*image.shape[:axis], len(channels), *image.shape[axis + 1 :]), channel_names=names)


def _factors(tensor: Tensor, image: Header) -> dict[str, float]:
    stated = [axis for axis in tensor.axes if axis.kind == "space" and axis.pixel_size is not None]
    letters = [axis.letter for axis in stated if axis.letter is not None and axis.letter in image.axes]
    factors = {letter: pixel_size_factor(tensor, image, letter) for letter in letters}
    known = {letter: factor for letter, factor in factors.items() if factor is not None}
    if len(known) < len(letters):
        unknown = next(letter for letter in letters if letter not in known)
        raise PlanError(
            f"{image.name} has no pixel size in a unit of length along {unknown}, so it cannot be rescaled to the model's: set "
            "it (in ImageJ: Image > Properties), or leave rescale out."
        )
    for letter, factor in known.items():
        if not 1 / _MOST <= factor <= _MOST:
            raise PlanError(
                f"The pixels of {image.name} are {factor:.3g} times as large along {letter} as the model's, which is more than "
                f"{_MOST} times apart: see that the pixel size is right."
            )
    return {letter: factor for letter, factor in known.items() if abs(factor - 1) > _EXACT}


def _on_grid(image: Header, factors: Mapping[str, float]) -> Header:
    if not factors:
        return image
    return replace(
        image,
        shape=tuple(
            resampled_size(size, factors[letter]) if letter in factors else size
            for letter, size in zip(image.axes, image.shape, strict=True)
        ),
        pixel_size={letter: size / factors.get(letter, 1.0) for letter, size in image.pixel_size.items()},
    )
