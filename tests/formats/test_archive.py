"""The limits that a package is read within, and how a person says that more is meant."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from builders import one_conv, write_model
from descriptions import check_refusal
from ijbridge.errors import OptionError, PackageError
from ijbridge.formats import read_model
from ijbridge.formats.archive import VARIABLE, Archive, Limits
from ijbridge.formats.package import open_package


@pytest.fixture(params=["folder", "zip"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model with a file that nobody needs."""
    folder = write_model(tmp_path / "model", one_conv(), halo=1)
    (folder / "movie.bin").write_bytes(bytes(range(256)) * 100)
    if request.param == "folder":
        return folder
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return tmp_path / "model.zip"


def read_all(model: Path) -> None:
    package = open_package(model)
    description = read_model(model)
    for weights in description.weights:
        package.read(weights.file, "weights")


def test_a_model_that_is_larger_than_the_person_says_is_refused_and_the_way_out_is_named(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "200")
    with pytest.raises(PackageError) as caught:
        read_all(model)
    check_refusal(caught.value, "but a model may have 200 bytes", f"set the environment variable {VARIABLE} to more")


@pytest.mark.parametrize("given", ["", " ", "1 MB", "40GB"])
def test_a_limit_that_leaves_room_changes_nothing(model: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, given)
    read_all(model)


@pytest.mark.parametrize("given", ["lots", "-1", "0", "1 parsec", "9" * 400])
def test_a_limit_that_is_no_amount_is_refused(model: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(OptionError, match=f"{VARIABLE}=.* is not understood: use an amount such as 500 MB or 4 GB"):
        read_all(model)


def test_a_folder_with_more_files_than_a_model_has_is_not_listed(tmp_path: Path) -> None:
    package = open_package(write_model(tmp_path / "model", one_conv(), halo=1))
    assert package.names() == ["README.md", "bioimageio.yaml", "weights.onnx"]
    package._limits = Limits(files=2)
    with pytest.raises(PackageError, match="holds more than 2 files"):
        package.names()


def test_zeros_that_compress_well_are_no_bomb_where_they_are_few(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "zeros.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.npy", bytes(20_000_000))
    assert Archive(tmp_path / "zeros.zip", Limits()).read("labels.npy") == bytes(20_000_000)
