"""Count the rows of the live database, on a replica where there is one, to compare a restored copy with.

Called by `proof` when a backup has no manifest. Counts come from the function penhas_checks.table_rows() of the grants
that the suite ships: the role of the suite reads no table itself.
"""

from dataclasses import dataclass

import psycopg

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context

_ROWS = "SELECT pg_catalog.format('%I.%I', schema_name, table_name), row_count FROM penhas_checks.table_rows()"
_MEND = "Run checks/environments/grants/postgresql.sql there, or take backups with checks.take_backup."


@dataclass(frozen=True, slots=True)
class LiveRows:
    """Rows by table now, and the name of the server that said so."""

    server: str
    rows: dict[str, int]


def rows(context: Context, seconds: float = 120.0) -> LiveRows:
    """Return the live counts; raise ProbeError with why they cannot be had."""
    name, dsn = _server(context.environment)
    limit = context.remaining(seconds)
    options = f"-c default_transaction_read_only=on -c statement_timeout={int(limit * 1000)} -c lock_timeout=200"
    try:
        with psycopg.connect(
            dsn, connect_timeout=10, options=options, application_name="penhas-checks", autocommit=True
        ) as link:
            found = {str(table): int(count) for table, count in link.execute(_ROWS)}
    except psycopg.errors.QueryCanceled:
        raise ProbeError(Reason.TIMEOUT, f"counting the rows of {name} took longer than {limit:.0f} s", _MEND) from None
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
        raise ProbeError(Reason.DENIED, f"the rows of {name} may not be counted", _MEND) from None
    except psycopg.Error as error:
        code = error.sqlstate or "no connection"
        raise ProbeError(Reason.CONNECTION, f"the rows of {name} could not be counted ({code})", _MEND) from None
    if not found:
        raise ProbeError(Reason.NO_DATA, f"{name} counted no table at all", _MEND)
    return LiveRows(name, found)


def _server(environment: Environment) -> tuple[str, str]:
    if environment.postgresql is None:
        raise ProbeError(Reason.OURS, "no live PostgreSQL is named in this environment", _MEND)
    chosen = next(iter(environment.postgresql.replicas), environment.postgresql.primary)
    return chosen.name, chosen.text().reveal()
