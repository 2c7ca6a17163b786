"""The options of a run, as every way in spells them: command line, macro key, Python argument."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, TypeAlias, TypedDict

from ijbridge import axes as ax
from ijbridge import units
from ijbridge.devices import DEVICES
from ijbridge.errors import OptionError
from ijbridge.normalization import Normalization, NormalizeOption

#: "auto", "whole", one size for every spatial axis, or a size per axis.
TileOption: TypeAlias = str | int | Mapping[str, int]
#: "auto", "declared", or pixels of the input on every side.
HaloOption: TypeAlias = str | int

#: Channels by number (from 1, as ImageJ counts them) or name; one, or several in the order the model wants them.
ChannelOption: TypeAlias = str | int | Sequence[str | int]
#: "auto", bytes, or text such as "4 GB".
MemoryOption: TypeAlias = str | int
#: In micrometres, or text with a unit ("0.65 um", "z=2,y=0.5,x=0.5 um"); one size for all axes of space, or one per axis.
PixelSizeOption: TypeAlias = str | float | Mapping[str, float]

#: What can be asked for of a model that finds objects.
OBJECTS = ("labels", "rois", "both", "raw")

#: "run" for all that the model names, or the names of their files.
MacrosOption: TypeAlias = str | Sequence[str]

#: The programs of a model that are run only after a yes, besides its macros.
TRUSTED = ("torchscript",)

_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}


class OptionArguments(TypedDict, total=False):
    """The options as the public functions take them, by name; each may be left out."""

    tile: TileOption
    halo: HaloOption
    device: str
    channel: ChannelOption | None
    rescale: bool | str
    memory: MemoryOption
    normalize: NormalizeOption | None
    model_axes: str | None
    model_pixel_size: PixelSizeOption | None
    min_confidence: str | float | None
    objects: str | None
    prob_thresh: str | float | None
    nms_thresh: str | float | None
    macros: MacrosOption | None
    trust: str | None


@dataclass(frozen=True)
class Options:
    """Checked options.

    ``tile`` is a word, a number, or a number per axis letter; ``halo`` a word or a number; ``channels`` the names and
    numbers of the chosen channels, in order (none: all of them); ``memory`` is in bytes (None: what is free).

    What follows is said of the model (None and none: nothing): ``normalize`` takes the place of the description's;
    ``model_pixel_size`` has micrometres by the letter of an axis, or by no letter for all of them; ``min_confidence`` is in per
    cent; ``objects``, ``prob_thresh`` and ``nms_thresh`` say what is made of the objects that it finds, and of which;
    ``macros`` are the files of the model's macros that are to be run, all that it names where there is none.
    ``trust`` is what of the model somebody says yes to although it is a program.
    ``in_imagej`` says that an ImageJ runs the macros, which is never said by an option but by who asks for the run.
    """

    tile: str | int | Mapping[str, int] = "auto"
    halo: str | int = "auto"
    device: str = "auto"
    channels: tuple[str | int, ...] = ()
    rescale: bool = False
    memory: int | None = None
    normalize: Normalization | None = None
    model_axes: str | None = None
    model_pixel_size: tuple[tuple[str, float], ...] = ()
    min_confidence: float | None = None
    objects: str | None = None
    prob_thresh: float | None = None
    nms_thresh: float | None = None
    macros: tuple[str, ...] | None = None
    trust: str = ""
    in_imagej: bool = False

    @classmethod
    def read(
        cls,
        tile: TileOption = "auto",
        halo: HaloOption = "auto",
        device: str = "auto",
        channel: ChannelOption | None = None,
        rescale: bool | str = False,
        memory: MemoryOption = "auto",
        normalize: NormalizeOption | None = "auto",
        model_axes: str | None = None,
        model_pixel_size: PixelSizeOption | None = None,
        min_confidence: str | float | None = None,
        objects: str | None = None,
        prob_thresh: str | float | None = None,
        nms_thresh: str | float | None = None,
        macros: MacrosOption | None = None,
        trust: str | None = None,
    ) -> Options:
        """Check options and read those given as text.

        Raises
        ------
        OptionError
            If one is malformed; the message says what is allowed.
        """
        given = {
            "tile": tile, "halo": halo, "device": device, "channel": channel, "rescale": rescale, "memory": memory,
            "normalize": normalize, "model_pixel_size": model_pixel_size, "min_confidence": min_confidence,
            "objects": objects, "prob_thresh": prob_thresh, "nms_thresh": nms_thresh,
            "macros": macros,
        }  # fmt: skip
        try:
            return cls(
                tile=_tile(tile),
                halo=_halo(halo),
                device=_device(device),
                channels=_channels(channel),
                rescale=_rescale(rescale),
                memory=_memory(memory),
                normalize=None if normalize is None else Normalization.read(normalize),
                model_axes=None if model_axes is None else str(model_axes),
                model_pixel_size=() if model_pixel_size is None else _pixel_sizes(model_pixel_size),
                min_confidence=None if min_confidence is None else _percent(min_confidence),
                objects=None if objects is None else _objects(objects),
                prob_thresh=None if prob_thresh is None else _threshold("prob_thresh", prob_thresh),
                nms_thresh=None if nms_thresh is None else _threshold("nms_thresh", nms_thresh),
                macros=None if macros is None else _macros(macros),
                trust="" if trust is None else _trust(trust),
            )
        except (TypeError, ValueError, OverflowError) as error:
            # what is no text and no number, or a number beyond all sense
            shown = ", ".join(f"{name}={str(value)[:40]}" for name, value in given.items() if value is not None)
            raise OptionError(f"The options are not understood ({shown}): {error}.") from error

    @property
    def on_model(self) -> tuple[object, ...]:
        """What is said of the model, not of the run; equal where the same is said."""
        return self.normalize, self.model_axes, self.model_pixel_size, self.min_confidence, self.macros, self.in_imagej

    @property
    def on_objects(self) -> dict[str, str | float]:
        """What is said of objects, by the name of the option."""
        given = {"objects": self.objects, "prob_thresh": self.prob_thresh, "nms_thresh": self.nms_thresh}
        return {name: one for name, one in given.items() if one is not None}

    @classmethod
    def named(cls, options: Mapping[str, Any]) -> Options:
        """Check options given by name.

        Raises
        ------
        OptionError
            If there is no such option, or one is malformed.
        """
        known = list(OptionArguments.__annotations__)
        unknown = [name for name in options if name not in known]
        if unknown:
            raise OptionError(f"There is no option {unknown[0]!r}: the options are {', '.join(known)}.")
        return cls.read(**options)


def parse_amount(name: str, value: object) -> int:
    """Give an amount of bytes, at least 1, that is written as ``memory`` is: bytes, or a text such as "4 GB".

    Raises
    ------
    OptionError
        If it is something else; the message begins with the name.
    """
    size = _bytes(value)
    if size is None:
        raise OptionError(f"{name}={value!s} is not understood: use an amount such as 500 MB or 4 GB.")
    return size


def _tile(given: TileOption) -> str | int | Mapping[str, int]:
    value = given
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("auto", "whole"):
            return text
        if re.fullmatch(r"\d+", text):
            return _positive(int(text), given)
        pairs = [part.split("=") for part in text.replace(" ", "").split(",")]
        if not all(len(pair) == 2 and re.fullmatch(r"\d+", pair[1]) for pair in pairs):
            raise _wrong_tile(given)
        if len({name for name, _ in pairs}) < len(pairs):
            raise _wrong_tile(given)
        value = {name: int(number) for name, number in pairs}
    if isinstance(value, Mapping):
        sizes: dict[str, int] = {}
        for name, number in value.items():
            letter = ax.letter(str(name))
            if letter is None or letter not in ax.PHYSICAL or letter in sizes:
                raise _wrong_tile(given)
            sizes[letter] = _positive(number, given)
        if not sizes:
            raise _wrong_tile(given)
        return sizes
    return _positive(value, given)


def _positive(number: object, value: object) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or index(number) < 1:
        raise _wrong_tile(value)
    return index(number)


def _wrong_tile(value: object) -> OptionError:
    return OptionError(
        f"tile={value!s} is not understood: use auto, whole, a number of pixels such as 512, or one per axis such as "
        "y=512,x=512,z=16."
    )


def _halo(value: HaloOption) -> str | int:
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("auto", "declared"):
            return text
        if re.fullmatch(r"\d+", text):
            return int(text)
    elif hasattr(value, "__index__") and not isinstance(value, bool) and index(value) >= 0:
        return index(value)
    raise OptionError(f"halo={value!s} is not understood: use auto, declared, or a number of pixels such as 32.")


def _device(value: str) -> str:
    text = str(value).strip().lower()
    if text != "auto" and text not in DEVICES:
        raise OptionError(f"device={value!s} is not understood: use one of {', '.join(('auto', *DEVICES))}.")
    return text


def _channels(value: Any) -> tuple[str | int, ...]:
    if value is None or (isinstance(value, str) and not value.strip()):
        return ()
    # a name may hold commas; a text is taken apart where the names are known
    chosen = [value.strip()] if isinstance(value, str) else list(value) if isinstance(value, Sequence) else [value]
    for one in chosen:
        is_number = hasattr(one, "__index__") and not isinstance(one, bool) and index(one) >= 1
        if not (is_number or (isinstance(one, str) and all(part.strip() for part in one.split(",")))):
            raise OptionError(
                f"channel={value!s} is not understood: use a channel's number, from 1, or its name, and several with commas "
                "between them, such as 1,3."
            )
    return tuple(one if isinstance(one, str) else index(one) for one in chosen)


def _trust(value: object) -> str:
    text = str(value).strip().lower()
    if text not in TRUSTED:
        raise OptionError(f"trust={value!s} is not understood: use {', '.join(TRUSTED)}, or leave it out.")
    return text


def _rescale(value: object) -> bool:
    text = str(value).strip().lower()
    if (isinstance(value, str) or type(value).__name__ in ("bool", "bool_")) and text in ("true", "false"):
        return text == "true"
    raise OptionError(f"rescale={value!s} is not understood: use true or false.")


def _memory(value: object) -> int | None:
    if isinstance(value, str) and value.strip().lower() == "auto":
        return None
    size = _bytes(value)
    if size is None:
        raise OptionError(f"memory={value!s} is not understood: use auto, or an amount such as 500 MB or 4 GB.")
    return size


def _bytes(value: object) -> int | None:
    found = re.fullmatch(r"(\d{1,30}(?:\.\d{1,30})?)\s*([a-z]*)", str(value).strip().lower())
    if not found or found[2] not in _BYTES or isinstance(value, bool):
        return None
    return int(float(found[1]) * _BYTES[found[2]]) or None


def _pixel_sizes(value: PixelSizeOption) -> tuple[tuple[str, float], ...]:
    """Read sizes in micrometres by the letter of an axis, or by no letter."""
    wrong = OptionError(
        f"model_pixel_size={value!s} is not understood: use a number of micrometres above 0 such as 0.65, a number with a unit "
        "such as 650 nm, or one per axis such as z=2,y=0.65,x=0.65."
    )
    if isinstance(value, Mapping):
        pairs = [(str(name), str(size)) for name, size in value.items()]
    else:
        split = [part.rpartition("=") for part in str(value).split(",")]
        pairs = [(name.strip(), size) for name, _, size in split]
    sizes: dict[str, float] = {}
    for name, size in pairs:
        found = re.fullmatch(r"\s*([0-9.]+(?:[eE][-+]?\d+)?)\s*([^\d\s]*)\s*", size)
        letter = ax.letter(name) if name else ""
        factor = units.factor(found[2] or "µm", "µm") if found else None
        if not found or factor is None or letter is None or letter in sizes or (letter and letter not in "zyx"):
            raise wrong
        sizes[letter] = float(found[1]) * factor
        if not 0 < sizes[letter] < float("inf"):
            raise wrong
    return tuple(sizes.items())


def _percent(value: str | float) -> float:
    text = str(value).strip().removesuffix("%")
    percent = float(text) if re.fullmatch(r"\s*\d+(\.\d+)?\s*", text) and not isinstance(value, bool) else -1.0
    if not 0 <= percent <= 99:
        raise OptionError(f"min_confidence={value!s} is not understood: use a number of per cent from 0 to 99, such as 51.")
    return percent


def _objects(value: str) -> str:
    text = str(value).strip().lower()
    if text not in OBJECTS:
        raise OptionError(f"objects={value!s} is not understood: use one of {', '.join(OBJECTS)}.")
    return text


def _threshold(name: str, value: str | float) -> float:
    number = float(value) if not isinstance(value, str) or re.fullmatch(r"\s*(\d+(\.\d+)?|\.\d+)\s*", value) else -1.0
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise OptionError(f"{name}={value!s} is not understood: use a number from 0 to 1, such as 0.5.")
    return number


def _macros(value: MacrosOption) -> tuple[str, ...]:
    names = value.strip().removeprefix("[").removesuffix("]").split(",") if isinstance(value, str) else list(value)
    named = tuple(name.strip() if isinstance(name, str) else "" for name in names)
    if not all(named):
        raise OptionError(
            f"macros={value!s} is not understood: use run for all that the model names, or the names of its files, such as "
            "preprocessing.ijm,postprocessing.ijm."
        )
    return () if named == ("run",) else named
