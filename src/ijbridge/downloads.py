"""Models from the web: the one place where ijbridge opens a connection, to what a person or a macro named.

That is an address, or the id of a model of bioimage.io, which stands for the address of its zip there. What comes is a
stranger's bytes: it is stored under a name that leads nowhere, no longer than a model may be, and read by the same readers as
any other package.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ijbridge.errors import Cancelled, InstallError
from ijbridge.formats.archive import Limits

_BLOCK = 1 << 18

#: How long a server may be silent, in seconds.
_PATIENCE = 30.0

#: Told of bytes that are there, and of how many there will be; 0 where the server does not say.
Progress = Callable[[int, int], None]


#: Where bioimage.io gives a model as a zip; ``IJBRIDGE_COLLECTION`` names another place, such as a mirror.
COLLECTION = "https://hypha.aicell.io/bioimage-io/artifacts/{id}/create-zip-file"

#: The ids of bioimage.io: an adjective and an animal.
_ID = re.compile(r"[a-z]+-[a-z]+")


def is_address(source: str) -> bool:
    """Whether a source is an address of the web, whatever its scheme, or the id of a model of bioimage.io."""
    return "://" in source or (_ID.fullmatch(source) is not None and not Path(source).exists())


def address_of(source: str) -> str:
    """Give the address that a source stands for."""
    if "://" in source:
        return source
    return os.environ.get("IJBRIDGE_COLLECTION", COLLECTION).replace("{id}", source)


def download(address: str, folder: Path, progress: Progress, cancelled: Callable[[], bool]) -> Path:
    """Fetch a model's zip into a folder and give its path.

    Proxies are those of the environment (``HTTPS_PROXY``).

    Raises
    ------
    InstallError
        If it is none of HTTPS, cannot be reached, leads into this computer's own network, or does not come whole.
    PackageError
        If it is larger than a model may be.
    Cancelled
        If that was asked for.
    """
    opener = urllib.request.build_opener(_SameKind)
    try:
        _check(address)
        with opener.open(address, timeout=_PATIENCE) as answer:
            target = folder / _name(answer)
            _store(answer, target, progress, cancelled)
    except urllib.error.HTTPError as error:
        error.close()
        raise InstallError(
            f"{address} cannot be fetched: the server says {error.code} {error.reason}; look whether the address is right, or "
            "download the model with a browser and give the file."
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise InstallError(
            f"{address} cannot be fetched ({reason}): look whether this computer is connected, or download the model with a "
            "browser and give the file."
        ) from error
    return target


class _SameKind(urllib.request.HTTPRedirectHandler):
    """Follows a server elsewhere, but never to an open connection or into this computer's own network."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            if req.type == "https" and newurl.lower().startswith("http:"):
                raise InstallError(f"{req.full_url} leads to {newurl}, which is not encrypted: ask who serves it for another.")
            _check(newurl)
            if _is_own(newurl) and not _is_own(req.full_url):
                raise InstallError(
                    f"{req.full_url} leads to {newurl}, which is in this computer's own network: give that address if you "
                    "trust it."
                )
        except InstallError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(address: str) -> None:
    scheme = urllib.parse.urlsplit(address).scheme.lower()
    if scheme not in ("http", "https"):
        raise InstallError(
            f"{address} is no address of the web: give one that begins with https://, the id of a model of bioimage.io, or the "
            "path of a zip or folder."
        )
    if scheme == "http" and not _is_own(address, only_this_computer=True):
        raise InstallError(f"{address} is not encrypted, and what comes may be anything: give one that begins with https://.")


def _is_own(address: str, *, only_this_computer: bool = False) -> bool:
    """Whether an address is of this computer or, unless it is to be that one, of its own network."""
    parts = urllib.parse.urlsplit(address)
    try:
        found = socket.getaddrinfo(parts.hostname or "", parts.port or 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # it does not lead anywhere
    numbers = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    if only_this_computer:
        return all(one.is_loopback for one in numbers)
    return any(not one.is_global for one in numbers)


def _name(answer: Any) -> str:
    """Give a file name that is one: the server's word for it, else the end of the address."""
    said = answer.headers.get_filename() or urllib.parse.unquote(urllib.parse.urlsplit(answer.url).path).rsplit("/", 1)[-1]
    name = re.sub(r"[^\w. +-]", "_", said).strip(" .")[:100]
    return name if name.lower().endswith(".zip") else f"{name or 'model'}.zip"


def _store(answer: Any, target: Path, progress: Progress, cancelled: Callable[[], bool]) -> None:
    limits = Limits.read()
    length = answer.headers.get("Content-Length", "")
    promised = int(length) if length.isdecimal() else 0
    done = 0
    with target.open("wb") as file:
        while True:
            limits.check_size(max(done, promised), target.name)
            progress(done, promised)
            if cancelled():
                raise Cancelled(f"Cancelled after {done} bytes of {target.name}.")
            block = answer.read(_BLOCK)
            if not block:
                break
            file.write(block)
            done += len(block)
    if done < promised:
        raise InstallError(f"{answer.url} ended after {done} of {promised} bytes: try again.")
