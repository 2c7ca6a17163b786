"""How results are shown: labels in colours with black for nothing, probabilities from 0 to 1, channels under their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from builders import channel, described, follows, identity, space, write_model
from imagej_session import ImageJ, Session

from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

LABELS: NDArray[np.uint16] = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50) % 300

#: Of each model the type of its output as the description gives it, and its postprocessing.
OUTPUTS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "labels": ({"type": "uint32"}, []),
    "classes": ({"type": "uint8", "values": [0, 1, 2, 3]}, []),
    "probability": ({"type": "float32"}, [{"id": "scale_linear", "kwargs": {"gain": 0.001}}, {"id": "sigmoid"}]),
    "in range": ({"type": "float32", "range": [0, 1]}, []),
    "signal": ({"type": "float32"}, []),
    "counts": ({"type": "uint16"}, []),
    "mask": ({"type": "uint8", "values": [0, 1]}, [{"id": "binarize", "kwargs": {"threshold": 100}}]),
}


def _model(folder: Path, name: str) -> Path:
    data, post = OUTPUTS[name]
    output = {**described("out", channel("c"), follows("y"), follows("x")), "data": data, "postprocessing": post}
    given = described("raw", channel("c"), space("y", {"min": 1, "step": 1}), space("x", {"min": 1, "step": 1}))
    return write_model(folder / name, identity(), inputs=[given], outputs=[output])


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path

    def line(self, name: str, key: str) -> str:
        (line,) = [one for one in self.session.ran[name].log if one.startswith(f"{key}: ")]
        return line.removeprefix(f"{key}: ")

    def pixels(self, name: str) -> NDArray[Any]:
        return np.asarray(tifffile.imread(self.folder / f"{name}-result.tif"))


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("pictures")
    tifffile.imwrite(folder / "numbers.tif", LABELS)
    macros = {
        name: f"""open("{folder}/numbers.tif"); run("Run Model...", "model=[{_model(folder, name)}]");
            getMinAndMax(low, high); getLut(r, g, b);
            print("shown: " + bitDepth() + " " + low + " " + high);
            print("colours: " + (r[0] + g[0] + b[0]) + " " + (r[7] != g[7] || g[7] != b[7]));
            saveAs("Tiff", "{folder}/{name}-result.tif");"""
        for name in OUTPUTS
    }
    return Seen(imagej.run(macros), folder)


def test_labels_are_16_bit_in_colours_and_nothing_is_black(seen: Seen) -> None:
    assert seen.line("labels", "shown") == "16 0 255"
    assert seen.line("labels", "colours") == "0 1"
    assert np.array_equal(seen.pixels("labels"), LABELS)


def test_classes_that_the_description_lists_are_labels_too(seen: Seen) -> None:
    assert seen.line("classes", "shown") == "16 0 255"
    assert seen.line("classes", "colours") == "0 1"


@pytest.mark.parametrize("name", ["probability", "in range"])
def test_a_probability_is_shown_from_0_to_1_whatever_the_image(seen: Seen, name: str) -> None:
    assert seen.line(name, "shown") == "32 0 1"


@pytest.mark.parametrize(("name", "shown"), [("signal", "32 0 299"), ("counts", "16 0 299"), ("mask", "8 0 1")])
def test_what_is_no_label_is_gray_from_its_least_to_its_largest(seen: Seen, name: str, shown: str) -> None:
    assert seen.line(name, "shown") == shown
    assert seen.line(name, "colours") == "0 0"
