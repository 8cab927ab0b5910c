"""What single checks say at, before and past their limits, and where there is nothing to judge by."""

from dataclasses import replace
from typing import Any

import pytest

from checks.capacity import test_capacity as capacity
from checks.capacity import test_growth as growth
from checks.engine.model import State
from checks.engine.readings.api import ApiDetailed, ApiHealth, ApiHistogram, ApiMinionStats
from checks.engine.readings.application import ApplicationAddresses, ApplicationBusiness, ApplicationGrowth, Course
from checks.engine.readings.minion import MinionBacklog, MinionFailures, MinionQueue, MinionWorkers
from checks.engine.readings.redis import RedisMemory
from checks.health import test_api as health
from checks.health import test_api_operators as operators
from checks.maintenance import test_application as application
from checks.maintenance import test_minion as upkeep
from checks.monitoring import test_business as business
from checks.troubleshooting import test_minion as minion
from tests.services.saying import says

STAMP: dict[str, Any] = {"source": "t", "sampled_at": 0.0}
MIB = 2**20


def workers(**changes: Any) -> MinionWorkers:
    values = {"live": 1, "gone": 0, "heartbeat": 10.0, "capacity": 4, "active": 0, "oldest_started": 1000.0}
    return MinionWorkers(**{**values, "uptime": 9999.0, **changes}, **STAMP)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.OK),
        ({"heartbeat": 600.0}, State.OK),
        ({"heartbeat": 601.0}, State.WARNING),
        ({"gone": 1}, State.WARNING),
        ({"gone": 3, "heartbeat": 601.0}, State.WARNING),
        ({"live": 0, "heartbeat": None}, State.CRITICAL),
        ({"live": 0, "gone": 2, "heartbeat": None, "uptime": 5.0}, State.CRITICAL),
        ({"live": 0, "heartbeat": None, "uptime": 299.0}, State.NOT_JUDGED),
    ],
)
def test_workers_are_waited_for_only_where_the_table_was_emptied(changes: dict[str, Any], state: State) -> None:
    assert says(minion.test_minion_workers_live, workers(**changes))[0] is state


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, State.OK, "no job was abandoned"),
        ({"abandoned": 1}, State.WARNING, "workers went away from 1 jobs"),
        ({"stuck": 1}, State.WARNING, "1 jobs were given up: no worker took them for two days"),
    ],
)
def test_jobs_that_are_given_up(changes: dict[str, int], state: State, said: str) -> None:
    values: dict[str, Any] = {"failed": 1, "finished": 9, "abandoned": 0, "stuck": 0, **changes}
    found, text = says(minion.test_minion_abandoned, MinionFailures(**values, culprits=(), **STAMP))

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("told", "ready", "inactive", "state"),
    [
        (None, 0, 0, State.CRITICAL),
        (0.0, 0, 0, State.OK),
        (35.0, 0, 10, State.OK),
        (36.0, 0, 10, State.WARNING),
        (50.0, 100, 200, State.OK),
        (49.0, 100, 200, State.WARNING),
        (250.0, 100, 200, State.OK),
        (251.0, 100, 200, State.WARNING),
        (0.0, 600, 600, State.WARNING),
    ],
)
def test_the_statistics_are_what_we_count(told: float | None, ready: int, inactive: int, state: State) -> None:
    """Between the jobs that are ready and all that wait, and a quarter or 25 of them more or less."""
    counts: dict[str, Any] = dict.fromkeys(("delayed", "active", "failed", "workers"), 0)
    queue = MinionQueue(ready=ready, oldest_ready=0.0, inactive=inactive, **counts, **STAMP)
    stats = ApiMinionStats(http_status=200, inactive=told, **STAMP)

    assert says(upkeep.test_minion_stats, stats, queue)[0] is state


@pytest.mark.parametrize(("status", "state"), [(401, State.UNKNOWN), (403, State.UNKNOWN), (500, State.CRITICAL)])
def test_credentials_of_ours_that_are_refused_are_our_own_fault(status: int, state: State) -> None:
    stats = ApiMinionStats(http_status=status, inactive=None, **STAMP)
    detailed = ApiDetailed(
        status_without_credentials=401, http_status=status, figures=(), missing=("redis.memory_used",), **STAMP
    )
    assert says(upkeep.test_minion_stats, stats, None)[0] is state
    assert says(health.test_api_detailed_complete, detailed)[0] is state


@pytest.mark.parametrize(
    ("maxmemory", "limit", "state"),
    [
        (8 * MIB, 8 * MIB, State.OK),
        (0, 32 * MIB, State.WARNING),
        (33 * MIB, 32 * MIB, State.WARNING),
        (32 * MIB, 32 * MIB, State.OK),
    ],
)
def test_maxmemory_lies_within_the_container(maxmemory: int, limit: int, state: State) -> None:
    sizes: dict[str, Any] = {"used": MIB, "maxmemory": maxmemory, "limit": limit, "used_ratio": 0.1}

    found = RedisMemory(**sizes, limit_is="t", policy="noeviction", **STAMP)

    assert says(capacity.test_capacity_redis_memory_limit, found)[0] is state


@pytest.mark.parametrize(
    ("started", "state"), [(1000.0, State.OK), (999.0, State.CRITICAL), (None, State.UNKNOWN), (2000.0, State.OK)]
)
def test_a_worker_from_before_the_deploy_runs_old_code(started: float | None, state: State) -> None:
    assert says(minion.test_minion_workers_current, workers(oldest_started=started), 1000.0)[0] is state


@pytest.mark.parametrize(
    ("oldest", "free", "state", "said"),
    [
        (60.0, 4, State.OK, "waits"),
        (61.0, 4, State.WARNING, "waits"),
        (301.0, 0, State.CRITICAL, "the oldest job"),
        (301.0, 4, State.CRITICAL, "no worker takes it although one is free"),
    ],
)
def test_a_job_that_waits_beside_a_free_worker(oldest: float, free: int, state: State, said: str) -> None:
    found, text = says(
        minion.test_minion_queue_moves, MinionBacklog(oldest=oldest, free=free, unserved=0, culprits=(), **STAMP)
    )

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("failed", "finished", "state"),
    [
        (5, 5, State.OK),
        (2, 0, State.OK),
        (3, 3, State.OK),
        (3, 2, State.WARNING),
        (5, 0, State.WARNING),
        (6, 114, State.OK),
        (6, 113, State.WARNING),
        (6, 24, State.WARNING),
        (6, 23, State.CRITICAL),
    ],
)
def test_failures_count_as_a_share_once_they_are_more_than_a_few(failed: int, finished: int, state: State) -> None:
    reading = MinionFailures(failed=failed, finished=finished, abandoned=0, stuck=0, culprits=(), **STAMP)

    assert says(minion.test_minion_failures, reading)[0] is state


def figures(*courses: Course) -> ApplicationBusiness:
    return ApplicationBusiness(figures=courses, **STAMP)


def flat(per_hour: int, silent: int = 0) -> tuple[int, ...]:
    return (0,) * silent + (per_hour,) * (34 * 24 - silent)


@pytest.mark.parametrize(
    ("check", "course", "state", "said"),
    [
        ("guardian_alerts", Course("guardian alerts", 10, flat(2)), State.OK, "12 in 6 h, 12 in the same hours"),
        ("guardian_alerts", Course("guardian alerts", 10, flat(2, 6)), State.CRITICAL, "0 in 6 h, 12 in"),
        (
            "guardian_alerts",
            Course("guardian alerts", 10, flat(2, 22 * 24)),
            State.CRITICAL,
            "none for 22 days, 336 in",
        ),
        ("searches", Course("support-centre searches", 10, flat(2, 6)), State.WARNING, "0 in 6 h"),
        ("guardian_alerts", Course("guardian alerts", 3.9, flat(2, 6)), State.NOT_JUDGED, "needs 4 weeks of history"),
        ("guardian_alerts", Course("guardian alerts", 10, flat(0)), State.NOT_JUDGED, "none in 34 days"),
        ("guardian_alerts", Course("something else", 10, flat(2)), State.UNKNOWN, "has no such table"),
        ("alert_messages", Course("something else", 10, flat(2)), State.UNKNOWN, "business_sources()"),
        ("searches", Course("something else", 10, flat(2)), State.NOT_JUDGED, "has no such table"),
        ("guardian_alerts", Course("guardian alerts", 0, flat(0), emptied=True), State.CRITICAL, "somebody emptied it"),
        ("audio_uploads", Course("audio uploads", 0, flat(0), emptied=True), State.CRITICAL, "somebody emptied it"),
        ("searches", Course("support-centre searches", 0, flat(0), emptied=True), State.WARNING, "emptied it"),
        ("guardian_alerts", Course("guardian alerts", 0, flat(0)), State.NOT_JUDGED, "needs 4 weeks of history"),
    ],
)
def test_business_figures(check: str, course: Course, state: State, said: str) -> None:
    found, text = says(getattr(business, f"test_application_{check}"), figures(course))

    assert found is state
    assert said in text


def uploads(limit: int | None, days: int = 30, ahead: float = 14) -> ApplicationGrowth:
    return ApplicationGrowth(
        users=(("2026-10-01", 5), ("2026-11-01", 7)),
        uploads=tuple((f"2026-11-{day:02}", 1, MIB) for day in range(1, days + 1)),
        uploads_before=70 * MIB,
        bucket_bytes=limit,
        forecast_days=ahead,
        **STAMP,
    )


@pytest.mark.parametrize(
    ("reading", "state", "said"),
    [
        (uploads(None), State.OK, "100.0 MiB of recordings"),
        (uploads(130 * MIB), State.OK, "100.0 MiB"),
        (uploads(110 * MIB), State.WARNING, "meet 110.0 MiB in about 10 days (10 to 10)"),
        (uploads(101 * MIB), State.WARNING, "in about 1 days"),
        (uploads(100 * MIB), State.WARNING, "100.0 MiB of recordings: all of the 100.0 MiB that are set aside"),
        (uploads(74 * MIB, days=5), State.WARNING, "75.0 MiB of recordings: all of the 74.0 MiB that are set aside"),
        (uploads(110 * MIB, ahead=0), State.OK, "100.0 MiB"),
        (uploads(76 * MIB, days=5), State.OK, "too few days for a trend"),
    ],
)
def test_recordings_that_fill_their_place(reading: ApplicationGrowth, state: State, said: str) -> None:
    found, text = says(growth.test_application_uploads_growth, reading)

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("addresses", "other_key", "soonest", "state"),
    [
        (0, 0, None, State.NOT_JUDGED),
        (1, 0, 91 * 86400.0, State.OK),
        (1, 0, 89 * 86400.0, State.WARNING),
        (2, 1, 91 * 86400.0, State.CRITICAL),
    ],
)
def test_stored_addresses(addresses: int, other_key: int, soonest: float | None, state: State) -> None:
    reading = ApplicationAddresses(addresses=addresses, other_key=other_key, malformed=0, soonest=soonest, **STAMP)

    assert says(application.test_application_addresses, reading)[0] is state


def test_users_are_counted_in_all() -> None:
    assert says(growth.test_application_users_growth, uploads(None)) == (State.OK, "12 users")


@pytest.mark.parametrize(
    ("started", "requests", "errors", "state"),
    [
        (1000.0, 100.0, 0.0, State.OK),
        (1000.0, 100.0, 1.0, State.OK),
        (1000.0, 100.0, 1.5, State.WARNING),
        (1000.0, 100.0, 6.0, State.CRITICAL),
        (1000.0, 49.0, 49.0, State.NOT_JUDGED),
        (700.0, 100.0, 0.0, State.OK),
        (699.0, 100.0, 0.0, State.CRITICAL),
        (None, 100.0, 0.0, State.UNKNOWN),
    ],
)
def test_errors_since_the_deploy(started: float | None, requests: float, errors: float, state: State) -> None:
    reading = ApiHistogram(buckets=(), requests=requests, errors=errors, started=started, **STAMP)

    assert says(operators.test_api_errors_since_deploy, reading, 1000.0)[0] is state


def test_tables_that_are_not_there_or_hold_nothing() -> None:
    gone = replace(uploads(None), users=(), uploads=(), uploads_before=0, users_known=False, uploads_known=False)
    empty = replace(gone, users_known=True, uploads_known=True)

    assert says(growth.test_application_users_growth, gone)[0] is State.UNKNOWN
    assert says(growth.test_application_uploads_growth, gone)[0] is State.UNKNOWN
    assert says(growth.test_application_users_growth, empty) == (State.CRITICAL, "the table of users is empty")
    assert says(growth.test_application_uploads_growth, empty)[0] is State.OK


@pytest.mark.parametrize(
    ("version", "state", "said"),
    [
        ("2.14.0", State.OK, "runs the expected version"),
        ("2.13.9", State.CRITICAL, "runs 2.13.9, not 2.14.0: the deploy did not reach it"),
        ("2.14.0-rc1", State.CRITICAL, "runs 2.14.0-rc1, not 2.14.0"),
        (None, State.UNKNOWN, "names no version"),
    ],
)
def test_the_version_that_was_deployed(version: str | None, state: State, said: str) -> None:
    reading = ApiHealth(
        http_status=200, status="ok", clock_offset=0.0, version=version, components=(), verbose=(), **STAMP
    )

    found, text = says(health.test_api_version_expected, reading, "2.14.0")

    assert found is state
    assert said in text
