"""Putting the plugin into an ImageJ or a Fiji: real files in folders laid out as theirs, and small jars."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import ijbridge
from commandline import Run
from ijbridge import installing, platforms
from ijbridge._version import PROTOCOL, __version__
from ijbridge.installing.records import read_record

LIBRARIES = {"appose": "0.9.0", "groovy": "4.0.28", "groovy-json": "4.0.28", "jna": "5.14.0", "jna-platform": "5.14.0"}
JARS = {f"{name}-{version}.jar" for name, version in LIBRARIES.items()}
BESIDE = {"IJBridge_.jar", "IJBridge_-DeepImageJ.jar", "IJBridge.properties", "IJBridge.sha256"}


def write_jar(path: Path, files: Mapping[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def write_jars(folder: Path, libraries: Mapping[str, str] = LIBRARIES, version: str = __version__, code: str = "") -> Path:
    """Write a plugin's jar and its libraries as a build leaves them."""
    shutil.rmtree(folder, ignore_errors=True)
    write_jar(folder / "IJBridge_.jar", {"org/ijbridge/jar.properties": f"version={version}\n", "code": code})
    write_jar(folder / "IJBridge_-DeepImageJ.jar", {"plugins.config": f'Plugins, "DeepImageJ Run", A("{code}")'})
    for name, number in libraries.items():
        write_jar(folder / "dependency" / f"{name}-{number}.jar", {"code": f"{name} {number} {code}"})
    return folder


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The jars that are installed."""
    monkeypatch.setattr(installing, "jar_folder", lambda: tmp_path / "jars")
    monkeypatch.delenv("IJBRIDGE_PYTHON", raising=False)
    return write_jars(tmp_path / "jars")


@pytest.fixture
def imagej(tmp_path: Path, jars: Path) -> Path:
    """A plain ImageJ's folder."""
    write_jar(tmp_path / "ImageJ" / "ij.jar", {})
    (tmp_path / "ImageJ" / "plugins").mkdir()
    return tmp_path / "ImageJ"


@pytest.fixture
def fiji(tmp_path: Path, jars: Path) -> Path:
    """A folder laid out as Fiji's of 2024 is, with the libraries it had of those that the plugin needs."""
    root = tmp_path / "Fiji.app"
    for name in ("ij-1.54f", "groovy-3.0.4", "groovy-json-3.0.4", "jna-5.13.0", "bio-formats/formats-api-7.0.0"):
        write_jar(root / "jars" / f"{name}.jar", {"whose": "Fiji's"})
    write_jar(root / "plugins" / "Auto_Threshold-1.18.0.jar", {})
    (root / "ImageJ-linux64").touch()
    return root


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_refused(answer: tuple[int, str, str], *words: str) -> None:
    status, out, err = answer
    assert (status, out) == (1, ""), err
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(".")
    assert "should not" not in line
    for word in words:
        assert word in line


# --- where things go -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has", ["ij.jar", "plugins", "both"])
def test_a_plain_imagej_gets_all_jars_into_a_folder_of_their_own(run: Run, imagej: Path, has: str) -> None:
    if has == "ij.jar":
        (imagej / "plugins").rmdir()
    if has == "plugins":
        (imagej / "ij.jar").unlink()
    status, out, err = run("install-fiji", imagej)
    assert (status, err) == (0, "")
    assert {path.name for path in (imagej / "plugins" / "IJBridge").iterdir()} == JARS | BESIDE
    assert out.startswith(f"ImageJ in {imagej}\n  wrote     plugins/IJBridge/IJBridge_-DeepImageJ.jar\n")
    assert out.endswith(f"IJBridge {__version__} is installed: start ImageJ again.\n")


def test_a_fiji_gets_the_plugin_and_only_the_libraries_that_it_does_not_have(run: Run, fiji: Path) -> None:
    before = tree(fiji)
    status, out, err = run("install-fiji", fiji)
    assert (status, err) == (0, "")
    after = tree(fiji)
    added = {*(f"plugins/{name}" for name in BESIDE), "jars/appose-0.9.0.jar", "jars/jna-platform-5.14.0.jar"}
    assert after.keys() - before.keys() == added
    assert {name: after[name] for name in before} == before
    assert "  kept      jars/groovy-3.0.4.jar (Fiji's own; 3.0.4 or newer is needed)\n" in out
    assert out.endswith(f"IJBridge {__version__} is installed: start Fiji again.\n")


def test_the_interpreter_is_recorded(run: Run, imagej: Path) -> None:
    run("install-fiji", imagej)
    settings = (imagej / "plugins" / "IJBridge" / "IJBridge.properties").read_text(encoding="utf-8")
    assert [line for line in settings.splitlines() if not line.startswith("#")] == [f"python={sys.executable}"]


def test_the_manifest_is_one_that_sha256sum_checks(run: Run, fiji: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("there is no sha256sum here")
    run("install-fiji", fiji)
    command = ["sha256sum", "--check", "--strict", "IJBridge.sha256"]
    done = subprocess.run(command, cwd=fiji / "plugins", capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5), done.stderr


@pytest.mark.parametrize("name", ["DeepImageJ_-3.0.4.jar", "jars/deepimagej-2.1.16.jar", "Others_.jar"])
@pytest.mark.parametrize("place", ["imagej", "fiji"])
def test_deepimagejs_commands_are_left_to_deepimagej_where_it_is(
    run: Run, place: str, name: str, request: pytest.FixtureRequest
) -> None:
    root: Path = request.getfixturevalue(place)
    aliases = root / "plugins" / ("" if place == "fiji" else "IJBridge") / "IJBridge_-DeepImageJ.jar"
    commands = 'Plugins>DeepImageJ, "DeepImageJ Run", DeepImageJ_Run\n' if name == "Others_.jar" else "none"
    run("install-fiji", root)
    assert aliases.exists()
    theirs = write_jar(root / "plugins" / name, {"plugins.config": commands})
    _, out, _ = run("install-fiji", root)
    assert f"kept      plugins/{name} (DeepImageJ runs its commands itself, so IJBridge's for them are left out)\n" in out
    assert f"removed   {aliases.relative_to(root)}\n" in out
    assert not aliases.exists()
    assert aliases.name not in aliases.with_name("IJBridge.sha256").read_text()
    theirs.unlink()
    assert f"wrote     {aliases.relative_to(root)}\n" in run("install-fiji", root)[1]
    run("install-fiji", root, "--uninstall")
    assert not aliases.exists()


def test_a_jar_that_cannot_be_opened_is_not_taken_for_deepimagej(run: Run, imagej: Path) -> None:
    (imagej / "plugins" / "Broken_.jar").write_bytes(b"PK\3\4 and no more")
    run("install-fiji", imagej)
    assert (imagej / "plugins" / "IJBridge" / "IJBridge_-DeepImageJ.jar").exists()


@pytest.mark.parametrize(
    ("made", "given"),
    [
        ("Fiji.app/jars Fiji.app/plugins Fiji.app/Contents", "Fiji.app"),  # macOS until 2024
        ("Fiji/jars Fiji/plugins Fiji/Fiji.app/Contents Fiji/config/jaunch", "Fiji"),  # since 2025
        ("Fiji/jars Fiji/plugins Fiji/Fiji.app/Contents Fiji/config/jaunch", "Fiji/Fiji.app"),
        ("Fiji.app/jars Fiji.app/plugins", "."),
        ("Fiji/jars Fiji/plugins", "."),
    ],
)
def test_fiji_is_found_by_its_folder_its_bundle_and_what_it_was_unpacked_into(
    run: Run, jars: Path, tmp_path: Path, made: str, given: str
) -> None:
    downloads = tmp_path / "downloads"
    for folder in made.split():
        (downloads / folder).mkdir(parents=True)
    status, _, err = run("install-fiji", downloads / given)
    assert (status, err) == (0, "")
    (plugin,) = downloads.rglob("IJBridge_.jar")
    assert plugin.parent == downloads / made.split()[1]


def test_a_plain_imagej_is_found_by_its_bundle(run: Run, imagej: Path) -> None:
    (imagej / "ImageJ.app" / "Contents").mkdir(parents=True)
    assert run("install-fiji", imagej / "ImageJ.app")[0] == 0
    assert (imagej / "plugins" / "IJBridge" / "IJBridge_.jar").exists()


def test_a_relative_folder_is_found(run: Run, imagej: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(imagej)
    assert run("install-fiji", ".")[1].startswith(f"ImageJ in {imagej}\n")


# --- libraries of others ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jar", "needed"),
    [
        ("jars/jna-4.5.2.jar", "5.12.1"),
        ("jars/linux64/jna-platform-5.9.0.jar", "5.12.1"),
        ("jars/groovy-2.4.8.jar", "3.0.4"),
        ("jars/groovy-json-3.0.4-rc-1.jar", "3.0.4"),
        ("plugins/appose-0.7.0.jar", "0.8.0"),
    ],
)
def test_a_library_that_is_too_old_is_named_and_nothing_is_written(run: Run, fiji: Path, jar: str, needed: str) -> None:
    write_jar(fiji / jar, {})
    before = tree(fiji)
    check_refused(run("install-fiji", fiji), f"{jar} (needed is {needed} or newer)", "update it (Help > Update...)")
    assert tree(fiji) == before


def test_all_libraries_that_are_too_old_are_named_at_once(run: Run, fiji: Path) -> None:
    for jar in ("jna-4.5.2", "appose-0.4.0"):
        write_jar(fiji / "jars" / f"{jar}.jar", {})
    check_refused(run("install-fiji", fiji), "jars/appose-0.4.0.jar", "jars/jna-4.5.2.jar")


@pytest.mark.parametrize("jar", ["jars/appose-0.8.0.jar", "jars/deep/appose-0.10.0.jar", "plugins/appose-1.0.0-beta-1.jar"])
def test_a_library_that_is_new_enough_is_kept_wherever_fiji_has_it(run: Run, fiji: Path, jar: str) -> None:
    write_jar(fiji / jar, {})
    status, out, _ = run("install-fiji", fiji)
    assert status == 0
    assert f"  kept      {jar} (Fiji's own; 0.8.0 or newer is needed)\n" in out
    assert not (fiji / "jars" / "appose-0.9.0.jar").exists()


def test_a_library_without_a_version_in_its_name_says_it_inside(run: Run, fiji: Path) -> None:
    (fiji / "jars" / "jna-5.13.0.jar").unlink()
    write_jar(
        fiji / "jars" / "jna.jar", {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\nImplementation-Version: 4.5.2 (b0)\n"}
    )
    check_refused(run("install-fiji", fiji), "jars/jna.jar (needed is 5.12.1 or newer)")
    write_jar(fiji / "jars" / "jna.jar", {})
    status, out, _ = run("install-fiji", fiji)
    assert status == 0
    assert "jars/jna.jar (Fiji's own; 5.12.1 or newer is needed, and its version cannot be told)" in out


def test_another_plugin_of_a_plain_imagej_may_not_bring_a_library_that_is_too_old(run: Run, imagej: Path) -> None:
    write_jar(imagej / "plugins" / "Other" / "deeper" / "jna-4.5.2.jar", {})  # so deep ImageJ does not look
    assert run("install-fiji", imagej)[0] == 0
    write_jar(imagej / "plugins" / "Other" / "jna-4.5.2.jar", {})
    check_refused(run("install-fiji", imagej), "plugins/Other/jna-4.5.2.jar", "update or remove the plugins")


def test_a_library_that_fiji_has_got_since_takes_the_place_of_ours(run: Run, fiji: Path) -> None:
    run("install-fiji", fiji)
    own = write_jar(fiji / "jars" / "appose-0.12.0.jar", {})
    status, out, _ = run("install-fiji", fiji)
    assert status == 0
    assert "  removed   jars/appose-0.9.0.jar\n" in out
    assert not (fiji / "jars" / "appose-0.9.0.jar").exists()
    run("install-fiji", fiji, "--uninstall")
    assert own.exists()


# --- again, and newer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["imagej", "fiji"])
def test_a_second_run_changes_nothing_and_says_so(run: Run, where: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(where)
    run("install-fiji", folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    status, out, err = run("install-fiji", folder)
    assert (status, err) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    acts = {line.split()[0] for line in out.splitlines()[1:-1]}
    assert acts == ({"same", "kept"} if where == "fiji" else {"same"})
    assert out.endswith(f"IJBridge {__version__} is in place: nothing was changed.\n")


def install_older(run: Run, folder: Path, jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install version 0.0.9, with an older Appose and a library that is not needed any more."""
    with monkeypatch.context() as patch:
        patch.setattr(installing, "__version__", "0.0.9")
        write_jars(jars, {**LIBRARIES, "appose": "0.8.9", "ivy": "2.5.1"}, version="0.0.9", code="older")
        assert run("install-fiji", folder)[0] == 0
    write_jars(jars)


@pytest.mark.parametrize("where", ["imagej", "fiji"])
def test_an_older_one_is_replaced_with_all_that_came_with_it(
    run: Run, jars: Path, where: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = request.getfixturevalue(where)
    install_older(run, folder, jars, monkeypatch)
    assert len(list(folder.rglob("ivy-2.5.1.jar"))) == 1
    status, out, err = run("install-fiji", folder)
    assert (status, err) == (0, "")
    assert out.endswith(f"IJBridge {__version__} is installed in the place of 0.0.9: start {out.split()[0]} again.\n")
    left = tree(folder)
    run("install-fiji", folder, "--uninstall")
    run("install-fiji", folder)
    assert tree(folder) == left, "what an update leaves is what a fresh installation has"


def test_what_somebody_changed_is_neither_replaced_nor_removed(
    run: Run, imagej: Path, jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_older(run, imagej, jars, monkeypatch)
    ivy, jna = (imagej / "plugins" / "IJBridge" / name for name in ("ivy-2.5.1.jar", "jna-5.14.0.jar"))
    kept = jna.read_bytes()
    for jar in (ivy, jna):
        jar.write_bytes(b"mine")
    before = tree(imagej)
    check_refused(run("install-fiji", imagej), "plugins/IJBridge/jna-5.14.0.jar would be replaced, but is not what")
    assert tree(imagej) == before
    jna.write_bytes(kept)
    status, out, _ = run("install-fiji", imagej)
    assert (status, ivy.read_bytes()) == (0, b"mine")
    assert "  kept      plugins/IJBridge/ivy-2.5.1.jar (changed since it was written)\n" in out


@pytest.mark.parametrize(
    ("where", "path"),
    [("imagej", "plugins/IJBridge_.jar"), ("imagej", "plugins/Mine/IJBridge_-0.0.1.jar"), ("fiji", "jars/IJBridge_-0.1.0.jar")],
)
def test_a_second_plugin_is_refused_because_two_stall_imagej(
    run: Run, where: str, path: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(where)
    write_jar(folder / path, {})
    before = tree(folder)
    check_refused(run("install-fiji", folder), f"({path})", "cannot have two")
    assert tree(folder) == before


def test_jars_that_were_copied_by_hand_are_taken_over_if_they_are_the_same(run: Run, imagej: Path, jars: Path) -> None:
    by_hand = imagej / "plugins" / "IJBridge"
    shutil.copytree(jars / "dependency", by_hand)
    shutil.copy(jars / "IJBridge_.jar", by_hand)
    assert run("install-fiji", imagej)[0] == 0
    run("install-fiji", imagej, "--uninstall")
    assert not by_hand.exists()


def test_an_installation_that_was_interrupted_is_ours_all_the_same(
    run: Run, fiji: Path, jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(fiji)
    install_older(run, fiji, jars, monkeypatch)
    replace = Path.replace

    def fail_at_the_plugin(self: Path, target: Path) -> Path:
        if target.name == installing.PLUGIN:
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail_at_the_plugin)
        check_refused(run("install-fiji", fiji), "IJBridge_.jar cannot be used (No space left on device)")
    assert not list(fiji.rglob("*.part"))
    assert (fiji / "jars" / "appose-0.9.0.jar").exists()
    for finish in ([], ["--uninstall"]):
        assert run("install-fiji", fiji, *finish)[0] == 0
    assert tree(fiji) == before


def unpack_the_zip(jars: Path, plugins: Path) -> Path:
    """Lay the jars down as the released zip does."""
    folder = plugins / "IJBridge"
    shutil.copytree(jars / "dependency", folder)
    shutil.copy(jars / "IJBridge_.jar", folder)
    sums = [(jar.name, hashlib.sha256(jar.read_bytes()).hexdigest()) for jar in folder.iterdir()]
    (folder / "IJBridge.sha256").write_text(installing.manifest_text(__version__, sums), encoding="utf-8")
    return folder


def test_what_was_unpacked_into_a_fiji_is_laid_out_as_fiji_needs_it(run: Run, fiji: Path, jars: Path) -> None:
    assert run("install-fiji", fiji)[0] == 0
    fresh = tree(fiji)
    run("install-fiji", fiji, "--uninstall")
    unpacked = unpack_the_zip(jars, fiji / "plugins")
    status, out, err = run("install-fiji", fiji)
    assert (status, err) == (0, "")
    assert "  removed   plugins/IJBridge/groovy-4.0.28.jar\n" in out
    assert tree(fiji) == fresh
    assert not unpacked.exists()


def test_a_plugin_that_was_unpacked_and_then_changed_is_a_second_one(run: Run, fiji: Path, jars: Path) -> None:
    (unpack_the_zip(jars, fiji / "plugins") / "IJBridge_.jar").write_bytes(b"mine")
    before = tree(fiji)
    check_refused(run("install-fiji", fiji), "(plugins/IJBridge/IJBridge_.jar)", "cannot have two")
    assert tree(fiji) == before


# --- taking it out again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["imagej", "fiji"])
def test_to_uninstall_leaves_the_folder_as_it_was(run: Run, where: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(where)
    before = {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    run("install-fiji", folder)
    status, out, err = run("install-fiji", folder, "--uninstall")
    assert (status, err) == (0, "")
    assert {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")} == before
    assert out.endswith("IJBridge is removed.\n")
    status, out, err = run("install-fiji", folder, "--uninstall")
    assert (status, err) == (0, "")
    assert out.endswith("There is no IJBridge that `ijbridge install-fiji` wrote: nothing was changed.\n")


def test_to_uninstall_keeps_what_was_changed_and_names_it(run: Run, fiji: Path) -> None:
    run("install-fiji", fiji)
    (fiji / "jars" / "appose-0.9.0.jar").write_bytes(b"another's")
    (fiji / "jars" / "jna-platform-5.14.0.jar").unlink()
    status, out, _ = run("install-fiji", fiji, "--uninstall")
    assert status == 0
    assert "  kept      jars/appose-0.9.0.jar (changed since it was written)\n" in out
    assert not list(fiji.rglob("IJBridge*"))
    assert (fiji / "jars" / "appose-0.9.0.jar").read_bytes() == b"another's"


def test_to_uninstall_names_a_plugin_that_it_did_not_write(run: Run, imagej: Path) -> None:
    write_jar(imagej / "plugins" / "IJBridge_.jar", {})
    status, out, _ = run("install-fiji", imagej, "--uninstall")
    assert status == 0
    assert "note: plugins/IJBridge_.jar was not written by `ijbridge install-fiji`, and stays.\n" in out


@pytest.mark.parametrize("line", ["0" * 64 + "  ../../../mine.jar", "0" * 64 + "  ../mine.txt", "0  a.jar", "nonsense"])
def test_a_manifest_cannot_have_other_files_removed(run: Run, imagej: Path, line: str) -> None:
    run("install-fiji", imagej)
    manifest = imagej / "plugins" / "IJBridge" / "IJBridge.sha256"
    manifest.write_text(manifest.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    before = tree(imagej)
    for more in ([], ["--uninstall"]):
        check_refused(run("install-fiji", imagej, *more), f"{manifest} is damaged")
    assert tree(imagej) == before


def test_to_uninstall_takes_no_option_of_an_installation(run: Run, imagej: Path) -> None:
    status, _, err = run("install-fiji", imagej, "--uninstall", "--shared")
    assert (status, err) == (2, "error: --uninstall goes with neither --python nor --shared: leave them out.\n")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run: Run, fiji: Path) -> None:
    before = tree(fiji)
    status, would, err = run("install-fiji", fiji, "--dry-run")
    assert (status, err, tree(fiji)) == (0, "", before)
    assert would.endswith("This was a dry run: nothing was changed.\n")
    _, did, _ = run("install-fiji", fiji)
    names = [
        [line.split()[2 if line.startswith("  would") else 1] for line in text.splitlines()[1:-1]] for text in (would, did)
    ]
    assert names[0] == names[1]
    before = tree(fiji)
    assert "  would remove   plugins/IJBridge_.jar\n" in run("install-fiji", fiji, "--uninstall", "--dry-run")[1]
    assert tree(fiji) == before


# --- the interpreter -------------------------------------------------------------------------------------------------


def wrapper(path: Path, python: str = sys.executable) -> Path:
    """Write a script that is a Python: a copy would not find its libraries."""
    path.write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def test_another_interpreter_is_recorded_and_replaces_the_one_before(run: Run, imagej: Path, tmp_path: Path) -> None:
    run("install-fiji", imagej)
    other = wrapper(tmp_path / "Pythön of mine")
    status, out, err = run("install-fiji", imagej, "--python", other)
    assert (status, err) == (0, "")
    assert f"  replaced  plugins/IJBridge/IJBridge.properties (ImageJ starts {other})\n" in out
    settings = (imagej / "plugins" / "IJBridge" / "IJBridge.properties").read_text(encoding="utf-8")
    assert f"\npython={other}\n" in settings


def test_settings_that_somebody_changed_stay_unless_an_interpreter_is_named(run: Run, imagej: Path) -> None:
    run("install-fiji", imagej)
    settings = imagej / "plugins" / "IJBridge" / "IJBridge.properties"
    settings.write_text("python=/mine\n", encoding="utf-8")
    for _ in range(2):
        status, out, _ = run("install-fiji", imagej)
        assert (status, settings.read_text(encoding="utf-8")) == (0, "python=/mine\n")
        assert "  kept      plugins/IJBridge/IJBridge.properties (changed since it was written; --python" in out
    assert "  kept      plugins/IJBridge/IJBridge.properties" in run("install-fiji", imagej, "--uninstall")[1]
    run("install-fiji", imagej, "--python", sys.executable)
    assert f"\npython={sys.executable}\n" in settings.read_text(encoding="utf-8")


def test_a_path_of_windows_is_written_as_java_reads_it(imagej: Path) -> None:
    place = installing.find_place(imagej)
    (step,) = installing._settings(place, read_record(place), Path("C:\\Users\\new"), asked=False)
    assert step.content.splitlines()[-1] == b"python=C:\\\\Users\\\\new"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, ["There is no Python at "]),
        ("", ["cannot be started as a Python (Exec format error)"]),
        ("#!/bin/sh\necho 'ModuleNotFoundError: none' >&2; exit 1\n", ["does not have ijbridge (ModuleNotFoundError: none)"]),
        ("#!/bin/sh\necho hello\n", ["does not have ijbridge (hello)"]),
        ("#!/bin/sh\nexit 3\n", ["does not have ijbridge (exit status 3)"]),
        ('#!/bin/sh\necho \'["0.9", 99, "/x"]\'\n', ["has ijbridge 0.9 (protocol 99)", "install the same version there"]),
    ],
)
def test_what_is_no_python_with_this_ijbridge_is_refused(
    run: Run, imagej: Path, tmp_path: Path, script: str | None, words: list[str]
) -> None:
    python = tmp_path / "python"
    if script is not None:
        python.write_text(script, encoding="utf-8")
        python.chmod(0o755)
    check_refused(run("install-fiji", imagej, "--python", python), str(python), *words)
    assert not (imagej / "plugins" / "IJBridge").exists()


def test_a_folder_is_no_python(run: Run, imagej: Path, tmp_path: Path) -> None:
    check_refused(run("install-fiji", imagej, "--python", tmp_path), f"{tmp_path} is a folder: give the Python in it")


def test_an_environment_variable_that_goes_before_the_record_is_told(
    run: Run, imagej: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IJBRIDGE_PYTHON", "/elsewhere/python")
    assert run("install-fiji", imagej)[1].endswith(
        "note: IJBRIDGE_PYTHON is set to /elsewhere/python, and goes before what is recorded.\n"
    )


# --- for many people -------------------------------------------------------------------------------------------------


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own are for one person."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    if platforms.first_closed(folder, 0o5) is not None:
        pytest.skip("there is no folder for everybody here")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shared_fiji(for_all: Path, fiji: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Fiji that everybody may use, and a person whose files are for nobody else."""
    root = shutil.copytree(fiji, for_all / "Fiji")
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return root


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def python_for_all(folder: Path) -> Path:
    """Write what says of itself that it is a Python with ijbridge: a real one may lie in somebody's home."""
    package = folder / "ijbridge.py"
    package.touch()
    package.chmod(0o644)
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\n[ "$1$2$3" = -E-s-c ] && echo \'["{__version__}", {PROTOCOL}, "{package}"]\'\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    return python


def test_a_shared_installation_may_be_read_by_everybody(run: Run, shared_fiji: Path, for_all: Path, umask: None) -> None:
    python = python_for_all(for_all)
    status, _, err = run("install-fiji", shared_fiji, "--shared", "--python", python)
    assert (status, err) == (0, "")
    assert {path.stat().st_mode & 0o777 for path in shared_fiji.rglob("*") if path.is_file()} == {0o644}
    assert run("install-fiji", shared_fiji, "--shared", "--python", python)[1].endswith("nothing was changed.\n")


def test_a_private_installation_is_opened_up(run: Run, shared_fiji: Path, for_all: Path, umask: None) -> None:
    plain = for_all / "ImageJ"
    (plain / "plugins").mkdir(parents=True)
    for folder in (plain, plain / "plugins"):
        folder.chmod(0o755)
    python = python_for_all(for_all)
    run("install-fiji", plain, "--python", wrapper(for_all / "mine"))
    closed = plain / "plugins" / "IJBridge"
    assert (closed.stat().st_mode & 0o777, (closed / "IJBridge_.jar").stat().st_mode & 0o777) == (0o700, 0o600)
    status, out, err = run("install-fiji", plain, "--shared", "--python", python)
    assert (status, err) == (0, "")
    assert "  opened up plugins/IJBridge/jna-5.14.0.jar (everybody may read it)\n" in out
    assert closed.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in closed.iterdir()} == {0o644}


def test_a_shared_installation_opens_the_folders_that_it_makes(run: Run, jars: Path, for_all: Path, umask: None) -> None:
    write_jar(for_all / "ImageJ" / "ij.jar", {})
    (for_all / "ImageJ").chmod(0o755)
    status, _, err = run("install-fiji", for_all / "ImageJ", "--shared", "--python", python_for_all(for_all))
    assert (status, err) == (0, "")
    made = (for_all / "ImageJ" / "plugins", for_all / "ImageJ" / "plugins" / "IJBridge")
    assert [path.stat().st_mode & 0o777 for path in made] == [0o755, 0o755]


@pytest.mark.parametrize("closed", ["python", "ijbridge.py", ".", "Fiji", "Fiji/jars"])
def test_what_is_not_for_everybody_cannot_be_shared(run: Run, shared_fiji: Path, for_all: Path, closed: str) -> None:
    python = python_for_all(for_all)
    (for_all / closed).chmod(0o700)
    check_refused(
        run("install-fiji", shared_fiji, "--shared", "--python", python), f"because {for_all / closed} is not", "--shared"
    )
    assert not (shared_fiji / "plugins" / "IJBridge_.jar").exists()


def test_a_link_to_a_python_that_is_not_for_everybody_cannot_be_shared(run: Run, shared_fiji: Path, for_all: Path) -> None:
    (for_all / "private").mkdir(mode=0o700)
    link = for_all / "link"
    link.symlink_to(wrapper(for_all / "private" / "python", str(python_for_all(for_all))))
    check_refused(run("install-fiji", shared_fiji, "--shared", "--python", link), f"because {for_all / 'private'} is not")


def test_on_windows_a_python_in_a_home_cannot_be_shared(
    run: Run, shared_fiji: Path, for_all: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platforms, "WINDOWS", True)
    monkeypatch.setenv("HOME", str(for_all / "me"))
    python = python_for_all(for_all)
    assert run("install-fiji", shared_fiji, "--shared", "--python", python, "--dry-run")[0] == 0
    monkeypatch.setenv("HOME", str(for_all))
    check_refused(run("install-fiji", shared_fiji, "--shared", "--python", python), f"because {for_all} is not")


# --- what cannot be done ---------------------------------------------------------------------------------------------


def test_a_folder_that_is_neither_is_refused(run: Run, jars: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    check_refused(run("install-fiji", tmp_path / "other"), f"{tmp_path / 'other'} is neither Fiji's folder")
    check_refused(run("install-fiji", tmp_path / "absent"), f"There is no folder {tmp_path / 'absent'}")
    check_refused(run("install-fiji", jars / "IJBridge_.jar"), "is a file: give the folder of Fiji or ImageJ")


@pytest.mark.parametrize("shut", ["plugins", "jars"])
def test_a_folder_that_may_not_be_written_is_refused_before_anything_is(fiji: Path, jars: Path, shut: str) -> None:
    code = (
        "import pathlib, sys; from ijbridge import cli, installing; installing.jar_folder = lambda: pathlib.Path(sys.argv[1]); "
        "sys.exit(cli.main(['install-fiji', sys.argv[2]]))"
    )
    command = [sys.executable, "-c", code, str(jars), str(fiji)]
    if os.geteuid() == 0:  # root may write everything, unless it gives that up
        if shutil.which("setpriv") is None:
            pytest.skip("root writes everything, and setpriv is not there to give that up")
        command = ["setpriv", "--bounding-set=-all", *command]
    before = tree(fiji)
    (fiji / shut).chmod(0o555)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        (fiji / shut).chmod(0o755)
    check_refused((done.returncode, done.stdout, done.stderr), f"The folder {fiji / shut} may not be written")
    assert tree(fiji) == before


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"org/ijbridge/jar.properties": "version=0.0.1\n"}, ["is of version 0.0.1", f"ijbridge of {__version__}"]),
        ({}, ["is not the plugin's jar"]),
    ],
)
def test_jars_of_another_version_are_refused(
    run: Run, imagej: Path, jars: Path, files: Mapping[str, str], words: list[str]
) -> None:
    write_jar(jars / "IJBridge_.jar", files)
    check_refused(run("install-fiji", imagej), *words)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The package in another folder, without its jars."""
    package = tmp_path / "checkout" / "src" / "ijbridge"
    ignore = shutil.ignore_patterns("__pycache__", "jars", "*.pyc")
    return shutil.copytree(Path(ijbridge.__file__).parent, package, ignore=ignore)


def run_from(path: Path, *arguments: object) -> tuple[int, str, str]:
    command = [sys.executable, "-c", "import sys; from ijbridge.cli import main; sys.exit(main(sys.argv[1:]))"]
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run(
        [*command, *(str(one) for one in arguments)], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_checkout_without_jars_says_how_they_are_built(elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "ImageJ" / "plugins").mkdir(parents=True)
    answer = run_from(elsewhere.parent, "install-fiji", tmp_path / "ImageJ")
    check_refused(answer, f"The ijbridge in {elsewhere} came without its jars")
    pom = tmp_path / "checkout" / "java" / "pom.xml"
    pom.parent.mkdir()
    pom.touch()
    check_refused(
        run_from(elsewhere.parent, "install-fiji", tmp_path / "ImageJ"), f"run `mvn -q -B -DskipTests -f {pom} package`"
    )
    write_jars(pom.parent / "target")
    assert run_from(elsewhere.parent, "install-fiji", tmp_path / "ImageJ")[0] == 0


def test_an_archive_of_python_cannot_be_what_imagej_starts(elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "ImageJ" / "plugins").mkdir(parents=True)
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", elsewhere.parent))
    check_refused(run_from(archive, "install-fiji", tmp_path / "ImageJ"), f"ijbridge runs from the archive {archive}")
