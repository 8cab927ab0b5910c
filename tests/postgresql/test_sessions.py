"""Who is named and counted among sessions: work in progress is named, and not alarmed."""

import time

import pytest

from checks.engine.readings.postgresql_activity import PostgresqlTransactions
from tests.postgresql.conftest import Pair, Read


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
