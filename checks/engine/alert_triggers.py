"""Which row of the capacity table an alert rule's threshold is about, and what it is in that row's unit.

Called by alerting.py. All five of the guide's triggers are known: response time, the database's CPU, Redis' memory,
disk, job queue.
"""

import re

from checks.engine import promql
from checks.engine.judge import factor
from checks.engine.model import Unit
from checks.engine.promql import Comparison
from checks.engine.records import dataclass

_CPU = "node_cpu_seconds_total"
_REDIS = {"redis_memory_used_bytes", "redis_memory_max_bytes", "redis_config_maxmemory"}
_WAITING = "minion_jobs_inactive"  # what is delayed may be taken off
_JOBS = {_WAITING, "minion_jobs_delayed"}
_DATABASE = r"(?i)db|postgres|pg|primary|replica"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A row of the capacity table as an alert's threshold must be: `value` of the rule, in the row's unit."""

    row: str
    value: float
    unit: str


def trigger_of(found: Comparison) -> Trigger | None:
    """Return the row that a comparison is about, None where it is about none of them."""
    found = promql.unscaled(found)
    selectors = promql.selectors(found.left)
    metrics = {selector.metric for selector in selectors}
    alarms_of_much = found.op in {">", ">="}
    if promql.histogram(found.left) is not None and any("duration_seconds" in m for m in metrics) and alarms_of_much:
        return Trigger("capacity-api-response-time", found.number * factor(Unit.SECONDS, "ms"), "ms")
    if _WAITING in metrics and metrics <= _JOBS and alarms_of_much and not any(s.rated for s in selectors):
        return Trigger("capacity-job-queue", found.number, "jobs")
    if metrics and all(m.startswith("node_filesystem_") and m.endswith("_bytes") for m in metrics):
        return _used("capacity-disk", found, _is_free(found))
    if metrics == {_CPU} and all(re.search(_DATABASE, where) for where in promql.labels(found.left, _CPU, "instance")):
        return _used("capacity-database-cpu", found, _is_idle(found))
    if metrics and metrics <= _REDIS:
        return _used("capacity-redis-memory", found, False if promql.sides(found.left) else None)
    return None


def _used(row: str, found: Comparison, free: bool | None) -> Trigger | None:
    """Return what share is used at the threshold; None where it is no share, or alarms because much is free."""
    if free is None or (found.op in {"<", "<="}) is not free:
        return None
    return Trigger(row, round((1 - found.number if free else found.number) * 100, 6), "%")


def _is_free(found: Comparison) -> bool | None:
    """Whether what is compared is the free share of a disk, not the used one; None where it is no share."""
    sides = promql.sides(found.left)
    return None if sides is None else len(promql.selectors(sides[0])) == 1


def _is_idle(found: Comparison) -> bool | None:
    sides = promql.sides(found.left)
    part = found.left if sides is None else sides[0]
    idle = promql.labels(part, _CPU, "mode") == ("idle",)
    return None if sides is None and (promql.is_aggregate(part) or not idle) else idle
