"""Ask the live database, on a replica where there is one, what a restored copy should hold.

Called by `copy`, `recovery_point` and `recovery_time`. Counts and times come from two functions of the grants that the
suite ships: the role of the suite reads no table itself.
"""

from dataclasses import dataclass

from checks.engine.environment.models import Postgresql
from checks.engine.environment.secrets import Connection
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import live

MOST = 120.0  # seconds that a live server is kept busy for one question
# What a server reads a second where nothing is in its memory: more than it can in that time is not asked for.
BYTES_A_SECOND = 200 << 20
_SIZE = """
SELECT coalesce(sum(c.relpages::bigint), 0) * pg_catalog.current_setting('block_size')::bigint
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_ROWS = "SELECT pg_catalog.format('%I.%I', schema_name, table_name), row_count FROM penhas_checks.table_rows()"
_NEWEST = (
    "SELECT pg_catalog.format('%I.%I', schema_name, table_name), column_name, extract(epoch FROM newest)::float8"
    " FROM penhas_checks.newest_rows(pg_catalog.to_timestamp({}))"
)
_MEND = "Run checks/environments/grants/postgresql.sql there, or take backups with checks.take_backup."
_NOT_OURS = {"42501", "42883", "3F000"}  # no right, no such function, no such schema
_CANCELLED = "57014"


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


def rows(context: Context, seconds: float = MOST) -> LiveRows:
    """Return the live counts; raise ProbeError with why they cannot be had."""
    name, found = _asked(context, _ROWS, seconds)
    if not found:
        raise ProbeError(Reason.NO_DATA, f"{name} counted no table at all", _MEND)
    return LiveRows(name, {table: int(count) for table, count in found})


def newest(context: Context, before: float, seconds: float = MOST) -> LiveNewest:
    """Return when the newest rows before a moment were written; raise ProbeError with why that cannot be had."""
    name, found = _asked(context, _NEWEST.format(float(before)), seconds)
    return LiveNewest(name, {(table, column): float(at) for table, column, at in found if at != ""})


def size(context: Context) -> int:
    """Return the bytes of the live database; raise ProbeError where nobody says."""
    _, found = _asked(context, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())", 5.0, whole=False)
    return int(found[0][0])


def _asked(context: Context, statement: str, seconds: float, *, whole: bool = True) -> tuple[str, live.Rows]:
    """Ask for the size first: a question that reads the whole is not put to a server that cannot answer in time."""
    ours = context.environment.postgresql
    if ours is None:
        raise ProbeError(Reason.OURS, "no live PostgreSQL is named in this environment", _MEND)
    server = next(iter(ours.replicas), ours.primary)
    limit = context.remaining(seconds)
    try:
        if whole:
            _affordable(server, ours, limit)
        return server.name, live.ask(server, (statement,), pooler=ours.pooler, seconds=limit)[0]
    except live.RefusedError as refused:
        raise _refusal(server.name, refused.sqlstate, limit) from None
    except ProbeError as error:
        raise ProbeError(error.reason, f"the rows of {server.name} could not be counted: {error.why}", _MEND) from None


def _affordable(server: Connection, ours: Postgresql, limit: float) -> None:
    held = int(live.ask(server, (_SIZE,), pooler=ours.pooler, seconds=min(limit, 10.0))[0][0][0])
    if held > limit * BYTES_A_SECOND:
        why = f"{server.name} holds {held / (1 << 30):.0f} GiB, too much to count in {limit:.0f} s"
        raise ProbeError(Reason.OURS, why, _MEND)


def _refusal(name: str, sqlstate: str, limit: float) -> ProbeError:
    if sqlstate == _CANCELLED:
        return ProbeError(Reason.TIMEOUT, f"asking the rows of {name} took longer than {limit:.0f} s", _MEND)
    if sqlstate in _NOT_OURS:
        return ProbeError(Reason.DENIED, f"the rows of {name} may not be counted", _MEND)
    return ProbeError(Reason.CONNECTION, f"the rows of {name} could not be counted ({sqlstate})", _MEND)
