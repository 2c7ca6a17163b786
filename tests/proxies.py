"""A proxy of one's own: programs that use it are seen, and kept waiting where that is wanted."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Proxy(socketserver.ThreadingTCPServer):
    """An HTTP proxy for connections that it cannot look into (CONNECT), on a port of this machine.

    ``asked`` are the hosts that were asked for, in order. While the file ``standstill`` is there, what is asked for gets no
    answer.
    """

    daemon_threads = True

    def __init__(self, standstill: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.standstill = standstill
        self.asked: list[str] = []
        self.over = threading.Event()

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.server_address[1])


class _Tunnel(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        method, _, address = self.rfile.readline().decode("latin-1").partition(" ")
        while self.rfile.readline().strip():
            pass
        host, _, port = address.split(" ")[0].rpartition(":")
        if method != "CONNECT":
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            return
        self.server.asked.append(host)
        while self.server.standstill.exists():
            if self.server.over.wait(0.05):
                return
        try:
            with socket.create_connection((host, int(port)), timeout=30) as other:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _pass_on(self.connection, other, self.server.over)
        except OSError:  # either side may end when it likes
            return


def _pass_on(one: socket.socket, other: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        for ready in select.select([one, other], [], [], 0.2)[0]:
            content = ready.recv(1 << 16)
            if not content:
                return
            (other if ready is one else one).sendall(content)


@contextmanager
def proxy(standstill: Path) -> Iterator[Proxy]:
    """Run one until the block ends."""
    with Proxy(standstill) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
