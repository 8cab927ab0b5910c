"""PostgreSQL as the application uses it: a small pool of sessions, and one of its own for the health check's ping."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from threading import Timer
from typing import Any

import psycopg
from psycopg.rows import dict_row

_CONNECT = 2
_SIZE = 4


class Session:
    """One session, opened when it is first used and again after it broke; one thread at a time uses it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def run(self, statement: str, parameters: tuple[Any, ...], seconds: float) -> list[dict[str, Any]]:
        """Return the rows of a statement, or raise psycopg.Error; a server that is silent for `seconds` is cut off."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=_CONNECT,
                application_name="penhas-api",
                row_factory=dict_row,
                options="-c statement_timeout=5s",
            )
        connection = self._connection
        # A server that accepts and never answers gives the driver nothing to time out: cut the socket under it.
        guard = Timer(seconds, _cut, (connection.fileno(),))
        guard.daemon = True
        guard.start()
        try:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []
        except psycopg.OperationalError:
            connection.close()
            raise
        finally:
            guard.cancel()


def _cut(descriptor: int) -> None:
    duplicate = socket.socket(fileno=socket.dup(descriptor))
    with duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


class Database:
    """The application's sessions: at most `size` for its work, and one for the ping."""

    def __init__(self, dsn: str, size: int = _SIZE) -> None:
        self.size = size
        self.busy = 0
        self._idle: LifoQueue[Session] = LifoQueue()
        for _ in range(size):
            self._idle.put(Session(dsn))
        self._ping = Session(dsn)
        self._ping_lock = threading.Lock()

    def ping(self) -> None:
        """Return when the server answered on the session kept for it, or raise psycopg.Error."""
        with self._ping_lock:
            self._ping.run("SELECT 1", (), 1.5)

    def query(self, statement: str, *parameters: Any, seconds: float = 5.0) -> list[dict[str, Any]]:
        """Return the rows of a statement run on a session of the pool."""
        with self._session() as session:
            return session.run(statement, parameters, seconds)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            session = self._idle.get(timeout=5)
        except Empty:
            raise psycopg.OperationalError("no session of the pool came free") from None
        self.busy += 1
        try:
            yield session
        finally:
            self.busy -= 1
            self._idle.put(session)
