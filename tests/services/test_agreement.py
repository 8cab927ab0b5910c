"""The figures of /health/detailed agree with our own within their tolerance, its ends included."""

from typing import Any

import pytest

from checks.engine.agreement import Direct, direct_figures, disagreements, uncompared
from checks.engine.readings.minion import MinionQueue
from checks.engine.readings.postgresql import PostgresqlConnections, PostgresqlStandbys, Standby
from checks.engine.readings.redis import RedisMemory, RedisServer

STAMP: dict[str, Any] = {"source": "t", "sampled_at": 0.0}
MIB = 2**20


@pytest.mark.parametrize(
    ("claimed", "holds"), [(85, True), (84.9, False), (100, True), (115, True), (115.1, False), (0, False)]
)
def test_the_least_tolerance_counts_near_zero(claimed: float, holds: bool) -> None:
    assert Direct(100, 100, 0.01, 15).holds(claimed) is holds


@pytest.mark.parametrize(("claimed", "holds"), [(700, True), (699, False), (1300, True), (1301, False)])
def test_the_share_counts_for_large_values(claimed: float, holds: bool) -> None:
    assert Direct(1000, 1000, 0.3, 15).holds(claimed) is holds


def test_a_range_allows_what_lies_between() -> None:
    assert Direct(0, 50, 0, 0).holds(25)
    assert not Direct(0, 50, 0, 0).holds(51)


def test_only_what_is_claimed_is_compared() -> None:
    direct = {"a": Direct(1, 1, 0, 0), "b": Direct(2, 2, 0, 0)}

    assert disagreements({}, direct) == ((), 0)
    assert disagreements({"a": 1, "c": 9}, direct) == ((), 1)
    assert disagreements({"a": 5, "b": 2}, direct) == (("a: it says 5, we read 1",), 2)


def direct() -> dict[str, Direct]:
    """Return what we read ourselves, every figure another."""
    states: dict[str, Any] = {"active": 1, "idle": 2, "idle_in_transaction": 0}
    standbys = (Standby("a", "streaming", 0, None, 0.1), Standby("b", "streaming", 0, 40.0, 0.1))
    told: dict[str, Any] = {"version": "7", "role": "master", "loading": False, "uptime": 9.0}
    limits: dict[str, Any] = {
        "maxmemory": 0,
        "limit": 1000 * MIB,
        "limit_is": "maxmemory",
        "used_ratio": 0.1,
        "policy": "noeviction",
    }
    counts: dict[str, Any] = {"oldest_ready": 0.0, "delayed": 300, "active": 1}
    return direct_figures(
        PostgresqlConnections(used=100, usable=200, used_ratio=0.5, **states, **STAMP),
        PostgresqlStandbys(standbys=standbys, current_lsn=1, **STAMP),
        RedisServer(connected_clients=60, ops_per_second=1000.0, **told, **STAMP),
        RedisMemory(used=100 * MIB, **limits, **STAMP),
        MinionQueue(ready=200, inactive=500, failed=1000, workers=8, **counts, **STAMP),
    )


@pytest.mark.parametrize(
    ("figure", "least", "most"),
    [
        ("database.connections", 70, 130),
        ("database.replication_lag", -10, 60),
        ("redis.memory_used", 75 * MIB, 125 * MIB),
        ("redis.connected_clients", 30, 90),
        ("redis.ops_per_sec", -500, 4000),
        ("minion.active_workers", -1, 10),
        ("minion.job_queue_size", 150, 625),
        ("minion.failed_jobs", 900, 1100),
    ],
)
def test_each_figure_has_its_own_tolerance(figure: str, least: float, most: float) -> None:
    ours = direct()

    for claimed, said in ((least, 0), (most, 0), (least - 1, 1), (most + 1, 1)):
        wrong, compared = disagreements({figure: claimed}, ours)
        assert (len(wrong), compared) == (said, 1), claimed


def test_every_figure_that_is_compared_has_its_test() -> None:
    (mark,) = test_each_figure_has_its_own_tolerance.pytestmark  # type: ignore[attr-defined]
    assert {figure for figure, _, _ in mark.args[1]} == direct().keys()


def test_what_is_not_compared_is_named() -> None:
    assert uncompared({"minion.failed_jobs": 1}, direct()) == ()
    (line,) = uncompared({"minion.failed_jobs": 1, "database.slow_queries": 1, "api.error_rate": 0}, direct())
    assert line.endswith(": api.error_rate, database.slow_queries")
