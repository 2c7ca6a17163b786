"""Objects in ImageJ: a label image, a table, and outlines as ROIs where they lie in the image; the same as in a shell."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import ijbridge
from commandline import shell
from imagej_session import ABORTED, ImageJ, Session
from reference.csbdeep_cases import WITH_OBJECTS

from .hosts import BOTH_HOSTS

pytestmark = [pytest.mark.imagej, BOTH_HOSTS]

NETWORK = next(one for one in WITH_OBJECTS if one.trained)


def _cells() -> NDArray[np.uint16]:
    from stardist.data import test_image_nuclei_2d

    cells: NDArray[np.uint16] = test_image_nuclei_2d()[100:360, 200:500]
    return cells


#: Tells the corners of the outline that is selected.
CORNERS = """getSelectionCoordinates(x, y); said = "corners: ";
            for (i = 0; i < x.length; i++) said = said + d2s(x[i], 3) + " " + d2s(y[i], 3) + " ";
            print(said);"""


@dataclass(frozen=True)
class Seen:
    session: Session
    folder: Path
    labels: NDArray[np.int32]
    objects: list[dict[str, Any]]

    def line(self, name: str, key: str) -> str:
        (line,) = [one for one in self.session.ran[name].log if one.startswith(f"{key}: ")]
        return line.removeprefix(f"{key}: ").strip()

    def corners(self, name: str) -> NDArray[np.float64]:
        """Give the corners that a macro told, (2, rays): y, x, 0 in the centre of the first pixel."""
        told = np.array(self.line(name, "corners").split(), float).reshape(-1, 2)
        return told.T[::-1] - 0.5


@pytest.fixture(scope="module")
def seen(imagej: ImageJ, person: None, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("cells")
    (folder / "in").mkdir()
    cells = _cells()
    tifffile.imwrite(folder / "in" / "cells.tif", cells, imagej=True, resolution=(2, 2), metadata={"axes": "YX", "unit": "um"})
    film = np.stack([cells[:120], cells[-120:], cells[60:180, ::-1]])
    tifffile.imwrite(folder / "film.tif", film, imagej=True, metadata={"axes": "TYX"})
    slices = np.stack([film, film[::-1, :, ::-1]])
    tifffile.imwrite(folder / "slices.tif", slices, imagej=True, metadata={"axes": "TZYX"})
    model = f"model=[{NETWORK.folder}]"
    cells_open = f'open("{folder}/in/cells.tif"); '

    def run(options: str = "") -> str:
        return f'run("Run Model...", "{model} {options}");'

    ours = 'selectImage("cells.tif"); print("outlines: " + Overlay.size);'
    macros = {
        "labels": f"""{cells_open}{run()} getMinAndMax(low, high);
            print("shown: " + bitDepth() + " " + low + " " + high + " " + getTitle());
            saveAs("Tiff", "{folder}/labels.tif");
            selectWindow("cells-objects");
            print("rows: " + Table.size + " " + Table.headings);
            print("first: " + Table.get("label", 0) + " " + Table.get("pixels", 0) + " " + Table.getString("unit", 0));
            {ours}""",
        "both": f"""{cells_open}makeRectangle(1, 2, 3, 4); Overlay.addSelection; run("Select None");
            {run("objects=both")} print("active: " + getTitle() + " " + Overlay.size);
            selectImage("cells.tif"); {run("objects=both prob_thresh=0.8")}
            selectImage("cells.tif"); {run("objects=both")}
            {ours} Overlay.activateSelection(1); print("name: " + Roi.getName); {CORNERS}
            Overlay.activateSelection(0); getSelectionBounds(left, top, width, height);
            print("first: " + left + " " + top + " " + width + " " + height);""",
        "rois": f"""{cells_open}{run("objects=rois")} print("active: " + getTitle() + " " + nImages); {ours}
            Overlay.activateSelection(2); {CORNERS}""",
        "manager": f"""{cells_open}makeRectangle(1, 2, 3, 4); roiManager("Add"); run("Select None");
            {run("objects=rois outlines=manager")} {ours}
            print("managed: " + roiManager("count")); roiManager("select", 3); {CORNERS} roiManager("reset");""",
        "batch mode": f"""setBatchMode(true); {cells_open}{run("objects=both outlines=manager")}
            print("managed: " + roiManager("count") + " " + getTitle()); roiManager("reset");""",
        "crop": f"""{cells_open}makeRectangle(20, 10, 250, 240); {run("objects=rois roi=crop")} {ours}
            Overlay.activateSelection(0); {CORNERS}""",
        "film": f"""open("{folder}/film.tif"); {run("objects=rois")} said = "slices: ";
            for (i = 0; i < Overlay.size; i++) {{ Overlay.activateSelection(i); said = said + getSliceNumber() + " "; }}
            print(said);""",
        "slices": f"""open("{folder}/slices.tif"); {run("objects=both")} selectImage("slices.tif"); said = "slices: ";
            for (i = 0; i < Overlay.size; i++) {{
              Overlay.activateSelection(i); Roi.getPosition(c, z, t); said = said + t + "," + z + " ";
            }}
            print(said);""",
        "function": f"""{cells_open}cells = getImageID(); newImage("another", "8-bit black", 10, 10, 1);
            results = call("org.ijbridge.Macro.run", cells, "{model} objects=both");
            print("active: " + getTitle()); selectImage(parseInt(results)); print("result: " + getTitle());
            {ours}""",
        "none": f"""{cells_open}{run("objects=both")} selectImage("cells.tif"); {run("objects=both prob_thresh=1")}
            getStatistics(area, mean, min, max); print("largest: " + max); {ours}""",
        "batch": f"""run("Batch Run Model...", "{model} objects=both input=[{folder}/in] output=[{folder}/out] pattern=*.tif");
            open("{folder}/out/cells-objects.zip"); print("managed: " + roiManager("count")); roiManager("reset");""",
        "dialog": f"""{cells_open}
            said = split(call("Person.choosesObjects", "{NETWORK.folder.parent / "care-2d"}", "{NETWORK.folder}", "both",
              "0.2", "manager"), "\\n");
            print("asked: " + said[0]); print("recorded: " + said[1]); print("active: " + getTitle());
            saveAs("Tiff", "{folder}/chosen.tif"); print("managed: " + roiManager("count")); roiManager("reset");""",
        "no outlines": f"{cells_open}{run('outlines=manager')}",
        "nowhere": f"{cells_open}{run('objects=rois outlines=window')}",
        "no objects": f'{cells_open}run("Run Model...", "model=[{NETWORK.folder.parent / "care-2d"}] objects=both");',
    }
    session = imagej.run(macros)
    found = ijbridge.predict(NETWORK.folder, folder / "in" / "cells.tif", objects="both")
    return Seen(session, folder, found.values, found.attrs["objects"])


def test_labels_are_those_of_python_in_16_bits_and_colours(seen: Seen) -> None:
    assert seen.line("labels", "shown") == "16 0 255 cells-labels"
    assert np.array_equal(tifffile.imread(seen.folder / "labels.tif"), seen.labels)
    assert len(seen.objects) > 20


def test_a_table_lists_the_objects(seen: Seen) -> None:
    rows, columns = seen.line("labels", "rows").split(maxsplit=1)
    assert int(rows) == len(seen.objects)
    assert columns.split() == ["label", "probability", "y", "x", "pixels", "area", "unit"]
    first = seen.objects[0]
    assert seen.line("labels", "first") == f"{first['label']} {first['pixels']} µm²"
    assert seen.line("labels", "outlines") == "0"


def test_outlines_are_added_to_the_overlay_of_the_image_in_place_of_those_of_an_earlier_run(seen: Seen) -> None:
    assert seen.line("both", "active") == "cells-labels 0"
    assert seen.line("both", "outlines") == str(1 + len(seen.objects))
    assert seen.line("both", "first") == "1 2 3 4"
    assert seen.line("both", "name") == "0001"
    np.testing.assert_allclose(seen.corners("both"), seen.objects[0]["outline"], atol=2e-3)


def test_without_labels_the_image_stays_active(seen: Seen) -> None:
    assert seen.line("rois", "active") == "cells.tif 1"
    assert seen.line("rois", "outlines") == str(len(seen.objects))
    np.testing.assert_allclose(seen.corners("rois"), seen.objects[2]["outline"], atol=2e-3)


def test_the_roi_manager_keeps_what_it_has(seen: Seen) -> None:
    assert seen.line("manager", "managed") == str(1 + len(seen.objects))
    assert seen.line("manager", "outlines") == "0"
    np.testing.assert_allclose(seen.corners("manager"), seen.objects[2]["outline"], atol=2e-3)
    assert seen.line("batch mode", "managed") == f"{len(seen.objects)} cells-labels"


def test_outlines_of_a_part_lie_where_it_lies(seen: Seen) -> None:
    part = ijbridge.predict(NETWORK.folder, _cells()[10:250, 20:270], axes="yx", objects="rois")
    assert seen.line("crop", "outlines") == str(len(part))
    np.testing.assert_allclose(seen.corners("crop") - [[10], [20]], part[0]["outline"], atol=2e-3)


def test_each_outline_is_on_the_slice_that_its_object_is_in(seen: Seen) -> None:
    film = ijbridge.predict(NETWORK.folder, seen.folder / "film.tif").attrs["objects"]
    assert {one["position"]["t"] for one in film} == {0, 1, 2}
    assert seen.line("film", "slices").split() == [str(one["position"]["t"] + 1) for one in film]
    slices = [one["position"] for one in ijbridge.predict(NETWORK.folder, seen.folder / "slices.tif").attrs["objects"]]
    assert seen.line("slices", "slices").split() == [f"{one['t'] + 1},{one['z'] + 1}" for one in slices]


def test_a_function_of_macros_gives_labels_and_leaves_the_active_image(seen: Seen) -> None:
    assert seen.line("function", "active") == "another"
    assert seen.line("function", "result") == "cells-labels"
    assert seen.line("function", "outlines") == str(len(seen.objects))


def test_where_nothing_is_found_labels_are_0_and_no_outline_is_left(seen: Seen) -> None:
    assert seen.line("none", "largest") == "0"
    assert seen.line("none", "outlines") == "0"


def test_a_batch_writes_labels_table_and_rois_and_the_table_is_that_of_a_shell(seen: Seen, tmp_path: Path) -> None:
    assert {one.name for one in (seen.folder / "out").iterdir()} == {
        "cells-labels.tif", "cells-objects.csv", "cells-objects.zip", "ijbridge-batch.txt",
    }  # fmt: skip
    assert np.array_equal(tifffile.imread(seen.folder / "out" / "cells-labels.tif"), seen.labels)
    assert seen.line("batch", "managed") == str(len(seen.objects))
    ran = shell("predict", NETWORK.folder, seen.folder / "in" / "cells.tif", "-o", tmp_path / "out", "--objects", "both")
    assert ran.returncode == 0, ran.stderr
    table = (tmp_path / "out" / "cells-objects.csv").read_bytes()
    assert (seen.folder / "out" / "cells-objects.csv").read_bytes() == table
    assert len(list(csv.DictReader(table.decode().splitlines()))) == len(seen.objects)


def test_the_dialog_asks_about_objects_where_a_model_finds_such_and_records_the_answers(seen: Seen) -> None:
    assert seen.line("dialog", "asked") == "true|true|true|planned"
    recorded = seen.line("dialog", "recorded").replace("[", "").replace("]", "")  # which only paths with blanks have
    assert recorded == (
        f'run("Run Model...", "model={NETWORK.folder} tile=auto halo=auto device=auto objects=both nms_thresh=0.2 '
        'outlines=manager");'
    )
    assert seen.line("dialog", "active") == "cells-labels"
    expected = ijbridge.predict(NETWORK.folder, seen.folder / "in" / "cells.tif", nms_thresh=0.2)
    assert np.array_equal(tifffile.imread(seen.folder / "chosen.tif"), expected.values)
    assert seen.line("dialog", "managed") == str(expected.values.max())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no outlines", ["outlines=manager", "objects=rois or objects=both"]),
        ("nowhere", ["outlines=window", "outlines=overlay"]),
        ("no objects", ["objects=both", "leave it out"]),
    ],
)
def test_what_does_not_go_together_is_one_sentence(seen: Seen, name: str, words: list[str]) -> None:
    assert seen.session.ran[name].value == ABORTED
    sentence = seen.session.ran[name].log[0]
    assert all(word in sentence for word in words), sentence
