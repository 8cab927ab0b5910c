"""The database that is dumped: one session that holds the snapshot, and what it sees in it. Called by take.py.

The snapshot stays exported while pg_dump reads in it, so that counts, sums and structure are those of the dump, however
much is written meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import JsonValue

from checks.engine.environment.secrets import SecretText
from checks.engine.probes.backup import structure, sums
from checks.engine.probes.backup.manifest import TableSum
from checks.take_backup.failure import BackupFailed, known

Link = psycopg.Connection[Any]
_HAS_CONNECTION_CHECK = 140000
_HAS_TRANSACTION_TIMEOUT = 170000

_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "dbname": "PGDATABASE",
    "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}

_FACTS = """
SELECT pg_export_snapshot(), extract(epoch FROM now())::float8, current_database(), pg_is_in_recovery(),
       extract(epoch FROM CASE WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() AND EXISTS (
           SELECT FROM pg_stat_wal_receiver WHERE last_msg_receipt_time > now() - interval '1 minute')
           THEN now() ELSE pg_last_xact_replay_timestamp() END)::float8,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text,
       pg_database_size(current_database()), current_setting('server_version'),
       current_setting('server_version_num')::int,
       ARRAY(SELECT datname::text FROM pg_database
              WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY 1),
       (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says of itself in the snapshot; times are Unix seconds.

    `last_replay_at` of a replica that has replayed all it received, a moment ago, is that of the snapshot: on a quiet
    night nothing is replayed, and nothing is missing.
    """

    snapshot: str
    snapshot_at: float
    database: str
    in_recovery: bool
    last_replay_at: float | None
    lsn: str
    size: int
    version: str
    version_num: int
    databases: tuple[str, ...]
    sees_all_rows: bool
    system_identifier: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the snapshot holds: rows and sums of every table, large objects, and the structure as JSON."""

    tables: tuple[TableSum, ...]
    large_objects: int
    large_objects_sum: str | None
    structure: JsonValue


def variables(connection: SecretText) -> dict[str, str]:
    """Return the variables by which PostgreSQL's programs are told the connection: never by their arguments."""
    try:
        parts = conninfo_to_dict(connection.reveal())
    except psycopg.ProgrammingError:
        raise BackupFailed("the connection string cannot be understood", "Write postgresql://…") from None
    unknown = sorted(key for key in parts if key not in _VARIABLES)
    if unknown:
        raise BackupFailed(f"the connection string has keys that pg_dump cannot be told: {', '.join(unknown)}")
    return {_VARIABLES[key]: str(value) for key, value in parts.items() if value is not None}


def noticing(told: dict[str, str], facts: "Facts") -> dict[str, str]:
    """Return the variables with what ends a session on the server whose pg_dump was killed while waiting for a lock."""
    if facts.version_num < _HAS_CONNECTION_CHECK:
        return told
    return {**told, "PGOPTIONS": f"{told.get('PGOPTIONS', '')} -c client_connection_check_interval=1s".strip()}


@contextmanager
def snapshot(connection: SecretText) -> Iterator[tuple[Link, Facts]]:
    """Hold a snapshot for as long as the block lasts."""
    with (
        told("the database"),
        psycopg.connect(
            connection.reveal(),
            connect_timeout=10,
            application_name="penhas-checks take_backup",
            client_encoding="UTF8",  # with SQL_ASCII psycopg would return bytes
        ) as link,
    ):
        link.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        link.read_only = True
        link.execute("SET LOCAL idle_in_transaction_session_timeout TO 0")
        link.execute("SET LOCAL statement_timeout TO 0")
        if link.info.server_version >= _HAS_CONNECTION_CHECK:
            link.execute("SET LOCAL client_connection_check_interval TO '1s'")
        if link.info.server_version >= _HAS_TRANSACTION_TIMEOUT:
            link.execute("SET LOCAL transaction_timeout TO 0")
        try:
            yield link, _facts(link)
        except BaseException:
            link.cancel_safe(timeout=5)  # a sum may still run in its thread and would hold this session
            raise
        link.rollback()


def _facts(link: Link) -> Facts:
    row = link.execute(_FACTS).fetchone()
    assert row is not None  # noqa: S101 (one row by its making)
    identifier = ""
    try:
        with link.transaction():
            found = link.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
            identifier = "" if found is None else str(found[0])
    except psycopg.errors.InsufficientPrivilege:
        identifier = ""  # a role without pg_monitor may not ask
    name, at, database, recovery, replay, lsn, size, version, number, databases, sees = row
    return Facts(
        name, at, database, recovery, replay, lsn, size, version, number, tuple(databases), bool(sees), identifier
    )


def content(link: Link, seed: int, progress: Callable[[int, int], None]) -> Content:
    """Count and sum every table in the snapshot; `progress` is told the tables done and due."""
    with told("counting the rows"):
        link.execute(sums.SETTINGS.encode())
        tables = sums.tables(link)
        odd = sums.unhashable(link, tables)
        found = []
        for done, table in enumerate(tables):
            progress(done, len(tables))
            found.append(sums.take(link, table, odd, seed))
        progress(len(tables), len(tables))
        count, total = _large_objects(link, seed)
        return Content(tuple(found), count, total, structure.to_json(structure.read(link)))


def _large_objects(link: Link, seed: int) -> tuple[int, str | None]:
    """Return their number and sum; no sum where the role may not read them, which pg_dump will then refuse itself."""
    try:
        with link.transaction():
            row = link.execute(sums.LARGE_OBJECTS.encode(), {"seed": seed}).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        row = link.execute("SELECT count(*), NULL FROM pg_largeobject_metadata").fetchone()
    assert row is not None  # noqa: S101 (an aggregate always answers one row)
    return int(row[0]), None if row[1] is None else str(row[1])


# What PostgreSQL's error codes mean for a backup, in our words.
_STATES = {
    "28P01": ("the password is wrong", "Correct the variable of [backup] source."),
    "28000": ("the role is not let in", "Correct the variable of [backup] source, or pg_hba.conf."),
    "3D000": ("the database does not exist", "Correct the variable of [backup] source."),
    "42501": (
        "the role may not read everything",
        "GRANT pg_read_all_data, pg_monitor TO it, and ALTER ROLE … BYPASSRLS; or use the owner or a superuser.",
    ),
    "53300": ("there are too many connections", "Free one and run again."),
    "55P03": ("a table is locked by someone else", "Run again when the maintenance is over."),
    "57P01": ("the server ended the session", "See its log."),
    "57P03": ("the server is starting up or shutting down", "Run again when it accepts connections."),
    "58P01": ("a file of the database is missing", "The source is damaged: run pg_amcheck there."),
    "XX001": ("the database is damaged", "Run pg_amcheck there, now; keep every older backup."),
    "XX002": ("an index of the database is damaged", "Run pg_amcheck there, now; keep every older backup."),
    "22021": ("a text is not valid in the database's encoding", "Find and mend it before it is in every backup."),
}
_NO_CONNECTION = (
    "no connection: refused, no such database, or a wrong name or password",
    "Try the connection string of [backup] source by psql.",
)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn a driver's error into ours: what its SQLSTATE means, and the name of a relation at most."""
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        why, mend = _STATES.get(state, (f"error {state}", "") if state else _NO_CONNECTION)
        raise BackupFailed(f"{what}: {known(error.diag.message_primary or '') or why}", mend) from None
