"""Statement statistics, and when any statistics began: what is odd in them blinds nothing and is no change."""

import psycopg
import pytest

from checks.engine.readings.postgresql_counters import PostgresqlCounters
from checks.engine.readings.postgresql_settings import PostgresqlConfiguration
from checks.engine.readings.postgresql_statements import PostgresqlStatements, PostgresqlStatementsStore
from checks.engine.readings.postgresql_wal import PostgresqlCheckpoints
from lab.postgresql import CHECKS
from tests.postgresql.conftest import SUPERUSER, Pair, Read

NAME = "postgresql_statements"


def test_a_statement_that_was_planned_and_always_failed_blinds_nothing(pair: Pair, read: Read) -> None:
    with psycopg.connect(pair.primary.dsn(SUPERUSER), autocommit=True) as session:
        session.execute("SELECT pg_stat_statements_reset()")
        session.execute("SET pg_stat_statements.track_planning = on")
        with pytest.raises(psycopg.errors.DivisionByZero):
            session.execute("SELECT 1 / (n - n) FROM generate_series(1, 1) AS n")
        found = session.execute("SELECT count(*) FROM pg_stat_statements WHERE calls = 0").fetchone()
    assert found is not None
    assert found[0] > 0
    assert isinstance(read((NAME,)).outcomes[NAME], PostgresqlStatements)


def test_where_it_is_in_a_schema_of_its_own_the_mend_says_so_and_helps(pair: Pair, read: Read) -> None:
    pair.primary.execute(("CREATE SCHEMA apart", "ALTER EXTENSION pg_stat_statements SET SCHEMA apart"))
    try:
        pair.primary.execute(("GRANT USAGE ON SCHEMA apart TO penhas_checks",))
        names = (NAME, "postgresql_statements_store")
        for name in names:
            assert "ALTER ROLE penhas_checks SET search_path TO public, and that schema" in read(names).error(name).mend
        pair.primary.execute(("ALTER ROLE penhas_checks SET search_path TO public, apart",))
        assert isinstance(read(names).outcomes[NAME], PostgresqlStatements)
    finally:
        pair.primary.execute(
            (
                "ALTER ROLE penhas_checks RESET search_path",
                "ALTER EXTENSION pg_stat_statements SET SCHEMA public",
                "DROP SCHEMA apart",
            )
        )


def test_when_statistics_began_is_the_same_in_every_time_zone(pair: Pair, read: Read) -> None:
    names = ("postgresql_counters", "postgresql_checkpoints", "postgresql_statements_store")

    def began() -> list[str]:
        resets = []
        for found in read(names).outcomes.values():
            assert isinstance(found, PostgresqlCounters | PostgresqlCheckpoints | PostgresqlStatementsStore), found
            resets.append(found.reset)
        return resets

    before = began()
    pair.primary.execute((f"ALTER ROLE {CHECKS} SET timezone = 'America/Sao_Paulo'",))
    try:
        assert began() == before
    finally:
        pair.primary.execute((f"ALTER ROLE {CHECKS} RESET timezone",))


def test_a_time_zone_of_who_runs_the_suite_is_no_setting_of_the_server(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settings() -> tuple[str, ...]:
        found = read(("postgresql_configuration",)).outcomes["postgresql_configuration"]
        assert isinstance(found, PostgresqlConfiguration), found
        return found.digests

    before = settings()
    monkeypatch.setenv("PGTZ", "America/Sao_Paulo")
    monkeypatch.setenv("PGDATESTYLE", "German")
    assert settings() == before
