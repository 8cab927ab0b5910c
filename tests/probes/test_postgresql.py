"""The probe of PostgreSQL against a real primary and its real replica."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.model import Failure, Reading, Reason, Target
from checks.engine.probes import postgresql
from checks.engine.readings.minion import MinionBacklog, MinionQueue
from checks.engine.readings.postgresql import (
    PostgresqlConnection,
    PostgresqlConnections,
    PostgresqlPrivileges,
    PostgresqlReceiver,
    PostgresqlReplicationLag,
    PostgresqlServer,
    PostgresqlStandbys,
)
from lab.postgresql import GRANTS
from tests.probes.conftest import Pair
from tests.probes.context import Kept
from tests.probes.sockets import Relay, serving

PRIMARY, REPLICA = Target("postgresql", "primary", "primary"), Target("postgresql", "replica1", "replica")
EVERYWHERE = ("postgresql_connection", "postgresql_server", "postgresql_privileges", "postgresql_connections")
OF_PRIMARY = (*EVERYWHERE, "postgresql_standbys", "minion_queue")
OF_REPLICA = (*EVERYWHERE, "postgresql_receiver", "postgresql_replication_lag")

Admin = psycopg.Connection[tuple[object, ...]]
Read = Callable[..., Kept]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read names of one target over a DSN."""

    def run(
        dsn: str,
        names: tuple[str, ...] = OF_PRIMARY,
        target: Target = PRIMARY,
        *,
        seconds: float = 10.0,
        peers: dict[str, Reading | Failure] | None = None,
        **settings: Any,
    ) -> Kept:
        for variable in ("PENHAS_CHECKS_DSN", "PENHAS_CHECKS_REPLICA"):
            monkeypatch.setenv(variable, dsn)
        connections = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}}
        replicas = [{"name": "replica1", "env": "PENHAS_CHECKS_REPLICA"}]
        table = {"name": "test", "postgresql": {**connections, "replicas": replicas, **settings}}
        context = Kept(Environment.model_validate(table), target, names, seconds=seconds, peers=peers)
        postgresql.read(context)
        assert set(context.outcomes) == set(names)
        return context

    return run


def of(kept: Kept, name: str, kind: type[Any]) -> Any:
    """Return a reading of the expected type."""
    outcome = kept.outcomes[name]
    assert isinstance(outcome, kind), getattr(outcome, "why", outcome)
    return outcome


def enqueue(admin: Admin, count: int, **columns: str) -> None:
    """Insert jobs; `columns` are SQL expressions."""
    given = {"args": "'[]'", "delayed": "now()", "priority": "0", "task": "'send_sms'", **columns}
    values = ", ".join(given.values())
    admin.execute(
        f"INSERT INTO minion_jobs ({', '.join(given)}) SELECT {values} FROM generate_series(1, {count})".encode()
    )


@pytest.fixture
def no_jobs(admin: Admin) -> Admin:
    admin.execute("TRUNCATE minion_jobs, minion_workers")
    return admin


def test_the_primary_gives_every_reading(pair: Pair, read: Read) -> None:
    kept = read(pair.dsn(pair.primary.port))
    connection = of(kept, "postgresql_connection", PostgresqlConnection)
    assert connection.reachable
    assert 0 < connection.seconds < 2
    server = of(kept, "postgresql_server", PostgresqlServer)
    assert not server.in_recovery
    assert server.version >= 140000
    assert server.max_connections == 20
    assert server.timeline == 1
    assert abs(server.clock_offset) < 0.5
    privileges = of(kept, "postgresql_privileges", PostgresqlPrivileges)
    assert (privileges.role, privileges.superuser, privileges.pg_monitor) == ("penhas_checks", False, True)
    assert (privileges.hidden_sessions, privileges.writable_tables) == (0, 0)
    connections = of(kept, "postgresql_connections", PostgresqlConnections)
    assert 1 <= connections.used <= connections.usable < 20
    assert connections.used_ratio == connections.used / connections.usable
    standbys = of(kept, "postgresql_standbys", PostgresqlStandbys)
    assert [(s.name, s.state) for s in standbys.standbys] == [("replica1", "streaming")]
    assert standbys.current_lsn > 0


def test_the_replica_gives_every_reading_and_is_no_lag_behind(pair: Pair, read: Read, admin: Admin) -> None:
    admin.execute("CREATE TABLE IF NOT EXISTS moved (n int)")
    admin.execute("INSERT INTO moved VALUES (1)")
    primary = of(read(pair.dsn(pair.primary.port)), "postgresql_standbys", PostgresqlStandbys)
    time.sleep(0.3)
    kept = read(pair.dsn(pair.replica.port), OF_REPLICA, REPLICA, peers={"postgresql_standbys": primary})
    assert of(kept, "postgresql_server", PostgresqlServer).in_recovery
    receiver = of(kept, "postgresql_receiver", PostgresqlReceiver)
    assert (receiver.status, receiver.replay_paused) == ("streaming", False)
    assert receiver.message_age is not None
    lag = of(kept, "postgresql_replication_lag", PostgresqlReplicationLag)
    assert (lag.bytes, lag.seconds) == (0, 0.0)


def test_paused_replay_is_lag_in_bytes_and_seconds(pair: Pair, read: Read, admin: Admin) -> None:
    admin.execute("CREATE TABLE IF NOT EXISTS moved (n int)")
    time.sleep(0.2)
    with pair.replica.connect() as replica:
        replica.execute("SELECT pg_wal_replay_pause()")
        try:
            admin.execute("INSERT INTO moved SELECT generate_series(1, 10000)")
            time.sleep(0.3)
            primary = of(read(pair.dsn(pair.primary.port)), "postgresql_standbys", PostgresqlStandbys)
            kept = read(pair.dsn(pair.replica.port), OF_REPLICA, REPLICA, peers={"postgresql_standbys": primary})
        finally:
            replica.execute("SELECT pg_wal_replay_resume()")
    lag = of(kept, "postgresql_replication_lag", PostgresqlReplicationLag)
    assert lag.bytes > 100_000
    assert lag.seconds > 0.2
    receiver = of(kept, "postgresql_receiver", PostgresqlReceiver)
    assert receiver.replay_paused
    assert receiver.apply_backlog > 100_000


def test_lag_without_the_primary_says_why(pair: Pair, read: Read) -> None:
    kept = read(pair.dsn(pair.replica.port), OF_REPLICA, REPLICA)
    error = kept.error("postgresql_replication_lag")
    assert (error.reason, error.blame) == (Reason.CONNECTION, PRIMARY)
    assert "connection refused" in error.why
    assert of(kept, "postgresql_receiver", PostgresqlReceiver).status == "streaming"


def test_lag_of_a_server_that_follows_nobody_is_not_zero(pair: Pair, read: Read) -> None:
    primary = of(read(pair.dsn(pair.primary.port)), "postgresql_standbys", PostgresqlStandbys)
    kept = read(pair.dsn(pair.primary.port), OF_REPLICA, REPLICA, peers={"postgresql_standbys": primary})
    assert "not in recovery" in kept.error("postgresql_replication_lag").why
    assert of(kept, "postgresql_receiver", PostgresqlReceiver).status is None


def test_ready_jobs_are_those_that_a_worker_would_take(pair: Pair, read: Read, no_jobs: Admin) -> None:
    enqueue(no_jobs, 3, created="now() - interval '90 s'", delayed="now() - interval '90 s'")
    enqueue(no_jobs, 4, delayed="now() + interval '1 h'")
    enqueue(no_jobs, 5, expires="now() - interval '1 s'")
    enqueue(no_jobs, 1, state="'failed'", id="900001")
    enqueue(no_jobs, 2, parents="'{900001}'")
    enqueue(no_jobs, 1, parents="'{900001}'", lax="true")
    enqueue(no_jobs, 1, state="'active'", id="900002")
    enqueue(no_jobs, 2, parents="'{900002}'")
    enqueue(no_jobs, 2, state="'finished'")
    no_jobs.execute("INSERT INTO minion_workers (host, pid) VALUES ('h', 1)")
    no_jobs.execute("INSERT INTO minion_workers (host, pid, notified) VALUES ('h', 2, now() - interval '1 h')")
    queue = of(read(pair.dsn(pair.primary.port)), "minion_queue", MinionQueue)
    assert (queue.ready, queue.delayed, queue.active, queue.failed) == (4, 4, 1, 1)
    assert queue.inactive == 3 + 4 + 2 + 1 + 2
    assert 85 < queue.oldest_ready < 120
    assert queue.workers == 1


@pytest.mark.parametrize(
    ("worker", "hands"),
    [
        ("'{}', now()", (0, 0)),
        ("""'{"jobs": 0}', now()""", (40, 0)),
        ("""'{"jobs": 1}', now()""", (0, 1)),
        ("""'{"jobs": 0}', now() - interval '1 h'""", (0, 0)),
    ],
    ids=["untold", "takes-none", "takes-one", "went-away"],
)
def test_a_worker_that_takes_no_job_has_no_hand_free(
    pair: Pair, read: Read, no_jobs: Admin, worker: str, hands: tuple[int, int]
) -> None:
    enqueue(no_jobs, 40)
    no_jobs.execute(f"INSERT INTO minion_workers (host, pid, status, notified) VALUES ('h', 1, {worker})".encode())
    backlog = of(read(pair.dsn(pair.primary.port), ("minion_backlog",)), "minion_backlog", MinionBacklog)
    assert (backlog.unserved, backlog.free) == hands


def test_an_empty_queue_is_zero_and_not_unknown(pair: Pair, read: Read, no_jobs: Admin) -> None:  # noqa: ARG001 (empties)
    queue = of(read(pair.dsn(pair.primary.port)), "minion_queue", MinionQueue)
    assert (queue.ready, queue.oldest_ready, queue.workers) == (0, 0.0, 0)


def test_a_missing_view_costs_its_own_reading_and_names_the_mend(pair: Pair, read: Read, admin: Admin) -> None:
    admin.execute("ALTER VIEW penhas_checks.minion_workers RENAME TO hidden_workers")
    try:
        kept = read(pair.dsn(pair.primary.port))
    finally:
        admin.execute("ALTER VIEW penhas_checks.hidden_workers RENAME TO minion_workers")
    error = kept.error("minion_queue")
    assert error.reason is Reason.UNSUPPORTED
    assert "penhas_checks.minion_workers" in error.why
    assert "grants/postgresql.sql" in error.mend
    assert all(isinstance(kept.outcomes[name], Reading) for name in OF_PRIMARY if name != "minion_queue")


def test_a_view_that_may_not_be_read_is_denied(pair: Pair, read: Read, admin: Admin) -> None:
    admin.execute("REVOKE SELECT ON penhas_checks.minion_jobs FROM penhas_checks")
    try:
        error = read(pair.dsn(pair.primary.port)).error("minion_queue")
    finally:
        admin.execute("GRANT SELECT ON penhas_checks.minion_jobs TO penhas_checks")
    assert error.reason is Reason.DENIED
    assert "grants/postgresql.sql" in error.mend


def test_without_pg_monitor_what_needs_all_sessions_is_denied_and_never_zero(
    pair: Pair, read: Read, admin: Admin
) -> None:
    admin.execute("REVOKE pg_monitor FROM penhas_checks")
    try:
        kept = read(pair.dsn(pair.primary.port))
        on_replica = read(pair.dsn(pair.replica.port), OF_REPLICA, REPLICA)
    finally:
        admin.execute("GRANT pg_monitor TO penhas_checks")
    for error in (
        kept.error("postgresql_connections"),
        kept.error("postgresql_standbys"),
        on_replica.error("postgresql_receiver"),
    ):
        assert error.reason is Reason.DENIED
        assert error.mend == "GRANT pg_monitor TO penhas_checks; ALTER ROLE penhas_checks INHERIT;"
    privileges = of(kept, "postgresql_privileges", PostgresqlPrivileges)
    assert not privileges.pg_monitor
    assert privileges.hidden_sessions > 0
    assert of(kept, "postgresql_connection", PostgresqlConnection).reachable


def test_a_role_that_may_write_is_counted(pair: Pair, read: Read, admin: Admin) -> None:
    admin.execute("GRANT DELETE ON minion_jobs TO penhas_checks")
    try:
        kept = read(pair.dsn(pair.primary.port))
    finally:
        admin.execute("REVOKE DELETE ON minion_jobs FROM penhas_checks")
    assert of(kept, "postgresql_privileges", PostgresqlPrivileges).writable_tables == 1


@pytest.mark.parametrize("pooler", [False, True])
def test_a_locked_table_costs_its_own_reading_the_lock_timeout(pair: Pair, read: Read, *, pooler: bool) -> None:
    with pair.primary.connect() as holder, holder.transaction():
        holder.execute("LOCK TABLE minion_jobs IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        kept = read(pair.dsn(pair.primary.port), pooler=pooler)
        took = time.monotonic() - started
    assert took < 0.9
    error = kept.error("minion_queue")
    assert error.reason is Reason.TIMEOUT
    assert "lock" in error.why
    assert all(isinstance(kept.outcomes[name], Reading) for name in OF_PRIMARY if name != "minion_queue")


def test_a_run_is_one_connection_and_one_turn_after_login(pair: Pair, read: Read) -> None:
    relay = Relay(pair.primary.port)
    with serving(relay) as port:
        read(pair.dsn(port, more="?sslmode=disable"), ("postgresql_connection",))
        login = relay.turns - 1
    relay = Relay(pair.primary.port)
    with serving(relay) as port:
        read(pair.dsn(port, more="?sslmode=disable"))
    assert relay.connections == 1
    assert relay.turns - login <= 2


def test_the_session_is_read_only_with_timeouts_and_a_name(pair: Pair, read: Read, admin: Admin) -> None:
    admin.execute("DROP VIEW penhas_checks.minion_workers")
    try:
        admin.execute(
            "CREATE FUNCTION penhas_checks.says() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
            "USING ERRCODE = CASE WHEN current_setting('application_name') = 'penhas-checks' AND"
            " current_setting('statement_timeout') = '3s' AND current_setting('lock_timeout') = '200ms' AND"
            " current_setting('transaction_read_only') = 'on' THEN 'ZZ001' ELSE 'ZZ002' END; END $$"
        )
        admin.execute("CREATE VIEW penhas_checks.minion_workers AS SELECT penhas_checks.says() AS notified")
        admin.execute("GRANT SELECT ON penhas_checks.minion_workers TO penhas_checks")
        for pooler in (False, True):
            error = read(pair.dsn(pair.primary.port), pooler=pooler, statement_timeout=3).error("minion_queue")
            assert "ZZ001" in error.why
    finally:
        admin.execute("DROP VIEW penhas_checks.minion_workers")
        admin.execute("DROP FUNCTION penhas_checks.says()")
        pair.primary.execute((GRANTS.read_text(encoding="utf-8"),))
