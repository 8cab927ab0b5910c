"""What was read, as results.json keeps it, and a reader that hands it out again: a run is judged again offline.

`record` is called at the end of each run; `Replay` stands in the reader's place under `--replay` and contacts nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from checks.engine.environment import Environment
from checks.engine.model import Failure, NotJudged, Reading, Reason, Target
from checks.engine.readings import READINGS
from checks.engine.samples import from_json, plain

Outcome = Reading | Failure | NotJudged


def record(name: str, target: Target, outcome: Outcome) -> dict[str, object]:
    """Return what became of a reading as plain JSON types."""
    table: dict[str, object] = {"reading": name, "target": str(target)}
    if isinstance(outcome, Reading):
        table["value"] = plain(name, outcome)
    elif isinstance(outcome, Failure):
        table["failure"] = {"reason": outcome.reason.value, "why": outcome.why, "mend": outcome.mend}
    else:
        table["not_judged"] = outcome.why
    return table


class Replay:
    """A reader of what an earlier run read; has the reader's methods, and none of them waits."""

    def __init__(self, environment: Environment, records: Iterable[Mapping[str, Any]]) -> None:
        targets = {str(target): target for target in environment.targets()}
        self._outcomes: dict[tuple[str, Target], Outcome] = {}
        for table in records:
            name, target = str(table.get("reading")), targets.get(str(table.get("target")))
            if target is not None and name in READINGS:
                self._outcomes[name, target] = _outcome(name, target, table)

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
        return self._outcomes.get((name, target), missing)

    def again(self, name: str, target: Target, pause: float) -> Outcome:  # noqa: ARG002 (the reader's signature)
        """Return the same once more: there is no second sample."""
        return self.outcome(name, target)

    def sample(self, number: int, name: str, target: Target, pause: float) -> Outcome:  # noqa: ARG002
        """Return the same once more: there is no second sample."""
        return self.outcome(name, target)

    def outcomes(self) -> list[tuple[str, Target, Outcome]]:
        """Return what became of everything, in a stable order."""
        all_of_it = [(name, target, outcome) for (name, target), outcome in self._outcomes.items()]
        return sorted(all_of_it, key=lambda item: (item[0], str(item[1])))

    def readings(self) -> list[tuple[str, Target, Reading]]:
        """Return everything that was read, in a stable order."""
        return [(name, target, outcome) for name, target, outcome in self.outcomes() if isinstance(outcome, Reading)]


def _outcome(name: str, target: Target, table: Mapping[str, Any]) -> Outcome:
    """Return one outcome; one that does not have the shape of today is a Failure that says so."""
    try:
        if "value" in table:
            return from_json(name, json.dumps(table["value"]))
        if "not_judged" in table:
            return NotJudged(str(table["not_judged"]))
        failure = table["failure"]
        return Failure(name, target, Reason(failure["reason"]), str(failure["why"]), str(failure["mend"]))
    except (ValueError, KeyError, TypeError):
        why = "what that run kept of it does not have the shape of today"
        return Failure(name, target, Reason.PROTOCOL, why, "Judge it with the suite's version of that run.")
