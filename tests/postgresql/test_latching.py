"""Counters are compared with an earlier sample: what happened once does not alarm for ever, a reset is no finding."""

from dataclasses import replace

import pytest

from checks.engine.model import NotJudged
from checks.engine.readings.postgresql import PostgresqlServer
from checks.engine.readings.postgresql_capacity import PostgresqlStarted, started
from checks.engine.readings.postgresql_counters import (
    PostgresqlCache,
    PostgresqlCounters,
    PostgresqlRates,
    cache,
    rates,
)
from checks.engine.readings.postgresql_replication import PostgresqlCancelled, PostgresqlConflicts, cancelled
from checks.engine.readings.postgresql_settings import (
    PostgresqlConfiguration,
    PostgresqlConfigurationChange,
    configuration_change,
)
from checks.engine.readings.postgresql_statements import (
    PostgresqlSlowStatements,
    PostgresqlStatements,
    PostgresqlStatementsLost,
    PostgresqlStatementsStore,
    slow_statements,
    statements_lost,
)
from checks.engine.readings.postgresql_wal import PostgresqlCheckpoints, PostgresqlCheckpointShare, checkpoint_share

COUNTERS = PostgresqlCounters(
    deadlocks=7, temporary=1000, blocks_hit=500_000, blocks_read=1000, reset="t0", in_recovery=False,
    source="s", sampled_at=1000.0,
)  # fmt: skip
CHECKPOINTS = PostgresqlCheckpoints(
    timed=10, requested=5, reset="t0", age=0.0, age_ratio=0.0, source="s", sampled_at=1000.0
)
SERVER = PostgresqlServer(
    version=150000, in_recovery=False, system_identifier=1, timeline=1, uptime=500.0, started=500.0,
    clock_offset=0.0, max_connections=100, source="s", sampled_at=1000.0,
)  # fmt: skip


def test_a_deadlock_of_before_is_none_now() -> None:
    found = rates(COUNTERS, replace(COUNTERS, sampled_at=1060.0))
    assert isinstance(found, PostgresqlRates)
    assert (found.deadlocks, found.temporary) == (0, 0)


def test_rates_are_of_the_time_between() -> None:
    found = rates(COUNTERS, replace(COUNTERS, deadlocks=13, temporary=601_000, sampled_at=1600.0))
    assert isinstance(found, PostgresqlRates)
    assert found.deadlocks == pytest.approx(0.01)
    assert found.temporary == 300_000  # 600,000 bytes in ten minutes are 300,000 in five


def test_the_databases_that_deadlocks_and_temporary_files_are_of_are_named() -> None:
    earlier = replace(COUNTERS, databases=("7 1000 penhas", "1 0 other one"))
    later = replace(COUNTERS, deadlocks=10, sampled_at=1060.0, databases=("9 1000 penhas", "1 0 other one", "1 0 new"))
    found = rates(earlier, later)
    assert isinstance(found, PostgresqlRates)
    assert found.culprits == (
        "penhas: 2 deadlocks, 0 MiB of temporary files",
        "new: 1 deadlocks, 0 MiB of temporary files",
    )


@pytest.mark.parametrize(
    "change", [{"deadlocks": 6}, {"temporary": 0}, {"blocks_hit": 1}, {"reset": "t1"}, {"in_recovery": True}]
)
def test_counters_that_began_anew_are_not_judged(change: dict[str, object]) -> None:
    later = replace(COUNTERS, sampled_at=1060.0, **change)  # type: ignore[arg-type]
    assert isinstance(rates(COUNTERS, later), NotJudged)
    assert isinstance(cache(COUNTERS, later), NotJudged)


def test_a_hit_ratio_needs_blocks() -> None:
    few = replace(COUNTERS, blocks_hit=500_000 + 249_998, blocks_read=1001, sampled_at=1060.0)
    assert isinstance(cache(COUNTERS, few), NotJudged)
    found = cache(COUNTERS, replace(few, blocks_hit=500_000 + 297_000, blocks_read=4000))
    assert isinstance(found, PostgresqlCache)
    assert found.hit_ratio == pytest.approx(0.99)


def test_cancelled_queries_are_those_of_an_hour() -> None:
    earlier = PostgresqlConflicts(cancelled=5, source="s", sampled_at=0.0)
    same, more = replace(earlier, sampled_at=60.0), replace(earlier, cancelled=6, sampled_at=86400.0)
    for later, expected in ((same, 0), (more, 1)):
        found = cancelled(earlier, later)
        assert isinstance(found, PostgresqlCancelled)
        assert found.per_hour == expected
    assert isinstance(cancelled(earlier, replace(earlier, cancelled=0)), NotJudged)
    named = cancelled(replace(earlier, databases=("5 penhas",)), replace(more, databases=("5 penhas", "1 other one")))
    assert isinstance(named, PostgresqlCancelled)
    assert named.culprits == ("other one: 1 queries",)


def test_checkpoints_are_judged_from_a_dozen_on() -> None:
    assert isinstance(checkpoint_share(CHECKPOINTS, replace(CHECKPOINTS, requested=16)), NotJudged)
    found = checkpoint_share(CHECKPOINTS, replace(CHECKPOINTS, timed=13, requested=17))
    assert isinstance(found, PostgresqlCheckpointShare)
    assert found.timed_ratio == pytest.approx(0.2)
    assert isinstance(checkpoint_share(CHECKPOINTS, replace(CHECKPOINTS, timed=20, reset="t1")), NotJudged)


@pytest.mark.parametrize(("since", "expected"), [(500.0, False), (502.0, False), (503.0, True), (1060.0, True)])
def test_a_restart_is_another_start_whatever_our_clock_and_a_slow_answer_say(since: float, *, expected: bool) -> None:
    found = started(SERVER, replace(SERVER, started=since, uptime=1.0, sampled_at=1060.0))
    assert isinstance(found, PostgresqlStarted)
    assert found.restarted is expected


def test_a_sample_that_does_not_tell_the_start_is_not_compared() -> None:
    assert isinstance(started(replace(SERVER, started=None), SERVER), NotJudged)


def test_another_server_is_no_restart() -> None:
    assert isinstance(started(SERVER, replace(SERVER, in_recovery=True, uptime=1.0)), NotJudged)


def test_settings_that_changed_are_named_and_not_shown() -> None:
    earlier = PostgresqlConfiguration(
        in_recovery=False, digests=("a 11111111", "b 22222222"), source="s", sampled_at=0.0
    )
    found = configuration_change(earlier, replace(earlier, digests=("a 11111111", "b 33333333", "c 44444444")))
    assert isinstance(found, PostgresqlConfigurationChange)
    assert (found.changed, found.culprits) == (2, ("b", "c"))


def test_a_slow_statement_of_before_is_none_now() -> None:
    earlier = PostgresqlStatements(frequent=(), longest=("1 10 20000", "2 5 9000"), source="s", sampled_at=0.0)
    later = replace(earlier, longest=("1 30 20100", "2 5 9000", "3 1 1500"))
    found = slow_statements(earlier, later)
    assert isinstance(found, PostgresqlSlowStatements)
    assert found.slowest == pytest.approx(1.5)
    assert found.culprits == ("queryid 3: mean 1500 ms, 1 calls", "queryid 1: mean 5 ms, 20 calls")


def test_of_superusers_what_is_called_often_is_judged_and_a_dump_is_counted() -> None:
    earlier = PostgresqlStatements(frequent=(), longest=(), source="s", sampled_at=0.0)
    often, dump, ours = "1 10 15000 superuser", "2 9 900000 superuser", "1 100 100"
    found = slow_statements(earlier, replace(earlier, longest=(ours, often, dump)))
    assert isinstance(found, PostgresqlSlowStatements)
    assert (found.slowest, found.left_out) == (1.5, 1)
    assert found.culprits[0] == "queryid 1 of a superuser: mean 1500 ms, 10 calls"
    assert found.culprits[1] == "queryid 1: mean 1 ms, 100 calls"


def test_where_no_statement_was_counted_none_is_told_to_be_quick() -> None:
    earlier = PostgresqlStatements(frequent=(), longest=("1 10 20000",), source="s", sampled_at=0.0)
    assert isinstance(slow_statements(earlier, earlier), NotJudged)


@pytest.mark.parametrize(
    ("before", "now", "slower"),
    [
        ("7 20 400", "7 40 1800", True),  # 20 ms, then 70
        ("7 20 400", "7 40 1600", False),  # three times is not more than three times
        ("7 19 380", "7 40 1880", False),  # too few calls before
        ("7 20 400", "7 39 2300", False),  # too few since
        ("7 20 40", "7 40 440", False),  # 20 ms are not noticed
    ],
)
def test_a_statement_that_became_three_times_as_slow_is_named(before: str, now: str, *, slower: bool) -> None:
    earlier = PostgresqlStatements(frequent=(), longest=(before,), source="s", sampled_at=0.0)
    found = slow_statements(earlier, replace(earlier, longest=(now,)))
    assert isinstance(found, PostgresqlSlowStatements)
    assert found.slower == int(slower)
    assert (" ms before" in found.culprits[0]) is slower


def test_statements_thrown_away_are_those_since() -> None:
    store = PostgresqlStatementsStore(used_ratio=0.5, thrown_away=3, reset="t0", source="s", sampled_at=0.0)
    found = statements_lost(store, replace(store, thrown_away=4))
    assert isinstance(found, PostgresqlStatementsLost)
    assert found.thrown_away == 1
    assert isinstance(statements_lost(store, replace(store, reset="t1")), NotJudged)
