"""What is wrong and was green: settings of roles and databases, triggers of constraints, sessions that tell nothing."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from checks.engine.model import Reading
from checks.engine.probes.postgresql import table
from checks.engine.probes.statements import Row, Stamp
from checks.engine.readings.postgresql import PostgresqlConnection
from lab.postgresql import APPLICATION, DATABASE, OWNER
from tests.postgresql.conftest import REPLICA, Pair, Read

SETTINGS, SERVER, STANDBYS = "postgresql_settings", "postgresql_server", "postgresql_standbys"


def one(read: Read, name: str) -> Any:
    """Return one reading of the primary."""
    found = read((name,)).outcomes[name]
    assert isinstance(found, Reading), found
    return found


@contextlib.contextmanager
def altered(pair: Pair, *statements: str, undo: tuple[str, ...]) -> Iterator[None]:
    """Change the primary for the time of a block."""
    try:
        pair.primary.execute(statements, database="postgres")
        yield
    finally:
        pair.primary.execute(undo, database="postgres")


def system(pair: Pair, **values: str | None) -> None:
    """Set settings of the server, or reset those that are None, and return when new sessions have them."""
    for name, value in values.items():
        pair.primary.execute((f"ALTER SYSTEM SET {name} = {value}" if value else f"ALTER SYSTEM RESET {name}",))
    before = str(pair.primary.value("SELECT pg_conf_load_time()::text"))
    pair.primary.execute(("SELECT pg_reload_conf()",))
    until = time.monotonic() + 5
    while pair.primary.value("SELECT pg_conf_load_time()::text") == before:
        assert time.monotonic() < until
        time.sleep(0.01)


def _reset(*whose: str) -> tuple[str, ...]:
    return tuple(f"ALTER {one} RESET ALL" for one in whose)


def test_a_database_that_is_read_only_by_default_refuses_writes_unless_its_writers_say_otherwise(
    pair: Pair, read: Read
) -> None:
    on, off = (f"SET default_transaction_read_only = {word}" for word in ("yes", "off"))
    everybody = _reset(f"DATABASE {DATABASE}", f"ROLE {APPLICATION}", f"ROLE {OWNER}")
    assert not one(read, SERVER).refuses_writes
    with altered(pair, f"ALTER ROLE {APPLICATION} {on}", undo=everybody):
        assert one(read, SERVER).refuses_writes  # of the lab's roles it alone may insert, superusers apart
        pair.primary.execute((f"GRANT INSERT ON tags TO {OWNER}",))
        assert not one(read, SERVER).refuses_writes
        pair.primary.execute((f"REVOKE INSERT ON tags FROM {OWNER}",))
    with altered(pair, f"ALTER DATABASE {DATABASE} {on}", undo=everybody):
        assert one(read, SERVER).refuses_writes
        pair.primary.execute((f"ALTER ROLE {APPLICATION} {off}",), database="postgres")
        assert not one(read, SERVER).refuses_writes


@pytest.mark.parametrize("pooler", [False, True])
def test_a_database_of_serializable_transactions_is_read_on_its_standby_too(
    pair: Pair, read: Read, pooler: bool
) -> None:
    change = f"ALTER DATABASE {DATABASE} SET default_transaction_isolation = 'serializable'"
    with altered(pair, change, undo=_reset(f"DATABASE {DATABASE}")):
        until = time.monotonic() + 10
        query = "SELECT setconfig::text LIKE '%serializable%' FROM pg_db_role_setting WHERE setrole = 0"
        with pair.replica.connect(database="postgres") as standing_by:
            while standing_by.execute(query).fetchall() != [(True,)]:
                assert time.monotonic() < until
        standby = read(("postgresql_connection", SERVER), target=REPLICA, pooler=pooler).outcomes
    connection = standby["postgresql_connection"]
    assert isinstance(connection, PostgresqlConnection)
    assert connection.reachable
    assert isinstance(standby[SERVER], Reading), standby


def test_the_timeout_of_the_server_is_seen_beside_our_own(pair: Pair, read: Read) -> None:
    def digests() -> set[str]:
        return set(one(read, "postgresql_configuration").digests)

    before = digests()
    system(pair, statement_timeout="'1min'")
    try:
        after = digests()
        pooled = read(("postgresql_configuration",), pooler=True).outcomes["postgresql_configuration"]
    finally:
        system(pair, statement_timeout=None)
    assert {text.split(" ")[0] for text in after - before} == {"statement_timeout"}
    assert after - before <= set(pooled.digests)  # type: ignore[union-attr]
    assert digests() == before


def test_settings_of_roles_that_lose_data_are_dangerous(pair: Pair, read: Read) -> None:
    changes = (
        f"ALTER ROLE {APPLICATION} SET session_replication_role = replica",
        f"ALTER ROLE {OWNER} IN DATABASE {DATABASE} SET zero_damaged_pages = yes",
        f"ALTER DATABASE {DATABASE} SET work_mem = '8MB'",
    )
    in_database = f"ROLE {OWNER} IN DATABASE {DATABASE}"
    with altered(pair, *changes, undo=_reset(f"ROLE {APPLICATION}", in_database, f"DATABASE {DATABASE}")):
        found = one(read, SETTINGS)
    assert found.dangerous == 2
    assert found.culprits == (
        f"session_replication_role = replica of role {APPLICATION}",
        f"zero_damaged_pages = yes of role {OWNER} in database {DATABASE}",
    )
    assert one(read, SETTINGS).dangerous == 0


def test_triggers_of_foreign_keys_that_are_off_are_told_by_their_constraint(pair: Pair, read: Read) -> None:
    made = (
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE child (id int CONSTRAINT held REFERENCES parent)",
        "ALTER TABLE child DISABLE TRIGGER ALL",
    )
    try:
        pair.primary.execute(made)
        found = one(read, "postgresql_constraints")
        enabled = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'child'::regclass AND tgtype & 4 = 4"
        name = pair.primary.value(enabled)
        pair.primary.execute((f'ALTER TABLE child ENABLE REPLICA TRIGGER "{name}"',))
        assert one(read, "postgresql_constraints").culprits == found.culprits
        pair.primary.execute(("ALTER TABLE child ENABLE TRIGGER ALL",))
        assert one(read, "postgresql_constraints").findings == 0
    finally:
        pair.primary.execute(("DROP TABLE child, parent",))
    assert found.culprits == ("constraint held on child is not enforced, its triggers are off",)


@pytest.mark.parametrize(
    ("names", "number"),
    [("", 0), ("a, b", 1), ("*", 1), ("FIRST 2 (a, b)", 2), ("any 3 (*)", 3), ("2 (a)", 2), ('"any 3 (x)"', 1)],
)
def test_for_how_many_standbys_commits_wait(pair: Pair, read: Read, names: str, number: int) -> None:
    # Nobody commits anything meanwhile, or it would wait.
    system(pair, synchronous_standby_names=f"'{names}'")
    try:
        found = one(read, STANDBYS)
    finally:
        system(pair, synchronous_standby_names=None)
    assert (found.synchronous, found.waited_for) == (number, True)


def test_commits_that_no_role_waits_with(pair: Pair, read: Read) -> None:
    undo = (*_reset(f"DATABASE {DATABASE}", f"ROLE {APPLICATION}"),)
    with altered(pair, f"ALTER DATABASE {DATABASE} SET synchronous_commit = off", undo=undo):
        assert not one(read, STANDBYS).waited_for
        pair.primary.execute((f"ALTER ROLE {APPLICATION} SET synchronous_commit = remote_write",))
        assert one(read, STANDBYS).waited_for


def test_who_wrote_and_did_not_commit_holds_the_horizon(pair: Pair, read: Read) -> None:
    with pair.primary.connect() as session, pair.primary.connect() as other:
        session.execute("BEGIN")
        session.execute("INSERT INTO tags (title) VALUES ('unseen')")
        for _ in range(3):
            other.execute("SELECT pg_current_xact_id()")
        found = one(read, "postgresql_horizon")
        session.execute("ROLLBACK")
        pid = session.info.backend_pid
    assert found.transactions >= 3
    assert any(text.startswith(f"pid {pid} (postgres, lab, idle in transaction)") for text in found.culprits)


def test_sessions_that_tell_nothing_make_transactions_not_known(pair: Pair, read: Read) -> None:
    with pair.primary.connect() as session:
        session.execute("SET track_activities = off")
        session.execute("BEGIN")
        session.execute("SELECT 1")
        error = read(("postgresql_transactions",)).error("postgresql_transactions")
    assert error.why == "track_activities is off for sessions of postgres, which tell nothing"
    assert "track_activities = on" in error.mend


def test_statistics_that_are_turned_off_are_told(pair: Pair, read: Read) -> None:
    changes = (
        f"ALTER DATABASE {DATABASE} SET {it}" for it in ("compute_query_id = off", "pg_stat_statements.track = none")
    )
    loaded = "postgresql_statements_loaded"
    assert one(read, loaded).turned_off == ""
    with altered(pair, *changes, undo=_reset(f"DATABASE {DATABASE}")):
        assert one(read, loaded).turned_off == "pg_stat_statements.track = none and compute_query_id = off"


def test_a_limit_of_no_connection_is_full(pair: Pair, read: Read) -> None:
    def limit(role: str, number: int) -> str:
        return f"ALTER ROLE {role} CONNECTION LIMIT {number}"

    assert one(read, "postgresql_limits").used_ratio == 0
    with altered(pair, limit(APPLICATION, 0), undo=(limit(APPLICATION, -1),)):
        found = one(read, "postgresql_limits")
    assert found.used_ratio == 1
    assert found.culprits == (f"role {APPLICATION}: 0 of 0",)


def test_a_crash_of_one_session_is_a_start(pair: Pair, read: Read) -> None:
    before = one(read, SERVER)
    with pair.primary.connect() as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        time.sleep(0.2)
    until = time.monotonic() + 10
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            if pair.primary.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1:
                break
        assert time.monotonic() < until
        time.sleep(0.05)
    assert before.started + 0.2 < one(read, SERVER).started


def _row(**values: Any) -> tuple[Row, ...]:
    return (Row({name: i for i, name in enumerate(values)}, tuple(str(v).encode() for v in values.values())),)


@pytest.mark.parametrize(
    ("received", "replayed", "seconds"),
    [
        (10**6, 10**6 - 344, 0.0),  # a record of which a part is there
        (10**6, 10**6 - 16384, 46.0),
        (10**6 - 1, 10**6 - 344, 46.0),
        (10**6 + 20000, 10**6 - 1, 46.0),
        (10**6, 10**6, 0.0),
    ],
)
def test_a_part_of_a_record_is_no_lag_of_seconds(received: int, replayed: int, seconds: float) -> None:
    row = _row(in_recovery="t", received_lsn=received, replayed_lsn=replayed, replay_age=46.0)
    assert table.replication_lag(10**6, row, Stamp("s", 0.0)).seconds == seconds


@pytest.mark.parametrize(
    ("theirs", "within", "offset"), [(102.4, 2.45, 0.0), (97.6, 2.45, 0.0), (110.0, 2.5, 7.5), (90.0, 2.5, -7.5)]
)
def test_what_the_wait_for_an_answer_explains_is_no_wrong_clock(theirs: float, within: float, offset: float) -> None:
    row = _row(
        version=150000, in_recovery="f", system_identifier=1, timeline=1, uptime=1, started=1, server_time=theirs,
        max_connections=9, refuses_writes="f",
    )  # fmt: skip
    found: Any = table.STATEMENTS[SERVER].build(row, Stamp("s", 100.0, within))  # type: ignore[misc]
    assert found.clock_offset == pytest.approx(offset)
