"""Name of a reading -> its statement and the function that makes the reading of its rows."""

import math

from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.probes.application import APPLICATION
from checks.engine.probes.minion_statements import MINION
from checks.engine.probes.statements import GRANTS, Row, Stamp, Statement
from checks.engine.readings.postgresql import (
    PostgresqlConnections,
    PostgresqlPrivileges,
    PostgresqlReceiver,
    PostgresqlReplicationLag,
    PostgresqlServer,
    PostgresqlStandbys,
    Standby,
)

CONNECTION = "postgresql_connection"
LAG = "postgresql_replication_lag"
WHOLE = 16384  # bytes: more than a record with the image of a page


def _server(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    row = rows[0]
    return PostgresqlServer(
        version=row.integer("version"),
        in_recovery=row.flag("in_recovery"),
        system_identifier=row.integer("system_identifier"),
        timeline=row.integer("timeline"),
        uptime=row.real("uptime"),
        started=row.real("started"),
        clock_offset=_beyond(row.real("server_time") - stamp.sampled_at, stamp.within),
        max_connections=row.integer("max_connections"),
        refuses_writes=row.flag("refuses_writes"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


def _beyond(offset: float, within: float) -> float:
    """Return what of an offset the wait for the answer does not explain: it was read at any moment of that."""
    return math.copysign(max(0.0, abs(offset) - within), offset)


def _privileges(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    row = rows[0]
    return PostgresqlPrivileges(
        role=row.text("role"),
        superuser=row.flag("superuser"),
        pg_monitor=row.flag("pg_monitor"),
        hidden_sessions=row.integer("hidden_sessions"),
        writable_tables=row.integer("writable_tables"),
        excess=row.texts("excess"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


def _connections(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    row = rows[0]
    used, usable = row.integer("used"), row.integer("usable")
    if usable <= 0:
        raise ProbeError(Reason.NO_DATA, "every connection is reserved for superusers", "Raise max_connections.")
    return PostgresqlConnections(
        used=used,
        usable=usable,
        used_ratio=used / usable,
        active=row.integer("active"),
        idle=row.integer("idle"),
        idle_in_transaction=row.integer("idle_in_transaction"),
        culprits=row.texts("culprits"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


def _standbys(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    return PostgresqlStandbys(
        standbys=tuple(_standby(row) for row in rows if row.maybe_text("state") is not None),
        current_lsn=rows[0].integer("current_lsn"),
        synchronous=rows[0].integer("synchronous"),
        waited_for=rows[0].flag("waited_for"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


def _standby(row: Row) -> Standby:
    return Standby(
        name=row.text("name"),
        state=row.text("state"),
        replay_bytes=row.maybe_integer("replay_bytes"),
        replay_lag=row.maybe_real("replay_lag"),
        reply_age=row.maybe_real("reply_age"),
        attached=row.maybe_real("attached"),
        sync_state=row.text("sync_state"),
    )


def _receiver(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    row = rows[0]
    return PostgresqlReceiver(
        status=row.maybe_text("status"),
        message_age=row.maybe_real("message_age"),
        apply_backlog=row.integer("apply_backlog"),
        replay_paused=row.flag("replay_paused"),
        received_lsn=row.integer("received_lsn"),
        replayed_lsn=row.integer("replayed_lsn"),
        timeline=row.maybe_integer("timeline"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


def replication_lag(primary_lsn: int, rows: tuple[Row, ...], stamp: Stamp) -> PostgresqlReplicationLag:
    """Return how far the replica is behind a position that the primary had before this was read."""
    row = rows[0]
    if not row.flag("in_recovery"):
        raise ProbeError(
            Reason.NO_DATA,
            "the server is not in recovery: it was promoted and follows no primary",
            "Rebuild it as a replica, or mend the environment file.",
        )
    received, replayed = row.integer("received_lsn"), row.integer("replayed_lsn")
    behind = max(0, primary_lsn - replayed)
    # Of a transaction that is still open the primary writes whole pages: the last record is there in part, and nobody
    # waits for it.
    waits = received < primary_lsn or received - replayed >= WHOLE
    return PostgresqlReplicationLag(
        bytes=behind,
        seconds=max(0.0, row.real("replay_age")) if behind > 0 and waits else 0.0,
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


def _alone(_rows: tuple[Row, ...], _stamp: Stamp) -> Reading:
    raise ProbeError(Reason.NO_DATA, "it needs the primary's position")


_SETTINGS = ("group of settings", "groups of settings")
_SEQUENCES = ("sequence or its table", "sequences or their tables")
_PLAIN = (
    "limits",
    "headroom",
    "sent",
    "received",
    "conflicts",
    "standby_settings",
    "unlogged",
    "slots",
    "archiver",
    "wal_folder",
    "checkpoints",
    "checksums",
    "timeouts",
    "transactions",
    "blocked",
    "prepared",
    "horizon",
    "counters",
    "wraparound",
    "autovacuum",
    "dead_rows",
    "vacuumed",
    "indexes",
    "duplicates",
    "unused_indexes",
    "foreign_keys",
    "constraints",
    "extensions",
    "collations",
    "roles",
    "tls",
    "statements_loaded",
)

STATEMENTS: dict[str, Statement] = {
    s.reading: s
    for s in (
        Statement("postgresql_server", _server),
        Statement("postgresql_privileges", _privileges),
        Statement("postgresql_connections", _connections),
        Statement("postgresql_standbys", _standbys),
        Statement("postgresql_receiver", _receiver),
        Statement(LAG, _alone),
        *MINION,
        *APPLICATION,
        *(Statement(f"postgresql_{name}") for name in _PLAIN),
        Statement("postgresql_settings", hides=_SETTINGS),
        Statement("postgresql_configuration", hides=_SETTINGS),
        Statement("postgresql_statements_store", hides=("statement", "statements")),
        Statement("postgresql_statements", hides=("statement", "statements")),
        Statement("postgresql_sequences", grant=GRANTS, hides=_SEQUENCES),
        Statement("postgresql_sequences_behind", grant=GRANTS, hides=_SEQUENCES, heavy=True),
        Statement("postgresql_migrations", grant=GRANTS),
        Statement("postgresql_sessions_table", grant=GRANTS, heavy=True),
        Statement("postgresql_size", heavy=True),
        Statement("postgresql_bloat", grant=GRANTS, heavy=True),
        Statement("postgresql_index_bloat", grant=GRANTS, heavy=True),
    )
}
