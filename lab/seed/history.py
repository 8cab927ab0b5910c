"""Writes history into the database: stretch by stretch when it is seeded, the rest of it at each later start.

How far history reaches is kept in the application's settings table, so that it travels with the cluster's files.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from psycopg import Connection, sql

from lab.seed.alarms import alarms
from lab.seed.community import community
from lab.seed.jobs import jobs
from lab.seed.people import HISTORY, people
from lab.seed.reference import reference, reports
from lab.seed.rhythm import DAY, HOUR
from lab.seed.window import Media, Rows, Window

_NAME = "LAB_HISTORY"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where history begins, and up to when it is written; epoch seconds."""

    origin: float
    until: float


def begin(connection: Connection[Any], now: float) -> None:
    """Write what stands from the first day; history begins there and holds nothing yet."""
    origin = (now - HISTORY * DAY) // HOUR * HOUR
    for rows in reference(origin):
        _copy(connection, rows)
    connection.execute("REFRESH MATERIALIZED VIEW ponto_apoio_por_uf")
    reach = json.dumps(asdict(Reach(origin, origin)))
    connection.execute("INSERT INTO penhas_config (id, name, value) VALUES (4, %s, %s)", (_NAME, reach))
    _set_sequences(connection)


def reached(connection: Connection[Any]) -> Reach:
    """Return how far history is written."""
    row = connection.execute("SELECT value::jsonb FROM penhas_config WHERE name = %s", (_NAME,)).fetchone()
    if row is None:
        raise LookupError("the database holds no history of the lab: seed it first")
    return Reach(**row[0])


@dataclass(frozen=True, slots=True)
class Place:
    """Whose history is written: the flavour, and what media_upload.s3_path is made of."""

    flavour: str
    media_url: str
    media_key_id: str


def extend(connection: Connection[Any], place: Place, until: float, now: float) -> list[Media]:
    """Write what happened since history was last written, up to `until`; return the media objects that belong to it."""
    reach = reached(connection)
    last = _last_ids(connection)
    window = Window(
        origin=reach.origin,
        start=reach.until,
        end=until,
        now=now,
        flavour=place.flavour,
        media_url=place.media_url,
        media_key_id=place.media_key_id,
        last=last,
        people=last["clientes"],
    )
    for rows in _everything(window):
        _copy(connection, rows)
    if reach.until == reach.origin:
        reports(connection, reach.origin)
    connection.execute(
        "INSERT INTO clientes_app_activity (cliente_id, last_tm_activity)"
        " SELECT cliente_id, max(created_at) FROM clientes_app_activity_log"
        " WHERE created_at > to_timestamp(%s) GROUP BY cliente_id"
        " ON CONFLICT (cliente_id) DO UPDATE SET last_tm_activity = excluded.last_tm_activity",
        (reach.until,),
    )
    _note(connection, replace(reach, until=until))
    _set_sequences(connection)
    return window.media


def _note(connection: Connection[Any], reach: Reach) -> None:
    connection.execute("UPDATE penhas_config SET value = %s WHERE name = %s", (json.dumps(asdict(reach)), _NAME))


def _everything(window: Window) -> Iterator[Rows]:
    yield from people(window)
    yield from alarms(window)
    yield from community(window)
    yield from jobs(window)


def _copy(connection: Connection[Any], rows: Rows) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.columns.split()))
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(rows.table), columns)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for row in rows.rows:
            copy.write_row(row)


_SERIALS = """
    SELECT c.relname, a.attname, pg_get_serial_sequence(quote_ident(c.relname), a.attname)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relnamespace = 'public'::regnamespace
      AND pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL
    ORDER BY c.relname
"""


def _last_ids(connection: Connection[Any]) -> dict[str, int]:
    tables = [row[0] for row in connection.execute(_SERIALS).fetchall()]
    highest = sql.SQL("SELECT {}, coalesce(max(id), 0) FROM {}")
    counts = sql.SQL(" UNION ALL ").join(highest.format(sql.Literal(name), sql.Identifier(name)) for name in tables)
    return {str(row[0]): int(row[1]) for row in connection.execute(counts).fetchall()}


def _set_sequences(connection: Connection[Any]) -> None:
    for table, _, sequence in connection.execute(_SERIALS).fetchall():
        connection.execute(
            sql.SQL("SELECT setval({}, max(id)) FROM {} HAVING max(id) IS NOT NULL").format(
                sql.Literal(sequence), sql.Identifier(table)
            )
        )
