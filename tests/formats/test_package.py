"""Model packages: folders, zips and description files of strangers, opened safely."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from descriptions import check_refusal, v05, write
from ijbridge.description import FileRef
from ijbridge.errors import IJBridgeError, ModelNotFoundError, NotAModelError, PackageError
from ijbridge.formats import read_model
from ijbridge.formats.package import Package, open_package

WEIGHTS = b"0123456789" * 50
HASH = hashlib.sha256(WEIGHTS).hexdigest()


def folder_package(tmp_path: Path, inside: str = "", name: str = "rdf.yaml") -> Path:
    folder = tmp_path / "model"
    write(folder / inside, v05(), name)
    (folder / inside / "weights.onnx").write_bytes(WEIGHTS)
    return folder


def zip_package(tmp_path: Path, inside: str = "", name: str = "rdf.yaml") -> Path:
    folder = folder_package(tmp_path, inside, name)
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return tmp_path / "model.zip"


def yaml_package(tmp_path: Path, inside: str = "", name: str = "rdf.yaml") -> Path:
    return folder_package(tmp_path, inside, name) / inside / name


KINDS = {"folder": folder_package, "zip": zip_package, "yaml": yaml_package}
Make = Callable[..., Path]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return KINDS[request.param]


# --- what is there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["", "my-model"])
@pytest.mark.parametrize(
    "name", ["rdf.yaml", "bioimageio.yaml", "model.yaml", "rdf.yml", "RDF.yaml", "cells.bioimageio.yaml", "cells.model.yaml"]
)
def test_a_description_is_found_at_the_top_and_in_the_only_folder(tmp_path: Path, make: Make, name: str, inside: str) -> None:
    path = make(tmp_path, inside, name)
    package = open_package(path)
    assert package.description_file is not None
    assert Path(package.description_file).name == name
    assert package.location == path
    assert package.read(FileRef("weights.onnx", HASH), "weights") == WEIGHTS
    assert read_model(path).weights[0].available


def test_the_digest_is_that_of_the_description_file(tmp_path: Path, make: Make) -> None:
    path = make(tmp_path)
    expected = hashlib.sha256((tmp_path / "model" / "rdf.yaml").read_bytes()).hexdigest()
    assert read_model(path).digest == expected
    assert read_model(path).location == str(path)


def test_a_relative_path_and_a_text_are_paths_too(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path)
    monkeypatch.chdir(path.parent)
    assert read_model(path.name).location == str(path)


def test_the_better_known_name_wins_over_the_others(tmp_path: Path) -> None:
    folder = folder_package(tmp_path, name="bioimageio.yaml")
    write(folder, v05(name="Other"), "old.bioimageio.yaml")
    write(folder / "deeper", v05(name="Deeper"), "rdf.yaml")
    assert read_model(folder).name == "Two Inputs"


def test_several_descriptions_are_not_chosen_between(tmp_path: Path) -> None:
    folder = folder_package(tmp_path, name="one.bioimageio.yaml")
    write(folder, v05(name="Two"), "two.bioimageio.yaml")
    with pytest.raises(NotAModelError) as caught:
        read_model(folder)
    check_refusal(caught.value, "several descriptions", "one.bioimageio.yaml, two.bioimageio.yaml", "give the path of the one")
    assert read_model(folder / "two.bioimageio.yaml").name == "Two"


def test_descriptions_in_several_folders_are_not_chosen_between(tmp_path: Path) -> None:
    folder = folder_package(tmp_path, "one")
    write(folder / "two", v05(name="Two"), "rdf.yaml")
    with pytest.raises(NotAModelError, match=r"one/rdf\.yaml, two/rdf\.yaml"):
        read_model(folder)
    assert read_model(folder / "two").name == "Two"


def test_a_zip_made_on_windows_or_a_mac_is_read(tmp_path: Path) -> None:
    folder = folder_package(tmp_path)
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("my model\\rdf.yaml", (folder / "rdf.yaml").read_bytes())
        archive.writestr("my model\\weights.onnx", WEIGHTS)
        archive.writestr("__MACOSX/my model/._rdf.yaml", b"\0\5\x16\7")
        archive.writestr("__MACOSX/._my model", b"\0\5\x16\7")
    assert read_model(tmp_path / "odd.zip").weights[0].available


def test_the_entries_of_a_zip_may_begin_with_a_dot_and_a_slash(tmp_path: Path) -> None:
    folder = folder_package(tmp_path)
    with zipfile.ZipFile(tmp_path / "dots.zip", "w") as archive:
        for name in ("rdf.yaml", "weights.onnx"):
            archive.writestr(f"./{name}", (folder / name).read_bytes())
    assert read_model(tmp_path / "dots.zip").weights[0].available


def test_a_zip_needs_no_suffix_of_its_own(tmp_path: Path) -> None:
    path = zip_package(tmp_path).rename(tmp_path / "model.bioimageio")
    assert read_model(path).name == "Two Inputs"


# --- what is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "absent",
        "absent.zip",
        "absent/rdf.yaml",
        "https://example.com/model.zip",
        "a" * 3000,
        "a\0b",
        "~nobody-of-that-name/model",
    ],
)
def test_a_path_with_nothing_there_is_refused(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError) as caught:
        read_model(path)
    check_refusal(caught.value, "There is no model at", "folder, zip or file")


def test_something_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "cells.onnx").write_bytes(WEIGHTS)
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    (tmp_path / "other.yaml").write_text("name: x\n")
    (tmp_path / "nothing.yaml").touch()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name in ("empty", "text.txt", "cells.onnx", "list.yaml", "other.yaml", "nothing.yaml", "other.zip"):
        with pytest.raises(NotAModelError) as caught:
            read_model(tmp_path / name)
        check_refusal(caught.value, name)


@pytest.mark.parametrize("kind", ["dataset", "notebook", "application"])
def test_a_description_of_something_else_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(NotAModelError, match=f"describes a {kind}, not a model"):
        read_model(write(tmp_path, v05(type=kind)))


def test_a_file_that_is_missing_is_named(tmp_path: Path, make: Make) -> None:
    package = open_package(make(tmp_path))
    assert not package.exists("absent.npy")
    with pytest.raises(PackageError) as caught:
        package.read(FileRef("absent.npy"), "test tensor of 'raw'")
    check_refusal(caught.value, "test tensor of 'raw'", "is missing", "'absent.npy'")


def test_a_file_on_the_web_is_not_fetched(tmp_path: Path, make: Make) -> None:
    package = open_package(make(tmp_path))
    assert not package.exists("https://example.com/weights.onnx")
    with pytest.raises(PackageError) as caught:
        package.read(FileRef("https://example.com/weights.onnx"), "onnx weights")
    check_refusal(caught.value, "not in the package but at https://example.com/weights.onnx", "download it")


@pytest.mark.parametrize("given", [HASH, HASH.upper(), None])
def test_a_file_with_the_right_hash_or_without_one_is_read(tmp_path: Path, make: Make, given: str | None) -> None:
    assert open_package(make(tmp_path)).read(FileRef("weights.onnx", given), "weights") == WEIGHTS


@pytest.mark.parametrize("given", ["f" * 64, HASH[:-1] + "x", "", "abc"])
def test_a_file_with_another_hash_is_refused(tmp_path: Path, make: Make, given: str) -> None:
    with pytest.raises(PackageError) as caught:
        open_package(make(tmp_path)).read(FileRef("weights.onnx", given), "onnx weights")
    check_refusal(caught.value, "onnx weights", "not the file that was described", HASH[:12], "get the model again")


# --- what would lead out of the package ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    ["../secret.txt", "a/../../secret.txt", "..", ".", "", "/etc/passwd", "//host/share", "C:/secret.txt", "C:\\secret.txt",
     "c:secret.txt", "..\\secret.txt", "\\secret.txt", "a\0b", "~/../secret.txt"],
)  # fmt: skip
def test_a_path_outside_the_package_is_refused(tmp_path: Path, make: Make, source: str) -> None:
    path = make(tmp_path)
    (tmp_path / "secret.txt").write_text("secret")
    package = open_package(path)
    paths = [] if path.suffix == ".zip" else [package.path]
    for use in (package.exists, lambda name: package.read(FileRef(name), "weights"), *paths):
        with pytest.raises(PackageError) as caught:
            use(source)
        check_refusal(caught.value, repr(source), "outside its package")


def test_a_zip_entry_that_leads_out_is_never_reached(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("rdf.yaml", "format_version: 0.5.4")
        archive.writestr("../secret.txt", "secret")
    package = open_package(tmp_path / "evil.zip")
    assert not (tmp_path.parent / "secret.txt").exists()
    with pytest.raises(PackageError, match="outside its package"):
        package.read(FileRef("../secret.txt"), "weights")


@pytest.mark.parametrize("target", ["../secret.txt", "/etc/hostname"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    folder = folder_package(tmp_path)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.npy").symlink_to(target)
    (folder / "up").symlink_to("..")
    package = open_package(folder)
    for source in ("link.npy", "up/secret.txt"):
        with pytest.raises(PackageError) as caught:
            package.read(FileRef(source), "weights")
        check_refusal(caught.value, repr(source), "link to a file outside the package")


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    folder = folder_package(tmp_path)
    (folder / "link.onnx").symlink_to("weights.onnx")
    assert open_package(folder).read(FileRef("link.onnx", HASH), "weights") == WEIGHTS


@pytest.mark.parametrize("source", ["loop.npy", "a" * 3000, "weights.onnx/more"])
def test_a_name_that_no_file_can_have_is_a_missing_file(tmp_path: Path, make: Make, source: str) -> None:
    path = make(tmp_path)
    (tmp_path / "model" / "loop.npy").symlink_to("loop.npy")
    package = open_package(path)
    assert not package.exists(source)
    with pytest.raises(PackageError, match="is missing"):
        package.read(FileRef(source), "weights")


# --- zips that are broken --------------------------------------------------------------------------------------------


def encrypted(data: bytes) -> bytes:
    """Set the flag of encryption on every entry, as a zip with a password has it."""
    result = bytearray(data)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = result.find(magic)
        while place >= 0:
            result[place + offset] |= 1
            place = result.find(magic, place + 4)
    return bytes(result)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zip_package(tmp_path)
    path.write_bytes(encrypted(path.read_bytes()))
    with pytest.raises(PackageError, match=r"'rdf\.yaml' in .* is encrypted: unpack the zip with its password"):
        read_model(path)


def test_a_zip_cut_short_is_refused(tmp_path: Path) -> None:
    path = zip_package(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(NotAModelError, match="not a model that ijbridge reads"):
        read_model(path)


def read_all(package: Package) -> None:
    package.read_description()
    package.read(FileRef("weights.onnx"), "weights")


def test_damaged_zips_give_their_files_or_a_sentence(tmp_path: Path) -> None:
    path = zip_package(tmp_path)
    data, rng, refused = path.read_bytes(), np.random.default_rng(5), set()
    for _ in range(600):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_all(open_package(path))
        except IJBridgeError as error:
            refused.add(type(error))
    assert refused == {NotAModelError, PackageError}


def test_a_zip_packed_by_a_method_that_python_lacks_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rdf.yaml", "format_version: 0.5.4")
    data = buffer.getvalue().replace(b"PK\x03\x04\x14\0\0\0\0\0", b"PK\x03\x04\x14\0\0\0\x61\0")
    data = data.replace(b"PK\x01\x02\x14\x03\x14\0\0\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x61\0")
    (tmp_path / "model.zip").write_bytes(data)
    with pytest.raises(PackageError, match="compression"):
        read_model(tmp_path / "model.zip")
