"""ImageJ without any Python makes one at first use: from the released zip, by real uv, over the network and without one.

Where all wheels lie beside the plugin nothing is fetched, so that only one of these tests waits for the network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ijbridge._version import PROTOCOL, __version__
from ijbridge.installing import install, uninstall
from imagej_session import ABORTED, JARS, ImageJ
from processes import cannot_mount, ends, unshare
from proxies import Proxy, proxy
from setup_environment import ROOT

pytestmark = pytest.mark.imagej

PICTURE = 'newImage("picture", "8-bit ramp", 40, 30, 1);'
MAKING = "making the Python environment"

#: Nothing listens there.
NOBODY = "http://127.0.0.1:9"


def run(model: Path, more: str = "") -> str:
    """Give the macro that runs a model on a picture."""
    return f'{PICTURE} run("Run Model...", "model=[{model}] {more}"); print("active: " + getTitle());'


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All wheels that the environment is made of, fetched as the zip's README says."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "-d", str(folder)]
    done = subprocess.run([*command, "-r", str(ROOT / "environment.txt")], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the wheels cannot be fetched: {done.stderr}")
    return folder


@pytest.fixture
def bare(tmp_path: Path, screen: str, released: Path, monkeypatch: pytest.MonkeyPatch) -> ImageJ:
    """ImageJ with the released zip in its plugins folder, in the hands of somebody who has set nothing.

    uv takes the Python of this machine: it would fetch one, which takes longer than all the rest.
    """
    for name in (*os.environ,):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IJBRIDGE_PYTHON", "")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    return unpacked(tmp_path, screen, released)


def unpack(released: Path, kind: str, plugins: Path) -> None:
    plugins.mkdir(parents=True)
    with zipfile.ZipFile(next(released.glob(f"*-{kind}.zip"))) as archive:
        archive.extractall(plugins)


def unpacked(folder: Path, screen: str, released: Path, before: list[str] | None = None) -> ImageJ:
    plugins = folder / "ImageJ" / "plugins"
    unpack(released, "ImageJ", plugins)
    for file in (JARS / "test-classes").glob("Person*.class"):
        shutil.copy(file, plugins)
    return ImageJ(folder / "ImageJ", screen, before or [], installed=True)


@pytest.fixture
def tunnel(tmp_path: Path) -> Iterator[Proxy]:
    with proxy(tmp_path / "standstill") as server:
        yield server


def use_proxy(imagej: ImageJ, port: int) -> None:
    """Do what Edit > Options > Proxy Settings does."""
    settings = imagej.folder / ".imagej" / "IJ_Prefs.txt"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(f".proxy.server=127.0.0.1\n.proxy.port={port}\n", encoding="ascii")


def wheels(imagej: ImageJ) -> Path:
    """Give the folder of wheels, which the zips have at the same place."""
    return imagej.folder / "plugins" / "IJBridge" / "wheels"


def add(wheelhouse: Path, imagej: ImageJ) -> None:
    for wheel in wheelhouse.iterdir():
        os.link(wheel, wheels(imagej) / wheel.name)


def made(folder: Path) -> list[Path]:
    """Give the environments in a folder, half ones too."""
    return [path for path in folder.glob("environment-*") if path.is_dir()]


def recorded(folder: Path) -> Path | None:
    """Give the environment that is recorded in a folder."""
    record = folder / f"environment-{__version__}.properties"
    if not record.exists():
        return None
    (line,) = [line for line in record.read_text(encoding="utf-8").splitlines() if line.startswith("python=")]
    return Path(line.removeprefix("python=")).parents[1]


def builders(folder: Path) -> list[int]:
    """Give the processes that run a program of a folder."""
    return [one.pid for one in psutil.process_iter(["exe"]) if (one.info["exe"] or "").startswith(str(folder))]


# --- over the network ------------------------------------------------------------------------------------------------


def test_a_person_is_asked_once_and_imagejs_proxy_is_used(bare: ImageJ, tilted: Path, tunnel: Proxy) -> None:
    use_proxy(bare, tunnel.port)
    setting_up = f'{PICTURE} call("Person.watches"); print(call("Person.setsUpAndRuns", "{tilted}")); print(getTitle());'
    macros = {
        "refuses": f'{PICTURE} print(call("Person.refusesToSetUp")); print(getTitle());',
        "agrees": f'{setting_up} print(call("Person.saw"));',
        "again": run(tilted),
    }
    session = bare.run(macros)
    assert session.ran["refuses"].log == ("Set up|0", "picture")
    said = session.ran["agrees"].log
    assert [line for line in said if line.startswith("run(")] == [
        f'run("Run Model...", "model=[{tilted}] tile=auto halo=auto device=auto");'
    ]
    assert "picture-sum" in said
    assert any(re.search(rf"{MAKING}, \d+ s: \d+ of \d+ downloads done", line) for line in said)
    assert session.ran["again"].log[-1] == "active: picture-sum"
    assert tunnel.asked
    assert session.log_file.count("made the Python environment") == 1
    folder = bare.folder / "IJBridge"
    assert made(folder) == [recorded(folder)]
    assert {path.name for path in folder.iterdir()} == {made(folder)[0].name, f"environment-{__version__}.properties", "lock"}


def test_without_a_network_one_sentence_says_what_was_tried_and_what_to_do(
    bare: ImageJ, tilted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    use_proxy(bare, 9)
    sentence, details = bare.run_without_windows(run(tilted, "environment=install"), os.environ)
    lock = wheels(bare) / "environment.txt"
    assert re.fullmatch(
        r"Run Model: The Python environment cannot be made because \S+ cannot be reached through the proxy 127\.0\.0\.1:9 of "
        r"\S+ settings \(Connection refused.*\): connect this computer, or set its proxy in Edit > Options > Proxy "
        rf"Settings\.\.\., and run the command again; where there is no network, put the wheels that {re.escape(str(lock))} "
        r'names beside it \("pip download" fetches them\)\.',
        sentence,
    )
    assert details.startswith("Details: ")
    assert made(bare.folder / "IJBridge") == []

    use_proxy(bare, 0)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:9")
    sentence, details = bare.run_without_windows(run(tilted, "environment=install"), os.environ)
    assert "cannot be reached through the proxy 127.0.0.1:9 of the variable HTTPS_PROXY (" in sentence
    assert "secret" not in (bare.folder / "ijbridge.log").read_text(encoding="utf-8")


def test_one_that_was_interrupted_is_never_taken_and_the_next_attempt_works(
    bare: ImageJ, tilted: Path, tunnel: Proxy, wheelhouse: Path
) -> None:
    folder = bare.folder / "IJBridge"
    tunnel.standstill.touch()
    use_proxy(bare, tunnel.port)
    escape = f'call("Person.pressesEscapeWhenStatusSays", "{MAKING}, 1 s");'
    session = bare.run({"cancelled": escape + run(tilted, "environment=install")})
    assert session.ran["cancelled"].value == ABORTED
    assert session.ran["cancelled"].log == ("Run Model: The run was cancelled.",)
    assert all(ends(one) for one in builders(folder))
    assert made(folder) == []

    plug = f'call("Person.pullsThePlugWhenStatusSays", "{MAKING}, 1 s");'
    bare.run({"cut": plug + run(tilted, "environment=install")}, status=9)
    assert len(made(folder)) == 1
    assert recorded(folder) is None

    refused = bare.run_without_windows(run(tilted), os.environ)
    assert refused[0].startswith("Run Model: No Python with ijbridge found: write environment=install among the macro's keys")
    add(wheelhouse, bare)
    assert bare.run_without_windows(run(tilted, "environment=install"), os.environ)[-1] == "active: picture-sum"
    assert made(folder) == [recorded(folder)]


# --- without a network -----------------------------------------------------------------------------------------------


def test_with_all_wheels_beside_the_plugin_nothing_is_fetched_and_a_home_serves_where_imagej_may_not_be_written(
    bare: ImageJ, tmp_path: Path, screen: str, released: Path, tilted: Path, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = cannot_mount()
    if why:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    closed = tmp_path / "closed" / "ImageJ" / "IJBridge"
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    imagej = unpacked(tmp_path / "closed", screen, released, [*unshare(), "sh", "-c", script, str(closed)])
    closed.mkdir()
    add(wheelhouse, imagej)
    monkeypatch.setenv("HTTPS_PROXY", NOBODY)
    said = imagej.run_without_windows(run(tilted, "environment=install"), os.environ)
    assert said[-1] == "active: picture-sum"
    home = imagej.folder / ".ijbridge"
    assert made(home) == [recorded(home)]
    assert imagej.run_without_windows(run(tilted), os.environ)[-1] == "active: picture-sum"


def test_fijis_zip_uses_fijis_libraries(
    bare: ImageJ, tmp_path: Path, screen: str, released: Path, tilted: Path, wheelhouse: Path
) -> None:
    root = tmp_path / "Fiji"
    unpack(released, "Fiji", root / "plugins")
    shutil.copytree(JARS / "dependency", root / "jars")
    class_path = [*sorted((root / "jars").glob("*.jar")), root / "plugins" / "IJBridge" / "IJBridge_.jar"]
    lacking = ImageJ(root, screen, installed=True, class_path=class_path[1:])  # the first is Appose
    add(wheelhouse, lacking)
    sentence, *_ = lacking.run_without_windows(run(tilted, "environment=install"), os.environ)
    assert sentence.startswith("Run Model: A jar that IJBridge needs is missing or too old (")
    assert not (root / "IJBridge").exists()
    fiji = ImageJ(root, screen, installed=True, class_path=class_path)
    assert fiji.run_without_windows(run(tilted, "environment=install"), os.environ)[-1] == "active: picture-sum"

    install(root)
    assert not [*(root / "plugins" / "IJBridge").glob("*.jar"), *wheels(fiji).glob("uv-*")]
    *_, note, last = uninstall(root)
    assert last == "IJBridge is removed."
    assert f"lies in {root / 'IJBridge'}: remove that folder" in note


def test_wheels_that_are_not_all_are_named(bare: ImageJ, tilted: Path, wheelhouse: Path) -> None:
    add(wheelhouse, bare)
    for wheel in wheels(bare).glob("scipy-*"):
        wheel.unlink()
    sentence, _ = bare.run_without_windows(run(tilted, "environment=install"), os.environ)
    assert re.fullmatch(
        r"Run Model: The Python environment cannot be made by uv \(Because scipy was not found in the provided package "
        rf"locations .*\): {re.escape(str(wheels(bare)))} has to hold all wheels that its environment\.txt names, .*",
        sentence,
    )


def test_an_environment_that_does_not_answer_as_it_should_is_not_recorded(bare: ImageJ, tilted: Path, wheelhouse: Path) -> None:
    add(wheelhouse, bare)
    (own,) = wheels(bare).glob("ijbridge-*.whl")
    content = own.read_bytes()
    with zipfile.ZipFile(own) as archive:
        files = {entry: archive.read(entry) for entry in archive.infolist() if not entry.filename.endswith(".jar")}
    with zipfile.ZipFile(own, "w") as archive:
        for entry, text in files.items():
            archive.writestr(entry, text.replace(f"PROTOCOL = {PROTOCOL}".encode(), b"PROTOCOL = 99"))
    sentence, *_ = bare.run_without_windows(run(tilted, "environment=install"), os.environ)
    assert re.search(rf"speaks protocol {PROTOCOL}, but ijbridge \S+ in \S+ speaks 99", sentence)
    folder = bare.folder / "IJBridge"
    assert (made(folder), recorded(folder)) == ([], None)
    own.write_bytes(content)
    assert bare.run_without_windows(run(tilted, "environment=install"), os.environ)[-1] == "active: picture-sum"
    # one of another version of the jar is not this one's
    (folder / f"environment-{__version__}.properties").rename(folder / "environment-0.0.1.properties")
    assert "No Python with ijbridge found" in bare.run_without_windows(run(tilted), os.environ)[0]
