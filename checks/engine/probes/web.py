"""HTTP connections that can be given up and that notice when an answer is cut: used by the probes of S3 and the API.

The standard library takes a connection that ends within the headers for the end of the headers, and a socket's timeout
starts again with each byte. Here the first is an error, and every socket is known to a watchdog.
"""

import http.client
import io
import time
from typing import Any

from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from checks.engine.probes.network import Watchdog, roots


class Sockets:
    """The sockets of one client: those that are open, the time that connecting took, and who watches them."""

    def __init__(self) -> None:
        self.connect_seconds = 0.0
        self.connected = False
        self._open: list[Any] = []
        self._dog: Watchdog | None = None

    def watch_with(self, dog: Watchdog) -> None:
        """Let this watchdog end what is open, and what is opened from now on."""
        self._dog = dog
        for sock in self._open:
            dog.watch(sock)

    def made(self, sock: Any, seconds: float) -> None:
        """Take note of a new connection."""
        self.connect_seconds += seconds
        self.connected = True
        self._open = [sock]
        if self._dog is not None:
            self._dog.watch(sock)


def pool(sockets: Sockets) -> PoolManager:
    """Return a pool of one connection that `sockets` knows of; it uses no proxy, and verifies certificates."""
    manager = PoolManager(num_pools=1, maxsize=1, cert_reqs="CERT_REQUIRED", ca_certs=roots())
    manager.pool_classes_by_scheme = _pool_classes(sockets)
    return manager


def _pool_classes(sockets: Sockets) -> dict[str, Any]:
    """Return urllib3's pools by scheme, with connections that tell `sockets` of themselves."""

    class Plain(HTTPConnection):
        response_class = _Response

        def connect(self) -> None:
            """Connect, and say so."""
            started = time.monotonic()
            super().connect()
            sockets.made(self.sock, time.monotonic() - started)

    class Tls(HTTPSConnection):
        response_class = _Response

        def connect(self) -> None:
            """Connect, and say so."""
            started = time.monotonic()
            super().connect()
            sockets.made(self.sock, time.monotonic() - started)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


class _Lines(io.BufferedReader):
    """Remembers the line that was read last."""

    last = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line as a buffered reader does."""
        self.last = super().readline(-1 if size is None else size)
        return self.last


class _Response(http.client.HTTPResponse):
    """A response whose headers came to their end, or an error."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fp = self._lines = _Lines(self.fp.detach())

    def begin(self) -> None:
        """Read status and headers."""
        torn = False
        try:
            super().begin()
        except http.client.BadStatusLine:
            torn = b"HTTP/".startswith(self._lines.last[:5]) and not self._lines.last.endswith(b"\n")
            if not torn:
                raise
        # The empty line ends the headers; http.client is as content with the end of the connection.
        if torn or self._lines.last not in {b"\r\n", b"\n"}:
            raise http.client.RemoteDisconnected("")
