"""Workers of autovacuum that are all at work: since when, on what, and from when on that is a finding."""

import time

import pytest

from checks.engine.model import State
from checks.engine.readings.postgresql_vacuum import PostgresqlAutovacuum
from checks.maintenance import test_postgresql as maintenance
from tests.postgresql.conftest import Pair, Read
from tests.services.saying import says

NAME = "postgresql_autovacuum"
_SLOW = "autovacuum_vacuum_threshold = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1"


def _read(read: Read) -> PostgresqlAutovacuum:
    found = read((NAME,)).outcomes[NAME]
    assert isinstance(found, PostgresqlAutovacuum)
    return found


def test_all_workers_at_work_are_seen_and_named(pair: Pair, read: Read) -> None:
    assert _read(read).saturated == 0
    names = [f"slow{number}" for number in range(3)]
    for name in names:
        pair.primary.execute(
            (
                f"CREATE TABLE {name} WITH ({_SLOW}) AS SELECT n, repeat('x', 500) FROM generate_series(1, 3000) AS n",
                f"DELETE FROM {name} WHERE n % 2 = 0",
                "SELECT pg_stat_force_next_flush()",
            )
        )
    pair.primary.execute(("ALTER SYSTEM SET autovacuum_naptime = '1s'", "SELECT pg_reload_conf()"))
    try:
        until = time.monotonic() + 20
        while (found := _read(read)).saturated == 0:
            assert time.monotonic() < until, found
            time.sleep(0.2)
    finally:
        pair.primary.execute(("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()"))
        pair.primary.execute([f"DROP TABLE {name}" for name in names])
    assert found.running == found.most == 3
    assert any("table slow" in text for text in found.at_work)


@pytest.mark.parametrize(("saturated", "state"), [(0.0, State.OK), (900.0, State.OK), (901.0, State.WARNING)])
def test_a_quarter_of_an_hour_without_a_worker_to_spare_is_a_warning(saturated: float, state: State) -> None:
    found = PostgresqlAutovacuum(
        enabled=True, launcher=True, running=3, most=3, tables_off=0, culprits=(), saturated=saturated, source="s",
        sampled_at=0.0,
    )  # fmt: skip
    assert says(maintenance.test_postgresql_autovacuum, found)[0] is state
