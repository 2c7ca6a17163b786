"""Pixels between numpy and Java: what docs/sharing.md says is shared, copied or refused is so, and memory comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setup_environment import ROOT

from .playing import IMGLIB2, play

pytestmark = pytest.mark.imagej

SCRIPT = "sharing_scenarios.py"

#: Cells of the tables that need what is not on Maven Central; docs say of them what the tests with IJBRIDGE_FIJI see.
ELSEWHERE = {'to_java: imglyb\'s images (`kind="imglyb"`)'}


def tables() -> Iterator[tuple[str, str, str]]:
    """Give the cells of the tables in docs/sharing.md: the row with its direction, the column, and what is said there."""
    direction, columns = "", list[str]()
    for line in (ROOT / "docs" / "sharing.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            direction = next((one for one in ("to_numpy", "to_java") if f"`{one}`" in line), "")
            columns = []
        elif direction and line.startswith("|") and not line.startswith("|---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not columns:
                columns = cells[1:]
                continue
            for column, said in zip(columns, cells[1:], strict=True):
                yield f"{direction}: {cells[0]}", column, said


CELLS = list(tables())


@pytest.fixture(scope="module")
def table(screen: str) -> Any:
    return play("table", "", SCRIPT, jars=IMGLIB2)


def test_every_kind_that_was_tried_is_in_the_tables(table: Any) -> None:
    assert {row for row, _, _ in CELLS} == table.keys() | ELSEWHERE


@pytest.mark.parametrize(("row", "column", "said"), CELLS)
def test_what_the_tables_say_is_what_happens(table: Any, row: str, column: str, said: str) -> None:
    if row in ELSEWHERE:
        pytest.skip("needs imglib2-imglyb, which ImageJ2 has: see test_imagej2.py")
    seen = set(table[row].get(column, []))
    assert seen == ({said} if said != "-" else set())


@pytest.fixture(scope="module")
def particulars(screen: str, tilted: Path) -> Any:
    return play("particulars", "", SCRIPT, jars=IMGLIB2, model=str(tilted))


def test_the_other_byte_order_and_locked_memory_are_shared_as_what_they_are(particulars: Any) -> None:
    assert particulars["swapped"] == [">f4", 2.5]
    assert particulars["locked"][0] is False
    assert "ReadOnlyBufferException" in particulars["locked"][1]


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("heap", "because its pixels are in a byte[] on Java's heap: leave copy=False out to have them copied."),
        ("boxes", "because its cells are boxes of 2 x 2 x 2 (slowest first), not runs of rows or planes: "),
        ("apart", "because its planes or cells do not lie behind one another in memory: "),
        ("view", "because a net.imglib2.view.IntervalView computes its pixels, or holds them in a way of its own: "),
        ("too_large", "ImageFormatError: The array has 3221225472 bytes, but Java holds at most 2147483647 in each piece"),
        ("complex", "numeric.complex.ComplexFloatType is not supported: convert it in Java to one of UnsignedByteType, "),
        ("no_axes", "AxesError: image: nothing says what the 3 dimensions of its shape 3 x 4 x 5 are: name the axes"),
        ("no_image", "ImageFormatError: A java.util.ArrayList is not an image of Java's: give an ImagePlus, or a "),
        ("no_kind", "OptionError: kind is 'list': give one of auto, array, planar, cell, shm, imglyb."),
        ("no_imglyb", "ImageJError: The Java virtual machine of this process has no class net.imglib2.python."),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(particulars: Any, what: str, sentence: str) -> None:
    assert sentence in particulars[what]


def test_planes_that_lie_apart_and_views_of_buffers_are_copied_right(particulars: Any) -> None:
    assert particulars["apart_copied"]
    assert particulars["turned"]


def test_arrays_larger_than_a_buffer_of_javas_are_shared_by_planes_and_by_runs_of_rows(particulars: Any) -> None:
    assert particulars["large"] == ["net.imglib2.img.planar.PlanarImg", 77, 9, True]
    assert particulars["large_plane"] == ["net.imglib2.img.cell.CellImg", 77, True]


def test_signs_are_those_that_java_means(particulars: Any) -> None:
    assert particulars["signs"] == [200, -100, 60000, -30000, 4000000000, -5]


def test_axes_can_be_named_where_the_image_has_none(particulars: Any) -> None:
    assert particulars["named"] == ["t", "y", "x"]


@pytest.mark.parametrize(
    ("given", "output", "kind"),
    [
        ("numpy", None, "DataArray"),
        ("numpy", "java", "net.imglib2.img.array.ArrayImg"),
        *((one, "xarray", "DataArray") for one in ("numpy", "buffer", "heap", "shm")),
        *((one, None, "net.imglib2.img.array.ArrayImg") for one in ("buffer", "heap", "shm")),
        ("plus", None, "ij.ImagePlus"),
    ],
)
def test_a_result_comes_back_in_the_callers_world_with_the_same_bytes(
    particulars: Any, given: str, output: str | None, kind: str
) -> None:
    assert particulars["worlds"][f"{given} {output}"] == [kind, True]


@pytest.fixture(scope="module")
def crossings(screen: str) -> Any:
    return play("crossings", "", SCRIPT, jars=IMGLIB2)


@pytest.mark.parametrize("way", ["to_java", "to_numpy", "imageplus", "both"])
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="how memory is counted differs elsewhere")
def test_a_thousand_crossings_leave_no_memory_behind(crossings: Any, way: str) -> None:
    # each of them crosses with 16 GB in all; 1 GB may wait for Java's garbage collection, and Java's own heap has 1 GB
    assert max(crossings[way]) < 3000
    assert crossings["lent"] == 0


def test_either_side_keeps_the_memory_of_the_other_alive(crossings: Any) -> None:
    assert crossings["alive"] == [42, 43, 44, 1000]


def test_memory_that_is_lent_many_times_counts_once(crossings: Any) -> None:
    assert crossings["once"] == [True, True, 200]
