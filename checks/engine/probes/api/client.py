"""GET of the listed paths of one instance over one kept-alive connection, bounded in time and in size.

No redirect is followed, no proxy and no .netrc of the environment is used, and nothing but GET is ever sent.
"""

import time

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.network import Watchdog, causes, in_handshake, problem_of, silent
from checks.engine.probes.web import Sockets, pool
from checks.engine.records import dataclass

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
        self._sockets = Sockets()
        self._pool = pool(self._sockets)
        self._headers = {"User-Agent": f"penhas-checks/{run_id}", "Accept": "*/*", "Accept-Encoding": "identity"}

    def get(self, path: str, seconds: float, headers: dict[str, str] | None = None) -> Answer:
        """Return the answer to GET; raises NoAnswer where none came, ProbeError where it is our own fault."""
        connects = self._sockets.connect_seconds
        began, started = time.time(), time.monotonic()
        with Watchdog(seconds) as dog:
            self._sockets.watch_with(dog)
            try:
                status, body = self._ask(path, seconds, {**self._headers, **(headers or {})})
            except (HTTPError, OSError, ValueError) as error:
                accepted = self._sockets.connected or in_handshake(error)
                if dog.expired or any(isinstance(cause, TimeoutError) for cause in causes(error)):
                    raise NoAnswer(silent(seconds, accepted=accepted), late=True) from None
                problem = problem_of(error, "HTTP", seconds, accepted=accepted)
                raise NoAnswer(problem or "answers something that is not HTTP") from None
            if dog.expired:
                # The socket was ended in the middle of a body without a length, which looks like its end.
                raise NoAnswer(f"began to answer but did not end: {silent(seconds, accepted=True)}", late=True)
        connecting = self._sockets.connect_seconds - connects
        return Answer(path, status, body, time.monotonic() - started - connecting, began, time.time())

    def _ask(self, path: str, seconds: float, headers: dict[str, str]) -> tuple[int, bytes]:
        response = self._pool.urlopen(
            "GET",
            self._url + path,
            headers=headers,
            timeout=seconds,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            return response.status, _body(response)
        finally:
            # What is left of a body that was not read to its end would otherwise be read here, whatever its length.
            response.release_conn() if response.closed else response.close()

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()


def _body(response: BaseHTTPResponse) -> bytes:
    parts: list[bytes] = []
    length = 0
    while part := response.read(_CHUNK, decode_content=False):
        parts.append(part)
        length += len(part)
        if length > MOST_BYTES:
            raise ProbeError(Reason.PROTOCOL, f"its answer is longer than {MOST_BYTES >> 20} MiB")
    return b"".join(parts)
