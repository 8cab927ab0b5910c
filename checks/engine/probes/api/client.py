"""GET of the listed paths of one instance over one kept-alive connection, bounded in time and in size.

No redirect is followed, no proxy and no .netrc of the environment is used, and nothing but GET is ever sent.
"""

import time
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.network import Watchdog, problem_of, roots, silent

MOST_BYTES = 8 << 20
_CHUNK = 1 << 16


class NoAnswer(Exception):  # noqa: N818 (it is a finding, not an error of ours)
    """No HTTP answer came; the text is our word for why. `late` says that it did not come in time."""

    def __init__(self, problem: str, *, late: bool = False) -> None:
        super().__init__(problem)
        self.late = late


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `seconds` without the time that connecting took, `began` and `ended` in Unix time."""

    path: str
    status: int
    body: bytes
    seconds: float
    began: float
    ended: float


class Client:
    """One instance of the API."""

    def __init__(self, url: str, run_id: str) -> None:
        self._url = url
        self._adapter = _Adapter()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = roots()
        self._session.headers.clear()
        self._session.headers.update(
            {"User-Agent": f"penhas-checks/{run_id}", "Accept": "*/*", "Accept-Encoding": "identity"}
        )
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)

    def get(self, path: str, seconds: float, headers: dict[str, str] | None = None) -> Answer:
        """Return the answer to GET; raises NoAnswer where none came, ProbeError where it is our own fault."""
        connects = self._adapter.connect_seconds()
        began, started = time.time(), time.monotonic()
        with Watchdog(seconds) as dog:
            self._adapter.watch_with(dog)
            try:
                with self._session.get(
                    self._url + path, headers=headers, timeout=seconds, allow_redirects=False, stream=True
                ) as response:
                    status, body = response.status_code, _body(response)
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                accepted = dog.expired or not isinstance(error, requests.ConnectTimeout)
                if dog.expired:
                    raise NoAnswer(silent(seconds, accepted=accepted), late=True) from None
                problem = problem_of(error, "HTTP", seconds, accepted=accepted)
                late = isinstance(error, requests.Timeout)
                raise NoAnswer(problem or "answers something that is not HTTP", late=late) from None
            if dog.expired:
                # The socket was ended in the middle of a body without a length, which looks like its end.
                raise NoAnswer(f"began to answer but did not end: {silent(seconds, accepted=True)}", late=True)
        connecting = self._adapter.connect_seconds() - connects
        return Answer(path, status, body, time.monotonic() - started - connecting, began, time.time())

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _body(response: requests.Response) -> bytes:
    parts: list[bytes] = []
    length = 0
    while part := response.raw.read(_CHUNK, decode_content=False):
        parts.append(part)
        length += len(part)
        if length > MOST_BYTES:
            raise ProbeError(Reason.PROTOCOL, f"its answer is longer than {MOST_BYTES >> 20} MiB")
    return b"".join(parts)


class _Adapter(HTTPAdapter):
    """Knows each socket that was opened, so that a watchdog can end it."""

    def __init__(self) -> None:
        self._sockets: list[Any] = []
        self._seconds = 0.0
        self._dog: Watchdog | None = None
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools use connections that tell us of their sockets."""
        super().init_poolmanager(*args, **options)
        adapter = self

        class Plain(HTTPConnection):
            def connect(self) -> None:
                started = time.monotonic()
                super().connect()
                adapter.made(self.sock, time.monotonic() - started)

        class Tls(HTTPSConnection):
            def connect(self) -> None:
                started = time.monotonic()
                super().connect()
                adapter.made(self.sock, time.monotonic() - started)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    def made(self, sock: Any, seconds: float) -> None:
        """Take note of a new connection."""
        self._seconds += seconds
        self._sockets = [sock]
        if self._dog is not None:
            self._dog.watch(sock)

    def watch_with(self, dog: Watchdog) -> None:
        """Let this watchdog end the connection that is open, and those that are opened from now on."""
        self._dog = dog
        for sock in self._sockets:
            dog.watch(sock)

    def connect_seconds(self) -> float:
        """Return the time that connecting took in all."""
        return self._seconds
