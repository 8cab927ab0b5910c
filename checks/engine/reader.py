"""The reader: reads what a run needs once, all targets at the same time, and hands it out as values.

A daemon thread and a queue a target (that is also "one connection a server"); an answer that does not come in time is a
Failure, never an exception and never a wait past the deadline. Knows no pytest and no limit.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module

from checks.engine.environment import Environment
from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.readings import DERIVED, READINGS
from checks.engine.samples import Samples

Outcome = Reading | Failure | NotJudged
Need = tuple[str, Target]
DEADLINE = 10.0


def canonical(name: str) -> str:
    """Return the name of the reading that `name` or its alias stands for."""
    return READINGS[name].of or name


@dataclass(slots=True)
class _Batch:
    """The readings that one thread is asked for at once: a probe's Context."""

    reader: "Reader"
    environment: Environment
    target: Target
    names: tuple[str, ...]
    targets: dict[str, Target]
    run_id: str
    seconds: float
    futures: dict[str, Future[Outcome]] = field(default_factory=dict)
    until: float | None = None

    def settle(self, name: str, outcome: Reading | ProbeError | NotJudged) -> None:
        future = self.futures[name]
        if not future.done():
            future.set_result(
                _failure(name, self.targets[name], outcome) if isinstance(outcome, ProbeError) else outcome
            )

    def remaining(self, at_most: float) -> float:
        until = time.monotonic() + self.seconds if self.until is None else self.until
        return max(0.05, min(at_most, until - time.monotonic()))

    def peer(self, name: str, target: Target) -> Reading | Failure:
        outcome = self.reader.plain(name, target)
        if isinstance(outcome, NotJudged):
            return Failure(name, target, Reason.NO_DATA, outcome.why, "")
        return outcome


class Reader:
    """Starts readings and waits for them; `until` is the run's own deadline on the monotonic clock."""

    def __init__(self, environment: Environment, samples: Samples, run_id: str, until: float, patience: float) -> None:
        self._environment = environment
        self._samples = samples
        self._run_id = run_id
        self._until = until
        self._patience = patience
        self._futures: dict[Need, Future[Outcome]] = {}
        self._batches: dict[Need, _Batch] = {}
        self._queues: dict[Target, queue.SimpleQueue[_Batch]] = {}
        self._derived: dict[Need, Future[Reading | Failure | NotJudged]] = {}
        self._again: dict[Need, list[Reading | Failure | NotJudged]] = {}

    def start(self, needs: Iterable[Need]) -> None:
        """Start what is not started yet of `needs` and all that they rest on; return at once."""
        wanted: list[Need] = []
        derived: list[Need] = []
        for alias, target in needs:
            name = canonical(alias)
            base = DERIVED[name].base if name in DERIVED else name
            if name in DERIVED and (name, target) not in self._derived:
                self._derived[name, target] = Future()
                derived.append((name, target))
            wanted.extend(self._rests_on(base, target))
        self._enqueue([need for need in dict.fromkeys(wanted) if need not in self._futures], self._futures)
        for need in derived:
            self._spawn(self._derive, need)

    def outcome(self, name: str, target: Target) -> Reading | Failure | NotJudged:
        """Wait for a started reading until its deadline or the run's, and return it."""
        name = canonical(name)
        if name in DERIVED:
            base = self._deadline(DERIVED[name].base) + self._patience + 1
            return self._wait(self._derived[name, target], name, target, time.monotonic() + base)
        future = self._futures[name, target]
        batch = self._batches[name, target]
        while not future.done() and batch.until is None and time.monotonic() < self._until:
            time.sleep(0.002)
        return self._wait(future, name, target, self._until if batch.until is None else batch.until)

    def plain(self, name: str, target: Target) -> Outcome:
        """Wait for a reading that is not derived."""
        return self.outcome(name, target)

    def again(self, name: str, target: Target, pause: float) -> Reading | Failure | NotJudged:
        """Read something once more after a pause of so many seconds, in a new connection; never a derived reading."""
        name = canonical(name)
        time.sleep(max(0.0, min(pause, self._until - time.monotonic())))
        fresh: dict[Need, Future[Outcome]] = {}
        for need in self._rests_on(name, target):
            self._futures.pop(need, None)
        self._enqueue(self._rests_on(name, target), fresh)
        self._futures.update(fresh)
        return self.outcome(name, target)

    def sample(self, number: int, name: str, target: Target, pause: float) -> Reading | Failure | NotJudged:
        """Return the `number`-th extra sample of a noisy reading, read once for all the checks that ask for it."""
        kept = self._again.setdefault((canonical(name), target), [])
        while len(kept) < number:
            kept.append(self.again(name, target, pause))
        return kept[number - 1]

    def readings(self) -> list[tuple[str, Target, Reading]]:
        """Return everything read so far, in a stable order."""
        done = [(n, t, f.result()) for (n, t), f in self._futures.items() if f.done()]
        return sorted(
            ((n, t, r) for n, t, r in done if isinstance(r, Reading)), key=lambda item: (item[0], str(item[1]))
        )

    def _rests_on(self, name: str, target: Target) -> list[Need]:
        spec = READINGS[name]
        line = self._line(name, target)
        connection = f"{line.service}_connection"
        needs: list[Need] = [(connection, line)] if connection in READINGS else []
        for other in spec.needs:
            kinds = READINGS[other].kinds
            needs += [n for t in self._environment.of(spec.service, kinds) for n in self._rests_on(other, t)]
        return [*needs, (name, target)]

    def _line(self, name: str, target: Target) -> Target:
        """Return the target whose connection a reading is read through."""
        via = READINGS[name].via
        return target if via == "" else self._environment.of(via)[0]

    def _enqueue(self, needs: list[Need], into: dict[Need, Future[Outcome]]) -> None:
        grouped: dict[Target, list[Need]] = {}
        for name, target in needs:
            grouped.setdefault(self._line(name, target), []).append((name, target))
        for line, group in grouped.items():
            names = tuple(name for name, _ in group)
            seconds = max(self._deadline(name) for name in names)
            batch = _Batch(self, self._environment, line, names, dict(group), self._run_id, seconds)
            for name, target in group:
                into[name, target] = batch.futures[name] = Future()
                self._batches[name, target] = batch
            if line not in self._queues:
                self._queues[line] = queue.SimpleQueue()
                self._spawn(self._serve, line)
            self._queues[line].put(batch)

    def _serve(self, line: Target) -> None:
        while True:
            batch = self._queues[line].get()
            batch.until = min(self._until, time.monotonic() + batch.seconds)
            _read(batch)

    def _derive(self, need: Need) -> None:
        name, target = need
        rule = DERIVED[name]
        later = self.plain(rule.base, target)
        if not isinstance(later, Reading):
            self._derived[need].set_result(later)
            return
        newest = later.sampled_at
        earlier = self._samples.previous(rule.base, target, newest - rule.apart[1], newest - rule.apart[0])
        if earlier is None:
            if rule.apart[0] > self._patience or time.monotonic() + rule.apart[0] >= self._until:
                self._derived[need].set_result(
                    NotJudged(f"first sample; two are needed, {rule.apart[0]:g} s apart: run again after that")
                )
                return
            earlier, wait = later, rule.apart[0] + 0.05 - (time.time() - newest)
            outcome = self.again(rule.base, target, wait)
            if not isinstance(outcome, Reading):
                self._derived[need].set_result(outcome)
                return
            later = outcome
        self._derived[need].set_result(rule.compute(earlier, later))

    def _deadline(self, name: str) -> float:
        own = READINGS[name].deadline
        return DEADLINE if own is None else own

    @staticmethod
    def _spawn(work: Callable[..., None], argument: object) -> None:
        threading.Thread(target=work, args=(argument,), daemon=True).start()

    def _wait(
        self, future: "Future[Reading | Failure | NotJudged] | Future[Outcome]", name: str, target: Target, until: float
    ) -> Reading | Failure | NotJudged:
        try:
            return future.result(timeout=max(0.0, min(until, self._until) - time.monotonic()))
        except TimeoutError:
            late = "the deadline of the run was reached" if time.monotonic() >= self._until else "no answer in time"
            return Failure(name, target, Reason.TIMEOUT, late, "Ask the service by hand; run again when it answers.")


def _failure(name: str, target: Target, error: ProbeError) -> Failure:
    return Failure(name, target, error.reason, error.why, error.mend)


def _read(batch: _Batch) -> None:
    """Run the probe of the batch's service and settle whatever it leaves open."""
    try:
        probe = import_module(f"checks.engine.probes.{batch.target.service}")
        probe.read(batch)
        left = ProbeError(Reason.PROTOCOL, "the probe gave no answer", "This is a fault of the suite: report it.")
    except ProbeError as error:
        left = error
    except BaseException as error:  # noqa: BLE001 (a thread's last line: whatever it is becomes a value, by its class only)
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
        left = ProbeError(
            Reason.OURS,
            f"the probe is broken ({type(error).__name__}{where})",
            "This is a fault of the suite: report it.",
        )
    for name in batch.names:
        batch.settle(name, left)
