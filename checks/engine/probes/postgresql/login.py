"""Logging in to a PostgreSQL server by libpq's non-blocking calls; a refusal is known by its code, not its text."""

import contextlib
import os
from collections.abc import Iterator

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq.abc import PGconn

from checks.engine.model import ProbeError, Reason
from checks.engine.probes import conninfo
from checks.engine.probes.postgresql import problems
from checks.engine.probes.postgresql.waiting import Deadline, wait

APPLICATION = "penhas-checks"
_SENT = frozenset(("PGTZ", "PGDATESTYLE", "PGGEQO"))  # libpq sends them to the server, whose own would not be seen


def parameters(text: str, variable: str) -> dict[str, str]:
    """Return the parts of a connection string with ours; raises ProbeError where it is malformed or hides hosts."""
    try:
        options = pq.Conninfo.parse(text.encode())
    except psycopg.Error:
        raise ProbeError(
            Reason.OURS,
            f"the connection string in {variable} is malformed",
            f"Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE in {variable}.",
        ) from None
    found = {o.keyword.decode(): o.val.decode() for o in options if o.val is not None}
    several = conninfo.several_hosts(found)
    if several != "":
        raise ProbeError(
            Reason.OURS,
            f"the connection string in {variable} {several}: behind one that answers a dead one would hide",
            "Give each host a target and a variable of its own.",
        )
    found.setdefault("gssencmode", "disable")
    for name in _SENT.intersection(os.environ):
        os.environ.pop(name, None)
    fixed = {"application_name": APPLICATION, "client_encoding": "UTF8", "target_session_attrs": "any"}
    return {**found, **fixed}


def connect(parameters: dict[str, str], deadline: Deadline) -> PGconn:
    """Return an open connection; raises ConnectionProblem, or OptionsRefused where a pooler bears no options."""
    conn = pq.PGconn.connect_start(make_conninfo("", **parameters).encode())
    with _trace(conn) as trace:
        status = conn.status
        direction = pq.PollingStatus.WRITING
        while True:
            if conn.status == pq.ConnStatus.BAD:
                raise _refused(conn, trace)
            reading = direction == pq.PollingStatus.READING
            if not any(wait(conn.socket, deadline, read=reading, write=not reading)):
                conn.finish()
                raise problems.silent(deadline.seconds, accepted=status != pq.ConnStatus.STARTED)
            direction = pq.PollingStatus(conn.connect_poll())
            status = pq.ConnStatus(conn.status)
            if direction == pq.PollingStatus.OK:
                return conn
            if direction == pq.PollingStatus.FAILED:
                raise _refused(conn, trace)


def _refused(conn: PGconn, trace: "_Trace") -> Exception:
    message = conn.get_error_message()
    sqlstate, routine = trace.last_error(conn)
    conn.finish()
    return problems.refused(sqlstate, routine, message)


class _Trace:
    """libpq's trace of the login, kept in memory: the only way to the SQLSTATE of a refused login.

    The text of the refusal is in the server's language and may quote names; the code and the routine are neither.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    def last_error(self, conn: PGconn) -> tuple[str, str]:
        """Return SQLSTATE and routine of the last ErrorResponse, empty where there was none."""
        if self._fd is None:
            return "", ""
        conn.untrace()
        size = os.fstat(self._fd).st_size
        return problems.error_in_trace(os.pread(self._fd, min(size, 1 << 20), 0).decode("utf-8", "replace"))


@contextlib.contextmanager
def _trace(conn: PGconn) -> Iterator[_Trace]:
    try:
        fd = os.memfd_create("login", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        yield _Trace(None)
        return
    try:
        conn.trace(fd)
        yield _Trace(fd)
    finally:
        with contextlib.suppress(psycopg.Error):
            conn.untrace()
        os.close(fd)
