"""What a check reads and says: `resolve` hands it a reading, `Judge` takes its finding."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

import pytest

from checks.engine.catalog import Row
from checks.engine.judge import judge_field, judge_value
from checks.engine.model import Bound, Failure, Judgement, Limits, Measure, NotJudged, Reading, Reason, State, Target
from checks.engine.plugin.signals import Judged
from checks.engine.plugin.suite import Case, Suite
from checks.engine.readings import READINGS

PAUSE = 2.0  # seconds between two samples: long enough for a spike to pass
EXTRA_SAMPLES = 2
_BLIND = "GRANT pg_monitor "  # the one mend of all that a role without it may not see
JUDGEMENT = pytest.StashKey[Judgement]()


def resolve(suite: Suite, case: Case, name: str, convergent: bool) -> Reading:
    """Return a reading of a check, or end the check with why there is none; who is just starting is waited for."""
    reader = suite.begin_reading()
    target = case.target_of(name)
    outcome = reader.outcome(name, target)
    while isinstance(outcome, Failure) and suite.settling() and _may_come_good(outcome.reason, convergent):
        outcome = reader.again(name, target, PAUSE)
    if isinstance(outcome, Failure):
        raise Judged(Judgement(State.UNKNOWN, outcome.message), root_of(suite, case, outcome))
    if isinstance(outcome, NotJudged):
        raise Judged(Judgement(State.NOT_JUDGED, f"{target}: {outcome.why}"))
    return outcome


def _may_come_good(reason: Reason, convergent: bool) -> bool:
    """A service that lets nobody in yet fails every check of it, also those of what does not converge."""
    return reason is Reason.CONNECTION or (convergent and reason is not Reason.OURS)


def root_of(suite: Suite, case: Case, failure: Failure) -> str | None:
    """Return under what a failure is one alarm: the check of the connection or of our rights, else the reading."""
    spec = READINGS[failure.reading]
    line = failure.target if spec.via == "" else suite.environment.of(spec.via)[0]
    line = line if failure.blame is None else failure.blame
    if failure.reason is Reason.DENIED and failure.mend.startswith(_BLIND):
        return f"{line.service}-privileges@{line.name}"
    if failure.reason not in {Reason.CONNECTION, Reason.OURS, Reason.TIMEOUT}:
        return f"{failure.reading}@{failure.target}"
    root = f"{line.service}-connection@{line.name}"
    if root == f"{case.id}@{case.target.name}":
        return None
    return root if f"{line.service}_connection" in READINGS else f"{failure.reading}@{failure.target}"


def sampled(
    suite: Suite,
    case: Case,
    names: Sequence[str],
    first: Judgement,
    judge: Callable[[Mapping[str, Reading]], Judgement],
) -> Judgement:
    """Read noisy readings again, up to twice, and return the middle of three judgements with how many were not OK."""
    found = [first]
    for number in range(1, EXTRA_SAMPLES + 1):
        reader = suite.begin_reading()
        again = {name: reader.sample(number, name, case.target_of(name), PAUSE) for name in names}
        later = {name: outcome for name, outcome in again.items() if isinstance(outcome, Reading)}
        if len(later) < len(again):
            break
        found.append(judge(later))
        if found[-1].state is first.state:
            break  # of three, two are the same: a third could not change the middle
    if len(found) == 1:
        return first
    bad = sum(judgement.state is not State.OK for judgement in found)
    middle = sorted(found, key=lambda judgement: judgement.state.severity)[len(found) // 2]
    return replace(middle, message=f"{middle.message} ({bad} of {len(found)} samples not OK)")


class Judge:
    """Says what a check found; everything that is not OK ends the check at once."""

    def __init__(self, suite: Suite, case: Case, item: pytest.Item) -> None:
        self._suite = suite
        self._case = case
        self._item = item

    @property
    def target(self) -> Target:
        """What the check is of."""
        return self._case.target

    def row(self, row: Row) -> None:
        """Judge a row; a noisy reading that is not OK is read again, up to twice, and the middle of three counts."""
        judgement = self._judge(row, resolve(self._suite, self._case, row.reading, row.convergent))
        waited = False
        while judgement.state is not State.OK and row.convergent and self._suite.settling():
            waited = True
            self._suite.begin_reading().again(row.reading, self._case.target_of(row.reading), PAUSE)
            judgement = self._judge(row, resolve(self._suite, self._case, row.reading, row.convergent))
        if waited and judgement.state is State.OK:
            judgement = replace(judgement, message=f"{judgement.message}; {self._suite.came_good()}")
        if judgement.state in {State.WARNING, State.CRITICAL} and row.spec.noisy:
            names = (row.reading,)
            judgement = sampled(
                self._suite, self._case, names, judgement, lambda later: self._judge(row, later[row.reading])
            )
        self._end(judgement)

    def _judge(self, row: Row, reading: Reading) -> Judgement:
        return judge_field(reading, row.reading, row.field, f"{self._case.target}: {row.subject}", row.limits)

    def __call__(
        self,
        value: float,
        *,
        unit: str,
        subject: str,
        reading: Reading,
        above: tuple[float | None, float | None] | None = None,
        below: tuple[float | None, float | None] | None = None,
        evidence: tuple[str, ...] = (),
    ) -> None:
        """Judge a number in the unit given; limits are (warning, critical) and inclusive as written."""
        limits = Limits(
            unit, None if above is None else Bound(*above), None if below is None else Bound(*below), "the check itself"
        )
        self._end(judge_value(value, f"{self._case.target}: {subject}", limits, reading, evidence))

    def ok(self, text: str, evidence: tuple[str, ...] = (), measure: Measure | None = None) -> None:
        """Say what was found to be well; the check goes on."""
        self._item.stash[JUDGEMENT] = Judgement(State.OK, f"{self._case.target}: {text}", measure, None, evidence)

    def warning(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:
        """End the check: past what should be, not yet dangerous."""
        self._raise(State.WARNING, text, evidence)

    def critical(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:
        """End the check: plainly wrong."""
        self._raise(State.CRITICAL, text, evidence)

    def unknown(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:
        """End the check: it could not be told, and `text` says why and what to do."""
        self._raise(State.UNKNOWN, text, evidence)

    def not_judged(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:
        """End the check: there is nothing to judge by yet."""
        self._raise(State.NOT_JUDGED, text, evidence)

    def last(self, name: str) -> Reading | None:
        """Return what a run of the last day read of a `kept` reading of this target."""
        return self._suite.last(name, self.target)

    def _raise(self, state: State, text: str, evidence: tuple[str, ...]) -> NoReturn:
        raise Judged(Judgement(state, f"{self._case.target}: {text}", None, None, evidence))

    def _end(self, judgement: Judgement) -> None:
        if judgement.state is not State.OK:
            raise Judged(judgement)
        self._item.stash[JUDGEMENT] = judgement
