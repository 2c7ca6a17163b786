"""A stack larger than 2 GiB, which no array and no buffer of Java's can hold, whole through both hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from builders import Network, channel, described, follows, space, write_model
from ijbridge.platforms import free_memory
from imagej_session import HostedImageJ, ImageJ, Ran

pytestmark = pytest.mark.imagej

PLANES, SIDE = 540, 2000

#: The plane in which the border lies.
BORDER = 2**31 // SIDE**2

LOOKED_AT = (0, 100, BORDER, PLANES - 1)

#: Too little for the image beside its result: a virtual stack must not lie on the heap as a whole.
HEAP = "-Xmx3g"

_NEEDED = 9e9


def _plane(number: int) -> NDArray[np.uint8]:
    """Give a plane that is like no other, and like itself in no mirror."""
    first = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE), np.uint8)
    return np.roll(first, (number, 3 * number), (0, 1))


def _upper(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Do in numpy what the model does."""
    above = np.pad(plane[:-1], ((1, 0), (0, 0)))
    return np.maximum(plane, above)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that gives the larger of each pixel and the one above it, in so little time that memory is what matters."""
    net = Network()
    raw = net.input("raw", dtype="uint8")
    start, end, rows = (net.constant([number], np.int64) for number in (0, -1, 2))
    pads = net.constant([0, 0, 1, 0, 0, 0, 0, 0], np.int64)
    shifted = net.node("Slice", [net.node("Pad", [raw, pads], 1), start, end, rows], 1)
    net.output(net.node("Max", [shifted, raw], 1), "out", dtype="uint8")
    free = {"min": 1, "step": 1}
    return write_model(
        tmp_path_factory.mktemp("models") / "upper",
        net,
        inputs=[described("raw", channel("c"), space("y", free), space("x", free), dtype="uint8")],
        outputs=[described("out", channel("c"), follows("y", 1), follows("x"), dtype="uint8")],
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if free_memory() < _NEEDED:
        pytest.skip(f"{_NEEDED / 1e9:.0f} GB of memory are needed, {free_memory() / 1e9:.1f} GB are free")
    path = tmp_path_factory.mktemp("pictures") / "large.tif"
    planes = (_plane(number) for number in range(PLANES))
    tifffile.imwrite(path, planes, shape=(PLANES, SIDE, SIDE), dtype=np.uint8, imagej=True, metadata={"axes": "ZYX"})
    yield path
    path.unlink()


@dataclass(frozen=True)
class Seen:
    ran: Ran
    folder: Path


@pytest.fixture(scope="module", params=[pytest.param(ImageJ, id="worker"), pytest.param(HostedImageJ, id="python")])
def seen(request: Any, screen: str, stack: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("large")
    planes = "".join(f'save({plane + 1}, "{folder}/{plane}.tif");' for plane in LOOKED_AT)
    macro = rf"""
        setBatchMode(true);
        run("TIFF Virtual Stack...", "open=[{stack}]");
        run("Run Model...", "model=[{model}]");
        print(getTitle() + "|" + nSlices + "|" + bitDepth() + "|" + is("Virtual Stack"));
        {planes}
        function save(slice, path) {{
            setSlice(slice);
            run("Duplicate...", "title=plane");
            saveAs("Tiff", path);
            close();
        }}
    """
    return Seen(request.param(folder / "ImageJ", screen, java=[HEAP]).run({"large": macro}).ran["large"], folder)


def test_the_image_is_larger_than_what_java_can_address(stack: Path) -> None:
    assert stack.stat().st_size > 2**31 + 2 * SIDE**2


def test_the_result_is_an_image_of_as_many_planes(seen: Seen) -> None:
    assert seen.ran.log == (f"large-out|{PLANES}|8|0",)


@pytest.mark.parametrize("plane", LOOKED_AT)
def test_each_plane_has_its_bytes_before_and_beyond_the_border(seen: Seen, plane: int) -> None:
    given = np.asarray(tifffile.imread(seen.folder / f"{plane}.tif"))
    np.testing.assert_array_equal(given, _upper(_plane(plane)))
