"""A relay before an HTTP server that changes its answers: for what cannot be made to happen, as a clock gone wrong."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

Change = Callable[[str, bytes], bytes]


class Relay:
    """Passes GET on to 127.0.0.1:`upstream`, and what comes back through `change(path, body)`."""

    def __init__(self, upstream: int, change: Change, port: int = 0) -> None:
        class Handler(BaseHTTPRequestHandler):
            # HTTP/1.0: a connection that is kept open would outlive the relay
            def do_GET(self) -> None:
                try:
                    with urlopen(f"http://127.0.0.1:{upstream}{self.path}", timeout=10) as answer:
                        status, kind, body = answer.status, answer.headers["Content-Type"], answer.read()
                except HTTPError as error:
                    status, kind, body = error.code, error.headers["Content-Type"], error.read()
                body = change(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="relay", daemon=True).start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def json_at(path: str, change: Callable[[Any], None]) -> Change:
    """Return a change of the JSON of the answers whose path begins with `path`."""

    def act(asked: str, body: bytes) -> bytes:
        if not asked.startswith(path):
            return body
        table = json.loads(body)
        change(table)
        return json.dumps(table).encode()

    return act
