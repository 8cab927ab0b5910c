"""Vacuum: what is bloated, measured or estimated, and workers of autovacuum that are all at work."""

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from checks.engine.judge import judge_field
from checks.engine.model import Bound, Limits, State
from checks.engine.readings.postgresql_vacuum import (
    PostgresqlAutovacuum,
    PostgresqlBloat,
    PostgresqlDeadRows,
    PostgresqlIndexBloat,
    PostgresqlVacuumed,
)
from checks.maintenance import test_postgresql as maintenance
from tests.postgresql.conftest import SUPERUSER, Pair, Read
from tests.services.saying import says

NAMES = ("postgresql_bloat", "postgresql_index_bloat")


@pytest.fixture(scope="module")
def bloated(pair: Pair) -> Iterator[Pair]:
    """A table of which nine tenths were deleted, and one that is whole."""
    for name in ("bloated", "whole"):
        pair.primary.execute(
            (
                f"CREATE TABLE {name} (id bigint, word text) WITH (autovacuum_enabled = false)",
                f"INSERT INTO {name} SELECT n, md5(n::text) FROM generate_series(1, 60000) AS n",
                f"CREATE INDEX {name}_idx ON {name} (word)",
            )
        )
    pair.primary.execute(("DELETE FROM bloated WHERE id % 10 <> 0",))
    time.sleep(2.5)  # until the standby says that it needs none of the rows
    pair.primary.execute(("VACUUM (ANALYZE) bloated", "VACUUM (ANALYZE) whole"))
    yield pair
    pair.primary.execute(("DROP TABLE bloated, whole",))


@pytest.mark.parametrize("extension", [True, False])
def test_what_is_bloated_is_named_and_what_is_whole_is_not(bloated: Pair, read: Read, *, extension: bool) -> None:
    if extension:
        bloated.primary.execute(("CREATE EXTENSION IF NOT EXISTS pgstattuple",))
    else:
        bloated.primary.execute(("DROP EXTENSION pgstattuple",))
    try:
        outcomes = read(NAMES).outcomes
    finally:
        bloated.primary.execute(("CREATE EXTENSION IF NOT EXISTS pgstattuple",))
    table, index = outcomes["postgresql_bloat"], outcomes["postgresql_index_bloat"]
    assert isinstance(table, PostgresqlBloat)
    assert isinstance(index, PostgresqlIndexBloat)
    assert 3_000_000 < table.wasted < 6_000_000
    assert 2_000_000 < index.wasted < 6_000_000
    for reading in (table, index):
        assert reading.measured == 1
        assert ("estimated" in reading.culprits[0]) is (not extension)
    assert "VACUUM FULL would lock it for all" in table.culprits[0]
    assert index.culprits[0].startswith("bloated_idx: ")


def test_what_is_too_large_to_be_read_is_judged_by_its_estimate_and_reaches_the_shipped_limits(
    bloated: Pair, read: Read
) -> None:
    # The catalogue says that they are large, as it does of such ones: nothing else of them would be read anyway.
    large = "UPDATE pg_class SET relpages = 200000, relallvisible = 0 WHERE relname IN ('bloated', 'bloated_idx')"
    bloated.primary.execute((large,))
    try:
        outcomes = read(NAMES).outcomes
    finally:
        bloated.primary.execute(("VACUUM (ANALYZE) bloated",))
    rows = tomllib.loads(Path("checks/thresholds.toml").read_text(encoding="utf-8"))["threshold"]
    for row in rows:
        name, _, field = row["reading"].partition(".")
        if name in NAMES:
            limits = Limits(row["unit"], Bound(row["above"]["warning"], row["above"]["critical"]), None, "the row")
            found = judge_field(outcomes[name], name, field, row["subject"], limits)  # type: ignore[arg-type]
            assert found.state is State.WARNING, found.message
            assert any(text.startswith("bloated") and ", estimated" in text for text in found.evidence)


def test_what_has_no_statistics_is_counted_and_named(pair: Pair, read: Read) -> None:
    rows = "SELECT n, md5(n::text) AS word FROM generate_series(1, 30000) AS n"
    pair.primary.execute(
        (
            f"CREATE TABLE unanalysed WITH (autovacuum_enabled = false) AS {rows}",
            "CREATE INDEX unanalysed_idx ON unanalysed (word)",
            "CREATE INDEX expressed_idx ON unanalysed (lower(word))",
        )
    )
    pair.hand_in()
    try:
        table, index = read(NAMES).outcomes.values()
    finally:
        pair.primary.execute(("DROP TABLE unanalysed",))
    assert isinstance(table, PostgresqlBloat)
    assert isinstance(index, PostgresqlIndexBloat)
    assert (table.not_known, index.not_known) == (1, 2)
    assert "unanalysed: not known, it has no statistics: ANALYZE it" in table.culprits
    assert set(index.culprits) >= {
        "unanalysed_idx: not known, its table has no statistics: ANALYZE it",
        "expressed_idx: not known, it is one of expressions",
    }


def test_of_indexes_emptied_pages_are_waste_and_what_fillfactor_leaves_free_is_none(pair: Pair, read: Read) -> None:
    pair.primary.execute(
        (
            "CREATE TABLE numbers (n int, m int) WITH (autovacuum_enabled = false)",
            "INSERT INTO numbers SELECT n, n FROM generate_series(1, 200000) AS n",
            "CREATE INDEX numbers_loose ON numbers (m) WITH (fillfactor = 30)",
            "CREATE INDEX numbers_idx ON numbers (n)",
            "VACUUM (ANALYZE) numbers",
        )
    )
    try:
        assert _wasted(read, "numbers_") == {}
        assert int(str(pair.primary.value("SELECT penhas_checks.index_waste('numbers_loose'::regclass)"))) < 500_000
        pair.primary.execute(("DELETE FROM numbers WHERE n > 10000",))
        pair.primary.execute(("DROP INDEX numbers_loose",))
        until = time.monotonic() + 5
        while (wasted := _wasted(read, "numbers_")).get("numbers_idx", 0) == 0:
            pair.primary.execute(("VACUUM (ANALYZE) numbers",))  # until the standby needs none of the rows
            assert time.monotonic() < until, wasted
        size = int(str(pair.primary.value("SELECT pg_relation_size('numbers_idx')")))
        pair.primary.execute(("REINDEX INDEX numbers_idx",))
        least = size - int(str(pair.primary.value("SELECT pg_relation_size('numbers_idx')")))
        assert wasted["numbers_idx"] == pytest.approx(least, rel=0.05)
    finally:
        pair.primary.execute(("DROP TABLE numbers",))


def _wasted(read: Read, prefix: str) -> dict[str, int]:
    """Return the bytes of each index that is named, as pretty as they are told."""
    found = read(NAMES).outcomes["postgresql_index_bloat"]
    assert isinstance(found, PostgresqlIndexBloat), found
    told = [text.split(": ") for text in found.culprits if text.startswith(prefix)]
    units = {"bytes": 1, "kB": 1024, "MB": 1024**2}
    return {name: int(said.split(" ")[0]) * units[said.split(" ")[1]] for name, said, *_ in told}


def test_what_toast_wastes_is_told_and_that_autovacuum_does_not_come_to_it(pair: Pair, read: Read) -> None:
    pair.primary.execute(
        (
            "CREATE TABLE toasted (n int, text text) WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off)",
            "ALTER TABLE toasted ALTER text SET STORAGE EXTERNAL",
            "INSERT INTO toasted SELECT n, repeat('x', 8000) FROM generate_series(1, 2500) AS n",
            "VACUUM (ANALYZE) toasted",
        )
    )
    try:
        assert not any("toasted" in text for text in _bloat(read).culprits)
        pair.primary.execute(("DELETE FROM toasted WHERE n % 10 > 0",))
        pair.hand_in()
        dead = read(("postgresql_dead_rows",)).outcomes["postgresql_dead_rows"]
        assert isinstance(dead, PostgresqlDeadRows), dead
        assert any(text.startswith("the TOAST of toasted: 11250 dead") for text in dead.culprits)
        until = time.monotonic() + 5
        while not any("of toasted: " in text for text in _bloat(read).culprits):
            pair.primary.execute(("VACUUM (ANALYZE) toasted",))  # until the standby needs none of the rows
            assert time.monotonic() < until, _bloat(read)
        assert _bloat(read).wasted > 8_000_000
        assert {"toasted", "the TOAST of toasted"} <= set(_read(read).culprits)
    finally:
        pair.primary.execute(("DROP TABLE toasted",))


def _bloat(read: Read) -> PostgresqlBloat:
    found = read(NAMES).outcomes["postgresql_bloat"]
    assert isinstance(found, PostgresqlBloat), found
    return found


def test_a_temporary_table_of_another_session_blinds_neither(pair: Pair, read: Read) -> None:
    rows = "SELECT n, md5(n::text) AS word FROM generate_series(1, 30000) AS n"
    with psycopg.connect(pair.primary.dsn(SUPERUSER), autocommit=True) as session:
        session.execute(f"CREATE TEMPORARY TABLE passing AS {rows}".encode())
        session.execute("CREATE INDEX passing_idx ON passing (word)")
        session.execute("VACUUM (ANALYZE) passing")
        session.execute("DELETE FROM passing WHERE n % 10 > 0")
        session.execute("VACUUM (ANALYZE) passing")
        for outcome in read(NAMES).outcomes.values():
            assert isinstance(outcome, (PostgresqlBloat, PostgresqlIndexBloat)), outcome
            assert not any("passing" in text for text in outcome.culprits)


AUTOVACUUM = "postgresql_autovacuum"
_SLOW = "autovacuum_vacuum_threshold = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1"


def _read(read: Read) -> PostgresqlAutovacuum:
    found = read((AUTOVACUUM,)).outcomes[AUTOVACUUM]
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


@pytest.mark.parametrize(
    ("never", "hours", "state", "said"),
    [
        (0, 26.0, State.OK, "26 h"),
        (0, 26.5, State.WARNING, "26.5 h, warning above 26"),
        (0, 999.0, State.WARNING, "999 h"),
        (2, 0.0, State.WARNING, "2 of 4 tables changed and were never vacuumed"),
    ],
)
def test_what_changed_and_was_not_vacuumed_for_a_day_is_a_warning(
    never: int, hours: float, state: State, said: str
) -> None:
    found = PostgresqlVacuumed(
        tables=4, never=never, longest=hours * 3600, culprits=(), source="s", sampled_at=0.0
    )  # fmt: skip
    assert says(maintenance.test_vacuum_recent, found)[0] is state
    assert said in says(maintenance.test_vacuum_recent, found)[1]


def test_only_what_changed_since_is_told(pair: Pair, read: Read) -> None:
    pair.primary.execute(("VACUUM (ANALYZE) ponto_apoio",))
    pair.hand_in()
    before = read(("postgresql_vacuumed",)).outcomes["postgresql_vacuumed"]
    assert isinstance(before, PostgresqlVacuumed)
    assert before.tables == 4
    assert not any(text.startswith("ponto_apoio") for text in before.culprits)
