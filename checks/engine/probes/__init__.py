"""The probes: one module a service, each with a `read(context)` that the reader runs in a thread of the target's own.

A probe returns base units and knows no limit, no pytest and no other service. It opens its client inside `read`, gives
every call a timeout, and settles each name of `context.names` once, as soon as its answer is there, with a reading or a
ProbeError in our own words. What it leaves unsettled the reader settles for it.
"""

from typing import Protocol

from checks.engine.environment import Environment
from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Target


class Context(Protocol):
    """What a probe is given: one target, the readings due of it, and a deadline."""

    environment: Environment
    target: Target
    names: tuple[str, ...]
    run_id: str

    def settle(self, name: str, outcome: Reading | ProbeError | NotJudged) -> None:
        """Hand over the outcome of one reading of this target; NotJudged where the service has nothing to judge yet."""

    def remaining(self, at_most: float) -> float:
        """Return the seconds until the deadline of this target, no more than `at_most` and never below 0.05."""

    def peer(self, name: str, target: Target) -> Reading | Failure:
        """Wait for a reading of another target of this run (listed in its Spec.needs)."""
