"""The macro keys of one image (channel, rescale, normalize, memory), and the dialog: what it asks, remembers and records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from imagej_session import ABORTED, ImageJ, Session

from . import models
from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

#: What a macro asks for after the model, and the same in Python.
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "one_channel": ("channel=2", {"channel": 2}),
    "a_flag": ("channel=3 rescale", {"channel": 3, "rescale": True}),
    "a_flag_before_another": ("rescale channel=3", {"channel": 3, "rescale": True}),
    "true": ("channel=1 rescale=true tile=32", {"channel": 1, "rescale": True, "tile": 32}),
    "false": ("channel=1 rescale=false", {"channel": 1}),
    "memory": ("channel=[2] memory=[4 GB]", {"channel": 2, "memory": "4 GB"}),
    "percentiles": ("channel=2 normalize=[10, 90]", {"channel": 2, "normalize": (10, 90)}),
}

#: What is refused, and words of the one sentence.
REFUSED = {
    "channel=4": "but not the channel 4",
    "channel=DAPI": "but not the channel DAPI",
    "channel=1 rescale=perhaps": "rescale=perhaps is not understood",
    "channel=1 memory=much": "memory=much is not understood",
    "channel=1 normalize=90,10": "normalize=90,10 is not understood",
    "channel": 'The text "channel" is not of the form key=value',
}


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path

    def pixels(self, name: str) -> NDArray[Any]:
        return np.asarray(tifffile.imread(self.folder / f"{name}.tif"))

    def recorded(self, macro: str) -> str:
        """Give the one line that ImageJ's recorder wrote."""
        (line,) = [one for one in self.session.ran[macro].log if one.startswith("run(")]
        return line

    def offered(self, macro: str) -> list[str]:
        """Give what the dialog held when it came up: model, tile, halo, channel, rescale."""
        (line,) = [one for one in self.session.ran[macro].log if one.startswith("offered: ")]
        return line.removeprefix("offered: ").split("|")


def _answered(folder: Path, model: Path, channel: str, rescale: str, name: str) -> str:
    """Answer the dialog, save the result, replay what was recorded on the same image, and save that too."""
    return f"""
        open("{folder}/channels.tif");
        said = split(call("Person.answers", "{model}", "{channel}", "{rescale}"), "\\n");
        print("offered: " + said[0]);
        print(said[1]);
        saveAs("Tiff", "{folder}/{name}-answered.tif");
        close();
        eval(said[1]);
        saveAs("Tiff", "{folder}/{name}-replayed.tif");
    """


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, person: None, tilted: Path, mixed: Path, slow: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    picture = np.random.default_rng(5).integers(0, 256, (3, 70, 45)).astype(np.uint8)
    tifffile.imwrite(
        folder / "channels.tif",
        picture,
        imagej=True,
        resolution=(0.5 / models.PIXEL_SIZE["x"], 0.5 / models.PIXEL_SIZE["y"]),
        metadata={"axes": "CYX", "unit": "um"},
    )
    tifffile.imwrite(folder / "large.tif", np.tile(picture[0], (4, 6)))
    macros = {
        "first": _answered(folder, tilted, "3", "true", "chosen"),
        "second": _answered(folder, mixed, "", "false", "all"),
    }
    for name, (options, _) in ASKED.items():
        macros[name] = f"""
            open("{folder}/channels.tif");
            run("Run Model...", "model=[{tilted}] {options}");
            saveAs("Tiff", "{folder}/{name}.tif");
        """
    for number, options in enumerate(REFUSED):
        macros[f"refused{number}"] = f"""
            open("{folder}/channels.tif");
            run("Run Model...", "model=[{tilted}] {options}");
            print("NOT REACHED");
        """
    macros["little_memory"] = f"""
        open("{folder}/large.tif");
        run("Run Model...", "model=[{slow}] memory=[100 MB]");
        print("info: " + replace(getMetadata("Info"), "\\n", "~"));
    """
    return Seen(imagej.run(macros), folder)


def _from_python(seen: Seen, model: Path, **options: Any) -> bytes:
    result = ijbridge.predict(model, seen.folder / "channels.tif", **options)
    assert not isinstance(result, dict)
    return np.asarray(result.values).astype("<f4").tobytes()


@pytest.mark.parametrize("name", ASKED)
def test_a_macro_gives_the_same_bytes_as_python(seen: Seen, tilted: Path, name: str) -> None:
    assert seen.pixels(name).astype("<f4").tobytes() == _from_python(seen, tilted, **ASKED[name][1])


def test_rescaling_gives_other_pixels_than_not_rescaling(seen: Seen) -> None:
    assert not np.array_equal(seen.pixels("true"), seen.pixels("false"))


def test_little_memory_gives_small_tiles(seen: Seen) -> None:
    (info,) = seen.session.ran["little_memory"].log[-1:]
    assert re.search(r"~tile: y=\d+,x=\d+~", info), info
    assert int(re.findall(r"~tile: y=(\d+)", info)[0]) < 270


@pytest.mark.parametrize("options", REFUSED)
def test_what_is_not_understood_is_said_in_one_sentence(seen: Seen, options: str) -> None:
    ran = seen.session.ran[f"refused{list(REFUSED).index(options)}"]
    assert REFUSED[options] in ran.log[0]
    assert ran.value == ABORTED


def test_what_the_recorder_writes_can_be_replayed(seen: Seen, tilted: Path, mixed: Path) -> None:
    assert seen.recorded("first").endswith('tile=auto halo=auto device=auto channel=3 rescale");')
    for kind in ("answered", "replayed"):
        given = seen.pixels(f"chosen-{kind}").astype("<f4").tobytes()
        assert given == _from_python(seen, tilted, channel=3, rescale=True)


def test_a_blank_channel_and_an_empty_box_mean_all_channels_as_they_are(seen: Seen, mixed: Path) -> None:
    assert seen.recorded("second").endswith('tile=auto halo=auto device=auto");')
    for kind in ("answered", "replayed"):
        assert seen.pixels(f"all-{kind}").astype("<f4").tobytes() == _from_python(seen, mixed)


def test_the_dialog_remembers_the_model_but_not_what_belongs_to_one_image(seen: Seen, tilted: Path) -> None:
    assert seen.offered("first") == ["", "auto", "auto", "", "false"]
    assert seen.offered("second") == [str(tilted), "auto", "auto", "", "false"]
