"""Who is named and counted among sessions: work in progress is not alarmed; whose connections used them up."""

import time

import pytest

from checks.engine.model import State
from checks.engine.readings.postgresql import PostgresqlConnection, PostgresqlConnections
from checks.engine.readings.postgresql_activity import PostgresqlBlocked, PostgresqlTransactions
from checks.health import test_postgresql as health
from lab.postgresql import DATABASE
from tests.postgresql.conftest import PLAIN, Pair, Read
from tests.services.saying import Said, Saying


@pytest.mark.parametrize(
    ("application", "at_work"), [("pg_dump", True), ("penhas-checks take_backup", True), ("api", False)]
)
def test_a_dump_is_at_work_and_another_session_is_not(
    pair: Pair, read: Read, application: str, *, at_work: bool
) -> None:
    with pair.primary.connect() as session:
        pid = session.info.backend_pid
        session.execute("SELECT set_config('application_name', %s, false)", (application,))
        session.execute("BEGIN")
        session.execute("SELECT 1")
        time.sleep(1.1)
        found = read(("postgresql_transactions",)).outcomes["postgresql_transactions"]
    assert isinstance(found, PostgresqlTransactions)
    assert (found.idle_in_transaction > 1) is (not at_work)
    assert (found.oldest > 1) is (not at_work)
    suffix = ", at work" if at_work else ""
    assert any(
        text.startswith(f"pid {pid} (postgres, {application}, idle in transaction{suffix}): transaction 1 s")
        for text in found.culprits
    )


@pytest.mark.parametrize(
    ("work", "waits", "blocks"),
    [
        ("CREATE INDEX CONCURRENTLY tags_waiting ON tags (title)", 0, False),
        ("REINDEX INDEX CONCURRENTLY tags_pkey", 0, False),
        ("VACUUM tags", 0, False),  # a page that somebody uses it passes over
        ("CREATE INDEX tags_waiting ON tags (title)", 1, True),  # the table is locked: that is no work
    ],
)
def test_work_that_waits_for_a_dump_is_named_and_no_blocked_session(
    pair: Pair, read: Read, work: str, waits: int, *, blocks: bool
) -> None:
    with pair.primary.connect() as dump, pair.primary.connect() as worker:
        worker.execute("SET statement_timeout = '5s'")
        dump.execute("SET application_name = 'pg_dump'")
        dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        dump.execute("INSERT INTO tags (title) VALUES ('unseen')" if blocks else "SELECT count(*) FROM tags")
        worker.pgconn.send_query(work.encode())
        time.sleep(0.6)
        blocked = read(("postgresql_blocked", "postgresql_transactions")).outcomes["postgresql_blocked"]
        dump.execute("ROLLBACK")
        while worker.pgconn.get_result() is not None:
            pass
    pair.primary.execute(("DROP INDEX IF EXISTS tags_waiting",))
    assert isinstance(blocked, PostgresqlBlocked)
    assert (blocked.sessions, blocked.longest > 0) == (waits, waits > 0)
    if "CONCURRENTLY" in work:
        (text,) = blocked.culprits
        assert ", at work) waits" in text
        assert "blocked by pid" in text


CONNECTION, CONNECTIONS = "postgresql_connection", "postgresql_connections"


def test_who_holds_the_connections_is_named(pair: Pair, read: Read) -> None:
    with pair.primary.connect(PLAIN), pair.primary.connect(PLAIN):
        found = read((CONNECTIONS,)).outcomes[CONNECTIONS]
    assert isinstance(found, PostgresqlConnections)
    assert f"2 of {PLAIN} (lab, idle)" in found.culprits


def test_the_limit_of_our_own_database_is_told_from_that_of_the_server(pair: Pair, read: Read) -> None:
    pair.primary.execute((f"ALTER DATABASE {DATABASE} CONNECTION LIMIT 0",))
    try:
        found = read((CONNECTION,)).outcomes[CONNECTION]
    finally:
        pair.primary.execute((f"ALTER DATABASE {DATABASE} CONNECTION LIMIT -1",))
    assert isinstance(found, PostgresqlConnection)
    assert not found.reachable
    assert found.problem == "connections exhausted: the limit of this database is reached (53300)"


class Remembering(Saying):
    """A judge with an earlier run."""

    def last(self, name: str) -> PostgresqlConnections:  # type: ignore[override]
        """Return what was read an hour ago."""
        assert name == CONNECTIONS
        return PostgresqlConnections(
            used=91, usable=97, used_ratio=0.94, active=1, idle=90, idle_in_transaction=0, source="s", sampled_at=0.0
        )


def test_of_a_server_without_connections_the_last_run_tells() -> None:
    found = PostgresqlConnection(
        reachable=False, problem="connections exhausted (53300)", sqlstate="53300", source="login", sampled_at=3600.0
    )
    with pytest.raises(Said) as said:
        health.test_postgresql_connection(found, Remembering())  # type: ignore[arg-type]
    assert said.value.state is State.CRITICAL
    assert said.value.text == "connections exhausted (53300); 60 min ago 91 of 97 were used"
