"""The reader: reads what a run needs once, all targets at the same time, and hands it out as values.

An answer that does not come in time is a Failure, never an exception and never a wait past the deadline. Knows no
pytest and no limit.
"""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, wait
from typing import Any

from checks.engine.environment import Environment
from checks.engine.lines import REPORT, Asked, Lines, Need, Outcome, deadline, settle, spawn, where
from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.readings import DERIVED, READINGS
from checks.engine.samples import Samples

SAMPLING = 8.0  # seconds that a run spends waiting between the samples of noisy readings, all of them together


def canonical(name: str) -> str:
    """Return the name of the reading that `name` or its alias stands for."""
    return READINGS[name].of or name


class Reader:
    """Starts readings and waits for them; `until` is the run's own deadline on the monotonic clock."""

    def __init__(self, environment: Environment, samples: Samples, run_id: str, until: float, patience: float) -> None:
        self._environment = environment
        self._samples = samples
        self._until = until
        self._patience = patience
        self._lines = Lines(environment, run_id, until, self.plain)
        self._lock = threading.RLock()
        self._asked: dict[Need, Asked] = {}
        self._derived: dict[Need, Future[Reading | Failure | NotJudged]] = {}
        self._extra: dict[Need, list[Outcome]] = {}
        self._budget = SAMPLING

    def start(self, needs: Iterable[Need]) -> None:
        """Start what is not started yet of `needs` and all that they rest on; return at once."""
        wanted: dict[Need, None] = {}
        derived: list[Need] = []
        with self._lock:
            for alias, target in needs:
                name = canonical(alias)
                if name in DERIVED and (name, target) not in self._derived:
                    self._derived[name, target] = Future()
                    derived.append((name, target))
                wanted.update(dict.fromkeys(self._rests_on(_base(name), target)))
            self._asked.update(self._lines.ask([need for need in wanted if need not in self._asked]))
        for need in derived:
            spawn(self._derive, need)

    def ready(self, needs: Iterable[Need], within: float) -> set[Need]:
        """Wait until all of `needs` (started before) are there, no longer than `within`; return those that are."""
        until = min(self._until, time.monotonic() + within)
        futures: dict[Need, Future[Any]] = {need: self._future(need) for need in needs}
        wait(futures.values(), max(0.0, until - time.monotonic()))
        return {need for need, future in futures.items() if future.done()}

    def outcome(self, name: str, target: Target) -> Reading | Failure | NotJudged:
        """Wait for a started reading until its deadline or the run's, and return it."""
        name = canonical(name)
        if name not in DERIVED:
            return self.plain(name, target)
        until = time.monotonic() + deadline(_base(name)) + self._patience + 1
        return self._lines.within(self._derived[name, target], until, name, target)

    def plain(self, name: str, target: Target) -> Outcome:
        """Wait for a reading that is not derived."""
        name = canonical(name)
        with self._lock:
            asked = self._asked[name, target]
        return self._lines.wait(asked, name, target)

    def again(self, name: str, target: Target, pause: float) -> Reading | Failure | NotJudged:
        """Read something once more after a pause of so many seconds, in place of what was read before."""
        name = canonical(name)
        self._sleep(pause)
        with self._lock:
            self._asked.update(self._lines.ask(self._rests_on(_base(name), target)))
            self._derived.pop((name, target), None)
        self.start([(name, target)])
        return self.outcome(name, target)

    def sample(self, number: int, name: str, target: Target, pause: float) -> Outcome | None:
        """Return the `number`-th extra sample of a noisy reading, read once for all the checks that ask for it.

        Samples lie `pause` seconds apart; None when the run has waited long enough for samples.
        """
        name = canonical(name)
        kept = self._extra.setdefault((name, target), [])
        while len(kept) < number:
            before = kept[-1] if kept else self.plain(name, target)
            since = before.sampled_at if isinstance(before, Reading) else time.time()
            wait = min(pause, max(0.0, since + pause - time.time()))
            if wait > self._budget or time.monotonic() + wait >= self._until:
                return None
            self._budget -= wait
            kept.append(self._fresh(name, target, wait))
        return kept[number - 1]

    def readings(self) -> list[tuple[str, Target, Reading]]:
        """Return everything read so far, in a stable order."""
        with self._lock:
            done = [(n, t, asked.future.result()) for (n, t), asked in self._asked.items() if asked.future.done()]
        return sorted(
            ((n, t, r) for n, t, r in done if isinstance(r, Reading)), key=lambda item: (item[0], str(item[1]))
        )

    def outcomes(self) -> list[tuple[str, Target, list[Reading | Failure | NotJudged]]]:
        """Return what became of everything asked for so far, extra samples behind the first, in a stable order."""
        with self._lock:
            futures: list[tuple[Need, Future[Any]]] = [(need, asked.future) for need, asked in self._asked.items()]
            futures += self._derived.items()
            done = [(*need, [future.result(), *self._extra.get(need, ())]) for need, future in futures if future.done()]
        return sorted(done, key=lambda item: (item[0], str(item[1])))

    def _fresh(self, name: str, target: Target, pause: float) -> Outcome:
        """Read something once more, in a new connection, and leave what was read before as it is."""
        self._sleep(pause)
        with self._lock:
            asked = self._lines.ask(self._rests_on(name, target))
        return self._lines.wait(asked[name, target], name, target)

    def _sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._until - time.monotonic())))

    def _future(self, need: Need) -> "Future[Outcome] | Future[Reading | Failure | NotJudged]":
        name, target = canonical(need[0]), need[1]
        return self._derived[name, target] if name in DERIVED else self._asked[name, target].future

    def _rests_on(self, name: str, target: Target) -> list[Need]:
        spec = READINGS[name]
        line = self._lines.of(name, target)
        connection = f"{line.service}_connection"
        needs: list[Need] = [(connection, line)] if connection in READINGS else []
        for other in spec.needs:
            kinds = READINGS[other].kinds
            service = READINGS[other].service
            needs += [n for t in self._environment.of(service, kinds) for n in self._rests_on(other, t)]
        return list(dict.fromkeys([*needs, (name, target)]))

    def _derive(self, need: Need) -> None:
        """Settle a derived reading: whatever goes wrong in computing it becomes a Failure, by its class only."""
        future = self._derived[need]
        try:
            settle(future, self._computed(*need))
        except ProbeError as error:
            settle(future, Failure(*need, error.reason, error.why, error.mend))
        except Exception as error:  # noqa: BLE001 (a thread's last line: whatever it is becomes a value, by its class)
            why = f"the computation is broken ({type(error).__name__}{where(error.__traceback__)})"
            settle(future, Failure(*need, Reason.OURS, why, REPORT))

    def _computed(self, name: str, target: Target) -> Reading | Failure | NotJudged:
        rule = DERIVED[name]
        later = self.plain(rule.base, target)
        if isinstance(later, Failure):
            return later
        shortest, longest = rule.apart
        newest = later.sampled_at
        earlier = self._samples.previous(rule.base, target, newest - longest, newest - shortest)
        if earlier is None:
            if shortest > self._patience or time.monotonic() + shortest >= self._until:
                return NotJudged(f"first sample; two are needed, {shortest:g} s apart: run again after that")
            fresh = self._fresh(rule.base, target, shortest + 0.05 - (time.time() - newest))
            if isinstance(fresh, Failure):
                return fresh
            earlier, later = later, fresh
        computed: Reading | NotJudged = rule.compute(earlier, later)
        return computed


def _base(name: str) -> str:
    return DERIVED[name].base if name in DERIVED else name
