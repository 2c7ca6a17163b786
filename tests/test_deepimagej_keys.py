"""The keys of DeepImageJ's macro lines, in its three dialects."""

from __future__ import annotations

import pytest

from ijbridge.deepimagej.keys import Asked, read, shown_pixels
from ijbridge.errors import OptionError

NO = {"preprocessing": "no preprocessing", "postprocessing": "no postprocessing"}


def tile(**values: str) -> str:
    return shown_pixels(read({"model": "cells", **values}).tile or {})


def test_a_line_of_the_first_version_has_patch_and_overlap() -> None:
    asked = read({"model": "U-Net of cells", **NO, "patch": "768", "overlap": "22", "logging": "normal"})
    assert asked == Asked(1, "U-Net of cells", tile={"y": 768, "x": 768}, overlap=22, before=(), after=())


def test_a_line_of_the_second_version_has_its_tile_by_axis() -> None:
    values = {"model": "cells", "format": "Tensorflow", "preprocessing": "a.ijm", "postprocessing": "[b.ijm, c d.ijm]"}
    asked = read({**values, "axes": "Y,X,C", "tile": "1216,1024,1", "model_dir": "/models"})
    assert asked == Asked(
        2, "cells", "/models", tile={"y": 1216, "x": 1024}, before=("a.ijm",), after=("b.ijm", "c d.ijm")
    )  # fmt: skip


def test_a_line_of_the_third_version_names_files_whose_results_are_shown_where_it_says_so() -> None:
    active = {"model_path": "/models/cells", "input_path": "null", "output_folder": "null"}
    assert read({**active, "display_output": "all"}) == Asked(3, "/models/cells")
    assert read(active).shown
    assert not read({**active, "display_output": "null"}).shown
    files = {"model_path": "cells", "input_path": "/my images", "output_folder": "/results"}
    assert read(files) == Asked(3, "cells", input="/my images", output="/results", shown=False)
    assert read({**files, "display_output": "all"}).shown


@pytest.mark.parametrize(
    ("axes", "sizes", "expected"),
    [
        ("Y,X,C", "64,32,1", "y=64,x=32"),
        ("H,W", "64,32", "y=64,x=32"),
        ("Z,Y,X,C", "8,64,32,1", "z=8,y=64,x=32"),
        ("d,h,w", "8,64,32", "z=8,y=64,x=32"),
        ("B,C,Y,X", "1,3,64,32", "y=64,x=32"),
        ("Y,X", "-1,32", "x=32"),
        ("Y,X", "auto", ""),
    ],
)
def test_a_tile_has_the_axes_of_space(axes: str, sizes: str, expected: str) -> None:
    assert tile(axes=axes, tile=sizes) == expected
    assert tile(axes=f"[{axes}]", tile=sizes.replace(",", ", ")) == expected


def test_what_is_left_out_is_not_known() -> None:
    asked = read({"model": "cells"})
    assert (asked.tile, asked.overlap, asked.before, asked.after, asked.shown) == (None, None, None, None, True)
    assert read({"model": "cells", "preprocessing": "null", "postprocessing": "[no postprocessing]"}).after == ()


def test_a_yes_to_macros_may_stand_beside_the_keys() -> None:
    assert read({"model": "cells", "macros": "run", "environment": "install"}).may_run_macros
    assert read({"model": "cells", "trust": "torchscript"}).trust == "torchscript"
    assert not read({"model_path": "cells"}).may_run_macros


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"patch": "64"}, 'The key "model" is missing: write run("DeepImageJ Run", "model=[path or name] ...")'),
        ({"model": "null"}, 'The key "model" is missing'),
        ({"display_output": "all"}, 'The key "model_path" is missing'),
        (
            {"model": "cells", "model_path": "cells"},
            'The key "model" is not known beside the others: such a line has ',
        ),
        ({"model": "cells", "patch": "64", "axes": "Y,X", "tile": "64,64"}, 'The key "patch" is not known beside the others'),
        ({"model": "cells", "axes": "Y,X", "tile": "64"}, "axes=Y,X and tile=64 do not belong together"),
        ({"model": "cells", "tile": "64,64"}, "axes= and tile=64,64 do not belong together"),
        ({"model": "cells", "patch": "large"}, "patch=large is not understood: write a number of pixels"),
        ({"model": "cells", "macros": "yes"}, "macros=yes is not understood"),
    ],
)
def test_what_is_of_no_dialect_is_refused_in_one_sentence(values: dict[str, str], words: str) -> None:
    with pytest.raises(OptionError) as refused:
        read(values)
    assert words in str(refused.value)
