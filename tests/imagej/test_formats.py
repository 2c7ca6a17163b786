"""Models of other formats than bioimage.io in a real ImageJ: the same results as from Python, and the keys for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import ijbridge
from imagej_session import ABORTED, ImageJ, Session
from zeiss_models import channels_last, write_czann

pytestmark = pytest.mark.imagej

#: What a macro asks for after the model, and the same in Python.
ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "labels": ("cells.czann", "tile=32", {"tile": 32}),
    "confident": (
        "cells.czann",
        "min_confidence=[45 %] normalize=[divide 300]",
        {"min_confidence": 45, "normalize": "divide 300"},
    ),
    "bare": (
        "network.onnx",
        "normalize=percentile,1,99.8 model_axes=NHWC model_pixel_size=[0.5 um]",
        {"normalize": "percentile 1 99.8", "model_axes": "byxc", "model_pixel_size": 0.5},
    ),
}


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("formats")
    write_czann(folder, channels_last(), [64, 64, 1], [64, 64, 3], min_overlap=[8, 8]).rename(folder / "cells.czann")
    picture = np.random.default_rng(3).integers(0, 256, (60, 70)).astype(np.uint8)
    tifffile.imwrite(folder / "cells.tif", picture, imagej=True)
    macros = {
        name: rf"""
            open("{folder}/cells.tif");
            run("Run Model...", "model=[{folder / model}] {keys}");
            print("active: " + getTitle() + "|" + bitDepth() + "|" + String.join(getList("image.titles"), "|"));
            print("info: " + replace(getMetadata("Info"), "\n", "~"));
            saveAs("Tiff", "{folder}/{name}.tif");
        """
        for name, (model, keys, _) in ASKED.items()
    }
    macros["refused"] = f'open("{folder}/cells.tif"); run("Run Model...", "model=[{folder}/cells.czann] min_confidence=100");'
    return Seen(imagej.run(macros), folder)


@pytest.mark.parametrize("name", ASKED)
def test_the_macro_gives_what_python_gives(seen: Seen, name: str) -> None:
    model, _, options = ASKED[name]
    found = ijbridge.predict(seen.folder / model, seen.folder / "cells.tif", **options)
    expected = next(iter(found.values())) if isinstance(found, dict) else found
    np.testing.assert_array_equal(tifffile.imread(seen.folder / f"{name}.tif"), np.asarray(expected).astype(np.float32))


def test_labels_are_active_and_the_confidence_is_the_second_result(seen: Seen) -> None:
    log = seen.session.ran["labels"].log
    assert "active: cells-labels|16|cells.tif|cells-confidence|cells-labels" in log
    (info,) = [line for line in log if line.startswith("info: ")]
    assert "labels.labels: 1 background, 2 border, 3 nucleus" in info


def test_a_confidence_that_cannot_be_is_one_sentence_that_stops_the_macro(seen: Seen) -> None:
    ran = seen.session.ran["refused"]
    assert ran.value == ABORTED
    assert [line for line in ran.log if "min_confidence=100 is not understood: use a number of per cent from 0 to 99" in line]
