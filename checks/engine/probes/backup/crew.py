"""A few connections to the throw-away server that share out many small statements; called by `verify`.

Daemon threads, so that a server that hangs cannot hold the interpreter; they start no process.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

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
