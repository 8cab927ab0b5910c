"""What is done at the same time as something else: statements shared out to connections, and work aside.

Daemon threads, so that a server that hangs cannot hold the interpreter. Called by `verify` and `copy`.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import psycopg

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.scratch import Link, Server

T = TypeVar("T")
Task = Callable[[Link], T]


def share(server: Server, database: str, user: str, hands: int, tasks: Sequence[Task[T]]) -> list[T]:
    """Run every task on one of `hands` connections and return the answers in the order of the tasks.

    Raises ProbeError when the throw-away server ends before they are done.
    """
    if not tasks:
        return []
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)
    answers: dict[int, T] = {}
    broken: list[BaseException] = []

    def work() -> None:
        try:
            with server.connect(database, user) as link:
                link.execute("SET search_path = ''; SET row_security = off")
                while not broken:
                    number = waiting.get_nowait()
                    answers[number] = tasks[number](link)
        except queue.Empty:
            return
        except BaseException as error:  # noqa: BLE001 (it is raised again in the caller's thread, whatever it is)
            broken.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(hands, len(tasks)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        if isinstance(broken[0], psycopg.OperationalError):
            raise ProbeError(Reason.OURS, "the throw-away server ended before the copy was verified", "Run again.")
        raise broken[0]
    return [answers[number] for number in range(len(tasks))]


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
