"""Models from the web: the one place where ijbridge opens a connection, to an address that a person or a macro named.

What comes is a stranger's bytes: it is stored under a name that leads nowhere, no longer than a model may be, and read by the
same readers as any other package.
"""

from __future__ import annotations

import http.client
import re
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


def is_address(source: str) -> bool:
    """Whether a source is an address of the web, whatever its scheme."""
    return "://" in source


def download(address: str, folder: Path, progress: Progress, cancelled: Callable[[], bool]) -> Path:
    """Fetch a model's zip into a folder and give its path.

    Proxies are those of the environment (``HTTPS_PROXY``).

    Raises
    ------
    InstallError
        If it is no address of HTTP, cannot be reached, or does not come whole.
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
    """Follows a server elsewhere, but never from an encrypted connection to an open one."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            _check(newurl)
            if req.type == "https" and not newurl.lower().startswith("https:"):
                raise InstallError(
                    f"{req.full_url} leads to {newurl}, which is not encrypted: give that address if you trust it."
                )
        except InstallError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(address: str) -> None:
    if urllib.parse.urlsplit(address).scheme.lower() not in ("http", "https"):
        raise InstallError(
            f"{address} is no address of the web: give one that begins with https://, or the path of a zip or folder."
        )


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
