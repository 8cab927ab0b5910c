"""What the system and TLS say of a connection, in our own words: used by the probes of Redis, S3 and the API.

A library's exception is never shown: it quotes hosts, URLs and what came back. Its causes are searched for their type.
"""

import errno
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from types import TracebackType

import certifi

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.settling import within

CUT = "the connection was cut"
_EXPIRED, _NOT_YET_VALID, _OTHER_NAME = 10, 9, 62  # X509_V_ERR_* of OpenSSL, x509_vfy.h

_ERRNO = {
    errno.ECONNREFUSED: "connection refused",
    errno.ENOENT: "connection refused: no server listens on its socket",
    errno.EHOSTUNREACH: "no route to it",
    errno.ENETUNREACH: "no route to it",
    errno.EHOSTDOWN: "no route to it",
    errno.ENETDOWN: "no route to it",
    errno.ECONNRESET: CUT,
    errno.ECONNABORTED: CUT,
    errno.EPIPE: CUT,
}


def problem_of(error: BaseException, service: str, seconds: float, *, accepted: bool) -> str | None:
    """Return what is wrong with the connection, None where the error's causes do not tell.

    Raises ProbeError where it is our own fault. `accepted` says whether a timeout came after the connection was made.
    """
    for cause in causes(error):
        if isinstance(cause, socket.gaierror):
            raise ProbeError(Reason.OURS, "its host name does not resolve", "Mend the name that we were given, or DNS.")
        if isinstance(cause, TimeoutError):
            return silent(seconds, accepted=accepted or in_handshake(error))
        if isinstance(cause, ssl.SSLError):
            return _tls(cause, service)
        if isinstance(cause, http.client.HTTPException):
            cut = isinstance(cause, http.client.RemoteDisconnected | http.client.IncompleteRead)
            return CUT if cut else f"answers something that is not {service}"
        if isinstance(cause, OSError) and cause.errno in {errno.EACCES, errno.EPERM}:
            raise ProbeError(Reason.OURS, "this user may not connect to it", "Run as a user that may.")
        if isinstance(cause, OSError) and cause.errno in _ERRNO:
            return _ERRNO[cause.errno]
    return None


def _tls(error: ssl.SSLError, service: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return CUT
    return f"answers something that is not {service} over TLS"


def silent(seconds: float, *, accepted: bool) -> str:
    """Return the problem of a server that said nothing until the deadline."""
    if accepted:
        return f"accepts but does not answer {within(seconds)}"
    return f"does not answer {within(seconds)}: nothing accepts and nothing refuses"


def in_handshake(error: BaseException) -> bool:
    """Whether TLS was being agreed on: to the libraries that is connecting still, but somebody did accept."""
    return any(isinstance(c, TimeoutError) and "handshake" in str(c) for c in causes(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what an error was raised from, innermost first, then the error itself."""
    found: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop(0)
        if any(current is seen for seen in found):
            continue
        found.append(current)
        inner = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        waiting.extend(i for i in inner if isinstance(i, BaseException))
    yield from reversed(found)


def roots() -> str:
    """Return the file of root certificates: the one that OpenSSL's own variable names, else certifi's."""
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "its TLS certificate has expired"
    if error.verify_code == _NOT_YET_VALID:
        return "its TLS certificate is not valid yet, or our clock is slow"
    if error.verify_code == _OTHER_NAME:
        raise ProbeError(Reason.OURS, "its TLS certificate is for another name", "Use the name that is in it.")
    raise ProbeError(
        Reason.OURS,
        "its TLS certificate is not signed by a root that we trust",
        "Install the root certificate on this host (SSL_CERT_FILE), or mend the server's chain.",
    )


class Watchdog:
    """Ends the sockets that it watches when the time is over, whatever they are waiting for.

    A socket's own timeout starts again with each byte; a server that drips would otherwise never be given up.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def watch(self, connection: socket.socket) -> None:
        """End this socket too when the time is over, at once if it is over already."""
        with self._lock:
            self._sockets.append(connection)
            late = self.expired
        if late:
            _shut(connection)

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            sockets = list(self._sockets)
        for connection in sockets:
            _shut(connection)

    def __enter__(self) -> "Watchdog":
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()


def _shut(connection: socket.socket) -> None:
    try:
        # Of an SSLSocket this would first say goodbye to the peer, and wait for it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # closed or not connected: nobody waits for it
