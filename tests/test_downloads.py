"""A model from the web, from a server on this machine: whole or not at all, and never somewhere else."""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from builders import one_conv, write_model
from ijbridge.downloads import _SameKind, address_of, download, is_address
from ijbridge.errors import Cancelled, IJBridgeError, InstallError, PackageError
from ijbridge.server import InferenceServer

CONTENT = bytes(range(256)) * 4000

#: By path: status, headers besides the length, and what follows.
PAGES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/my%20model.zip?download=1": (200, {}, CONTENT),
    "/content": (200, {"Content-Disposition": 'attachment; filename="said.zip"'}, CONTENT),
    "/..%2f..%2f.evil": (200, {}, CONTENT),
    "/gone": (404, {}, b"no such page"),
    "/moved": (302, {"Location": "/my%20model.zip?download=1"}, b""),
    "/home": (302, {"Location": "file:///etc/passwd"}, b""),
    "/elsewhere": (302, {"Location": "ftp://127.0.0.1/m.zip"}, b""),
    "/short": (200, {"Content-Length": str(len(CONTENT) + 1)}, CONTENT),
    "/endless": (200, {"Content-Length": str(10**12)}, b""),
    "/secret": (200, {"Content-Disposition": 'attachment; filename="../../../tmp/secret.zip"'}, CONTENT),
}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, content = PAGES[self.path]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # who has seen enough hangs up
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def fetched(address: str, folder: Path, *, stop_at: int = 10**15) -> tuple[Path, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    path = download(address, folder, lambda done, total: told.append((done, total)), lambda: told[-1][0] >= stop_at)
    return path, told


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("/my%20model.zip?download=1", "my model.zip"),
        ("/content", "said.zip"),
        ("/..%2f..%2f.evil", "evil.zip"),
        ("/moved", "my model.zip"),
        ("/secret", "_.._.._tmp_secret.zip"),
    ],
)
def test_a_zip_comes_whole_under_a_name_that_leads_nowhere(web: str, tmp_path: Path, page: str, name: str) -> None:
    path, told = fetched(web + page, tmp_path)
    assert path == tmp_path / name
    assert path.read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("{web}/gone", "/gone cannot be fetched: the server says 404 Not Found; look whether the address is right"),
        ("{web}/home", "file:///etc/passwd' is not allowed"),
        ("{web}/elsewhere", "ftp://127.0.0.1/m.zip is no address of the web"),
        ("{web}/short", f"/short ended after {len(CONTENT)} of {len(CONTENT) + 1} bytes: try again."),
        ("http://8.8.8.8/m.zip", "http://8.8.8.8/m.zip is not encrypted, and what comes may be anything"),
        ("file:///etc/passwd", "file:///etc/passwd is no address of the web: give one that begins with https://"),
        ("ftp://127.0.0.1/m.zip", "is no address of the web"),
        ("http://127.0.0.1:9/m.zip", "m.zip cannot be fetched ("),
        ("http://[1/m.zip", "cannot be fetched (Invalid IPv6 URL)"),
    ],
)
def test_what_does_not_come_is_one_sentence(web: str, tmp_path: Path, address: str, words: str) -> None:
    with pytest.raises(InstallError) as caught:
        fetched(address.format(web=web), tmp_path)
    assert words in str(caught.value)


def test_an_encrypted_connection_never_leads_to_an_open_one() -> None:
    asked = urllib.request.Request("https://example.org/m.zip")
    with pytest.raises(InstallError, match=r"leads to http://example\.org/m\.zip, which is not encrypted"):
        _SameKind().redirect_request(asked, io.BytesIO(), 302, "", {}, "http://example.org/m.zip")


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1/m.zip", "https://10.0.0.1/m.zip", "https://[::1]/m.zip", "https://localhost/m.zip"]
)
def test_a_server_elsewhere_never_leads_into_the_own_network(target: str) -> None:
    asked = urllib.request.Request("https://8.8.8.8/m.zip")
    with pytest.raises(InstallError, match="in this computer's own network"):
        _SameKind().redirect_request(asked, io.BytesIO(), 302, "", {}, target)
    assert _SameKind().redirect_request(asked, io.BytesIO(), 302, "", {}, "https://8.8.4.4/m.zip") is not None


def test_an_id_of_bioimageio_stands_for_its_zip_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_of("affable-shark") == "https://hypha.aicell.io/bioimage-io/artifacts/affable-shark/create-zip-file"
    assert address_of("https://example.org/m.zip") == "https://example.org/m.zip"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-model").mkdir()
    assert [is_address(one) for one in ("affable-shark", "my-model", "model", "a/affable-shark", "Affable-Shark")] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_a_model_is_installed_by_its_id(web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IJBRIDGE_COLLECTION", f"{web}/{{id}}/create-zip-file")
    zipped = Path(shutil.make_archive(str(tmp_path / "net"), "zip", write_model(tmp_path / "net", one_conv())))
    monkeypatch.setitem(PAGES, "/affable-shark/create-zip-file", (200, {}, zipped.read_bytes()))
    server = InferenceServer()
    found = server.look_at("affable-shark", lambda done, total: None, lambda: False)
    assert found["sha256"] == hashlib.sha256(zipped.read_bytes()).hexdigest()
    installed = server.install("affable-shark", str(tmp_path / "models"))
    assert server.describe(installed["path"])["name"] == found["name"]
    server.forget()


def test_no_more_is_fetched_than_a_model_may_have(web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PackageError, match=r"endless\.zip has 1000\.0 GB, but a model may have 17\.2 GB"):
        fetched(f"{web}/endless", tmp_path)
    monkeypatch.setenv("IJBRIDGE_MAX_MODEL_SIZE", "0.5 MB")
    with pytest.raises(PackageError, match="but a model may have 500 kB"):
        fetched(f"{web}/content", tmp_path)


def test_a_download_can_be_stopped(web: str, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        fetched(f"{web}/content", tmp_path, stop_at=1)


def test_the_server_installs_what_was_looked_at_and_leaves_nothing_else(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    zipped = Path(shutil.make_archive(str(tmp_path / "net"), "zip", write_model(tmp_path / "net", one_conv())))
    monkeypatch.setitem(PAGES, "/net.zip", (200, {}, zipped.read_bytes()))
    server = InferenceServer()

    def look(address: str) -> dict[str, Any]:
        return server.look_at(address, lambda done, total: None, lambda: False)

    seen = look(f"{web}/net.zip")
    assert (seen["name"], seen["file"]) == ("Little Network", "net.zip")
    assert seen["sha256"] == hashlib.sha256(zipped.read_bytes()).hexdigest()
    with pytest.raises(InstallError, match="was not looked at before"):
        server.install(f"{web}/other.zip", str(tmp_path / "models"))
    installed = Path(server.install(f"{web}/net.zip", str(tmp_path / "models"))["path"])
    assert installed == tmp_path / "models" / "net.zip"
    assert installed.read_bytes() == zipped.read_bytes()
    with pytest.raises(IJBridgeError, match="not a model"):
        look(f"{web}/content")
    server.forget()
    assert list((tmp_path / "temporary").iterdir()) == []
