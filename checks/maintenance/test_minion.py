"""What gathers in Minion's tables where nobody looks."""

from http import HTTPStatus

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.api import ApiMinionStats
from checks.engine.readings.minion import MinionQueue, MinionUpkeep

DAY = 86400.0
TOLERANCE = 25


@pytest.mark.moments
@pytest.mark.guide("maintenance.minion-stats")
@pytest.mark.profiles("nightly", "triage")
def test_minion_stats(api_minion_stats: ApiMinionStats, minion_queue: MinionQueue, judged: Judge) -> None:
    """The instance's statistics of the queue are there, and what we count ourselves."""
    if api_minion_stats.http_status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        judged.unknown(f"refuses us ({api_minion_stats.http_status}): mend maintenance_secret or admin_credentials")
    if api_minion_stats.inactive is None:
        judged.critical(f"answers {api_minion_stats.http_status} without `inactive`: the hourly script sees no queue")
    low, high = minion_queue.ready, minion_queue.inactive
    slack = max(TOLERANCE, 0.25 * high)
    if not low - slack <= api_minion_stats.inactive <= high + slack:
        judged.warning(f"says {api_minion_stats.inactive:.0f} inactive jobs, we count {high} ({low} of them ready)")
    judged.ok(f"{api_minion_stats.inactive:.0f} inactive jobs, as we count")


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly")
def test_minion_retries(minion_upkeep: MinionUpkeep, judged: Judge) -> None:
    """No job waits for its last attempt."""
    if minion_upkeep.last_attempt > 0:
        judged.warning(f"{minion_upkeep.last_attempt} jobs wait for their last attempt", minion_upkeep.culprits)
    judged.ok("no job waits for its last attempt")


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly")
def test_minion_dependents(minion_upkeep: MinionUpkeep, judged: Judge) -> None:
    """No job waits for one that failed."""
    if minion_upkeep.dead_dependents > 0:
        judged.warning(
            f"{minion_upkeep.dead_dependents} jobs wait for a job that failed: they never run", minion_upkeep.culprits
        )
    judged.ok("no job waits for one that failed")


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly")
def test_minion_locks(minion_upkeep: MinionUpkeep, judged: Judge) -> None:
    """No lock holds for longer than a day."""
    longest = minion_upkeep.lock_longest / DAY
    judged(longest, unit="d", subject="the longest lock holds for", reading=minion_upkeep, above=(1, None))


@pytest.mark.guide("maintenance.housekeeping")
@pytest.mark.profiles("nightly")
def test_minion_retention(minion_upkeep: MinionUpkeep, judged: Judge) -> None:
    """Finished jobs are removed after a month, so that the table stays small."""
    judged(
        minion_upkeep.overdue_removal / DAY,
        unit="d",
        subject="the oldest finished job should be gone for",
        reading=minion_upkeep,
        above=(2, None),
        evidence=(f"{minion_upkeep.rows} rows",),
    )
