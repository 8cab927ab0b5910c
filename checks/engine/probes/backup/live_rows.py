"""Ask the live database, on a replica where there is one, what a restored copy should hold.

Called by `copy` and `recovery_point`. Counts and times come from two functions of the grants that the suite ships: the
role of the suite reads no table itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context

_ROWS = "SELECT pg_catalog.format('%I.%I', schema_name, table_name), row_count FROM penhas_checks.table_rows()"
_NEWEST = (
    "SELECT pg_catalog.format('%I.%I', schema_name, table_name), column_name, extract(epoch FROM newest)::float8"
    " FROM penhas_checks.newest_rows(pg_catalog.to_timestamp({}))"
)
_MEND = "Run checks/environments/grants/postgresql.sql there, or take backups with checks.take_backup."


@dataclass(frozen=True, slots=True)
class LiveRows:
    """Rows by table now, and the name of the server that said so."""

    server: str
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class LiveNewest:
    """The newest time by table and column (Unix s) before the moment asked for, and the server that said so."""

    server: str
    newest: dict[tuple[str, str], float]


def rows(context: Context, seconds: float = 120.0) -> LiveRows:
    """Return the live counts; raise ProbeError with why they cannot be had."""
    name, found = _asked(context, _ROWS, seconds)
    if not found:
        raise ProbeError(Reason.NO_DATA, f"{name} counted no table at all", _MEND)
    return LiveRows(name, {str(table): int(count) for table, count in found})


def newest(context: Context, before: float, seconds: float = 120.0) -> LiveNewest:
    """Return when the newest rows before a moment were written; raise ProbeError with why that cannot be had."""
    name, found = _asked(context, _NEWEST.format(float(before)), seconds)
    return LiveNewest(name, {(str(table), str(column)): float(at) for table, column, at in found if at is not None})


def _asked(context: Context, statement: str, seconds: float) -> tuple[str, Sequence[tuple[Any, ...]]]:
    name, dsn = _server(context.environment)
    limit = context.remaining(seconds)
    options = f"-c default_transaction_read_only=on -c statement_timeout={int(limit * 1000)} -c lock_timeout=200"
    try:
        with psycopg.connect(
            dsn, connect_timeout=10, options=options, application_name="penhas-checks", autocommit=True
        ) as link:
            return name, link.execute(statement.encode()).fetchall()
    except psycopg.errors.QueryCanceled:
        raise ProbeError(Reason.TIMEOUT, f"asking the rows of {name} took longer than {limit:.0f} s", _MEND) from None
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
        raise ProbeError(Reason.DENIED, f"the rows of {name} may not be counted", _MEND) from None
    except psycopg.Error as error:
        code = error.sqlstate or "no connection"
        raise ProbeError(Reason.CONNECTION, f"the rows of {name} could not be counted ({code})", _MEND) from None


def _server(environment: Environment) -> tuple[str, str]:
    if environment.postgresql is None:
        raise ProbeError(Reason.OURS, "no live PostgreSQL is named in this environment", _MEND)
    chosen = next(iter(environment.postgresql.replicas), environment.postgresql.primary)
    return chosen.name, chosen.text().reveal()
