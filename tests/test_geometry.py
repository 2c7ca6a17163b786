"""Every axis of every tensor follows the right line, by the right factor, offset and halo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from builders import channel, described, follows, identity, space, write_model
from ijbridge import geometry, mapping
from ijbridge.description import FixedSize, ModelDescription, SteppedSize
from ijbridge.errors import AxesError, CannotRunError
from ijbridge.formats import read_model
from ijbridge.geometry import AxisPlan, Geometry
from ijbridge.image import Header
from ijbridge.tiling import AxisRules, Link

FREE = {"min": 1, "step": 1}
ANY = [channel("c"), space("y", FREE), space("x", FREE)]


def read(folder: Path, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]) -> ModelDescription:
    return read_model(write_model(folder / "model", identity(), inputs=inputs, outputs=outputs))


def of(description: ModelDescription, **shapes: tuple[int, ...]) -> Geometry:
    """The geometry for images of these shapes, whose axes are the last of zyx."""
    headers = {name: Header(shape, "float32", "zyx"[-len(shape) :], name=name) for name, shape in shapes.items()}
    maps = {tensor.id: mapping.map_input(tensor, headers[tensor.id]) for tensor in description.inputs}
    return Geometry(description, headers, maps)


def output(found: Geometry, description: ModelDescription, name: str = "out") -> dict[str, AxisPlan]:
    tensor = next(one for one in description.outputs if one.id == name)
    return {axis.id: axis for axis in found.output_axes(tensor)}


def test_every_sized_axis_of_an_input_is_a_line(tmp_path: Path) -> None:
    description = read(tmp_path, [described("raw", *ANY)], [described("out", channel("p"), follows("y"), follows("x"))])
    found = of(description, raw=(30, 40))
    assert found.sizes == {"raw.y": 30, "raw.x": 40}
    assert found.letters == {"raw.y": "y", "raw.x": "x"}
    assert {name: rule.accepts for name, rule in found.rules().items()} == {
        "raw.y": SteppedSize(1, 1),
        "raw.x": SteppedSize(1, 1),
    }


@pytest.mark.parametrize(
    ("scale", "offset", "size", "link"),
    [
        (1.0, 0, 30, Link()),
        (2.0, 0, 15, Link(Fraction(1, 2))),
        (0.5, 0, 60, Link(Fraction(2))),
        (0.25, 0, 120, Link(Fraction(4))),
        (1.0, -6, 24, Link(Fraction(1), Fraction(-6))),
        (2.0, -3, 12, Link(Fraction(1, 2), Fraction(-3))),
    ],
)
def test_an_output_follows_by_the_ratio_of_the_scales_and_an_offset(
    tmp_path: Path, scale: float, offset: int, size: int, link: Link
) -> None:
    y = space("y", {"tensor_id": "raw", "axis_id": "y", "offset": offset}, scale=scale)
    description = read(tmp_path, [described("raw", *ANY)], [described("out", channel("p"), y, follows("x"))])
    found = of(description, raw=(30, 40))
    axes = output(found, description)
    assert (axes["y"].line, axes["y"].size, axes["y"].link) == ("raw.y", size, link)
    assert found.rules()["raw.y"] == AxisRules(SteppedSize(1, 1), (link,), (Link(),))


def test_references_are_followed_through_other_tensors(tmp_path: Path) -> None:
    fine = described("fine", channel("c"), *(space(one, {"tensor_id": "raw", "axis_id": one}, scale=0.5) for one in "yx"))
    finer = [space(one, {"tensor_id": "fine", "axis_id": one, "offset": -4}, scale=0.25, halo=2) for one in "yx"]
    last = [space(one, {"tensor_id": "finer", "axis_id": one, "offset": 1}, scale=0.5) for one in "yx"]
    description = read(
        tmp_path,
        [described("raw", *ANY), fine],
        [described("finer", channel("p"), *finer), described("last", channel("p"), *last)],
    )
    found = of(description, raw=(30, 40), fine=(60, 80))
    assert list(found.sizes) == ["raw.y", "raw.x"]
    assert output(found, description, "finer")["y"].link == Link(Fraction(4), Fraction(-4), 2)
    assert output(found, description, "finer")["y"].size == 116
    assert output(found, description, "last")["y"].link == Link(Fraction(2), Fraction(-1))
    assert output(found, description, "last")["y"].size == 59
    assert found.rules()["raw.y"].inputs == (Link(), Link(Fraction(2)))


def test_an_image_that_does_not_follow_the_other_is_refused(tmp_path: Path) -> None:
    fine = described("fine", channel("c"), *(space(one, {"tensor_id": "raw", "axis_id": one}, scale=0.5) for one in "yx"))
    description = read(tmp_path, [described("raw", *ANY), fine], [described("out", channel("p"), follows("y"), follows("x"))])
    with pytest.raises(AxesError, match=r"fine has 59 pixels along y, but .* 'fine' needs 60 where 'raw' has 30"):
        of(description, raw=(30, 40), fine=(59, 80))


def test_two_inputs_of_the_same_size_are_cut_at_the_same_places(tmp_path: Path) -> None:
    outputs = [described("out", channel("p"), follows("y", tensor="b"), follows("x", tensor="a"))]
    description = read(tmp_path, [described("a", *ANY), described("b", *ANY)], outputs)
    found = of(description, a=(30, 40), b=(30, 40))
    assert list(found.sizes) == ["a.y", "a.x"]
    assert output(found, description)["y"].line == "a.y"
    assert all(rule.tileable for rule in found.rules().values())


def test_two_inputs_of_different_size_have_lines_of_their_own(tmp_path: Path) -> None:
    outputs = [described("out", channel("p"), follows("y", tensor="b"), follows("x", tensor="a"))]
    description = read(tmp_path, [described("a", *ANY), described("b", *ANY)], outputs)
    found = of(description, a=(30, 40), b=(31, 40))
    assert list(found.sizes) == ["a.y", "a.x", "b.y"]
    assert {name: rule.tileable for name, rule in found.rules().items()} == {"a.y": False, "a.x": True, "b.y": True}


@pytest.mark.parametrize(
    ("size", "expected", "link"),
    [
        (64, 100, Link()),
        (32, 50, Link(Fraction(1, 2))),
        (128, 200, Link(Fraction(2))),
        (56, 92, Link(Fraction(1), Fraction(-8))),
    ],
)
def test_an_output_of_fixed_size_follows_an_input_of_fixed_size(tmp_path: Path, size: int, expected: int, link: Link) -> None:
    inputs = [described("raw", channel("c"), space("y", 64), space("x", 64))]
    outputs = [described("out", channel("p"), space("y", size), space("x", size))]
    description = read(tmp_path, inputs, outputs)
    found = of(description, raw=(100, 64))
    assert found.rules()["raw.y"].accepts == FixedSize(64)
    assert (output(found, description)["y"].size, output(found, description)["y"].link) == (expected, link)


def test_an_axis_that_an_output_lost_is_not_tiled(tmp_path: Path) -> None:
    inputs = [described("raw", channel("c"), space("z", FREE), *ANY[1:])]
    description = read(tmp_path, inputs, [described("out", channel("p"), follows("y"), follows("x"))])
    tileable = {name: rule.tileable for name, rule in of(description, raw=(5, 30, 40)).rules().items()}
    assert tileable == {"raw.z": False, "raw.y": True, "raw.x": True}


def test_an_axis_that_one_of_several_outputs_lost_is_not_tiled(tmp_path: Path) -> None:
    outputs = [described("out", channel("p"), follows("y"), follows("x")), described("profile", channel("p"), follows("x"))]
    description = read(tmp_path, [described("raw", *ANY)], outputs)
    tileable = {name: rule.tileable for name, rule in of(description, raw=(30, 40)).rules().items()}
    assert tileable == {"raw.y": False, "raw.x": True}


@pytest.mark.parametrize("side", ["preprocessing", "postprocessing"])
def test_an_axis_that_a_softmax_runs_along_is_not_tiled(tmp_path: Path, side: str) -> None:
    softmax: dict[str, Any] = {side: [{"id": "softmax", "kwargs": {"axis": "y"}}]}
    inputs = [described("raw", *ANY, **(softmax if side == "preprocessing" else {}))]
    outputs = [described("out", channel("p"), follows("y"), follows("x"), **(softmax if side == "postprocessing" else {}))]
    description = read(tmp_path, inputs, outputs)
    tileable = {name: rule.tileable for name, rule in of(description, raw=(30, 40)).rules().items()}
    assert tileable == {"raw.y": False, "raw.x": True}


def test_a_new_axis_has_the_size_the_description_says(tmp_path: Path) -> None:
    outputs = [described("out", channel("p", "q"), space("z", 3), {"type": "index", "size": 7}, follows("y"), follows("x"))]
    description = read(tmp_path, [described("raw", *ANY)], outputs)
    axes = output(of(description, raw=(30, 40)), description)
    assert [(axes[one].letter, axes[one].size, axes[one].line) for one in ("channel", "z", "index")] == [
        ("c", 2, None),
        ("z", 3, None),
        ("i", 7, None),
    ]


def test_an_output_as_long_as_the_channels_of_an_input_has_their_number(tmp_path: Path) -> None:
    inputs = [described("raw", channel("c"), *ANY[1:])]
    z = space("z", {"tensor_id": "raw", "axis_id": "channel", "offset": 2})
    description = read(tmp_path, inputs, [described("out", channel("p"), z, follows("y"), follows("x"))])
    assert output(of(description, raw=(30, 40)), description)["z"].size == 3


def test_a_size_that_only_the_run_tells_is_refused(tmp_path: Path) -> None:
    outputs = [described("out", {"type": "index", "size": {"min": 1, "max": 9}}, follows("y"), follows("x"))]
    description = read(tmp_path, [described("raw", *ANY)], outputs)
    with pytest.raises(CannotRunError, match="'index' of the output 'out' is known only after the network has run"):
        output(of(description, raw=(30, 40)), description)


def test_an_axis_that_no_image_has_cannot_be_shown(tmp_path: Path) -> None:
    description = read(tmp_path, [described("raw", *ANY)], [described("out", space("w", 3), follows("y"), follows("x"))])
    with pytest.raises(CannotRunError, match=r"The output 'out' has an axis 'w' \(space\), which is no axis of an image"):
        output(of(description, raw=(30, 40)), description)


def test_an_image_from_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    y = space("y", {"tensor_id": "raw", "axis_id": "y", "offset": -30})
    description = read(tmp_path, [described("raw", *ANY)], [described("out", channel("p"), y, follows("x"))])
    with pytest.raises(AxesError, match="The image has 30 pixels along y, from which the output 'out' makes none"):
        output(of(description, raw=(30, 40)), description)


def test_the_halo_along_a_line_is_the_largest_of_its_axes_in_pixels_of_the_line() -> None:
    links = [Link(Fraction(1, 2), halo=3), Link(Fraction(2), halo=11), Link(halo=5)]
    axes = [AxisPlan("y", "y", 10, "raw.y", link) for link in links]
    assert [link.halo_on_line for link in links] == [6, Fraction(11, 2), 5]
    assert geometry.halo_on_line("raw.y", axes) == 6
    assert geometry.halo_on_line("raw.y", axes[1:]) == 6
    assert geometry.halo_on_line("raw.x", axes) == 0


def test_a_halo_that_was_chosen_takes_the_place_of_the_declared_one(tmp_path: Path) -> None:
    description = read(tmp_path, [described("raw", *ANY)], [described("out", channel("p"), follows("y", 2), follows("x", 2))])
    found = of(description, raw=(30, 40))
    found.halos["out", "y"] = 9
    assert [output(found, description)[one].link.halo for one in "yx"] == [9, 2]
    assert found.rules()["raw.y"].outputs == (Link(halo=9),)


def test_which_sizes_are_accepted_is_said() -> None:
    assert geometry.accepted(AxisRules(FixedSize(64), ())) == "exactly 64"
    assert geometry.accepted(AxisRules(SteppedSize(64, 16), ())) == "64 + n × 16"
