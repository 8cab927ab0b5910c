"""What was read, as results.json keeps it, and a reader that hands it out again: a run is judged again offline.

`record` is called at the end of each run; `Replay` stands in the reader's place under `--replay` and contacts nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from checks.engine.environment import Environment
from checks.engine.model import Failure, NotJudged, Reading, Reason, Target
from checks.engine.readings import READINGS
from checks.engine.samples import from_json, plain

Outcome = Reading | Failure | NotJudged


def record(name: str, target: Target, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return what became of a reading, and of the extra samples behind it, as plain JSON types."""
    table = {"reading": name, "target": str(target), **_plain(outcomes[0])}
    if len(outcomes) > 1:
        table["samples"] = [_plain(outcome) for outcome in outcomes[1:]]
    return table


def _plain(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Reading):
        return {"value": plain(outcome)}
    if isinstance(outcome, Failure):
        failure = {"reason": outcome.reason.value, "why": outcome.why, "mend": outcome.mend}
        return {"failure": failure if outcome.blame is None else {**failure, "blame": str(outcome.blame)}}
    return {"not_judged": outcome.why}


class Replay:
    """A reader of what an earlier run read; has the reader's methods, and none of them waits."""

    def __init__(self, environment: Environment, records: Iterable[Mapping[str, Any]]) -> None:
        targets = {str(target): target for target in environment.targets()}
        self._outcomes: dict[tuple[str, Target], list[Outcome]] = {}
        for table in records:
            name, target = str(table.get("reading")), targets.get(str(table.get("target")))
            if target is not None and name in READINGS:
                tables = [table, *table.get("samples", ())]
                self._outcomes[name, target] = [_outcome(name, target, one, targets) for one in tables]

    def start(self, needs: Iterable[tuple[str, Target]]) -> None:
        """Start nothing: all that there is was read before."""

    def ready(self, needs: Iterable[tuple[str, Target]], within: float) -> set[tuple[str, Target]]:  # noqa: ARG002
        """Return all of `needs`: nothing is waited for."""
        return set(needs)

    def outcome(self, name: str, target: Target) -> Outcome:
        """Return what became of a reading in that run."""
        name = READINGS[name].of or name
        missing = Failure(
            name, target, Reason.NO_DATA, "that run did not read it", "Judge the run that read it, or run again."
        )
        return self._outcomes.get((name, target), [missing])[0]

    def again(self, name: str, target: Target, pause: float) -> Outcome:  # noqa: ARG002 (the reader's signature)
        """Return the same once more."""
        return self.outcome(name, target)

    def sample(self, number: int, name: str, target: Target, pause: float) -> Outcome | None:  # noqa: ARG002
        """Return the `number`-th extra sample of that run, None where it took none."""
        kept = self._outcomes.get((READINGS[name].of or name, target), [])
        return kept[number] if number < len(kept) else None

    def outcomes(self) -> list[tuple[str, Target, list[Outcome]]]:
        """Return what became of everything, in a stable order."""
        all_of_it = [(name, target, outcomes) for (name, target), outcomes in self._outcomes.items()]
        return sorted(all_of_it, key=lambda item: (item[0], str(item[1])))

    def readings(self) -> list[tuple[str, Target, Reading]]:
        """Return everything that was read, in a stable order."""
        return [(name, target, found[0]) for name, target, found in self.outcomes() if isinstance(found[0], Reading)]


def _outcome(name: str, target: Target, table: Mapping[str, Any], targets: Mapping[str, Target]) -> Outcome:
    """Return one outcome; one that does not have the shape of today is a Failure that says so."""
    try:
        if "value" in table:
            return from_json(name, json.dumps(table["value"]))
        if "not_judged" in table:
            return NotJudged(str(table["not_judged"]))
        failure = table["failure"]
        reason, blame = Reason(failure["reason"]), targets.get(str(failure.get("blame", "")))
        return Failure(name, target, reason, str(failure["why"]), str(failure["mend"]), blame)
    except (ValueError, KeyError, TypeError):
        why = "what that run kept of it does not have the shape of today"
        return Failure(name, target, Reason.PROTOCOL, why, "Judge it with the suite's version of that run.")
