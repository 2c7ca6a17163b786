"""ImgLib2's images in shared memory: a model runs on them where they lie, in a worker and in the same process."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ijbridge
from imagej_session import IMAGEJ, JARS
from processes import cannot_mount

from . import models
from .playing import play
from .shared_memory import SmallPlaces

pytestmark = [
    pytest.mark.imagej,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows shared memory as files"),
]

#: What Fiji has on its class path.
JAR_FILES = [
    str(IMAGEJ),
    str(JARS / "IJBridge_.jar"),
    *(str(jar) for folder in ("dependency", "imglib2") for jar in sorted((JARS / folder).glob("*.jar"))),
]

#: Pictures that are like themselves in no mirror and no other order of axes, in the order of numpy.
PICTURES: dict[str, tuple[tuple[int, ...], type[np.generic], str]] = {
    "stack": ((3, 40, 35), np.float32, "zyx"),
    "colours": ((40, 35, 3), np.uint8, "yxc"),
}
SLOW = (8, 256, 256)


def _picture(name: str) -> NDArray[Any]:
    shape, dtype = (SLOW, np.uint8) if name == "slow" else PICTURES[name][:2]
    return np.random.default_rng(4).integers(1, 256, shape).astype(dtype)


@dataclass(frozen=True)
class Seen:
    said: dict[str, Any]
    folder: Path
    paths: dict[str, str]

    def pixels(self, name: str) -> NDArray[Any]:
        return np.asarray(np.load(self.folder / f"{name}.npy"))


@pytest.fixture(scope="module", params=["worker", "python"])
def seen(request: Any, screen: str, tilted: Path, mixed: Path, slow: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp(request.param)
    paths = {"stack": str(tilted), "colours": str(mixed), "slow": str(slow)}
    for name in paths:
        np.save(folder / f"{name}.npy", _picture(name))
    # a /dev/shm of one's own: other programs make segments meanwhile
    before = [] if cannot_mount() else SmallPlaces(folder / "places", 4_000_000_000, 1_000_000).before
    asked = {"folder": str(folder), "jars": JAR_FILES, "models": paths, "hosted": request.param == "python"}
    return Seen(play("shared_images", "", before=before, **asked), folder, paths)


def _predicted(seen: Seen, name: str, picture: NDArray[Any], axes: str, **options: Any) -> NDArray[Any]:
    result = ijbridge.predict(seen.paths[name], picture, axes=axes, **options)
    assert not isinstance(result, dict)
    return np.asarray(result.values)


@pytest.mark.parametrize("name", PICTURES)
def test_the_result_has_the_bytes_that_every_other_way_gives(seen: Seen, name: str) -> None:
    expected = _predicted(seen, name, _picture(name), PICTURES[name][2], tile=32)
    given = seen.pixels(f"{name}-result")
    assert given.shape == expected.shape
    assert given.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", PICTURES)
def test_each_pixel_is_where_imglib2_looks_for_it(seen: Seen, name: str) -> None:
    pixels = seen.pixels(f"{name}-result")
    for *position, value in seen.said["results"][name]["at"]:
        assert value == pixels[tuple(reversed(position))]


def test_the_result_says_its_axes_its_pixel_size_and_what_made_it(seen: Seen) -> None:
    axes, name, sizes, units = seen.said["results"]["stack"]["header"]
    assert (axes, name) == ("xyz", "cells-sum")
    assert sizes == models.PIXEL_SIZE
    assert units == {"x": "µm", "y": "µm"}
    assert seen.said["results"]["colours"]["header"][0] == "cxy"
    assert "model.name: tilted\n" in seen.said["results"]["stack"]["provenance"]


def test_neither_image_nor_result_is_copied(seen: Seen) -> None:
    # a worker sees both for the first time, the process that made the image only the result
    assert seen.said["grown"] < (2.5 if "worker" in seen.folder.name else 1.5)


def test_what_is_written_on_one_side_is_seen_on_the_other_while_the_model_runs(seen: Seen) -> None:
    live = seen.said["live"]
    assert live["ran_on"]
    assert live["seen"] == live["name"]
    changed = _picture("slow")
    changed[-1] = changed[0]
    assert seen.pixels("live").tobytes() == _predicted(seen, "slow", changed, "zyx").tobytes()


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("heap", "IllegalArgumentException: The image is a ArrayImg, which does not lie in shared memory: make it a "),
        ("axes", 'IllegalArgumentException: The image "cells" has 2 dimensions, but its axes are said to be "xq": give one '),
        ("roi", 'IllegalStateException: The option "roi" is not known: the options are model, tile, halo, device, channel, '),
        ("model", "IllegalStateException: There is no model at /no/such model.zip: give the path of a model's folder"),
        ("nan", "NaN"),
        ("large", 'The result "cells-sum" needs 2400.0 MB of shared memory, but a ShmImg holds at most 2147.5 MB: run on a '),
    ],
)
def test_what_cannot_be_run_is_one_sentence(seen: Seen, what: str, sentence: str) -> None:
    assert sentence in seen.said["refused"][what]


def test_an_image_around_one_in_shared_memory_is_that_one(seen: Seen) -> None:
    assert seen.said["refused"]["wrapped"] == "not refused"


def test_no_shared_memory_is_left(seen: Seen) -> None:
    assert seen.said["left"] == []


def test_a_result_that_finds_no_room_is_refused_before_the_run(tilted: Path, tmp_path: Path) -> None:
    if reason := cannot_mount():
        pytest.skip(reason)
    places = SmallPlaces(tmp_path / "places", 10_000_000, 1_000_000)
    said = play("little_memory", "", before=places.before, folder=str(tmp_path), jars=JAR_FILES, model=str(tilted))
    assert 'The result "cells-sum" needs 8.0 MB of shared memory, but 2.0 MB are free in /dev/shm: run on a ' in said["refused"]
    assert said["left"] == []
