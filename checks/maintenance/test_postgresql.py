"""Maintenance of the database: what vacuum must reach, and what the application's own clean-up must remove."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.postgresql_schema import PostgresqlSessionsTable, PostgresqlUnusedIndexes
from checks.engine.readings.postgresql_vacuum import PostgresqlAutovacuum, PostgresqlVacuumed

DAY, HOUR = 86400.0, 3600.0
SATURATED = 900.0  # seconds without a worker to spare


@pytest.mark.guide("maintenance.vacuum")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_autovacuum(postgresql_autovacuum: PostgresqlAutovacuum, judged: Judge) -> None:
    """Autovacuum runs, for every table, and has a worker to spare now and then."""
    found = postgresql_autovacuum
    if not found.enabled:
        judged.critical("autovacuum is off: dead rows pile up until the server stops. Set autovacuum = on and reload")
    if not found.launcher:
        judged.critical("autovacuum has no launcher: see the server's log")
    if found.tables_off > 0:
        judged.warning(f"autovacuum is off for {found.tables_off} tables: RESET (autovacuum_enabled)", found.culprits)
    if found.saturated > SATURATED:
        judged.warning(
            f"all {found.most} workers have been at work for {found.saturated / 60:.0f} min: other tables wait. "
            "Raise autovacuum_vacuum_cost_limit, then autovacuum_max_workers",
            found.at_work,
        )
    judged.ok(f"{found.running} of {found.most} workers at work", found.at_work)


@pytest.mark.guide("maintenance.vacuum")
@pytest.mark.profiles("nightly", "triage")
def test_vacuum_recent(postgresql_vacuumed: PostgresqlVacuumed, judged: Judge) -> None:
    """The guide's tables were vacuumed and analysed within a day, or did not change: others tell how bad it is."""
    found = postgresql_vacuumed
    if found.tables == 0:
        judged.unknown("none of clientes, ponto_apoio, chat_message and clientes_audios is in this database")
    if found.never > 0:
        judged.warning(f"{found.never} of {found.tables} tables changed and were never vacuumed", found.culprits)
    judged(
        found.longest / HOUR,
        unit="h",
        subject="since a table that changed was vacuumed and analysed",
        reading=found,
        above=(26, None),  # a day, and two hours for the run that does it
        evidence=found.culprits,
    )


@pytest.mark.guide("maintenance.indexes")
@pytest.mark.profiles("nightly")
def test_postgresql_indexes_unused(postgresql_unused_indexes: PostgresqlUnusedIndexes, judged: Judge) -> None:
    """Indexes that this server never used are listed; only what no server uses may be dropped."""
    judged.ok(
        f"{postgresql_unused_indexes.indexes} indexes were not used here since the statistics began",
        postgresql_unused_indexes.culprits,
    )


@pytest.mark.guide("maintenance.sessions")
@pytest.mark.profiles("nightly", "triage")
def test_maintenance_sessions(postgresql_sessions_table: PostgresqlSessionsTable, judged: Judge) -> None:
    """No row of clientes_active_sessions is older than thirty days, and the day in which it is removed."""
    found = postgresql_sessions_table
    if not found.present:
        judged.unknown("the table clientes_active_sessions is not in this database")
    if not found.dated:
        judged.warning("clientes_active_sessions has no column created_at: the guide's clean-up fails every night")
    judged(
        0.0 if found.oldest is None else found.oldest / DAY,
        unit="d",
        subject="oldest session",
        reading=found,
        above=(31, 60),
        evidence=(f"{found.expired} of {found.rows} rows are older than 30 days",),
    )
