"""What checks of PostgreSQL say at, before and past their limits, and of what the lab's servers never are."""

from typing import Any

import pytest
from pydantic import ValidationError

from checks.engine.environment import models
from checks.engine.model import State
from checks.engine.probes.postgresql.settings import completed
from checks.engine.readings.postgresql import PostgresqlReceiver, PostgresqlServer, PostgresqlStandbys, Standby
from checks.engine.readings.postgresql_replication import PostgresqlStandbySettings
from checks.engine.readings.postgresql_schema import PostgresqlMigrations
from checks.engine.readings.postgresql_security import PostgresqlRoles, PostgresqlTls
from checks.engine.readings.postgresql_wal import PostgresqlArchiver, PostgresqlChecksums, PostgresqlSlots
from checks.health import test_postgresql as health
from checks.monitoring import test_postgresql_exposure as exposure
from checks.monitoring import test_replication as replication
from tests.services.saying import says

STAMP: dict[str, Any] = {"source": "t", "sampled_at": 0.0}
DAY = 86400.0


def standbys(*found: Standby, expected: int = 1, synchronous: int = 0, waited: bool = True) -> PostgresqlStandbys:
    return PostgresqlStandbys(
        standbys=found, current_lsn=9, synchronous=synchronous, waited_for=waited, expected=expected, **STAMP
    )


def standby(name: str, state: str = "streaming", attached: float = 1000.0, sync: str = "async") -> Standby:
    return Standby(name, state, 0, 0.0, 0.0, attached, sync)


RECEIVEWAL = Standby("pg_receivewal", "streaming", None, None, 0.0, 1000.0)


@pytest.mark.parametrize(
    ("reading", "state", "said"),
    [
        (standbys(standby("a")), State.OK, "1 standby connected"),
        (standbys(), State.CRITICAL, "no standby is connected"),
        (standbys(expected=0), State.CRITICAL, "no standby is connected"),
        (standbys(standby("a"), standby("b"), expected=2), State.OK, "2 standby"),
        (standbys(standby("a"), expected=2), State.CRITICAL, "1 of 2 standbys stream"),
        (standbys(standby("a"), standby("b", "startup"), expected=2), State.CRITICAL, "1 of 2 standbys stream"),
        (standbys(standby("a", "startup")), State.CRITICAL, "no standby is streaming"),
        (standbys(RECEIVEWAL), State.CRITICAL, "no standby is connected"),
        (standbys(standby("a"), RECEIVEWAL, expected=2), State.CRITICAL, "1 of 2 standbys stream"),
        (standbys(standby("a"), standby("b", "catchup", 300.0)), State.OK, "2 standby"),
        (standbys(standby("a"), standby("b", "catchup", 301.0)), State.WARNING, "b has been catching up for 5 min"),
    ],
)
def test_standbys(reading: PostgresqlStandbys, state: State, said: str) -> None:
    found, text = says(replication.test_replication_standby_streaming, reading)

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        (standbys(standby("a")), State.OK),
        (standbys(), State.OK),
        (standbys(standby("a", sync="sync"), synchronous=1), State.OK),
        (standbys(standby("a", sync="quorum"), synchronous=1), State.OK),
        (standbys(standby("a", sync="potential"), synchronous=1), State.CRITICAL),
        (standbys(synchronous=1), State.CRITICAL),
        (standbys(standby("a", sync="quorum"), synchronous=2), State.CRITICAL),
        (standbys(standby("a", sync="quorum"), standby("b", sync="quorum"), synchronous=2), State.OK),
        (standbys(synchronous=1, waited=False), State.OK),
    ],
)
def test_commits_that_wait_for_a_standby(reading: PostgresqlStandbys, state: State) -> None:
    assert says(replication.test_replication_synchronous, reading)[0] is state


def receiver(**changes: Any) -> PostgresqlReceiver:
    values = {"status": "streaming", "message_age": 0.0, "apply_backlog": 0, "replay_paused": False}
    return PostgresqlReceiver(**{**values, "received_lsn": 9, "replayed_lsn": 9, "timeline": 1, **changes}, **STAMP)


def server(**changes: Any) -> PostgresqlServer:
    values = {"version": 180000, "in_recovery": False, "system_identifier": 7, "timeline": 1, "uptime": DAY}
    return PostgresqlServer(**{**values, "clock_offset": 0.0, "max_connections": 100, **changes}, **STAMP)


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, State.OK, "receives and replays"),
        ({"status": None}, State.CRITICAL, "no WAL receiver runs"),
        ({"status": "waiting"}, State.CRITICAL, "does not stream"),
        ({"replay_paused": True}, State.CRITICAL, "pg_wal_replay_resume()"),
    ],
)
def test_the_receiver(changes: dict[str, Any], state: State, said: str) -> None:
    found, text = says(replication.test_replication_receiver_streaming, receiver(**changes))

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("received", "written", "state"),
    [(1, 1, State.OK), (1, 2, State.CRITICAL), (2, 1, State.CRITICAL), (None, 1, State.NOT_JUDGED)],
)
def test_the_timeline(received: int | None, written: int, state: State) -> None:
    found, _ = says(replication.test_replication_timeline, receiver(timeline=received), server(timeline=written))

    assert found is state


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, State.OK, "accepts writes"),
        ({"in_recovery": True}, State.CRITICAL, "in recovery"),
        ({"refuses_writes": True}, State.CRITICAL, "RESET it"),
    ],
)
def test_a_primary_that_refuses_every_write(changes: dict[str, Any], state: State, said: str) -> None:
    found, text = says(health.test_postgresql_accepts_writes, server(**changes))

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, State.OK, "follows the primary's cluster"),
        ({"system_identifier": 8}, State.CRITICAL, "a replica of another cluster"),
        ({"in_recovery": False}, State.CRITICAL, "two servers now accept writes"),
    ],
)
def test_a_replica_follows_its_own_primary(changes: dict[str, Any], state: State, said: str) -> None:
    replica = server(**{"in_recovery": True, **changes})

    found, text = says(health.test_postgresql_replica_follows, replica, server())

    assert found is state
    assert said in text


LIMITS = {
    "max_connections": 100,
    "max_worker_processes": 8,
    "max_wal_senders": 10,
    "max_prepared_transactions": 0,
    "max_locks_per_transaction": 64,
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(("by", "state"), [(-1, State.CRITICAL), (0, State.OK), (1, State.OK)])
def test_a_limit_of_the_replica_below_the_primarys(name: str, by: int, state: State) -> None:
    primary: dict[str, Any] = {limit: value + 1 for limit, value in LIMITS.items()}
    replica: dict[str, Any] = {**primary, name: primary[name] + by}

    found, text = says(
        replication.test_replication_settings,
        PostgresqlStandbySettings(**replica, **STAMP),
        PostgresqlStandbySettings(**primary, **STAMP),
    )

    assert found is state
    assert state is State.OK or f"{name} {replica[name]}, the primary has {primary[name]}" in text


def slots(**changes: Any) -> PostgresqlSlots:
    values = {"slots": 1, "lost": (), "unreserved": (), "inactive": (), "inactive_age": None, "retained": 0}
    return PostgresqlSlots(**{**values, "limited": True, "culprits": (), **changes}, **STAMP)


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, State.OK, "1 slots, all of them read"),
        ({"slots": 0}, State.OK, "0 slots"),
        ({"lost": ("a",)}, State.CRITICAL, "a: the WAL it needs is gone"),
        ({"unreserved": ("a", "b")}, State.WARNING, "a, b: the next checkpoint may remove WAL that it needs"),
        ({"lost": ("a",), "unreserved": ("b",)}, State.CRITICAL, "a: the WAL"),
        ({"inactive": ("a",), "inactive_age": 1.0}, State.WARNING, "a: nobody reads it"),
        ({"inactive": ("a",), "inactive_age": 86400.0}, State.CRITICAL, "(for 1440 min)"),
    ],
)
def test_slots(changes: dict[str, Any], state: State, said: str) -> None:
    found, text = says(replication.test_replication_slots, slots(**changes))

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("changes", "state"),
    [({}, State.OK), ({"limited": False}, State.WARNING), ({"limited": False, "slots": 0}, State.OK)],
)
def test_slots_without_a_limit(changes: dict[str, Any], state: State) -> None:
    assert says(replication.test_replication_slot_limit, slots(**changes))[0] is state


@pytest.mark.parametrize(
    ("enabled", "failing", "waiting", "state", "said"),
    [
        (False, False, 0.0, State.NOT_JUDGED, "archive_mode is off"),
        (True, False, 0.0, State.OK, "archives what is written"),
        (True, False, 900.0, State.OK, "archives what is written"),
        (True, False, 901.0, State.CRITICAL, "hangs: a segment has waited for 15 min without a failure"),
        (True, True, 0.0, State.WARNING, "archiving fails: run archive_command by hand"),
        (True, True, 300.0, State.WARNING, "archiving fails: run archive_command by hand"),
        (True, True, 301.0, State.CRITICAL, "archiving fails, and a segment has waited for 5 min"),
    ],
)
def test_archiving(enabled: bool, failing: bool, waiting: float, state: State, said: str) -> None:
    reading = PostgresqlArchiver(enabled=enabled, failing=failing, waiting=waiting, ready=1, **STAMP)

    found, text = says(replication.test_wal_archiving, reading)

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("enabled", "age", "state", "said"),
    [
        (True, None, State.OK, "no checksum failed"),
        (True, 26 * 3600.0, State.OK, "no checksum failed"),
        (True, 26 * 3600.0 - 1, State.CRITICAL, "a page is damaged"),
        (True, 0.0, State.CRITICAL, "a page is damaged"),
        (False, None, State.WARNING, "pg_checksums --enable"),
    ],
)
def test_checksums(enabled: bool, age: float | None, state: State, said: str) -> None:
    reading = PostgresqlChecksums(enabled=enabled, failure_age=age, culprits=(), **STAMP)

    found, text = says(exposure.test_postgresql_checksums, reading)

    assert found is state
    assert said in text


def roles(**changes: Any) -> PostgresqlRoles:
    values = {"superusers": ("postgres",), "public_create": False, "expiring": None, "culprits": ()}
    return PostgresqlRoles(**{**values, **changes}, **STAMP)


@pytest.mark.parametrize(
    ("expiring", "state"),
    [
        (None, State.OK),
        (30 * DAY, State.OK),
        (30 * DAY - 1, State.WARNING),
        (7 * DAY, State.WARNING),
        (7 * DAY - 1, State.CRITICAL),
        (0.0, State.CRITICAL),
        (-DAY, State.CRITICAL),
    ],
)
def test_passwords_that_end(expiring: float | None, state: State) -> None:
    assert says(exposure.test_postgresql_passwords, roles(expiring=expiring))[0] is state


@pytest.mark.parametrize(("created", "state"), [(False, State.OK), (True, State.WARNING)])
def test_who_may_create_in_public(created: bool, state: State) -> None:
    assert says(exposure.test_postgresql_public_schema, roles(public_create=created))[0] is state


def ours(**more: Any) -> models.Postgresql:
    return models.Postgresql.model_validate({"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}, **more})


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 0.099, 61.0])
def test_a_statement_timeout_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValidationError):
        ours(statement_timeout=seconds)


@pytest.mark.parametrize(
    ("named", "state", "said"),
    [
        (("postgres", "deploy"), State.OK, "superusers: postgres, deploy"),
        (("postgres",), State.WARNING, "not expected as superuser: deploy."),
        ((), State.WARNING, "not expected as superuser: postgres, deploy."),
    ],
)
def test_superusers_that_the_file_does_not_name(named: tuple[str, ...], state: State, said: str) -> None:
    reading = completed(roles(superusers=("postgres", "deploy")), ours(superusers=named))

    found, text = says(exposure.test_postgresql_superusers, reading)

    assert found is state
    assert said in text


@pytest.mark.parametrize(
    ("networks", "plaintext", "state"),
    [
        ((), (), State.OK),
        ((), ("172.17.0.9 app",), State.CRITICAL),
        (("172.17.0.0/16",), ("172.17.0.9 app",), State.OK),
        (("172.17.0.0/16",), ("172.18.0.9 app",), State.CRITICAL),
        (("172.17.0.0/16",), ("172.17.0.9 app", "10.0.0.9 app"), State.CRITICAL),
        (("172.17.0.0/16", "10.0.0.9"), ("172.17.0.9 app", "10.0.0.9 app"), State.OK),
        (("172.17.0.0/16",), ("fd00::9 app",), State.CRITICAL),
        (("fd00::/64",), ("fd00::9 app", "172.17.0.9 app"), State.CRITICAL),
    ],
)
def test_sessions_without_tls_but_from_where_they_are_accepted(
    networks: tuple[str, ...], plaintext: tuple[str, ...], state: State
) -> None:
    reading = PostgresqlTls(remote=3, plaintext=plaintext, **STAMP)

    found, _ = says(exposure.test_postgresql_tls, completed(reading, ours(plaintext_networks=networks)))

    assert found is state


@pytest.mark.parametrize(
    ("applied", "state", "said"),
    [
        (("minion 23",), State.OK, "is what the deployed version expects"),
        (("minion 23", "sqitch ab12"), State.OK, "is what the deployed version expects"),
        (("minion 22",), State.CRITICAL, "expects: minion 23"),
        (("sqitch ab12",), State.CRITICAL, "expects: minion 23"),
        ((), State.UNKNOWN, "its table is missing or empty"),
    ],
)
def test_migrations(applied: tuple[str, ...], state: State, said: str) -> None:
    reading = completed(PostgresqlMigrations(applied=applied, **STAMP), ours(migrations={"minion": "23"}))

    found, text = says(health.test_postgresql_migrations, reading)

    assert found is state
    assert said in text
