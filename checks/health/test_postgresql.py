"""Health of the database, asked from here and not only through the API."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.postgresql import (
    PostgresqlConnection,
    PostgresqlConnections,
    PostgresqlPrivileges,
    PostgresqlServer,
)
from checks.engine.readings.postgresql_capacity import PostgresqlStarted
from checks.engine.readings.postgresql_schema import PostgresqlMigrations

EXHAUSTED = "53300"  # whose session is whose can then be told from the last run only


@pytest.mark.convergent
@pytest.mark.guide("health.database")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_postgresql_connection(postgresql_connection: PostgresqlConnection, judged: Judge) -> None:
    """The server lets us in and answers; what takes five seconds counts as no answer."""
    if not postgresql_connection.reachable:
        before = judged.last("postgresql_connections") if postgresql_connection.sqlstate == EXHAUSTED else None
        if isinstance(before, PostgresqlConnections):
            ago = (postgresql_connection.sampled_at - before.sampled_at) / 60
            known = f"{ago:.0f} min ago {before.used} of {before.usable} were used"
            judged.critical(f"{postgresql_connection.problem}; {known}", before.culprits)
        judged.critical(postgresql_connection.problem)
    seconds = postgresql_connection.seconds
    judged(seconds * 1000, unit="ms", subject="answers in", reading=postgresql_connection, above=(3000, None))


@pytest.mark.convergent
@pytest.mark.guide("health.database")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_postgresql_accepts_writes(primary_server: PostgresqlServer, judged: Judge) -> None:
    """The primary is not in recovery, and no setting of its roles or the database makes every transaction read-only."""
    if primary_server.in_recovery:
        judged.critical("in recovery, so every write is refused: this is not the primary, or it was not promoted")
    if primary_server.refuses_writes:
        judged.critical(
            "default_transaction_read_only is on for every role that may write. ALTER DATABASE (or ROLE) … RESET it"
        )
    judged.ok("accepts writes")


@pytest.mark.guide("health.database")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_postgresql_replica_follows(
    replica_server: PostgresqlServer, primary_server: PostgresqlServer, judged: Judge
) -> None:
    """The replica is in recovery, and of the same cluster as the primary."""
    if not replica_server.in_recovery:
        judged.critical("not in recovery: it was promoted, and two servers now accept writes")
    if replica_server.system_identifier != primary_server.system_identifier:
        judged.critical("is a replica of another cluster: its system identifier is not the primary's")
    judged.ok("follows the primary's cluster")


@pytest.mark.guide("troubleshooting.connections")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_privileges(postgresql_privileges: PostgresqlPrivileges, judged: Judge) -> None:
    """Our own role sees every session and can change nothing."""
    if not postgresql_privileges.pg_monitor:
        judged.unknown(f"our role is blind. GRANT pg_monitor TO {postgresql_privileges.role}; it must INHERIT")
    if postgresql_privileges.superuser:
        judged.warning("our role is a superuser. Use the role of checks/environments/grants/postgresql.sql")
    if postgresql_privileges.writable_tables > 0:
        judged.warning(
            f"our role may write to {postgresql_privileges.writable_tables} tables. "
            "Use the role of checks/environments/grants/postgresql.sql"
        )
    if postgresql_privileges.excess != ():
        judged.warning(
            f"our role may more than read statistics: {'; '.join(postgresql_privileges.excess)}. "
            "Use the role of checks/environments/grants/postgresql.sql"
        )
    judged.ok("sees every session, and may write to no table")


@pytest.mark.guide("health.database")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_postgresql_migrations(postgresql_migrations: PostgresqlMigrations, judged: Judge) -> None:
    """Every migration that the deployed version expects was applied."""
    applied, expected = postgresql_migrations.applied, postgresql_migrations.expected
    if applied == ():
        judged.unknown("no migration tool left its version: its table is missing or empty", expected)
    missing = tuple(version for version in expected if version not in applied)
    if missing != ():
        judged.critical(f"the schema is not what the deployed version expects: {', '.join(missing)}", applied)
    judged.ok("the schema is what the deployed version expects", applied)


@pytest.mark.guide("health.database")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_restarted(postgresql_started: PostgresqlStarted, judged: Judge) -> None:
    """The server was not restarted since the last run, not even by the crash of one of its sessions."""
    if postgresql_started.restarted:
        judged.warning(
            f"restarted {postgresql_started.uptime / 60:.0f} min ago, after the last run: see its log for why"
        )
    judged.ok("was not restarted since the last run")
