"""PostgreSQL as the application uses it: a small pool of sessions, and one of its own for the health check's ping."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from threading import Timer
from typing import Any

import psycopg
from psycopg.rows import dict_row

_CONNECT = 2
_SIZE = 4
_QUICK = 1.0
_PAUSE = 0.5


class Session:
    """One session, opened when it is first used and again after it broke; one thread at a time uses it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def run(self, statement: str, parameters: tuple[Any, ...], seconds: float) -> list[dict[str, Any]]:
        """Return the rows of a statement, or raise psycopg.Error; a server that is silent for `seconds` is cut off.

        A session that turns out to have been closed meanwhile, as by a restart of the server, is opened once more.
        """
        connection, began = self._connection, time.monotonic()
        if connection is not None and not connection.closed:
            try:
                return _run(connection, statement, parameters, seconds)
            except psycopg.OperationalError:
                connection.close()
                if time.monotonic() - began > _QUICK:
                    raise
        self._connection = psycopg.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=_CONNECT,
            application_name="penhas-api",
            row_factory=dict_row,
            options="-c statement_timeout=5s",
        )
        return _run(self._connection, statement, parameters, seconds)


def _run(
    connection: psycopg.Connection[dict[str, Any]], statement: str, parameters: tuple[Any, ...], seconds: float
) -> list[dict[str, Any]]:
    # A server that accepts and never answers gives the driver nothing to time out: cut the socket under it.
    guard = Timer(seconds, _cut, (connection.fileno(),))
    guard.daemon = True
    guard.start()
    try:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description is not None else []
    finally:
        guard.cancel()


def _cut(descriptor: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=socket.dup(descriptor)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


class Database:
    """The application's sessions: at most `size` for its work, and one for the ping."""

    def __init__(self, dsn: str, size: int = _SIZE) -> None:
        self.size = size
        self.busy = 0
        self._silent_until = 0.0
        self._idle: LifoQueue[Session] = LifoQueue()
        for _ in range(size):
            self._idle.put(Session(dsn))
        self._ping = Session(dsn)
        self._ping_lock = threading.Lock()

    def ping(self) -> None:
        """Return when the server answered on the session kept for it, or raise psycopg.Error."""
        with self._ping_lock:
            self._ping.run("SELECT 1", (), 1.5)

    def query(self, statement: str, *parameters: Any, seconds: float = 2.5) -> list[dict[str, Any]]:
        """Return the rows of a statement run on a session of the pool."""
        began = time.monotonic()
        # While the server is silent, requests must not hold every thread: /health has to be answered.
        if began < self._silent_until:
            raise psycopg.OperationalError("the server was silent a moment ago")
        try:
            with self._session() as session:
                return session.run(statement, parameters, seconds)
        except psycopg.OperationalError:
            if time.monotonic() - began > _QUICK:
                self._silent_until = time.monotonic() + _PAUSE
            raise

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            session = self._idle.get(timeout=_CONNECT)
        except Empty:
            raise psycopg.OperationalError("no session of the pool came free") from None
        self.busy += 1
        try:
            yield session
        finally:
            self.busy -= 1
            self._idle.put(session)
