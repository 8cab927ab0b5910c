"""The same work for many things, a few at a time in daemon threads; called by `heap` and `crew`.

Daemon threads, so that a server that hangs cannot hold the interpreter.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

T = TypeVar("T")
Hand = AbstractContextManager[Callable[[int], T]]


def side_by_side(count: int, hands: int, hand: Callable[[], Hand[T]]) -> list[T]:
    """Return the answers to the numbers below `count`, in order; raise the first failure.

    `hand` is entered once in each of at most `hands` threads, and gives what answers a number there.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(count):
        waiting.put(number)
    answers: dict[int, T] = {}
    broken: list[BaseException] = []

    def serve() -> None:
        try:
            with hand() as answer:
                while not broken:
                    number = waiting.get_nowait()
                    answers[number] = answer(number)
        except queue.Empty:
            return
        except BaseException as error:  # noqa: BLE001 (it is raised again in the caller's thread, whatever it is)
            broken.append(error)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(hands, count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return [answers[number] for number in range(count)]
