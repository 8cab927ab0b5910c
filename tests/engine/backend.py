"""A small real backend: Redis of the system and an HTTP server with the health endpoint, for runs from end to end."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class _Health(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say that all is well."""
        said = {"status": "ok", "timestamp": datetime.now(UTC).isoformat(), "checks": {"redis": "ok"}}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing on the terminal."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Where the servers are."""

    api: int
    redis: int

    @property
    def tables(self) -> str:
        """The tables of an environment file that name them."""
        return (
            f'[api]\ntargets = [{{ name = "api1", url = "http://127.0.0.1:{self.api}" }}]\nhealth = "/health"\n'
            '[redis]\ntargets = [{ name = "cache", env = "PENHAS_CHECKS_REDIS_URL" }]\n'
        )

    @property
    def url(self) -> str:
        """The URL of Redis, for PENHAS_CHECKS_REDIS_URL."""
        return f"redis://127.0.0.1:{self.redis}/0"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(folder: Path) -> Iterator[Backend]:
    """Start both servers, and stop them on every path out."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("there is no redis-server: install Debian's package")
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Health)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    port = _free_port()
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    redis = subprocess.Popen([binary, *settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(port)
        yield Backend(http.server_address[1], port)
    finally:
        redis.terminate()
        redis.wait(10)
        http.shutdown()
        http.server_close()


def _await(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("redis-server did not start within 10 s")


@contextmanager
def silent() -> Iterator[int]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield int(server.getsockname()[1])
