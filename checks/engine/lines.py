"""The lines: a daemon thread and a queue a target, which is also "one connection a server".

Called by the reader only. A probe runs here; whatever it does, each reading asked of it becomes a value.
"""

import dataclasses
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from importlib import import_module
from types import TracebackType
from typing import TypeVar

from checks.engine.environment import Environment
from checks.engine.model import Failure, ProbeError, Reading, Reason, Target
from checks.engine.readings import READINGS
from checks.engine.records import dataclass

Outcome = Reading | Failure
Need = tuple[str, Target]
DEADLINE = 10.0
STUCK = 0.5  # seconds past its deadline after which a thread is given up, and what is queued behind it with it
REPORT = "This is a fault of the suite: report it."
_T = TypeVar("_T")


@dataclasses.dataclass(slots=True)
class Batch:
    """The readings that one thread is asked for at once: a probe's Context. `until` is set when the thread begins."""

    lines: "Lines"
    environment: Environment
    target: Target
    names: tuple[str, ...]
    targets: dict[str, Target]
    run_id: str
    seconds: float
    asked: "dict[Need, Asked]"
    futures: dict[str, Future[Outcome]] = dataclasses.field(default_factory=dict)
    begun: threading.Event = dataclasses.field(default_factory=threading.Event)
    until: float | None = None

    def settle(self, name: str, outcome: Reading | ProbeError) -> None:
        """Hand over the outcome of one reading."""
        if isinstance(outcome, ProbeError):
            failure = Failure(name, self.targets[name], outcome.reason, outcome.why, outcome.mend, outcome.blame)
            settle(self.futures[name], failure)
        else:
            settle(self.futures[name], outcome)

    def remaining(self, at_most: float) -> float:
        """Return the seconds until the deadline, no more than `at_most` and never below 0.05."""
        until = time.monotonic() + self.seconds if self.until is None else self.until
        return max(0.05, min(at_most, until - time.monotonic()))

    def peer(self, name: str, target: Target) -> Outcome:
        """Wait for a reading of another target: the one that was asked for along with this batch, if any."""
        asked = self.asked.get((name, target))
        return self.lines.elsewhere(name, target) if asked is None else self.lines.wait(asked, name, target)


@dataclass(frozen=True, slots=True)
class Asked:
    """A reading that is on its way, and the batch that brings it."""

    future: Future[Outcome]
    batch: Batch


class Lines:
    """Asks targets and waits for them; `elsewhere` finds a reading that was asked for before."""

    def __init__(
        self, environment: Environment, run_id: str, until: float, elsewhere: Callable[[str, Target], Outcome]
    ) -> None:
        self._environment = environment
        self._run_id = run_id
        self._until = until
        self.elsewhere = elsewhere
        self._queues: dict[Target, queue.SimpleQueue[Batch]] = {}
        self._current: dict[Target, Batch] = {}

    def of(self, name: str, target: Target) -> Target:
        """Return the target whose connection a reading is read through."""
        via = READINGS[name].via
        return target if via == "" else self._environment.of(via)[0]

    def ask(self, needs: list[Need]) -> dict[Need, Asked]:
        """Put some readings on their way, those of one line in one batch; return at once. The caller holds a lock."""
        grouped: dict[Target, list[Need]] = {}
        for name, target in needs:
            grouped.setdefault(self.of(name, target), []).append((name, target))
        asked: dict[Need, Asked] = {}
        batches = [self._batch(line, group, asked) for line, group in grouped.items()]
        for batch in batches:  # only now: a probe may at once wait for a peer
            if batch.target not in self._queues:
                self._queues[batch.target] = queue.SimpleQueue()
                spawn(self._serve, batch.target)
            self._queues[batch.target].put(batch)
        return asked

    def wait(self, asked: Asked, name: str, target: Target) -> Outcome:
        """Wait for a reading that is on its way; a thread that hangs costs those behind it nothing."""
        batch = asked.batch
        while not batch.begun.wait(0.02) and time.monotonic() < self._until and not self._stuck(batch.target):
            pass
        return self.within(asked.future, time.monotonic() if batch.until is None else batch.until, name, target)

    def within(self, future: "Future[_T]", until: float, name: str, target: Target) -> "_T | Failure":
        """Wait for a future; one that is late is settled as a Failure, so that every check is told the same."""
        try:
            return future.result(timeout=max(0.0, min(until, self._until) - time.monotonic()))
        except TimeoutError:
            late = "the deadline of the run was reached" if time.monotonic() >= self._until else "no answer in time"
            failure = Failure(name, target, Reason.TIMEOUT, late, "Ask the service by hand; run again when it answers.")
            settle(future, failure)  # type: ignore[misc]
            return future.result()

    def _batch(self, line: Target, group: list[Need], asked: dict[Need, Asked]) -> Batch:
        names = tuple(name for name, _ in group)
        seconds = max(deadline(name) for name in names)
        batch = Batch(self, self._environment, line, names, dict(group), self._run_id, seconds, asked)
        for need in group:
            batch.futures[need[0]] = Future()
            asked[need] = Asked(batch.futures[need[0]], batch)
        return batch

    def _stuck(self, line: Target) -> bool:
        """Whether the thread of a target does not come back from what it does."""
        current = self._current.get(line)
        until = None if current is None else current.until
        return until is not None and time.monotonic() > until + STUCK

    def _serve(self, line: Target) -> None:
        while True:
            batch = self._queues[line].get()
            batch.until = min(self._until, time.monotonic() + batch.seconds)
            self._current[line] = batch
            batch.begun.set()
            _read(batch)
            del self._current[line]


def deadline(name: str) -> float:
    """Return how long a reading may take from its own start, in seconds."""
    own = READINGS[name].deadline
    return DEADLINE if own is None else own


def spawn(work: Callable[..., None], argument: object) -> None:
    """Start a thread that ends with the process: one that hangs must not keep it."""
    threading.Thread(target=work, args=(argument,), daemon=True).start()


def settle(future: "Future[_T]", outcome: _T) -> None:
    """Settle a future; the first outcome stands, for who brings it and who gives up waiting may both try."""
    try:
        future.set_result(outcome)
    except InvalidStateError:
        return


def where(trace: TracebackType | None) -> str:
    """Return the function and line that a traceback ends in, and nothing of any value."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"


def _read(batch: Batch) -> None:
    """Run the probe of the batch's service and settle whatever it leaves open."""
    try:
        probe = import_module(f"checks.engine.probes.{batch.target.service}")
        probe.read(batch)
        left = ProbeError(Reason.PROTOCOL, "the probe gave no answer", REPORT)
    except ProbeError as error:
        left = error
    except BaseException as error:  # noqa: BLE001 (a thread's last line: whatever it is becomes a value, by its class)
        why = f"the probe is broken ({type(error).__name__}{where(error.__traceback__)})"
        left = ProbeError(Reason.OURS, why, REPORT)
    for name in batch.names:
        batch.settle(name, left)
