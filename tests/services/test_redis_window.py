"""Counters of Redis are judged by what they grew, and never after a reset or against another server."""

import pytest

from checks.engine.model import NotJudged, ProbeError
from checks.engine.probes.redis_info import counters, fields_of, refused
from checks.engine.readings.redis import RedisCounters, RedisSlow, RedisWindow, redis_slow, redis_window

INFO = (
    b"# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\ntcp_port:6379\r\nevicted_keys:5\r\nrejected_connections:1\r\n"
    b"errorstat_OOM:count=4\r\nerrorstat_MISCONF:count=2\r\nerrorstat_NOREPLICAS:count=8\r\n"
    b"errorstat_READONLY:count=16\r\nerrorstat_NOAUTH:count=32\r\n"
)


def sample(at: float, **changes: object) -> RedisCounters:
    values: dict[str, object] = {"port": 1, "run_id": "a", "evicted": 10, "rejected": 2, "refused": 3, "slow": 5}
    return RedisCounters(**{**values, **changes}, source="t", sampled_at=at)  # type: ignore[arg-type]


def window(earlier: RedisCounters, later: RedisCounters) -> RedisWindow:
    found = redis_window(earlier, later)
    assert isinstance(found, RedisWindow)
    return found


def test_only_growth_counts() -> None:
    assert window(sample(0), sample(60)).evicted == 0
    found = window(sample(0), sample(60, evicted=11, rejected=4, refused=10))
    assert (found.evicted, found.rejected, found.refused, found.over) == (1, 2, 7, 60)


def test_after_a_restart_all_since_then_counts() -> None:
    found = window(sample(0), sample(60, run_id="b", evicted=1, rejected=0, refused=0, slow=0))
    assert found.restarted
    assert found.evicted == 1


@pytest.mark.parametrize("changes", [{"evicted": 0}, {"rejected": 0}, {"refused": 0}, {"port": 2}])
def test_after_a_reset_or_for_another_server_nothing_is_judged(changes: dict[str, object]) -> None:
    assert isinstance(redis_window(sample(0), sample(60, **changes)), NotJudged)


@pytest.mark.parametrize(
    ("before", "after", "run_id", "commands"),
    [(5, 5, "a", 0), (5, 30, "a", 25), (5, 2, "a", 2), (5, 9, "b", 9), (127, 128, "a", 1), (130, 128, "b", 128)],
)
def test_what_came_to_the_slow_log_is_counted(before: int, after: int, run_id: str, commands: int) -> None:
    found = redis_slow(sample(0, slow=before), sample(60, slow=after, run_id=run_id))
    assert isinstance(found, RedisSlow)
    assert found.commands == commands


@pytest.mark.parametrize("changes", [{"port": 2, "slow": 9}, {"slow": 128}])
def test_a_slow_log_that_is_full_or_of_another_server_tells_nothing(changes: dict[str, object]) -> None:
    assert isinstance(redis_slow(sample(0, slow=128), sample(60, **changes)), NotJudged)


def test_refusals_are_summed() -> None:
    assert refused(fields_of(INFO)) == 30


def test_before_six_two_no_refusal_is_told() -> None:
    assert refused({"redis_version": "6.0.16"}) is None


def test_a_field_that_is_missing_is_no_zero() -> None:
    fields = fields_of(INFO)
    del fields["evicted_keys"]
    with pytest.raises(ProbeError, match="INFO has no evicted_keys"):
        counters(fields, 0)
