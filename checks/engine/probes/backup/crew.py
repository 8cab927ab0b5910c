"""What is done at the same time as something else: statements shared out to connections, and work aside.

Daemon threads, so that a server that hangs cannot hold the interpreter. Called by `verify` and `copy`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import psycopg

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.hands import side_by_side
from checks.engine.probes.backup.scratch import Link, Server

T = TypeVar("T")
Task = Callable[[Link], T]


def share(server: Server, database: str, user: str, hands: int, tasks: Sequence[Task[T]]) -> list[T]:
    """Run every task on one of `hands` connections and return the answers in the order of the tasks.

    Raises ProbeError when the throw-away server ends before they are done.
    """

    @contextmanager
    def hand() -> Iterator[Callable[[int], T]]:
        with server.connect(database, user) as link:
            link.execute("SET search_path = ''; SET row_security = off")
            yield lambda number: tasks[number](link)

    try:
        return side_by_side(len(tasks), hands, hand)
    except psycopg.OperationalError:
        why = "the throw-away server ended before the copy was verified"
        raise ProbeError(Reason.OURS, why, "Run again.") from None


class Aside(Generic[T]):
    """Work done in a thread of its own; `result` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._answer: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer.append(self._work())
        except BaseException as error:  # noqa: BLE001 (it is raised again by `result`, whatever it is)
            self._error = error

    def result(self) -> T:
        """Return what the work returned."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answer[0]
