"""What is held of a model and the package that it was converted into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

import ijbridge
from builders import sha256
from ijbridge.description import ModelDescription
from ijbridge.formats import read_model
from ijbridge.formats.beyond import differences
from ijbridge.formats.bioimageio_writer import plainly
from ijbridge.loaded import LoadedModel, verify_files
from ijbridge.options import Options
from ijbridge.testing import test_model as run_own_test
from specification import complaints


def results(model: Path, image: Any, **how: Any) -> dict[str, Any]:
    """Run a model; give its results by output."""
    with ijbridge.load(model) as loaded:
        found = loaded.predict(image, **how)
        name = loaded.description.outputs[0].id
    return found if isinstance(found, dict) else {name: found}


def check_same(one: Path, other: Path, image: Any, **how: Any) -> None:
    """Hold that two models give the same bytes, axes and names."""
    before, after = results(one, image, **how), results(other, image, **how)
    assert before.keys() == after.keys()
    for name, array in before.items():
        assert array.dims == after[name].dims
        assert array.dtype == after[name].dtype
        assert array.values.tobytes() == after[name].values.tobytes(), name
        assert array.coords.to_dataset().identical(after[name].coords.to_dataset())
        assert array.attrs["pixel_size"] == after[name].attrs["pixel_size"]


def check_package(folder: Path, model: Path | ModelDescription) -> ModelDescription:
    """Hold that a package is valid and tested, all of its files hashed, and that it means what the model means."""
    assert complaints(folder / "bioimageio.yaml") == []
    description = read_model(folder)
    assert description.format_version == "0.5.14"
    verify_files(description)
    with LoadedModel(folder) as loaded:
        assert run_own_test(loaded, Options.read()).reproduces
        types = loaded.variant(Options()).types
    meant = read_model(model) if isinstance(model, Path) else model
    assert differences(plainly(meant, types), plainly(description, types)) == []
    document = yaml.safe_load((folder / "bioimageio.yaml").read_text(encoding="utf-8"))
    named: dict[str, str] = {}

    def look(node: Any) -> None:
        if isinstance(node, dict) and "source" in node and "sha256" in node:
            named[node["source"]] = node["sha256"]
        for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            look(one)

    look({key: value for key, value in document.items() if key != "config"})
    written = {file.name: sha256(file) for file in folder.iterdir() if file.name != "bioimageio.yaml"}
    assert named == written
    return description


def files_of(folder: Path) -> dict[str, bytes]:
    """Give the bytes of a folder's files."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}
