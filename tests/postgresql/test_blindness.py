"""What each role answers to each statement, as a table: what it may not see is denied, and never OK."""

import pytest

from checks.engine.model import NotJudged, ProbeError, Reading
from checks.engine.probes.postgresql.table import LAG, STATEMENTS
from checks.engine.readings import READINGS
from lab.postgresql import CHECKS
from tests.postgresql.conftest import MONITOR, PLAIN, REPLICA, SUPERUSER, Pair, Read, word

_OURS = tuple(name for name in STATEMENTS if name.startswith("postgresql_") and name != LAG)
ALL = tuple(name for name in _OURS if READINGS[name].kinds == () or "primary" in READINGS[name].kinds)
OF_REPLICA = tuple(name for name in _OURS if READINGS[name].kinds == () or "replica" in READINGS[name].kinds)
THROUGH_VIEWS = {
    "postgresql_bloat",
    "postgresql_index_bloat",
    "postgresql_migrations",
    "postgresql_sequences",
    "postgresql_sequences_behind",
    "postgresql_sessions_table",
}
NEED_MONITOR = {
    "postgresql_archiver",
    "postgresql_autovacuum",
    "postgresql_blocked",
    "postgresql_configuration",
    "postgresql_connections",
    "postgresql_headroom",
    "postgresql_horizon",
    "postgresql_indexes",
    "postgresql_limits",
    "postgresql_sent",
    "postgresql_settings",
    "postgresql_standbys",
    "postgresql_statements",
    "postgresql_statements_loaded",
    "postgresql_statements_store",
    "postgresql_tls",
    "postgresql_transactions",
    "postgresql_wal_folder",
}
REPLICA_NEEDS_MONITOR = {name for name in NEED_MONITOR if name in OF_REPLICA} | {
    "postgresql_received",
    "postgresql_receiver",
}


@pytest.mark.parametrize(
    ("role", "denied"),
    [(PLAIN, NEED_MONITOR | THROUGH_VIEWS), (MONITOR, THROUGH_VIEWS), (CHECKS, set()), (SUPERUSER, set())],
)
def test_what_a_role_may_not_see_on_the_primary_is_denied(pair: Pair, read: Read, role: str, denied: set[str]) -> None:
    if role == PLAIN and pair.major in {15, 16}:
        denied = denied | {"postgresql_slots"}  # before 17 it is files that say how long nobody reads one
    kept = read(ALL, role)
    assert {name: word(outcome) for name, outcome in kept.outcomes.items()} == {
        name: "denied" if name in denied else "read" for name in ALL
    }
    for name in denied:
        assert "GRANT" in kept.error(name).mend or "grants/postgresql.sql" in kept.error(name).mend, name


@pytest.mark.parametrize(
    ("role", "denied"), [(PLAIN, REPLICA_NEEDS_MONITOR), (MONITOR, set()), (CHECKS, set()), (SUPERUSER, set())]
)
def test_what_a_role_may_not_see_on_the_replica_is_denied(read: Read, role: str, denied: set[str]) -> None:
    kept = read(OF_REPLICA, role, REPLICA)
    assert {name: word(outcome) for name, outcome in kept.outcomes.items()} == {
        name: "denied" if name in denied else "read" for name in OF_REPLICA
    }


def test_what_is_of_the_primary_says_on_a_standby_what_it_is_and_nothing_breaks(read: Read) -> None:
    names = tuple(name for name in ALL if name not in OF_REPLICA)
    outcomes = read(names, CHECKS, REPLICA).outcomes
    broken = {name: outcome.why for name, outcome in outcomes.items() if isinstance(outcome, ProbeError)}
    assert broken == {}
    assert {name for name, outcome in outcomes.items() if isinstance(outcome, NotJudged)} == {
        "postgresql_autovacuum",
        "postgresql_sent",
    }


def test_no_reading_holds_a_statement_text_or_a_row(read: Read) -> None:
    names = tuple(name for name in ALL if name.startswith("postgresql_statements"))
    for outcome in read(names).outcomes.values():
        assert isinstance(outcome, Reading)
        assert "SELECT" not in repr(outcome).upper()
