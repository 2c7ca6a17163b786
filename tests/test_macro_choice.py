"""Which macros of a model the option `macros` means, and what is said of those that are run and those that are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commandline import Run
from deepimagej_models import DIVIDE, channels_last, folder_of, several, text
from ijbridge.description import Macro, ModelDescription
from ijbridge.errors import OptionError
from ijbridge.formats import read_model
from ijbridge.loaded import LoadedModel
from ijbridge.macro_choice import chosen
from ijbridge.options import Options

PRINTS = 'print("Postprocessing");'


def model_of(folder: Path, pre: str = "preprocessing.txt", post: str = "null", **macros: str) -> ModelDescription:
    edit = several(text("PreprocessingFile", pre), text("PostprocessingFile", post))
    files = {name.replace("_", "."): one for name, one in macros.items()}
    return read_model(folder_of(folder / "m", edit, channels_last(outputs=1), files))


def names(macros: tuple[Macro, ...]) -> list[str]:
    return [one.source for one in macros]


def test_run_means_what_the_model_names_and_does_something(tmp_path: Path) -> None:
    model = model_of(tmp_path, "[b.ijm, a.ijm]", "c.ijm", a_ijm="run('a');", b_ijm="run('b');", c_ijm=PRINTS)
    (tmp_path / "m" / "preprocessing_more.txt").write_text("run('more');")
    model = read_model(model.location)
    assert names(model.macros) == ["b.ijm", "a.ijm", "preprocessing_more.txt", "c.ijm"]
    assert names(chosen(model, ())) == ["b.ijm", "a.ijm"]
    assert names(chosen(model, ("preprocessing_more.txt", "b.ijm"))) == ["preprocessing_more.txt", "b.ijm"]


def test_a_macro_whose_place_operations_take_is_not_run(tmp_path: Path) -> None:
    model = model_of(tmp_path, preprocessing_txt=DIVIDE)
    replaced = replace(model, macros=tuple(replace(one, use="replaced") for one in model.macros))
    with pytest.raises(OptionError, match=r"the operations of its description are done in place of preprocessing\.txt"):
        chosen(replaced, ())
    assert chosen(replaced, ("preprocessing.txt",)) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": None}, "names the macro preprocessing.txt, but does not hold it"),
        ({"kind": "Java class"}, "is no macro that is run"),
        ({"source": "preprocessing.js"}, "is no macro that is run"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    model = model_of(tmp_path, preprocessing_txt=DIVIDE)
    with pytest.raises(OptionError, match=words):
        chosen(replace(model, macros=(replace(model.macros[0], **change),)), ())


def test_where_imagej_runs_it_a_note_takes_the_place_of_the_warning(tmp_path: Path) -> None:
    model = model_of(tmp_path, post="after.ijm", preprocessing_txt=DIVIDE, after_ijm="run('Invert');")
    with LoadedModel(model) as loaded:
        before = loaded.described(replace(Options.read(macros="preprocessing.txt"), in_imagej=True))
        both = loaded.described(replace(Options.read(macros="run"), in_imagej=True))
    assert [(one.severity, one.sentence) for one in both.all_findings if one.id.startswith("macro")] == [
        ("note", "ImageJ runs preprocessing.txt of the model on a duplicate of the image before the network."),
        ("note", "ImageJ runs after.ijm of the model on the result of the network."),
    ]
    assert [one.is_run for one in both.macros] == [True, True]
    (warning,) = [one for one in before.all_findings if one.severity == "warning" and one.id == "macro-not-run"]
    assert "(after.ijm) is not run" in warning.sentence
    assert "in ImageJ, macros=run has it run" in warning.sentence


def test_normalising_twice_is_refused(tmp_path: Path) -> None:
    with LoadedModel(model_of(tmp_path, preprocessing_txt=DIVIDE)) as loaded:
        both = replace(Options.read(macros="run", normalize="1,99.8"), in_imagej=True)
        with pytest.raises(OptionError, match=r"would both normalise, as preprocessing\.txt does it too"):
            loaded.described(both)
        assert loaded.described(replace(both, normalize=None)).macros[0].is_run


def test_where_there_is_no_imagej_the_option_is_refused_with_the_way(tmp_path: Path, run: Run) -> None:
    model = model_of(tmp_path, preprocessing_txt=DIVIDE)
    np.save(tmp_path / "i.npy", np.zeros((16, 16), np.float32))
    for command in ("plan", "predict"):
        out = ("-o", tmp_path / "o.tif") if command == "predict" else ()
        status, _, said = run(command, model.location, tmp_path / "i.npy", *out, "--macros", "run")
        assert status == 2
        assert said.startswith("error: macros=run cannot be done: a model's macros are run by ImageJ, and there is none here")
        assert said.count("\n") == 1


def test_a_changed_macro_is_seen_by_a_model_that_is_loaded(tmp_path: Path) -> None:
    with LoadedModel(model_of(tmp_path, preprocessing_txt=DIVIDE)) as loaded:
        assert not loaded.has_changed()
        (tmp_path / "m" / "preprocessing.txt").write_text(DIVIDE + "// more")
        assert loaded.has_changed()


@pytest.mark.parametrize(("value", "expected"), [("run", ()), ("a.ijm", ("a.ijm",)), ("[a.ijm, b.txt]", ("a.ijm", "b.txt"))])
def test_the_option_is_run_or_names(value: str, expected: tuple[str, ...]) -> None:
    assert Options.read(macros=value).macros == expected
    assert Options.read().macros is None


@pytest.mark.parametrize("value", ["", "a.ijm,,b.ijm", [1]])
def test_an_option_without_names_is_refused(value: str) -> None:
    with pytest.raises(OptionError, match=r"macros=.* is not understood: use run for all that the model names"):
        Options.read(macros=value)
