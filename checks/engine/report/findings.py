"""Puts results in the order in which a person wants them: worst first, each root cause with what it blocks under it.

Called by every writer; knows nothing of any format.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from checks.engine.model import Result, Run, State
from checks.engine.records import dataclass

ALARMS = (State.CRITICAL, State.UNKNOWN, State.WARNING)
JUDGED = (*ALARMS, State.OK, State.WAIVED)


@dataclass(frozen=True, slots=True)
class Finding:
    """A result that someone must look at, and the results that it keeps from being judged."""

    result: Result
    blocked: tuple[Result, ...] = ()


def findings(results: Sequence[Result]) -> tuple[Finding, ...]:
    """Return the CRITICAL, UNKNOWN and WARNING results, worst first; what is blocked by another stands under that one.

    Among equal states a root cause stands first, the one that blocks most above all; otherwise the run's order holds.
    """
    by_key = {result.key: result for result in results}
    blocked: dict[str, list[Result]] = {}
    own: list[Result] = []
    for result in results:
        if result.state not in ALARMS:
            continue
        root = root_of(result, by_key)
        if root is None:
            own.append(result)
        else:
            blocked.setdefault(root.key, []).append(result)
    own.sort(key=lambda result: (-result.state.severity, -len(blocked.get(result.key, ()))))
    return tuple(Finding(result, tuple(blocked.get(result.key, ()))) for result in own)


def root_of(result: Result, by_key: dict[str, Result]) -> Result | None:
    """Return the result at the end of the chain of `blocked_by`, or None when nothing in this run blocks `result`.

    A root that is not itself a finding explains nothing: what it is said to block then stands on its own.
    """
    seen = {result.key}
    root = None
    while result.blocked_by is not None and result.blocked_by in by_key:
        result = by_key[result.blocked_by]
        if result.key in seen:
            return None
        seen.add(result.key)
        root = result
    return root if root is not None and root.state in ALARMS else None


def counts(results: Iterable[Result]) -> Counter[State]:
    """Return how many results there are of each state."""
    return Counter(result.state for result in results)


def overall(results: Sequence[Result], *, complete: bool = True) -> State:
    """Return the verdict on a whole run: the worst finding; UNKNOWN when the run is not complete or judged nothing."""
    worst = max((r.state for r in results if r.state in JUDGED), key=lambda state: state.severity, default=None)
    if worst is State.CRITICAL:
        return worst
    if worst is None or not complete:
        return State.UNKNOWN
    return State.OK if worst is State.WAIVED else worst


def emergency(results: Sequence[Result]) -> str:
    """Return what the checks whose id begins `emergency-mode` found, for the top of every report; "" when it is off."""
    said = (
        r
        for r in results
        if r.id.startswith("emergency-mode") and r.state in {State.WARNING, State.CRITICAL, State.WAIVED}
    )
    return "; ".join(result.message for result in said)


def new_findings(run: Run, baseline: Run) -> tuple[Result, ...]:
    """Return the findings of `run` that `baseline` did not have, or had in a lesser state.

    What an incomplete baseline could not read is not something that it had.
    """
    had = {result.key: result.state for result in baseline.results}
    if not baseline.complete:
        had = {key: state for key, state in had.items() if state is not State.UNKNOWN}
    return tuple(
        result
        for result in run.results
        if result.state in ALARMS and result.state.severity > _severity(had.get(result.key))
    )


def recovered_findings(run: Run, baseline: Run) -> tuple[Result, ...]:
    """Return the results that are OK in `run` and were findings in `baseline`."""
    had = {result.key for result in baseline.results if result.state in ALARMS}
    return tuple(result for result in run.results if result.state is State.OK and result.key in had)


def _severity(state: State | None) -> int:
    return state.severity if state is not None and state in ALARMS else -1
