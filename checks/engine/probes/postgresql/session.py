"""One connection to one PostgreSQL server, on the level of libpq's non-blocking calls: every wait has a deadline.

psycopg's own pipeline fetches results at each sync, a round trip a statement. Here each statement has a sync of its
own, so that an error costs no other, and all of them leave together: one round trip for the batch.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from checks.engine.probes.postgresql import problems
from checks.engine.probes.postgresql.login import connect, parameters
from checks.engine.probes.postgresql.problems import ConnectionProblem
from checks.engine.probes.postgresql.waiting import Deadline, wait
from checks.engine.probes.settling import within

LOCK_TIMEOUT = 0.2
IDLE_TIMEOUT = 10.0
_SYNC = -2
_DISCARD = -1


class Session:
    """An open connection; `guarded` says that the start-up options hold, so that no transaction need set them.

    Only a session of a canary `writes`.
    """

    def __init__(self, conn: PGconn, *, guarded: bool, statement_timeout: float, writes: bool = False) -> None:
        self._conn = conn
        self._guarded = guarded
        self._limited = not guarded
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
                for text, token in (*self._first(), *self._parts(statement, index)):
                    if token == _SYNC:
                        self._conn.pipeline_sync()
                    else:
                        self._conn.send_query_params(text.encode(), None)
                    expected.append(token)
        return expected

    def _first(self) -> Iterator[tuple[str, int]]:
        """Limit a session that is ours alone before its first statement: at start-up it would hide the server's."""
        if not self._limited:
            self._limited = True
            limits = {k: v for k, v in _limits(self._statement_timeout).items() if k not in _LOCKS}
            yield f"SELECT {_set_config(limits, local=False)}", _DISCARD
            yield "", _SYNC

    def _parts(self, statement: str, index: int) -> Iterator[tuple[str, int]]:
        if self._guarded:
            yield statement, index
            yield "", _SYNC
            return
        # SET LOCAL as a function call: all of it ends with the transaction, so nothing stays on a pooled connection.
        limits = {**_limits(self._statement_timeout), "idle_in_transaction_session_timeout": round(IDLE_TIMEOUT * 1000)}
        yield f"BEGIN READ {self._access}", _DISCARD
        yield f"SELECT {_set_config(limits, local=True)}", _DISCARD
        yield statement, index
        yield "", _SYNC
        yield "COMMIT", _DISCARD
        yield "", _SYNC

    def _result(self, deadline: Deadline) -> PGresult | None:
        while self._conn.is_busy():
            unsent = self._conn.flush()
            readable, _ = wait(self._conn.socket, deadline, read=True, write=unsent == 1)
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
        if result is not None and sqlstate is not None and sqlstate.decode() in problems.CONNECTION:
            routine = result.error_field(pq.DiagnosticField.SOURCE_FUNCTION) or b""
            said = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
            return problems.by_sqlstate(sqlstate.decode(), routine.decode(), said.decode("utf-8", "replace"))
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
    given = parameters(text, variable)
    if pooler or writes:
        conn = connect(given, deadline)
        return Session(conn, guarded=False, statement_timeout=statement_timeout, writes=writes)
    options = " ".join(f"-c {k}={v}" for k, v in {**_STARTUP, **_LOCKS}.items())
    with_options = {**given, "options": f"{given.get('options', '')} {options}".strip()}
    try:
        conn = connect(with_options, deadline)
    except problems.OptionsRefused:
        conn = connect(given, deadline)
    # A pooler may also swallow the options in silence; PostgreSQL 14 and later tell at login what holds. The style of
    # intervals is asked for only to be recognised here: a role may be read-only by its own setting.
    held = (b"default_transaction_read_only", b"on"), (b"IntervalStyle", b"iso_8601")
    guarded = all(conn.parameter_status(name) == value for name, value in held)
    return Session(conn, guarded=guarded, statement_timeout=statement_timeout)


_STARTUP = {"default_transaction_read_only": "on", "IntervalStyle": "iso_8601", "jit": "off"}
_LOCKS = {"lock_timeout": round(LOCK_TIMEOUT * 1000)}  # at start-up, because to log in takes locks on the catalogues


def _set_config(values: dict[str, int], *, local: bool) -> str:
    return ", ".join(f"set_config('{k}', '{v}', {str(local).lower()})" for k, v in values.items())


def _limits(statement_timeout: float) -> dict[str, int]:
    return {
        "statement_timeout": round(statement_timeout * 1000),
        **_LOCKS,
    }


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
