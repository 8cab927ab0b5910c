"""One connection to one PostgreSQL server, on the level of libpq's non-blocking calls: every wait has a deadline.

psycopg's own pipeline fetches results at each sync, a round trip a statement. Here each statement has a sync of its
own, so that an error costs no other, and all of them leave together: one round trip for the batch.
"""

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq.abc import PGconn, PGresult

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.postgresql import problems
from checks.engine.probes.postgresql.problems import ConnectionProblem
from checks.engine.probes.settling import within

APPLICATION = "penhas-checks"
LOCK_TIMEOUT = 0.2
IDLE_TIMEOUT = 10.0
_SYNC = -2
_DISCARD = -1


class Deadline:
    """A point in time that nothing of this session waits beyond."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def restart(self, at_most: float) -> None:
        """Begin anew, for no more than so many seconds: each answer has its own time, and all of them one end."""
        self._end = time.monotonic() + min(self.seconds, at_most)

    def left(self) -> float:
        """Return the seconds that are left, never below 0."""
        return max(0.0, self._end - time.monotonic())


class Session:
    """An open connection; `guarded` says that the start-up options hold, so that no transaction need set them.

    Only a session of a canary `writes`.
    """

    def __init__(self, conn: PGconn, *, guarded: bool, statement_timeout: float, writes: bool = False) -> None:
        self._conn = conn
        self._guarded = guarded
        self._access = "WRITE" if writes else "ONLY"
        self._statement_timeout = statement_timeout
        self._conn.nonblocking = 1
        self._conn.enter_pipeline_mode()

    @property
    def version(self) -> int:
        """The server's version as a number, 150018 for 15.18."""
        return self._conn.server_version

    @property
    def user(self) -> str:
        """The name of our role."""
        return self._conn.user.decode("utf-8", "replace")

    def run(self, statements: Sequence[str], deadline: Deadline, arrived: Callable[[int, PGresult], None]) -> None:
        """Send all statements at once and hand over each result as it comes, in order.

        Raises ConnectionProblem when the server goes away, stops answering or talks rubbish meanwhile.
        """
        try:
            expected = self._send(statements)
            for token in expected:
                result = self._result(deadline)
                if token == _SYNC:
                    if result is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
                        raise self._lost(result)
                    continue
                if result is None:
                    raise self._lost(result)
                self._raise_if_lost(result)
                if token != _DISCARD:
                    arrived(token, result)
                while self._result(deadline) is not None:
                    pass
        except psycopg.Error:
            raise problems.lost(self._conn.get_error_message()) from None

    def _send(self, statements: Sequence[str]) -> list[int]:
        expected: list[int] = []
        with _corked(self._conn.socket):
            for index, statement in enumerate(statements):
                for text, token in self._parts(statement, index):
                    if token == _SYNC:
                        self._conn.pipeline_sync()
                    else:
                        self._conn.send_query_params(text.encode(), None)
                    expected.append(token)
        return expected

    def _parts(self, statement: str, index: int) -> Iterator[tuple[str, int]]:
        if self._guarded:
            yield statement, index
            yield "", _SYNC
            return
        # SET LOCAL as a function call: all of it ends with the transaction, so nothing stays on a pooled connection.
        limits = {**_limits(self._statement_timeout), "idle_in_transaction_session_timeout": round(IDLE_TIMEOUT * 1000)}
        local = ", ".join(f"set_config('{k}', '{v}', true)" for k, v in limits.items())
        yield f"BEGIN READ {self._access}", _DISCARD
        yield f"SELECT {local}", _DISCARD
        yield statement, index
        yield "", _SYNC
        yield "COMMIT", _DISCARD
        yield "", _SYNC

    def _result(self, deadline: Deadline) -> PGresult | None:
        while self._conn.is_busy():
            unsent = self._conn.flush()
            readable, _ = _wait(self._conn.socket, deadline, read=True, write=unsent == 1)
            if readable:
                self._conn.consume_input()
            elif deadline.left() == 0.0:
                raise ConnectionProblem(f"stopped answering: nothing came {within(deadline.seconds)}")
        return self._conn.get_result()

    def _raise_if_lost(self, result: PGresult) -> None:
        if self._conn.status == pq.ConnStatus.BAD:
            raise self._lost(result)

    def _lost(self, result: PGresult | None) -> ConnectionProblem:
        sqlstate = None if result is None else result.error_field(pq.DiagnosticField.SQLSTATE)
        if sqlstate is not None and sqlstate.decode() in problems.CONNECTION:
            return problems.by_sqlstate(sqlstate.decode(), "")
        return problems.lost(self._conn.get_error_message())

    def close(self) -> None:
        """Close the connection; never raises and never waits."""
        self._conn.finish()


def open_session(
    text: str, variable: str, *, pooler: bool, statement_timeout: float, deadline: Deadline, writes: bool = False
) -> Session:
    """Log in and return a session, as if behind a pooler where it `writes`.

    Raises ConnectionProblem for what is wrong with the server, ProbeError for what is wrong on our side.
    """
    parameters = _parameters(text, variable)
    if pooler or writes:
        conn = _connect(parameters, deadline)
        return Session(conn, guarded=False, statement_timeout=statement_timeout, writes=writes)
    options = " ".join(f"-c {k}={v}" for k, v in {**_STARTUP, **_limits(statement_timeout)}.items())
    with_options = {**parameters, "options": f"{parameters.get('options', '')} {options}".strip()}
    try:
        conn = _connect(with_options, deadline)
    except problems.OptionsRefused:
        conn = _connect(parameters, deadline)
    # A pooler may also swallow the options in silence; PostgreSQL 14 and later tell at login what holds. The style of
    # intervals is asked for only to be recognised here: a role may be read-only by its own setting.
    held = (b"default_transaction_read_only", b"on"), (b"IntervalStyle", b"iso_8601")
    guarded = all(conn.parameter_status(name) == value for name, value in held)
    return Session(conn, guarded=guarded, statement_timeout=statement_timeout)


_STARTUP = {"default_transaction_read_only": "on", "IntervalStyle": "iso_8601", "jit": "off"}


def _limits(statement_timeout: float) -> dict[str, int]:
    return {
        "statement_timeout": round(statement_timeout * 1000),
        "lock_timeout": round(LOCK_TIMEOUT * 1000),
    }


def _parameters(text: str, variable: str) -> dict[str, str]:
    try:
        options = pq.Conninfo.parse(text.encode())
    except psycopg.Error:
        raise ProbeError(
            Reason.OURS,
            f"the connection string in {variable} is malformed",
            f"Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE in {variable}.",
        ) from None
    parameters = {o.keyword.decode(): o.val.decode() for o in options if o.val is not None}
    if "," in parameters.get("host", "") or "," in parameters.get("hostaddr", ""):
        raise ProbeError(
            Reason.OURS,
            f"the connection string in {variable} names several hosts, behind which a dead one would hide",
            "Give each host a target and a variable of its own.",
        )
    parameters.setdefault("gssencmode", "disable")
    fixed = {"application_name": APPLICATION, "client_encoding": "UTF8", "target_session_attrs": "any"}
    return {**parameters, **fixed}


def _connect(parameters: dict[str, str], deadline: Deadline) -> PGconn:
    conn = pq.PGconn.connect_start(make_conninfo("", **parameters).encode())
    with _trace(conn) as trace:
        status = conn.status
        direction = pq.PollingStatus.WRITING
        while True:
            if conn.status == pq.ConnStatus.BAD:
                raise _refused(conn, trace)
            reading = direction == pq.PollingStatus.READING
            if not any(_wait(conn.socket, deadline, read=reading, write=not reading)):
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


def _wait(fd: int, deadline: Deadline, *, read: bool, write: bool) -> tuple[bool, bool]:
    poll = select.poll()
    poll.register(fd, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    events = poll.poll(deadline.left() * 1000)
    got = events[0][1] if events else 0
    broken = got & (select.POLLHUP | select.POLLERR)
    return bool(got & select.POLLIN or (broken and read)), bool(got & select.POLLOUT or (broken and write))


@contextlib.contextmanager
def _corked(fd: int) -> Iterator[None]:
    """Hold back what is sent until the end of the block, so that a batch leaves as one write where the system can."""
    cork = getattr(socket, "TCP_CORK", None)
    if cork is None:
        yield
        return
    with socket.socket(fileno=os.dup(fd)) as twin:
        if twin.family == socket.AF_UNIX:
            yield
            return
        twin.setsockopt(socket.IPPROTO_TCP, cork, 1)
        try:
            yield
        finally:
            twin.setsockopt(socket.IPPROTO_TCP, cork, 0)
