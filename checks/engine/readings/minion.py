"""What is read of the Minion job queue, through the primary's connection."""

from dataclasses import dataclass

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading


@reading("minion_queue", service="minion", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionQueue(Reading):
    """Jobs by state; `ready` are those that a worker could take now (not delayed, not expired, parents done)."""

    ready: Count
    oldest_ready: Seconds
    inactive: Count
    delayed: Count
    active: Count
    failed: Count
    workers: Count
